"""Importance sampling of one patient's effects, over the draws of the population."""

from __future__ import annotations

from dataclasses import dataclass
from math import lgamma

import numpy as np

from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.marginal.ebe import Modes, find_modes

_FREEDOM = 5.0
_WIDER = 1.2
_OWN_MODES = 100
_EACH = 40


@dataclass(frozen=True, eq=False)
class Weighted:
    """Weighted draws of a patient's effects.

    Parameters
    ----------
    point : ndarray of int, shape (m,)
        Draw of the population that each belongs to.
    effects : ndarray, shape (m, n_effects)
    weights : ndarray, shape (m,)
        Pareto-smoothed, sum 1.
    pareto_k : float
        Shape of the tail of the raw weights.
    log_evidence : float
        Logarithm of p(y), averaged over the population: that of the mean raw weight.
    """

    point: np.ndarray
    effects: np.ndarray
    weights: np.ndarray
    pareto_k: float
    log_evidence: float

    @property
    def effective(self) -> float:
        """Effective number of draws, 1 / sum w^2."""
        return float(1 / np.sum(self.weights**2))

    def resample(self, draws: int, rng: np.random.Generator) -> np.ndarray:
        """Positions of draws in proportion to their weights (systematic resampling), in random order."""
        edges = (rng.uniform() + np.arange(draws)) / draws
        chosen = np.minimum(np.searchsorted(np.cumsum(self.weights), edges), len(self.weights) - 1)
        return rng.permutation(chosen)


def around_mode(
    conditional: Conditional, modes: Modes, points: np.ndarray, rng: np.random.Generator, *, most: int
) -> Weighted:
    """One proposal for all draws of the population: a wide Student t at the mode for their mean."""
    of_draw = rng.permutation(np.resize(np.arange(len(points)), most))
    effects, log_proposal = _proposed(conditional, modes, most, rng)
    return _weighted(conditional, points, of_draw, effects, log_proposal)


def around_own_modes(
    conditional: Conditional, modes: Modes, points: np.ndarray, rng: np.random.Generator
) -> Weighted:
    """A proposal for each of some draws of the population, at the patient's mode there."""
    picked = rng.choice(len(points), size=min(_OWN_MODES, len(points)), replace=False)
    parts = []
    for k in picked:
        own = find_modes(conditional, points[k], modes.b, careful=False)
        parts.append(_proposed(conditional, own, _EACH, rng))
    effects = np.concatenate([part[0] for part in parts])
    log_proposal = np.concatenate([part[1] for part in parts])
    return _weighted(conditional, points, np.repeat(picked, _EACH), effects, log_proposal)


def _proposed(
    conditional: Conditional, modes: Modes, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Effects (count, n_effects) from a multivariate Student t, and their log-density."""
    present = conditional.slots[0] >= 0
    width = int(present.sum())
    factor = _WIDER * np.linalg.cholesky(modes.covariance[0][np.ix_(present, present)])
    z = rng.standard_normal((count, width)) * np.sqrt(_FREEDOM / rng.chisquare(_FREEDOM, count))[:, None]
    table = np.zeros((count, len(present)))
    table[:, present] = modes.table[0][present] + z @ factor.T
    constant = lgamma((_FREEDOM + width) / 2) - lgamma(_FREEDOM / 2) - width / 2 * np.log(_FREEDOM * np.pi)
    log_density = constant - (_FREEDOM + width) / 2 * np.log1p((z**2).sum(axis=1) / _FREEDOM)
    log_density -= np.log(np.diag(factor)).sum()
    return conditional.scatter(table[:, None, :]), log_density


def _weighted(
    conditional: Conditional,
    points: np.ndarray,
    of_draw: np.ndarray,
    effects: np.ndarray,
    log_proposal: np.ndarray,
) -> Weighted:
    from arviz_stats.base import array_stats

    of_effects, of_observations = conditional.terms_of(np.concatenate([points[of_draw], effects], axis=1))
    raw = of_effects[:, 0] + of_observations.sum(axis=1) - log_proposal
    raw = np.where(np.isfinite(raw), raw, -np.inf)
    if not np.isfinite(raw).any():
        return Weighted(of_draw, effects, np.full(len(raw), 1 / len(raw)), np.inf, -np.inf)
    log_evidence = raw.max() + np.log(np.mean(np.exp(raw - raw.max())))
    lowest = raw[np.isfinite(raw)].min() - 50
    # ArviZ takes log-likelihoods, whose negatives are the log-weights.
    smooth, k = array_stats.psislw(-np.where(np.isfinite(raw), raw, lowest))
    weights = np.exp(smooth - smooth.max())
    return Weighted(of_draw, effects, weights / weights.sum(), float(k), float(log_evidence))
