"""A quick fit that finds the right mode: Laplace approximation of every subject inside an EM iteration.

E-step: each subject's mode and curvature by damped Newton steps. M-step: typical values and covariate
coefficients by Gauss-Newton with the individual parameters held fixed; standard deviations and
correlations of the effects, then everything else, by maximising the expected log-density. Priors are
included throughout. It supplies starting values, so a few digits are enough.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import minimize

from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.marginal.ebe import Modes, find_modes, positive
from bayes_nlmem.translation.geometry import scales_of_noncentred

_LARGEST_STEP = 1.0
_HALVINGS = 6
# Times the fall of a normal log-density above which a subject's spread along an axis is not believed.
_TOO_STEEP = 4.0
# Iterations that look for the subjects' modes from several places, and from how many draws of the prior.
_SEARCHES, _TRIES = 3, 3
# Standard deviations from a mode that are near enough.
_CLOSE = 0.01


@dataclass(frozen=True, eq=False)
class LaplaceFit:
    """Where the posterior has its mass.

    Parameters
    ----------
    theta : ndarray, shape (n_theta,)
        Population parameters on PyMC's unconstrained scale.
    effects : ndarray, shape (n_effects,)
        The subjects' modes.
    covariance : ndarray, shape (n_subjects, n_slots, n_slots)
        Inverse of the negative Hessian of every subject's joint log-density at its mode.
    iterations : int
        EM iterations made.
    converged : bool
        Whether the last change was below the tolerance.
    failed : ndarray of int
        Positions of the subjects whose prediction failed at the end.
    drift : ndarray, shape (n_subjects, n_slots, n_scales), or empty
        How effects that are means follow the numbers their spread depends on, see `conditional_moments`.
    """

    theta: np.ndarray
    effects: np.ndarray
    covariance: np.ndarray
    iterations: int
    converged: bool
    failed: np.ndarray
    drift: np.ndarray = field(default_factory=lambda: np.zeros((0, 0, 0)))


def laplace_em(conditional: Conditional, *, iterations: int = 40, tolerance: float = 0.01) -> LaplaceFit:
    """Fit the population parameters by Laplace-EM from the priors' centres.

    Parameters
    ----------
    conditional : Conditional
        The model's functions.
    iterations : int
        Largest number of EM iterations.
    tolerance : float
        Largest change of an element of `theta` (logarithms, mostly) that counts as none.

    Returns
    -------
    LaplaceFit
    """
    theta, b = conditional.population.join(conditional.population.start), np.zeros(conditional.n_effects)
    blocks = _blocks(conditional, theta)
    change, made = np.inf, 0
    for made in range(1, iterations + 1):
        early = made <= _SEARCHES
        found = quick_modes(conditional, theta, b, steps=12 if early else 3, tries=_TRIES if early else 0)
        covariance = _believable(conditional, theta, found.b, found.covariance)
        before, b = theta.copy(), found.b
        theta, b = _update_typical(conditional, theta, b, blocks.typical)
        theta = _update_spread(conditional, theta, b, covariance, blocks.spread)
        theta = _update_rest(conditional, theta, b, covariance, blocks.rest)
        change = np.max(np.abs(theta - before), initial=0.0)
        if change < tolerance:
            break
    found = quick_modes(conditional, theta, b)
    failed = np.flatnonzero(~np.isfinite(found.log_joint))
    return LaplaceFit(theta, found.b, found.covariance, made, bool(change < tolerance), failed)


def quick_modes(
    conditional: Conditional, theta: np.ndarray, b: np.ndarray, *, steps: int = 12, tries: int = 0
) -> Modes:
    """The subjects' modes to a percent of their standard deviations; see `find_modes`."""
    return find_modes(conditional, theta, b, steps=steps, tolerance=_CLOSE, careful=False, tries=tries)


@dataclass(frozen=True, eq=False)
class _Blocks:
    """Positions in `theta`: what moves typical values, what shapes the effects' spread, all others."""

    typical: np.ndarray
    spread: np.ndarray
    rest: np.ndarray


