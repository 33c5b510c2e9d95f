"""From functions to a system of equations: each is called once, with symbols."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bayes_nlmem.engine.ode.expressions import LEAVES, Graph
from bayes_nlmem.engine.ode.symbols import Names, Symbol, number_of
from bayes_nlmem.ground.messages import ModelError, closest, explain

# What can be said about the doses into a compartment, as a function of parameters.
DOSE_INPUTS = ("F", "ALAG", "D", "R")


@dataclass(frozen=True, eq=False)
class System:
    """Equations of a model, as nodes of one graph.

    Parameters
    ----------
    graph : Graph
    compartments, parameters : tuple of str
    rates : tuple of int
        Derivative of each compartment.
    initial : tuple of int
        Value of each compartment before the first record and after a reset.
    outputs : mapping of str to int
    inputs : mapping of str to int
        ``F_depot``, ``ALAG_central``, ...: what is derived from the parameters for doses into a compartment
        or by a route.
    input_rates : mapping of str to int
        Compartment or route -> share of the dose per time that enters at a time after its arrival.
    routes : mapping of str to str
        Route -> compartment.
    """

    graph: Graph = field(repr=False)
    compartments: tuple[str, ...]
    parameters: tuple[str, ...]
    rates: tuple[int, ...] = field(repr=False)
    initial: tuple[int, ...] = field(repr=False)
    outputs: Mapping[str, int]
    inputs: Mapping[str, int]
    input_rates: Mapping[str, int] = field(default_factory=dict)
    routes: Mapping[str, str] = field(default_factory=dict)


def trace(
    rates: Callable[..., Any],
    *,
    outputs: Callable[..., Any] | None = None,
    initial: Callable[..., Any] | None = None,
    inputs: Callable[..., Any] | None = None,
    input_rates: Callable[..., Any] | None = None,
    routes: Mapping[str, str] | None = None,
    compartments: tuple[str, ...] | None = None,
    parameters: tuple[str, ...] | None = None,
) -> System:
    """Call the functions once with symbols.

    Parameters
    ----------
    rates : callable
        ``rates(t, y, p)`` returns a dict compartment -> derivative. It may leave out `t`, and `y` and `p` may
        be replaced by keyword-only names of compartments and parameters.
    outputs : callable, optional
        As `rates`; returns a dict output -> value.
    initial, inputs : callable, optional
        ``initial(p)`` returns a dict compartment -> value (0 if left out), ``inputs(p)`` a dict ``F_depot``
        -> value.
    input_rates : callable, optional
        ``input_rates(tad, p)`` returns a dict compartment or route -> share of the dose per time that enters
        at time `tad` after its arrival.
    routes : mapping of str to str, optional
        Route -> compartment.
    compartments, parameters : tuple of str, optional
        Names in their order; found by use where left out.
    """
    g = Graph()
    if parameters is None:
        parameters = _keyword_names(rates, compartments)
    y = Names(g, "y", "compartment", compartments or (), grows=compartments is None)
    p = Names(g, "p", "parameter", parameters or (), grows=parameters is None)
    derivatives = _called(rates, "rates", g, y, p)
    if compartments is None:
        order = tuple(derivatives)
        _no_missing_derivative(order, tuple(y.keys()))
        if tuple(y.keys()) != order:  # again, with the compartments in the order of the derivatives
            return trace(
                rates,
                outputs=outputs,
                initial=initial,
                inputs=inputs,
                input_rates=input_rates,
                routes=routes,
                compartments=order,
                parameters=parameters,
            )
        y = Names(g, "y", "compartment", order)
    else:
        _no_missing_derivative(tuple(derivatives), compartments)
        if unknown := [name for name in derivatives if name not in compartments]:
            raise ModelError(
                explain(
                    expected=f"derivatives of the compartments ({', '.join(compartments)})",
                    got=f"one of {unknown[0]!r}",
                    remedy=closest(unknown[0], compartments) or None,
                )
            )
        order = compartments
    observed = _called(outputs, "outputs", g, y, p) if outputs else {}
    start = _called(initial, "initial", g, y, p) if initial else {}
    doses = _called(inputs, "inputs", g, y, p) if inputs else {}
    spread = _called(input_rates, "input_rates", g, y, p) if input_rates else {}
    return assemble(g, order, tuple(p.keys()), derivatives, observed, start, doses, spread, routes or {})


def assemble(
    g: Graph,
    compartments: tuple[str, ...],
    parameters: tuple[str, ...],
    rates: Mapping[str, Any],
    outputs: Mapping[str, Any],
    initial: Mapping[str, Any],
    inputs: Mapping[str, Any],
    input_rates: Mapping[str, Any] | None = None,
    routes: Mapping[str, str] | None = None,
) -> System:
    """A system from its traced equations, checked."""
    input_rates, routes = dict(input_rates or {}), dict(routes or {})
    if not compartments:
        raise ModelError(
            explain(expected="at least one derivative", got="none", remedy="Return {'central': ...}.")
        )
    if twice := sorted(set(compartments) & set(parameters)):
        raise ModelError(
            explain(expected="different names for compartments and parameters", got=", ".join(twice))
        )
    taken = {*parameters, *(f"A_{c}" for c in compartments)}
    if clash := [name for name in outputs if name in taken]:
        raise ModelError(
            explain(expected="names of outputs that no parameter or amount has", got=", ".join(clash))
        )
    for route, into in routes.items():
        if into not in compartments or route in compartments or route in parameters:
            raise ModelError(
                explain(
                    expected=f"routes with names of their own into compartments ({', '.join(compartments)})",
                    got=f"{route!r} into {into!r}",
                )
            )
    doors = (*compartments, *routes)
    for name in input_rates:
        if name not in doors:
            raise ModelError(
                explain(
                    expected=f"input rates of compartments or routes ({', '.join(doors)})",
                    got=repr(name),
                    remedy=closest(name, doors) or None,
                )
            )
    valid = [f"{letter}_{c}" for letter in DOSE_INPUTS for c in doors]
    for name in inputs:
        if name not in valid:
            raise ModelError(
                explain(
                    expected=f"inputs to name a property of doses ({', '.join(valid)})",
                    got=repr(name),
                    remedy=closest(name, valid) or None,
                )
            )
    for name in initial:
        if name not in compartments:
            raise ModelError(
                explain(
                    expected=f"initial values of compartments ({', '.join(compartments)})",
                    got=repr(name),
                    remedy=closest(name, compartments) or None,
                )
            )
    system = System(
        g,
        compartments,
        parameters,
        rates=tuple(number_of(g, rates[c]) for c in compartments),
        initial=tuple(number_of(g, initial.get(c, 0.0)) for c in compartments),
        outputs={name: number_of(g, value) for name, value in outputs.items()},
        inputs={name: number_of(g, value) for name, value in inputs.items()},
        input_rates={name: number_of(g, value) for name, value in input_rates.items()},
        routes=routes,
    )
    for name, i in system.input_rates.items():
        if not g.of_dose_only(i) or not g.has_time_after_dose(i):
            raise ModelError(
                explain(
                    expected=f"the input rate of {name} to depend on tad (time after a dose) and parameters",
                    got="t or a compartment in it" if not g.of_dose_only(i) else "no tad in it",
                )
            )
        if _compares_tad(g, i):
            raise ModelError(
                explain(
                    expected=f"an input rate of {name} that does not jump after the dose arrived",
                    got="a condition on tad",
                    remedy="Give the part that begins or stops a route with a duration: "
                    "routes={'zero': 'depot'}, inputs=lambda p: {'D_zero': p.D}.",
                )
            )
        if f"D_{name}" in inputs or f"R_{name}" in inputs:
            raise ModelError(explain(expected=f"an input rate or an infusion for {name}", got="both"))
    if any(g.has_time_after_dose(i) for i in (*system.rates, *system.outputs.values())):
        raise ModelError(explain(expected="tad in input rates only", got="it in a rate or an output"))
    for what, nodes in (("initial", system.initial), ("inputs", system.inputs.values())):
        if not all(g.without_states(i) for i in nodes):
            raise ModelError(
                explain(expected=f"`{what}` to depend on parameters only", got="a compartment or t in it")
            )
    return system


def _compares_tad(g: Graph, i: int) -> bool:
    """Whether the time after a dose is compared with anything but a number up to 0.

    The larger or smaller of two and sizes have no jumps.
    """
    pending, seen = [i], set()
    while pending:
        j = pending.pop()
        if j in seen:
            continue
        seen.add(j)
        op, *a = g.nodes[j]
        if op in ("lt", "le", "eq", "floor") and any(map(g.has_time_after_dose, a)):
            others = [k for k in a if g.nodes[k] != ("tad",)]
            if len(others) != 1 or not (g.value(others[0]) or 0.0) <= 0.0 or g.value(others[0]) is None:
                return True
        if op not in LEAVES:
            pending.extend(a)
    return False


def _keyword_names(rates: Callable[..., Any], compartments: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Parameters named by a keyword-only signature; None where there is none (then `p` is used)."""
    try:
        signature = inspect.signature(rates).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(v.name == "p" for v in signature):
        return None
    known = set(compartments or ()) | {"t", "y"}
    return tuple(v.name for v in signature if v.kind is v.KEYWORD_ONLY and v.name not in known)


