"""A prior cut off below or above: the same shape, no values outside."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from bayes_nlmem.ground.messages import ModelError, explain
from bayes_nlmem.ground.prior import Prior, Support, check_bounds, is_number


@dataclass(frozen=True)
class Truncated(Prior):
    """A prior without its values below `lower` and above `upper`.

    Parameters
    ----------
    prior : Prior
        What is cut.
    lower, upper : float
        The bounds; infinite if there is none.

    Raises
    ------
    ModelError
        If nothing, or everything, is cut off, or `prior` is no prior of a number.

    Examples
    --------
    >>> from bayes_nlmem.ground.priors import Gamma
    >>> prior = Truncated(Gamma(2, 0.1), lower=2)
    >>> print(prior)
    Gamma(shape 2, rate 0.1) above 2
    >>> [round(x, 1) for x in prior.interval()]
    [3.2, 55.9]
    """

    prior: Prior
    lower: float = -math.inf
    upper: float = math.inf
    distribution: ClassVar[str] = "Truncated"

    def __post_init__(self) -> None:
        given: Any = self.prior
        if not isinstance(given, Prior) or not given.distribution or isinstance(given, Truncated):
            raise ModelError(
                explain(
                    expected="a prior of a number in Truncated",
                    got=repr(given),
                    remedy="Write for example Truncated(Gamma(2, 0.1), lower=2).",
                )
            )
        for name in ("lower", "upper"):
            bound = getattr(self, name)
            if not (is_number(bound) or (isinstance(bound, float) and math.isinf(bound))):
                remedy = "Give a number, or leave it out."
                raise ModelError(
                    explain(expected=f"a number for {name} of Truncated", got=repr(bound), remedy=remedy)
                )
        check_bounds(self, self.lower, self.upper)
        support = given.support or (-math.inf, math.inf)
        if self.lower <= support[0] and self.upper >= support[1]:
            got = f"{given} between {self.lower:g} and {self.upper:g}"
            remedy = "Write the prior itself."
            raise ModelError(
                explain(expected="bounds that cut something off", got=f"{got}, which is all", remedy=remedy)
            )
        if self.lower >= support[1] or self.upper <= support[0]:
            got = f"{given} between {self.lower:g} and {self.upper:g}, which is nothing"
            raise ModelError(
                explain(expected="bounds that leave something", got=got, remedy="Check the bounds.")
            )

    def arguments(self) -> dict[str, float]:
        """The finite bounds; the prior that is cut is `prior`."""
        bounds = {"lower": self.lower, "upper": self.upper}
        return {name: float(value) for name, value in bounds.items() if math.isfinite(value)}

    @property
    def support(self) -> Support:
        """What is left of the prior's own support."""
        own = self.prior.support or (-math.inf, math.inf)
        return (max(self.lower, own[0]), min(self.upper, own[1]))

    def quantile(self, probability: float) -> float | None:
        """Value below which the unknown lies with `probability`, from the quantiles of the prior."""
        low, high = (self._below(bound) for bound in (self.lower, self.upper))
        if low is None or high is None:
            return None
        return self.prior.quantile(low + probability * (high - low))

    def _below(self, bound: float) -> float | None:
        """Probability of the prior below a bound, by bisection of its quantiles."""
        own = self.prior.support or (-math.inf, math.inf)
        if bound <= own[0]:
            return 0.0
        if bound >= own[1]:
            return 1.0
        left, right = 0.0, 1.0
        for _ in range(60):
            middle = (left + right) / 2
            value = self.prior.quantile(middle)
            if value is None:
                return None
            left, right = (middle, right) if value < bound else (left, middle)
        return (left + right) / 2

    def __str__(self) -> str:
        if math.isinf(self.upper):
            return f"{self.prior} above {self.lower:g}"
        if math.isinf(self.lower):
            return f"{self.prior} below {self.upper:g}"
        return f"{self.prior} between {self.lower:g} and {self.upper:g}"