def _blocks(conditional: Conditional, theta: np.ndarray) -> _Blocks:
    probe = np.random.default_rng(1).normal(size=conditional.n_effects)
    difference = conditional.effects_density(theta, probe)[1] - conditional.prior(theta)[1]
    shapes = np.abs(difference) > 0  # also where a coefficient is measured in units of an omega
    moves = np.any(np.abs(_typical_jacobian(conditional, theta)) > 0, axis=(0, 1)) & ~shapes
    population, scales = conditional.population, scales_of_noncentred(conditional.graph)
    held = np.repeat(
        [rv.name in scales for rv in population.variables],
        [int(np.prod(shape)) for shape in population.shapes],
    )  # with what is measured in them they are known as products only, whose mode may be at 0
    rest = ~(moves | shapes | held)
    return _Blocks(np.flatnonzero(moves & ~held), np.flatnonzero(shapes), np.flatnonzero(rest))


def _believable(conditional: Conditional, theta, b, covariance):
    """The subjects' spread, less where their log-density falls much faster than its curvature says.

    Far from a mode, or where a proportional error's prediction goes to 0, a flat or concave-up direction is
    given a spread of several units; errors at the points of `_sigma_points` are then astronomical, and no
    parameter but the magnitude of the error could explain them. Along the axes of its factor a covariance
    is halved until the log-density falls there by at most `_TOO_STEEP` times what it would if it were normal.
    """
    width = covariance.shape[1]
    if width == 0:
        return covariance
    factor = np.linalg.cholesky(covariance)
    value, radius = conditional.joint(theta, b)[0], np.sqrt(width)
    for _ in range(_HALVINGS):
        steep = np.zeros(factor.shape[::2], dtype=bool)
        for k in range(width):
            for sign in (1.0, -1.0):
                point = b + sign * radius * conditional.scatter(factor[:, :, k])
                fall = value - conditional.joint(theta, point)[0]
                steep[:, k] |= ~(fall <= _TOO_STEEP * 0.5 * radius**2)
        if not steep.any():
            break
        factor = np.where(steep[:, None, :], 0.5 * factor, factor)
    return factor @ np.swapaxes(factor, 1, 2)


def typical_values(conditional: Conditional, theta: np.ndarray) -> np.ndarray:
    """Typical values on the additive scale at every subject's first row, shape (n_subjects, n_eta)."""
    translation = conditional.translation
    layout, parameters = translation.layout, translation.model.parameters
    values = conditional.individual(theta, np.zeros(conditional.n_effects))
    first_row = np.unique(layout.row_subject, return_index=True)[1]
    columns = []
    for name in translation.model.random_effects:
        if name not in parameters:  # the magnitude of an error: its effect is around 0 by definition
            columns.append(np.zeros(len(layout.subjects)))
            continue
        value = values[name]
        if len(value) == layout.n_rows:
            value = value[first_row]
        columns.append(parameters[name].scale.additive(value, np))
    return np.stack(columns, axis=1) if columns else np.zeros((len(layout.subjects), 0))


def _typical_jacobian(conditional: Conditional, theta: np.ndarray, step: float = 1e-5) -> np.ndarray:
    """D typical / d theta, shape (n_subjects, n_eta, n_theta)."""
    base = typical_values(conditional, theta)
    jacobian = np.zeros((*base.shape, len(theta)))
    for k in range(len(theta)):
        moved = theta.copy()
        moved[k] += step
        jacobian[:, :, k] = (typical_values(conditional, moved) - base) / step
    return np.where(np.isfinite(jacobian), jacobian, 0.0)


