"""Proposals between what is known of a subject before and after its observations."""

from __future__ import annotations

import numpy as np

from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.marginal.ebe import Modes
from bayes_nlmem.marginal.first_order import effects_precision

_SHARES = (0.0, 0.02, 0.1, 0.35, 1.0)
_WIDER = 1.3


def bridge(
    conditional: Conditional, modes: Modes, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    r"""Draw effects of all subjects from a mixture of normal laws from prior to posterior.

    Component :math:`\lambda` has the precision :math:`(1-\lambda) \Omega^{-1} + \lambda P` and the mean where
    prior and :math:`\lambda` times the information of the observations balance, P and the mode being those
    of the posterior; all are wider by the same factor.

    Parameters
    ----------
    conditional : Conditional
    modes : Modes
        Of every subject.
    count : int
        Draws.
    rng : Generator

    Returns
    -------
    effects : ndarray, shape (count, n_subjects, n_slots)
        0 in absent slots.
    log_density : ndarray, shape (count, n_subjects)
        Of the mixture.
    """
    n, width = conditional.slots.shape
    if width == 0:
        return np.zeros((count, n, 0)), np.zeros((count, n))
    present = conditional.slots >= 0
    prior = effects_precision(conditional, modes.theta, np.zeros(conditional.n_effects))
    posterior = np.linalg.inv(modes.covariance)
    pull = np.einsum("nij,nj->ni", posterior, modes.table)
    means, factors = [], []
    for share in _SHARES:
        precision = (1 - share) * prior + share * posterior
        means.append(np.linalg.solve(precision, share * pull[:, :, None])[:, :, 0] * present)
        factors.append(np.linalg.cholesky(precision) / _WIDER)
    of = np.resize(np.arange(len(_SHARES)), count)
    noise = rng.standard_normal((count, n, width)) * present
    effects = np.empty_like(noise)
    for k, (mean, factor) in enumerate(zip(means, factors, strict=True)):
        # precision = L L', so that the solution of L' x = z has its inverse as covariance
        solved = np.linalg.solve(np.swapaxes(factor, 1, 2)[None], noise[of == k][..., None])[..., 0]
        effects[of == k] = mean + solved
    effects *= present
    parts = []
    for mean, factor in zip(means, factors, strict=True):
        z = np.einsum("nji,cnj->cni", factor, effects - mean)
        z = np.where(present, z, 0.0)
        log_scale = np.log(np.einsum("nii->ni", factor)).sum(axis=1, where=present)
        parts.append(log_scale - 0.5 * (z**2).sum(axis=2) - 0.5 * present.sum(axis=1) * np.log(2 * np.pi))
    stacked = np.array(parts)
    shares = np.bincount(of, minlength=len(_SHARES)) / count
    with np.errstate(divide="ignore"):
        stacked = stacked + np.log(shares)[:, None, None]
    top = stacked.max(axis=0)
    return effects, top + np.log(np.exp(stacked - top).sum(axis=0))
