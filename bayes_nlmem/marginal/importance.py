"""Importance sampling around the EBEs: the marginal likelihood with a Monte Carlo error."""

from __future__ import annotations

from math import lgamma

import numpy as np

from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.marginal.ebe import CONVERGED, NOT_FINITE, Modes
from bayes_nlmem.marginal.integral import Integral

_BATCH = 250
_FEW = 50


def importance(
    conditional: Conditional,
    modes: Modes,
    *,
    tolerance: float = 0.1,
    most: int = 20_000,
    least: int = 2 * _BATCH,
    freedom: float = 5.0,
    seed: int | np.random.Generator = 0,
) -> Integral:
    r"""Average p(y_i, b) / q_i(b) over draws b from a multivariate Student t at every subject's EBE.

    Draws are added until the Monte Carlo error of the total -2LL,
    SE = 2 \sqrt{\sum_i var(w_i) / (M mean(w_i)^2)}, is below `tolerance`.

    Parameters
    ----------
    conditional : Conditional
        The model's functions.
    modes : Modes
        Location and scale of the proposals.
    tolerance : float
        Standard error of the total -2LL at which to stop.
    most, least : int
        Largest and smallest number of draws per subject.
    freedom : float
        Degrees of freedom of the proposals; the tails have to be heavier than those of p(b | y).
    seed : int or Generator
        Source of the draws.

    Returns
    -------
    Integral
        `error` is the standard error of each log-likelihood, `effective` = (sum w)^2 / sum w^2.

    References
    ----------
    Kloek & van Dijk 1978, doi:10.2307/1913641
    """
    rng = np.random.default_rng(seed)
    n, width = conditional.slots.shape
    if width == 0:
        return Integral(modes.log_joint, np.zeros(n), modes.status)
    log_weights: list[np.ndarray] = []
    places: list[np.ndarray] = []
    while True:
        place, log_weight = proposals(modes, conditional.slots, freedom, _BATCH, rng)
        of_effects, of_data = conditional.densities_at(modes.theta, place)
        log_weights.extend(of_effects + of_data + log_weight)
        places.extend(place)
        logs = np.where(np.isfinite(log_weights), log_weights, -np.inf)
        value, error, effective, shares = averaged(logs)
        if len(logs) >= least and 2 * np.sqrt(np.nansum(error**2)) < tolerance or len(logs) >= most:
            break
    grid = np.array(places)
    mean = np.einsum("kn,kns->ns", shares, grid)
    variance = np.einsum("kn,kns->ns", shares, (grid - mean) ** 2)
    status = np.select(
        [~np.isfinite(value), effective < _FEW], [NOT_FINITE, "few effective draws"], CONVERGED
    )
    return Integral(value, error, status.astype(str), len(logs), mean, np.sqrt(variance), effective)


def proposals(
    modes: Modes, slots: np.ndarray, freedom: float, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draws of every subject's effects from its Student t, and minus their log-densities.

    Returns
    -------
    places : ndarray, shape (count, n_subjects, n_slots)
    log_weights : ndarray, shape (count, n_subjects)
        The mean of exp(log_weight) g(place) is the integral of g; absent slots integrate to 1.
    """
    n, width = slots.shape
    absent = slots < 0
    z = rng.standard_normal((count, n, width))
    z *= np.sqrt(freedom / rng.chisquare(freedom, (count, n)))[:, :, None]
    places = np.where(absent, 0.0, modes.table + np.einsum("nij,knj->kni", modes.factor, z))
    scale = np.log(np.einsum("nii->ni", modes.factor)).sum(axis=1)
    empty = -0.5 * (absent * (z**2 + np.log(2 * np.pi))).sum(axis=2)
    return places, scale + empty - _log_student(z, freedom)


def averaged(logs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Log of the mean weight, its standard error, the effective number of draws, the normalised weights."""
    top = logs.max(axis=0)
    finite = np.isfinite(top)
    weights = np.exp(logs - np.where(finite, top, 0.0))
    mean = weights.mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(finite, np.where(finite, top, 0.0) + np.log(mean), np.nan)
        error = weights.std(axis=0, ddof=1) / (np.sqrt(len(logs)) * mean)
        effective = weights.sum(axis=0) ** 2 / (weights**2).sum(axis=0)
        shares = weights / weights.sum(axis=0)
    return value, np.where(finite, error, np.nan), np.where(finite, effective, 0.0), np.nan_to_num(shares)


def _log_student(z: np.ndarray, freedom: float) -> np.ndarray:
    """Log-density of a standard multivariate Student t; the last axis of z holds the components."""
    width = z.shape[-1]
    constant = lgamma((freedom + width) / 2) - lgamma(freedom / 2) - width / 2 * np.log(freedom * np.pi)
    return constant - (freedom + width) / 2 * np.log1p((z**2).sum(axis=-1) / freedom)
