"""Local linear regression, the smoother of diagnostic plots."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def lowess(
    x: ArrayLike, y: ArrayLike, *, fraction: float = 2 / 3, points: int = 60, robust: int = 3
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Locally weighted linear regression with tricube weights and bisquare robustness weights.

    Parameters
    ----------
    x, y : array_like, shape (n,)
        The points; pairs with a missing value are left out.
    fraction : float
        Share of the points that each local line sees.
    points : int
        Number of places, evenly spread over the range of `x`, where the curve is evaluated.
    robust : int
        Number of reweightings that take the weight from outliers.

    Returns
    -------
    grid, curve : ndarray, shape (points,)
        Empty if there are fewer than 5 distinct values of `x`.

    References
    ----------
    Cleveland 1979, doi:10.1080/01621459.1979.10481038

    Examples
    --------
    >>> grid, curve = lowess([0, 1, 2, 3, 4, 5], [1, 3, 5, 7, 9, 11], points=3)
    >>> curve.round(6)
    array([ 1.,  6., 11.])
    """
    x, y = np.asarray(x, float), np.asarray(y, float)
    seen = np.isfinite(x) & np.isfinite(y)
    x, y = x[seen], y[seen]
    if np.unique(x).size < 5:
        return np.empty(0), np.empty(0)
    grid = np.linspace(x.min(), x.max(), points)
    knots = np.unique(np.quantile(x, np.linspace(0, 1, 200)))  # keeps the cost linear in the number of points
    weights = np.ones_like(x)
    for _ in range(robust):
        residual = np.abs(y - np.interp(x, knots, _local_lines(x, y, knots, weights, fraction)))
        spread = 6 * np.median(residual)
        if spread <= 1e-12 * max(1.0, float(np.abs(y).max())):
            break
        weights = np.clip(1 - (residual / spread) ** 2, 0, None) ** 2
    return grid, _local_lines(x, y, grid, weights, fraction)


def _local_lines(
    x: NDArray, y: NDArray, places: NDArray, weights: NDArray, fraction: float
) -> NDArray[np.float64]:
    near = min(x.size, max(3, int(np.ceil(fraction * x.size))))
    distance = np.abs(places[:, None] - x[None, :])
    width = np.partition(distance, near - 1, axis=1)[:, near - 1 : near]
    # ties may leave no width at all: then every point at the same distance counts
    width = np.maximum(width * (1 + 1e-9), 1e-12 * np.ptp(x))
    w = np.clip(1 - (distance / width) ** 3, 0, None) ** 3 * weights
    total = w.sum(1)
    total = np.where(total > 0, total, 1.0)
    mean_x, mean_y = w @ x / total, w @ y / total
    dx = x[None, :] - mean_x[:, None]
    variance = (w * dx**2).sum(1)
    covariance = (w * dx * (y[None, :] - mean_y[:, None])).sum(1)
    flat = variance <= (1e-6 * np.ptp(x)) ** 2 * total
    slope = np.where(flat, 0.0, covariance / np.where(flat, 1.0, variance))
    return mean_y + slope * (places - mean_x)
