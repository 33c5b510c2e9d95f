"""Moment matching: move the draws until they look like those of the posterior without one subject."""

from __future__ import annotations

import numpy as np

from bayes_nlmem.criteria.predictive import weighted
from bayes_nlmem.criteria.smoothing import smoothed, threshold
from bayes_nlmem.marginal.subject_densities import SubjectDensities

_MOST_MOVES = 8


def match_moments(
    densities: SubjectDensities, thetas: np.ndarray, matrix: np.ndarray, left_out: int
) -> tuple[float, float, float]:
    """Leave one subject out with draws whose mean, then spread, are moved to those of the weighted ones.

    An affine map theta' = T(theta) of posterior draws has the density p(theta | y) / |det T|; the importance
    ratios for the posterior without the subject follow from the densities at theta'. A move is kept if it
    lowers Pareto k.

    Parameters
    ----------
    densities : SubjectDensities
        The subjects' likelihoods.
    thetas : ndarray, shape (n_draws, n_theta)
        Posterior draws, unconstrained.
    matrix : ndarray, shape (n_draws, n_subjects)
        Log-likelihoods at the draws.
    left_out : int
        Position of the subject.

    Returns
    -------
    elpd, mcse, k : float

    References
    ----------
    Paananen, Piironen, Buerkner & Vehtari 2021, doi:10.1007/s11222-020-09982-2
    """
    conditional = densities.conditional

    def prior(points: np.ndarray) -> np.ndarray:
        return np.array([conditional.prior(point)[0] for point in points])

    posterior = prior(thetas) + matrix.sum(axis=1)
    log_weights, k = smoothed(-matrix[:, left_out])
    points, own, log_determinant = thetas, matrix[:, left_out], 0.0
    for _ in range(_MOST_MOVES):
        if k < threshold(len(thetas)):
            break
        for move in (_shift, _shift_and_scale, _shift_and_rotate):
            moved, change = move(points, np.exp(log_weights))
            with np.errstate(all="ignore"):
                found, _ = densities.at(moved)
                target = prior(moved) + found.sum(axis=1) - found[:, left_out]
            ratios = target - posterior + log_determinant + change
            new_weights, new_k = smoothed(np.where(np.isnan(ratios), -np.inf, ratios))
            if new_k < k:
                points, own, k, log_weights = moved, found[:, left_out], new_k, new_weights
                log_determinant += change
                break
        else:
            break
    elpd, mcse = weighted(log_weights, own)
    return elpd, mcse, k


def _shift(points: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, float]:
    return points - points.mean(axis=0) + weights @ points, 0.0


def _shift_and_scale(points: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, float]:
    centre = weights @ points
    ratio = np.sqrt(weights @ (points - centre) ** 2 / points.var(axis=0))
    return (points - points.mean(axis=0)) * ratio + centre, float(np.log(ratio).sum())


def _shift_and_rotate(points: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, float]:
    centre = weights @ points
    spread = (points - centre).T @ ((points - centre) * weights[:, None])
    try:
        wanted, present = np.linalg.cholesky(spread), np.linalg.cholesky(np.cov(points.T, ddof=0))
    except np.linalg.LinAlgError:
        return _shift(points, weights)
    map_ = wanted @ np.linalg.inv(present)
    log_determinant = np.log(np.diag(wanted)).sum() - np.log(np.diag(present)).sum()
    return (points - points.mean(axis=0)) @ map_.T + centre, float(log_determinant)
