"""Pareto-smoothed importance sampling: weights that no few draws dominate, and how far to trust them."""

from __future__ import annotations

import numpy as np


def smoothed(log_ratios: np.ndarray, r_eff: float = 1.0) -> tuple[np.ndarray, float]:
    """Normalised log-weights and Pareto k of some log importance ratios.

    The largest ratios are replaced by quantiles of a generalised Pareto distribution fitted to them.

    Parameters
    ----------
    log_ratios : ndarray, shape (n_draws,)
        Logarithm of target over proposal, up to a constant.
    r_eff : float
        Effective number of draws over their number.

    Returns
    -------
    log_weights : ndarray, shape (n_draws,)
        Their exponentials add up to 1.
    k : float
        Shape of the tail; reliable below `threshold(n_draws)`.

    References
    ----------
    Vehtari, Simpson, Gelman, Yao & Gabry 2024, https://jmlr.org/papers/v25/19-556.html

    Examples
    --------
    >>> weights, k = smoothed(np.random.default_rng(1).normal(size=1000))
    >>> round(float(np.exp(weights).sum()), 6)
    1.0
    """
    n = len(log_ratios)
    ratios = np.where(np.isfinite(log_ratios), log_ratios, -np.inf)
    log_weights = ratios - _log_sum(ratios)
    if not np.all(np.isfinite(log_ratios)):
        return log_weights, np.inf
    count = int(np.ceil(min(0.2 * n, 3 * np.sqrt(n / r_eff))))
    order = np.argsort(ratios)
    tail, below = order[n - count :], order[n - count - 1]
    scaled = ratios - ratios.max()
    cutoff = np.exp(scaled[below])
    excess = np.exp(scaled[tail]) - cutoff
    if count < 5:
        return log_weights, np.inf
    if excess[-1] - excess[0] < 1e-12 or excess[int(count / 4 + 0.5) - 1] <= 0:
        return log_weights, -np.inf  # the largest ratios are all the same: there is no tail
    k, sigma = pareto(excess)
    if not np.isfinite(k):
        return log_weights, np.inf
    probability = (np.arange(count) + 0.5) / count
    spread = -np.log1p(-probability) if k == 0 else np.expm1(-k * np.log1p(-probability)) / k
    smooth = scaled.copy()
    smooth[tail] = np.minimum(np.log(cutoff + sigma * spread), 0.0)
    return smooth - _log_sum(smooth), k


def pareto(excess: np.ndarray) -> tuple[float, float]:
    """Shape and scale of a generalised Pareto distribution, the shape drawn a little towards 0.5.

    Parameters
    ----------
    excess : ndarray
        Positive values in ascending order.

    Returns
    -------
    k, sigma : float

    References
    ----------
    Zhang & Stephens 2009, doi:10.1198/tech.2009.08017

    Examples
    --------
    >>> probability = (np.arange(1000) + 0.5) / 1000
    >>> k, sigma = pareto(2.0 * np.expm1(-0.3 * np.log1p(-probability)) / 0.3)
    >>> abs(k - 0.3) < 0.02, abs(sigma - 2.0) < 0.05
    (True, True)
    """
    n = len(excess)
    steps = 30 + int(np.sqrt(n))
    quartile = excess[int(n / 4 + 0.5) - 1]
    theta = 1 / excess[-1] + (1 - np.sqrt(steps / (np.arange(1, steps + 1) - 0.5))) / (3 * quartile)
    shape = np.log1p(-theta[:, None] * excess).mean(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        profile = n * (np.log(-theta / shape) - shape - 1)
    weight = np.exp(profile - _log_sum(profile))
    centre = float(theta @ weight / weight.sum())
    k = float(np.log1p(-centre * excess).mean())
    sigma = -k / centre
    return (n * k + 10 * 0.5) / (n + 10), sigma


def threshold(n_draws: int) -> float:
    """Largest Pareto k at which an estimate from so many draws can be trusted: min(1 - 1/log10(S), 0.7)."""
    return float(min(1 - 1 / np.log10(max(n_draws, 11)), 0.7))


def _log_sum(x: np.ndarray) -> float:
    return float(np.logaddexp.reduce(x))
