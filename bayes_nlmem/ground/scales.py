"""Scales: where effects and random effects add up, and the way back to the parameter."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

from bayes_nlmem.ground.formulas import Call, Constant, Formula, Ratio, minus
from bayes_nlmem.ground.messages import ModelError, explain
from bayes_nlmem.ground.priors import is_number


@runtime_checkable
class Scale(Protocol):
    """A one-to-one map between a parameter and the scale on which its effects add.

    `xp` is the array library: numpy or pytensor.tensor.
    """

    @property
    def ratio(self) -> bool:
        """Whether a shift multiplies the parameter or its odds, so that effects are factors."""
        ...

    @property
    def range(self) -> tuple[float, float]:
        """Open interval in which the parameter lies."""
        ...

    def natural(self, x: Any, xp: Any) -> Any:
        """Parameter from the additive scale."""
        ...

    def additive(self, value: Any, xp: Any) -> Any:
        """Additive scale from the parameter."""
        ...

    def formula(self, parameter: Formula) -> Formula:
        """The parameter on its additive scale, for printing."""
        ...


@dataclass(frozen=True)
class Log:
    """Positive parameters: effects multiply, random effects are log-normal.

    P_i = P_pop * exp(shift + eta_i).

    Examples
    --------
    >>> import numpy
    >>> import bayes_nlmem as bn
    >>> float(bn.Log().natural(bn.Log().additive(2.5, numpy), numpy))
    2.5
    """

    ratio: ClassVar[bool] = True

    @property
    def range(self) -> tuple[float, float]:
        """The positive numbers."""
        return (0.0, math.inf)

    def natural(self, x: Any, xp: Any) -> Any:
        """exp(x)."""
        return xp.exp(x)

    def additive(self, value: Any, xp: Any) -> Any:
        """log(value)."""
        return xp.log(value)

    def formula(self, parameter: Formula) -> Formula:
        """log(P)."""
        return Call("log", (parameter,))


@dataclass(frozen=True)
class Natural:
    """Parameters of either sign: effects and normal random effects add in the parameter's own unit.

    P_i = P_pop + shift + eta_i.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> bn.Parameter(bn.Normal(-1.0, 2.0), iiv=bn.HalfNormal(1.0), scale=bn.Natural()).scale
    Natural()
    """

    ratio: ClassVar[bool] = False

    @property
    def range(self) -> tuple[float, float]:
        """All numbers."""
        return (-math.inf, math.inf)

    def natural(self, x: Any, xp: Any) -> Any:
        """`x` itself."""
        return x

    def additive(self, value: Any, xp: Any) -> Any:
        """`value` itself."""
        return value

    def formula(self, parameter: Formula) -> Formula:
        """P itself."""
        return parameter


@dataclass(frozen=True)
class _Bounded:
    """What the scales between two bounds share."""

    lower: float = 0.0
    upper: float = 1.0

    def __post_init__(self) -> None:
        if not (is_number(self.lower) and is_number(self.upper) and self.lower < self.upper):
            name = type(self).__name__
            raise ModelError(
                explain(
                    expected=f"finite numbers lower < upper for {name}",
                    got=f"lower {self.lower!r}, upper {self.upper!r}",
                    remedy=f"Write for example {name}(0, 1).",
                )
            )

    @property
    def range(self) -> tuple[float, float]:
        """From `lower` to `upper`."""
        return (self.lower, self.upper)

    def _share(self, parameter: Formula) -> Formula:
        share = minus(parameter, self.lower)
        if self.upper - self.lower != 1:
            share = Ratio(share, Constant(self.upper - self.lower))
        return share


@dataclass(frozen=True)
class Logit(_Bounded):
    """Parameters between `lower` and `upper`: effects multiply the odds, random effects are logit-normal.

    logit(p_i) = logit(p_pop) + shift + eta_i with p = (P - lower) / (upper - lower).

    Parameters
    ----------
    lower, upper : float
        Bounds of the parameter.

    Examples
    --------
    >>> import numpy
    >>> import bayes_nlmem as bn
    >>> float(bn.Logit().natural(0.0, numpy)), float(bn.Logit(2, 4).natural(0.0, numpy))
    (0.5, 3.0)
    """

    ratio: ClassVar[bool] = True

    def natural(self, x: Any, xp: Any) -> Any:
        """Lower + (upper - lower) / (1 + exp(-x))."""
        return self.lower + (self.upper - self.lower) * _expit(x, xp)

    def additive(self, value: Any, xp: Any) -> Any:
        """log((value - lower) / (upper - value))."""
        return xp.log(value - self.lower) - xp.log(self.upper - value)

    def formula(self, parameter: Formula) -> Formula:
        """logit((P - lower) / (upper - lower))."""
        return Call("logit", (self._share(parameter),))


@dataclass(frozen=True)
class Probit(_Bounded):
    """Parameters between `lower` and `upper`: effects add on the probit scale (probit-normal).

    probit(p_i) = probit(p_pop) + shift + eta_i with p = (P - lower) / (upper - lower) and probit the inverse
    of the standard normal distribution function. Monolix `probitNormal`.

    Parameters
    ----------
    lower, upper : float
        Bounds of the parameter.

    Examples
    --------
    >>> import numpy
    >>> import bayes_nlmem as bn
    >>> float(bn.Probit().natural(0.0, numpy)), round(float(bn.Probit(2, 4).additive(3.5, numpy)), 4)
    (0.5, 0.6745)
    """

    ratio: ClassVar[bool] = False

    def natural(self, x: Any, xp: Any) -> Any:
        """Lower + (upper - lower) Phi(x)."""
        return self.lower + (self.upper - self.lower) * 0.5 * _special(xp).erfc(-x * math.sqrt(0.5))

    def additive(self, value: Any, xp: Any) -> Any:
        """Phi^-1((value - lower) / (upper - lower))."""
        share = (value - self.lower) / (self.upper - self.lower)
        return -math.sqrt(2.0) * _special(xp).erfcinv(2.0 * share)

    def formula(self, parameter: Formula) -> Formula:
        """probit((P - lower) / (upper - lower))."""
        return Call("probit", (self._share(parameter),))


def _special(xp: Any) -> Any:
    """Where the error functions are: in the array library itself, or in scipy."""
    if hasattr(xp, "erfc"):
        return xp
    from scipy import special

    return special


def _expit(x: Any, xp: Any) -> Any:
    if hasattr(xp, "sigmoid"):
        return xp.sigmoid(x)
    return xp.exp(-xp.logaddexp(0.0, -x))
