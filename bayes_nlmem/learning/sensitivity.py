"""How much the posterior hangs on the priors, and how much on the data: power-scaling."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.ground.messages import FitError, explain
from bayes_nlmem.learning.prior_density import prior_density
from bayes_nlmem.model.quantities import quantities

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
        "prior dominates" (the prior matters and the data hardly do), "prior and data disagree" (both
        matter), or "" (the prior hardly matters).

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
    import xarray as xr
    from arviz_stats import psense

    posterior = fit.draws["posterior"].to_dataset()
    names = [q.name for q in quantities(fit.model) if not q.known and q.name in posterior]
    if not names or "log_likelihood" not in fit.draws.children:
        raise FitError(
            explain(
                expected="draws of unknown quantities, with their log-likelihood",
                got="none",
                remedy="Use the result of bn.fit.",
            )
        )
    if "log_prior" in fit.draws.children:
        log_prior = fit.draws["log_prior"].to_dataset()
    else:
        log_prior = prior_density(fit.translation, posterior)
    log_likelihood = fit.draws["log_likelihood"].to_dataset()
    total = sum(
        values.sum([dim for dim in values.dims if dim not in ("chain", "draw")])
        for values in log_likelihood.data_vars.values()
    )
    tree = xr.DataTree.from_dict(
        {
            "posterior": posterior[names],
            "log_prior": log_prior,
            "log_likelihood": xr.Dataset({"all": total}),
        }
    )
    with np.errstate(all="ignore"):
        found = {
            group: psense(tree, var_names=names, group=key)
            for group, key in (("prior", "prior"), ("likelihood", "likelihood"))
        }
    table = pd.DataFrame(
        {group: [float(values[name]) for name in names] for group, values in found.items()},
        index=pd.Index(names, name="name"),
    )
    table["diagnosis"] = [_diagnosis(row, threshold) for row in table.itertuples()]
    return table


def _diagnosis(row: Any, threshold: float) -> str:
    if not row.prior >= threshold:
        return ""
    return "prior and data disagree" if row.likelihood >= threshold else "prior dominates"
