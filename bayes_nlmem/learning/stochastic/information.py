"""How much the data say about the population: score and observed information from simulated effects.

Fisher's identity: the slope of log p(y | theta) is the mean of the complete data's score over p(b | y).
Louis 1982, doi:10.1111/j.2517-6161.1982.tb01203.x: the observed information is the mean of the complete
data's information less the variance of its score; subjects are independent, so their variances add.
What the effects centre on is held fixed as psi = m(theta) + eta for the elements that act through it,
which leaves the least to subtract where the data are rich.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from bayes_nlmem.learning.stochastic.densities import Densities
from bayes_nlmem.learning.stochastic.effect_law import EffectLaw
from bayes_nlmem.learning.stochastic.roles import Roles

_STEP = 1e-4


@dataclass(eq=False)
class Information:
    """Sums over simulated effects, at one theta.

    Parameters
    ----------
    densities, law, roles
        The model, the law of its effects, and what is estimated.
    priors : bool
        Whether the posterior's curvature is wanted.
    theta : ndarray, shape (n_theta,)
        Where.
    """

    densities: Densities
    law: EffectLaw
    roles: Roles
    priors: bool
    theta: np.ndarray
    curvature: list[np.ndarray] = field(default_factory=list)
    scores: list[np.ndarray] = field(default_factory=list)
    _prior_slopes: dict[bytes, np.ndarray] = field(default_factory=dict, repr=False)

    @property
    def count(self) -> int:
        """Number of simulated points taken."""
        return len(self.scores)

    def take(self, b: np.ndarray) -> None:
        """Add the score of every subject and the curvature at one vector of effects."""
        at = self.roles.estimated
        score = np.zeros((self.densities.n_subjects, len(at)))
        bend = np.zeros((len(at), len(at)))
        for row, k in enumerate(at):
            (up, slope_up), (down, slope_down) = (self._side(b, k, sign * _STEP) for sign in (1.0, -1.0))
            score[:, row] = (up - down) / (2 * _STEP)
            bend[row] = -(slope_up - slope_down)[at] / (2 * _STEP)
        if np.all(np.isfinite(score)) and np.all(np.isfinite(bend)):
            self.scores.append(score)
            self.curvature.append(0.5 * (bend + bend.T))

    def score_at(self, b: np.ndarray) -> np.ndarray:
        """Score of the complete data at one vector of effects, without the prior's share."""
        _, slope = self._slopes(self.theta, b)
        return slope[self.roles.estimated]

    def _side(self, b: np.ndarray, k: int, step: float) -> tuple[np.ndarray, np.ndarray]:
        moved = self.theta.copy()
        moved[k] += step
        if k in self._acting and self.law.n_eta:
            if self.roles.linear:
                change = -step * self.roles.typical_jacobian[:, :, k]
            else:
                change = self.law.typical(self.theta) - self.law.typical(moved)
            b = self.law.shifted(b, change)
        return self._slopes(moved, b)

    def _slope_of_prior(self, theta: np.ndarray) -> np.ndarray:
        """Slope of log p(theta), which the joint density includes; asked for at the same few points."""
        key = theta.tobytes()
        if key not in self._prior_slopes:
            nothing = np.zeros(self.densities.conditional.n_effects)
            self._prior_slopes[key] = self.densities.light(theta, nothing).slope_prior
        return self._prior_slopes[key]

    def _slopes(self, theta: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Every subject's log-density, and its total slope in theta with psi held where it is the centre."""
        value, slope_b, slope_theta = self.densities.conditional.joint(theta, b)
        slope = slope_theta - self._slope_of_prior(theta)
        if len(self.roles.typical) and self.law.n_eta:
            jacobian = self._jacobian(theta)
            own = slope_b[: jacobian.shape[0] * jacobian.shape[1]].reshape(jacobian.shape[:2])
            slope = slope - np.einsum("nip,ni->p", jacobian, own)
        return value, slope

    @property
    def _acting(self) -> set[int]:
        return set(self.roles.typical.tolist())

    def _jacobian(self, theta: np.ndarray) -> np.ndarray:
        if self.roles.linear:
            return self.roles.typical_jacobian
        full = self.law.typical_jacobian(theta)
        kept = np.zeros_like(full)
        kept[:, :, self.roles.typical] = full[:, :, self.roles.typical]
        return kept

    # --- results ---------------------------------------------------------------------------------

    def _prior(self) -> tuple[np.ndarray, np.ndarray]:
        at = self.roles.estimated
        if not self.priors:
            return np.zeros(len(at)), np.zeros((len(at), len(at)))
        slope = self._slope_of_prior(self.theta)[at]
        bend = np.zeros((len(at), len(at)))
        for row, k in enumerate(at):
            sides = []
            for sign in (1.0, -1.0):
                moved = self.theta.copy()
                moved[k] += sign * _STEP
                sides.append(self._slope_of_prior(moved)[at])
            bend[row] = -(sides[0] - sides[1]) / (2 * _STEP)
        return slope, 0.5 * (bend + bend.T)

    def slope_prior(self) -> np.ndarray:
        """Slope of log p(theta) in the estimated elements; zero for maximum likelihood."""
        return self._prior()[0]

    def parts(self) -> Parts:
        """What the points taken add to Louis' identity."""
        scores = np.stack(self.scores)
        centred = scores - scores.mean(axis=0)
        products = np.einsum("snp,snq->pq", centred, centred)
        return Parts(np.sum(self.curvature, axis=0), len(scores), products, len(scores) - 1, self._prior()[1])


@dataclass(frozen=True, eq=False)
class Parts:
    """Sums for Louis' identity; those of several rounds near one theta add up.

    Parameters
    ----------
    curvature, products : ndarray
        Sum of the complete data's information over the points, and of the products of the subjects' centred
        scores.
    count, freedom : int
        Number of points, and of points less one per round.
    of_prior : ndarray
        Information of the prior; zero for maximum likelihood.
    """

    curvature: np.ndarray
    count: int
    products: np.ndarray
    freedom: int
    of_prior: np.ndarray

    def __add__(self, other: Parts) -> Parts:
        return Parts(
            self.curvature + other.curvature,
            self.count + other.count,
            self.products + other.products,
            self.freedom + other.freedom,
            other.of_prior,
        )

    @property
    def observed(self) -> np.ndarray:
        """Observed information, (n_estimated, n_estimated)."""
        return self.complete - self.products / max(self.freedom, 1)

    @property
    def complete(self) -> np.ndarray:
        """Information that the effects would give, were they seen."""
        return self.curvature / self.count + self.of_prior
