"""A function of time, given as Python or as text, as the nodes of a graph."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from bayes_nlmem.engine.ode.expressions import Graph
from bayes_nlmem.engine.ode.symbols import Names, Symbol, number_of
from bayes_nlmem.engine.ode.trace import System
from bayes_nlmem.ground.messages import ModelError, closest, explain
from bayes_nlmem.structures.text import parse_assignments

if TYPE_CHECKING:
    pass


TIME = ("t", "time")


def names_of(outputs: Any) -> tuple[str, ...] | None:
    """Names of outputs as a tuple, None if they were not given."""
    if outputs is None:
        return None
    return (outputs,) if isinstance(outputs, str) else tuple(outputs)


def check_same_names(given: tuple[str, ...], used: tuple[str, ...]) -> None:
    """Refuse parameters that the function does not use, and those it uses that are not named."""
    if unused := [name for name in given if name not in used]:
        remedy = closest(unused[0], used) or "Leave it out."
        expected = f"parameters that the function uses ({', '.join(used) or 'none'})"
        raise ModelError(explain(expected=expected, got=unused[0], remedy=remedy))
    if absent := [name for name in used if name not in given]:
        expected = f"all parameters of the function ({', '.join(used)}) in `parameters`"
        raise ModelError(explain(expected=expected, got=f"no {', '.join(absent)}"))


def from_text(
    text: str, parameters: tuple[str, ...], columns: tuple[str, ...], outputs: tuple[str, ...] | None
) -> System:
    """The system of assignments written line by line, ``output = expression``.

    Raises
    ------
    ModelError
        An output that is not assigned, or what `parse_assignments` refuses.
    """
    g, names, assigned = parse_assignments(text, (*parameters, *columns))
    chosen = [n for n in assigned if not n.startswith("_")] if outputs is None else list(outputs)
    for name in chosen:
        if name not in assigned:
            expected = f"outputs that are assigned ({', '.join(assigned)})"
            raise ModelError(explain(expected=expected, got=name, remedy=closest(name, assigned) or None))
    return _system(g, names, columns, {name: assigned[name] for name in chosen})


def traced(
    function: Any, parameters: tuple[str, ...], columns: tuple[str, ...], outputs: tuple[str, ...] | None
) -> System:
    """The system of a Python function, called once with symbols.

    Raises
    ------
    ModelError
        What cannot be traced, and what to write instead.
    """
    if not callable(function):
        remedy = "Write Function(f) with def f(t, A, k): ..., or the same as text."
        raise ModelError(explain(expected="a function or text", got=repr(function), remedy=remedy))
    g = Graph()
    p = Names(g, "p", "parameter", (*parameters, *columns), grows=not parameters)
    positional, keywords = [], {}
    for argument in inspect.signature(function).parameters.values():
        value: Any
        if argument.kind in (argument.VAR_POSITIONAL, argument.VAR_KEYWORD):
            remedy = "Name the arguments one by one, or write f(t, p) and p.NAME."
            raise ModelError(explain(expected="named arguments", got=f"*{argument.name}", remedy=remedy))
        if argument.default is not argument.empty:
            got = f"{argument.name}={argument.default!r}"
            remedy = "A known value is a Parameter with a number: Parameter(2.0)."
            raise ModelError(explain(expected="arguments without defaults", got=got, remedy=remedy))
        if argument.name in TIME:
            value = Symbol(g, g.leaf("t"))
        else:
            value = p if argument.name == "p" else p[argument.name]
        if argument.kind is argument.KEYWORD_ONLY:
            keywords[argument.name] = value
        else:
            positional.append(value)
    returned = function(*positional, **keywords)
    if not isinstance(returned, Mapping):
        own = getattr(function, "__name__", "y")
        default = own if own.isidentifier() else "y"
        if outputs is not None and len(outputs) != 1:
            remedy = "Return a dict of output -> value."
            raise ModelError(explain(expected=f"the outputs {outputs}", got="one value", remedy=remedy))
        returned, outputs = {(outputs or (default,))[0]: returned}, None
    for name in returned:
        if not (isinstance(name, str) and name.isidentifier()):
            raise ModelError(explain(expected="names in what the function returns", got=repr(name)))
    chosen = outputs or tuple(returned)
    if unknown := [name for name in chosen if name not in returned]:
        hint = closest(unknown[0], returned) or None
        expected = f"outputs that the function returns ({', '.join(returned)})"
        raise ModelError(explain(expected=expected, got=unknown[0], remedy=hint))
    return _system(g, tuple(p.keys()), columns, {name: number_of(g, returned[name]) for name in chosen})


def _system(g: Graph, names: tuple[str, ...], columns: tuple[str, ...], outputs: Mapping[str, int]) -> System:
    if not outputs:
        raise ModelError(explain(expected="at least one output", got="none"))
    if clash := [name for name in outputs if name in names]:
        got = f"{clash[0]!r} for both"
        raise ModelError(explain(expected="outputs and arguments of different names", got=got))
    used = _leaves(g, outputs.values())
    if idle := [name for i, name in enumerate(names) if i not in used]:
        what = "columns" if idle[0] in columns else "parameters"
        got, remedy = f"{idle[0]!r}, which changes no output", "Leave it out."
        raise ModelError(explain(expected=f"{what} that the function uses", got=got, remedy=remedy))
    return System(g, (), names, (), (), dict(outputs), {})


def _leaves(g: Graph, nodes: Iterable[int]) -> set[int]:
    """Numbers of the parameters on which nodes depend."""
    found, pending, seen = set(), list(nodes), set()
    while pending:
        i = pending.pop()
        if i in seen:
            continue
        seen.add(i)
        op, *a = g.nodes[i]
        if op == "p":
            found.add(a[0])
        elif op not in ("const", "t"):
            pending.extend(a)
    return found
