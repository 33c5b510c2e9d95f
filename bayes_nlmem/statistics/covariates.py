"""Covariate effects: how a measured trait shifts a parameter on the scale where its effects add.

On the scale `Log()` a shift multiplies the parameter by exp(shift), on `Logit()` it multiplies the odds;
on `Natural()` it adds in the parameter's own unit. `scale.ratio` tells the two kinds apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from bayes_nlmem.ground.mapping import FrozenMapping
from bayes_nlmem.ground.messages import ModelError, explain
from bayes_nlmem.ground.priors import Prior, is_number
from bayes_nlmem.ground.scales import Log, Scale


@runtime_checkable
class CovariateEffect(Protocol):
    """What a covariate effect has to offer; any frozen record with it is a covariate effect."""

    def unknowns(self) -> dict[str, float | Prior]:
        """Coefficients by the suffix of their name in the graph, `{parameter}_{covariate}_{suffix}`.

        The suffix "" gives the name `{parameter}_{covariate}`.
        """
        ...

    def check(self, values: Any) -> None:
        """Refuse values of the covariate that the effect cannot take (called by `build`)."""
        ...

    def shift(self, coefficients: Mapping[str, Any], x: Any, xp: Any, scale: Scale) -> Any:
        """Shift on the parameter's scale, given the coefficients by suffix and the covariate `x`."""
        ...


@dataclass(frozen=True)
class Power:
    """Power of the covariate: P = P_pop * (x / reference)^exponent; the allometric form.

    Parameters
    ----------
    exponent : float or Prior
        A number is known (0.75 for clearance on weight), a prior is unknown.
    reference : float
        Value of the covariate at which the parameter is P_pop, > 0.
    """

    exponent: float | Prior
    reference: float

    def unknowns(self) -> dict[str, float | Prior]:
        """The exponent."""
        return {"": self.exponent}

    def check(self, values: Any) -> None:
        """Refuse a covariate that is not positive."""
        x = np.asarray(values, dtype=float)
        if not np.all(x > 0):
            raise ModelError(
                explain(
                    expected="covariate values > 0 for Power",
                    got=f"{np.min(x):g}",
                    remedy="Correct the data, or use Linear or Exponential.",
                )
            )

    def shift(self, coefficients: Mapping[str, Any], x: Any, xp: Any, scale: Scale = Log()) -> Any:
        """Exponent * log(x / reference)."""
        return coefficients[""] * xp.log(x / self.reference)


@dataclass(frozen=True)
class Linear:
    """Linear in the covariate: P = P_pop * (1 + coefficient * (x - reference)).

    Parameters
    ----------
    coefficient : float or Prior
        Fractional change of the parameter per unit of the covariate.
    reference : float
        Value of the covariate at which the parameter is P_pop.
    """

    coefficient: float | Prior
    reference: float

    def unknowns(self) -> dict[str, float | Prior]:
        """The coefficient."""
        return {"": self.coefficient}

    def check(self, values: Any) -> None:
        """Nothing to refuse."""

    def shift(self, coefficients: Mapping[str, Any], x: Any, xp: Any, scale: Scale = Log()) -> Any:
        """log(1 + coefficient * (x - reference)); on `Natural()` coefficient * (x - reference)."""
        slope = coefficients[""] * (x - self.reference)
        return xp.log1p(slope) if scale.ratio else slope


@dataclass(frozen=True)
class Exponential:
    """Exponential in the covariate: P = P_pop * exp(coefficient * (x - reference)).

    Parameters
    ----------
    coefficient : float or Prior
        Change of log P per unit of the covariate.
    reference : float
        Value of the covariate at which the parameter is P_pop.
    """

    coefficient: float | Prior
    reference: float

    def unknowns(self) -> dict[str, float | Prior]:
        """The coefficient."""
        return {"": self.coefficient}

    def check(self, values: Any) -> None:
        """Nothing to refuse."""

    def shift(self, coefficients: Mapping[str, Any], x: Any, xp: Any, scale: Scale = Log()) -> Any:
        """Coefficient * (x - reference)."""
        return coefficients[""] * (x - self.reference)


@dataclass(frozen=True)
class Categorical:
    """A factor for each level of a category: P = P_pop * fold[level]; 1 at the reference level.

    Parameters
    ----------
    folds : mapping of level to float or Prior
        Fold change of every level against the reference; all levels but the reference.
    reference : str or number
        Level at which the parameter is P_pop.
    """

    folds: Mapping[Any, float | Prior]
    reference: Any

    def __post_init__(self) -> None:
        object.__setattr__(self, "folds", FrozenMapping({level_text(k): v for k, v in self.folds.items()}))
        object.__setattr__(self, "reference", level_text(self.reference))

    def unknowns(self) -> dict[str, float | Prior]:
        """The fold changes by level."""
        return dict(self.folds)

    def check(self, values: Any) -> None:
        """Refuse a level that has no fold change."""
        found = {level_text(value) for value in np.unique(np.asarray(values))}
        known = {self.reference, *self.folds}
        if missing := sorted(found - known):
            raise ModelError(
                explain(
                    expected=f"a fold change for every level of the covariate ({', '.join(sorted(found))})",
                    got=f"none for {', '.join(missing)}",
                    remedy="Add the levels to Categorical({level: fold change, ...}, reference=level).",
                )
            )

    def shift(self, coefficients: Mapping[str, Any], x: Any, xp: Any, scale: Scale = Log()) -> Any:
        """log(fold[x]); on `Natural()` the difference[x] itself."""
        levels = np.array([level_text(value) for value in np.asarray(x).ravel()])
        terms = [
            (xp.log(coefficients[level]) if scale.ratio else coefficients[level]) * (levels == level)
            for level in self.folds
        ]
        return sum(terms[1:], start=terms[0])


def level_text(level: object) -> str:
    """Level of a category as text; numbers without a needless fraction.

    Examples
    --------
    >>> level_text(1.0), level_text("F"), level_text(True)
    ('1', 'F', '1')
    """
    if isinstance(level, str):
        return level
    number = float(level)  # type: ignore[arg-type]
    return f"{number:g}" if is_number(number) else str(level)
