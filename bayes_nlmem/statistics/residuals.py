"""Residual error: how observations scatter around the prediction f."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

from bayes_nlmem.ground.formulas import Call, Constant, Formula, Product, Raised, Sum
from bayes_nlmem.ground.messages import closest, explain
from bayes_nlmem.ground.priors import Prior
from bayes_nlmem.ground.values import POSITIVE, admit, admitted
from bayes_nlmem.statistics.laws import NORMAL, Law

VARIANCES = "variances"
STANDARD_DEVIATIONS = "standard deviations"


@runtime_checkable
class Residual(Protocol):
    """What a residual error model has to offer; any frozen record with it is a residual.

    `law` is the law of the error around f; `NORMAL` is y = f + sd(f) * N(0, 1). Two methods are
    optional and serve the printing: `formula(f, sigma)`, the standard deviation as a formula, with
    `sigma(suffix)` giving its parameters, and `meaning(suffix)`, a few words for the tables.
    """

    @property
    def law(self) -> Law:
        """Law of the error."""
        ...

    def unknowns(self) -> dict[str, float | Prior]:
        """Parameters by the suffix of their name in the graph, `sigma_{output}_{suffix}`."""
        ...

    def sd(self, f: Any, sigmas: Mapping[str, Any], xp: Any) -> Any:
        """Standard deviation at the prediction `f`, given the parameters by suffix."""
        ...


class _NormalScatter:
    """What the errors that are normal around f share."""

    law: ClassVar[Law] = NORMAL

    def meaning(self, suffix: str) -> str:
        """Words for the tables."""
        return _MEANING[suffix]


@dataclass(frozen=True)
class Additive(_NormalScatter):
    """Constant standard deviation in the unit of the observations: y = f + e, SD(e) = add.

    NONMEM `Y = F + EPS(1)`, Monolix `constant`, nlmixr2 `add()`.

    Parameters
    ----------
    additive : float or Prior
        Standard deviation, > 0; a number is known, a prior is unknown.

    Raises
    ------
    ModelError
        If it is not a positive number or a prior of positive support.

    Examples
    --------
    >>> import numpy as np
    >>> import bayes_nlmem as bn
    >>> bn.Additive(0.5).sd(np.array([0.0, 10.0]), {"add": 0.5}, np)
    array([0.5, 0.5])
    """

    additive: float | Prior

    def __post_init__(self) -> None:
        admit(self, {"additive": POSITIVE}, role="sd")

    def unknowns(self) -> dict[str, float | Prior]:
        """The standard deviation, suffix `add`."""
        return {"add": self.additive}

    def sd(self, f: Any, sigmas: Mapping[str, Any], xp: Any) -> Any:
        """Standard deviation at every prediction."""
        return sigmas["add"] + xp.zeros_like(f)

    def formula(self, f: Formula, sigma: Callable[[str], Formula]) -> Formula:
        """Standard deviation for printing."""
        return sigma("add")


@dataclass(frozen=True)
class Proportional(_NormalScatter):
    """Standard deviation proportional to the prediction: y = f + e, SD(e) = prop * |f|.

    NONMEM `Y = F*(1 + EPS(1))`, Monolix `proportional`, nlmixr2 `prop()`. At f = 0 the standard deviation
    is 0: an observation there needs an additive part as well.

    Parameters
    ----------
    proportional : float or Prior
        Coefficient of variation as a fraction (0.1 is 10%), > 0; a number is known, a prior is unknown.

    Raises
    ------
    ModelError
        If it is not a positive number or a prior of positive support.

    Examples
    --------
    >>> import numpy as np
    >>> import bayes_nlmem as bn
    >>> bn.Proportional(0.1).sd(np.array([0.0, 10.0]), {"prop": 0.1}, np)
    array([0., 1.])
    """

    proportional: float | Prior

    def __post_init__(self) -> None:
        admit(self, {"proportional": POSITIVE}, role="sd")

    def unknowns(self) -> dict[str, float | Prior]:
        """The coefficient of variation, suffix `prop`."""
        return {"prop": self.proportional}

    def sd(self, f: Any, sigmas: Mapping[str, Any], xp: Any) -> Any:
        """Standard deviation at every prediction."""
        return sigmas["prop"] * xp.abs(f)

    def formula(self, f: Formula, sigma: Callable[[str], Formula]) -> Formula:
        """Standard deviation for printing."""
        return Product((sigma("prop"), f))


@dataclass(frozen=True)
class Combined(_NormalScatter):
    """Additive and proportional error together.

    Parameters
    ----------
    additive : float or Prior
        Standard deviation of the additive part, in the unit of the observations, > 0.
    proportional : float or Prior
        Coefficient of variation of the proportional part, as a fraction, > 0.
    add : {"variances", "standard deviations"}
        What is added up. "variances": SD = sqrt(add^2 + (prop * f)^2), two independent errors (NONMEM
        `Y = F + F*EPS(1) + EPS(2)`, nlmixr2 `add() + prop()`, Monolix `combined2`). "standard deviations":
        SD = add + prop * |f|, one error (Monolix `combined1`, nlmixr2 `combined1()`).

    Raises
    ------
    ModelError
        If a part is not a positive number or a prior of positive support, or `add` is neither word.

    Examples
    --------
    >>> import numpy as np
    >>> import bayes_nlmem as bn
    >>> sigmas = {"add": 3.0, "prop": 0.4}
    >>> float(bn.Combined(3.0, 0.4).sd(np.float64(10.0), sigmas, np))
    5.0
    >>> float(bn.Combined(3.0, 0.4, add="standard deviations").sd(np.float64(10.0), sigmas, np))
    7.0
    """

    additive: float | Prior
    proportional: float | Prior
    add: str = VARIANCES

    def __post_init__(self) -> None:
        problems = []
        if self.add not in (VARIANCES, STANDARD_DEVIATIONS):
            hint = closest(str(self.add), (VARIANCES, STANDARD_DEVIATIONS))
            remedy = "NONMEM, nlmixr2 and Monolix combined2 add variances, Monolix combined1 adds SDs."
            problems.append(
                explain(
                    expected=f"add={VARIANCES!r} or add={STANDARD_DEVIATIONS!r}",
                    got=f"add={self.add!r}",
                    remedy=f"{hint} {remedy}".strip(),
                )
            )
        admit(self, {"additive": POSITIVE, "proportional": POSITIVE}, role="sd", problems=problems)

    def unknowns(self) -> dict[str, float | Prior]:
        """Both parts, suffixes `add` and `prop`."""
        return {"add": self.additive, "prop": self.proportional}

    def sd(self, f: Any, sigmas: Mapping[str, Any], xp: Any) -> Any:
        """Standard deviation at every prediction."""
        if self.add == VARIANCES:
            return xp.sqrt(sigmas["add"] ** 2 + (sigmas["prop"] * f) ** 2)
        return sigmas["add"] + sigmas["prop"] * xp.abs(f)

    def formula(self, f: Formula, sigma: Callable[[str], Formula]) -> Formula:
        """Standard deviation for printing."""
        proportional = Product((sigma("prop"), f))
        if self.add != VARIANCES:
            return Sum((sigma("add"), proportional))
        square = Constant(2)
        return Call("sqrt", (Sum((Raised(sigma("add"), square), Raised(proportional, square))),))


@dataclass(frozen=True)
class PowerError(_NormalScatter):
    """Standard deviation that is a power of the prediction: y = f + e, SD(e) = coef * |f|^exponent.

    Exponent 0 is an additive error, 1 a proportional one. NONMEM `Y = F + F**THETA(1)*EPS(1)`, Monolix the
    `b*f^c` part of its combined models, nlmixr2 `pow()`. At f = 0 the standard deviation is 0.

    Parameters
    ----------
    coefficient : float or Prior
        Standard deviation at |f| = 1, > 0; its unit is that of the observations to the power 1 - exponent.
    exponent : float or Prior
        Exponent, > 0; a number is known, a prior is unknown.

    Raises
    ------
    ModelError
        If one of them is not a positive number or a prior of positive support.

    Examples
    --------
    >>> import numpy as np
    >>> import bayes_nlmem as bn
    >>> bn.PowerError(0.2, 0.5).sd(np.array([0.0, 100.0]), {"coef": 0.2, "exponent": 0.5}, np)
    array([0., 2.])
    """

    coefficient: float | Prior
    exponent: float | Prior

    def __post_init__(self) -> None:
        exponent, problems = admitted(self.exponent, "exponent", inside=POSITIVE)
        object.__setattr__(self, "exponent", exponent)
        admit(self, {"coefficient": POSITIVE}, role="sd", problems=problems)

    def unknowns(self) -> dict[str, float | Prior]:
        """Coefficient and exponent, suffixes `coef` and `exponent`."""
        return {"coef": self.coefficient, "exponent": self.exponent}

    def sd(self, f: Any, sigmas: Mapping[str, Any], xp: Any) -> Any:
        """Standard deviation at every prediction."""
        size = xp.abs(f)
        above = size > 0
        # log(0) is kept out of the power, whose gradient there is 0 times inf.
        power = xp.exp(sigmas["exponent"] * xp.log(xp.where(above, size, 1.0)))
        return sigmas["coef"] * xp.where(above, power, 0.0)

    def formula(self, f: Formula, sigma: Callable[[str], Formula]) -> Formula:
        """Standard deviation for printing."""
        return Product((sigma("coef"), Raised(f, sigma("exponent"))))


def error_formula(residual: Any, f: Formula, sigma: Callable[[str], Formula]) -> Formula:
    """Standard deviation of any residual error for printing, by its name if it has no formula."""
    if hasattr(residual, "formula"):
        return residual.formula(f, sigma)
    return Call(type(residual).__name__, (f, *map(sigma, residual.unknowns())))


def error_meaning(residual: Any, suffix: str) -> str:
    """Words for a parameter of any residual error."""
    return residual.meaning(suffix) if hasattr(residual, "meaning") else f"residual error, {suffix}"


_MEANING = {
    "add": "additive error, SD",
    "prop": "proportional error, CV as a fraction",
    "coef": "error at a prediction of 1, SD",
    "exponent": "exponent of the prediction in the error",
}
