"""Survival without a model: the product-limit estimate and event rates of intervals."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def kaplan_meier(time: ArrayLike, event: ArrayLike, at: ArrayLike, entry: ArrayLike | None = None) -> Array:
    """Product-limit estimate of the share without event, S(t) = prod (1 - d_j / n_j) over event times <= t.

    Parameters
    ----------
    time : array_like, shape (n,)
        Times of the events, or of the end of follow-up.
    event : array_like of bool, shape (n,)
        Whether it is an event.
    at : array_like, shape (m,)
        Times at which the estimate is wanted.
    entry : array_like, shape (n,), optional
        Times from which subjects are at risk.

    Returns
    -------
    ndarray, shape (m,)
        NaN after the last follow-up if somebody was still without event there.

    References
    ----------
    Kaplan & Meier 1958, doi:10.1080/01621459.1958.10501452

    Examples
    --------
    >>> kaplan_meier([1, 2, 2, 4], [True, True, False, False], [0.5, 1, 2, 3]).round(3)
    array([1.  , 0.75, 0.5 , 0.5 ])
    """
    time, happened, at = np.asarray(time, float), np.asarray(event, bool), np.asarray(at, float)
    start = np.full(len(time), -np.inf) if entry is None else np.asarray(entry, float)
    moments = np.unique(time[happened])
    deaths = np.array([np.sum(happened & (time == t)) for t in moments], float)
    at_risk = np.array([np.sum((time >= t) & (start < t)) for t in moments], float)
    survival = np.cumprod(1 - deaths / np.maximum(at_risk, 1))
    found = np.concatenate([[1.0], survival])[np.searchsorted(moments, at, side="right")]
    beyond = (at > time.max()) & (found > 0)
    return np.where(beyond, np.nan, found)


def event_rates(time: ArrayLike, event: ArrayLike, edges: ArrayLike, entry: ArrayLike | None = None) -> Array:
    """Events per time at risk in intervals, the hazard where it is constant in each.

    Parameters
    ----------
    time, event, entry :
        As in `kaplan_meier`.
    edges : array_like, shape (m + 1,)
        Ends of the intervals.

    Returns
    -------
    ndarray, shape (m,)
        NaN where nobody is at risk.

    Examples
    --------
    >>> event_rates([1, 2, 2, 4], [True, True, False, False], [0, 2, 4])
    array([0.28571429, 0.        ])
    """
    time, happened, edges = np.asarray(time, float), np.asarray(event, bool), np.asarray(edges, float)
    start = np.full(len(time), edges[0]) if entry is None else np.asarray(entry, float)
    found = np.full(len(edges) - 1, np.nan)
    for k, (low, high) in enumerate(zip(edges[:-1], edges[1:], strict=True)):
        risk = np.clip(np.minimum(time, high) - np.maximum(start, low), 0, None).sum()
        events = np.sum(happened & (time > low) & (time <= high))
        if risk > 0:
            found[k] = events / risk
    return found
