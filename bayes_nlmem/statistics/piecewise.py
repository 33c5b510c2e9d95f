"""The effect of a covariate with one slope below a break point and another above: the hockey stick."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_nlmem.ground.formulas import Call, Constant, Formula, Product, Sum, less
from bayes_nlmem.ground.priors import Prior
from bayes_nlmem.ground.scales import Scale
from bayes_nlmem.ground.values import LINE, admit
from bayes_nlmem.statistics.admission import numeric, positive_factor


@dataclass(frozen=True)
class PiecewiseLinear:
    """Two straight lines that meet at a break point, where P = P_pop; the hockey stick.

    P = P_pop * (1 + below * min(x - at, 0) + above * max(x - at, 0)); on the scale `Natural()` without the
    "P_pop * (1 + ...)": the two slopes add in the parameter's unit. One slope may be 0: an effect that
    stops, or begins, at the break point.

    NONMEM `IF (AGE.LE.12) TVCL = TVCL*(1 + THETA(2)*(AGE-12))`, `IF (AGE.GT.12) ... THETA(3)`; PsN scm
    state 3 ("hockey-stick"). The factor must stay positive, see `Linear`. The log-density is continuous in an
    unknown break point but has a kink wherever it passes a value of the covariate.

    Parameters
    ----------
    below, above : float or Prior
        Fractional change of the parameter per unit of the covariate, on either side of the break point; in
        the parameter's unit per unit of the covariate on `Natural()`.
    at : float or Prior
        The break point, in the unit of the covariate. Keep a prior within the range of the data.

    Raises
    ------
    ModelError
        If one of them is neither number nor prior.

    Examples
    --------
    >>> import numpy as np
    >>> import bayes_nlmem as bn
    >>> effect = bn.PiecewiseLinear(below=0.05, above=-0.01, at=12)
    >>> np.exp(effect.shift(effect.unknowns(), np.array([2.0, 12.0, 52.0]), np, bn.Log()))
    array([0.5, 1. , 0.6])
    """

    below: float | Prior
    above: float | Prior
    at: float | Prior

    def __post_init__(self) -> None:
        admit(self, {"below": LINE, "above": LINE, "at": LINE})

    @property
    def reference(self) -> float | None:
        """Value of the covariate at which the parameter is P_pop, if it is known."""
        return None if isinstance(self.at, Prior) else self.at

    def unknowns(self) -> dict[str, float | Prior]:
        """The slopes and the break point."""
        return {"below": self.below, "above": self.above, "at": self.at}

    def check(self, values: Any, scale: Scale) -> None:
        """Refuse a covariate that is not a number, and known slopes that make the factor negative."""
        x = numeric(values, "PiecewiseLinear")
        coefficients = self.unknowns()
        if scale.ratio and not any(isinstance(value, Prior) for value in coefficients.values()):
            factor = 1 + self._change(coefficients, x, np)
            remedy = "Check the slopes and the break point."
            positive_factor(factor, x, formula="1 + slope * (x - at)", remedy=remedy)

    def shift(self, coefficients: Mapping[str, Any], x: Any, xp: Any, scale: Scale) -> Any:
        """log(1 + slope * (x - at)); on `Natural()` slope * (x - at)."""
        change = self._change(coefficients, x, xp)
        return xp.log1p(change) if scale.ratio else change

    def _change(self, coefficients: Mapping[str, Any], x: Any, xp: Any) -> Any:
        distance = x - coefficients["at"]
        below = coefficients["below"] * xp.minimum(distance, 0.0)
        return below + coefficients["above"] * xp.maximum(distance, 0.0)

    def formula(self, coefficient: Any, covariate: Formula, scale: Scale) -> Formula:
        """1 + below * min(x - at, 0) + above * max(x - at, 0), without the 1 on `Natural()`."""
        distance = less(covariate, coefficient("at"))
        below = Product((coefficient("below"), Call("min", (distance, Constant(0)))))
        above = Product((coefficient("above"), Call("max", (distance, Constant(0)))))
        return Sum((Constant(1), below, above)) if scale.ratio else Sum((below, above))

    def meaning(self, suffix: str, covariate: str) -> str:
        """Words for the tables."""
        if suffix == "at":
            return f"break point of {covariate}"
        return f"change per unit of {covariate} {suffix} the break point"
