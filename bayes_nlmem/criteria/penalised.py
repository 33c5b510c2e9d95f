"""Models compared at one point each: -2 log-likelihood and what is added for the parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.ground.messages import FitError, explain
from bayes_nlmem.marginal.information import InformationCriteria, from_likelihood
from bayes_nlmem.marginal.likelihood import LogLikelihood, compiled_for, log_likelihood

PENALISED = ("ofv", "aic", "bic", "bicc")
NAMES = {"ofv": "OFV", "aic": "AIC", "bic": "BIC", "bicc": "BICc"}


def at_estimates(fits: Mapping[str, Any], seed: int) -> tuple[dict[str, InformationCriteria], pd.DataFrame]:
    """-2LL of every fit by importance sampling at its estimate, and every subject's log-likelihood.

    Raises
    ------
    FitError
        The points are of different kinds: an AIC at a maximum and one at a posterior mean say nothing
        about each other.
    """
    found, pointwise = {}, {}
    for name, fit in fits.items():
        likelihood, found[name] = of_fit(fit, seed)
        pointwise[name] = likelihood.subjects["LOGLIK"].to_numpy()
    points = {name: result.point for name, result in found.items()}
    if len(set(points.values())) > 1:
        raise FitError(
            explain(
                expected="estimates of one kind (all by maximum likelihood, all posterior modes or all fits)",
                got=", ".join(f"{name}: {point}" for name, point in points.items()),
                remedy="The likelihood is highest at its maximum, by construction: make all of them with "
                "bn.saem, or all with bn.fit.",
            )
        )
    return found, pd.DataFrame(pointwise)


def of_fit(fit: Any, seed: int) -> tuple[LogLikelihood, InformationCriteria]:
    """The likelihood of one fit at its estimate or posterior mean, and the criteria."""
    edit = getattr(fit, "edit", None)
    likelihood = log_likelihood(fit.model, fit.data, at=fit, seed=seed, edit=edit)
    return likelihood, from_likelihood(fit.model, compiled_for(fit.model, fit.data, edit), likelihood)


def penalised_table(
    found: Mapping[str, InformationCriteria],
    criterion: str,
    criteria: Sequence[str],
    seconds: Mapping[str, float],
    others: Mapping[str, Mapping[str, float]],
) -> pd.DataFrame:
    """One row per model, the smallest value of the criterion first.

    Parameters
    ----------
    found : mapping of str to InformationCriteria
        By model.
    criterion : str
        What ranks.
    criteria : sequence of str
        What is shown besides.
    seconds : mapping of str to float
        Run time of the fits.
    others : mapping of str to mapping
        Further columns.
    """
    values = {name: getattr(result, criterion) for name, result in found.items()}
    best = min(values.values())
    rows = []
    for name, result in found.items():
        shown = {c: getattr(result, c) for c in criteria if c in PENALISED}
        rows.append(
            {
                "model": name,
                "parameters": result.count.total,
                "minus_twice": result.minus_twice,
                "error": result.error,
                **shown,
                "difference": values[name] - best,
                **({} if criterion == "ofv" else {"weight": np.exp(-0.5 * (values[name] - best))}),
                "seconds": seconds[name],
                **others.get(name, {}),
            }
        )
    table = pd.DataFrame(rows).set_index("model").sort_values(criterion)
    if "weight" in table:
        table["weight"] /= table["weight"].sum()
    return table
