"""Priors in the language of Stan, with their normalising constants."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from bayes_nlmem.ground.prior import Prior

Arguments = Mapping[str, float]

_PLAIN: dict[str, tuple[str, tuple[str, ...]]] = {
    "Normal": ("normal", ("mu", "sigma")),
    "LogNormal": ("lognormal", ("mu", "sigma")),
    "StudentT": ("student_t", ("nu", "mu", "sigma")),
    "Cauchy": ("cauchy", ("alpha", "beta")),
    "Gamma": ("gamma", ("alpha", "beta")),
    "InverseGamma": ("inv_gamma", ("alpha", "beta")),
    "Exponential": ("exponential", ("lam",)),
    "Weibull": ("weibull", ("alpha", "beta")),
    "Uniform": ("uniform", ("lower", "upper")),
    "Beta": ("beta", ("alpha", "beta")),
}


def _listed(*values: float) -> str:
    return ", ".join(repr(float(value)) for value in values)


def _truncated(name: str, given: Arguments) -> str:
    at = _listed(given["mu"], given["sigma"])
    low, high = given.get("lower", -math.inf), given.get("upper", math.inf)
    inside = f"normal_lpdf({name} | {at})"
    if math.isinf(low) and math.isinf(high):
        return inside
    if math.isinf(high):
        return f"{inside} - normal_lccdf({low!r} | {at})"
    above = f"normal_lcdf({high!r} | {at})"
    if math.isinf(low):
        return f"{inside} - {above}"
    return f"{inside} - log_diff_exp({above}, normal_lcdf({low!r} | {at}))"


_HALVES: dict[str, Callable[[str, Arguments], str]] = {
    "HalfNormal": lambda x, a: f"normal_lpdf({x} | {_listed(0, a['sigma'])}) + log(2)",
    "HalfCauchy": lambda x, a: f"cauchy_lpdf({x} | {_listed(0, a['beta'])}) + log(2)",
    "HalfStudentT": lambda x, a: f"student_t_lpdf({x} | {_listed(a['nu'], 0, a['sigma'])}) + log(2)",
    "TruncatedNormal": _truncated,
}


def log_density(name: str, prior: Prior) -> str | None:
    """Log density of an unknown at its value; None where Stan has no such distribution by itself.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> log_density("CL_pop", bn.Normal(1.0, 0.5))
    'normal_lpdf(CL_pop | 1.0, 0.5)'
    """
    kind, given = prior.distribution, prior.arguments()
    if kind in _PLAIN:
        word, order = _PLAIN[kind]
        if set(order) != set(given):
            return None
        return f"{word}_lpdf({name} | {_listed(*(given[one] for one in order))})"
    return _HALVES[kind](name, given) if kind in _HALVES else None


def declared(name: str, prior: Prior) -> str:
    """Declaration of an unknown between its bounds.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> declared("omega_CL", bn.HalfNormal(0.5))
    'real<lower=0.0> omega_CL;'
    """
    low, high = prior.support or (-math.inf, math.inf)
    named = {"lower": low, "upper": high}
    bounds = ", ".join(f"{word}={value!r}" for word, value in named.items() if math.isfinite(value))
    return f"real<{bounds}> {name};" if bounds else f"real {name};"
