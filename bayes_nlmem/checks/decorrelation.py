"""Steps from replicates to prediction errors: imputation, decorrelation, shares, normal scores."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]


def positions_by_subject(who: NDArray[Any], at: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """Positions of every subject's rows among those marked in `at`, subject by subject."""
    codes, _ = pd.factorize(who)
    kept = np.flatnonzero(at)
    order = kept[np.argsort(codes[kept], kind="stable")]
    breaks = np.flatnonzero(np.diff(codes[order])) + 1
    return np.split(order, breaks) if len(order) else []


def shares(y: Array, ys: Array, ties: str, rng: np.random.Generator) -> Array:
    """Distribution function of the replicates at the observations."""
    below = (ys < y).sum(axis=0)
    if ties == "count":
        return below / len(ys)
    equal = (ys == y).sum(axis=0)
    return (below + rng.uniform(size=y.shape) * (equal + 1)) / (len(ys) + 1)


def normal_scores(share: Array, simulations: int) -> Array:
    """Normal scores of shares, which are kept away from 0 and 1 by half a replicate."""
    from scipy.special import ndtri

    end = 1 / (2 * simulations)
    return ndtri(np.where(share <= 0, end, np.where(share >= 1, 1 - end, share)))


def imputed(
    y: Array,
    ys: Array,
    flags: NDArray[Any],
    lower: Array,
    upper: Array,
    share: Array,
    rng: np.random.Generator,
) -> tuple[Array, Array, Array]:
    """Draw what is beyond a limit from the distribution function there: observations and replicates."""
    y, share, ordered, drawn = y.copy(), share.copy(), np.sort(ys, axis=0), ys.copy()
    k = len(ys)
    for j in np.flatnonzero(np.isfinite(lower) | np.isfinite(upper) | (flags != 0)):
        column = ordered[:, j]
        for code, limit in ((1, lower[j]), (-1, upper[j])):
            limit = y[j] if flags[j] == code and not np.isfinite(limit) else limit
            if not np.isfinite(limit):
                continue
            low, high = (0, np.searchsorted(column, limit)) if code == 1 else (
                np.searchsorted(column, limit, side="right"), k
            )  # fmt: skip
            beyond = (ys[:, j] < limit) if code == 1 else (ys[:, j] > limit)
            if beyond.any():
                drawn[beyond, j] = column[rng.integers(low, high, beyond.sum())]
            if flags[j] == code:
                p = rng.uniform(low / k, high / k) if high > low else float(code == -1)
                share[j] = p
                y[j] = column[min(int(p * k), k - 1)] if high > low else limit
    return y, drawn, share


def decorrelated(y: Array, ys: Array, how: str) -> tuple[Array, Array, bool]:
    """Residuals and replicates of one subject with unit covariance."""
    from scipy.linalg import solve_triangular

    mean = ys.mean(axis=0)
    covariance = np.atleast_2d(np.cov(ys, rowvar=False, ddof=1))
    if how == "cholesky":
        try:
            factor = np.linalg.cholesky(covariance)
            residual = solve_triangular(factor, y - mean, lower=True)
            return residual, solve_triangular(factor, (ys - mean).T, lower=True).T, True
        except np.linalg.LinAlgError:
            pass
    values, vectors = np.linalg.eigh(covariance)
    fine = values > 1e-12 * max(values.max(), 0.0)
    root = (vectors[:, fine] / np.sqrt(values[fine])) @ vectors[:, fine].T
    return root @ (y - mean), (ys - mean) @ root, bool(fine.all()) and how != "cholesky"
