"""Linear mammillary compartment systems with one, two or three disposition compartments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from bayes_nlmem.engine.plan import Plan, compile_schedule
from bayes_nlmem.engine.records import Records, Requests
from bayes_nlmem.ground.messages import ModelError, closest, explain
from bayes_nlmem.structures.common_verbs import CommonVerbs
from bayes_nlmem.structures.events import check_modelled, check_records, number_of_compartment
from bayes_nlmem.structures.parameter_rows import symbolic_matrix, symbolic_values, values_by_row
from bayes_nlmem.structures.parameterisation import (
    ALIASES,
    CLEARANCES,
    INPUT_ALIASES,
    RATE_CONSTANTS,
    rate_constants,
)

if TYPE_CHECKING:
    from pytensor.graph.basic import Variable


Absorption = Literal["first-order", "zero-order"] | None
Parameterisation = Literal["clearances", "rate constants"]

_INPUTS = ("F", "ALAG", "D", "R")


@dataclass(frozen=True, repr=False)
class _Compartments(CommonVerbs):
    """What the one-, two- and three-compartment systems have in common."""

    absorption: Absorption = None
    parameterisation: Parameterisation = "clearances"

    n: ClassVar[int] = 0

    def __post_init__(self) -> None:
        for given, valid, name in (
            (self.absorption, (None, "first-order", "zero-order"), "absorption"),
            (self.parameterisation, ("clearances", "rate constants"), "parameterisation"),
        ):
            if given not in valid:
                listed = ", ".join(map(repr, valid))
                raise ModelError(explain(expected=f"{name} to be one of {listed}", got=repr(given)))

    def __repr__(self) -> str:
        told = [
            f"{f.name}={getattr(self, f.name)!r}" for f in fields(self) if getattr(self, f.name) != f.default
        ]
        return f"{type(self).__name__}({', '.join(told)})"

    @property
    def depot(self) -> bool:
        """Whether there is a first-order depot."""
        return self.absorption == "first-order"

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the parameters that must be given."""
        table = CLEARANCES if self.parameterisation == "clearances" else RATE_CONSTANTS
        absorption = {None: (), "first-order": ("KA",), "zero-order": ("D",)}[self.absorption]
        return table[self.n] + absorption

    @property
    def compartments(self) -> tuple[str, ...]:
        """Names of the compartments in the order of CMT = 1, 2, ..."""
        peripheral = {1: (), 2: ("peripheral",), 3: ("peripheral1", "peripheral2")}[self.n]
        return (("depot",) if self.depot else ()) + ("central", *peripheral)

    @property
    def optional(self) -> tuple[str, ...]:
        """Names that may be given: inputs of doses, of any compartment or of one."""
        return tuple(
            name
            for letter in _INPUTS
            for name in (letter, *(f"{letter}_{c}" for c in self.compartments))
            if name not in self.parameters
        )

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of what can be observed: the concentration, then the amounts."""
        return ("cp", *(f"A_{c}" for c in self.compartments))

    @property
    def default_dose(self) -> str:
        """Compartment of a dose without CMT."""
        return self.compartments[0]

    @property
    def default_observation(self) -> str:
        """Compartment of an observation without CMT."""
        return "central"

    @property
    def volume(self) -> str:
        """Name of the volume of the central compartment."""
        return "V" if self.n == 1 else "V1"

    def canonical(self, name: str) -> str:
        """The structure's own name for a parameter; common other names (VC, TLAG, ...) are understood.

        Raises
        ------
        ModelError
            With the valid names, if there is no such parameter.
        """
        if self.accepts(name):
            return name
        other = ALIASES[self.n].get(name, INPUT_ALIASES.get(name, ""))
        if other and self.accepts(other):
            return other
        valid = f"{', '.join(self.parameters)}; optional: {', '.join(self.optional)}"
        raise ModelError(
            explain(
                expected=f"a parameter of {type(self).__name__} ({valid})",
                got=repr(name),
                remedy=closest(name, self.parameters + self.optional) or None,
            )
        )

    def compartment_number(self, value: object) -> int:
        """Number of a compartment (from 1; 0 stands for the default) from a CMT: number, text or name.

        Raises
        ------
        DataError
            With the valid numbers and names.
        """
        return number_of_compartment(value, self.compartments, type(self).__name__)

    def plan(self, records: Records, requests: Requests, names: Iterable[str]) -> Plan:
        """Compile the event schedule for the parameters `names`.

        Raises
        ------
        ModelError
            Unknown or missing parameters, RATE = -1 without R, RATE = -2 without D.
        DataError
            Records that no parameters could make sense of.
        """
        names = tuple(names)
        for name in names:
            if not self.accepts(name):
                self.canonical(name)
                raise ModelError(explain(expected=f"the name {self.canonical(name)!r}", got=repr(name)))
        if missing := [name for name in self.parameters if name not in names]:
            raise ModelError(
                explain(
                    expected=f"all parameters of {type(self).__name__} ({', '.join(self.parameters)})",
                    got=f"no {', no '.join(missing)}",
                )
            )
        kernel_comps = self._kernel_compartments()
        comp_of_cmt = np.concatenate(
            [[kernel_comps[self.compartments.index(self.default_dose)]], kernel_comps]
        )
        check_records(records, len(self.compartments))
        comp = comp_of_cmt[records.cmt]
        rate = self._rates(records, comp)
        dose_inputs = self._dose_inputs(names)
        check_modelled(records, rate, comp, dose_inputs)
        inputs = tuple(name for name in names if name in self.optional or name in _INPUTS)
        output_comp = np.concatenate([[0], kernel_comps])
        tables = compile_schedule(
            records,
            requests.record,
            output_comp[requests.output],
            n=self.n,
            depot=self.depot,
            comp=comp,
            inputs=inputs,
            dose_inputs=dose_inputs,
            rate=rate,
        )
        kinetic = ("k10", "k12", "k21", "k13", "k31")[: 2 * self.n - 1] + (("ka",) if self.depot else ())
        return Plan(
            n=self.n,
            depot=self.depot,
            columns=kinetic + inputs,
            names=names,
            tables=tables,
            outputs=requests.output,
            n_rows=records.n_rows,
        )

    def engine_columns(self, p: Mapping[str, Any], plan: Plan) -> list[Any]:
        """Columns of phi from the parameters: rate constants, KA, then the inputs of doses."""
        columns = rate_constants(p, self.n, self.parameterisation)
        if self.depot:
            columns.append(p["KA"])
        return columns + [p[name] for name in plan.columns[len(columns) :]]

    def solve(self, p: Mapping[str, np.ndarray], plan: Plan) -> tuple[np.ndarray, np.ndarray]:
        """Predictions at the requests (m,) and a status per subject, see `engine.layout.MEANING`."""
        from bayes_nlmem.engine.amounts import solve_amounts

        values = values_by_row(p, plan.names, plan.n_rows)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            phi = np.column_stack(self.engine_columns(values, plan))
            amounts, _, status = solve_amounts(phi, plan)
            volume = values[self.volume][plan.tables["asked_row"]]
            return np.where(plan.outputs == 0, amounts / volume, amounts), status

    def predict(
        self, p: Mapping[str, Variable], plan: Plan, tables: Mapping[str, Variable] | None = None
    ) -> Variable:
        """Symbolic predictions at the requests (m,), built on one Op.

        Parameters
        ----------
        p : mapping of str to tensor (n_rows,)
            Parameters by row; scalars are spread over the rows.
        plan : Plan
        tables : mapping of str to tensor, optional
            ``plan.tables`` as variables (say, `pm.Data`). By default they become shared variables, so
            that new data of the same model recompile nothing.
        """
        import pytensor.tensor as pt

        from bayes_nlmem.engine.op import shared_tables, symbolic_amounts

        tables = shared_tables(plan) if tables is None else tables
        values = symbolic_values(p, plan.names)
        phi = symbolic_matrix(self.engine_columns(values, plan), values, plan.n_rows)
        amounts, _ = symbolic_amounts(phi, plan, tables)
        volume = values[self.volume]
        volume = volume[tables["asked_row"]] if volume.ndim == 1 else volume
        concentration = plan.outputs == 0
        if concentration.all():
            return amounts / volume
        return pt.switch(concentration, amounts / volume, amounts) if concentration.any() else amounts

    def _kernel_compartments(self) -> np.ndarray:
        """Kernel's number (0 central, 1.. peripheral, n depot) of each compartment in CMT order."""
        disposition = list(range(self.n))
        return np.array(([self.n] if self.depot else []) + disposition, np.int64)

    def _rates(self, records: Records, comp: np.ndarray) -> np.ndarray:
        """RATE, with the doses that the structure itself infuses (zero-order absorption) written as -2."""
        if self.absorption != "zero-order":
            return records.rate
        dosing = (records.evid == 1) | (records.evid == 4)
        return np.where(dosing & (records.rate == 0) & (comp == 0), -2.0, records.rate)

    def _dose_inputs(self, names: Sequence[str]) -> list[dict[str, str]]:
        """For each kernel compartment the names that act on doses into it; its own name goes first."""
        order = np.argsort(self._kernel_compartments())
        return [
            {
                letter: name
                for letter in _INPUTS
                for name in (letter, f"{letter}_{self.compartments[i]}")
                if name in names
            }
            for i in order
        ]


