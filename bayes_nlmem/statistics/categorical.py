"""The effect of a category: one factor for each level against a reference level."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bayes_nlmem.ground.formulas import Formula, Indicator, Product, Raised, Sum
from bayes_nlmem.ground.mapping import FrozenMapping
from bayes_nlmem.ground.messages import ModelError, explain, names_text
from bayes_nlmem.ground.priors import Prior
from bayes_nlmem.ground.scales import Scale
from bayes_nlmem.ground.values import LINE, POSITIVE, admitted, refusal


@dataclass(frozen=True)
class Categorical:
    """A factor for each level of a category: P = P_pop * fold[level]; 1 at the reference level.

    NONMEM `IF (SEX.EQ.1) TVCL = TVCL*THETA(2)`; Monolix `beta` of the level is log(fold). On `Natural()`
    the value is a difference in the parameter's unit, 0 at the reference level.

    Parameters
    ----------
    folds : mapping of level to float or Prior
        Fold change of every level against the reference: all levels but the reference.
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
    >>> effect = bn.Categorical({"F": 0.8}, reference="M")
    >>> np.exp(effect.shift({"F": 0.8}, np.array(["M", "F"]), np, bn.Log()))
    array([1. , 0.8])
    """

    folds: Mapping[Any, float | Prior]
    reference: Any

    def __post_init__(self) -> None:
        if not isinstance(self.folds, Mapping):
            got = f"{self.folds!r} ({type(self.folds).__name__})"
            remedy = 'Write Categorical({"F": LogNormal(1, cv=0.3)}, reference="M").'
            problem = explain(expected="a mapping of level to fold change", got=got, remedy=remedy)
            raise refusal([problem], "Categorical is not well stated")
        problems = []
        reference = level_text(self.reference)
        folds = {}
        for level, given in self.folds.items():
            folds[level_text(level)] = given
            if not isinstance(given, Prior):  # priors wait for the parameter's scale
                problems.extend(admitted(given, f"level {level!r}")[1])
        if not folds:
            remedy = "Give a fold change for every level but the reference."
            problems.append(explain(expected="at least one level", got="none", remedy=remedy))
        if reference in folds:
            remedy = "Its fold change is 1 by definition: leave it out of the mapping."
            expected = f"no value for the reference {reference!r}"
            problems.append(explain(expected=expected, got="one", remedy=remedy))
        if len({graph_label(level) for level in folds}) < len(self.folds):
            remedy = "Rename the levels in the data."
            got = ", ".join(map(str, self.folds))
            problems.append(explain(expected="levels with different names", got=got, remedy=remedy))
        if problems:
            raise refusal(problems, "Categorical is not well stated")
        object.__setattr__(self, "folds", FrozenMapping(folds))
        object.__setattr__(self, "reference", reference)

    def unknowns(self) -> dict[str, float | Prior]:
        """The fold changes by level."""
        return {graph_label(level): value for level, value in self.folds.items()}

    def check(self, values: Any, scale: Scale) -> None:
        """Refuse a level that has no fold change."""
        found = {level_text(value) for value in np.asarray(values).ravel().tolist()}
        known = {self.reference, *self.folds}
        if missing := sorted(found - known):
            raise ModelError(
                explain(
                    expected=f"levels among {', '.join([str(self.reference), *self.folds])}",
                    got=f"{names_text(missing)} (levels in the data: {names_text(sorted(found))})",
                    remedy=f"Add to Categorical a fold change for {names_text(missing)}.",
                )
            )

    def on(self, scale: Scale) -> tuple[Categorical, list[str]]:
        """The effect on a scale: fold changes are positive, differences on `Natural()` are any number."""
        inside = POSITIVE if scale.ratio else LINE
        settled, problems = {}, []
        for level, given in self.folds.items():
            settled[level], wrong = admitted(given, f"the fold change of level {level!r}", inside=inside)
            problems.extend(wrong)
        return (self, problems) if problems else (replace(self, folds=settled), [])

    def shift(self, coefficients: Mapping[str, Any], x: Any, xp: Any, scale: Scale) -> Any:
        """log(fold[x]); on `Natural()` the difference itself."""
        terms = []
        for level in self.folds:
            coefficient = coefficients[graph_label(level)]
            terms.append((xp.log(coefficient) if scale.ratio else coefficient) * _equals(x, level, xp))
        return sum(terms[1:], start=terms[0])

    def formula(self, coefficient: Any, covariate: Formula, scale: Scale) -> Formula:
        """fold^[x = level] for every level; on `Natural()` difference * [x = level]."""
        parts: list[Formula] = []
        for level in self.folds:
            value, present = coefficient(graph_label(level)), Indicator(covariate, level)
            parts.append(Raised(value, present) if scale.ratio else Product((value, present)))
        if len(parts) == 1:
            return parts[0]
        return Product(tuple(parts)) if scale.ratio else Sum(tuple(parts))

    def meaning(self, suffix: str, covariate: str) -> str:
        """Words for the tables."""
        level = next(level for level in self.folds if graph_label(level) == suffix)
        return f"{covariate} {level} against {self.reference}"


def level_text(level: object) -> str:
    """Level of a category as text; numbers without a needless fraction.

    Examples
    --------
    >>> level_text(1.0), level_text("F"), level_text(True)
    ('1', 'F', '1')
    """
    if isinstance(level, str):
        return level
    try:
        return f"{float(level):g}"  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return str(level)


def graph_label(level: str) -> str:
    """Level as it stands in the name of its coefficient in the graph.

    Examples
    --------
    >>> graph_label("Black or African American")
    'Black_or_African_American'
    """
    return re.sub(r"[^\w.+-]+", "_", level)


def _equals(x: Any, level: str, xp: Any) -> Any:
    """1.0 where the covariate (text, numbers, or numbers in a graph) has the level."""
    if hasattr(x, "owner"):  # a variable of a graph, which holds numbers
        try:
            return xp.eq(x, float(level)) * 1.0
        except ValueError:  # the level is a word
            return 0.0 * x
    values = np.asarray(x)
    matches = [level_text(value) == level for value in values.ravel().tolist()]
    return np.asarray(matches, dtype=float).reshape(values.shape)
