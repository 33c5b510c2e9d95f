"""Priors that shrink many coefficients towards zero together, and let the few that matter escape.

Coefficients with the same `group` share what says how many of them matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bayes_nlmem.ground.messages import ModelError, explain
from bayes_nlmem.ground.prior import Prior, is_number

_PARTS = "covariates"


class ShrinkagePrior(Prior):
    """What the priors of this kind have in common: they are drawn with others of their group.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> isinstance(bn.Horseshoe(0.1), bn.Prior)
    True
    """

    distribution: ClassVar[str] = "Normal"
    scale: float
    unit: str
    group: str

    def arguments(self) -> dict[str, float]:
        """Mean, and the size of a coefficient that is not shrunk."""
        return {"mu": 0.0, "sigma": self.scale}

    def quantile(self, probability: float) -> float | None:
        """None: the prior of one coefficient depends on all of its group."""
        return None

    def _check(self, *names: str) -> None:
        for name in names:
            value = getattr(self, name)
            if not (is_number(value) and value > 0):
                raise ModelError(
                    explain(expected=f"a number > 0 for `{name}` of {type(self).__name__}", got=repr(value))
                )
        for name in ("unit", "group"):
            if not isinstance(getattr(self, name), str):
                raise ModelError(explain(expected=f"text for `{name}`", got=repr(getattr(self, name))))


@dataclass(frozen=True)
class Horseshoe(ShrinkagePrior):
    r"""Regularised horseshoe: many coefficients near zero, a few as large as the slab allows.

    .. math::
        c_k \sim N(0, (s_k\, u\, \tau\, \tilde\lambda_k)^2), \quad
        \tilde\lambda_k^2 = \frac{q^2 \lambda_k^2}{q^2 + \tau^2 \lambda_k^2}, \quad
        \lambda_k \sim t^+_3, \quad \tau \sim t^+_3(0, \tau_0), \quad q^2 \sim IG(\nu/2, \nu q_0^2/2)

    Parameters
    ----------
    shared : float
        tau_0, scale of what all share: with p0 relevant ones expected among D, about
        p0 / (D - p0) / sqrt(number of subjects).
    scale : float
        s_k, the coefficient that means an effect of 1 (1 / SD of what it multiplies).
    slab : float
        q_0, size of an effect that is not shrunk, in the unit.
    freedom : float
        nu, degrees of freedom of the slab.
    unit : str
        Name in the graph of the standard deviation that effects are measured in (`omega_CL`); "" is 1.
    group : str
        Coefficients that share tau and the slab.

    Raises
    ------
    ModelError
        If a number is not positive, or `unit` or `group` is no text.

    References
    ----------
    Piironen & Vehtari 2017, doi:10.1214/17-EJS1337SI

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> print(bn.Horseshoe(0.05, scale=3.5, unit="omega_CL"))
    Horseshoe(shared 0.05, scale 3.5, slab 2, freedom 4, unit omega_CL, group covariates)
    """

    shared: float
    scale: float = 1.0
    slab: float = 2.0
    freedom: float = 4.0
    unit: str = ""
    group: str = _PARTS

    def __post_init__(self) -> None:
        self._check("shared", "scale", "slab", "freedom")


@dataclass(frozen=True)
class R2D2(ShrinkagePrior):
    r"""R2-D2: a prior on the share of variability that all covariates explain, split among them.

    .. math:: c_k \sim N(0, (s_k\, u)^2\, g_k / \xi), \quad g_k \sim Gamma(a, 1), \quad \xi \sim Gamma(b, 1)

    With D coefficients R^2 = sum g / (sum g + xi) is Beta(D a, b), the shares g_k / sum g are Dirichlet(a).

    Parameters
    ----------
    concentration : float
        a: below 1 few coefficients get most.
    rest : float
        b: larger values favour a smaller R^2.
    scale : float
        s_k, the coefficient that means an effect of 1.
    unit : str
        Name in the graph of the standard deviation that effects are measured in; "" is 1.
    group : str
        Coefficients that share xi.

    Raises
    ------
    ModelError
        If a number is not positive, or `unit` or `group` is no text.

    References
    ----------
    Zhang, Naughton, Bondell & Reich 2022, doi:10.1080/01621459.2020.1825449

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> bn.R2D2(0.2).rest
    1.0
    """

    concentration: float = 0.2
    rest: float = 1.0
    scale: float = 1.0
    unit: str = ""
    group: str = _PARTS

    def __post_init__(self) -> None:
        self._check("concentration", "rest", "scale")


@dataclass(frozen=True)
class SpikeAndSlab(ShrinkagePrior):
    r"""Continuous spike and slab: a narrow normal for no effect, a wide one for an effect.

    .. math:: c_k \sim (1 - \pi) N(0, (s_k u\, \text{spike})^2) + \pi N(0, (s_k u\, \text{slab})^2)

    Which of the two a coefficient belongs to is summed out; pi is known.

    Parameters
    ----------
    inclusion : float
        pi, prior probability of an effect, in (0, 1).
    spike, slab : float
        Sizes of negligible and of real effects, in the unit.
    scale : float
        s_k, the coefficient that means an effect of 1.
    unit : str
        Name in the graph of the standard deviation that effects are measured in; "" is 1.
    group : str
        For tables.

    Raises
    ------
    ModelError
        If a number is not positive, `inclusion` outside (0, 1), or `unit` or `group` is no text.

    References
    ----------
    George & McCulloch 1993, doi:10.1080/01621459.1993.10476353

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> bn.SpikeAndSlab(0.3).slab
    1.0
    """

    inclusion: float = 0.5
    spike: float = 0.05
    slab: float = 1.0
    scale: float = 1.0
    unit: str = ""
    group: str = _PARTS

    def __post_init__(self) -> None:
        self._check("spike", "slab", "scale")
        if not (is_number(self.inclusion) and 0 < self.inclusion < 1):
            raise ModelError(
                explain(
                    expected="`inclusion` between 0 and 1", got=repr(self.inclusion), remedy="0.5 is usual."
                )
            )
