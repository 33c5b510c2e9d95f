"""Errors that are normal after a power transformation of both sides: Box-Cox and Yeo-Johnson."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from bayes_nlmem.ground.formulas import Formula
from bayes_nlmem.ground.messages import explain
from bayes_nlmem.ground.prior import LINE, Support
from bayes_nlmem.ground.priors import Prior
from bayes_nlmem.ground.values import admitted, refusal
from bayes_nlmem.statistics.laws import NORMAL, Law
from bayes_nlmem.statistics.residuals import Residual, error_formula, error_meaning
from bayes_nlmem.statistics.transformations import (
    BoxCoxTransformation,
    Transformation,
    YeoJohnsonTransformation,
)


class _Transformed:
    """What both have in common."""

    residual: Residual
    power: float | Prior
    transformation: ClassVar[Transformation]

    def _admit(self, inside: Support) -> None:
        power, problems = admitted(self.power, "power (lambda)", inside=inside)
        object.__setattr__(self, "power", power)
        base: Any = self.residual
        if isinstance(base, type) or not isinstance(base, Residual) or base.law != NORMAL:
            kind = type(self).__name__
            problems.append(
                explain(
                    expected="a residual error that is normal on the scale of the observations as `residual`",
                    got=repr(base),
                    remedy=f"Write for example {kind}(Additive(about(0.2)), power=Normal(0.5, 0.5)).",
                )
            )
        if problems:
            raise refusal(problems, f"{type(self).__name__} is not well stated")

    @property
    def law(self) -> Law:
        """Normal on the transformed scale."""
        return Law(self.transformation)

    def unknowns(self) -> dict[str, float | Prior]:
        """The parameters of `residual`, and the power with the suffix `lambda`."""
        return {**self.residual.unknowns(), "lambda": self.power}

    def sd(self, f: Any, sigmas: Mapping[str, Any], xp: Any) -> Any:
        """Standard deviation of h(y) at every prediction."""
        return self.residual.sd(f, sigmas, xp)

    def formula(self, f: Formula, sigma: Callable[[str], Formula]) -> Formula:
        """Standard deviation of h(y) for printing."""
        return error_formula(self.residual, f, sigma)

    def meaning(self, suffix: str) -> str:
        """Words for the tables."""
        if suffix == "lambda":
            return f"power of the {type(self).__name__.removesuffix('Error')} transformation"
        return error_meaning(self.residual, suffix).replace("SD", "SD on the transformed scale")


@dataclass(frozen=True)
class BoxCoxError(_Transformed):
    r"""Normal error after a Box-Cox transformation of both sides: h(y) ~ N(h(f), s(f)^2).

    :math:`h(y) = (y^\lambda - 1)/\lambda`, :math:`\log y` at :math:`\lambda = 0`. The density of y has the
    Jacobian :math:`y^{\lambda - 1}`, so that fits with different or unknown lambda are comparable. s is the
    standard deviation of `residual` at the prediction (on its own scale), here of the transformed
    observations: lambda = 1 with `Additive` is an additive error, lambda = 0 a log-normal one.

    Observations and predictions have to be positive. The image of h ends at -1/lambda; what an error leads
    beyond it is an observation of 0 (lambda > 0) or an infinite one (lambda < 0), in simulations and in the
    probability of a censored value alike.

    NONMEM dynamic transform-both-sides, nlmixr2 `add() + boxCox(lambda)`; Monolix knows lambda = 0 only.

    Parameters
    ----------
    residual : Residual
        Magnitude on the transformed scale, for example `Additive(...)`.
    power : float or Prior
        lambda; a number is known, a prior is unknown.

    Raises
    ------
    ModelError
        If `residual` is no normal residual error on the scale of the observations, or `power` is neither
        number nor prior.

    References
    ----------
    Box and Cox 1964, doi:10.1111/j.2517-6161.1964.tb00553.x. Dosne, Bergstrand and Karlsson 2016,
    doi:10.1007/s10928-015-9460-y.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> error = bn.BoxCoxError(bn.Additive(bn.about(0.2)), power=bn.Normal(0.5, 0.5))
    >>> print(bn.equations(bn.zoo.load("theophylline").model.with_residual("cp", error)).split("ons\n")[-1])
      BoxCox(cp_obs,ij, sigma_cp_lambda) ~ N(BoxCox(cp_ij, sigma_cp_lambda), sd_cp,ij²)
      sd_cp,ij                           = sigma_cp_add
    """

    residual: Residual
    power: float | Prior
    transformation: ClassVar[Transformation] = BoxCoxTransformation()

    def __post_init__(self) -> None:
        self._admit(LINE)


@dataclass(frozen=True)
class YeoJohnsonError(_Transformed):
    r"""Normal error after a Yeo-Johnson transformation of both sides: h(y) ~ N(h(f), s(f)^2).

    :math:`h(y) = ((1 + y)^\lambda - 1)/\lambda` for y >= 0 and
    :math:`-((1 - y)^{2 - \lambda} - 1)/(2 - \lambda)` for y < 0, with logarithms at the two ends of lambda:
    a power transformation for observations of either sign. The density has the Jacobian
    :math:`(1 + |y|)^{\pm(\lambda - 1)}`. The 1 in it is in the unit of the observations.

    nlmixr2 `add() + yeoJohnson(lambda)`.

    Parameters
    ----------
    residual : Residual
        Magnitude on the transformed scale, for example `Additive(...)`.
    power : float or Prior
        lambda between 0 and 2, where h maps onto the whole line; 1 does not transform.

    Raises
    ------
    ModelError
        If `residual` is no normal residual error on the scale of the observations, or `power` may lie outside
        0 to 2.

    References
    ----------
    Yeo and Johnson 2000, doi:10.1093/biomet/87.4.954.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> error = bn.YeoJohnsonError(bn.Additive(0.2), power=bn.Uniform(0, 2))
    >>> list(error.unknowns())
    ['add', 'lambda']
    """

    residual: Residual
    power: float | Prior
    transformation: ClassVar[Transformation] = YeoJohnsonTransformation()

    def __post_init__(self) -> None:
        self._admit((0.0, 2.0))
