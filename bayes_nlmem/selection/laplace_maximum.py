"""The maximum of Laplace's approximation of the likelihood, by the subjects' scores.

The sum of the products of the subjects' scores estimates the information (Berndt, Hall, Hall & Hausman 1974,
https://www.nber.org/chapters/c10206): a few Newton-like steps where a quasi-Newton method, which has to learn
the curvature, takes dozens. With few subjects for the parameters it is no estimate, and L-BFGS-B takes over.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.marginal.ebe import find_modes
from bayes_nlmem.marginal.laplace import laplace

_DIFFERENCE = 1e-4
_LARGEST = 0.5  # of a step, on the unconstrained scale
_FURTHEST = 2.0  # from the start
_GAIN = 2e-4  # of the log-likelihood expected from the next step: none
_MOST_STEPS = 40
_SUBJECTS_PER_PARAMETER = 8


def climb_laplace(
    conditional: Conditional, theta: np.ndarray, b: np.ndarray, free: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Maximise in some elements of theta from a point and the modes near it.

    Parameters
    ----------
    conditional : Conditional
        The model's functions.
    theta : ndarray, shape (n_theta,)
        Where to begin.
    b : ndarray, shape (n_effects,)
        Modes of the effects near there.
    free : ndarray of int
        The elements that move.

    Returns
    -------
    theta, b : ndarray
        The maximum, and the modes there.
    """
    hill = _Hill(conditional, theta, free, b)
    x = theta[free]
    if len(conditional.slots) >= _SUBJECTS_PER_PARAMETER * len(free):
        x = _by_scores(hill, x)
    else:
        x = _by_differences(hill, x)
    best = theta.copy()
    best[free] = x
    return best, hill.b


class _Hill:
    """The subjects' log-likelihoods as a function of the free elements; remembers modes as a start."""

    def __init__(self, conditional: Conditional, theta: np.ndarray, free: np.ndarray, b: np.ndarray):
        self.conditional, self.theta, self.free, self.b = conditional, theta, free, b
        self.start = theta[free]

    def values(self, x: np.ndarray, *, keep: bool) -> np.ndarray:
        moved = self.theta.copy()
        moved[self.free] = x
        modes = find_modes(self.conditional, moved, self.b, steps=25, careful=False)
        found = laplace(modes, self.conditional.slots).log_likelihood
        if keep and np.all(np.isfinite(found)):
            self.b = modes.b
        return found

    def scores(self, x: np.ndarray) -> np.ndarray:
        """Every subject's slope, shape (n_subjects, n_free)."""
        steps = np.eye(len(x)) * _DIFFERENCE
        columns = [self.values(x + s, keep=False) - self.values(x - s, keep=False) for s in steps]
        return np.stack(columns, axis=1) / (2 * _DIFFERENCE)


def _by_scores(hill: _Hill, x: np.ndarray) -> np.ndarray:
    here = hill.values(x, keep=True).sum()
    if not np.isfinite(here):
        return _by_differences(hill, x)
    for _ in range(_MOST_STEPS):
        scores = hill.scores(x)
        slope = scores.sum(axis=0)
        if not np.all(np.isfinite(slope)):
            return _by_differences(hill, x)
        information = scores.T @ scores
        information += 1e-6 * np.diag(np.diag(information) + 1e-8)
        step = np.clip(np.linalg.solve(information, slope), -_LARGEST, _LARGEST)
        share = 1.0
        while share > 1e-3:
            proposal = np.clip(x + share * step, hill.start - _FURTHEST, hill.start + _FURTHEST)
            after = hill.values(proposal, keep=True).sum()
            if np.isfinite(after) and after >= here - 1e-7:
                break
            share /= 3
        else:
            return x
        gain, x, here = after - here, proposal, after
        if 0.5 * slope @ step < _GAIN or (share == 1.0 and gain < _GAIN / 2):
            break
    return x


def _by_differences(hill: _Hill, x: np.ndarray) -> np.ndarray:
    def falling(x: np.ndarray) -> tuple[float, np.ndarray]:
        total = hill.values(x, keep=True).sum()
        if not np.isfinite(total):
            return 1e10, np.zeros(len(x))
        return -2.0 * float(total), np.nan_to_num(-2.0 * hill.scores(x).sum(axis=0))

    bounds = [(centre - _FURTHEST, centre + _FURTHEST) for centre in hill.start]
    options = {"maxiter": 60, "ftol": 1e-9, "gtol": 1e-3}
    return minimize(falling, x, jac=True, method="L-BFGS-B", bounds=bounds, options=options).x
