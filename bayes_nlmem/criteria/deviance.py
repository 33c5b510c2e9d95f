"""DIC, for completeness: a plug-in criterion that WAIC and LOO have replaced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_nlmem.criteria.elpd import SUBJECT
from bayes_nlmem.criteria.leave_one_out import check_by, observation_matrix, subject_matrix
from bayes_nlmem.marginal.likelihood import compiled_for
from bayes_nlmem.marginal.point import point_of


@dataclass(frozen=True, repr=False)
class DIC:
    r"""Deviance information criterion; smaller is better.

    .. math:: \mathrm{DIC} = \bar D + p, \qquad p = \bar D - D(\bar\theta)

    with the deviance :math:`D = -2 \log p(y \mid \theta)`, its posterior mean :math:`\bar D`, and its value
    at the posterior mean of the parameters.

    Parameters
    ----------
    by : str
        "subject": marginal, random effects integrated out; "observation": conditional on them.
    mean_deviance : float
        Posterior mean of -2 log p(y | .).
    deviance_at_mean : float
        -2 log p(y | .) at the posterior mean.

    References
    ----------
    Spiegelhalter, Best, Carlin & van der Linde 2002, doi:10.1111/1467-9868.00353

    Examples
    --------
    >>> DIC("subject", 105.0, 100.0)
    DIC (marginal) 110.00, effective parameters 5.0
    """

    by: str
    mean_deviance: float
    deviance_at_mean: float

    @property
    def p_eff(self) -> float:
        """Effective number of parameters, the difference of the two."""
        return self.mean_deviance - self.deviance_at_mean

    @property
    def value(self) -> float:
        """Mean deviance + effective number of parameters."""
        return self.mean_deviance + self.p_eff

    def __repr__(self) -> str:
        kind = "marginal" if self.by == SUBJECT else "conditional"
        return f"DIC ({kind}) {self.value:.2f}, effective parameters {self.p_eff:.1f}"


def dic(fit: Any, *, by: str = SUBJECT, draws: int = 400, seed: int = 0) -> DIC:
    """Deviance information criterion of a fit.

    The conditional one ("observation") counts random effects as parameters and is known to favour models with
    too many of them; the marginal one is not invariant to how parameters are written, because it plugs in
    their posterior mean. Use `loo`.

    Parameters
    ----------
    fit : Fit
        What was learnt.
    by : {"subject", "observation"}
        Random effects integrated out, or not.
    draws, seed : int
        As in `loo`.

    Returns
    -------
    DIC

    References
    ----------
    Spiegelhalter, Best, Carlin & van der Linde 2002, doi:10.1111/1467-9868.00353

    Examples
    --------
    >>> dic(fit, by="observation").p_eff > 5
    True
    """
    check_by(by)
    if by == SUBJECT:
        matrix, _, densities, _ = subject_matrix(fit, draws, None, seed)
        [at_mean], _ = densities.at(densities.centre[None, :])
    else:
        matrix, _, _ = observation_matrix(fit, draws)
        conditional = compiled_for(fit.model, fit.data, getattr(fit, "edit", None))
        posterior = fit.draws["posterior"]
        means = [
            np.ravel(posterior[rv.name].mean(("chain", "draw")).values)
            for rv in conditional.effects.variables
        ]
        b = np.concatenate(means) if means else np.zeros(0)
        at_mean = conditional.terms(point_of(conditional, fit), b)[1]
    return DIC(by, float(-2 * matrix.sum(axis=1).mean()), float(-2 * np.sum(at_mean)))
