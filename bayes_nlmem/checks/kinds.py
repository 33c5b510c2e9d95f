"""Which checks say something about an output whose observations are categories, counts or events."""

from __future__ import annotations

from typing import Any

import pandas as pd

from bayes_nlmem.ground.messages import ModelError, explain
from bayes_nlmem.statistics.bernoulli import Bernoulli
from bayes_nlmem.statistics.endpoints import is_endpoint
from bayes_nlmem.statistics.markov import MarkovChain, TwoStates
from bayes_nlmem.statistics.ordered import OrderedCategorical
from bayes_nlmem.statistics.time_to_event import TimeToEvent

STATES = (MarkovChain, TwoStates)
CATEGORIES = (Bernoulli, OrderedCategorical, *STATES)


def can_be_ranked(residual: Any) -> bool:
    """Whether an observation has a place among its replicates: measurements, counts, ordered categories.

    The rows of an event lie where it happened, so that replicates of DV at the same rows are no replicates of
    what was seen; the first state of a chain is given, and states need have no order.
    """
    return not isinstance(residual, (TimeToEvent, *STATES))


def has_pearson_panels(residual: Any) -> bool:
    """Whether a plot of observations against predictions shows how well they agree: measurements, counts."""
    return not isinstance(residual, (TimeToEvent, *CATEGORIES))


def happened_at_its_row(residual: Any, rows: pd.DataFrame) -> bool:
    """Whether rows are there because events happened, so that DV at these rows cannot be simulated."""
    return isinstance(residual, TimeToEvent) and bool(((rows["DV"] == 1) & (rows["CENS"] == 0)).any())


def refuse_percentiles(residual: Any, output: str, rows: pd.DataFrame) -> None:
    """Percentiles are for measurements.

    Raises
    ------
    ModelError
        For categories, counts, events and states.
    """
    if is_endpoint(residual):
        raise ModelError(
            explain(
                expected="an output with a residual error",
                got=f"{output!r}, whose observations are no measurements",
                remedy="bn.vpc_categories is for categories and counts, bn.vpc_events for times to events.",
            )
        )


def refuse_unranked(residual: Any, output: str, rows: pd.DataFrame | None = None) -> None:
    """What compares observations with their own replicates needs those that can be ranked.

    Raises
    ------
    ModelError
        For times of events and for states.
    """
    if not can_be_ranked(residual):
        raise ModelError(
            explain(
                expected="measurements, counts or ordered categories",
                got=f"{output!r}, {_what_it_has(residual)}",
                remedy=_instead(residual),
            )
        )


def refuse_times_of_rows(residual: Any, output: str, rows: pd.DataFrame) -> None:
    """Shares of categories among rows need rows that are there whatever happens.

    Raises
    ------
    ModelError
        For events that happened at their rows.
    """
    if happened_at_its_row(residual, rows):
        raise ModelError(
            explain(
                expected="rows that are there whatever happens",
                got=f"{output!r}, {_what_it_has(residual)}",
                remedy=_instead(residual),
            )
        )


def refuse_panels(residual: Any, output: str, what: str) -> None:
    """Panels of residuals that are normal if the model is right need measurements or counts.

    Raises
    ------
    ModelError
        For categories, times of events and states.
    """
    if not has_pearson_panels(residual):
        remedy = _instead(residual)
        if can_be_ranked(residual):
            remedy = (
                f"{remedy} bn.plot_residuals(fit, residual='NPD', output={output!r}) shows randomised "
                "quantile residuals."
            )
        raise ModelError(
            explain(
                expected=f"measurements or counts for {what}",
                got=f"{output!r}, {_what_it_has(residual)}",
                remedy=remedy,
            )
        )


def _what_it_has(residual: Any) -> str:
    if isinstance(residual, TimeToEvent):
        return "which has times of events (TimeToEvent)"
    return (
        f"which has {'states' if isinstance(residual, STATES) else 'categories'} ({type(residual).__name__})"
    )


def _instead(residual: Any) -> str:
    if isinstance(residual, TimeToEvent):
        return "bn.vpc_events compares Kaplan-Meier curves and hazards with those of replicates."
    return "bn.vpc_categories compares shares with those of replicates."
