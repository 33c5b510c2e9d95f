"""Which update a population parameter gets, found by what it does and not by its name.

Four roles. *Typical*: moves the effects' centre only, psi_i = m_i(theta) + eta_i, and the data know it
through psi_i alone (typical values, covariate coefficients): generalised least squares. *Spread*: shapes
the normal law of the effects (omega, gamma, correlations): moments. *Scale*: standard deviation of one
output's error, y = f + sigma s(f) e: root mean square. *Rest*: everything else, by Newton steps on the
complete data's log-likelihood. Every claim is checked with numbers at two points, so that a parameter that
plays two roles, or a law of another kind, ends among the rest and is still right.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bayes_nlmem.learning.stochastic.densities import Densities
from bayes_nlmem.learning.stochastic.effect_law import EffectLaw

_CLOSE = 1e-6
_SHIFT = 0.03


@dataclass(frozen=True, eq=False)
class Roles:
    """Positions in `theta` by role; an element that is held has none.

    Parameters
    ----------
    typical, spread, rest : ndarray of int
        Positions in `theta`.
    scale : dict of int to int
        Position in `theta` -> the output (its number) whose error it scales.
    deviations : dict of int to (str, int)
        Of the spread: position -> ("eta" or "kappa", column) where theta is the logarithm of that
        standard deviation and nothing else.
    typical_jacobian : ndarray, shape (n_subjects, n_eta, n_theta)
        D m / d theta at the start, zero outside `typical`.
    linear : bool
        Whether m is linear in theta, so that the Jacobian holds everywhere.
    """

    typical: np.ndarray
    spread: np.ndarray
    rest: np.ndarray
    scale: dict[int, int]
    deviations: dict[int, tuple[str, int]]
    typical_jacobian: np.ndarray
    linear: bool

    @cached_property
    def estimated(self) -> np.ndarray:
        """All positions that have a role, in order."""
        return np.sort(np.concatenate([self.typical, self.spread, self.rest, list(self.scale)]).astype(int))


def find_roles(
    densities: Densities, law: EffectLaw, theta: np.ndarray, held: np.ndarray, *, closed: bool
) -> Roles:
    """Sort the elements of theta by role.

    Parameters
    ----------
    densities : Densities
        The model's densities.
    law : EffectLaw
        The law of its effects.
    theta : ndarray, shape (n_theta,)
        A point where everything is finite.
    held : ndarray of bool, shape (n_theta,)
        What is not estimated.
    closed : bool
        Whether closed forms may be used for `scale` and `deviations` (no prior acts).
    """
    rng = np.random.default_rng(20)
    b = 0.1 * rng.normal(size=densities.conditional.n_effects)
    free = [int(k) for k in np.flatnonzero(~held)]
    jacobian, linear = law.typical_jacobian(theta), law.affine is not None
    moves = [k for k in free if np.any(jacobian[:, :, k])]
    typical = [k for k in moves if law.normal and _acts_through_effects(densities, law, theta, b, k)]
    shapes = _shapes_effects(densities, theta, b)
    spread = [
        k
        for k in free
        if k not in moves and law.normal and law.common and shapes[k] and not _seen(densities, theta, b, k)
    ]
    left = [k for k in free if k not in typical and k not in spread]
    scale = {k: out for k in left if closed and (out := _scaled_output(densities, theta, b, k)) is not None}
    outputs = list(scale.values())
    scale = {k: out for k, out in scale.items() if outputs.count(out) == 1}
    deviations = _deviations(law, theta, spread) if closed else {}
    kept = np.zeros_like(jacobian)
    kept[:, :, typical] = jacobian[:, :, typical]
    rest = [k for k in left if k not in scale]
    return Roles(
        np.array(typical, int), np.array(spread, int), np.array(rest, int), scale, deviations, kept, linear
    )


def unidentified(densities: Densities, theta: np.ndarray, held: np.ndarray) -> np.ndarray:
    """Positions that neither the data nor the effects know anything about: only a prior speaks of them."""
    rng = np.random.default_rng(21)
    known = np.zeros(len(theta), bool)
    for _ in range(2):
        b = 0.2 * rng.normal(size=densities.conditional.n_effects)
        moved = theta + 0.05 * rng.normal(size=len(theta))
        slope = densities.conditional.joint(moved, b)[2] - densities.light(moved, b).slope_prior
        known |= ~(np.abs(slope) <= 1e-10)
    return np.flatnonzero(~known & ~held)


def _acts_through_effects(
    densities: Densities, law: EffectLaw, theta: np.ndarray, b: np.ndarray, k: int
) -> bool:
    """Whether moving theta[k] and moving the effects back leaves every observation's density as it was."""
    moved = theta.copy()
    moved[k] += _SHIFT
    back = law.shifted(b, law.typical(theta) - law.typical(moved))
    same = all(
        np.allclose(one, other, rtol=_CLOSE, atol=_CLOSE, equal_nan=True)
        for one, other in zip(densities.outputs(theta, b), densities.outputs(moved, back), strict=True)
    )
    before, after = densities.light(theta, b).terms, densities.light(moved, b).terms
    return same and all(np.allclose(x, y, rtol=1e-9, atol=1e-9) for x, y in zip(before, after, strict=True))