@dataclass(frozen=True, repr=False)
class OneCompartment(_Compartments):
    """One-compartment disposition with linear elimination.

    ``dA_depot/dt = -KA A_depot``, ``dA_central/dt = KA A_depot - (CL / V) A_central``, ``cp = A_central /
    V``.

    Parameters
    ----------
    absorption : None, "first-order" or "zero-order"
        None: doses go into the central compartment. "first-order": a depot (CMT 1) empties with rate
        constant KA. "zero-order": doses without RATE enter the central compartment at a constant rate
        over the duration D.
    parameterisation : "clearances" or "rate constants"
        CL, V or k, V. A first-order absorption adds KA, a zero-order one D.

    Notes
    -----
    ``F`` (bioavailability), ``ALAG`` (lag time), ``D`` (duration of doses with RATE = -2) and ``R`` (rate
    of doses with RATE = -1) are optional parameters of the dose, whichever compartment it enters;
    ``F_depot``, ``ALAG_central``, ... act on one compartment.

    Raises
    ------
    ModelError
        With the valid words.

    References
    ----------
    Abuhelwa, Foster & Upton 2015, doi:10.1016/j.vascn.2015.03.004 (the idea of advancing compartment amounts
    from event to event by the analytical solution).

    Examples
    --------
    >>> OneCompartment(absorption="first-order").parameters
    ('CL', 'V', 'KA')
    >>> OneCompartment(absorption="first-order").outputs
    ('cp', 'A_depot', 'A_central')
    """

    n: ClassVar[int] = 1


