"""Doses that follow what was observed, and doses that are not taken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bayes_nlmem.ground.messages import FitError, explain


@dataclass(frozen=True)
class AdaptiveRule:
    """Change later doses by what is seen at some times.

    Parameters
    ----------
    at : sequence of float
        Times of the decisions. A decision concerns the doses from then on; an observation at the same time
        is known already.
    output : str
        What is looked at: the subject's last observation of this output up to then.
    change : callable
        `change(value, factor)`: from the observations (NaN where there is none yet) and the factors by which
        the planned amounts are multiplied now, both of shape (subjects,), the factors from now on; 0 stops
        the treatment.

    Raises
    ------
    FitError
        No times, times out of order, something that cannot be called.

    Examples
    --------
    Half the dose for whoever is above 20, never below a quarter:

    >>> import numpy as np
    >>> import bayes_nlmem as bn
    >>> def halve(value, factor):
    ...     return np.where(value > 20, np.maximum(factor / 2, 0.25), factor)
    >>> rule = bn.AdaptiveRule(at=[24, 48], output="cp", change=halve)
    >>> rule.change(np.array([5.0, 30.0]), np.ones(2))
    array([1. , 0.5])
    """

    at: Sequence[float]
    output: str
    change: Callable[[np.ndarray, np.ndarray], np.ndarray]

    def __post_init__(self) -> None:
        times = tuple(float(t) for t in np.atleast_1d(np.asarray(self.at, float)))
        if not times or any(not b > a for a, b in zip(times, times[1:], strict=False)):
            raise FitError(explain(expected="increasing times of decisions in at=", got=repr(self.at)))
        if not callable(self.change):
            raise FitError(
                explain(expected="change= a function (value, factor) -> factor", got=repr(self.change))
            )
        object.__setattr__(self, "at", times)

    def factors(self, value: np.ndarray, factor: np.ndarray) -> np.ndarray:
        """The factors from now on, checked."""
        found = np.asarray(self.change(value, factor.copy()), float)
        if found.shape != factor.shape or not (np.isfinite(found) & (found >= 0)).all():
            raise FitError(
                explain(
                    expected=f"{len(factor)} finite factors of at least 0 from the rule",
                    got=f"shape {found.shape}" if found.shape != factor.shape else f"{found.min():g}",
                    remedy="Values are NaN where nothing was observed yet: use np.where.",
                )
            )
        return found
