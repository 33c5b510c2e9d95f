"""Bins of time, or of whatever lies on the horizontal axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayes_nlmem.ground.messages import ModelError, explain

AUTO, QUANTILE, EQUAL, K_MEANS, DISTINCT = "auto", "quantile", "equal", "k-means", "distinct"
BINNINGS = (AUTO, QUANTILE, EQUAL, K_MEANS, DISTINCT)
_MOST_DISTINCT = 20
_FINEST = 2000


@dataclass(frozen=True, eq=False)
class Bins:
    """Intervals [edge_k, edge_{k+1}), the last one closed.

    Parameters
    ----------
    edges : ndarray, shape (n_bins + 1,)
        Ascending.
    how : str
        How they were made, in words.
    """

    edges: NDArray[np.float64]
    how: str

    def __len__(self) -> int:
        return len(self.edges) - 1

    def of(self, x: ArrayLike) -> NDArray[np.int64]:
        """Number of the bin of every value, -1 outside of all bins."""
        x = np.asarray(x, float)
        found = np.searchsorted(self.edges, x, side="right") - 1
        found = np.where(x == self.edges[-1], len(self) - 1, found)
        return np.where((found < 0) | (found >= len(self)), -1, found)


def make_bins(x: ArrayLike, binning: str = AUTO, bins: int | Sequence[float] | None = None) -> Bins:
    """Bins of the values `x`.

    Parameters
    ----------
    x : array_like
        Values to be binned.
    binning : {"auto", "quantile", "equal", "k-means", "distinct"}
        "quantile": about equally many values in every bin. "equal": equally wide bins. "k-means": the bins
        with the least sum of squares within them, found exactly. "distinct": one bin for every value, as for
        nominal times. "auto": distinct where there are at most 20 values, else k-means.
    bins : int or sequence of float, optional
        Number of bins, or their edges, which need no `binning`.

    Returns
    -------
    Bins

    Raises
    ------
    ModelError
        An unknown word, edges that do not ascend, or a number of bins that has no effect.

    Examples
    --------
    >>> make_bins([0, 0, 1, 1, 8, 9], "k-means", 2).edges
    array([0. , 4.5, 9. ])
    """
    x = np.asarray(x, float)
    x = x[np.isfinite(x)]
    if binning not in BINNINGS:
        raise ModelError(explain(expected=f"binning one of {', '.join(BINNINGS)}", got=repr(binning)))
    if not x.size:
        raise ModelError(explain(expected="values to be binned", got="none"))
    if bins is not None and not isinstance(bins, int | np.integer):
        return _given(np.asarray(bins, float), binning)
    distinct = np.unique(x)
    if bins is not None and (bins < 1 or binning == DISTINCT):
        raise ModelError(explain(expected=f"bins >= 1, and none with {DISTINCT!r}", got=repr(bins)))
    if binning == DISTINCT or (binning == AUTO and bins is None and len(distinct) <= _MOST_DISTINCT):
        return Bins(_between(distinct), f"{len(distinct)} distinct values")
    wanted = int(bins) if bins is not None else int(np.clip(len(x) // 15, 3, 10))
    wanted = min(wanted, len(distinct))
    if binning == EQUAL:
        edges = np.linspace(x.min(), x.max(), wanted + 1)
    elif binning == QUANTILE:
        edges = np.unique(np.quantile(x, np.linspace(0, 1, wanted + 1)))
    else:
        edges = _between_groups(x, wanted)
    if len(edges) < 2:
        edges = _between(distinct)
    word = K_MEANS if binning == AUTO else binning
    return Bins(edges, f"{len(edges) - 1} bins ({word})")


def _given(edges: np.ndarray, binning: str) -> Bins:
    if binning != AUTO:
        raise ModelError(explain(expected="edges of bins alone", got=f"binning={binning!r} as well"))
    if edges.ndim != 1 or len(edges) < 2 or (np.diff(edges) <= 0).any():
        raise ModelError(explain(expected="at least two ascending edges of bins", got=edges.tolist()))
    return Bins(edges, f"{len(edges) - 1} bins (edges given)")


def _between(values: np.ndarray) -> np.ndarray:
    """Edges halfway between ascending values."""
    if len(values) == 1:
        return np.array([values[0] - 0.5, values[0] + 0.5])
    middle = (values[1:] + values[:-1]) / 2
    return np.concatenate([values[:1], middle, values[-1:]])


def _between_groups(x: np.ndarray, count: int) -> np.ndarray:
    """Edges halfway between the groups of the exact k-means in one dimension."""
    values, counts = np.unique(x, return_counts=True)
    weight = counts.astype(float)
    if len(values) > _FINEST:  # neighbours are put together first
        group = np.searchsorted(np.linspace(0, len(x), _FINEST + 1), np.cumsum(weight), side="left")
        sums = np.bincount(group, weight * values)
        weight = np.bincount(group, weight)
        values, weight = sums[weight > 0] / weight[weight > 0], weight[weight > 0]
    starts = exact_k_means(values, weight, min(count, len(values)))
    inner = (values[starts[1:]] + values[starts[1:] - 1]) / 2
    return np.concatenate([[x.min()], inner, [x.max()]])


def exact_k_means(values: np.ndarray, weight: np.ndarray, count: int) -> np.ndarray:
    """Where the groups start that have the least weighted sum of squares, by dynamic programming.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Ascending and distinct.
    weight : ndarray, shape (n,)
        How often each occurs.
    count : int
        Number of groups.

    Returns
    -------
    ndarray of int, shape (count,)
        Position of the first value of every group.

    References
    ----------
    Wang & Song 2011, doi:10.32614/RJ-2011-015

    Examples
    --------
    >>> exact_k_means(np.array([0.0, 1.0, 8.0, 9.0, 20.0]), np.ones(5), 3)
    array([0, 2, 4])
    """
    n = len(values)
    centred = values - values.mean()
    w, s, q = (np.concatenate([[0.0], np.cumsum(weight * centred**k)]) for k in range(3))

    def cost(first: np.ndarray, last: int) -> np.ndarray:
        """Sum of squares of the values first..last - 1."""
        total = w[last] - w[first]
        return q[last] - q[first] - (s[last] - s[first]) ** 2 / total

    best = np.array([0.0, *(float(cost(np.array(0), k)) for k in range(1, n + 1))])
    choice = np.zeros((count, n + 1), dtype=np.int64)
    for group in range(1, count):
        new = np.full(n + 1, np.inf)
        for last in range(group + 1, n + 1):
            first = np.arange(group, last)
            total = best[first] + cost(first, last)
            k = int(np.argmin(total))
            new[last], choice[group, last] = total[k], first[k]
        best = new
    starts, last = [], n
    for group in range(count - 1, 0, -1):
        last = int(choice[group, last])
        starts.append(last)
    return np.array([0, *reversed(starts)], dtype=np.int64)