@dataclass(frozen=True, repr=False)
class TwoCompartment(_Compartments):
    """Two-compartment disposition with linear elimination.

    ``dA_1/dt = input - (CL + Q) / V1 A_1 + Q / V2 A_2``, ``dA_2/dt = Q / V1 A_1 - Q / V2 A_2``, ``cp =
    A_1 / V1``.

    Parameters
    ----------
    absorption : None, "first-order" or "zero-order"
        As for `OneCompartment`.
    parameterisation : "clearances" or "rate constants"
        CL, V1, Q, V2 or k, k12, k21, V1.

    Examples
    --------
    >>> TwoCompartment().parameters
    ('CL', 'V1', 'Q', 'V2')
    >>> TwoCompartment(parameterisation="rate constants").parameters
    ('k', 'k12', 'k21', 'V1')
    """

    n: ClassVar[int] = 2


@dataclass(frozen=True, repr=False)
class ThreeCompartment(_Compartments):
    """Three-compartment disposition with linear elimination.

    ``dA_1/dt = input - (CL + Q2 + Q3) / V1 A_1 + Q2 / V2 A_2 + Q3 / V3 A_3``,
    ``dA_i/dt = Qi / V1 A_1 - Qi / Vi A_i``, ``cp = A_1 / V1``.

    Parameters
    ----------
    absorption : None, "first-order" or "zero-order"
        As for `OneCompartment`.
    parameterisation : "clearances" or "rate constants"
        CL, V1, Q2, V2, Q3, V3 or k, k12, k21, k13, k31, V1.

    Examples
    --------
    >>> ThreeCompartment(absorption="first-order").compartments
    ('depot', 'central', 'peripheral1', 'peripheral2')
    """

    n: ClassVar[int] = 3
