"""Errors that are normal on the logarithmic scale: log-transform-both-sides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from bayes_nlmem.ground.formulas import Formula
from bayes_nlmem.ground.priors import Prior
from bayes_nlmem.ground.values import POSITIVE, admit
from bayes_nlmem.statistics.laws import Law
from bayes_nlmem.statistics.transformations import Logarithm


@dataclass(frozen=True)
class LogNormalError:
    r"""Normal error of log y around log f: log y ~ N(log f, sd^2).

    f is the median of y; the data stay on their own scale, and so does the density, which has the factor
    1/y. NONMEM `Y = LOG(F) + EPS(1)` on the logarithm of DV, Monolix `constant` with the distribution
    `lognormal`, nlmixr2 `lnorm()`. Observations and predictions have to be positive: a value before the
    first dose, or a 0, cannot be used; a value below the limit of quantification can (CENS = 1).

    Parameters
    ----------
    sd_of_log : float or Prior
        Standard deviation of log y, > 0: about the coefficient of variation while it is small.

    Raises
    ------
    ModelError
        If it is not a positive number or a prior of positive support.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> model = bn.zoo.load("theophylline").model.with_residual("cp", bn.LogNormalError(bn.about(0.2)))
    >>> print(bn.equations(model).split("Observations\n")[1])
      log(cp_obs,ij) ~ N(log(cp_ij), sd_cp,ij²)
      sd_cp,ij       = sigma_cp_log
    """

    sd_of_log: float | Prior
    law: ClassVar[Law] = Law(Logarithm())

    def __post_init__(self) -> None:
        admit(self, {"sd_of_log": POSITIVE}, role="sd")

    def unknowns(self) -> dict[str, float | Prior]:
        """The standard deviation on the log scale, suffix `log`."""
        return {"log": self.sd_of_log}

    def sd(self, f: Any, sigmas: Mapping[str, Any], xp: Any) -> Any:
        """Standard deviation of log y at every prediction."""
        return sigmas["log"] + xp.zeros_like(f)

    def formula(self, f: Formula, sigma: Callable[[str], Formula]) -> Formula:
        """Standard deviation of log y for printing."""
        return sigma("log")

    def meaning(self, suffix: str) -> str:
        """Words for the tables."""
        return "error of the logarithm, SD"
