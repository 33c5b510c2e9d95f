"""NONMEM's first-order approximations: FO, FOCE and FOCEI, from the exact linearisation of the graph."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_nlmem.ground.messages import FitError, explain, names_text
from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.marginal.ebe import CONVERGED, NOT_CONVERGED, Modes
from bayes_nlmem.marginal.integral import Integral
from bayes_nlmem.marginal.linearised import Linearisation, Linearised
from bayes_nlmem.statistics.standard_laws import StandardNormal
from bayes_nlmem.statistics.transformations import Untransformed

_STEP = 1e-2
_EXACT_METHODS = "Use method='laplace', 'quadrature' or 'importance'"
_LOG_2PI = np.log(2 * np.pi)


def focei(conditional: Conditional, linearisation: Linearisation, modes: Modes) -> Integral:
    """First-order conditional estimation with interaction.

    Laplace's formula at the EBE with the expected information of normal residuals in place of the Hessian,
    H = Omega^-1 + sum_j [f'f'^T / s^2 + 2 s's'^T / s^2], s the residual SD and ' the slope in the effects.

    References
    ----------
    Wang 2007, doi:10.1007/s10928-007-9060-6
    """
    linear = linearisation.at(modes.theta, modes.b)
    check_normal(conditional, linear)
    n = len(conditional.slots)
    precision = effects_precision(conditional, modes.theta, modes.b)
    scaled, scaled_sd = linear.by_effect / linear.sd[:, None], linear.sd_by_effect / linear.sd[:, None]
    np.add.at(precision, linear.subject, np.einsum("ki,kj->kij", scaled, scaled))
    np.add.at(precision, linear.subject, 2 * np.einsum("ki,kj->kij", scaled_sd, scaled_sd))
    present = (conditional.slots >= 0).sum(axis=1)
    found = modes.log_joint + 0.5 * present * _LOG_2PI - 0.5 * np.linalg.slogdet(precision)[1]
    return Integral(found, np.full(n, np.nan), modes.status)


def foce(
    conditional: Conditional, linearisation: Linearisation, theta: np.ndarray, start: np.ndarray
) -> Integral:
    """First-order conditional estimation without interaction: residual SDs are those of the typical subject.

    The EBEs are sought with these SDs; y_i is normal with mean f - G b and covariance G Omega G^T + S.
    """
    typical = linearisation.at(theta, np.zeros(conditional.n_effects))
    check_normal(conditional, typical)
    precision = effects_precision(conditional, theta, np.zeros(conditional.n_effects))
    table = conditional.gather(start)
    step = np.inf
    linear = typical
    for _ in range(100):
        linear = linearisation.at(theta, conditional.scatter(table))
        moved = _gauss_newton(linear, typical.sd, table, precision)
        step = np.abs(moved - table).max()
        table = table + np.clip(moved - table, -1.0, 1.0)
        if step < 1e-8:
            break
    linear = linearisation.at(theta, conditional.scatter(table))
    residual = linear.observed - linear.prediction
    residual = residual + np.einsum("kj,kj->k", linear.by_effect, table[linear.subject])
    status = np.full(len(table), CONVERGED if step < 1e-5 else NOT_CONVERGED)
    return _normal_marginal(conditional, linear, residual, typical.sd, precision, status)


def fo(conditional: Conditional, linearisation: Linearisation, theta: np.ndarray) -> Integral:
    """First order: the model is linearised at zero effects."""
    linear = linearisation.at(theta, np.zeros(conditional.n_effects))
    check_normal(conditional, linear)
    precision = effects_precision(conditional, theta, np.zeros(conditional.n_effects))
    status = np.full(len(conditional.slots), CONVERGED)
    return _normal_marginal(
        conditional, linear, linear.observed - linear.prediction, linear.sd, precision, status
    )


def effects_precision(conditional: Conditional, theta: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Negative Hessian of log p(b_i | theta) per subject: Omega^-1 for normal effects.

    Differences of the density itself, exact for normal effects; identity in absent slots. Shape (n_subjects,
    n_slots, n_slots).
    """
    n, width = conditional.slots.shape
    present = conditional.slots >= 0

    def density(*directions: tuple[int, float]) -> np.ndarray:
        table = np.zeros((n, width))
        for k, step in directions:
            table[:, k] += step
        return conditional.densities(theta, b + conditional.scatter(table))[0]

    precision = np.zeros((n, width, width))
    for i in range(width):
        for j in range(i + 1):
            corners = sum(
                sign_i * sign_j * density((i, sign_i * _STEP), (j, sign_j * _STEP))
                for sign_i in (1, -1)
                for sign_j in (1, -1)
            )
            both = present[:, i] & present[:, j]
            precision[:, i, j] = precision[:, j, i] = np.where(both, -corners / (4 * _STEP**2), 0.0)
    precision[:, np.arange(width), np.arange(width)] += ~present
    return precision


