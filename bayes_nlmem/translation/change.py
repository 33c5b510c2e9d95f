"""A change of variables, as data: what a sampler may do to a graph without changing its meaning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pytensor.graph.replace import clone_replace


@dataclass(frozen=True, eq=False)
class Change:
    """A change of variables of a graph's unconstrained values.

    Parameters
    ----------
    inputs : dict
        Value variable -> the new symbolic input that stands in its place.
    expressions : dict
        Value variable -> its value as an expression of the new inputs and the other value variables.
    log_determinant : TensorVariable
        Logarithm of the determinant of the map, to be added to the log-density.
    """

    inputs: dict[Any, Any]
    expressions: dict[Any, Any]
    log_determinant: Any


def following(outer: Change, inner: Change) -> Change:
    """Two changes as one, where what is changed inside depends on values that are changed outside."""
    *moved, determinant = clone_replace(
        [*inner.expressions.values(), inner.log_determinant], outer.expressions
    )
    return Change(
        {**outer.inputs, **inner.inputs},
        {**outer.expressions, **dict(zip(inner.expressions, moved, strict=True))},
        outer.log_determinant + determinant,
    )
