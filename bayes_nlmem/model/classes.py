"""Mixtures of sub-populations: typical values that differ between classes nobody has observed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bayes_nlmem.ground.messages import explain
from bayes_nlmem.ground.prior import Prior, Support
from bayes_nlmem.ground.values import admitted, refusal


@dataclass(frozen=True, init=False, repr=False)
class PerClass:
    """A typical value for each class of a mixture of sub-populations.

    The classes are in ascending order of the first parameter that has a value per class: there the value of
    a class lies above that of the class before, and its prior is cut off below it, so that the classes
    cannot change their names while sampling (label switching).

    Parameters
    ----------
    *values : float or Prior
        Typical value of class 1, class 2, ...; a number is known, a prior is unknown.

    Raises
    ------
    ModelError
        If there are fewer than two, or one of them is neither number nor prior.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> clearance = bn.Parameter(bn.PerClass(bn.about(2.0), bn.about(8.0)), iiv=bn.about(0.3))
    >>> print(clearance.typical)
    LogNormal(median 2, CV 100%) | LogNormal(median 8, CV 100%)
    """

    values: tuple[float | Prior, ...]

    def __init__(self, *values: Any) -> None:
        object.__setattr__(self, "values", values)
        if len(values) < 2:
            remedy = "Write PerClass(about(2), about(8)) for two classes."
            problem = explain(expected="two or more values in PerClass", got=repr(values), remedy=remedy)
            raise refusal([problem], "PerClass is not well stated")

    def inside(self, support: Support) -> tuple[PerClass, list[str]]:
        """The values as they are kept on a scale, with the problems that speak against them."""
        settled, problems = [], []
        for k, value in enumerate(self.values, start=1):
            kept, wrong = admitted(value, f"the typical value of class {k}", inside=support)
            settled.append(kept)
            problems.extend(wrong)
        return PerClass(*settled), problems

    def ascending(self) -> bool:
        """Whether the numbers and the medians of the priors ascend."""
        centres = [v.quantile(0.5) if isinstance(v, Prior) else float(v) for v in self.values]
        known = [centre for centre in centres if centre is not None]
        return all(one < other for one, other in zip(known, known[1:], strict=False))

    def __str__(self) -> str:
        return " | ".join(str(value) if isinstance(value, Prior) else f"{value:g}" for value in self.values)

    def __repr__(self) -> str:
        return f"PerClass({', '.join(map(repr, self.values))})"
