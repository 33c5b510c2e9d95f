"""What covariate effects have in common at the door: numbers that are numbers, factors that are positive."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_nlmem.ground.messages import ModelError, explain
from bayes_nlmem.ground.scales import Scale


def numeric(values: Any, effect: str) -> np.ndarray:
    """The values of a covariate as numbers.

    Raises
    ------
    ModelError
        If they are words.

    Examples
    --------
    >>> numeric(["70", 80], "Power")
    array([70., 80.])
    """
    try:
        return np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        example = next(value for value in np.asarray(values).ravel().tolist() if isinstance(value, str))
        raise ModelError(
            explain(
                expected=f"a numeric covariate for {effect}",
                got=f"text such as {example!r}",
                remedy="Use Categorical for levels that are words.",
            )
        ) from None


def above_zero(values: Any, effect: str, *, remedy: str) -> np.ndarray:
    """The values of a covariate as positive numbers, or ModelError."""
    x = numeric(values, effect)
    if not np.all(x > 0):
        raise ModelError(
            explain(
                expected=f"covariate values > 0 for {effect}",
                got=f"{np.min(x):g} ({np.sum(~(x > 0))} of {x.size} records are not positive)",
                remedy=remedy,
            )
        )
    return x


def positive_factor(factor: np.ndarray, x: np.ndarray, *, formula: str, remedy: str) -> None:
    """Refuse known coefficients that make the factor `formula` zero or negative."""
    if not np.all(factor > 0):
        worst = x[np.argmin(factor)]
        raise ModelError(
            explain(
                expected=f"{formula} > 0 for all records",
                got=f"{factor.min():g} at a covariate value of {worst:g}",
                remedy=remedy,
            )
        )


def needs_ratio(effect: object, scale: Scale) -> list[str]:
    """What speaks against an effect that multiplies on a scale where effects add."""
    if scale.ratio:
        return []
    return [
        explain(
            expected=f"an effect that adds, on the scale {scale!r}",
            got=f"{type(effect).__name__}, which multiplies",
            remedy="Use Linear or Categorical (both add there), or the scale Log() or Logit().",
        )
    ]
