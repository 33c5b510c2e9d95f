"""Empirical Bayes estimates: every subject's most probable effects, found safely, with their curvature."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bayes_nlmem.marginal.conditional import Conditional

CONVERGED, NOT_CONVERGED, NOT_FINITE, FLAT = "converged", "not converged", "not finite", "not a maximum"

_LARGEST_STEP = 1.0
_SMALLEST_SHARE = 1e-6
_MORE_STARTS = 4


@dataclass(frozen=True, eq=False)
class Modes:
    """Modes of p(b_i | y_i, theta) for all subjects, and the curvature there.

    Parameters
    ----------
    theta : ndarray, shape (n_theta,)
        Where the population parameters stand.
    b : ndarray, shape (n_effects,)
        The modes as a flat vector.
    table : ndarray, shape (n_subjects, n_slots)
        The same per subject: its `eta`, then its occasions' `kappa`; 0 in absent slots.
    log_joint : ndarray, shape (n_subjects,)
        log p(y_i, b_i | theta) at the mode.
    precision : ndarray, shape (n_subjects, n_slots, n_slots)
        Negative Hessian of `log_joint` as it is; identity in absent slots.
    factor : ndarray, shape (n_subjects, n_slots, n_slots)
        Lower Cholesky factor of the inverse of `precision`, made positive definite where it is not.
    slope : ndarray, shape (n_subjects,)
        Length of the next Newton step in standard deviations: 0 at a mode.
    status : ndarray of str, shape (n_subjects,)
        "converged", "not converged", "not finite" or "not a maximum".
    """

    theta: np.ndarray
    b: np.ndarray
    table: np.ndarray
    log_joint: np.ndarray
    precision: np.ndarray
    factor: np.ndarray
    slope: np.ndarray
    status: np.ndarray

    @property
    def converged(self) -> np.ndarray:
        """Where the mode was found, shape (n_subjects,)."""
        return self.status == CONVERGED

    @property
    def covariance(self) -> np.ndarray:
        """Inverse of the precision, shape (n_subjects, n_slots, n_slots)."""
        return self.factor @ self.factor.transpose(0, 2, 1)


def find_modes(
    conditional: Conditional,
    theta: np.ndarray,
    start: np.ndarray | None = None,
    *,
    steps: int = 60,
    tolerance: float = 1e-5,
    careful: bool = True,
    tries: int = 0,
) -> Modes:
    """Every subject's EBE by damped Newton steps, all subjects at once.

    A step is kept only by the subjects it improves. With a start other than zero the typical subject's start
    is tried too, and each subject keeps the better mode; subjects that did not converge get further starts.

    Parameters
    ----------
    conditional : Conditional
        The model's functions.
    theta : ndarray, shape (n_theta,)
        Population parameters, unconstrained.
    start : ndarray, shape (n_effects,), optional
        Where to begin; zeros by default.
    steps : int
        Largest number of steps per start.
    tolerance : float
        Newton step, in standard deviations, that counts as none.
    careful : bool
        Whether to use more than one start where the first is not zero or does not converge.
    tries : int
        Starts drawn from the prior of the effects. Few data, or predictions near 0, leave a subject with
        several modes, and what is estimated at a poor one (an enormous error) keeps it the best.

    Returns
    -------
    Modes
    """
    zeros = np.zeros(conditional.n_effects)
    first = zeros if start is None else start
    best = _climb(conditional, theta, first, steps, tolerance)
    if tries and conditional.slots.shape[1]:
        rng, spread = np.random.default_rng(21), prior_spread(conditional, theta)
        for _ in range(tries):
            drawn = conditional.scatter(spread * rng.normal(size=best.table.shape))
            best = _better(conditional, best, _climb(conditional, theta, drawn, steps, tolerance))
    if not careful:
        return best
    if start is not None and np.any(start != 0):
        best = _better(conditional, best, _climb(conditional, theta, zeros, steps, tolerance))
    rng = np.random.default_rng(20)
    for _ in range(_MORE_STARTS):
        if best.converged.all():
            break
        noise = rng.normal(size=best.table.shape) * ~best.converged[:, None]
        moved = best.table + np.einsum("nij,nj->ni", best.factor, noise)
        best = _better(
            conditional, best, _climb(conditional, theta, conditional.scatter(moved), steps, tolerance)
        )
    return best


def _climb(conditional: Conditional, theta: np.ndarray, b: np.ndarray, steps: int, tolerance: float) -> Modes:
    n, width = conditional.slots.shape
    value, gradient, _ = conditional.joint(theta, b)
    if width == 0:
        nothing = np.zeros((n, 0, 0))
        status = np.where(np.isfinite(value), CONVERGED, NOT_FINITE)
        return Modes(theta, b, np.zeros((n, 0)), value, nothing, nothing, np.zeros(n), status)
    damping = np.full(n, 1e-3)
    hessian = conditional.hessian(theta, b)
    for _ in range(steps):
        precision = positive(-hessian)
        table_gradient = conditional.gather(gradient)
        newton = np.linalg.solve(precision, table_gradient[:, :, None])[:, :, 0]
        length = np.sqrt(np.abs(np.einsum("ni,ni->n", newton, table_gradient)))
        busy = ~(length < tolerance)
        if not busy.any():
            break
        diagonal = np.einsum("nii->ni", precision)
        damped = precision + (damping[:, None] * diagonal)[:, :, None] * np.eye(width)
        step = np.linalg.solve(damped, np.nan_to_num(table_gradient)[:, :, None])[:, :, 0]
        step = np.clip(step, -_LARGEST_STEP, _LARGEST_STEP) * busy[:, None]
        proposal = b + conditional.scatter(step)
        new_value, new_gradient, _ = conditional.joint(theta, proposal)
        slack = 1e-10 * (1 + np.abs(value))
        keep = np.isfinite(new_value) & ((new_value >= value - slack) | ~np.isfinite(value)) & busy
        kept = conditional.scatter(np.repeat(keep[:, None], width, axis=1).astype(float)) > 0
        b = np.where(kept, proposal, b)
        value = np.where(keep, new_value, value)
        gradient = np.where(kept, new_gradient, gradient)
        damping = np.clip(np.where(keep, damping / 5, damping * 10), 1e-10, 1e8)
        if keep.any():
            hessian = conditional.hessian(theta, b)
        elif np.all(damping[busy] >= 1e8):
            break
    precision, table_gradient = positive(-hessian), conditional.gather(gradient)
    newton = np.linalg.solve(precision, np.nan_to_num(table_gradient)[:, :, None])[:, :, 0]
    length = np.sqrt(np.abs(np.einsum("ni,ni->n", newton, table_gradient)))
    # The last, full step costs nothing more and squares the error that is left.
    finish = (length < 0.01) & np.isfinite(value)
    b = b + conditional.scatter(newton * finish[:, None])
    value = np.where(finish, conditional.joint(theta, b)[0], value)
    smallest = np.linalg.eigvalsh(np.nan_to_num(-hessian))[:, 0]
    status = np.select(
        [~np.isfinite(value), length > max(100 * tolerance, 1e-3), smallest <= 0],
        [NOT_FINITE, NOT_CONVERGED, FLAT],
        CONVERGED,
    )
    return Modes(
        theta, b, conditional.gather(b), value, -hessian, factor_of(precision), length, status.astype(str)
    )


def prior_spread(conditional: Conditional, theta: np.ndarray) -> np.ndarray:
    """Standard deviation of every slot's effect given the others, before data; shape (n_slots,)."""
    n, width = conditional.slots.shape
    centre = conditional.effects_density(theta, np.zeros(conditional.n_effects))[0]
    fall = [
        centre - conditional.effects_density(theta, conditional.scatter(np.tile(np.eye(width)[k], (n, 1))))[0]
        for k in range(width)
    ]
    present = (conditional.slots >= 0).sum(axis=0)
    return np.sqrt(0.5 * present / np.maximum(fall, 1e-12))


