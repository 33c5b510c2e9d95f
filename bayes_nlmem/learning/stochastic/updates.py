"""What the simulated effects say about the population: averaged statistics, and the maximiser they imply.

The average over iterations is S_k = S_(k-1) + gain (s(simulated) - S_(k-1)). Typical values: generalised
least squares on the averaged individual parameters psi. Spread: averaged second moments of the effects.
Errors that scale: averaged squares. All others: the parameter itself follows stochastic Newton steps, which
to first order is the same average. Delyon, Lavielle & Moulines 1999, doi:10.1214/aos/1018031103; Kuhn &
Lavielle 2005, doi:10.1016/j.csda.2004.07.033.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from bayes_nlmem.learning.stochastic.chains import Chains
from bayes_nlmem.learning.stochastic.densities import Densities
from bayes_nlmem.learning.stochastic.effect_law import EffectLaw
from bayes_nlmem.learning.stochastic.roles import Roles, squares

_LARGEST = 0.7  # largest change of an element in one step, on the unconstrained scale
_PROBE = 0.2
_STEP = 1e-4


@dataclass(eq=False)
class Updates:
    """The averaged statistics of a run and the steps they imply.

    Parameters
    ----------
    densities : Densities
        The model.
    law : EffectLaw
        The law of its effects.
    roles : Roles
        Which element gets which update.
    priors : bool
        Whether log p(theta) is part of what is maximised.
    """

    densities: Densities
    law: EffectLaw
    roles: Roles
    priors: bool
    psi: np.ndarray | None = None
    squares_psi: np.ndarray | None = None
    squares_kappa: np.ndarray | None = None
    residual: dict[int, float] = field(default_factory=dict)
    curvature: np.ndarray | None = None

    # --- statistics ------------------------------------------------------------------------------

    def take(self, chains: Chains, gain: float) -> None:
        """Average in what the chains now say."""
        if self.law.n_eta:
            psi = self.law.typical(chains.theta) + chains.tables[:, :, : self.law.n_eta]
            self.psi = _mixed(self.psi, psi.mean(axis=0), gain)
            self.squares_psi = _mixed(self.squares_psi, np.einsum("cni,cnj->nij", psi, psi) / len(psi), gain)
        if "kappa" in self.law.kinds:
            offset, groups, width = self.law.kinds["kappa"]
            kappa = chains.flats()[:, offset : offset + groups * width].reshape(-1, width)
            self.squares_kappa = _mixed(self.squares_kappa, kappa.T @ kappa / len(kappa), gain)
        if self.roles.scale:
            self._take_residuals(chains, gain)

    def _take_residuals(self, chains: Chains, gain: float) -> None:
        probe = chains.theta.copy()
        for k in self.roles.scale:
            probe[k] += _PROBE
        sums = {k: 0.0 for k in self.roles.scale}
        single = len(self.densities.sizes) == 1
        for table, data in zip(chains.tables, chains.data, strict=True):
            b = chains.flat(table)
            there = [term.sum() for term in self.densities.outputs(probe, b)]
            here = (
                [data.sum()] if single else [term.sum() for term in self.densities.outputs(chains.theta, b)]
            )
            for k, output in self.roles.scale.items():
                n = self.densities.sizes[output]
                found = squares(here[output] / n, there[output] / n, chains.theta[k], probe[k])
                sums[k] += float(found) / chains.n_chains
        for k, value in sums.items():
            if np.isfinite(value):
                old = self.residual.get(k)
                self.residual[k] = value if old is None else old + gain * (value - old)

    # --- the maximiser ---------------------------------------------------------------------------

    def maximise(self, chains: Chains, gain: float, floor: float) -> np.ndarray:
        """The population parameters that the averages imply.

        Parameters
        ----------
        chains : Chains
            The present state; not changed.
        gain : float
            Step size of the elements without a closed form.
        floor : float
            Share of its former value below which no variance may fall (simulated annealing); 0 is no floor.
        """
        before = chains.theta
        theta = self._newton(chains, gain, floor)
        theta = self._typical(theta)
        theta = self._spread(before, theta, floor)
        for k, value in self.residual.items():
            former = np.exp(2 * before[k])
            theta[k] = 0.5 * np.log(max(value, floor * former, 1e-300))
        return theta

    def _typical(self, theta: np.ndarray) -> np.ndarray:
        """Generalised least squares of the averaged psi on what moves typical values; a Gauss-Newton step."""
        block = self.roles.typical
        if not len(block):
            return theta
        weight = self.law.precisions(theta)["eta"]
        full = self.roles.typical_jacobian if self.roles.linear else self.law.typical_jacobian(theta)
        jacobian = full[:, :, block]
        away = self.psi - self.law.typical(theta)
        weighted = np.einsum("ij,njp->nip", weight, jacobian)
        matrix = np.einsum("nip,niq->pq", jacobian, weighted)
        right = np.einsum("nip,ni->p", weighted, away)
        if self.priors:
            slope, bend = self._prior(theta, block)
            right, matrix = right + slope, matrix + _definite(bend)
        step = np.linalg.lstsq(matrix, right, rcond=1e-10)[0]
        if not self.roles.linear:
            step = np.clip(step, -_LARGEST, _LARGEST)
        moved = theta.copy()
        moved[block] += step
        return moved if np.all(np.isfinite(self.law.typical(moved))) else theta

    def moments(self, theta: np.ndarray) -> dict[str, np.ndarray]:
        """Averaged second moments of the effects around the centre that theta gives."""
        found = {}
        if self.law.n_eta:
            assert self.psi is not None and self.squares_psi is not None  # averaged before any moment
            centre, psi = self.law.typical(theta), self.psi
            cross = np.einsum("ni,nj->ij", psi, centre)
            total = self.squares_psi.sum(axis=0) - cross - cross.T + centre.T @ centre
            found["eta"] = total / len(centre)
        if "kappa" in self.law.kinds:
            found["kappa"] = self.squares_kappa
        return found

    def _spread(self, before: np.ndarray, theta: np.ndarray, floor: float) -> np.ndarray:
        block = self.roles.spread
        if not len(block):
            return theta
        moments = self.moments(theta)
        former = self.law.covariances(before)
        for kind, matrix in moments.items():
            diagonal = np.maximum(np.diag(matrix), 1e-300)
            raised = np.sqrt(np.maximum(diagonal, floor * np.diag(former[kind])) / diagonal)
            moments[kind] = matrix * np.outer(raised, raised)
        theta = theta.copy()
        for k, (kind, column) in self.roles.deviations.items():
            theta[k] = 0.5 * np.log(max(moments[kind][column, column], 1e-300))
        rest = np.array([k for k in block if k not in self.roles.deviations], int)
        return self._fit_spread(theta, rest, moments) if len(rest) else theta

    def _fit_spread(self, theta: np.ndarray, block: np.ndarray, moments: dict[str, np.ndarray]) -> np.ndarray:
        """Newton steps on the normal law's expected log-density, which knows the moments alone."""
        pseudo = self._pseudo_effects(moments)
        for _ in range(3):
            light, slope = self._spread_slope(theta, pseudo, block)
            bend = np.zeros((len(block), len(block)))
            for row, k in enumerate(block):
                moved = theta.copy()
                moved[k] += _STEP
                bend[row] = (self._spread_slope(moved, pseudo, block)[1] - slope) / _STEP
            step = np.clip(np.linalg.solve(_definite(-0.5 * (bend + bend.T)), slope), -_LARGEST, _LARGEST)
            for _ in range(8):
                moved = theta.copy()
                moved[block] += step
                value = self._spread_slope(moved, pseudo, block)[0]
                if np.isfinite(value) and value >= light - 1e-9:
                    break
                step = 0.5 * step
            else:
                return theta
            theta = moved
            if np.max(np.abs(step)) < 1e-4:
                break
        return theta

    def _spread_slope(
        self, theta: np.ndarray, pseudo: np.ndarray, block: np.ndarray
    ) -> tuple[float, np.ndarray]:
        light = self.densities.light(theta, pseudo)
        value, slope = light.effects, light.slope_effects[block]
        if self.priors:
            value, slope = value + light.prior, slope + light.slope_prior[block]
        return value, slope

    def _pseudo_effects(self, moments: dict[str, np.ndarray]) -> np.ndarray:
        """Effects that have exactly these second moments."""
        b = np.zeros(self.densities.conditional.n_effects)
        for kind, (offset, groups, width) in self.law.kinds.items():
            total = groups * moments[kind]
            factor = np.linalg.cholesky(total + 1e-12 * np.trace(total) * np.eye(width))
            table = np.zeros((groups, width))
            if groups >= width:
                table[:width] = factor.T
            else:
                table[:] = np.sqrt(np.diag(moments[kind]))
            b[offset : offset + groups * width] = table.ravel()
        return b

    def _prior(self, theta: np.ndarray, block: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Gradient and negative Hessian of log p(theta) in a block."""
        nothing = np.zeros(self.densities.conditional.n_effects)
        slope = self.densities.light(theta, nothing).slope_prior[block]
        bend = np.zeros((len(block), len(block)))
        for row, k in enumerate(block):
            moved = theta.copy()
            moved[k] += _STEP
            bend[row] = (self.densities.light(moved, nothing).slope_prior[block] - slope) / _STEP
        return slope, -0.5 * (bend + bend.T)

    # --- what has no closed form -----------------------------------------------------------------

    def _newton(self, chains: Chains, gain: float, floor: float) -> np.ndarray:
        block = self.roles.rest
        theta = chains.theta.copy()
        if not len(block):
            return theta
        slopes = [self._slope(theta, chains.flat(table), block) for table in chains.tables]
        slopes = [slope for slope in slopes if np.all(np.isfinite(slope))]
        if not slopes:
            return theta
        if self.curvature is None or gain == 1.0 or chains.rng.uniform() < 0.2:
            which = chains.rng.integers(chains.n_chains)
            bend = self._bend(theta, chains.flat(chains.tables[which]), block)
            if np.all(np.isfinite(bend)):
                self.curvature = _mixed(self.curvature, bend, max(gain * 0.3, 0.02))
        if self.curvature is None:
            return theta
        step = np.linalg.solve(_definite(self.curvature), np.mean(slopes, axis=0))
        theta[block] += np.clip(gain * step, -_LARGEST, _LARGEST)
        return theta

    def _slope(self, theta: np.ndarray, b: np.ndarray, block: np.ndarray) -> np.ndarray:
        slope = self.densities.conditional.joint(theta, b)[2][block]
        return slope if self.priors else slope - self.densities.light(theta, b).slope_prior[block]

    def _bend(self, theta: np.ndarray, b: np.ndarray, block: np.ndarray) -> np.ndarray:
        base = self._slope(theta, b, block)
        bend = np.zeros((len(block), len(block)))
        for row, k in enumerate(block):
            moved = theta.copy()
            moved[k] += _STEP
            bend[row] = (base - self._slope(moved, b, block)) / _STEP
        return 0.5 * (bend + bend.T)


def _mixed(old: np.ndarray | None, new: np.ndarray, gain: float) -> np.ndarray:
    return new if old is None else old + gain * (new - old)


def _definite(matrix: np.ndarray) -> np.ndarray:
    """The nearest matrix with eigenvalues well above zero."""
    values, vectors = np.linalg.eigh(matrix)
    largest = max(np.max(np.abs(values)), 1e-10)
    return (vectors * np.maximum(np.abs(values), 1e-6 * largest)) @ vectors.T
