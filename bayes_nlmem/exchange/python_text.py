"""A model as Python text that makes it again."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from importlib import import_module
from typing import Any

from bayes_nlmem.ground.messages import ModelError, explain
from bayes_nlmem.ground.values import About

_WIDTH = 100
_STEP = "    "
_WITHOUT_NAME = ("Power",)  # of two or more arguments needed the first stands bare, as one writes it


def to_python(record: Any, *, name: str = "model") -> str:
    """The Python text of a model: `name = bn.Model(...)`, as one would write it.

    What has its default value is left out. The text is run before it is returned: it makes an equal record.

    Parameters
    ----------
    record : Model or another record of the package
    name : str
        Of the variable.

    Returns
    -------
    str

    Raises
    ------
    ModelError
        It holds something that is not of this package, such as a class of your own.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> model = bn.Model(
    ...     structure=bn.OneCompartment(),
    ...     parameters={"CL": bn.Parameter(bn.about(2.0), iiv=bn.about(0.3)), "V": bn.Parameter(20.0)},
    ...     residuals={"cp": bn.Proportional(0.1)},
    ... )
    >>> print(bn.to_python(model))
    model = bn.Model(
        structure=bn.OneCompartment(),
        parameters={
            "CL": bn.Parameter(bn.LogNormal(2.0, cv=1.0), iiv=bn.HalfNormal(0.45)),
            "V": bn.Parameter(20.0),
        },
        residuals={"cp": bn.Proportional(0.1)},
    )
    <BLANKLINE>
    """
    text = f"{name} = {_laid_out(_written(record), '')}\n"
    made = evaluated(text)[name]
    if made != record:
        raise ModelError(
            explain(
                expected="records that their own fields make again",
                got=f"{type(record).__name__} that becomes another one",
                remedy="Keep it with fit.save, or write it by hand.",
            )
        )
    return text


def expression(value: Any) -> str:
    """A number, text, list, mapping or record as Python text on one line."""
    line = _on_one_line(_written(value))
    return line if line is not None else _laid_out(_written(value), "")


def evaluated(text: str) -> dict[str, Any]:
    """The variables that a text makes; the package is `bn` in it."""
    known: dict[str, Any] = {"bn": import_module("bayes_nlmem")}
    exec(compile(text, "<model>", "exec"), known)
    return known


@dataclass(frozen=True)
class _Call:
    """Something with parts: `before` + the parts + `after`; on one line, or one line for each part."""

    before: str
    parts: tuple[tuple[str, Any], ...]  # what stands before a part, the part
    after: str
    trailing: bool = True


def _laid_out(tree: str | _Call, indent: str, taken: int = 0) -> str:
    if isinstance(tree, str):
        return tree
    line = _on_one_line(tree)
    if line is not None and len(indent) + taken + len(line) <= _WIDTH:
        return line
    inner = indent + _STEP
    ends = "," if tree.trailing else ""
    rows = [f"{inner}{head}{_laid_out(part, inner, len(head))}{ends}" for head, part in tree.parts]
    return "\n".join([tree.before, *rows, indent + tree.after])


def _on_one_line(tree: str | _Call) -> str | None:
    if isinstance(tree, str):
        return tree
    if not tree.trailing:
        return None
    parts = [(head, _on_one_line(part)) for head, part in tree.parts]
    if any(part is None for _, part in parts):
        return None
    inside = ", ".join(f"{head}{part}" for head, part in parts)
    comma = "," if tree.before == "(" and len(parts) == 1 else ""
    return f"{tree.before}{inside}{comma}{tree.after}"


def _written(value: Any) -> str | _Call:
    if isinstance(value, str):
        return _quoted(value)
    if value is None or isinstance(value, bool):
        return repr(value)
    if isinstance(value, int):
        return repr(int(value))
    if isinstance(value, float):
        return repr(float(value)) if math.isfinite(value) else f'float("{float(value)}")'
    if isinstance(value, Mapping):
        items = tuple((f"{_on_one_line(_written(key))}: ", _written(item)) for key, item in value.items())
        return _Call("{", items, "}")
    if isinstance(value, tuple):
        return _Call("(", tuple(("", _written(item)) for item in value), ")")
    if isinstance(value, list):
        return _Call("[", tuple(("", _written(item)) for item in value), "]")
    if is_dataclass(value) and not isinstance(value, type):
        return _record(value)
    raise _refused(value)


def _quoted(text: str) -> str | _Call:
    lines = text.splitlines(keepends=True)
    if len(lines) < 2:
        return _in_quotes(text)
    return _Call("(", tuple(("", _in_quotes(line)) for line in lines), ")", trailing=False)


def _in_quotes(text: str) -> str:
    """A string in double quotes where that needs no escape."""
    plain = repr(text)
    return f'"{plain[1:-1]}"' if plain[0] == "'" and '"' not in plain and "\\'" not in plain else plain


def _record(record: Any) -> _Call:
    if isinstance(record, About):
        return _Call("bn.about(", (("", _written(record.value)),), ")")
    package = import_module("bayes_nlmem")
    kind = type(record)
    if getattr(package, kind.__name__, None) is not kind:
        raise _refused(record)
    return _Call(f"bn.{kind.__name__}(", tuple(_arguments(record)), ")")


def _arguments(record: Any) -> Iterable[tuple[str, Any]]:
    """The fewest arguments that make an equal record."""
    kind = type(record)
    known = {field.name: getattr(record, field.name) for field in fields(record) if field.init}
    signature = inspect.signature(kind).parameters
    several = [name for name, p in signature.items() if p.kind is p.VAR_POSITIONAL]
    named = [name for name, p in signature.items() if p.kind is p.VAR_KEYWORD]
    if named:  # Distribution("SkewNormal", mu=0.0, ...)
        yield "", _written(record.name)
        yield from ((f"{key}=", _written(value)) for key, value in record.items)
        return
    first = list(known.pop(several[0])) if several else []
    defaults = {f.name: f.default for f in fields(record)} | {
        name: p.default for name, p in signature.items() if p.default is not p.empty
    }
    needed = [name for name in known if defaults.get(name, MISSING) is MISSING and name in signature]
    given = {name: known[name] for name in needed}
    others = [name for name in known if name not in needed and not _same(known[name], defaults.get(name))]
    given |= _fewest(kind, first, given, {name: known[name] for name in others}, record)
    yield from (("", _written(value)) for value in first)
    keywords_only = all(p.kind is p.KEYWORD_ONLY for p in signature.values())
    bare = not keywords_only and not several and (len(needed) == 1 or kind.__name__ in _WITHOUT_NAME)
    for name, value in given.items():
        yield ("" if bare and name == needed[0] else f"{name}=", _written(value))


def _fewest(kind: type, first: list, given: dict, others: dict, record: Any) -> dict[str, Any]:
    """Of the other fields those without which another record would come out."""
    kept = dict(others)
    for name in others:
        without = {key: value for key, value in kept.items() if key != name}
        try:
            if kind(*first, **given, **without) == record:
                kept = without
        except (TypeError, ValueError):
            continue
    return kept


def _same(value: Any, default: Any) -> bool:
    return type(value) is type(default) and value == default


def _refused(value: Any) -> ModelError:
    return ModelError(
        explain(
            expected="records of this package, numbers and text in a model that is written as Python",
            got=f"{value!r} ({type(value).__module__}.{type(value).__name__})",
            remedy="Write that part by hand.",
        )
    )
