"""A graph as a function of one flat vector, with its data in two more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pytensor.compile.sharedvalue import SharedVariable
from pytensor.graph.replace import clone_replace
from pytensor.graph.traversal import explicit_graph_inputs, graph_inputs

from bayes_nlmem.ground.mapping import FrozenMapping

_starts: WeakKeyDictionary = WeakKeyDictionary()


def _initial_point(graph: pm.Model) -> dict[str, np.ndarray]:
    """PyMC's initial point of a graph, which it compiles a function for, made once."""
    known, start = _starts.get(graph, (None, {}))
    free = tuple(graph.free_RVs)
    if known != free:
        start = graph.initial_point()
        _starts[graph] = (free, start)
    return start


@dataclass(frozen=True, eq=False)
class Flat:
    """The free variables of a graph, on their unconstrained scale, as one vector.

    Parameters
    ----------
    graph : pm.Model
        The graph.
    variables : tuple of TensorVariable
        Its free random variables in the order of the vector.
    instead : mapping, optional
        Value variable -> the symbolic input that stands in its place (changed coordinates).
    """

    graph: pm.Model
    variables: tuple[Any, ...]
    instead: Mapping[Any, Any] = FrozenMapping()

    @cached_property
    def inputs(self) -> list[Any]:
        """The symbolic inputs that the vector replaces."""
        values = [self.graph.rvs_to_values[rv] for rv in self.variables]
        return [self.instead.get(value, value) for value in values]

    @cached_property
    def start(self) -> dict[str, np.ndarray]:
        """PyMC's own initial point, on the unconstrained scale."""
        return _initial_point(self.graph)

    @cached_property
    def values(self) -> list[str]:
        """Names of the value variables (`CL_pop_log__`)."""
        return [self.graph.rvs_to_values[rv].name for rv in self.variables]

    @cached_property
    def shapes(self) -> list[tuple[int, ...]]:
        """Shape of every value variable."""
        return [np.shape(self.start[name]) for name in self.values]

    @cached_property
    def size(self) -> int:
        """Length of the vector."""
        return int(sum(np.prod(shape) for shape in self.shapes))

    @cached_property
    def elements(self) -> list[str]:
        """Name of every element of the vector."""
        return [
            name if not shape else f"{name}[{', '.join(map(str, index))}]"
            for name, shape in zip(self.values, self.shapes, strict=True)
            for index in np.ndindex(shape)
        ]

    def join(self, point: dict[str, np.ndarray]) -> np.ndarray:
        """The vector of a point."""
        return np.concatenate([np.ravel(point[name]).astype(float) for name in self.values] or [np.zeros(0)])

    def split(self, vector: np.ndarray) -> dict[str, np.ndarray]:
        """The point of a vector."""
        point, at = {}, 0
        for name, shape in zip(self.values, self.shapes, strict=True):
            size = int(np.prod(shape))
            point[name] = np.reshape(vector[at : at + size], shape)
            at += size
        return point

    @cached_property
    def joined(self) -> Any:
        """The vector as a symbolic input."""
        return pt.TensorType("float64", shape=(self.size,))("point")

    def of_vector(self, outputs: Sequence[Any]) -> list[Any]:
        """Expressions of the value variables as expressions of the vector."""
        replacements, at = {}, 0
        for variable, shape in zip(self.inputs, self.shapes, strict=True):
            size = int(np.prod(shape))
            replacements[variable] = self.joined[at : at + size].reshape(shape)
            at += size
        return clone_replace(list(outputs), replacements)


