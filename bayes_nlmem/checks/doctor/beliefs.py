"""Prior and data that contradict each other."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bayes_nlmem.checks.doctor.case import Case
from bayes_nlmem.checks.doctor.findings import Problem
from bayes_nlmem.ground.priors import Prior
from bayes_nlmem.model.quantities import CORRELATIONS, COVARIATE, RESIDUAL, STRUCTURAL

_TAIL = 0.001


def prior_conflict(case: Case) -> Iterator[Problem]:
    """A posterior in the far tail of its prior."""
    for name, quantity in case.quantities.items():
        prior = quantity.marginal if quantity.marginal is not None else quantity.value
        if not isinstance(prior, Prior) or quantity.block == CORRELATIONS:
            continue
        low, high = prior.quantile(_TAIL), prior.quantile(1 - _TAIL)
        if low is None or high is None:
            continue
        middle = float(np.median(case.values(name)))
        below, above = middle < low, middle > high
        if below and quantity.block not in (STRUCTURAL, COVARIATE):
            continue  # a standard deviation near zero is no conflict with a prior that has its mode there
        if not (below or above):
            continue
        unit = f" {quantity.unit}" if quantity.unit else ""
        side = "below" if below else "above"
        word = "residual error" if quantity.block == RESIDUAL else "parameter"
        yield Problem(
            "prior-data conflict",
            f"the data pull the {word} {name} far {side} what its prior allows",
            (
                f"posterior median {middle:.3g}{unit}; the prior {quantity.text} has 99.8 % of its mass from "
                f"{low:.3g} to {high:.3g}",
            ),
            "Look at the units of doses, observations and times (mg or ug, h or min), then at the prior's "
            "centre and width; only then at the structure.",
            (name,),
        )
