"""A number is known, a prior is unknown: what may stand where a model wants one or the other."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import ClassVar, Literal

from bayes_nlmem.ground.block_prior import BlockPrior, Joint
from bayes_nlmem.ground.messages import ModelError, explain
from bayes_nlmem.ground.prior import LINE, POSITIVE, Prior, Support, is_number
from bayes_nlmem.ground.priors import LKJ, HalfNormal, LogNormal, Normal, TruncatedNormal
from bayes_nlmem.ground.published import Published

Role = Literal["value", "sd"]


@dataclass(frozen=True)
class About(Prior):
    """A magnitude that becomes a weakly informative prior where it is used; see `about`."""

    value: float
    distribution: ClassVar[str] = ""


def about(value: float) -> Prior:
    r"""Weakly informative prior from an order of magnitude.

    The prior depends on where it stands and is fixed when the model is written: the model prints it, and
    the tables show it with its 95% interval. Its median is (nearly) the value.

    ======================================================  ==========================================
    where                                                   prior
    ======================================================  ==========================================
    typical value of a positive parameter, fold change      ``LogNormal(value, cv=1)``: 95% within a
                                                            factor of 5 on either side
    typical value on ``Natural()``, covariate coefficient   ``Normal(value, sd=|value|)``: two thirds
                                                            between 0 and twice `value`, the sign is not
                                                            certain
    typical value on ``Logit(lower, upper)``                ``TruncatedNormal(value, (upper - lower)/4,
                                                            lower, upper)``
    ``iiv``, ``iov``, residual error                        ``HalfNormal(1.5 * value)``: median `value`,
                                                            95% below 3 times `value`; zero is possible,
                                                            so that the data may say that there is none
    ======================================================  ==========================================

    Parameters
    ----------
    value : float
        Order of magnitude in the unit of what it stands for.

    Returns
    -------
    Prior
        To be used in `Parameter`, a covariate effect or a residual.

    Raises
    ------
    ModelError
        If `value` is not a number.

    References
    ----------
    Half-normal priors for standard deviations: Gelman 2006, doi:10.1214/06-BA117A.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> parameter = bn.Parameter(bn.about(32.0), iiv=bn.about(0.3))
    >>> print(parameter.typical, "|", parameter.iiv)
    LogNormal(median 32, CV 100%) | HalfNormal(sd 0.45)
    """
    if not is_number(value):
        raise ModelError(
            explain(expected="a number for about()", got=repr(value), remedy="Write for example about(32.0).")
        )
    return About(value)


def admitted[T](
    value: T, what: str, *, inside: Support = LINE, role: Role = "value"
) -> tuple[T | Prior | float, list[str]]:
    """The value as it is kept, with the problems that speak against it.

    Parameters
    ----------
    value : object
        What was given: a number, a Prior or `about(...)`.
    what : str
        Where it stands, for the message.
    inside : (float, float)
        Open interval in which it must lie.
    role : {"value", "sd"}
        Decides what `about(...)` becomes.

    Examples
    --------
    >>> admitted(0.3, "iiv", inside=POSITIVE, role="sd")
    (0.3, [])
    >>> admitted(-0.3, "iiv", inside=POSITIVE, role="sd")[1]
    ['Expected a number > 0 or a prior for iiv, got -0.3. Write a positive number, or give a prior.']
    """
    if isinstance(value, Published):
        return value.settled(inside, what)
    if isinstance(value, About):
        return _weakly_informative(value, what, inside, role)
    if isinstance(value, Prior):
        return value, _prior_problems(value, what, inside, role)
    wanted = f"{_number_text(inside)} or a prior for {what}"
    if is_number(value):
        number = value if isinstance(value, (int, float)) else float(value)  # type: ignore[arg-type]
        if inside[0] < number < inside[1]:
            return number, []
        remedy = "Write a positive number" if inside == POSITIVE else "Check the value and the scale"
        return value, [explain(expected=wanted, got=f"{number:g}", remedy=f"{remedy}, or give a prior.")]
    return value, [explain(expected=wanted, got=_described(value), remedy=_remedy(value, role))]


def admit(
    record: object, ranges: Mapping[str, Support], *, role: Role = "value", problems: Sequence[str] = ()
) -> None:
    """Settle the fields of a frozen record that are numbers or priors, or refuse the record.

    Parameters
    ----------
    record : frozen dataclass
        Called from its `__post_init__`.
    ranges : mapping of str to (float, float)
        Open interval of every field that is a number or a prior.
    role : {"value", "sd"}
        Decides what `about(...)` becomes.
    problems : sequence of str
        What speaks against the record already.

    Raises
    ------
    ModelError
        With everything that is wrong.
    """
    found = list(problems)
    for name, inside in ranges.items():
        value, wrong = admitted(getattr(record, name), name, inside=inside, role=role)
        object.__setattr__(record, name, value)
        found.extend(wrong)
    if found:
        raise refusal(found, f"{type(record).__name__} is not well stated")


def refusal(problems: Sequence[str], head: str) -> ModelError:
    """One error of all problems.

    Examples
    --------
    >>> print(refusal(["No CL.", "No V."], "The model is not complete"))
    The model is not complete (2 problems):
      - No CL.
      - No V.
    """
    count = f" ({len(problems)} problems)" if len(problems) > 1 else ""
    return ModelError("\n".join([f"{head}{count}:", *(f"  - {problem}" for problem in problems)]))


def _weakly_informative(given: About, what: str, inside: Support, role: Role) -> tuple[Prior, list[str]]:
    value = given.value
    lower, upper = inside
    if not lower < value < upper:
        problem = explain(
            expected=f"{_number_text(inside)} in about() for {what}",
            got=f"about({value:g})",
            remedy="Give a magnitude in that range.",
        )
        return given, [problem]
    if role == "sd":
        return HalfNormal(float(f"{1.5 * value:.15g}")), []  # 0.9, not 0.8999999999999999
    if math.isfinite(lower) and math.isfinite(upper):
        return TruncatedNormal(value, (upper - lower) / 4, lower=lower, upper=upper), []
    if lower == 0:
        return LogNormal(value, cv=1.0), []
    if value == 0:
        problem = explain(
            expected=f"a magnitude other than 0 in about() for {what}",
            got="about(0)",
            remedy="Zero has no order of magnitude: write Normal(0, sd).",
        )
        return given, [problem]
    return Normal(value, abs(value)), []


def _prior_problems(prior: Prior, what: str, inside: Support, role: Role) -> list[str]:
    if isinstance(prior, BlockPrior) and not (isinstance(prior, Joint) and role == "sd"):
        return [
            explain(
                expected=f"a number or a prior of a number for {what}",
                got=str(prior),
                remedy=f"{type(prior).__name__} belongs to {prior.where}.",
            )
        ]
    if isinstance(prior, LKJ):
        return [
            explain(
                expected=f"a number or a prior of a number for {what}",
                got=str(prior),
                remedy="LKJ is the prior of a correlation matrix: use it in Correlated(..., prior=LKJ(2)).",
            )
        ]
    support = prior.support
    if support is None or (inside[0] <= support[0] and support[1] <= inside[1]):
        return []
    remedy = (
        "Use LogNormal, HalfNormal, Gamma or TruncatedNormal(..., lower=0)."
        if inside == POSITIVE
        else "Use TruncatedNormal or Uniform with these bounds, Beta on (0, 1), or another scale."
    )
    got = f"{prior}, which allows values from {support[0]:g} to {support[1]:g}"
    return [explain(expected=f"a prior on ({inside[0]:g}, {inside[1]:g}) for {what}", got=got, remedy=remedy)]


def _number_text(inside: Support) -> str:
    if inside == LINE:
        return "a number"
    return "a number > 0" if inside == POSITIVE else f"a number between {inside[0]:g} and {inside[1]:g}"


def _described(value: object) -> str:
    kind = "class" if isinstance(value, type) else type(value).__name__
    return f"{value!r} ({kind})"


def _remedy(value: object, role: Role) -> str:
    if isinstance(value, bool) and role == "sd":
        return "Write about(0.3) for a weakly informative prior, or a prior such as HalfNormal(0.5)."
    if isinstance(value, type) and issubclass(value, Prior):
        return f"Give its arguments: {value.__name__}(...)."
    if isinstance(value, (tuple, list)):
        return "Name the distribution, for example LogNormal(1.5, cv=0.5) or Normal(0, 1)."
    if isinstance(value, Real):
        return "Write a finite number."
    return "A number is known; a prior such as LogNormal(1.5, cv=0.5), or about(1.5), is unknown."
