"""Structures given by a plain function of time: growth curves, dose-response, logits, rates, hazards."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_nlmem.engine.ode.evaluation import evaluate
from bayes_nlmem.engine.ode.trace import System
from bayes_nlmem.engine.records import Records, Requests
from bayes_nlmem.ground.formulas import Formula
from bayes_nlmem.ground.messages import DataError, Fault, ModelError, closest, explain
from bayes_nlmem.structures.common_verbs import CommonVerbs
from bayes_nlmem.structures.function_tracing import check_same_names, from_text, names_of, traced
from bayes_nlmem.structures.graph_formulas import formula_of
from bayes_nlmem.structures.parameter_rows import symbolic_values, values_by_row
from bayes_nlmem.structures.text import written

if TYPE_CHECKING:
    from pytensor.graph.basic import Variable


@dataclass(frozen=True)
class Function(CommonVerbs):
    r"""A structure given by a function of time, parameters and columns of the data; no doses are needed.

    .. math:: \text{output}_{ij} = f(t_{ij}, \text{columns}_{ij}, p_i)

    Parameters
    ----------
    function : callable or str
        A plain Python function. Its argument `t` (or `time`) is TIME, arguments named in `columns` are values
        of covariates at the record, all others are parameters; one argument `p` may stand for all parameters
        (``p.EMAX``). It returns one value, or a dict output -> value. It is called once, with symbols:
        arithmetic, numpy functions, loops and helper functions work; instead of ``if`` write
        ``np.where(condition, a, b)``. Or the same as text, one ``output = expression`` per line.
    parameters : tuple of str, optional
        Names in the order wanted; by default in the order of the arguments.
    columns : tuple of str, optional
        Covariates of the data that the function uses, such as the dose of a dose-response study; read them
        with ``bn.read(..., covariates=[...])``.
    outputs : str or tuple of str, optional
        Name of the output, by default that of the function; for a dict or text, those that can be observed.

    Raises
    ------
    ModelError
        What cannot be traced, and what to write instead; unknown names.

    Examples
    --------
    >>> import numpy as np
    >>> import bayes_nlmem as bn
    >>> def weight(t, A, B, k):
    ...     return A * (1 - B * np.exp(-k * t))
    >>> growth = bn.Function(weight)
    >>> growth.parameters, growth.outputs
    (('A', 'B', 'k'), ('weight',))
    >>> print(growth)
    weight = A * (1 - B * exp(-k * t))
    >>> bn.Function("response = E0 + EMAX * dose / (ED50 + dose)", columns=("dose",)).parameters
    ('E0', 'EMAX', 'ED50')
    """

    function: Callable[..., Any] | str
    parameters: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    outputs: Any = None

    def __post_init__(self) -> None:
        columns = (self.columns,) if isinstance(self.columns, str) else tuple(self.columns)
        given = tuple(self.parameters)
        if isinstance(self.function, str):
            system = from_text(self.function, given, columns, names_of(self.outputs))
        else:
            system = traced(self.function, given, columns, names_of(self.outputs))
        own = tuple(name for name in system.parameters if name not in columns)
        order = given or own
        check_same_names(order, own)
        settled = {
            "function": self.function if isinstance(self.function, str) else written(system),
            "parameters": order,
            "columns": columns,
            "outputs": tuple(system.outputs),
        }
        for field_name, value in settled.items():
            object.__setattr__(self, field_name, value)

    def __str__(self) -> str:
        return self.function  # type: ignore[return-value]

    def __repr__(self) -> str:
        columns = f", columns={self.columns}" if self.columns else ""
        return f"Function({', '.join(str(self.function).splitlines())!r}{columns})"

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "system"}

    @cached_property
    def system(self) -> System:
        """The assignments as nodes of a graph; columns stand after the parameters."""
        return from_text(str(self.function), self.parameters, self.columns, self.outputs)

    # --- names -------------------------------------------------------------------------------------

    @property
    def compartments(self) -> tuple[str, ...]:
        """A function has none."""
        return ()

    @property
    def optional(self) -> tuple[str, ...]:
        """A function has no parameters that may be left out."""
        return ()

    def canonical(self, name: str) -> str:
        """The parameter's own name.

        Raises
        ------
        ModelError
            With the valid names, if there is no such parameter.
        """
        if self.accepts(name):
            return name
        valid = ", ".join(self.parameters)
        remedy = closest(name, self.parameters) or None
        raise ModelError(
            explain(expected=f"a parameter of the function ({valid})", got=repr(name), remedy=remedy)
        )

    def compartment_number(self, value: object) -> int:
        """0: CMT has no meaning for a function."""
        return 0

    def formula(self, output: str, time: Formula, of: Callable[[str], Formula]) -> Formula:
        """An output for printing; `of` gives parameters and columns by name."""
        return formula_of(
            self.system.graph, self.system.outputs[output], time, list(map(of, self.system.parameters))
        )

    # --- values ------------------------------------------------------------------------------------

    def plan(self, records: Records, requests: Requests, names: Iterable[str]) -> FunctionPlan:
        """What is needed to evaluate the function at the requests.

        Raises
        ------
        ModelError
            Unknown or missing parameters, columns that were not read.
        DataError
            E_DOSE_UNUSED: doses, of which a function knows nothing.
        """
        names = tuple(self.canonical(name) for name in names)
        if missing := [name for name in self.parameters if name not in names]:
            expected = f"all parameters of the function ({', '.join(self.parameters)})"
            raise ModelError(explain(expected=expected, got=f"no {', '.join(missing)}"))
        dosing = np.flatnonzero((records.evid == 1) | (records.evid == 4))
        if dosing.size:
            message = "Expected no doses, since a Function knows nothing of them, got dose records."
            remedy = "Use pk.drives(Function(...)), or make them EVID = 2 and read the dose as a covariate."
            raise DataError(
                faults=[Fault("E_DOSE_UNUSED", message, tuple((dosing + 1).tolist()), (), remedy)]
            )
        return plan_function(self.columns, names, records, requests)

    def solve(self, p: Mapping[str, np.ndarray], plan: FunctionPlan) -> tuple[np.ndarray, np.ndarray]:
        """Predictions at the requests (m,) and a status per subject (0: none can fail)."""
        values = values_by_row(p, plan.names, plan.n_rows)
        with np.errstate(all="ignore"):
            found = self.values(values, plan, np, plan.constants)
        return found, np.zeros(plan.n_subjects, np.int64)

    def predict(self, p: Mapping[str, Variable], plan: FunctionPlan) -> Variable:
        """Symbolic predictions at the requests (m,): an expression of PyTensor.

        Parameters
        ----------
        p : mapping of str to tensor (n_rows,)
            Parameters by row; scalars are spread over the rows.
        plan : FunctionPlan
        """
        import pytensor
        import pytensor.tensor as pt

        constants = {key: pytensor.shared(value, name=key) for key, value in plan.constants.items()}
        return self.values(symbolic_values(p, plan.names), plan, pt, constants)

    def values(
        self,
        p: Mapping[str, Any],
        plan: FunctionPlan,
        xp: Any,
        constants: Mapping[str, Any],
        driven_by: Mapping[str, Any] | None = None,
    ) -> Any:
        """Values at the requests, with numpy or pytensor.tensor; `driven_by` holds other inputs by name."""
        inputs = dict(driven_by or {})
        parts, positions = [], []
        for k in np.unique(plan.outputs):
            where = np.flatnonzero(plan.outputs == k)
            everywhere = len(where) == len(plan.outputs)
            at = slice(None) if everywhere else _as_slice(where)
            row = constants["function_row"][at]
            arguments = []
            for name in self.system.parameters:
                if name in inputs:
                    arguments.append(inputs[name][at])
                elif name in self.columns:
                    arguments.append(constants[f"function_{name}"][at])
                else:
                    arguments.append(p[name] if p[name].ndim == 0 else p[name][row])
            time = constants["function_time"][at]
            node = self.system.outputs[self.outputs[k]]
            with np.errstate(all="ignore"):
                [value] = evaluate(self.system.graph, [node], xp, p=arguments, t=time)
            parts.append(value + xp.zeros_like(time))
            positions.append(where)
        order = np.argsort(np.concatenate(positions), kind="stable")
        joined = parts[0] if len(parts) == 1 else xp.concatenate(parts)
        return joined if np.array_equal(order, np.arange(len(order))) else joined[order]


@dataclass(frozen=True, eq=False)
class FunctionPlan:
    """Where a function is to be evaluated.

    Parameters
    ----------
    names : tuple of str
        Parameters in the order of the model.
    outputs : ndarray of int, shape (m,)
        Output of every request.
    constants : dict of str to ndarray, shape (m,)
        ``function_time``, ``function_row`` and ``function_{column}``.
    n_rows, n_subjects : int
    """

    names: tuple[str, ...]
    outputs: np.ndarray
    constants: dict[str, np.ndarray]
    n_rows: int
    n_subjects: int


def plan_function(
    columns: tuple[str, ...], names: tuple[str, ...], records: Records, requests: Requests
) -> FunctionPlan:
    """Time, parameter row and columns at every request.

    Raises
    ------
    ModelError
        A column that was not read.
    """
    constants = {
        "function_time": records.time[requests.record],
        "function_row": records.row_at[requests.record],
    }
    there: Mapping[str, np.ndarray] = getattr(records, "columns", {})
    for name in columns:
        if name not in there:
            remedy = f'Read it: bn.read(..., covariates=["{name}"]).'
            raise ModelError(explain(expected=f"a column {name!r}", got="none", remedy=remedy))
        constants[f"function_{name}"] = np.ascontiguousarray(there[name], float)[requests.record]
    return FunctionPlan(names, requests.output, constants, records.n_rows, records.n_subjects)


def _as_slice(where: np.ndarray) -> Any:
    """Consecutive positions as a slice."""
    first, last = int(where[0]), int(where[-1])
    return slice(first, last + 1) if last - first + 1 == len(where) else where