def _shapes_effects(densities: Densities, theta: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.abs(densities.light(theta, b).slope_effects) > 1e-10


def _seen(densities: Densities, theta: np.ndarray, b: np.ndarray, k: int) -> bool:
    """Whether the data's density knows theta[k] when the effects are given."""
    moved = theta.copy()
    moved[k] += _SHIFT
    pairs = zip(densities.outputs(theta, b), densities.outputs(moved, b), strict=True)
    return any(not np.allclose(x, y, rtol=1e-12, atol=1e-12, equal_nan=True) for x, y in pairs)


def _scaled_output(densities: Densities, theta: np.ndarray, b: np.ndarray, k: int) -> int | None:
    """The output whose error exp(theta[k]) scales, if its density is that of a normal error."""
    base = densities.light(theta, b)
    moved = theta.copy()
    moved[k] += _SHIFT
    light = densities.light(moved, b)
    if not np.allclose(base.slope_effects, light.slope_effects) or any(
        not np.allclose(base.individual[name], light.individual[name]) for name in base.individual
    ):
        return None
    here = densities.outputs(theta, b)
    there = densities.outputs(moved, b)
    changed = [
        out for out, (x, y) in enumerate(zip(here, there, strict=True)) if not np.allclose(x, y, atol=1e-12)
    ]
    if len(changed) != 1:
        return None
    [out] = changed
    if not np.all(np.isfinite(here[out])):
        return None
    further = theta.copy()
    further[k] -= 0.5
    far = densities.outputs(further, b)[out]
    near_squares = squares(here[out], there[out], theta[k], moved[k])
    far_squares = squares(here[out], far, theta[k], further[k])
    scale = np.exp(2 * theta[k])
    return out if np.allclose(near_squares, far_squares, rtol=1e-4, atol=1e-6 * scale) else None


def squares(here: np.ndarray, there: np.ndarray, log_here: float, log_there: float) -> np.ndarray:
    """Squared residuals in units of s(f), from a normal log-density at two values of its scale.

    l(sigma) = c - log sigma - r^2 / (2 sigma^2), so r^2 = 2 (l1 - l2 + log(sigma1 / sigma2)) /
    (sigma2^-2 - sigma1^-2).
    """
    weight = np.exp(-2 * log_there) - np.exp(-2 * log_here)
    return 2 * (here - there + log_here - log_there) / weight


def _deviations(law: EffectLaw, theta: np.ndarray, spread: list[int]) -> dict[int, tuple[str, int]]:
    """Elements that are the logarithm of one effect's standard deviation and do nothing else."""
    found = {}
    base = law.covariances(theta)
    for k in spread:
        moved = theta.copy()
        moved[k] += _SHIFT
        changes = []
        for kind, after in law.covariances(moved).items():
            before = base[kind]
            for i, j in np.argwhere(~np.isclose(before, after, rtol=1e-9, atol=1e-14)):
                changes.append((kind, int(i), int(j)))
        if len(changes) != 1 or changes[0][1] != changes[0][2]:
            continue
        kind, column, _ = changes[0]
        row = base[kind][column].copy()
        row[column] = 0.0
        if np.any(row != 0.0):
            continue
        if np.isclose(np.exp(2 * theta[k]), base[kind][column, column], rtol=1e-6):
            found[k] = (kind, column)
    return found
