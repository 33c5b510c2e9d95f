r"""Means and covariances of the effects given the population, and how the means follow the spread.

Where data are sparse the likelihood of a subject's effects b is far from normal: three samples at random may
say that absorption was not slow, and nothing more. Mode and curvature then miss where b is, and even more how
that moves when a variance of the population does. Both are integrals over b given the population parameters
theta and the subject's data,

    m = E b,    V = cov b,    dm/dtheta = cov(b, d/dtheta log p(b | theta)) = -1/2 cov(b, b' (dP/dtheta) b),

with P the precision of the effects: sums over a grid of Gauss-Hermite nodes.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bayes_nlmem.learning.whitening import precision_slopes
from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.marginal.ebe import Modes
from bayes_nlmem.marginal.laplace_em import LaplaceFit
from bayes_nlmem.marginal.quadrature import affordable, grid

_MOST_NODES, _MOST_PER_EFFECT = 700, 15
# Variances in units of the curvature's, outside of which a grid around the mode sees too little.
_BELIEVED = (0.1, 10.0)


def with_moments(conditional: Conditional, modes: Modes, fit: LaplaceFit) -> LaplaceFit:
    """A fit whose effects and covariances are means and covariances, and not modes and curvatures.

    Subjects whose grid sees too little keep their mode and curvature.

    Parameters
    ----------
    conditional : Conditional
        The graph's functions.
    modes : Modes
        Around which the grids are.
    fit : LaplaceFit
        At the same population parameters.

    Returns
    -------
    LaplaceFit
        With `drift`; the same fit where no spread is followed (see `whitening.scales`).
    """
    changes = precision_slopes(conditional, modes.theta)
    counts = affordable(conditional.slots.shape[1], _MOST_NODES)
    if not len(changes) or not counts:
        return fit
    count = min(counts[-1], _MOST_PER_EFFECT)
    places, log_weights = grid(modes, conditional.slots, count)
    log_terms = log_weights + [conditional.joint(modes.theta, b)[0] for b in conditional.scatter(places)]
    log_terms = np.where(np.isfinite(log_terms), log_terms, -np.inf)
    with np.errstate(invalid="ignore"):
        shares = np.exp(log_terms - log_terms.max(axis=0))
    shares /= shares.sum(axis=0)
    mean = np.einsum("ks,ksi->si", shares, places)
    off = places - mean
    covariance = np.einsum("ks,ksi,ksj->sij", shares, off, off)
    with_squares = np.einsum("ks,ksi,ksj,ksl->sijl", shares, off, places, places)  # cov(b, b b')
    drift = -0.5 * np.einsum("sijl,cjl->sic", with_squares, changes)
    doubted = ~_believable(covariance, modes.factor)
    mean[doubted], covariance[doubted] = modes.table[doubted], modes.covariance[doubted]
    formula = -np.einsum("sij,cjk,sk->sic", covariance, changes, mean)
    drift[doubted] = formula[doubted]
    return replace(fit, effects=conditional.scatter(mean[None])[0], covariance=covariance, drift=drift)


def _believable(covariance: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Where covariances are not far from those with these lower factors."""
    inverse = np.linalg.inv(factor)
    finite = np.isfinite(covariance).all(axis=(1, 2))
    seen = np.where(finite[:, None, None], inverse @ covariance @ inverse.transpose(0, 2, 1), 0.0)
    variances = np.linalg.eigvalsh(seen)
    return (variances > _BELIEVED[0]).all(axis=1) & (variances < _BELIEVED[1]).all(axis=1)
