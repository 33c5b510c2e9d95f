"""The law of the random effects as numbers: is it normal, what is its covariance, where is its centre."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bayes_nlmem.learning.stochastic.densities import Densities

_STEP = 1e-5


@dataclass(frozen=True, eq=False)
class EffectLaw:
    """What log p(b | theta) says about `eta` and `kappa`, read off its values.

    A normal log-density is a quadratic form, so a few values give its matrix exactly.

    Parameters
    ----------
    densities : Densities
        The model's densities.
    at : ndarray, shape (n_theta,)
        Where the questions `normal` and `common` are asked.
    """

    densities: Densities
    at: np.ndarray

    @cached_property
    def kinds(self) -> dict[str, tuple[int, int, int]]:
        """Offset in `b`, number of groups and of columns of `eta` and `kappa`."""
        found, offset = {}, 0
        effects = self.densities.conditional.effects
        for rv, shape in zip(effects.variables, effects.shapes, strict=True):
            groups, width = (int(size) for size in shape)
            found[rv.name] = (offset, groups, width)
            offset += groups * width
        return found

    @cached_property
    def normal(self) -> bool:
        """Whether the effects are normal around zero."""
        if not self.kinds:
            return True
        b = np.random.default_rng(23).normal(size=self.densities.conditional.n_effects)
        values = {factor: self._terms(self.at, factor * b) for factor in (-1.0, 0.0, 1.0, 2.0)}
        return all(
            np.allclose(one, minus, rtol=1e-8) and np.allclose(two - 4 * one + 3 * zero, 0.0, atol=1e-6)
            for minus, zero, one, two in zip(values[-1.0], values[0.0], values[1.0], values[2.0], strict=True)
        )

    @cached_property
    def common(self) -> bool:
        """Whether all subjects share one law, and all occasions."""
        return all(
            np.allclose(matrix, matrix[:1], rtol=1e-8) for matrix in self._precisions(self.at).values()
        )

    def _terms(self, theta: np.ndarray, b: np.ndarray) -> list[np.ndarray]:
        return [term.reshape(len(term), -1).sum(axis=1) for term in self.densities.light(theta, b).terms]

    def _precisions(self, theta: np.ndarray) -> dict[str, np.ndarray]:
        """Precision of every group's effects, (n_groups, width, width)."""
        n = self.densities.conditional.n_effects
        most = max((width for _, _, width in self.kinds.values()), default=0)

        def values(columns: tuple[int, ...]) -> list[np.ndarray]:
            b = np.zeros(n)
            for offset, groups, width in self.kinds.values():
                table = b[offset : offset + groups * width].reshape(groups, width)
                for column in columns:
                    if column < width:
                        table[:, column] += 1.0
            return self._terms(theta, b)

        zero = values(())
        single = [values((i,)) for i in range(most)]
        pairs = {(i, j): values((i, j)) for i in range(most) for j in range(i)}
        found = {}
        for level, (kind, (_, groups, width)) in enumerate(self.kinds.items()):
            matrix = np.zeros((groups, width, width))
            for i in range(width):
                matrix[:, i, i] = 2 * (zero[level] - single[i][level])
            for i in range(width):
                for j in range(i):
                    both = 2 * (zero[level] - pairs[i, j][level])
                    off = 0.5 * (both - matrix[:, i, i] - matrix[:, j, j])
                    off = np.where(np.abs(off) < 1e-9 * np.sqrt(matrix[:, i, i] * matrix[:, j, j]), 0.0, off)
                    matrix[:, i, j] = matrix[:, j, i] = off
            found[kind] = matrix
        return found

    def precisions(self, theta: np.ndarray) -> dict[str, np.ndarray]:
        """Precision matrix of `eta` and of `kappa`, each (width, width), of a common normal law."""
        key = theta[self._shaping].tobytes()
        if key not in self._known:
            if len(self._known) > 8:
                self._known.pop(next(iter(self._known)))
            self._known[key] = {kind: matrix[0] for kind, matrix in self._precisions(theta).items()}
        return self._known[key]

    @cached_property
    def _known(self) -> dict[bytes, dict[str, np.ndarray]]:
        """The matrices at the last few points."""
        return {}

    @cached_property
    def _shaping(self) -> np.ndarray:
        """Elements of theta that the law depends on."""
        b = np.random.default_rng(24).normal(size=self.densities.conditional.n_effects)
        return np.flatnonzero(np.abs(self.densities.light(self.at, b).slope_effects) > 0)

    def covariances(self, theta: np.ndarray) -> dict[str, np.ndarray]:
        """Covariance matrix of `eta` and of `kappa`."""
        found = {}
        for kind, matrix in self.precisions(theta).items():
            inverse = np.linalg.inv(matrix)
            diagonal = np.sqrt(np.diag(inverse))
            found[kind] = np.where(np.abs(inverse) < 1e-9 * np.outer(diagonal, diagonal), 0.0, inverse)
        return found

    def slot_precision(self, theta: np.ndarray) -> np.ndarray:
        """Prior precision of every subject's slots, (n_subjects, n_slots, n_slots); identity where absent."""
        slots = self.densities.conditional.slots
        n, width = slots.shape
        found = np.zeros((n, width, width))
        at = 0
        for kind, matrix in self.precisions(theta).items():
            size = len(matrix)
            last = at + size if kind == "eta" else width
            while at < last:
                found[:, at : at + size, at : at + size] = matrix
                at += size
        absent = slots < 0
        found[absent[:, :, None] | absent[:, None, :]] = 0.0
        found[:, np.arange(width), np.arange(width)] += absent
        return found

    # --- the centre ------------------------------------------------------------------------------

    @property
    def n_eta(self) -> int:
        """Number of effects between subjects."""
        return self.kinds["eta"][2] if "eta" in self.kinds else 0

    @cached_property
    def affine(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Intercept and slope of the typical values in theta, if they are linear in it."""
        first = self._jacobian(self.at)
        moved = self.at + 0.1 * np.random.default_rng(22).normal(size=len(self.at))
        base = self._typical(self.at)
        expected = base + first @ (moved - self.at)
        if np.allclose(first, self._jacobian(moved), rtol=1e-4, atol=1e-6) and np.allclose(
            expected, self._typical(moved), rtol=1e-7, atol=1e-7
        ):
            return base - first @ self.at, first
        return None

    def typical(self, theta: np.ndarray) -> np.ndarray:
        """Typical values on the additive scale at every subject's first row, (n_subjects, n_eta)."""
        if self.affine is not None:
            intercept, slope = self.affine
            return intercept + slope @ theta
        return self._typical(theta)

    def _typical(self, theta: np.ndarray) -> np.ndarray:
        translation = self.densities.conditional.translation
        layout, parameters = translation.layout, translation.model.parameters
        if not self.n_eta:
            return np.zeros((self.densities.n_subjects, 0))
        values = self.densities.light(theta, np.zeros(self.densities.conditional.n_effects)).individual
        columns = []
        for name in translation.model.random_effects:
            if name not in parameters:  # the magnitude of an error: its effect is around 0 by definition
                columns.append(np.zeros(self.densities.n_subjects))
                continue
            value = values[name]
            if len(value) == layout.n_rows:
                value = value[self._first_row]
            columns.append(parameters[name].scale.additive(value, np))
        return np.stack(columns, axis=1)

    @cached_property
    def _first_row(self) -> np.ndarray:
        return np.unique(self.densities.conditional.translation.layout.row_subject, return_index=True)[1]

    def typical_jacobian(self, theta: np.ndarray) -> np.ndarray:
        """D typical / d theta, (n_subjects, n_eta, n_theta)."""
        return self._jacobian(theta) if self.affine is None else self.affine[1]

    def _jacobian(self, theta: np.ndarray) -> np.ndarray:
        base = self._typical(theta)
        jacobian = np.zeros((*base.shape, len(theta)))
        for k in range(len(theta)):
            up, down = theta.copy(), theta.copy()
            up[k] += _STEP
            down[k] -= _STEP
            jacobian[:, :, k] = (self._typical(up) - self._typical(down)) / (2 * _STEP)
        jacobian[np.abs(jacobian) < 1e-9] = 0.0
        return np.where(np.isfinite(jacobian), jacobian, 0.0)

    def shifted(self, b: np.ndarray, change: np.ndarray) -> np.ndarray:
        """Effects with `change` (n_subjects, n_eta) added to `eta`."""
        if not self.n_eta:
            return b
        b = b.copy()
        b[: change.size] += change.ravel()
        return b
