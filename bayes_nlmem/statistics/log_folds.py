"""The effect of a category on the additive scale: a coefficient of either sign, 0 for no effect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bayes_nlmem.ground.formulas import Call, Formula, Indicator, Product, Sum
from bayes_nlmem.ground.mapping import FrozenMapping
from bayes_nlmem.ground.messages import ModelError, explain
from bayes_nlmem.ground.priors import Prior
from bayes_nlmem.ground.scales import Scale
from bayes_nlmem.ground.values import admitted, refusal
from bayes_nlmem.statistics.categorical import Categorical, graph_label, level_text


@dataclass(frozen=True)
class LogFolds:
    """A shift for each level of a category: P = P_pop * exp(coefficient[level]); 0 at the reference level.

    The same model as `Categorical` with the logarithms of the fold changes as coefficients (Monolix's `beta`
    of a category): no effect is 0, so priors that shrink towards it can be used. On `Natural()` the
    coefficient is a difference in the parameter's unit.

    Parameters
    ----------
    coefficients : mapping of level to float or Prior
        Log fold change of every level against the reference: all levels but the reference.
    reference : str or number
        Level at which the parameter is P_pop.

    Raises
    ------
    ModelError
        If there is no level, the reference is among them, or a value is neither number nor prior.

    Examples
    --------
    >>> import numpy as np
    >>> import bayes_nlmem as bn
    >>> effect = bn.LogFolds({"F": -0.2}, reference="M")
    >>> effect.shift({"F": -0.2}, np.array(["M", "F"]), np, bn.Log())
    array([-0. , -0.2])
    """

    coefficients: Mapping[Any, float | Prior]
    reference: Any

    def __post_init__(self) -> None:
        if not isinstance(self.coefficients, Mapping) or not self.coefficients:
            remedy = 'Write LogFolds({"F": Normal(0, 0.5)}, reference="M").'
            got = repr(self.coefficients)
            problem = explain(expected="a mapping of level to log fold change", got=got, remedy=remedy)
            raise refusal([problem], "LogFolds is not well stated")
        settled, problems = {}, []
        for level, given in self.coefficients.items():
            settled[level_text(level)], wrong = admitted(given, f"level {level!r}")
            problems.extend(wrong)
        reference = level_text(self.reference)
        if reference in settled:
            remedy = "Its coefficient is 0 by definition: leave it out of the mapping."
            problems.append(
                explain(expected=f"no value for the reference {reference!r}", got="one", remedy=remedy)
            )
        if problems:
            raise refusal(problems, "LogFolds is not well stated")
        object.__setattr__(self, "coefficients", FrozenMapping(settled))
        object.__setattr__(self, "reference", reference)

    def unknowns(self) -> dict[str, float | Prior]:
        """The log fold changes by level."""
        return {graph_label(level): value for level, value in self.coefficients.items()}

    def check(self, values: Any, scale: Scale) -> None:
        """Refuse a level that has no coefficient."""
        try:
            self._as_folds.check(values, scale)
        except ModelError as error:
            raise ModelError(
                str(error).replace("Categorical", "LogFolds").replace("fold change", "log fold change")
            ) from None

    @property
    def _as_folds(self) -> Categorical:
        return Categorical(dict.fromkeys(self.coefficients, 1.0), reference=self.reference)

    def shift(self, coefficients: Mapping[str, Any], x: Any, xp: Any, scale: Scale) -> Any:
        """Coefficient[x]."""
        terms = []
        for level in self.coefficients:
            present = Categorical({level: 1.0}, reference=self.reference)
            indicator = present.shift({graph_label(level): 1.0}, x, xp, _DIFFERENCES)
            terms.append(coefficients[graph_label(level)] * indicator)
        return sum(terms[1:], start=terms[0])

    def formula(self, coefficient: Any, covariate: Formula, scale: Scale) -> Formula:
        """exp(coefficient * [x = level]) for every level; without exp on `Natural()`."""
        parts = tuple(
            Product((coefficient(graph_label(level)), Indicator(covariate, level)))
            for level in self.coefficients
        )
        total = parts[0] if len(parts) == 1 else Sum(parts)
        return Call("exp", (total,)) if scale.ratio else total

    def meaning(self, suffix: str, covariate: str) -> str:
        """Words for the tables."""
        level = next(level for level in self.coefficients if graph_label(level) == suffix)
        return f"log change of {covariate} {level} against {self.reference}"


class _Differences:
    """The scale on which a level's value is the shift itself."""

    ratio = False


_DIFFERENCES: Any = _Differences()
