"""Structures given by a plain function of time: growth curves, dose-response, logits, rates, hazards."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_nlmem.engine.ode.evaluation import evaluate
from bayes_nlmem.engine.ode.expressions import Graph
from bayes_nlmem.engine.ode.symbols import Names, Symbol, number_of
from bayes_nlmem.engine.ode.trace import System
from bayes_nlmem.engine.records import Records, Requests
from bayes_nlmem.ground.formulas import Call, Constant, Formula, Product, Raised, Ratio, Sum, less
from bayes_nlmem.ground.messages import DataError, Fault, ModelError, closest, explain
from bayes_nlmem.structures.text import parse_assignments, written

if TYPE_CHECKING:
    from pytensor.graph.basic import Variable

TIME = ("t", "time")


@dataclass(frozen=True)
class Function:
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
            system = _from_text(self.function, given, columns, _names(self.outputs))
        else:
            system = _traced(self.function, given, columns, _names(self.outputs))
        own = tuple(name for name in system.parameters if name not in columns)
        order = given or own
        _same_names(order, own)
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
        return _from_text(str(self.function), self.parameters, self.columns, self.outputs)

    # --- names
    # -----------------------------------------------------------------------------------------------------

    @property
    def compartments(self) -> tuple[str, ...]:
        """A function has none."""
        return ()

    @property
    def optional(self) -> tuple[str, ...]:
        """A function has no parameters that may be left out."""
        return ()

    def accepts(self, name: str) -> bool:
        """Whether `name` is a parameter."""
        return name in self.parameters

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

    def drives(self, pd: Any) -> Any:
        """The structure and one that its outputs drive, see `structures.drives`."""
        from bayes_nlmem.structures.composition import drives

        return drives(self, pd)

    def formula(self, output: str, time: Formula, of: Callable[[str], Formula]) -> Formula:
        """An output for printing; `of` gives parameters and columns by name."""
        return _formula(
            self.system.graph, self.system.outputs[output], time, list(map(of, self.system.parameters))
        )

    # --- values
    # -----------------------------------------------------------------------------------------------------

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
        values = {name: np.broadcast_to(np.asarray(p[name], float), (plan.n_rows,)) for name in plan.names}
        with np.errstate(all="ignore"):
            found = self.values(values, plan, np, plan.constants)
        return found, np.zeros(plan.n_subjects, np.int64)

    def evaluate(self, p: Mapping[str, np.ndarray], plan: FunctionPlan) -> np.ndarray:
        """Predictions at the requests (m,) for parameters given by row (n_rows,), or as numbers."""
        return self.solve(p, plan)[0]

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
        return self.values({name: pt.as_tensor_variable(p[name]) for name in plan.names}, plan, pt, constants)

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
    """Time, parameter row and columns at every request."""
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


def _names(outputs: Any) -> tuple[str, ...] | None:
    if outputs is None:
        return None
    return (outputs,) if isinstance(outputs, str) else tuple(outputs)


def _same_names(given: tuple[str, ...], used: tuple[str, ...]) -> None:
    if unused := [name for name in given if name not in used]:
        remedy = closest(unused[0], used) or "Leave it out."
        expected = f"parameters that the function uses ({', '.join(used) or 'none'})"
        raise ModelError(explain(expected=expected, got=unused[0], remedy=remedy))
    if absent := [name for name in used if name not in given]:
        expected = f"all parameters of the function ({', '.join(used)}) in `parameters`"
        raise ModelError(explain(expected=expected, got=f"no {', '.join(absent)}"))


def _from_text(
    text: str, parameters: tuple[str, ...], columns: tuple[str, ...], outputs: tuple[str, ...] | None
) -> System:
    g, names, assigned = parse_assignments(text, (*parameters, *columns))
    chosen = [n for n in assigned if not n.startswith("_")] if outputs is None else list(outputs)
    for name in chosen:
        if name not in assigned:
            expected = f"outputs that are assigned ({', '.join(assigned)})"
            raise ModelError(explain(expected=expected, got=name, remedy=closest(name, assigned) or None))
    return _system(g, names, columns, {name: assigned[name] for name in chosen})


def _traced(
    function: Any, parameters: tuple[str, ...], columns: tuple[str, ...], outputs: tuple[str, ...] | None
) -> System:
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


_SIGNS = {"lt": "<", "le": "≤", "eq": "=", "and": "and", "or": "or", "not": "not"}


def _formula(g: Graph, i: int, time: Formula, p: list[Formula]) -> Formula:
    op, *a = g.nodes[i]
    if op == "const":
        return Constant(a[0])
    if op == "t":
        return time
    if op == "p":
        return p[a[0]]
    x = [_formula(g, k, time, p) for k in a]
    match op:
        case "add":
            return Sum((*(x[0].terms if isinstance(x[0], Sum) else (x[0],)), x[1]))
        case "sub":
            return less(x[0], x[1])
        case "mul" | "div":
            sign, first = _without_sign(x[0])
            if op == "div":
                return _signed(sign, Ratio(first, x[1]))
            factors = first.factors if isinstance(first, Product) else (first,)
            return _signed(sign, Product((*factors, x[1])))
        case "pow":
            return Raised(x[0], x[1])
        case "neg":
            return _signed(-1, x[0])
    return Call({**_SIGNS, "where": "if"}.get(op, op), tuple(x))


def _signed(sign: int, formula: Formula) -> Formula:
    """A sum of one term, which is written with its sign."""
    return formula if sign > 0 else Sum((Product((Constant(-1), formula)),))


def _without_sign(formula: Formula) -> tuple[int, Formula]:
    match formula:
        case Sum((Product((Constant(-1), inner)),)):
            return -1, inner
    return 1, formula
