"""How far a point is from the maximum of the exact likelihood, found without SAEM."""

from __future__ import annotations

import numpy as np

from bayes_nlmem.marginal.ebe import find_modes
from bayes_nlmem.marginal.likelihood import compiled_for
from bayes_nlmem.marginal.quadrature import quadrature


def errors_away(result, nodes: int = 9) -> dict[str, float]:
    """Newton step from SAEM's estimate to the maximum, in standard errors, element by element.

    Slope and curvature are differences of the likelihood by adaptive quadrature (plus the prior for a
    posterior mode); SAEM's own information only gives the unit.
    """
    conditional = compiled_for(result.model, result.data, result.edit)
    elements = conditional.population.elements
    errors = np.sqrt(np.diag(result.covariance))
    names = result.covariance.index[np.isfinite(errors)]
    at = [elements.index(name) for name in names]
    error = errors[np.isfinite(errors)]
    start = result.individuals["MODE"].to_numpy(float)

    def value(shift: np.ndarray) -> float:
        theta = result.theta.copy()
        theta[at] += 0.3 * error * shift
        modes = find_modes(conditional, theta, start, careful=False)
        total = quadrature(conditional, modes, nodes=nodes).log_likelihood.sum()
        of_priors = conditional.prior(theta)[0] if result.record.estimate == "posterior mode" else 0.0
        return float(total + of_priors)

    identity = np.eye(len(at))
    here = value(0 * error)
    up = np.array([value(one) for one in identity])
    down = np.array([value(-one) for one in identity])
    slope = (up - down) / 2
    bend = np.diag(up + down - 2 * here)
    for i in range(len(at)):
        for j in range(i):
            both = value(identity[i] + identity[j])
            bend[i, j] = bend[j, i] = both - here - (slope[i] + slope[j]) - 0.5 * (bend[i, i] + bend[j, j])
    step = 0.3 * np.linalg.solve(-bend, slope)
    return dict(zip(names, np.abs(step).tolist(), strict=True))