def _called(function: Callable[..., Any], role: str, g: Graph, y: Names, p: Names) -> dict[str, Any]:
    """The dict that a function returns for symbols, with its arguments by their names."""
    if not callable(function):
        raise ModelError(explain(expected=f"`{role}` to be a function", got=type(function).__name__))
    whole = {"t": Symbol(g, g.leaf("t")), "tad": Symbol(g, g.leaf("tad")), "y": y, "p": p}
    positional, keywords = [], {}
    states = set(y.keys())
    for v in inspect.signature(function).parameters.values():
        if v.name in whole:
            value: Any = whole[v.name]
        elif v.kind is v.KEYWORD_ONLY:
            value = y[v.name] if v.name in states else p[v.name]
        else:
            raise ModelError(
                explain(
                    expected=f"`{role}` to take t, y, p, or names of parameters and compartments after a `*`",
                    got=f"the argument {v.name}",
                    remedy="Write rates(t, y, p), or rates(t, y, *, CL, V).",
                )
            )
        if v.kind is v.KEYWORD_ONLY:
            keywords[v.name] = value
        else:
            positional.append(value)
    try:
        returned = function(*positional, **keywords)
    except UnboundLocalError:
        raise
    except NameError as error:
        raise ModelError(
            explain(
                expected=f"names that `{role}` knows",
                got=str(error),
                remedy="Write y.name for a compartment and p.name for a parameter.",
            )
        ) from error
    if not isinstance(returned, Mapping):
        raise ModelError(
            explain(
                expected=f"`{role}` to return a dict of name -> value",
                got=type(returned).__name__,
                remedy="Write return {'central': -p.CL / p.V * y.central}.",
            )
        )
    for name in returned:
        if not (isinstance(name, str) and name.isidentifier()):
            raise ModelError(explain(expected=f"names in what `{role}` returns", got=repr(name)))
    return dict(returned)


def _no_missing_derivative(given: tuple[str, ...], used: tuple[str, ...]) -> None:
    missing = [name for name in used if name not in given]
    if missing:
        raise ModelError(
            explain(
                expected=f"a derivative for every compartment that is used ({', '.join(used)})",
                got=f"none for {', '.join(missing)}",
                remedy=closest(missing[0], given) or f"Add {missing[0]!r} to what `rates` returns.",
            )
        )
