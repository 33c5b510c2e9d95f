"""Simultaneous bands for the distribution function of ranks that should be uniform."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.special import gammaln
from scipy.stats import binom


def rank_counts(ranks: np.ndarray, levels: int) -> np.ndarray:
    """Number of ranks below 1, 2, ..., `levels` - 1.

    Parameters
    ----------
    ranks : ndarray of int, shape (n,)
        From 0 to `levels` - 1.
    levels : int
        Number of values that a rank can have.

    Returns
    -------
    ndarray of int, shape (levels - 1,)

    Examples
    --------
    >>> rank_counts(np.array([0, 2, 2, 3]), 4)
    array([1, 1, 3])
    """
    return np.cumsum(np.bincount(ranks, minlength=levels))[:-1]


def simultaneous_band(n: int, levels: int, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Band that holds the whole empirical distribution function of uniform ranks with a given probability.

    At each of the points j / levels the count of smaller ranks is binomial; the pointwise intervals are
    widened until all hold together. The probability is exact: the counts are a Markov chain.

    Parameters
    ----------
    n : int
        Number of ranks.
    levels : int
        Number of values that a rank can have.
    level : float
        Probability that everything lies inside.

    Returns
    -------
    lower, upper : ndarray, shape (levels - 1,)
        Bounds of the distribution function at 1 / levels, 2 / levels, ...

    References
    ----------
    Säilynoja, Bürkner & Vehtari 2022, doi:10.1007/s11222-022-10090-6

    Examples
    --------
    >>> lower, upper = simultaneous_band(200, 100)
    >>> round(float(upper[49] - 0.5), 3)
    0.105
    """
    low, high = 0.0, 1.0
    for _ in range(30):
        middle = (low + high) / 2
        if _inside(n, levels, middle) >= level:
            low = middle
        else:
            high = middle
    inside = _table(n, levels) > low
    return inside.argmax(axis=1) / n, (n - inside[:, ::-1].argmax(axis=1)) / n


def uniformity(ranks: np.ndarray, levels: int) -> float:
    """Probability of a departure from uniformity at least as large, somewhere along the ranks.

    Parameters
    ----------
    ranks : ndarray of int, shape (n,)
        From 0 to `levels` - 1.
    levels : int
        Number of values that a rank can have.

    Returns
    -------
    float
        Below 0.05 where the ranks leave the simultaneous 95 % band.

    Examples
    --------
    >>> uniformity(np.arange(100), 100)
    1.0
    >>> uniformity(np.arange(100) // 2, 100) < 1e-6
    True
    """
    n = len(ranks)
    z = np.arange(1, levels) / levels
    smallest = float(_pointwise(rank_counts(ranks, levels), n, z).min())
    return float(np.clip(1 - _inside(n, levels, smallest), 0.0, 1.0))


def _pointwise(counts: np.ndarray, n: int, p: np.ndarray | float) -> np.ndarray:
    """Two-sided probability of counts as far from n p."""
    return np.minimum(1.0, 2 * np.minimum(binom.cdf(counts, n, p), binom.sf(counts - 1, n, p)))


@lru_cache(maxsize=8)
def _table(n: int, levels: int) -> np.ndarray:
    """Pointwise probabilities of all counts, shape (levels - 1, n + 1)."""
    z = np.arange(1, levels)[:, None] / levels
    return _pointwise(np.arange(n + 1), n, z)


def _inside(n: int, levels: int, gamma: float) -> float:
    """Probability that the pointwise probabilities of all counts are above gamma."""
    log_factorial = gammaln(np.arange(n + 1) + 1.0)
    at, chance = np.array([0]), np.array([1.0])
    for j, row in enumerate(_table(n, levels), 1):
        following = np.flatnonzero(row > gamma)
        if not len(following):
            return 0.0
        step, left = 1 / (levels - j + 1), n - at[:, None]
        moved = following[None, :] - at[:, None]
        possible = moved >= 0
        k = np.where(possible, moved, 0)
        log_chance = log_factorial[left] - log_factorial[k] - log_factorial[left - k]
        log_chance += k * np.log(step) + (left - k) * np.log1p(-step)
        at, chance = following, chance @ np.where(possible, np.exp(log_chance), 0.0)
    return float(chance.sum())
