"""A structure with something added to it: compartments before it, inputs of its doses, routes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bayes_nlmem.engine.ode.expressions import Graph
from bayes_nlmem.engine.ode.symbols import Names, Symbol
from bayes_nlmem.engine.ode.trace import assemble
from bayes_nlmem.structures.composition import as_equations, copied
from bayes_nlmem.structures.ode import ODE
from bayes_nlmem.structures.text import written


def extended(
    base: Any,
    rates: Callable[[Any, Any, Mapping[str, Any]], Mapping[str, Any]],
    *,
    compartments: tuple[str, ...] = (),
    before: bool = True,
    parameters: tuple[str, ...] = (),
    inputs: Callable[[Any], Mapping[str, Any]] | None = None,
    input_rates: Callable[[Any, Any], Mapping[str, Any]] | None = None,
    routes: Mapping[str, str] | None = None,
    outputs: Callable[[Any, Any, Mapping[str, Any]], Mapping[str, Any]] | None = None,
    dose: str | None = None,
) -> ODE:
    """Equations of `base` with compartments, rates, inputs or routes added.

    Parameters
    ----------
    base : structure
    rates : callable
        ``rates(y, p, d)`` returns the derivatives of the new compartments and those that change; `d` are
        those of `base`.
    compartments : tuple of str
        New compartments.
    before : bool
        Whether they are numbered before those of `base`, or behind them.
    parameters : tuple of str
        New parameters in the order in which they are to be listed, before those of `base`.
    inputs, input_rates, routes
        As in `ODE`, without `p` by name: ``inputs(p)``, ``input_rates(tad, p)``.
    outputs : callable, optional
        ``outputs(y, p, o)``: more of them; `o` are those of `base`.
    dose : str, optional
        Compartment of doses without CMT; that of `base` by default.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> eliminated = extended(
    ...     bn.OneCompartment(),
    ...     lambda y, p, d: {"urine": p.FE * p.CL / p.V * y.central},
    ...     compartments=("urine",), before=False,
    ... )
    >>> eliminated.compartments, eliminated.parameters
    (('central', 'urine'), ('CL', 'V', 'FE'))
    """
    first = as_equations(base)
    one = first.system
    g = Graph()
    names = (*compartments, *one.compartments) if before else (*one.compartments, *compartments)
    y = Names(g, "y", "compartment", names)
    p = Names(g, "p", "parameter", tuple(dict.fromkeys((*parameters, *one.parameters))), grows=True)
    shift = len(compartments) if before else 0
    copy = copied(one, g, [p[name].i for name in one.parameters], shift)
    derivatives = {c: Symbol(g, copy[i]) for c, i in zip(one.compartments, one.rates, strict=True)}
    derivatives |= rates(y, p, dict(derivatives))
    given = {name: Symbol(g, copy[i]) for name, i in one.inputs.items()}
    spread = {name: Symbol(g, copy[i]) for name, i in one.input_rates.items()}
    tad = Symbol(g, g.leaf("tad"))
    given |= dict(inputs(p) if inputs else {})
    spread |= dict(input_rates(tad, p) if input_rates else {})
    observed = {name: Symbol(g, copy[i]) for name, i in one.outputs.items()}
    observed |= dict(outputs(y, p, dict(observed)) if outputs else {})
    start = {c: Symbol(g, copy[i]) for c, i in zip(one.compartments, one.initial, strict=True)}
    doors = dict(one.routes) | dict(routes or {})
    system = assemble(
        g, names, tuple(p.keys()), derivatives, observed, start, given, spread, doors
    )  # after all are traced: parameters are found by use
    return ODE(
        written(system),
        outputs=tuple(system.outputs),
        compartments=names,
        parameters=tuple(p.keys()),
        dose=dose or first.default_dose,
        observe=first.default_observation,
        tolerances=first.tolerances,
        solver=first.solver,
    )
