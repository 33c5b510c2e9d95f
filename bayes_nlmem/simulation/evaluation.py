"""Evaluate a graph at many draws of some of its variables; what is not given is drawn from the graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pymc as pm
from pytensor.graph.replace import clone_replace
from pytensor.tensor.random.op import RandomVariable

# Below this many draws plain Python is done before machine code is compiled.
_WORTH_COMPILING = 20_000


def evaluate(
    graph: pm.Model,
    outputs: Sequence[Any],
    given: Mapping[str, np.ndarray],
    draws: int,
    seed: int,
) -> list[np.ndarray]:
    """Values of expressions of a graph, one per draw; compiled once.

    Parameters
    ----------
    graph : pm.Model
        The graph.
    outputs : sequence of TensorVariable
        Expressions of its variables.
    given : mapping of str to ndarray, shape (draws, ...)
        Values of random variables by name; the others are drawn from their own laws.
    draws : int
        Number of evaluations.
    seed : int
        Seed of what is drawn.

    Returns
    -------
    list of ndarray, shape (draws, ...)
    """
    if not outputs:
        return []
    known = [rv for rv in graph.free_RVs if rv.name in given]
    inputs = [rv.type(name=rv.name) for rv in known]
    expressions = clone_replace(list(outputs), dict(zip(known, inputs, strict=True)))
    function = pm.pytensorf.compile(
        inputs,
        expressions,
        mode="FAST_COMPILE" if draws < _WORTH_COMPILING else "NUMBA",
        on_unused_input="ignore",
        random_seed=seed,
    )
    columns = [np.asarray(given[rv.name]).astype(rv.type.dtype) for rv in known]
    found: list[np.ndarray] = []
    for k in range(draws):
        point = (np.asarray(c[k], dtype=rv.dtype) for c, rv in zip(columns, known, strict=True))
        values = function(*point)
        if not found:
            found = [np.empty((draws, *np.shape(value)), np.asarray(value).dtype) for value in values]
        for place, value in zip(found, values, strict=True):
            place[k] = value
    return found


def law_arguments(variable: Any) -> list[Any] | None:
    """The arguments of a random variable's law, None where only the graph itself can draw it."""
    node = variable.owner
    if isinstance(node.op, RandomVariable) and node.op.ndim_supp == 0:
        return list(node.op.dist_params(node))
    return None


def draw_law(variable: Any, arguments: Sequence[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Draw an elementwise random variable at many draws of its arguments at once.

    Parameters
    ----------
    variable : TensorVariable
        The random variable; its own law draws.
    arguments : sequence of ndarray, shape (draws, ...)
        Values of `law_arguments`.
    rng : Generator

    Returns
    -------
    ndarray, shape (draws, ...)
    """
    op = variable.owner.op
    draws = len(arguments[0])
    widest = max(a.ndim - 1 - support for a, support in zip(arguments, op.ndims_params, strict=True))
    ready = []
    for argument, support in zip(arguments, op.ndims_params, strict=True):
        batch = argument.shape[1 : argument.ndim - support]
        missing = (1,) * (max(widest, variable.ndim) - len(batch))
        ready.append(argument.reshape(draws, *missing, *batch, *argument.shape[argument.ndim - support :]))
    batches = [a.shape[: a.ndim - support] for a, support in zip(ready, op.ndims_params, strict=True)]
    size = np.broadcast_shapes(*batches)
    return np.asarray(op.rng_fn(rng, *ready, size))