def _update_typical(conditional: Conditional, theta, b, block):
    """Gauss-Newton step for typical values and covariates, the individual parameters held fixed."""
    if not len(block):
        return theta, b
    n_eta = len(conditional.translation.model.random_effects)
    eta = b[: n_eta * len(conditional.slots)].reshape(-1, n_eta)
    covariance = eta.T @ eta / len(eta) + 1e-2 * np.eye(n_eta)
    weight = np.linalg.inv(covariance)
    jacobian = _typical_jacobian(conditional, theta)[:, :, block]
    hessian = np.einsum("nip,ij,njq->pq", jacobian, weight, jacobian)
    score = np.einsum("nip,ij,nj->p", jacobian, weight, eta)
    prior_gradient = conditional.prior(theta)[1]
    prior_hessian = np.zeros((len(block), len(block)))
    for row, k in enumerate(block):
        moved = theta.copy()
        moved[k] += 1e-4
        prior_hessian[row] = (conditional.prior(moved)[1] - prior_gradient)[block] / 1e-4
    precision = positive((hessian - 0.5 * (prior_hessian + prior_hessian.T))[None])[0]
    step = np.clip(np.linalg.solve(precision, score + prior_gradient[block]), -_LARGEST_STEP, _LARGEST_STEP)
    typical = typical_values(conditional, theta)
    best = conditional.prior(theta)[0] - 0.5 * np.einsum("ni,ij,nj->", eta, weight, eta)
    for _ in range(_HALVINGS):
        moved = theta.copy()
        moved[block] += step
        left = eta - (typical_values(conditional, moved) - typical)
        value = conditional.prior(moved)[0] - 0.5 * np.einsum("ni,ij,nj->", left, weight, left)
        if value >= best:  # False where it is not finite
            b = b.copy()
            b[: eta.size] = left.ravel()
            return moved, b
        step = step / 2
    return theta, b


def _update_spread(conditional: Conditional, theta, b, covariance, block):
    """Maximise the expected density of the effects in their standard deviations and correlations.

    The expectation of a normal log-density depends on the second moments alone, so it equals the density
    of pseudo-effects that have exactly these moments.
    """
    if not len(block):
        return theta
    pseudo = _pseudo_effects(conditional, b, covariance)

    def objective(x):
        moved = theta.copy()
        moved[block] = x
        value, gradient = conditional.effects_density(moved, pseudo)
        return (-value, -gradient[block]) if np.isfinite(value) else (1e10, np.zeros(len(block)))

    return _improved(objective, theta, block, iterations=30)


def _pseudo_effects(conditional: Conditional, b: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    parts, at, slot = [], 0, 0
    for rv, shape in zip(conditional.effects.variables, conditional.effects.shapes, strict=True):
        groups, width = shape
        values = b[at : at + groups * width].reshape(shape)
        moments = values.T @ values
        last = covariance.shape[1] if rv.name == "kappa" else slot + width
        for first in range(slot, last, width):
            present = conditional.slots[:, first] >= 0
            moments = moments + covariance[present, first : first + width, first : first + width].sum(axis=0)
        factor = np.linalg.cholesky(moments + 1e-10 * np.trace(moments) * np.eye(width))
        pseudo = np.zeros(shape)
        if groups >= width:
            pseudo[:width] = factor.T
        else:
            pseudo[:] = np.sqrt(np.diag(moments) / groups)
        parts.append(pseudo.ravel())
        at, slot = at + groups * width, last
    return np.concatenate(parts) if parts else np.zeros(0)


def _update_rest(conditional: Conditional, theta, b, covariance, block):
    """Maximise the expected log-likelihood in all other parameters (residual error, fixed effects)."""
    if not len(block):
        return theta
    points = _sigma_points(conditional, b, covariance)

    def objective(x):
        moved = theta.copy()
        moved[block] = x
        value, gradient = 0.0, np.zeros(len(block))
        for point in points:
            subjects, _, gradient_theta = conditional.joint(moved, point)
            value += np.sum(subjects) / len(points)
            gradient += gradient_theta[block] / len(points)
        value += conditional.prior(moved)[0]
        if not (np.isfinite(value) and np.all(np.isfinite(gradient))):
            return 1e10, np.zeros(len(block))
        return -value, -gradient

    return _improved(objective, theta, block, iterations=8)


def _sigma_points(conditional: Conditional, b: np.ndarray, covariance: np.ndarray) -> list[np.ndarray]:
    """Points whose mean and covariance are those of the effects (third-degree cubature)."""
    width = covariance.shape[1]
    if width == 0:
        return [b]
    factor = np.linalg.cholesky(covariance) * np.sqrt(width)
    return [b + sign * conditional.scatter(factor[:, :, k]) for k in range(width) for sign in (1.0, -1.0)]


def _improved(objective, theta, block, iterations: int) -> np.ndarray:
    bounds = [(x - 1.5, x + 1.5) for x in theta[block]]
    found = minimize(
        objective, theta[block], jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": iterations}
    )
    moved = theta.copy()
    if found.fun < 1e10:
        moved[block] = found.x
    return moved
