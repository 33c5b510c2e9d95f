"""Covariate effects that level off: Emax, and the sigmoid maturation of a clearance with age."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_nlmem.ground.formulas import Constant, Formula, Product, Raised, Ratio, Sum
from bayes_nlmem.ground.messages import ModelError, explain
from bayes_nlmem.ground.priors import Prior
from bayes_nlmem.ground.scales import Scale
from bayes_nlmem.ground.values import LINE, POSITIVE, admit
from bayes_nlmem.statistics.admission import above_zero, needs_ratio, numeric


@dataclass(frozen=True)
class Emax:
    """An effect that saturates: P = P_pop * (1 + maximum * x^hill / (half^hill + x^hill)).

    P_pop is the parameter at x = 0. A negative `maximum` inhibits: -0.8 takes away up to 80%. On the scale
    `Natural()` it is P = P_pop + maximum * x^hill / (half^hill + x^hill).

    Parameters
    ----------
    maximum : float or Prior
        Largest fractional change of the parameter, > -1; in the parameter's unit on `Natural()`. With a
        prior that allows values below -1 see `Linear`.
    half : float or Prior
        Value of the covariate with half of the largest change, > 0, in the unit of the covariate.
    hill : float or Prior
        Steepness, > 0.

    Raises
    ------
    ModelError
        If one of them is neither number nor prior, or out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> import bayes_nlmem as bn
    >>> inhibition = bn.Emax(maximum=-0.8, half=10)
    >>> np.exp(inhibition.shift(inhibition.unknowns(), np.array([0.0, 10.0, 30.0]), np, bn.Log()))
    array([1. , 0.6, 0.4])
    """

    maximum: float | Prior
    half: float | Prior
    hill: float | Prior = 1.0

    def __post_init__(self) -> None:
        admit(self, {"maximum": LINE, "half": POSITIVE, "hill": POSITIVE})

    @property
    def reference(self) -> float:
        """Value of the covariate at which the parameter is P_pop."""
        return 0.0

    def unknowns(self) -> dict[str, float | Prior]:
        """Largest change, value of half the change, steepness."""
        return {"maximum": self.maximum, "half": self.half, "hill": self.hill}

    def check(self, values: Any, scale: Scale) -> None:
        """Refuse a covariate that is negative."""
        x = numeric(values, "Emax")
        if not np.all(x >= 0):
            raise ModelError(
                explain(
                    expected="covariate values >= 0 for Emax",
                    got=f"{np.min(x):g} ({np.sum(~(x >= 0))} of {x.size} records are negative)",
                    remedy="Correct the data, or use PiecewiseLinear.",
                )
            )

    def on(self, scale: Scale) -> tuple[Emax, list[str]]:
        """The effect on a scale: where it is a factor, a known `maximum` is above -1."""
        if scale.ratio and not isinstance(self.maximum, Prior) and self.maximum <= -1:
            remedy = "It is a fraction: -0.8 takes away up to 80%."
            return self, [explain(expected="maximum > -1 in Emax", got=f"{self.maximum:g}", remedy=remedy)]
        return self, []

    def shift(self, coefficients: Mapping[str, Any], x: Any, xp: Any, scale: Scale) -> Any:
        """log(1 + maximum * share); on `Natural()` maximum * share."""
        there = x > 0
        log_share = _log_share(xp.where(there, x, 1.0), coefficients["half"], coefficients["hill"], xp)
        change = coefficients["maximum"] * xp.where(there, xp.exp(log_share), 0.0)
        return xp.log1p(change) if scale.ratio else change

    def formula(self, coefficient: Any, covariate: Formula, scale: Scale) -> Formula:
        """1 + maximum * x^hill / (x^hill + half^hill), without the 1 on `Natural()`."""
        share = _share(covariate, coefficient("half"), coefficient("hill"))
        change = Product((coefficient("maximum"), share))
        return Sum((Constant(1), change)) if scale.ratio else change

    def meaning(self, suffix: str, covariate: str) -> str:
        """Words for the tables."""
        words = {"maximum": "largest change with", "half": "half of the largest change at", "hill": "Hill of"}
        return f"{words[suffix]} {covariate}"


@dataclass(frozen=True)
class Maturation:
    """Sigmoid maturation with age: P = P_pop * x^hill / (x^hill + tm50^hill); P_pop is the mature value.

    The covariate is postmenstrual age (or any age that counts from before birth), in the unit of `tm50`.
    Use it with `allometry`: size explains most of the growth, maturation what is left in the first years.

    NONMEM `FMAT = PMA**THETA(2)/(PMA**THETA(2) + THETA(1)**THETA(2))`.

    Parameters
    ----------
    tm50 : float or Prior
        Age at which half of the mature value is reached, > 0.
    hill : float or Prior
        Steepness, > 0.

    Raises
    ------
    ModelError
        If one of them is neither number nor prior, or not positive; on the scale `Natural()`.

    References
    ----------
    Anderson & Holford 2008, doi:10.1146/annurev.pharmtox.48.113006.094708.

    Examples
    --------
    >>> import numpy as np
    >>> import bayes_nlmem as bn
    >>> effect = bn.Maturation(tm50=50, hill=2)
    >>> np.exp(effect.shift(effect.unknowns(), np.array([50.0, 100.0, 150.0]), np, bn.Log()))
    array([0.5, 0.8, 0.9])
    """

    tm50: float | Prior
    hill: float | Prior

    def __post_init__(self) -> None:
        admit(self, {"tm50": POSITIVE, "hill": POSITIVE})

    def unknowns(self) -> dict[str, float | Prior]:
        """Age of half maturation and steepness."""
        return {"tm50": self.tm50, "hill": self.hill}

    def check(self, values: Any, scale: Scale) -> None:
        """Refuse an age that is not positive."""
        above_zero(values, "Maturation", remedy="Count the age from conception or the last period (PMA).")

    def on(self, scale: Scale) -> tuple[Maturation, list[str]]:
        """The effect on a scale, and what speaks against it."""
        return self, needs_ratio(self, scale)

    def shift(self, coefficients: Mapping[str, Any], x: Any, xp: Any, scale: Scale) -> Any:
        """log(x^hill / (x^hill + tm50^hill))."""
        return _log_share(x, coefficients["tm50"], coefficients["hill"], xp)

    def formula(self, coefficient: Any, covariate: Formula, scale: Scale) -> Formula:
        """x^hill / (x^hill + tm50^hill)."""
        return _share(covariate, coefficient("tm50"), coefficient("hill"))

    def meaning(self, suffix: str, covariate: str) -> str:
        """Words for the tables."""
        return f"half mature at {covariate}" if suffix == "tm50" else f"Hill of maturation with {covariate}"


def _log_share(x: Any, half: Any, hill: Any, xp: Any) -> Any:
    """log(x^hill / (x^hill + half^hill)), without powers that overflow."""
    distance = hill * (xp.log(half) - xp.log(x))
    return -(xp.softplus(distance) if hasattr(xp, "softplus") else xp.logaddexp(0.0, distance))


def _share(x: Formula, half: Formula, hill: Formula) -> Formula:
    if hill == Constant(1):
        return Ratio(x, Sum((x, half)))
    return Ratio(Raised(x, hill), Sum((Raised(x, hill), Raised(half, hill))))
