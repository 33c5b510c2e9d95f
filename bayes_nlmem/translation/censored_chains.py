"""Autocorrelated errors with censored values: a run of them is integrated out, one after the other.

The errors are a Markov chain. What is known of a censored one, given all before it, is a density on its
interval; it is carried to the next one on the nodes of a Gauss-Legendre rule. The probability of the interval
given everything before is the conditional term of a censored row, the predictive density that of a
quantified row after it; they add up to the joint log-likelihood (the probability of an orthant of the
multivariate normal law, times a density).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_nlmem.statistics.laws import Law

_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(48)
_LOG_WEIGHTS = np.log(_WEIGHTS)


@dataclass(frozen=True, eq=False)
class _Carried:
    """What is known of the errors of some censored rows: nodes and log-weights that add up to 1."""

    nodes: Any
    log_weights: Any


def chain_terms(
    law: Law, z: Any, left: Any, right: Any, previous: np.ndarray, beyond: np.ndarray, r: Any, rest: Any
) -> Any:
    """Log-density of every standardised error, or log-probability of its interval, given all before it.

    Parameters
    ----------
    law : Law
        Of the single error; normal.
    z, left, right : TensorVariable, shape (..., n_obs)
        Standardised observations, and bounds of the censored ones.
    previous : ndarray of int, shape (n_obs,)
        Position of the error before in the chain, -1 at a start.
    beyond : ndarray of bool, shape (n_obs,)
        Which are censored.
    r, rest : TensorVariable, shape (..., n_obs)
        Correlation with the error before, and sqrt(1 - r^2).

    Returns
    -------
    TensorVariable, shape (..., n_obs)
    """
    import pytensor.tensor as pt

    after_censored = (previous >= 0) & beyond[np.maximum(previous, 0)]
    plain = np.flatnonzero(~after_censored)
    before = np.maximum(previous[plain], 0)
    mean = pt.switch(previous[plain] >= 0, r[..., plain] * z[..., before], 0.0)
    sd = rest[..., plain]
    quantified = law.standard.log_density((z[..., plain] - mean) / sd) - pt.log(sd)
    a, b = (moved(side[..., plain], mean, sd) for side in (left, right))
    pieces = [pt.switch(beyond[plain], law.log_interval(a, b), quantified)]
    order = [plain]
    first = np.flatnonzero(beyond[plain])
    carried = _carried_from(mean[..., first], sd[..., first], a[..., first], b[..., first])
    rows = plain[first]
    while True:
        nexts = np.flatnonzero(after_censored & np.isin(previous, rows))
        if not len(nexts):
            break
        at = np.array([int(np.flatnonzero(rows == previous[k])[0]) for k in nexts])
        nodes = r[..., nexts, None] * carried.nodes[..., at, :]
        weights, sd = carried.log_weights[..., at, :], rest[..., nexts, None]
        standing = (z[..., nexts, None] - nodes) / sd
        density = pt.logsumexp(weights + law.standard.log_density(standing) - pt.log(sd), axis=-1)
        a, b = (moved(side[..., nexts, None], nodes, sd) for side in (left, right))
        inside = pt.logsumexp(weights + law.log_interval(a, b), axis=-1)
        pieces.append(pt.switch(beyond[nexts], inside, density))
        order.append(nexts)
        own = np.flatnonzero(beyond[nexts])
        carried = _carried_on(
            law, nodes[..., own, :], weights[..., own, :], sd[..., own, :],
            left[..., nexts[own]], right[..., nexts[own]],
        )  # fmt: skip
        rows = nexts[own]
    where = np.argsort(np.concatenate(order))
    return pt.concatenate(pieces, axis=-1)[..., where]


def moved(side: Any, mean: Any, sd: Any) -> Any:
    """(side - mean) / sd; infinite sides stay out of the arithmetic, whose gradient is 0 times infinity."""
    import pytensor.tensor as pt

    infinite = pt.isinf(side)
    return pt.switch(infinite, side, (pt.switch(infinite, 0.0, side) - mean) / sd)


def _grid(a: Any, b: Any) -> Any:
    """Nodes on the part of [a, b] where a standard normal density is not negligible."""
    import pytensor.tensor as pt

    upper = pt.minimum(b, pt.switch(pt.ge(a, 0.0), a + 40.0 / (5.0 + pt.maximum(a, 0.0)), 8.0))
    lower = pt.maximum(a, pt.switch(pt.le(upper, 0.0), upper - 40.0 / (5.0 - pt.minimum(upper, 0.0)), -8.0))
    return (upper + lower)[..., None] / 2 + (upper - lower)[..., None] / 2 * _POINTS


def _carried_from(mean: Any, sd: Any, a: Any, b: Any) -> _Carried:
    """A normal law, cut to an interval (standardised bounds)."""
    import pytensor.tensor as pt

    x = _grid(a, b)
    log_weights = _LOG_WEIGHTS - 0.5 * x**2
    log_weights = log_weights - pt.logsumexp(log_weights, axis=-1, keepdims=True)
    return _Carried(mean[..., None] + sd[..., None] * x, log_weights)


def _carried_on(law: Law, nodes: Any, weights: Any, sd: Any, left: Any, right: Any) -> _Carried:
    """A mixture of normal laws around nodes, cut to an interval."""
    import pytensor.tensor as pt

    share = pt.exp(weights)
    mean = (share * nodes).sum(axis=-1)
    variance = (share * (nodes - mean[..., None]) ** 2).sum(axis=-1) + sd[..., 0] ** 2
    width = pt.sqrt(variance)
    x = _grid(moved(left, mean, width), moved(right, mean, width))
    y = mean[..., None] + width[..., None] * x
    standing = (y[..., :, None] - nodes[..., None, :]) / sd[..., None, :]
    density = pt.logsumexp(weights[..., None, :] + law.standard.log_density(standing), axis=-1)
    log_weights = _LOG_WEIGHTS + density
    return _Carried(y, log_weights - pt.logsumexp(log_weights, axis=-1, keepdims=True))
