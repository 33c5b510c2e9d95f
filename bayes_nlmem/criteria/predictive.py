"""Expected log predictive density from a matrix of log-likelihoods: WAIC and PSIS-LOO, pointwise."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bayes_nlmem.criteria.smoothing import smoothed


def waic_pointwise(log_likelihood: np.ndarray) -> pd.DataFrame:
    r"""WAIC of every column: log mean p(y_k | draw) minus the variance of log p(y_k | draw).

    Parameters
    ----------
    log_likelihood : ndarray, shape (n_draws, n)
        One column per observation or per subject.

    Returns
    -------
    DataFrame
        ELPD, P (the variance, n_draws - 1 in its denominator).

    References
    ----------
    Watanabe 2010, https://jmlr.org/papers/v11/watanabe10a.html; Vehtari, Gelman & Gabry 2017,
    doi:10.1007/s11222-016-9696-4

    Examples
    --------
    >>> waic_pointwise(np.log([[0.2], [0.2]])).round(3).values.tolist()
    [[-1.609, 0.0]]
    """
    lpd = log_mean(log_likelihood)
    variance = log_likelihood.var(axis=0, ddof=1)
    return pd.DataFrame({"ELPD": lpd - variance, "P": variance})


def loo_pointwise(log_likelihood: np.ndarray, r_eff: float = 1.0) -> pd.DataFrame:
    """PSIS-LOO of every column.

    Parameters
    ----------
    log_likelihood : ndarray, shape (n_draws, n)
        One column per observation or per subject.
    r_eff : float
        Effective number of draws over their number.

    Returns
    -------
    DataFrame
        ELPD, P (log predictive density within minus without), K (Pareto k), MCSE of ELPD.

    References
    ----------
    Vehtari, Gelman & Gabry 2017, doi:10.1007/s11222-016-9696-4
    """
    rows = []
    for column in log_likelihood.T:
        log_weights, k = smoothed(-column, r_eff)
        rows.append((*weighted(log_weights, column, r_eff), k))
    found = pd.DataFrame(rows, columns=["ELPD", "MCSE", "K"])
    found.insert(1, "P", log_mean(log_likelihood) - found["ELPD"])
    return found[["ELPD", "P", "K", "MCSE"]]


def weighted(log_weights: np.ndarray, log_likelihood: np.ndarray, r_eff: float = 1.0) -> tuple[float, float]:
    """Log of the weighted mean likelihood and its Monte Carlo standard error."""
    elpd = float(np.logaddexp.reduce(log_weights + log_likelihood))
    with np.errstate(over="ignore", invalid="ignore"):
        relative = np.exp(log_likelihood - elpd) - 1.0
        variance = np.sum(np.exp(2 * log_weights) * relative**2) / r_eff
    return elpd, float(np.sqrt(variance)) if np.isfinite(variance) else float("nan")


def log_mean(log_likelihood: np.ndarray) -> np.ndarray:
    """Logarithm of the mean of exp over the first axis."""
    return np.logaddexp.reduce(log_likelihood, axis=0) - np.log(len(log_likelihood))
