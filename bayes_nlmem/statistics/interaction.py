"""Two covariates that change each other's effect."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bayes_nlmem.ground.formulas import Call, Formula, Product, minus
from bayes_nlmem.ground.messages import explain
from bayes_nlmem.ground.prior import Prior, is_number
from bayes_nlmem.ground.scales import Scale
from bayes_nlmem.ground.values import admitted, refusal
from bayes_nlmem.statistics.admission import numeric


@dataclass(frozen=True)
class Interaction:
    """Product of two (or more) covariates: P = P_pop * exp(coefficient * (x1 - ref1) * (x2 - ref2)).

    It stands under a tuple of names, `covariates={("WT", "AGE"): Interaction(...)}`, beside the effects of
    the covariates alone; its coefficient is `{parameter}_WT_AGE` in the graph. Where one covariate has its
    reference value the other's effect is what its own effect says. On the scale `Natural()` the product adds:
    P = P_pop + coefficient * (x1 - ref1) * (x2 - ref2). A covariate of two levels takes part as 0 and 1.

    NONMEM `TVCL = THETA(1)*EXP(THETA(2)*(WT-70)*(AGE-40))`; Monolix: a covariate that is the product.

    Parameters
    ----------
    coefficient : float or Prior
        Change of log P (of the log-odds on `Logit()`, of P on `Natural()`) per unit of the product.
    references : tuple of float
        A value for each covariate of the tuple, in its order.

    Raises
    ------
    ModelError
        If the coefficient is neither number nor prior, or the references are not two or more numbers.

    Examples
    --------
    >>> import numpy as np
    >>> import bayes_nlmem as bn
    >>> effect = bn.Interaction(bn.Normal(0, 0.001), references=(70, 40))
    >>> weight, age = np.array([70.0, 80.0]), np.array([90.0, 60.0])
    >>> effect.shift({"": 0.001}, (weight, age), np, bn.Log())
    array([0. , 0.2])
    """

    coefficient: float | Prior
    references: tuple[float, ...]

    def __post_init__(self) -> None:
        coefficient, problems = admitted(self.coefficient, "coefficient")
        object.__setattr__(self, "coefficient", coefficient)
        given: Any = self.references
        if isinstance(given, (tuple, list)) and len(given) > 1 and all(map(is_number, given)):
            object.__setattr__(self, "references", tuple(given))
        else:
            remedy = "Write Interaction(coefficient, references=(70, 40))."
            expected = "two or more numbers for `references`, one for each covariate"
            problems.append(explain(expected=expected, got=repr(given), remedy=remedy))
        if problems:
            raise refusal(problems, "Interaction is not well stated")

    @property
    def takes(self) -> int:
        """Number of covariates."""
        return len(self.references)

    def unknowns(self) -> dict[str, float | Prior]:
        """The coefficient."""
        return {"": self.coefficient}

    def check(self, values: Any, scale: Scale) -> None:
        """Refuse covariates that are not numbers."""
        for one in values:
            numeric(one, "Interaction")

    def shift(self, coefficients: Mapping[str, Any], x: Any, xp: Any, scale: Scale) -> Any:
        """Coefficient * (x1 - ref1) * (x2 - ref2)."""
        distances = [one - reference for one, reference in zip(x, self.references, strict=True)]
        return coefficients[""] * math.prod(distances[1:], start=distances[0])

    def formula(self, coefficient: Any, covariate: Any, scale: Scale) -> Formula:
        """exp(coefficient * (x1 - ref1) * (x2 - ref2)), without exp on `Natural()`."""
        distances = [minus(one, reference) for one, reference in zip(covariate, self.references, strict=True)]
        term = Product((coefficient(""), *distances))
        return Call("exp", (term,)) if scale.ratio else term

    def meaning(self, suffix: str, covariate: str) -> str:
        """Words for the tables."""
        return f"interaction of {covariate}"
