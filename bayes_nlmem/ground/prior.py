"""What all priors have in common, and the checks of their arguments."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from numbers import Real
from typing import ClassVar

from bayes_nlmem.ground.messages import ModelError, explain

Support = tuple[float, float]
LINE: Support = (-math.inf, math.inf)
POSITIVE: Support = (0.0, math.inf)


class Prior:
    """An unknown, described by a distribution of PyMC: the root of all priors.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> isinstance(bn.HalfNormal(0.5), bn.Prior), isinstance(0.5, bn.Prior)
    (True, False)
    """

    distribution: ClassVar[str]

    def arguments(self) -> dict[str, float]:
        """Keyword arguments of the PyMC distribution."""
        raise NotImplementedError

    @property
    def support(self) -> Support | None:
        """Smallest interval that holds all values, None if it is not known."""
        return LINE

    def quantile(self, probability: float) -> float | None:
        """Value below which the unknown lies with `probability`, None if it has no quick formula."""
        from bayes_nlmem.ground.quantiles import quantile

        return quantile(self.distribution, self.arguments(), probability)

    def interval(self, mass: float = 0.95) -> tuple[float, float] | None:
        """Central interval that holds `mass` of the prior."""
        tail = (1 - mass) / 2
        lower, upper = self.quantile(tail), self.quantile(1 - tail)
        return None if lower is None or upper is None else (lower, upper)

    def __str__(self) -> str:
        described = ", ".join(f"{field.name} {shown(getattr(self, field.name))}" for field in fields(self))  # type: ignore[arg-type]
        return f"{type(self).__name__.removesuffix('Prior')}({described})"


class WordedPrior(Prior):
    """A distribution of PyMC with our words for its arguments.

    `words` gives PyMC's argument of every field; the fields in `positive` have to be > 0.
    """

    words: ClassVar[Mapping[str, str]]
    positive: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        check_fields(self, positive=self.positive)

    def arguments(self) -> dict[str, float]:
        """Keyword arguments of the PyMC distribution."""
        return {argument: getattr(self, name) for name, argument in self.words.items()}


class PositivePrior(WordedPrior):
    """A prior on the positive numbers, whose fields are all positive, too."""

    def __post_init__(self) -> None:
        check_fields(self, positive=tuple(field.name for field in fields(self)))  # type: ignore[arg-type]

    @property
    def support(self) -> Support:
        """All positive numbers."""
        return POSITIVE


def is_number(value: object) -> bool:
    """Whether `value` is a finite number (a truth value is not).

    Examples
    --------
    >>> is_number(0.3), is_number(True), is_number("0.3"), is_number(float("nan"))
    (True, False, False, False)
    """
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def shown(value: object) -> str:
    """A number in six digits, anything else as text."""
    return f"{value:g}" if isinstance(value, Real) else str(value)


def check_fields(
    prior: Prior,
    *,
    positive: tuple[str, ...] = (),
    optional: tuple[str, ...] = (),
    infinite: tuple[str, ...] = (),
) -> None:
    """Refuse fields that are not finite numbers, or not positive where they must be."""
    for field in fields(prior):  # type: ignore[arg-type]
        value = getattr(prior, field.name)
        if value is None and field.name in optional:
            continue
        if field.name in infinite and isinstance(value, Real) and math.isinf(value):
            continue
        if not is_number(value) or (field.name in positive and value <= 0):
            wanted = "a number > 0" if field.name in positive else "a finite number"
            raise ModelError(
                explain(
                    expected=f"{wanted} for `{field.name}` of {type(prior).__name__}",
                    got=repr(value),
                    remedy="The arguments of a prior are known numbers.",
                )
            )


def check_bounds(prior: Prior, lower: float, upper: float) -> None:
    """Refuse bounds that leave nothing between them."""
    if not lower < upper:
        raise ModelError(
            explain(
                expected=f"lower < upper for {type(prior).__name__}",
                got=f"lower {lower:g}, upper {upper:g}",
                remedy="Exchange the two.",
            )
        )
