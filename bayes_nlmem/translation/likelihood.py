"""The third layer: what was measured, given the prediction; censored values included, once for all uses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.model.specification import Model
from bayes_nlmem.statistics.laws import NORMAL
from bayes_nlmem.statistics.standard_laws import form
from bayes_nlmem.translation.drawing import known_or_drawn


@dataclass(frozen=True, eq=False)
class Observed:
    """The observations of one output.

    Parameters
    ----------
    record : ndarray of int, shape (n_obs,)
        Positions in the data table.
    value : ndarray, shape (n_obs,)
        DV; under censoring the limit of quantification.
    lower, upper : ndarray, shape (n_obs,)
        What is known: the value lies in [lower, upper]; equal to `value` where it was quantified.
    """

    record: np.ndarray
    value: np.ndarray
    lower: np.ndarray
    upper: np.ndarray

    @property
    def censored(self) -> np.ndarray:
        """Where the value was not quantified."""
        return self.lower != self.upper


def observations(data: Dataset, record: np.ndarray) -> Observed:
    """Collect the observations at some records, with CENS and LIMIT turned into intervals.

    CENS = 1: DV holds the lower limit of quantification, the value lies below it (M3), or between LIMIT
    and it where LIMIT is given (M4 with LIMIT = 0). CENS = -1: DV holds the upper limit, the value lies
    above it, or between it and LIMIT. Beal 2001, doi:10.1023/A:1012299115260.
    """
    table = data.table.iloc[record]
    value = table["DV"].to_numpy(float)
    cens = table["CENS"].to_numpy(int)
    limit = table["LIMIT"].to_numpy(float)
    lower, upper = value.copy(), value.copy()
    left, right = cens == 1, cens == -1
    lower[left] = np.where(np.isnan(limit[left]), -np.inf, limit[left])
    upper[right] = np.where(np.isnan(limit[right]), np.inf, limit[right])
    return Observed(np.asarray(record, dtype=np.int64), value, lower, upper)


def to_be_drawn(data: Dataset, record: np.ndarray) -> Observed:
    """Observations that nobody has made yet: a place for each, the value 1 means nothing."""
    nothing = np.ones(len(record))
    return Observed(np.asarray(record, dtype=np.int64), nothing, nothing, nothing)


def draw_observations(output: str, prediction, observed: Observed, model: Model) -> None:
    """Put the likelihood `{out}_obs` of one output into the graph."""
    residual = model.residuals[output]
    sigmas = {
        suffix: known_or_drawn(f"sigma_{output}_{suffix}", value)
        for suffix, value in residual.unknowns().items()
    }
    sd = residual.sd(prediction, sigmas, pt)
    law, dims = residual.law, f"{output}_row"
    censored = observed.censored.any()
    if law == NORMAL and not censored:
        data = pm.Data(f"{output}_dv", observed.value, dims=dims)
        pm.Normal(f"{output}_obs", prediction, sd, observed=data, dims=dims)
        return
    bounds = {"lower": observed.lower, "upper": observed.upper} if censored else {}
    known = [pm.Data(f"{output}_{which}", values, dims=dims) for which, values in bounds.items()]
    arguments = (prediction, sd, *form(law.standard, sigmas), *known)
    pm.CustomDist(
        f"{output}_obs",
        *arguments,
        logp=law.log_probability if censored else law.log_density,
        random=law.draw,
        signature=f"{','.join(['()'] * len(arguments))}->()",
        observed=observed.value,
        dims=dims,
    )
