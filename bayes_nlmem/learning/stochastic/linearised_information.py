"""Information about the population of a model that is linear in its effects around the subjects' modes."""

from __future__ import annotations

import numpy as np

from bayes_nlmem.ground.messages import FitError, explain, names_text
from bayes_nlmem.learning.stochastic.densities import Densities
from bayes_nlmem.learning.stochastic.effect_law import EffectLaw
from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.marginal.first_order import check_normal
from bayes_nlmem.marginal.likelihood import linearisation_of

_STEP = 1e-4
_REMEDY = "The column `se` of the estimates (Louis' identity) holds for every model"


def linearised_information(
    conditional: Conditional, theta: np.ndarray, b: np.ndarray, at: np.ndarray, *, priors: bool = False
) -> np.ndarray:
    r"""Expected information of y_i ~ N(f_i(\theta) + G_i \eta_i, G_i \Omega G_i' + S_i).

    .. math::
        I_{kl} = \sum_i m_{i,k}' V_i^{-1} m_{i,l} + \tfrac12 tr(V_i^{-1} V_{i,k} V_i^{-1} V_{i,l})

    with :math:`V_i = G_i \Omega G_i' + S_i` and slopes after a comma. Slopes of the predictions count in the
    mean alone: what moves the predictions is held fixed in :math:`V_i`.

    Parameters
    ----------
    conditional : Conditional
        The model's functions.
    theta : ndarray, shape (n_theta,)
        The estimate, unconstrained.
    b : ndarray, shape (n_effects,)
        Where to linearise: the modes of the effects.
    at : ndarray of int
        The estimated elements of theta.
    priors : bool
        Add the curvature of log p(theta).

    Returns
    -------
    ndarray, shape (n_estimated, n_estimated)

    Raises
    ------
    ModelError, FitError
        Outputs without a residual error, censored observations, effects that are not normal or that act on
        the size of an error.

    References
    ----------
    Lindstrom & Bates 1990, doi:10.2307/2532087; Retout & Mentre 2003, doi:10.1081/BIP-120019267
    """
    linear = linearisation_of(conditional).at(theta, b, population=True)
    check_normal(conditional, linear, _REMEDY)
    law = EffectLaw(Densities(conditional), theta)
    _check_law(conditional, law)
    assert linear.by_population is not None and linear.sd_by_population is not None
    mean = linear.by_population[:, at]
    scale = np.maximum(np.abs(linear.prediction).max(), 1e-300)
    moves = np.abs(mean).max(axis=0, initial=0.0) > 1e-10 * scale
    spread = np.linalg.inv(law.slot_precision(theta))
    spread_slopes = [None if moved else _slope(law, theta, k) for k, moved in zip(at, moves, strict=True)]
    total = np.zeros((len(at), len(at)))
    for i in range(len(conditional.slots)):
        own = linear.subject == i
        if not own.any():
            continue
        by_effect, sd = linear.by_effect[own], linear.sd[own]
        factor = np.linalg.cholesky(by_effect @ spread[i] @ by_effect.T + np.diag(sd**2))
        inverse = np.linalg.inv(factor)
        scaled = inverse @ mean[own]
        total += scaled.T @ scaled
        slopes = np.zeros((len(at), own.sum(), own.sum()))
        for row, (k, slope) in enumerate(zip(at, spread_slopes, strict=True)):
            if slope is not None:
                moved = by_effect @ slope[i] @ by_effect.T
                moved = moved + np.diag(2 * sd * linear.sd_by_population[own, k])
                slopes[row] = inverse @ moved @ inverse.T
        total += 0.5 * np.einsum("kij,lij->kl", slopes, slopes)
    return total + _of_prior(conditional, theta, at) if priors else total


def _slope(law: EffectLaw, theta: np.ndarray, k: int) -> np.ndarray:
    """Derivative of every subject's covariance of the effects in theta[k]."""
    sides = []
    for sign in (1.0, -1.0):
        moved = theta.copy()
        moved[k] += sign * _STEP
        sides.append(np.linalg.inv(law.slot_precision(moved)))
    return (sides[0] - sides[1]) / (2 * _STEP)


def _of_prior(conditional: Conditional, theta: np.ndarray, at: np.ndarray) -> np.ndarray:
    bend = np.zeros((len(at), len(at)))
    for row, k in enumerate(at):
        sides = []
        for sign in (1.0, -1.0):
            moved = theta.copy()
            moved[k] += sign * _STEP
            sides.append(conditional.prior(moved)[1][at])
        bend[row] = -(sides[0] - sides[1]) / (2 * _STEP)
    return 0.5 * (bend + bend.T)


def _check_law(conditional: Conditional, law: EffectLaw) -> None:
    model = conditional.translation.model
    on_errors = [name for name in model.random_effects if name not in model.parameters]
    if on_errors or not law.normal or not law.common:
        raise FitError(
            explain(
                expected="normal random effects of one law, on parameters, for linearised standard errors",
                got=f"effects on {names_text(on_errors)}" if on_errors else "another law",
                remedy=f"{_REMEDY}.",
            )
        )
