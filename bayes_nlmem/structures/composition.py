"""Structures that drive one another: the outputs of one are inputs of the next."""

from __future__ import annotations

from typing import Any

from bayes_nlmem.engine.ode.expressions import LEAVES, Graph
from bayes_nlmem.engine.ode.trace import System
from bayes_nlmem.ground.messages import ModelError, explain
from bayes_nlmem.structures.compartments import OneCompartment, ThreeCompartment, TwoCompartment
from bayes_nlmem.structures.driven import Driven
from bayes_nlmem.structures.function import Function
from bayes_nlmem.structures.ode import ODE
from bayes_nlmem.structures.parameterisation import rate_constants
from bayes_nlmem.structures.text import written


def as_equations(structure: ODE | OneCompartment | TwoCompartment | ThreeCompartment) -> ODE:
    """A compartment structure written as equations; an `ODE` is returned as it is.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> print(as_equations(bn.OneCompartment()))
    d/dt(central) = -CL / V * central
    cp = central / V
    """
    if isinstance(structure, ODE):
        return structure
    zero = structure.absorption == "zero-order"
    n, volume = structure.n, structure.volume
    names = structure.compartments[-n:]

    def rates(t: Any, y: Any, p: Any) -> dict[str, Any]:
        k10, *exchange = rate_constants(p, n, structure.parameterisation)
        central = -k10 * y.central
        derivatives: dict[str, Any] = {}
        if structure.depot:
            derivatives["depot"] = -p.KA * y.depot
            central = p.KA * y.depot + central
        others = {}
        for name, out, back in zip(names[1:], exchange[::2], exchange[1::2], strict=True):
            flow = out * y.central - back * y[name]
            central = central - flow
            others[name] = flow
        return derivatives | {"central": central} | others

    return ODE(
        rates,
        outputs=lambda y, p: {"cp": y.central / p[volume]},
        inputs=(lambda p: {"D_zero": p.D}) if zero else None,
        routes={"zero": "central"} if zero else None,
        compartments=structure.compartments,
        parameters=structure.parameters,
    )


def drives(
    pk: ODE | OneCompartment | TwoCompartment | ThreeCompartment | Function, pd: ODE | Function
) -> ODE | Driven:
    """One structure from two: a parameter of `pd` with the name of an output of `pk` becomes that output.

    Parameters
    ----------
    pk : structure
        A compartment structure or an `ODE`; doses go into its default compartment.
    pd : ODE or Function
        With a parameter such as ``cp``. Parameters of the same name in both are one.

    Returns
    -------
    ODE or Driven
        Compartments and outputs of `pk`, then of `pd`. With a `Function` the `pk` keeps its closed form.

    Raises
    ------
    ModelError
        `pd` has no parameter that `pk` could drive, or both have a compartment or output of the same name.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> from bayes_nlmem.structures.library.effects import indirect_response
    >>> joint = drives(bn.OneCompartment(absorption="first-order"), indirect_response("inhibits production"))
    >>> joint.compartments, joint.parameters
    (('depot', 'central', 'response'), ('CL', 'V', 'KA', 'IMAX', 'IC50', 'KIN', 'KOUT'))
    """
    if isinstance(pd, Function):
        return Driven(pk, pd)
    if isinstance(pk, Function):
        remedy = "Write it as a term of the equations, with t."
        raise ModelError(
            explain(expected="a structure with compartments before an ODE", got="a Function", remedy=remedy)
        )
    first = as_equations(pk)
    one, two = first.system, pd.system
    linked = [name for name in two.parameters if name in one.outputs]
    if not linked:
        raise ModelError(
            explain(
                expected=f"a driven parameter with the name of an output ({', '.join(one.outputs)})",
                got=f"the parameters {', '.join(two.parameters)}",
                remedy="Use that name in its rates or outputs, say p.cp.",
            )
        )
    for what, mine, others in (
        ("compartments", one.compartments, two.compartments),
        ("outputs", tuple(one.outputs), tuple(two.outputs)),
    ):
        if clash := [name for name in others if name in mine]:
            raise ModelError(
                explain(expected=f"different names for the {what} of both", got=", ".join(clash))
            )
    g = Graph()
    new = [name for name in two.parameters if name not in linked and name not in one.parameters]
    parameters = (*one.parameters, *new)
    p = {name: g.leaf("p", i) for i, name in enumerate(parameters)}
    n = len(one.compartments)
    copy_one = copied(one, g, [p[name] for name in one.parameters], 0)
    driver = {name: copy_one[node] for name, node in one.outputs.items()}
    copy_two = copied(two, g, [driver[name] if name in linked else p[name] for name in two.parameters], n)
    joint = System(
        g,
        one.compartments + two.compartments,
        parameters,
        rates=(*(copy_one[i] for i in one.rates), *(copy_two[i] for i in two.rates)),
        initial=(*(copy_one[i] for i in one.initial), *(copy_two[i] for i in two.initial)),
        outputs=driver | {name: copy_two[i] for name, i in two.outputs.items()},
        inputs={name: copy_one[i] for name, i in one.inputs.items()}
        | {name: copy_two[i] for name, i in two.inputs.items()},
        input_rates={name: copy_one[i] for name, i in one.input_rates.items()}
        | {name: copy_two[i] for name, i in two.input_rates.items()},
        routes={**one.routes, **two.routes},
    )
    return ODE(
        written(joint),
        outputs=tuple(joint.outputs),
        compartments=joint.compartments,
        parameters=parameters,
        dose=first.default_dose,
        observe=first.default_observation,
        tolerances=pd.tolerances,
        solver=pd.solver,
    )


def copied(system: System, g: Graph, parameters: list[int], first_state: int) -> dict[int, int]:
    """Nodes of a system in another graph, its parameters replaced and its compartments renumbered."""
    copies: dict[int, int] = {}
    for i, (op, *a) in enumerate(system.graph.nodes):
        if op == "y":
            copies[i] = g.leaf("y", first_state + a[0])
        elif op == "p":
            copies[i] = parameters[a[0]]
        elif op in LEAVES:
            copies[i] = g.leaf(op, *a)
        else:
            copies[i] = g.make(op, *(copies[k] for k in a))
    return copies
