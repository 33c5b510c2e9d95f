"""Residual error: how observations scatter around the prediction f."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

from bayes_nlmem.ground.messages import ModelError, explain
from bayes_nlmem.ground.priors import Prior

VARIANCES = "variances"
STANDARD_DEVIATIONS = "standard deviations"


@runtime_checkable
class Residual(Protocol):
    """What a residual error model has to offer; any frozen record with it is a residual.

    `family` names the law of the error around f; "normal" is y = f + sd(f) * N(0, 1).
    """

    @property
    def family(self) -> str:
        """Law of the error."""
        ...

    def unknowns(self) -> dict[str, float | Prior]:
        """Parameters by the suffix of their name in the graph, `sigma_{output}_{suffix}`."""
        ...

    def sd(self, f: Any, sigmas: Mapping[str, Any], xp: Any) -> Any:
        """Standard deviation at the prediction `f`, given the parameters by suffix."""
        ...


@dataclass(frozen=True)
class Additive:
    """Constant standard deviation `sd`, in the unit of the observations: y = f + e, SD(e) = add.

    Parameters
    ----------
    additive : float or Prior
        Standard deviation; a number is known, a prior is unknown.
    """

    additive: float | Prior
    family: ClassVar[str] = "normal"

    def unknowns(self) -> dict[str, float | Prior]:
        """The standard deviation, suffix `add`."""
        return {"add": self.additive}

    def sd(self, f: Any, sigmas: Mapping[str, Any], xp: Any) -> Any:
        """Standard deviation at every prediction."""
        return sigmas["add"] + xp.zeros_like(f)


@dataclass(frozen=True)
class Proportional:
    """Standard deviation proportional to the prediction: y = f + e, SD(e) = prop * |f|.

    Parameters
    ----------
    proportional : float or Prior
        Coefficient of variation as a fraction (0.1 is 10%); a number is known, a prior is unknown.
    """

    proportional: float | Prior
    family: ClassVar[str] = "normal"

    def unknowns(self) -> dict[str, float | Prior]:
        """The coefficient of variation, suffix `prop`."""
        return {"prop": self.proportional}

    def sd(self, f: Any, sigmas: Mapping[str, Any], xp: Any) -> Any:
        """Standard deviation at every prediction."""
        return sigmas["prop"] * xp.abs(f)


@dataclass(frozen=True)
class Combined:
    """Additive and proportional error together.

    Parameters
    ----------
    additive : float or Prior
        Standard deviation of the additive part, in the unit of the observations.
    proportional : float or Prior
        Coefficient of variation of the proportional part, as a fraction.
    add : {"variances", "standard deviations"}
        What is added up. "variances": SD = sqrt(add^2 + (prop * f)^2), two independent errors
        (NONMEM, nlmixr2, Monolix combined2). "standard deviations": SD = add + prop * |f|, one error
        (Monolix combined1).
    """

    additive: float | Prior
    proportional: float | Prior
    add: str = VARIANCES
    family: ClassVar[str] = "normal"

    def __post_init__(self) -> None:
        if self.add not in (VARIANCES, STANDARD_DEVIATIONS):
            raise ModelError(
                explain(
                    expected=f"add={VARIANCES!r} or add={STANDARD_DEVIATIONS!r} for Combined",
                    got=f"add={self.add!r}",
                    remedy="NONMEM, nlmixr2 and Monolix combined2 add variances, Monolix combined1 adds SDs.",
                )
            )

    def unknowns(self) -> dict[str, float | Prior]:
        """Both parts, suffixes `add` and `prop`."""
        return {"add": self.additive, "prop": self.proportional}

    def sd(self, f: Any, sigmas: Mapping[str, Any], xp: Any) -> Any:
        """Standard deviation at every prediction."""
        if self.add == VARIANCES:
            return xp.sqrt(sigmas["add"] ** 2 + (sigmas["prop"] * f) ** 2)
        return sigmas["add"] + sigmas["prop"] * xp.abs(f)
