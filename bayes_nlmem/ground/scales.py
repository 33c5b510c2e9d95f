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
class Logit:
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

    lower: float = 0.0
    upper: float = 1.0
    ratio: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not (is_number(self.lower) and is_number(self.upper) and self.lower < self.upper):
            raise ModelError(
                explain(
                    expected="finite numbers lower < upper for Logit",
                    got=f"lower {self.lower!r}, upper {self.upper!r}",
                    remedy="Write for example Logit(0, 1).",
                )
            )

    @property
    def range(self) -> tuple[float, float]:
        """From `lower` to `upper`."""
        return (self.lower, self.upper)

    def natural(self, x: Any, xp: Any) -> Any:
        """Lower + (upper - lower) / (1 + exp(-x))."""
        return self.lower + (self.upper - self.lower) * _expit(x, xp)

    def additive(self, value: Any, xp: Any) -> Any:
        """log((value - lower) / (upper - value))."""
        return xp.log(value - self.lower) - xp.log(self.upper - value)

    def formula(self, parameter: Formula) -> Formula:
        """logit((P - lower) / (upper - lower))."""
        share = minus(parameter, self.lower)
        if self.upper - self.lower != 1:
            share = Ratio(share, Constant(self.upper - self.lower))
        return Call("logit", (share,))


def _expit(x: Any, xp: Any) -> Any:
    if hasattr(xp, "sigmoid"):
        return xp.sigmoid(x)
    return xp.exp(-xp.logaddexp(0.0, -x))
