"""One PyTensor Op for the walk of equations; its gradient contracts the sensitivities of the same node.

Everything that varies with the data is an input; the model and the kernel are called by name, so that nothing
of them is compiled again with a graph.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numba
import numpy as np
import pytensor.tensor as pt
from numba import carray, types
from pytensor.gradient import DisconnectedType, disconnected_type
from pytensor.graph.basic import Apply, Variable
from pytensor.graph.op import Op
from pytensor.graph.rewriting.basic import node_rewriter
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_and_cache_key
from pytensor.tensor.rewriting.basic import register_specialize

from bayes_nlmem.engine.layout import END_RECORD, FIRST_RECORD, N_COLUMNS
from bayes_nlmem.engine.ode.choice import solver_for
from bayes_nlmem.engine.ode.compiling import ints_at
from bayes_nlmem.engine.ode.desk import N_CONTROL, SOLVER
from bayes_nlmem.engine.ode.failures import note
from bayes_nlmem.engine.ode.kernel import METHODS, SIGNATURE, SYMBOL, kernel, solve_equations
from bayes_nlmem.engine.ode.machine import KEPT, WIDE_TRAIN_INTS, room_sizes
from bayes_nlmem.engine.ode.machine_code import Code, address_of, symbol_of
from bayes_nlmem.engine.ode.model_table import CHOSEN, LANES, TABLE_SIZE
from bayes_nlmem.engine.ode.schedule import ODEPlan
from bayes_nlmem.engine.ode.sources import SOURCE_KEY
from bayes_nlmem.engine.ode.tolerances import Tolerances
from bayes_nlmem.engine.op import contract, refuse_second_derivatives

_TABLES = ("floats", "ints", "subjects", "sensitivities", "requests", "pairs")


class ODEWalk(Op):
    """(phi, tables) -> values (m,), sensitivities (n_pairs, P), status (n_subjects,)."""

    __props__ = ("code", "tolerances", "solver", "sensitive")

    def __init__(self, code: Code, tolerances: Tolerances, solver: str, sensitive: bool = True) -> None:
        self.code, self.tolerances, self.solver, self.sensitive = code, tolerances, solver, sensitive

    def make_node(self, phi: Variable, *tables: Variable) -> Apply:
        """Apply to phi (n_rows, P) and the six tables of a plan."""
        phi = pt.as_tensor_variable(phi, dtype="float64", ndim=2)
        kinds = ["float64"] + ["int64"] * 5
        inputs = [pt.as_tensor_variable(x, dtype=k, ndim=2) for x, k in zip(tables, kinds, strict=True)]
        return Apply(self, [phi, *inputs], [pt.dvector(), pt.dmatrix(), pt.lvector()])

    def perform(self, node: Apply, inputs: Sequence, output_storage: list) -> None:
        """Run the walk from the C and Python backends."""
        phi, *arrays = inputs
        plan = self._plan(arrays)
        solver = solver_for(self.solver, phi, plan, self.tolerances)
        results = solve_equations(phi, plan, self.tolerances, sensitive=self.sensitive, solver=solver)
        if results[2].any():
            note(self.code, phi, plan.tables["ints"], plan.tables["subjects"], results[2])
        for storage, value in zip(output_storage, results[:3], strict=True):
            storage[0] = value

    def _plan(self, arrays: Sequence) -> ODEPlan:
        tables = {name: np.ascontiguousarray(x) for name, x in zip(_TABLES, arrays, strict=True)}
        return ODEPlan(self.code, (), (), tables, 0)

    def infer_shape(self, node: Apply, shapes: list) -> list:
        """Shapes from the tables alone."""
        n_pairs = shapes[6][0] if self.sensitive else pt.constant(0, dtype="int64")
        return [(shapes[5][0],), (n_pairs, shapes[0][1]), (shapes[3][0],)]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """Only phi has a derivative."""
        return [[True, True, False]] + [[False, False, False]] * 6

    def pullback(self, inputs: list, outputs: list, cotangents: list) -> list:
        """Contract the sensitivities of this node.

        Raises
        ------
        NotImplementedError
            If second derivatives are asked for.
        """
        refuse_second_derivatives(cotangents)
        if not self.sensitive:
            outputs = ODEWalk(self.code, self.tolerances, self.solver)(*inputs)
        if isinstance(cotangents[0].type, DisconnectedType):
            return [disconnected_type() for _ in inputs]
        gradient = contract(cotangents[0], outputs[1], inputs[6], inputs[0].shape[0])
        return [gradient] + [disconnected_type() for _ in inputs[1:]]


@register_funcify_and_cache_key(ODEWalk)
def _(op, node=None, **kwargs):
    kernel()
    address_of(op.code)  # both register their symbols
    walk = types.ExternalFunction(SYMBOL, SIGNATURE)
    locate = types.ExternalFunction(symbol_of(op.code.key), types.int64())
    n, n_parameters, _, n_hoisted, n_second, _, _, linear, _, n_kept, n_work, n_lead = op.code.sizes
    settings, most_steps = tuple(op.tolerances.control().tolist()), op.tolerances.most_steps
    sensitive, automatic = int(op.sensitive), op.solver == "auto"
    fixed = 0.0 if automatic else float(METHODS.index(op.solver))
    train_width = KEPT + n_kept
    sizes = numba_njit(room_sizes)

    @numba_njit
    def choose(phi, floats, ints, subjects, sensitivities, requests, pairs):
        with numba.objmode(number="float64"):
            plan = op._plan((floats, ints, subjects, sensitivities, requests, pairs))
            number = float(METHODS.index(solver_for("auto", phi, plan, op.tolerances)))
        return number

    @numba_njit
    def tell(phi, ints, subjects, status):
        with numba.objmode():
            note(op.code, phi, ints, subjects, status)

    @numba_njit
    def ode_walk(phi, floats, ints, subjects, sensitivities, requests, pairs):
        phi = np.ascontiguousarray(phi)
        floats, ints = np.ascontiguousarray(floats), np.ascontiguousarray(ints)
        subjects, sensitivities = np.ascontiguousarray(subjects), np.ascontiguousarray(sensitivities)
        requests = np.ascontiguousarray(requests)
        control = np.empty(N_CONTROL)
        for i in range(N_CONTROL):
            control[i] = settings[i]
        control[SOLVER] = fixed
        if automatic:
            control[SOLVER] = carray(ints_at(locate()), (TABLE_SIZE,))[CHOSEN]
            if control[SOLVER] < 0:
                control[SOLVER] = choose(phi, floats, ints, subjects, sensitivities, requests, pairs)
        n_pairs = pairs.shape[0] * sensitive
        most_blocks, most_records = 0, 1
        for s in range(subjects.shape[0]):
            most_blocks = max(most_blocks, subjects[s, N_COLUMNS] // LANES * sensitive)
            most_records = max(most_records, subjects[s, END_RECORD] - subjects[s, FIRST_RECORD])
        doubles, integers = sizes(
            n, n_parameters, n_hoisted, n_second, linear, n_kept, n_work, n_lead, most_blocks
        )
        values = np.full(requests.shape[0], np.nan)
        sens = np.zeros((n_pairs, phi.shape[1]))
        status, counts = np.zeros(subjects.shape[0], np.int64), np.zeros(2, np.int64)
        room, int_room = np.zeros(doubles), np.zeros(integers, np.int64)
        train_floats = np.zeros(most_records * train_width)
        train_ints = np.zeros(most_records * WIDE_TRAIN_INTS, np.int64)
        walk(
            locate(), phi.ctypes, floats.ctypes, ints.ctypes, subjects.ctypes, sensitivities.ctypes,
            requests.ctypes, phi.shape[0], phi.shape[1], floats.shape[0], subjects.shape[0],
            sensitivities.shape[0], requests.shape[0], n_pairs, sensitive, control.ctypes, most_steps,
            values.ctypes, sens.ctypes, status.ctypes, counts.ctypes, room.ctypes, int_room.ctypes,
            train_floats.ctypes, train_ints.ctypes, most_blocks, most_records,
        )  # fmt: skip
        for s in range(subjects.shape[0]):
            if status[s] != 0:
                tell(phi, ints, subjects, status)
                break
        return values, sens, status

    key = f"bayes_nlmem.ode_walk_tell-{op.code.key}-{op.tolerances}-{op.solver}-{op.sensitive}-{SOURCE_KEY}"
    return ode_walk, key


@register_specialize
@node_rewriter([ODEWalk])
def drop_unused_sensitivities_of_equations(fgraph, node):
    """Values only, where nobody looks at the sensitivities."""
    op = node.op
    if not op.sensitive or fgraph.clients[node.outputs[1]]:
        return False
    bare = ODEWalk(op.code, op.tolerances, op.solver, sensitive=False)(*node.inputs)
    return {node.outputs[0]: bare[0], node.outputs[2]: bare[2]}


def symbolic_values(
    phi: Variable, plan: ODEPlan, tables: Mapping[str, Variable], tolerances: Tolerances, solver: str
) -> tuple[Variable, Variable]:
    """(values at the requests (m,), status (n_subjects,)) of a plan as functions of phi (n_rows, P)."""
    op = ODEWalk(plan.code, tolerances, solver)
    values, _, status = op(phi, *(tables[name] for name in _TABLES))
    return values, status
