"""Laws of the random effects between individuals that are not normal: transformations of a normal eta."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from bayes_nlmem.ground.formulas import Call, Constant, Formula, Product, Ratio, Sum
from bayes_nlmem.ground.priors import Prior
from bayes_nlmem.ground.values import LINE, POSITIVE, admit

_SMALL = 1e-5


@runtime_checkable
class EtaLaw(Protocol):
    """A one-to-one transformation of a normal random effect eta, applied before it is added on the scale.

    `eta` in the graph stays normal with standard deviation omega; the effect on the parameter is
    `transformed(eta)`. `xp` is the array library: numpy or pytensor.tensor.
    """

    def unknowns(self) -> dict[str, float | Prior]:
        """What the law knows or wants to know, by name: `shape`, `df`."""
        ...

    def transformed(self, eta: Any, deviation: Any, coefficients: Mapping[str, Any], xp: Any) -> Any:
        """The effect that is added on the parameter's scale."""
        ...

    def formula(self, eta: Formula, deviation: Formula, coefficient: Callable[[str], Formula]) -> Formula:
        """The same for printing."""
        ...


@dataclass(frozen=True)
class BoxCoxEta:
    r"""Box-Cox transformed random effect: skewed to the right (shape > 0) or to the left (shape < 0).

    :math:`P_i = h^{-1}(h(P_\mathrm{pop}) + t_i)` with :math:`t_i = (e^{\lambda\eta_i} - 1)/\lambda` and
    :math:`\eta_i \sim N(0, \omega^2)`; :math:`\lambda = 0` is the normal law. The effect lies above
    :math:`-1/\lambda` if the shape is positive. NONMEM (PsN, Pharmpy: boxcox)
    `ETAT = (EXP(ETA(1))**THETA(2) - 1)/THETA(2)`.

    Parameters
    ----------
    shape : float or Prior
        lambda; a number is known, a prior such as Normal(0, 1) is unknown.

    References
    ----------
    Petersson et al. 2009, doi:10.1007/s11095-009-9931-1.

    Examples
    --------
    >>> import numpy as np
    >>> law = BoxCoxEta(0.5)
    >>> law.transformed(np.array([-0.4, 0.0, 0.4]), 0.3, {"shape": 0.5}, np).round(3)
    array([-0.363,  0.   ,  0.443])
    """

    shape: float | Prior

    def __post_init__(self) -> None:
        admit(self, {"shape": LINE})

    def unknowns(self) -> dict[str, float | Prior]:
        """The shape."""
        return {"shape": self.shape}

    def transformed(self, eta: Any, deviation: Any, coefficients: Mapping[str, Any], xp: Any) -> Any:
        """(exp(shape * eta) - 1) / shape, by its series where the exponent is small."""
        x = coefficients["shape"] * eta
        small = xp.abs(x) < _SMALL
        safe = xp.where(small, 1.0, x)
        return eta * xp.where(small, 1.0 + x / 2.0 + x**2 / 6.0, xp.expm1(safe) / safe)

    def formula(self, eta: Formula, deviation: Formula, coefficient: Callable[[str], Formula]) -> Formula:
        """(exp(shape * eta) - 1) / shape."""
        shape = coefficient("shape")
        if shape == Constant(0):
            return eta
        return Ratio(Sum((Call("exp", (Product((shape, eta)),)), Constant(-1))), shape)

    def meaning(self, suffix: str) -> str:
        """Words for the tables."""
        return "Box-Cox shape of the random effect"


@dataclass(frozen=True)
class StudentTEta:
    r"""Student-t random effect: heavy tails, for subjects who are far from the others.

    The effect is :math:`\omega\, T_\nu` with :math:`T_\nu` a Student-t variable; omega is its scale, the
    standard deviation is :math:`\omega\sqrt{\nu/(\nu - 2)}` for :math:`\nu > 2`. It is written as the exact
    normal score :math:`t_i = \omega\, F_\nu^{-1}(\Phi(\eta_i/\omega))` of a normal
    :math:`\eta_i \sim N(0, \omega^2)`, so that every subject keeps one random effect, and correlations are
    those of the normal scores (a Gaussian copula). PsN and Pharmpy (tdist) use a series in 1/df for it.

    Parameters
    ----------
    df : float or Prior
        Degrees of freedom nu, > 0; the data of some hundred subjects are needed to learn it.

    References
    ----------
    Petersson et al. 2009, doi:10.1007/s11095-009-9931-1.

    Examples
    --------
    >>> import numpy as np
    >>> law = StudentTEta(4)
    >>> law.transformed(np.array([-0.6, 0.0, 0.6]), 0.3, {"df": 4.0}, np).round(3)
    array([-0.861,  0.   ,  0.861])
    """

    df: float | Prior

    def __post_init__(self) -> None:
        admit(self, {"df": POSITIVE})

    def unknowns(self) -> dict[str, float | Prior]:
        """The degrees of freedom."""
        return {"df": self.df}

    def transformed(self, eta: Any, deviation: Any, coefficients: Mapping[str, Any], xp: Any) -> Any:
        """Omega times the Student-t variable that has the probability of the normal one."""
        z = eta / deviation
        below = z <= 0  # lower tails only, where probabilities keep their digits
        tail = _normal_lower_tail(xp.where(below, z, -z), xp)
        if hasattr(xp, "erfc"):
            from bayes_nlmem.engine.normal_scores import t_lower_quantile

            quantile = t_lower_quantile(coefficients["df"], tail)
        else:
            from scipy.special import stdtrit

            quantile = stdtrit(coefficients["df"], tail)
        return deviation * xp.where(below, quantile, -quantile)

    def formula(self, eta: Formula, deviation: Formula, coefficient: Callable[[str], Formula]) -> Formula:
        """Omega * t quantile of Phi(eta / omega)."""
        share = Call("Phi", (Ratio(eta, deviation),))
        return Product((deviation, Call("t_quantile", (share, coefficient("df")))))

    def meaning(self, suffix: str) -> str:
        """Words for the tables."""
        return "degrees of freedom of the random effect"


def _normal_lower_tail(z: Any, xp: Any) -> Any:
    if hasattr(xp, "erfc"):
        return 0.5 * xp.erfc(-z * 0.5**0.5)
    from scipy.special import ndtr

    return ndtr(z)
