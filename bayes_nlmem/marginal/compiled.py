"""A graph as compiled functions of one flat point: its log-density, and its named quantities."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
import xarray as xr
from pytensor.graph.replace import clone_replace
from pytensor.graph.rewriting.utils import rewrite_graph

from bayes_nlmem.marginal.machine_code import machine_code
from bayes_nlmem.marginal.rewrites import mode_for_numba
from bayes_nlmem.translation.change import Change
from bayes_nlmem.translation.flat import Bundle, Flat, bundle

# What is derived from a graph changes with these lines.
_SOURCE_KEY = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]


@dataclass(frozen=True, eq=False)
class Compiled:
    """A compiled function of (point, floats, ints).

    Parameters
    ----------
    flat : Flat
        The order of the point.
    data : Bundle
        What `floats` and `ints` hold.
    jitted : callable
        The machine code (numba).
    """

    flat: Flat
    data: Bundle
    jitted: Any

    def __call__(self, point: np.ndarray) -> list[np.ndarray]:
        """The outputs at a point."""
        point = np.ascontiguousarray(point, dtype=float)
        return list(self.jitted(point, self.data.float_values, self.data.int_values))

    def of(self, flat: Flat, shared: Sequence[Any]) -> Compiled:
        """The same function for another graph of the same form, with its own shared data."""
        return replace(self, flat=flat, data=self.data.of(shared))


def compile_flat(
    flat: Flat,
    known: list[Any],
    derived: Callable[[], list[Any]] | None = None,
    *,
    about: str = "",
    any_size: bool = False,
) -> Compiled:
    """Compile expressions of a graph's value variables as a function of the flat point.

    Numba's fast-math is off, so that the same seed gives the same draws whether the machine code was just
    compiled or comes from disk.

    Parameters
    ----------
    flat : Flat
        The order of the point.
    known : list of TensorVariable
        The expressions.
    derived : callable, optional
        Makes the outputs of the function out of them, by default they are the outputs themselves. It is
        called only where the machine code is not on disk yet: derivatives cost more than to find the code.
    about : str
        Tells one way to derive outputs from every other one.
    any_size : bool
        Whether the function serves data of other sizes.
    """
    data = bundle(flat.of_vector(known), any_size=any_size)

    def compiled() -> Any:
        made = data
        if derived is not None:
            made = bundle(flat.of_vector(derived()), any_size=any_size, shared=data.shared)
        inputs = [flat.joined, made.floats, made.ints]
        with flat.graph:
            mode = mode_for_numba()
            return pm.pytensorf.compile(inputs, made.outputs, mode=mode, on_unused_input="ignore")

    code = machine_code([flat.joined, data.floats, data.ints], data.outputs, compiled, about)
    return Compiled(flat, data, code)


def compile_density(graph: pm.Model, change: Change | None = None) -> Compiled:
    """Log-density and gradient of a graph in its unconstrained coordinates, or in changed ones."""
    flat = _flat(graph, change)
    log_density = graph.logp()
    if change is not None:
        [log_density] = clone_replace([log_density + change.log_determinant], change.expressions)

    def derived() -> list[Any]:
        value = log_density if change is None else _merged(log_density)
        gradients = pytensor.grad(value, flat.inputs)
        return [value, pt.concatenate([gradient.ravel() for gradient in gradients])]

    return compile_flat(flat, [log_density], derived, about=f"value and gradient {_SOURCE_KEY}")


def _merged(expression: Any) -> Any:
    """The same with equal nodes made one, so that each has one derivative and not one for every use."""
    return rewrite_graph(expression, include=("merge",), clone=True)


def _flat(graph: pm.Model, change: Change | None) -> Flat:
    flat = Flat(graph, tuple(graph.free_RVs))
    return flat if change is None else replace(flat, instead=change.inputs)


def named(
    graph: pm.Model,
    points: xr.DataArray,
    change: Change | None = None,
    wanted: Sequence[Any] | None = None,
) -> xr.Dataset:
    """Every public quantity of a graph at some unconstrained points.

    Parameters
    ----------
    graph : pm.Model
        The graph that was sampled.
    points : DataArray, dims (chain, draw, element)
        Draws in the order of the graph's free variables.
    change : Change, optional
        The coordinates of the points, if they are not the graph's own.
    wanted : sequence of TensorVariable, optional
        Some of the graph's quantities, by default all public ones.

    Returns
    -------
    Dataset
        Free variables on their natural scale and deterministics, with their dims and coordinates.
    """
    return expanded(graph, compile_named(graph, change, wanted), points, wanted)


def compile_named(
    graph: pm.Model, change: Change | None = None, wanted: Sequence[Any] | None = None
) -> Compiled:
    """The function behind `named`: free variables on their natural scale, then deterministics."""
    outputs = graph.replace_rvs_by_values(list(_public(graph, wanted)))
    if change is not None:
        outputs = clone_replace(outputs, change.expressions)
    return compile_flat(_flat(graph, change), outputs)


def population_of(graph: pm.Model) -> list[Any]:
    """The quantities of the population: those that have no subject, occasion, interval or observation."""
    beyond = {"subject", "occasion", "interval"}

    def common(variable: Any) -> bool:
        dims = graph.named_vars_to_dims.get(variable.name) or ()
        return not any(dim in beyond or str(dim).endswith("_row") for dim in dims)

    return [variable for variable in _public(graph, None) if common(variable)]


def _public(graph: pm.Model, wanted: Sequence[Any] | None) -> Sequence[Any]:
    return (*graph.free_RVs, *graph.deterministics) if wanted is None else wanted


def expanded(
    graph: pm.Model, expand: Compiled, points: xr.DataArray, wanted: Sequence[Any] | None = None
) -> xr.Dataset:
    """The values of `named`, from its compiled function."""
    values = np.ascontiguousarray(points.values, float)
    chains, draws = values.shape[:2]
    rows = [expand(point) for point in values.reshape(chains * draws, -1)]
    found = {}
    for k, name in enumerate(variable.name for variable in _public(graph, wanted)):
        stacked = np.stack([row[k] for row in rows])
        dims = graph.named_vars_to_dims.get(name) or [f"{name}_dim_{i}" for i in range(stacked.ndim - 1)]
        found[name] = (("chain", "draw", *dims), stacked.reshape(chains, draws, *stacked.shape[1:]))
    used = {dim for dims, _ in found.values() for dim in dims}
    coords = {dim: np.asarray(values) for dim, values in graph.coords.items() if dim in used}
    return xr.Dataset(found, coords={**coords, "chain": np.arange(chains), "draw": np.arange(draws)})
