"""A graph's fingerprint: equal for graphs that compute the same thing, whatever data they are given."""

from __future__ import annotations

import hashlib
import sys
import types
from collections.abc import Mapping, Sequence
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from pytensor.graph.basic import Constant
from pytensor.graph.op import Op
from pytensor.graph.traversal import toposort
from pytensor.graph.type import Type
from pytensor.scalar.basic import ScalarOp


class NotComparableError(Exception):
    """Something in the graph has no value that could be compared with another's."""


def fingerprint(inputs: Sequence[Any], outputs: Sequence[Any], *about: str) -> str | None:
    """Digest of what a graph computes from its inputs, or None where it cannot be told.

    Parameters
    ----------
    inputs, outputs : sequence of Variable
        The graph.
    *about : str
        Whatever else decides the machine code: versions, settings.

    Returns
    -------
    str or None
    """
    digest = hashlib.sha256("\n".join(about).encode())
    place: dict[Any, str] = {variable: f"i{k}" for k, variable in enumerate(inputs)}
    try:
        for variable in inputs:
            digest.update(_text(variable.type).encode())
        for k, node in enumerate(toposort(outputs)):
            digest.update(f"{_text(node.op)}({','.join(_place(v, place) for v in node.inputs)})".encode())
            for j, variable in enumerate(node.outputs):
                place[variable] = f"{k}.{j}"
                digest.update(_text(variable.type).encode())
        digest.update(",".join(_place(v, place) for v in outputs).encode())
    except NotComparableError:
        return None
    return digest.hexdigest()


def _place(variable: Any, place: dict[Any, str]) -> str:
    found = place.get(variable)
    if found is not None:
        return found
    if not isinstance(variable, Constant):
        raise NotComparableError(variable)
    return _text(variable.type) + _text(variable.data)


def _text(value: Any) -> str:
    """A value as text that equals another's if and only if the values do the same."""
    if value is None or isinstance(value, bool | int | float | complex | str | bytes | Enum | np.dtype):
        return f"{type(value).__name__}:{value!r}"
    if isinstance(value, np.ndarray | np.generic):
        array = np.asarray(value)
        if array.dtype.kind == "O":
            raise NotComparableError(value)
        return f"{array.dtype}{array.shape}{hashlib.sha256(array.tobytes()).hexdigest()}"
    if isinstance(value, list | tuple):
        return f"{type(value).__name__}({','.join(map(_text, value))})"
    if isinstance(value, Mapping):
        return f"map({','.join(f'{_text(k)}={_text(v)}' for k, v in value.items())})"
    if isinstance(value, slice):
        return f"slice({_text(value.start)},{_text(value.stop)},{_text(value.step)})"
    if isinstance(value, type | types.FunctionType | types.BuiltinFunctionType):
        return _name(value)
    if isinstance(value, Op | Type):
        return _of_op(value)
    raise NotComparableError(value)


def _name(value: Any) -> str:
    name = f"{value.__module__}.{value.__qualname__}"
    if "<" in name:  # made on the spot: another one of this name may do something else
        raise NotComparableError(value)
    return name


@cache
def _lines_of(module: str) -> str:
    """Digest of a module's file: what an operation does, and its derivative, is in these lines."""
    if module.partition(".")[0] in ("pytensor", "pymc"):  # their versions say all
        return ""
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is None:  # typed in
        raise NotComparableError(module)
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()


def _of_op(op: Any) -> str:
    kind = _name(type(op)) + _lines_of(type(op).__module__)
    inner = getattr(op, "fgraph", None)
    if inner is not None:  # a composite: its own graph says all
        found = fingerprint(inner.inputs, inner.outputs)
        if found is None:
            raise NotComparableError(op)
        return f"{kind}{{{found}}}"
    names = getattr(op, "__props__", None)
    if names is None:
        if not isinstance(op, ScalarOp):
            raise NotComparableError(op)
        # its rule for the type of its output says no more than that type does
        names = sorted(vars(op).keys() - {"name", "output_types_preference"})
    held = ",".join(_text(getattr(op, name)) for name in names)
    return f"{kind}({held})"
