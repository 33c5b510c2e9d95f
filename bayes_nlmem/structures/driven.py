"""A function of what another structure predicts: effects of a concentration, in closed form where that is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_nlmem.engine.records import Records, Requests
from bayes_nlmem.ground.formulas import Call, Formula
from bayes_nlmem.ground.messages import ModelError, explain
from bayes_nlmem.structures.function import Function, FunctionPlan, plan_function
from bayes_nlmem.structures.parameter_rows import symbolic_values, values_by_row

if TYPE_CHECKING:
    from pytensor.graph.basic import Variable


@dataclass(frozen=True)
class Driven:
    """A structure and a function of its outputs; made by ``pk.drives(Function(...))``.

    An argument of the function with the name of an output of the first becomes that output, at the record's
    own time. The first is solved as it stands: a compartment structure keeps its closed form.

    Parameters
    ----------
    first : structure
        What drives.
    function : Function
        What is driven.

    Raises
    ------
    ModelError
        The function has no argument that the first could drive, or both have an output of the same name.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> effect = bn.OneCompartment().drives(bn.Function("logit = A + B * cp"))
    >>> effect.parameters, effect.outputs
    (('CL', 'V', 'A', 'B'), ('cp', 'A_central', 'logit'))
    """

    first: Any
    function: Function

    def __post_init__(self) -> None:
        mine, theirs = self.function, self.first
        if not self.linked:
            remedy = f"Use that name as an argument, say {theirs.outputs[0]}."
            expected = f"an argument with the name of an output ({', '.join(theirs.outputs)})"
            raise ModelError(explain(expected=expected, got=", ".join(mine.parameters), remedy=remedy))
        if clash := [name for name in mine.outputs if name in theirs.outputs]:
            raise ModelError(
                explain(expected="different names for the outputs of both", got=", ".join(clash))
            )

    def __repr__(self) -> str:
        return f"{self.first!r}.drives({self.function!r})"

    # --- names -------------------------------------------------------------------------------------

    @property
    def linked(self) -> tuple[str, ...]:
        """Outputs of the first that the function uses."""
        return tuple(name for name in self.function.parameters if name in self.first.outputs)

    @property
    def parameters(self) -> tuple[str, ...]:
        """Parameters of the first, then those of the function; of the same name in both: one."""
        own = [n for n in self.function.parameters if n not in self.linked and n not in self.first.parameters]
        return (*self.first.parameters, *own)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Outputs of the first, then those of the function."""
        return (*self.first.outputs, *self.function.outputs)

    @property
    def columns(self) -> tuple[str, ...]:
        """Covariates that either uses by name."""
        return tuple(dict.fromkeys((*getattr(self.first, "columns", ()), *self.function.columns)))

    @property
    def compartments(self) -> tuple[str, ...]:
        """Those of the first."""
        return self.first.compartments

    @property
    def optional(self) -> tuple[str, ...]:
        """Inputs of doses of the first."""
        return tuple(name for name in self.first.optional if name not in self.parameters)

    @property
    def default_dose(self) -> str:
        """Compartment of a dose without CMT."""
        return self.first.default_dose

    @property
    def default_observation(self) -> str:
        """Compartment of an observation without CMT."""
        return self.first.default_observation

    def accepts(self, name: str) -> bool:
        """Whether `name` may be given as a parameter."""
        return name in self.parameters or self.first.accepts(name)

    def canonical(self, name: str) -> str:
        """The structure's own name for a parameter.

        Raises
        ------
        ModelError
            With the valid names, if there is no such parameter.
        """
        return name if name in self.parameters else self.first.canonical(name)

    def compartment_number(self, value: object) -> int:
        """Number of a compartment from a CMT, as of the first."""
        return self.first.compartment_number(value)

    def formula(self, output: str, time: Formula, of: Callable[[str], Formula]) -> Formula:
        """An output for printing; `of` gives parameters, columns and outputs of the first by name."""
        if output in self.function.outputs:
            return self.function.formula(output, time, of)
        if hasattr(self.first, "formula"):
            return self.first.formula(output, time, of)
        return Call(type(self.first).__name__, (time, *map(of, self.first.parameters)))

    # --- values ------------------------------------------------------------------------------------

    def plan(self, records: Records, requests: Requests, names: Iterable[str]) -> DrivenPlan:
        """What is needed to solve the first and to evaluate the function at the requests."""
        names = tuple(self.canonical(name) for name in names)
        if missing := [name for name in self.parameters if name not in names]:
            expected = f"all parameters ({', '.join(self.parameters)})"
            raise ModelError(explain(expected=expected, got=f"no {', '.join(missing)}"))
        n = len(self.first.outputs)
        direct = requests.output < n
        at = requests.record[~direct]
        linked = [self.first.outputs.index(name) for name in self.linked]
        asked = Requests(
            record=np.concatenate([requests.record[direct], *([at] * len(linked))]),
            output=np.concatenate([requests.output[direct], np.repeat(linked, len(at))]),
        )
        own = Requests(record=at, output=requests.output[~direct] - n)
        first = tuple(name for name in names if self.first.accepts(name))
        return DrivenPlan(
            names=names,
            first=self.first.plan(records, asked, first),
            first_names=first,
            function=plan_function(self.function.columns, names, records, own),
            direct=np.flatnonzero(direct),
            driven=np.flatnonzero(~direct),
            n_rows=records.n_rows,
        )

    def solve(self, p: Mapping[str, np.ndarray], plan: DrivenPlan) -> tuple[np.ndarray, np.ndarray]:
        """Predictions at the requests (m,) and a status per subject, that of the first."""
        values = values_by_row(p, plan.names, plan.n_rows)
        found, status = self.first.solve({name: values[name] for name in plan.first_names}, plan.first)
        with np.errstate(all="ignore"):
            return self._joined(values, found, plan, np, plan.function.constants), status

    def evaluate(self, p: Mapping[str, np.ndarray], plan: DrivenPlan) -> np.ndarray:
        """Predictions at the requests (m,) for parameters given by row (n_rows,), or as numbers."""
        return self.solve(p, plan)[0]

    def predict(self, p: Mapping[str, Variable], plan: DrivenPlan) -> Variable:
        """Symbolic predictions at the requests (m,)."""
        import pytensor
        import pytensor.tensor as pt

        values = symbolic_values(p, plan.names)
        found = self.first.predict({name: values[name] for name in plan.first_names}, plan.first)
        constants = {k: pytensor.shared(value, name=k) for k, value in plan.function.constants.items()}
        return self._joined(values, found, plan, pt, constants)

    def _joined(
        self, p: Mapping[str, Any], found: Any, plan: DrivenPlan, xp: Any, constants: Mapping[str, Any]
    ) -> Any:
        n, m = len(plan.direct), len(plan.driven)
        if not m:
            return found
        driver = {name: found[n + k * m : n + (k + 1) * m] for k, name in enumerate(self.linked)}
        own = self.function.values(p, plan.function, xp, constants, driver)
        if not n:
            return own
        order = np.argsort(np.concatenate([plan.direct, plan.driven]), kind="stable")
        both = xp.concatenate([found[:n], own])
        return both if np.array_equal(order, np.arange(n + m)) else both[order]


@dataclass(frozen=True, eq=False)
class DrivenPlan:
    """The plans of both structures.

    Parameters
    ----------
    names, first_names : tuple of str
        All parameters, and those of the first.
    first : plan of the first
    function : FunctionPlan
    direct, driven : ndarray of int
        Requests of outputs of the first, and of the function.
    n_rows : int
    """

    names: tuple[str, ...]
    first: Any
    first_names: tuple[str, ...]
    function: FunctionPlan
    direct: np.ndarray
    driven: np.ndarray
    n_rows: int
