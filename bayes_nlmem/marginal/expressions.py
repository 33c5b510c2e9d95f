"""Sums, rows and slopes of the log-density terms of a graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pymc as pm
import pytensor
import pytensor.tensor as pt


def joined(terms: Sequence[Any]) -> Any:
    """All elements of all terms, one after the other."""
    return pt.concatenate([pt.zeros(1), *(pt.cast(term, "float64").ravel() for term in terms)])[1:]


def total(terms: Sequence[Any]) -> Any:
    """The sum over all elements of all terms."""
    return sum((term.sum() for term in terms), start=pt.constant(0.0))


def slope(density: Any, variables: Sequence[Any], graph: pm.Model) -> Any:
    """Gradient of a density in the values of random variables of the graph, as one flat vector."""
    values = [graph.rvs_to_values[rv] for rv in variables]
    if not values:
        return pt.zeros(0)
    gradients = pytensor.grad(density, values, disconnected_inputs="ignore")
    return pt.concatenate([gradient.ravel() for gradient in gradients])
