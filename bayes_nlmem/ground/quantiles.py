"""Quantiles of the priors that have a quick formula (scipy is imported on first use)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any


def quantile(distribution: str, arguments: Mapping[str, float], probability: float) -> float | None:
    """Quantile of a PyMC distribution, None if it is not among those known here.

    Parameters
    ----------
    distribution : str
        Name of the PyMC class.
    arguments : mapping
        Its keyword arguments.
    probability : float
        Between 0 and 1.

    Examples
    --------
    >>> round(quantile("Normal", {"mu": 1.0, "sigma": 2.0}, 0.975), 2)
    4.92
    >>> quantile("Moyal", {"mu": 0.0, "sigma": 1.0}, 0.5) is None
    True
    """
    from scipy import stats

    if distribution not in _LAWS:
        return None
    try:
        return float(_LAWS[distribution](stats, **arguments).ppf(probability))
    except TypeError:  # arguments in another parameterisation, for example sigma given as tau
        return None


def _truncated_normal(
    s: Any, mu: float, sigma: float, lower: float = -math.inf, upper: float = math.inf
) -> Any:
    return s.truncnorm((lower - mu) / sigma, (upper - mu) / sigma, loc=mu, scale=sigma)


class _Folded:
    """Absolute value of a variable that is symmetric about 0."""

    def __init__(self, law: Any) -> None:
        self._law = law

    def ppf(self, probability: float) -> float:
        return self._law.ppf((1 + probability) / 2)


_LAWS: dict[str, Callable[..., Any]] = {
    "Normal": lambda s, mu=0.0, sigma=1.0: s.norm(mu, sigma),
    "LogNormal": lambda s, mu=0.0, sigma=1.0: s.lognorm(sigma, scale=math.exp(mu)),
    "HalfNormal": lambda s, sigma=1.0: s.halfnorm(scale=sigma),
    "HalfCauchy": lambda s, beta=1.0: s.halfcauchy(scale=beta),
    "Cauchy": lambda s, alpha=0.0, beta=1.0: s.cauchy(alpha, beta),
    "StudentT": lambda s, nu, mu=0.0, sigma=1.0: s.t(nu, mu, sigma),
    "HalfStudentT": lambda s, nu, sigma=1.0: _Folded(s.t(nu, scale=sigma)),
    "Gamma": lambda s, alpha, beta: s.gamma(alpha, scale=1 / beta),
    "InverseGamma": lambda s, alpha, beta=1.0: s.invgamma(alpha, scale=beta),
    "Exponential": lambda s, lam: s.expon(scale=1 / lam),
    "Uniform": lambda s, lower=0.0, upper=1.0: s.uniform(lower, upper - lower),
    "Beta": lambda s, alpha, beta: s.beta(alpha, beta),
    "ScaledBeta": lambda s, shape: s.beta(shape, shape, loc=-1, scale=2),
    "TruncatedNormal": _truncated_normal,
    "LogitNormal": lambda s, mu=0.0, sigma=1.0: _Logistic(s.norm(mu, sigma)),
    "Laplace": lambda s, mu=0.0, b=1.0: s.laplace(mu, b),
    "Weibull": lambda s, alpha, beta: s.weibull_min(alpha, scale=beta),
}


class _Logistic:
    """1 / (1 + exp(-x)) of a variable x."""

    def __init__(self, law: Any) -> None:
        self._law = law

    def ppf(self, probability: float) -> float:
        return 1 / (1 + math.exp(-self._law.ppf(probability)))
