"""The third layer: what was measured, given the prediction; censored values included, once for all uses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.model.specification import Model
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


def draw_observations(output: str, prediction, observed: Observed, model: Model) -> None:
    """Put the likelihood `{out}_obs` of one output into the graph."""
    residual = model.residuals[output]
    sigmas = {
        suffix: known_or_drawn(f"sigma_{output}_{suffix}", value)
        for suffix, value in residual.unknowns().items()
    }
    sd = residual.sd(prediction, sigmas, pt)
    dims = f"{output}_row"
    if not observed.censored.any():
        data = pm.Data(f"{output}_dv", observed.value, dims=dims)
        pm.Normal(f"{output}_obs", prediction, sd, observed=data, dims=dims)
        return
    lower = pm.Data(f"{output}_lower", observed.lower, dims=dims)
    upper = pm.Data(f"{output}_upper", observed.upper, dims=dims)
    pm.CustomDist(
        f"{output}_obs",
        prediction,
        sd,
        lower,
        upper,
        logp=interval_normal_logp,
        random=_interval_normal_random,
        signature="(),(),(),()->()",
        observed=observed.value,
        dims=dims,
    )


def interval_normal_logp(value, mean, sd, lower, upper):
    """Log-density of a normal value where lower = upper, log-probability of the interval elsewhere.

    The interval's probability is computed in the tail that is the smaller one, so that it keeps its
    relative accuracy far from the mean.
    """
    quantified = pt.eq(lower, upper)
    a, b = _standardised(lower, mean, sd, -np.inf), _standardised(upper, mean, sd, np.inf)
    flip = pt.gt(a + b, 0.0)
    low, high = pt.switch(flip, -b, a), pt.switch(flip, -a, b)
    low = pt.switch(quantified, -1.0, low)
    high = pt.switch(quantified, 0.0, high)
    unbounded = pt.isinf(low)
    log_high = _log_normal_cdf(high)
    log_low = _log_normal_cdf(pt.switch(unbounded, -1.0, low))
    between = log_high + pt.log1p(-pt.exp(pt.minimum(log_low - log_high, -1e-300)))
    interval = pt.switch(unbounded, log_high, between)
    z = (value - mean) / sd
    density = -0.5 * z**2 - pt.log(sd) - 0.5 * np.log(2 * np.pi)
    return pt.switch(quantified, density, interval)


def _standardised(bound: Any, mean: Any, sd: Any, infinity: float) -> Any:
    """(bound - mean) / sd; an infinite bound is kept out of the division, whose gradient is inf times 0."""
    infinite = pt.isinf(bound)
    return pt.switch(infinite, infinity, (pt.switch(infinite, 0.0, bound) - mean) / sd)


def _log_normal_cdf(x: Any) -> Any:
    """Logarithm of the standard normal distribution function, accurate in the far left tail.

    PyMC's own loses half of the digits: it takes sqrt(2) in single precision.
    """
    far = pt.lt(x, -1.0)
    left, right = pt.switch(far, x, -1.0), pt.switch(far, -1.0, x)
    tail = pt.log(0.5 * pt.erfcx(-left * np.sqrt(0.5))) - 0.5 * left**2
    return pt.switch(far, tail, pt.log1p(-0.5 * pt.erfc(right * np.sqrt(0.5))))


def _interval_normal_random(mean, sd, lower, upper, rng=None, size=None):
    """Simulated values as they were before any limit of quantification."""
    return rng.normal(mean, sd, size=size)
