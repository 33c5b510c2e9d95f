"""How much the posterior hangs on the priors, and how much on the data: power-scaling."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_nlmem.ground.messages import FitError, explain
from bayes_nlmem.learning.prior_density import prior_density
from bayes_nlmem.model.quantities import quantities
from bayes_nlmem.model.specification import Model

THRESHOLD = 0.05


def sensitivity(fit: Any, *, threshold: float = THRESHOLD) -> pd.DataFrame:
    r"""Power-scaling sensitivity of every unknown of the population to its priors and to the data.

    The priors (or the likelihood) are raised to a power a little above and below 1, by importance weights of
    the draws; the number is the change of the posterior (the cumulative Jensen-Shannon distance per doubling
    of the power). All priors are scaled together; the law of the random effects is part of the model and is
    not.

    Parameters
    ----------
    fit : Fit
        What was learnt.
    threshold : float
        Sensitivities above it are called strong; the authors recommend 0.05.

    Returns
    -------
    DataFrame
        Index: names in the graph. Columns `prior` and `likelihood` (sensitivities) and `diagnosis`:
        "prior dominates" (the prior matters and the data hardly do), "possible conflict of prior and
        data" (both matter), or "" (the prior hardly matters).

    Raises
    ------
    FitError
        If nothing unknown was learnt, or the draws have no log-likelihood.

    References
    ----------
    Kallioinen, Paananen, Bürkner and Vehtari 2024, doi:10.1007/s11222-023-10366-5.

    Examples
    --------
    >>> table = sensitivity(fit)
    >>> list(table.columns)
    ['prior', 'likelihood', 'diagnosis']
    """
    draws = fit.draws
    if "log_prior" not in draws.children and "log_likelihood" in draws.children:
        density = prior_density(fit.translation, draws["posterior"].to_dataset())
        draws = draws.assign(log_prior=xr.DataTree(density))
    table = power_scaling(fit.model, draws)
    if table is None:
        raise FitError(
            explain(
                expected="draws of unknown quantities, with their log-likelihood",
                got="none",
                remedy="Use the result of bn.fit.",
            )
        )
    table["diagnosis"] = [_diagnosis(row, threshold) for row in table.itertuples()]
    return table


def power_scaling(model: Model, draws: xr.DataTree) -> pd.DataFrame | None:
    """Sensitivities to the priors and to the likelihood, None where the draws do not hold what they need.

    NaN where the tail of the weights is flat, so that they cannot be smoothed.
    """
    from arviz_stats import psense

    posterior = draws["posterior"].to_dataset()
    names = [q.name for q in quantities(model) if not q.known and q.name in posterior]
    if not names or not {"log_prior", "log_likelihood"} <= set(draws.children):
        return None
    log_likelihood = draws["log_likelihood"].to_dataset()
    total = sum(
        values.sum([dim for dim in values.dims if dim not in ("chain", "draw")])
        for values in log_likelihood.data_vars.values()
    )
    log_prior = draws["log_prior"].to_dataset()
    groups = {"log_prior": log_prior, "log_likelihood": xr.Dataset({"all": total})}
    tree = xr.DataTree.from_dict({"posterior": posterior[names], **groups})
    found = {}
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # few draws: the sensitivities are rough
        for group in ("prior", "likelihood"):
            try:
                values = psense(tree, var_names=names, group=group)
                found[group] = [float(values[name]) for name in names]
            except ValueError:  # weights whose tail is flat have no shape: ArviZ does not smooth them
                found[group] = [np.nan] * len(names)
    return pd.DataFrame(found, index=pd.Index(names, name="name"))


def _diagnosis(row: Any, threshold: float) -> str:
    if not row.prior >= threshold:
        return ""
    return "possible conflict of prior and data" if row.likelihood >= threshold else "prior dominates"