@dataclass(frozen=True, eq=False)
class Bundle:
    """The shared data of some expressions as two vectors, so that every graph has the same three inputs.

    Parameters
    ----------
    outputs : list
        The expressions, now functions of `floats` and `ints`.
    floats, ints : TensorVariable
        The symbolic vectors.
    float_values, int_values : ndarray
        What they hold.
    shared : tuple
        The shared variables, in their order.
    any_size : bool
        Whether the expressions take data of other sizes, too.
    """

    outputs: list[Any]
    floats: Any
    ints: Any
    float_values: np.ndarray
    int_values: np.ndarray
    shared: tuple[Any, ...] = ()
    any_size: bool = False

    def refresh(self) -> None:
        """Take over the current values of the shared variables, in place: other data, the same functions."""
        self.float_values[:], self.int_values[:] = _packed(self.shared, self.any_size)

    def of(self, shared: Sequence[Any]) -> Bundle:
        """The same expressions of other shared variables, which stand for these one by one."""
        return replace(self, shared=tuple(shared), **_named(_packed(shared, self.any_size)))


def bundle(outputs: Sequence[Any], *, any_size: bool = False, shared: Sequence[Any] | None = None) -> Bundle:
    """Put the shared variables of some expressions into one vector of floats and one of integers.

    Parameters
    ----------
    outputs : sequence of TensorVariable
        The expressions.
    any_size : bool
        Read the sizes of the data from the vector of integers, so that data of other sizes need no other
        expressions. Without it they are known at compilation, which makes faster code.
    shared : sequence of SharedVariable, optional
        All that the expressions may hold, in the order of the vectors; by default as they are found.
    """
    if shared is None:
        shared = [v for v in dict.fromkeys(graph_inputs(list(outputs))) if isinstance(v, SharedVariable)]
    packed = _named(_packed(shared, any_size))
    lengths = {name: None if any_size else values.size for name, values in packed.items()}
    vectors = {  # of a known length, so that no code is made that checks the pieces
        "f": pt.TensorType("float64", shape=(lengths["float_values"],))("floats"),
        "i": pt.TensorType("int64", shape=(lengths["int_values"],))("ints"),
    }
    at = {"f": 1, "i": 1 + (sum(1 + v.ndim for v in shared) if any_size else 0)}
    head, replacements = 1, {}
    for variable in shared:
        value, kind = np.asarray(variable.get_value()), _kind(variable)
        if any_size:
            begin = vectors["i"][head]
            shape = tuple(vectors["i"][head + 1 + k] for k in range(value.ndim))
            size = pt.prod(pt.stack(shape)) if shape else 1
            head += 1 + value.ndim
            piece = vectors[kind][begin : begin + size].reshape(shape, ndim=value.ndim)
        else:
            piece = vectors[kind][at[kind] : at[kind] + value.size].reshape(value.shape)
            at[kind] += value.size
        replacements[variable] = piece.astype(variable.dtype)
    replaced = clone_replace(list(outputs), replacements)
    missing = [v for v in explicit_graph_inputs(replaced) if isinstance(v, SharedVariable)]
    assert not missing, missing
    return Bundle(replaced, vectors["f"], vectors["i"], **packed, shared=tuple(shared), any_size=any_size)


def _kind(variable: Any) -> str:
    return "f" if np.asarray(variable.get_value(borrow=True)).dtype.kind == "f" else "i"


def _named(packed: tuple[np.ndarray, np.ndarray]) -> dict[str, Any]:
    return dict(zip(("float_values", "int_values"), packed, strict=True))


def _packed(shared: Sequence[Any], any_size: bool) -> tuple[np.ndarray, np.ndarray]:
    """Floats, and integers: of any size, these begin with the place and the shape of every variable."""
    parts: dict[str, list[np.ndarray]] = {"f": [np.zeros(1)], "i": [np.zeros(1, np.int64)]}
    width = sum(1 + variable.ndim for variable in shared) if any_size else 0
    at, head = {"f": 1, "i": 1 + width}, []
    for variable in shared:
        value, kind = np.asarray(variable.get_value()), _kind(variable)
        parts[kind].append(np.ravel(value).astype(np.float64 if kind == "f" else np.int64))
        head += [at[kind], *value.shape]
        at[kind] += value.size
    if any_size:
        parts["i"].insert(1, np.array(head, np.int64))
    return np.concatenate(parts["f"]), np.concatenate(parts["i"])
