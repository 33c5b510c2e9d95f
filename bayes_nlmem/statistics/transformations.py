"""Transformations h of both sides: the scale on which a residual error is added, h(y) = h(f) + s * Z."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np

from bayes_nlmem.ground.formulas import Call, Formula


@runtime_checkable
class Transformation(Protocol):
    """A strictly increasing function h of observations and predictions.

    `suffixes` names the parameters of the residual error on which h depends; the methods take them last, in
    this order. `positive` says that h is defined for positive numbers only. `bounds` is the image of h, from
    its parameters; an error that leads out of it gives the nearest end of the range of y.
    """

    suffixes: ClassVar[tuple[str, ...]]
    positive: ClassVar[bool]

    def additive(self, *args: Any) -> Any:
        """(y, xp, *form): h(y)."""
        ...

    def natural(self, *args: Any) -> Any:
        """(x, *form): the y with h(y) = x, in numpy."""
        ...

    def log_slope(self, *args: Any) -> Any:
        """(y, xp, *form): log h'(y), the logarithm of the Jacobian."""
        ...

    def formula(self, value: Formula, sigma: Callable[[str], Formula]) -> Formula:
        """h(value), for printing."""
        ...


@dataclass(frozen=True)
class Untransformed:
    """h(y) = y.

    Examples
    --------
    >>> Untransformed().additive(2.0, np)
    2.0
    """

    suffixes: ClassVar[tuple[str, ...]] = ()
    positive: ClassVar[bool] = False

    def additive(self, y: Any, xp: Any) -> Any:
        """`y` itself."""
        return y

    def natural(self, x: Any) -> Any:
        """`x` itself."""
        return x

    def log_slope(self, y: Any, xp: Any) -> Any:
        """0."""
        return xp.zeros_like(y)

    def formula(self, value: Formula, sigma: Callable[[str], Formula]) -> Formula:
        """The value itself."""
        return value


@dataclass(frozen=True)
class Logarithm:
    """h(y) = log y, for positive y.

    Examples
    --------
    >>> Logarithm().natural(0.0).item()
    1.0
    """

    suffixes: ClassVar[tuple[str, ...]] = ()
    positive: ClassVar[bool] = True

    def additive(self, y: Any, xp: Any) -> Any:
        """log(y)."""
        return xp.log(y)

    def natural(self, x: Any) -> Any:
        """exp(x)."""
        return np.exp(x)

    def log_slope(self, y: Any, xp: Any) -> Any:
        """-log(y)."""
        return -xp.log(y)

    def formula(self, value: Formula, sigma: Callable[[str], Formula]) -> Formula:
        """log(value)."""
        return Call("log", (value,))


@dataclass(frozen=True)
class BoxCoxTransformation:
    """h(y) = (y^lambda - 1) / lambda, log y at lambda = 0, for positive y.

    The image is bounded at -1/lambda: an error that leads below it (lambda > 0) is an observation of 0, one
    that leads above it (lambda < 0) is infinite.

    Examples
    --------
    >>> h = BoxCoxTransformation()
    >>> float(h.natural(h.additive(2.0, np, 0.5), 0.5)).__round__(9)
    2.0
    """

    suffixes: ClassVar[tuple[str, ...]] = ("lambda",)
    positive: ClassVar[bool] = True

    def additive(self, y: Any, xp: Any, power: Any) -> Any:
        """(y^lambda - 1) / lambda, as log(y) times expm1(w)/w with w = lambda * log(y)."""
        logarithm = xp.log(y)
        return logarithm * relative_growth(power * logarithm, xp)

    def natural(self, x: Any, power: Any) -> Any:
        """(1 + lambda * x)^(1 / lambda)."""
        x, power = np.broadcast_arrays(np.asarray(x, float), np.asarray(power, float))
        with np.errstate(divide="ignore", over="ignore"):
            inside = np.log1p(np.maximum(power * x, -1.0))
            flat = np.abs(power) < 1e-12
            return np.exp(np.where(flat, x, inside / np.where(flat, 1.0, power)))

    def log_slope(self, y: Any, xp: Any, power: Any) -> Any:
        """(lambda - 1) * log(y)."""
        return (power - 1.0) * xp.log(y)

    def formula(self, value: Formula, sigma: Callable[[str], Formula]) -> Formula:
        """BoxCox(value, lambda)."""
        return Call("BoxCox", (value, sigma("lambda")))


@dataclass(frozen=True)
class YeoJohnsonTransformation:
    """Box-Cox of 1 + y for y >= 0 and of 1 - y, with 2 - lambda and the signs changed, for y < 0.

    Defined for all y; the image is the whole line for lambda between 0 and 2.

    Examples
    --------
    >>> h = YeoJohnsonTransformation()
    >>> [float(h.natural(h.additive(y, np, 0.5), 0.5)).__round__(9) for y in (-3.0, 0.0, 2.0)]
    [-3.0, 0.0, 2.0]
    """

    suffixes: ClassVar[tuple[str, ...]] = ("lambda",)
    positive: ClassVar[bool] = False

    def additive(self, y: Any, xp: Any, power: Any) -> Any:
        """Sign(y) * Box-Cox(1 + |y|, lambda or 2 - lambda)."""
        above = y >= 0
        logarithm = xp.log1p(xp.where(above, y, -y))
        grown = logarithm * relative_growth(xp.where(above, power, 2.0 - power) * logarithm, xp)
        return xp.where(above, grown, -grown)

    def natural(self, x: Any, power: Any) -> Any:
        """The inverse, by the sign of `x`."""
        x, power = np.broadcast_arrays(np.asarray(x, float), np.asarray(power, float))
        box_cox = BoxCoxTransformation()
        above = x >= 0
        size = box_cox.natural(np.abs(x), np.where(above, power, 2.0 - power)) - 1.0
        return np.where(above, size, -size)

    def log_slope(self, y: Any, xp: Any, power: Any) -> Any:
        """(lambda - 1) * sign(y) * log(1 + |y|)."""
        above = y >= 0
        logarithm = xp.log1p(xp.where(above, y, -y))
        return (power - 1.0) * xp.where(above, logarithm, -logarithm)

    def formula(self, value: Formula, sigma: Callable[[str], Formula]) -> Formula:
        """YeoJohnson(value, lambda)."""
        return Call("YeoJohnson", (value, sigma("lambda")))


def relative_growth(w: Any, xp: Any) -> Any:
    """expm1(w) / w, smooth through w = 0 with its derivative.

    Examples
    --------
    >>> relative_growth(np.array([0.0, 1e-9, 1.0]), np).round(6)
    array([1.      , 1.      , 1.718282])
    """
    small = xp.abs(w) < 1e-4
    safe = xp.where(small, 1.0, w)
    return xp.where(small, 1.0 + w / 2.0 + w**2 / 6.0 + w**3 / 24.0, xp.expm1(safe) / safe)
