"""Hazards with a closed form, as functions of a characteristic time and a shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np

from bayes_nlmem.ground.formulas import Call, Constant, Formula, Product, Raised, Ratio, Sum, logarithm
from bayes_nlmem.ground.prior import LINE, POSITIVE, Prior, Support
from bayes_nlmem.ground.values import admit
from bayes_nlmem.statistics.standard_laws import StandardNormal


@runtime_checkable
class Hazard(Protocol):
    """What a hazard has to offer; `scale` is the characteristic time, `shape` the parameter `unknowns` names.

    `xp` is numpy or pytensor.tensor. The time is >= 0; `log_hazard` is asked only at times > 0.
    """

    def unknowns(self) -> dict[str, float | Prior]:
        """The shape, if it has one."""
        ...

    def log_hazard(self, t: Any, scale: Any, shape: Any, xp: Any) -> Any:
        """Logarithm of the hazard."""
        ...

    def cumulative(self, t: Any, scale: Any, shape: Any, xp: Any) -> Any:
        """Integral of the hazard from 0 to t."""
        ...

    def time(self, cumulative: Any, scale: Any, shape: Any) -> Any:
        """The time at which the cumulative hazard has a value (numpy); inf if it never has."""
        ...

    def formula(self, t: Formula, scale: Formula, shape: Formula) -> Formula:
        """The hazard for printing."""
        ...


@dataclass(frozen=True)
class ExponentialHazard:
    r"""Constant hazard, :math:`h(t) = 1 / T_e`.

    The characteristic time :math:`T_e`, here the mean time to the event, is the output of the structure under
    which the endpoint stands. In all hazards t has the unit of TIME, h its inverse.

    Examples
    --------
    >>> import numpy as np
    >>> import bayes_nlmem as bn
    >>> float(bn.ExponentialHazard().cumulative(10.0, 5.0, None, np))
    2.0
    """

    def unknowns(self) -> dict[str, float | Prior]:
        """None."""
        return {}

    def log_hazard(self, t: Any, scale: Any, shape: Any, xp: Any) -> Any:
        """-log(scale)."""
        return -xp.log(scale) + 0.0 * t

    def cumulative(self, t: Any, scale: Any, shape: Any, xp: Any) -> Any:
        """T / scale."""
        return t / scale

    def time(self, cumulative: Any, scale: Any, shape: Any) -> Any:
        """Scale * H."""
        return scale * cumulative

    def formula(self, t: Formula, scale: Formula, shape: Formula) -> Formula:
        """1 / scale."""
        return Ratio(Constant(1), scale)


@dataclass(frozen=True)
class _Shaped:
    """What the hazards with a shape share."""

    shape: float | Prior
    _inside: ClassVar[Support] = POSITIVE

    def __post_init__(self) -> None:
        admit(self, {"shape": self._inside})

    def unknowns(self) -> dict[str, float | Prior]:
        """The shape."""
        return {"shape": self.shape}


@dataclass(frozen=True)
class WeibullHazard(_Shaped):
    r"""Hazard that is a power of time, :math:`S(t) = \exp(-(t/T_e)^\beta)`.

    Parameters
    ----------
    shape : float or Prior
        beta > 0; below 1 the hazard falls, above 1 it rises. In the graph `{output}_shape`.

    Raises
    ------
    ModelError
        If the shape is not a positive number or a prior of positive support.

    Examples
    --------
    >>> import numpy as np
    >>> import bayes_nlmem as bn
    >>> float(bn.WeibullHazard(2.0).cumulative(10.0, 5.0, 2.0, np))
    4.0
    """

    def log_hazard(self, t: Any, scale: Any, shape: Any, xp: Any) -> Any:
        """log(beta / scale) + (beta - 1) log(t / scale)."""
        return xp.log(shape / scale) + (shape - 1.0) * xp.log(t / scale)

    def cumulative(self, t: Any, scale: Any, shape: Any, xp: Any) -> Any:
        """(t / scale)^beta."""
        return _power(t / scale, shape, xp)

    def time(self, cumulative: Any, scale: Any, shape: Any) -> Any:
        """Scale * H^(1/beta)."""
        return scale * cumulative ** (1.0 / shape)

    def formula(self, t: Formula, scale: Formula, shape: Formula) -> Formula:
        """(beta / scale) (t / scale)^(beta - 1)."""
        return Product((Ratio(shape, scale), Raised(Ratio(t, scale), Sum((shape, Constant(-1))))))


@dataclass(frozen=True)
class GompertzHazard(_Shaped):
    r"""Hazard that grows (or falls) exponentially, :math:`h(t) = \exp(\gamma t) / T_e`.

    Parameters
    ----------
    shape : float or Prior
        gamma, per unit of time; negative: the hazard falls and some have no event ever. In the graph
        `{output}_shape`.

    Raises
    ------
    ModelError
        If the shape is neither a number nor a prior.

    Examples
    --------
    >>> import numpy as np
    >>> import bayes_nlmem as bn
    >>> float(bn.GompertzHazard(0.1).cumulative(10.0, 5.0, 0.1, np).round(4))
    3.4366
    """

    _inside: ClassVar[Support] = LINE

    def log_hazard(self, t: Any, scale: Any, shape: Any, xp: Any) -> Any:
        """Gamma t - log(scale)."""
        return shape * t - xp.log(scale)

    def cumulative(self, t: Any, scale: Any, shape: Any, xp: Any) -> Any:
        """(exp(gamma t) - 1) / (gamma scale), t / scale at gamma = 0."""
        small = xp.abs(shape) < 1e-8
        safe = xp.where(small, 1e-8, shape)
        return xp.where(small, t + 0.5 * shape * t**2, xp.expm1(safe * t) / safe) / scale

    def time(self, cumulative: Any, scale: Any, shape: Any) -> Any:
        """log(1 + gamma scale H) / gamma."""
        with np.errstate(divide="ignore", invalid="ignore"):
            small = np.abs(shape) < 1e-8
            inside = shape * scale * cumulative
            found = np.where(
                inside > -1, np.log1p(np.maximum(inside, -1)) / np.where(small, 1, shape), np.inf
            )
        return np.where(small, scale * cumulative, found)

    def formula(self, t: Formula, scale: Formula, shape: Formula) -> Formula:
        """exp(gamma t) / scale."""
        return Ratio(Call("exp", (Product((shape, t)),)), scale)


@dataclass(frozen=True)
class LogLogisticHazard(_Shaped):
    r"""Hazard that rises and falls (shape above 1), :math:`S(t) = 1 / (1 + (t/T_e)^\beta)`.

    Parameters
    ----------
    shape : float or Prior
        beta > 0. The characteristic time is the median. In the graph `{output}_shape`.

    Raises
    ------
    ModelError
        If the shape is not a positive number or a prior of positive support.

    Examples
    --------
    >>> import numpy as np
    >>> import bayes_nlmem as bn
    >>> float(np.exp(-bn.LogLogisticHazard(2.0).cumulative(5.0, 5.0, 2.0, np)))
    0.5
    """

    def log_hazard(self, t: Any, scale: Any, shape: Any, xp: Any) -> Any:
        """log(beta / scale) + (beta - 1) log(t / scale) - log(1 + (t / scale)^beta)."""
        power = _power(t / scale, shape, xp)
        return xp.log(shape / scale) + (shape - 1.0) * xp.log(t / scale) - xp.log1p(power)

    def cumulative(self, t: Any, scale: Any, shape: Any, xp: Any) -> Any:
        """log(1 + (t / scale)^beta)."""
        return xp.log1p(_power(t / scale, shape, xp))

    def time(self, cumulative: Any, scale: Any, shape: Any) -> Any:
        """Scale * (exp(H) - 1)^(1/beta)."""
        return scale * np.expm1(cumulative) ** (1.0 / shape)

    def formula(self, t: Formula, scale: Formula, shape: Formula) -> Formula:
        """(beta / scale) (t / scale)^(beta - 1) / (1 + (t / scale)^beta)."""
        ratio = Ratio(t, scale)
        over = Product((Ratio(shape, scale), Raised(ratio, Sum((shape, Constant(-1))))))
        return Ratio(over, Sum((Constant(1), Raised(ratio, shape))))


@dataclass(frozen=True)
class LogNormalHazard(_Shaped):
    r"""Times whose logarithm is normal, :math:`S(t) = \Phi(-\log(t/T_e)/s)`.

    Parameters
    ----------
    shape : float or Prior
        s > 0, standard deviation of the logarithm. The characteristic time is the median. In the graph
        `{output}_shape`.

    Raises
    ------
    ModelError
        If the shape is not a positive number or a prior of positive support.

    Examples
    --------
    >>> import numpy as np
    >>> import bayes_nlmem as bn
    >>> float(np.exp(-bn.LogNormalHazard(0.7).cumulative(5.0, 5.0, 0.7, np)).round(6))
    0.5
    """

    _law: ClassVar[StandardNormal] = StandardNormal()

    def log_hazard(self, t: Any, scale: Any, shape: Any, xp: Any) -> Any:
        """Log-density less log-survival."""
        z = xp.log(t / scale) / shape
        density = -0.5 * z**2 - 0.5 * np.log(2 * np.pi) - xp.log(shape * t)
        return density - self._log_cdf(-z, xp)

    def cumulative(self, t: Any, scale: Any, shape: Any, xp: Any) -> Any:
        """-log Phi(-log(t / scale) / s)."""
        later = t > 0
        z = xp.log(xp.where(later, t, 1.0) / scale) / shape
        return xp.where(later, -self._log_cdf(-z, xp), 0.0)

    def time(self, cumulative: Any, scale: Any, shape: Any) -> Any:
        """Scale * exp(-s Phi^-1(exp(-H)))."""
        from scipy.special import ndtri_exp

        return scale * np.exp(-shape * ndtri_exp(-np.asarray(cumulative, float)))

    def formula(self, t: Formula, scale: Formula, shape: Formula) -> Formula:
        """Density over survival."""
        z = Ratio(logarithm(Ratio(t, scale)), shape)
        return Ratio(Call("φ", (z,)), Product((shape, t, Call("Φ", (Product((Constant(-1), z)),)))))

    def _log_cdf(self, z: Any, xp: Any) -> Any:
        if xp is np:
            from scipy.special import log_ndtr

            return log_ndtr(z)
        return self._law.log_cdf(z)


def _power(x: Any, exponent: Any, xp: Any) -> Any:
    """x^exponent for x >= 0, whose slope at 0 is 0 and not NaN."""
    positive = x > 0
    return xp.where(positive, xp.exp(exponent * xp.log(xp.where(positive, x, 1.0))), 0.0)