def _gauss_newton(linear: Linearised, sd: np.ndarray, table: np.ndarray, precision: np.ndarray) -> np.ndarray:
    scaled = linear.by_effect / sd[:, None]
    target = (linear.observed - linear.prediction) / sd
    target = target + np.einsum("kj,kj->k", scaled, table[linear.subject])
    hessian, slope = precision.copy(), np.zeros_like(table)
    np.add.at(hessian, linear.subject, np.einsum("ki,kj->kij", scaled, scaled))
    np.add.at(slope, linear.subject, scaled * target[:, None])
    return np.linalg.solve(hessian, slope[:, :, None])[:, :, 0]


def _normal_marginal(
    conditional: Conditional,
    linear: Linearised,
    residual: np.ndarray,
    sd: np.ndarray,
    precision: np.ndarray,
    status: np.ndarray,
) -> Integral:
    covariance = np.linalg.inv(precision)
    found = np.zeros(len(precision))
    for i in range(len(precision)):
        own = linear.subject == i
        slope = linear.by_effect[own]
        spread = slope @ covariance[i] @ slope.T + np.diag(sd[own] ** 2)
        quadratic = residual[own] @ np.linalg.solve(spread, residual[own])
        found[i] = -0.5 * (own.sum() * _LOG_2PI + np.linalg.slogdet(spread)[1] + quadratic)
    found += _jacobian(conditional)
    return Integral(found, np.full(len(found), np.nan), status)


def _jacobian(conditional: Conditional) -> np.ndarray:
    """Sum of log |dh(y) / dy| of every subject: the density is that of y itself, whatever scale h is."""
    translation = conditional.translation
    subject = translation.data.table["SUBJECT"].to_numpy(np.int64)
    total = np.zeros(len(conditional.slots))
    for name, seen in translation.observed.items():
        slope = log_slope(translation.model.residuals[name].law, seen.value)
        total += np.bincount(subject[seen.record], slope, minlength=len(total))
    return total


def log_slope(law: Any, value: np.ndarray) -> np.ndarray:
    """Log |dh / dy| of a law's scale at observations; 0 where y is outside the range of h."""
    if isinstance(law.scale, Untransformed):
        return np.zeros(len(value))
    inside = np.where(value > 0, value, 1.0) if law.positive else value
    return np.broadcast_to(law.scale.log_slope(inside, np), np.shape(value))


def check_normal(conditional: Conditional, linear: Linearised, remedy: str = _EXACT_METHODS) -> None:
    """Refuse what a normal approximation of the observations cannot hold: other laws, censored values."""
    model = conditional.translation.model
    other = [
        name
        for name in conditional.translation.observed
        if not isinstance(model.residuals[name].law.standard, StandardNormal)
    ]
    if other:
        raise FitError(
            explain(
                expected="normal residual errors for a first-order method",
                got=f"{', '.join(other)} with another law",
                remedy=f"{remedy}.",
            )
        )
    truncated = [name for name, seen in conditional.translation.observed.items() if seen.truncated]
    odd = [name for name, parameter in model.parameters.items() if parameter.law is not None]
    if truncated or odd:
        raise FitError(
            explain(
                expected="untruncated observations and normal random effects for a first-order method",
                got=f"{', '.join(truncated + odd)} without",
                remedy=f"{remedy}.",
            )
        )
    if linear.censored.any():
        ids = [conditional.translation.layout.subjects[k] for k in np.unique(linear.subject[linear.censored])]
        raise FitError(
            explain(
                expected="quantified observations only for a first-order method",
                got=f"{int(linear.censored.sum())} censored ones in {names_text(ids, noun='subject')}",
                remedy=f"{remedy}; NONMEM too needs LAPLACE for M3.",
            )
        )
