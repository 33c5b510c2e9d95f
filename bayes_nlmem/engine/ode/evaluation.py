"""Values of nodes for numbers, arrays or tensors: `xp` is numpy or pytensor.tensor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bayes_nlmem.engine.ode.expressions import LEAVES, Graph

_FUNCTIONS = {
    "exp": "exp", "log": "log", "log1p": "log1p", "expm1": "expm1", "sqrt": "sqrt", "sin": "sin",
    "cos": "cos", "tanh": "tanh", "abs": "abs", "floor": "floor", "max": "maximum", "min": "minimum",
    "lt": "less", "le": "less_equal", "eq": "equal",
}  # fmt: skip
_TENSOR_NAMES = {"less": "lt", "less_equal": "le", "equal": "eq", "where": "switch"}


def evaluate(
    g: Graph,
    nodes: Sequence[int],
    xp: Any,
    *,
    p: Sequence[Any] = (),
    y: Sequence[Any] = (),
    t: Any = 0.0,
    tad: Any = 0.0,
) -> list[Any]:
    """Values of nodes for the values of their leaves.

    Parameters
    ----------
    g : Graph
    nodes : sequence of int
    xp : module
        numpy or pytensor.tensor.
    p, y : sequences
        Parameters and compartments in their order.
    t, tad
        Time, and time after a dose.
    """
    numpy_like = xp.__name__ == "numpy"

    def function(name: str) -> Any:
        return getattr(xp, name if numpy_like else _TENSOR_NAMES.get(name, name))

    known: dict[int, Any] = {}
    for i in _needed(g, nodes):
        op, *a = g.nodes[i]
        if op == "const":
            known[i] = a[0]
        elif op in ("t", "tad"):
            known[i] = t if op == "t" else tad
        elif op in ("y", "p"):
            known[i] = (y if op == "y" else p)[a[0]]
        else:
            x = [known[k] for k in a]
            known[i] = _OPERATIONS[op](*x) if op in _OPERATIONS else _apply(function, op, x)
    return [known[i] for i in nodes]


def _apply(function: Any, op: str, x: list[Any]) -> Any:
    if op == "where":
        return function("where")(x[0] > 0, x[1], x[2])
    if op == "lgamma":
        from scipy.special import gammaln  # tensors bring their own

        return x[0].gammaln() if hasattr(x[0], "gammaln") else gammaln(x[0])
    value = function(_FUNCTIONS[op])(*x)
    return 1.0 * value if op in ("lt", "le", "eq") else value


_OPERATIONS: Mapping[str, Any] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "neg": lambda a: -a,
    "pow": lambda a, b: a**b,
    "and": lambda a, b: a * b,
    "or": lambda a, b: a + b - a * b,
    "not": lambda a: 1.0 - a,
}


def _needed(g: Graph, nodes: Sequence[int]) -> list[int]:
    """Nodes and all that they need, operands first."""
    found: set[int] = set()
    pending = list(nodes)
    while pending:
        i = pending.pop()
        if i not in found:
            found.add(i)
            if g.nodes[i][0] not in LEAVES:
                pending.extend(g.nodes[i][1:])
    return sorted(found)