def _better(conditional: Conditional, one: Modes, other: Modes) -> Modes:
    """Subject by subject the mode with the higher density."""
    value = np.where(np.isfinite(one.log_joint), one.log_joint, -np.inf)
    rival = np.where(np.isfinite(other.log_joint), other.log_joint, -np.inf)
    take = (rival > value + 1e-6) | (other.converged & ~one.converged & (rival > value - 1e-3))
    wide = take[:, None, None]
    table = np.where(take[:, None], other.table, one.table)
    return Modes(
        one.theta,
        conditional.scatter(table),
        table,
        np.where(take, other.log_joint, one.log_joint),
        np.where(wide, other.precision, one.precision),
        np.where(wide, other.factor, one.factor),
        np.where(take, other.slope, one.slope),
        np.where(take, other.status, one.status),
    )


def positive(matrices: np.ndarray) -> np.ndarray:
    """Nearest well-conditioned positive definite matrices, shape (n, k, k)."""
    identity = np.eye(matrices.shape[-1])
    finite = np.isfinite(matrices).all(axis=(1, 2), keepdims=True)
    values, vectors = np.linalg.eigh(np.where(finite, matrices, identity))
    largest = np.maximum(np.abs(values).max(axis=-1, keepdims=True), 1e-8)
    values = np.maximum(np.abs(values), _SMALLEST_SHARE * largest)
    return np.einsum("nij,nj,nkj->nik", vectors, values, vectors)


def factor_of(precision: np.ndarray) -> np.ndarray:
    """Lower Cholesky factors of the inverses of positive definite matrices."""
    inverse = np.linalg.inv(precision)
    return np.linalg.cholesky(0.5 * (inverse + inverse.transpose(0, 2, 1)))
