"""A published estimate with its standard error, as a prior where it is used."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from bayes_nlmem.ground.messages import ModelError, explain
from bayes_nlmem.ground.prior import LINE, POSITIVE, Prior, Support, is_number
from bayes_nlmem.ground.priors import LogNormal, Normal, TruncatedNormal

FORMS = ("value", "sd", "variance", "cv")


@dataclass(frozen=True)
class Published(Prior):
    """An estimate and its relative (or absolute) standard error; see `prior`."""

    value: float
    rse: float | None = None
    se: float | None = None
    of: str = "value"
    distribution: ClassVar[str] = ""

    def settled(self, inside: Support, what: str) -> tuple[Prior, list[str]]:
        """The prior on an interval, and what speaks against it."""
        value, rse = self.magnitude()
        if not inside[0] < value < inside[1]:
            wanted = "a number > 0" if inside == POSITIVE else f"a number in ({inside[0]:g}, {inside[1]:g})"
            got = f"an estimate of {value:g}"
            return self, [explain(expected=f"{wanted} for {what}", got=got, remedy="Check the estimate.")]
        if inside == POSITIVE:
            return LogNormal(value, cv=rse), []
        if self.of != "value":
            expected = f'of="{self.of}" for a standard deviation only'
            return self, [explain(expected=expected, got=what, remedy='Leave `of` out, or write of="value".')]
        se = self.se if self.se is not None else abs(value) * rse
        if inside == LINE:
            return Normal(value, se), []
        return TruncatedNormal(value, se, lower=inside[0], upper=inside[1]), []

    def magnitude(self) -> tuple[float, float]:
        """The estimate and its relative standard error, of a standard deviation if it was given otherwise."""
        rse = self.rse if self.rse is not None else self.se / abs(self.value)  # type: ignore[operator]
        if self.of == "variance":
            return math.sqrt(self.value), _coefficient(0.5 * _log_sd(rse))
        if self.of == "cv":
            square = self.value**2
            slope = square / ((1 + square) * math.log1p(square))
            return math.sqrt(math.log1p(square)), _coefficient(slope * _log_sd(rse))
        return self.value, rse


def prior(
    value: float, *, rse: float | str | None = None, se: float | None = None, of: str = "value"
) -> Prior:
    r"""Prior from a published estimate and its standard error.

    The prior depends on where it stands, like that of `about`, and is fixed when the model is written:

    ==============================================  ========================================================
    where                                           prior
    ==============================================  ========================================================
    positive: typical values, fold changes,         ``LogNormal(value, cv=rse)``: median `value`, the
    standard deviations (``iiv``, ``iov``, errors)  relative standard error as its CV
    any number: coefficients, ``Natural()``         ``Normal(value, se)``
    between bounds: ``Logit(lower, upper)``         ``TruncatedNormal(value, se, lower, upper)``
    ==============================================  ========================================================

    Estimates of variability are converted to the standard deviation :math:`\omega` of the random effect,
    and their standard error with them, on the logarithmic scale: of a variance
    :math:`\omega = \sqrt{v}` with half the standard deviation of :math:`\log v`; of a CV of a log-normal
    parameter :math:`\omega = \sqrt{\log(1 + CV^2)}`, with that of log CV times
    :math:`CV^2 / ((1 + CV^2) \omega^2)`.

    Parameters
    ----------
    value : float
        The estimate, in the unit of what it stands for.
    rse : float or str, optional
        Relative standard error, as a fraction (0.25) or as text ("25%").
    se : float, optional
        Standard error, in the unit of the estimate. Give either `rse` or `se`.
    of : {"value", "sd", "variance", "cv"}
        What the estimate is, of variability: a standard deviation ("value", "sd"), a variance (NONMEM's
        OMEGA), or a coefficient of variation as a fraction.

    Returns
    -------
    Prior
        To be used in `Parameter`, a covariate effect or a residual.

    Raises
    ------
    ModelError
        Neither or both of `rse` and `se`; a relative standard error that is no fraction or percentage.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> p = bn.Parameter(bn.prior(2.8, rse="10%"), iiv=bn.prior(0.09, rse="40%", of="variance"))
    >>> print(p.typical, "|", p.iiv)
    LogNormal(median 2.8, CV 10%) | LogNormal(median 0.3, CV 19.4%)
    """
    problems = []
    if not is_number(value):
        problems.append(explain(expected="a number in prior()", got=repr(value), remedy="Give the estimate."))
    if (rse is None) == (se is None):
        got = "neither" if rse is None else "both"
        remedy = 'Write for example prior(0.15, rse="25%"); without a standard error use about(0.15).'
        problems.append(explain(expected="one of rse and se in prior()", got=got, remedy=remedy))
    if of not in FORMS:
        remedy = "A variance is NONMEM's OMEGA, a cv a fraction."
        problems.append(explain(expected=f"of one of {', '.join(FORMS)}", got=repr(of), remedy=remedy))
    fraction = None
    if rse is not None:
        fraction, wrong = fraction_of(rse)
        problems += wrong
        if value == 0:
            remedy = "Give the standard error: prior(0.0, se=0.1)."
            problems.append(explain(expected="a number other than 0 beside rse", got="0", remedy=remedy))
    if se is not None and not (is_number(se) and se > 0):
        remedy = "It is in the unit of the estimate."
        problems.append(explain(expected="se a number > 0", got=repr(se), remedy=remedy))
    if of in ("variance", "cv") and is_number(value) and value <= 0:
        remedy = "Without variability write iiv=0."
        problems.append(explain(expected=f"a {of} > 0", got=repr(value), remedy=remedy))
    if problems:
        raise ModelError("; ".join(problems))
    return Published(float(value), fraction, se, of)


def fraction_of(rse: Any) -> tuple[float | None, list[str]]:
    """A relative standard error as a fraction, and what speaks against it.

    Examples
    --------
    >>> fraction_of("25%"), fraction_of(0.25)[0], len(fraction_of(25)[1])
    ((0.25, []), 0.25, 1)
    """
    found: Any = rse
    if isinstance(rse, str):
        try:
            found = float(rse.strip().removesuffix("%").strip()) / 100
            if not rse.strip().endswith("%"):
                found = None
        except ValueError:
            found = None
    elif not is_number(rse) or rse > 2:
        found = None
    if found is None or not found > 0:
        remedy = 'Write rse="25%" or rse=0.25.'
        return None, [explain(expected="a relative standard error", got=repr(rse), remedy=remedy)]
    return float(found), []


def _log_sd(cv: float) -> float:
    return math.sqrt(math.log1p(cv**2))


def _coefficient(log_sd: float) -> float:
    return math.sqrt(math.expm1(log_sd**2))
