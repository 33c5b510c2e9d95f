"""Structures given by ordinary differential equations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from bayes_nlmem.engine.ode.derivatives import is_linear
from bayes_nlmem.engine.ode.evaluation import evaluate
from bayes_nlmem.engine.ode.machine_code import Code, code_of
from bayes_nlmem.engine.ode.schedule import ODEPlan, compile_equations
from bayes_nlmem.engine.ode.tolerances import Tolerances
from bayes_nlmem.engine.ode.trace import DOSE_INPUTS, System, trace
from bayes_nlmem.engine.records import Records, Requests
from bayes_nlmem.ground.messages import ModelError, closest, explain
from bayes_nlmem.structures.common_verbs import CommonVerbs
from bayes_nlmem.structures.events import (
    check_input_rates,
    check_modelled,
    check_records,
    number_of_compartment,
)
from bayes_nlmem.structures.parameter_rows import symbolic_matrix, symbolic_values, values_by_row
from bayes_nlmem.structures.routes import by_routes
from bayes_nlmem.structures.text import parse, written

if TYPE_CHECKING:
    from pytensor.graph.basic import Variable


Function = Callable[..., Mapping[str, Any]]
SOLVERS = ("auto", "explicit", "stiff", "exponential")


@dataclass(frozen=True)
class ODE(CommonVerbs):
    r"""A structure given by ordinary differential equations, solved with exact sensitivities.

    .. math:: \dot y = f(t, y, p) + \text{doses}, \qquad y(t_0) = y_0(p), \qquad \text{output} = h(t, y, p)

    Parameters
    ----------
    rates : callable or str
        ``rates(t, y, p)`` returns a dict compartment -> derivative. `y` and `p` give compartments and
        parameters by name (``y.central``, ``p.CL``); `t` may be left out; names of parameters after a ``*``
        may stand for `p`. It is called once, with symbols: arithmetic, numpy functions, loops and helper
        functions work; instead of ``if`` write ``np.where(condition, a, b)``. Or the equations as text, with
        ``d/dt(central) = ...``.
    outputs : callable, optional
        ``outputs(y, p)`` (or with t) returns a dict output -> value. The amounts ``A_depot``, ... are outputs
        too. With text: the names of the assigned variables that can be observed (default: all).
    initial : callable, optional
        ``initial(p)`` returns a dict compartment -> value before the first record and after EVID 3 or 4; 0 if
        left out.
    inputs : callable, optional
        ``inputs(p)`` returns a dict such as ``{"F_central": 1 / p.V}``: F, ALAG, D or R of a compartment as a
        function of the parameters. F, ALAG, D, R that are parameters themselves need not be given here.
    input_rates : callable, optional
        ``input_rates(tad, p)`` returns a dict compartment or route -> share of a dose per time that enters at
        time `tad` after its arrival, instead of all at once; past doses add up. The parameters are those in
        force at the dose.
    routes : mapping of str to str, optional
        Route -> compartment. A dose into the default compartment takes every route, with inputs of its own:
        ``F_route``, ``ALAG_route``, ``D_route`` (then it enters at a constant rate over this time).
    compartments, parameters : tuple of str, optional
        Names in the order wanted; by default in the order of the derivatives and of first use. CMT 1 is the
        first.
    dose, observe : str, optional
        Compartment of doses and observations without CMT: by default the first and the first one named
        "central" (the first if there is none).
    tolerances : Tolerances
    solver : {"auto", "explicit", "stiff", "exponential"}
        Tsitouras' explicit method of order 5, Rodas5P, for equations linear in the states with constant
        coefficients the exponential of their matrix, or whichever is fastest at the first evaluation. The
        explicit method moves compartments that are linear by themselves and drive the others, as kinetics do
        that drive an effect, exactly: its steps follow the others alone.

    Raises
    ------
    ModelError
        What cannot be traced, and what to write instead; unknown names; a missing derivative.

    References
    ----------
    Tsitouras 2011, doi:10.1016/j.camwa.2011.06.002. Steinebach 2023, doi:10.1007/s10543-023-00967-x.

    Examples
    --------
    >>> def rates(t, y, p):
    ...     c = y.central / p.V
    ...     return {"depot": -p.KA * y.depot, "central": p.KA * y.depot - p.VM * c / (p.KM + c)}
    >>> ODE(rates, outputs=lambda y, p: {"cp": y.central / p.V}).parameters
    ('V', 'KA', 'VM', 'KM')
    >>> turnover = ODE("d/dt(effect) = kin - kout * effect; effect(0) = kin / kout")
    >>> turnover.outputs
    ('A_effect',)
    """

    rates: Function | str
    outputs: Any = None
    initial: Function | None = None
    inputs: Function | None = None
    input_rates: Function | None = None
    routes: Mapping[str, str] | None = None
    compartments: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    dose: str | None = None
    observe: str | None = None
    tolerances: Tolerances = Tolerances()
    solver: Literal["auto", "explicit", "stiff", "exponential"] = "auto"
    name: str | None = None

    def __post_init__(self) -> None:
        if self.solver not in SOLVERS:
            listed = ", ".join(map(repr, SOLVERS))
            raise ModelError(explain(expected=f"solver to be one of {listed}", got=repr(self.solver)))
        system = self._system()
        if self.solver == "exponential" and (system.input_rates or not is_linear(system)):
            raise ModelError(
                explain(
                    expected="equations linear in the compartments, with constant coefficients and "
                    "without input rates, for solver='exponential'",
                    got="others",
                    remedy="Leave solver out: it is chosen by timing.",
                )
            )
        amounts = tuple(f"A_{c}" for c in system.compartments)
        central = "central" if "central" in system.compartments else system.compartments[0]
        settled = {
            "rates": self.rates if isinstance(self.rates, str) else written(system),
            "outputs": (*system.outputs, *amounts),
            "initial": None,
            "inputs": None,
            "input_rates": None,
            "routes": None,
            "compartments": system.compartments,
            "parameters": system.parameters,
            "dose": self.dose or system.compartments[0],
            "observe": self.observe or central,
            "system": system,
        }
        for field_name, value in settled.items():
            object.__setattr__(self, field_name, value)
        for role in ("dose", "observe"):
            if getattr(self, role) not in self.compartments:
                raise ModelError(
                    explain(
                        expected=f"`{role}` to name a compartment ({', '.join(self.compartments)})",
                        got=repr(getattr(self, role)),
                        remedy=closest(str(getattr(self, role)), self.compartments) or None,
                    )
                )

    def _system(self) -> System:
        compartments, parameters = tuple(self.compartments) or None, tuple(self.parameters) or None
        if isinstance(self.rates, str):
            given = (self.initial, self.inputs, self.input_rates, self.routes)
            if callable(self.outputs) or any(x is not None for x in given):
                raise ModelError(
                    explain(
                        expected="all equations as text, or none",
                        got="text together with functions",
                        remedy="Write central(0) = ..., F(central) = ..., input(depot) = ..., cp = ... as "
                        "lines of the text.",
                    )
                )
            amounts = {f"A_{c}" for c in compartments or ()}
            chosen = None if self.outputs is None else [name for name in self.outputs if name not in amounts]
            return parse(self.rates, outputs=chosen, compartments=compartments, parameters=parameters)
        return trace(
            self.rates,
            outputs=self.outputs,
            initial=self.initial,
            inputs=self.inputs,
            input_rates=self.input_rates,
            routes=self.routes,
            compartments=compartments,
            parameters=parameters,
        )

    def __str__(self) -> str:
        return self.rates  # type: ignore[return-value]

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ("system", "code")}

    @cached_property
    def system(self) -> System:
        """The equations, traced or read."""
        return self._system()

    # --- names -------------------------------------------------------------------------------------

    @cached_property
    def code(self) -> Code:
        """Functions of the equations as assembly, made at first use."""
        return code_of(self.system)

    @property
    def optional(self) -> tuple[str, ...]:
        """Names that may be given: inputs of doses, of any compartment or of one."""
        taken = (*self.parameters, *self.system.inputs)
        return tuple(
            name
            for letter in DOSE_INPUTS
            for name in (letter, *(f"{letter}_{c}" for c in self._doors))
            if name not in taken
        )

    @property
    def _doors(self) -> tuple[str, ...]:
        """What doses enter by: compartments and routes."""
        return (*self.compartments, *self.system.routes)

    def canonical(self, name: str) -> str:
        """The structure's own name for a parameter: names of equations have no others.

        Raises
        ------
        ModelError
            With the valid names, if there is no such parameter.
        """
        if self.accepts(name):
            return name
        raise ModelError(
            explain(
                expected=f"a parameter of the equations ({', '.join(self.parameters)}; "
                f"optional: {', '.join(self.optional)})",
                got=repr(name),
                remedy=closest(name, self.parameters + self.optional) or None,
            )
        )

    @property
    def default_dose(self) -> str:
        """Compartment of a dose without CMT."""
        return self.dose  # type: ignore[return-value]

    @property
    def default_observation(self) -> str:
        """Compartment of an observation without CMT."""
        return self.observe  # type: ignore[return-value]

    def compartment_number(self, value: object) -> int:
        """Number of a compartment (from 1; 0 stands for the default) from a CMT: number, text or name.

        Raises
        ------
        DataError
            With the valid numbers and names.
        """
        return number_of_compartment(value, self.compartments, self.name or "the equations")

    # --- solving -----------------------------------------------------------------------------------

    def plan(self, records: Records, requests: Requests, names: Iterable[str]) -> ODEPlan:
        """Compile the event schedule for the parameters `names`.

        Raises
        ------
        ModelError
            Unknown or missing parameters, RATE = -1 without R, RATE = -2 without D.
        DataError
            Records that cannot be used.
        """
        names = tuple(self.canonical(name) for name in names)
        if missing := [name for name in self.parameters if name not in names]:
            raise ModelError(
                explain(
                    expected=f"all parameters of the equations ({', '.join(self.parameters)})",
                    got=f"no {', no '.join(missing)}",
                )
            )
        check_records(records, len(self.compartments), replacing=True)
        default = self.compartments.index(self.default_dose)
        inputs = self.solver_columns(names)[len(self.parameters) :]
        dose_inputs = [
            {letter: name for letter in DOSE_INPUTS for name in (letter, f"{letter}_{c}") if name in inputs}
            for c in self._doors
        ]
        by_rate = [
            list(self.system.input_rates).index(d) if d in self.system.input_rates else -1
            for d in self._doors
        ]
        linear = len(self.system.routes) < 2 or is_linear(self.system)
        records, requests, comp, door = by_routes(
            records, requests, default, self.compartments, self.system.routes, dose_inputs, linear
        )
        check_modelled(records, records.rate, door, dose_inputs)
        check_input_rates(records, door, by_rate, self._doors)
        tables = compile_equations(
            records,
            requests.record,
            requests.output,
            n_parameters=len(self.parameters),
            comp=comp,
            door=door,
            inputs=inputs,
            dose_inputs=dose_inputs,
            by_rate=by_rate,
        )
        return ODEPlan(
            code=self.code,
            columns=(*self.parameters, *inputs),
            names=names,
            tables=tables,
            n_rows=records.n_rows,
        )

    def solver_columns(self, names: Iterable[str]) -> tuple[str, ...]:
        """What the solver gets for the parameters `names`: those of the equations, then inputs of doses."""
        given = [name for name in map(self.canonical, names) if name not in self.parameters]
        # What is a parameter of the equations may also be an input of doses (D in a rate, say).
        doubles = [
            name for name in self.parameters if name.partition("_")[0] in DOSE_INPUTS and self._is_input(name)
        ]
        return (*self.parameters, *given, *doubles, *self.system.inputs)

    def _is_input(self, name: str) -> bool:
        letter, _, compartment = name.partition("_")
        return letter in DOSE_INPUTS and (not compartment or compartment in self._doors)

    def engine_columns(self, p: Mapping[str, Any], plan: ODEPlan, xp: Any = np) -> list[Any]:
        """Columns of phi from the parameters: those of the equations, then the inputs of doses."""
        own = [p[name] for name in self.parameters]
        derived = dict(
            zip(
                self.system.inputs,
                evaluate(self.system.graph, list(self.system.inputs.values()), xp, p=own),
                strict=True,
            )
        )
        # What is given for the whole dose acts besides what a route has of its own.
        for route in self.system.routes:
            if f"F_{route}" in derived and "F" in plan.names:
                derived[f"F_{route}"] = derived[f"F_{route}"] * p["F"]
            if f"ALAG_{route}" in derived and "ALAG" in plan.names:
                derived[f"ALAG_{route}"] = derived[f"ALAG_{route}"] + p["ALAG"]
        return own + [derived[name] if name in derived else p[name] for name in plan.columns[len(own) :]]

    def solve(self, p: Mapping[str, np.ndarray], plan: ODEPlan) -> tuple[np.ndarray, np.ndarray]:
        """Predictions at the requests (m,) and a status per subject, see `engine.layout.MEANING`."""
        from bayes_nlmem.engine.ode.choice import solver_for
        from bayes_nlmem.engine.ode.kernel import solve_equations

        values = values_by_row(p, plan.names, plan.n_rows)
        with np.errstate(all="ignore"):
            columns = self.engine_columns(values, plan)
        phi = np.column_stack([np.broadcast_to(c, (plan.n_rows,)) for c in columns])
        solver = solver_for(self.solver, phi, plan, self.tolerances)
        predicted, _, status, _ = solve_equations(phi, plan, self.tolerances, solver=solver)
        return predicted, status

    def predict(
        self, p: Mapping[str, Variable], plan: ODEPlan, tables: Mapping[str, Variable] | None = None
    ) -> Variable:
        """Symbolic predictions at the requests (m,), built on one Op.

        Parameters
        ----------
        p : mapping of str to tensor (n_rows,)
            Parameters by row; scalars are spread over the rows.
        plan : ODEPlan
        tables : mapping of str to tensor, optional
            ``plan.tables`` as variables. By default they become shared variables, so that new data of the
            same model recompile nothing.
        """
        import pytensor.tensor as pt

        from bayes_nlmem.engine.ode.op import symbolic_values as symbolic_solution
        from bayes_nlmem.engine.op import shared_tables

        tables = shared_tables(plan) if tables is None else tables  # type: ignore[arg-type]
        values = symbolic_values(p, plan.names)
        phi = symbolic_matrix(self.engine_columns(values, plan, pt), values, plan.n_rows)
        return symbolic_solution(phi, plan, tables, self.tolerances, self.solver)[0]
