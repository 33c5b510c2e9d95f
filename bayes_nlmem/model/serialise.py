"""A model as plain dictionaries, lists, text and numbers, ready for JSON, and back without loss.

Records are written by the name of their class and their fields; the classes of this package by their public
name, so that files stay readable when modules move, others by their import path.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from importlib import import_module
from typing import Any

from bayes_nlmem.ground.mapping import FrozenMapping
from bayes_nlmem.ground.messages import ModelError, explain

PACKAGE = "bayes_nlmem"


def to_dict(record: Any) -> dict[str, Any]:
    """A model, or any frozen record of one, as a dictionary that `json.dumps` accepts.

    Parameters
    ----------
    record : frozen dataclass
        A Model, a Parameter, a prior, a structure, ...

    Returns
    -------
    dict

    Raises
    ------
    ModelError
        If it holds something that cannot be written: a function without an import path, an array, ...

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> to_dict(bn.HalfNormal(0.5))
    {'record': 'HalfNormal', 'fields': {'sd': 0.5}}
    >>> model = bn.zoo.load("theophylline").model
    >>> from_dict(to_dict(model)) == model
    True
    """
    return _written(record)


def from_dict(written: Mapping[str, Any]) -> Any:
    """The record that `to_dict` wrote.

    A record that is not of this package is imported by its path: read only files that you trust.

    Raises
    ------
    ModelError
        If a class is not found, or a field is not known to it.
    """
    return _read(written)


def _written(value: Any) -> Any:
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"number": repr(float(value))}
    if isinstance(value, (tuple, list)):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {kind: [_written(item) for item in value]}
    if isinstance(value, Mapping):
        kind = "frozen" if isinstance(value, FrozenMapping) else "mapping"
        return {kind: [[_written(key), _written(item)] for key, item in value.items()]}
    if isinstance(value, type) or (callable(value) and hasattr(value, "__qualname__")):
        return {"import": _path(value)}
    if is_dataclass(value):
        content = {field.name: _written(getattr(value, field.name)) for field in fields(value)}
        return {"record": _class_name(type(value)), "fields": content}
    raise ModelError(
        explain(
            expected="records, numbers, text, tuples and mappings in a model that is saved",
            got=f"{value!r} ({type(value).__name__})",
            remedy="Give the record fields of these kinds.",
        )
    )


def _read(written: Any) -> Any:
    if not isinstance(written, Mapping):
        return written
    if "record" in written:
        return _record(_class(written["record"]), {k: _read(v) for k, v in written["fields"].items()})
    (kind, content), *_ = written.items()
    match kind:
        case "number":
            return float(content)
        case "tuple":
            return tuple(_read(item) for item in content)
        case "list":
            return [_read(item) for item in content]
        case "mapping":
            return {_read(key): _read(item) for key, item in content}
        case "frozen":
            return FrozenMapping((_read(key), _read(item)) for key, item in content)
        case "import":
            return _imported(content)
    remedy = "The file is damaged or newer."
    raise ModelError(explain(expected="what to_dict wrote", got=repr(kind), remedy=remedy))


def _record(kind: type, content: dict[str, Any]) -> Any:
    """An instance with these fields, without a constructor that might have another signature."""
    defaults = {field.name: field.default for field in fields(kind)}
    lacking = [name for name, default in defaults.items() if default is MISSING and name not in content]
    if lacking or not content.keys() <= defaults.keys():
        remedy = "It was written by another version; read it with that one."
        expected = f"fields {', '.join(defaults)} of {kind.__name__}"
        raise ModelError(explain(expected=expected, got=", ".join(content), remedy=remedy))
    record: Any = object.__new__(kind)
    for name, value in {**defaults, **content}.items():
        object.__setattr__(record, name, value)
    return record


def _class_name(kind: type) -> str:
    package = import_module(PACKAGE)
    if kind.__name__ in package.__all__ and getattr(package, kind.__name__) is kind:
        return kind.__name__
    return _path(kind)


def _class(name: str) -> type:
    kind = _imported(name) if ":" in name else getattr(import_module(PACKAGE), name, None)
    if not (isinstance(kind, type) and is_dataclass(kind)):
        remedy = "The file is of a newer version, or the class has moved."
        raise ModelError(explain(expected="the name of a record", got=repr(name), remedy=remedy))
    return kind


def _path(thing: Any) -> str:
    path = f"{thing.__module__}:{thing.__qualname__}"
    if "<" in path or thing.__module__ == "__main__":
        remedy = "Define it at the top level of a module that can be imported."
        raise ModelError(explain(expected="a class or function with an import path", got=path, remedy=remedy))
    return path


def _imported(path: str) -> Any:
    module, _, name = path.partition(":")
    try:
        thing: Any = import_module(module)
        for part in name.split("."):
            thing = getattr(thing, part)
    except (ImportError, AttributeError) as error:
        remedy = "Install or restore the module that defines it."
        expected = f"{path} to be importable"
        raise ModelError(explain(expected=expected, got=str(error), remedy=remedy)) from error
    return thing
