"""One PyTensor Op for the walk, and the contraction that is its gradient.

Everything that varies with the data is an input, so new data recompile nothing. The gradient contracts
the sensitivities of the *same* node: one walk per log-density and gradient. Where nobody uses the
sensitivities a rewrite puts the values-only variant in place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count

import numpy as np
import pytensor
import pytensor.tensor as pt
from llvmlite.binding import address_of_symbol
from numba import njit, types
from pytensor.gradient import DisconnectedType, disconnected_type
from pytensor.graph.basic import Apply, Variable
from pytensor.graph.op import Op
from pytensor.graph.rewriting.basic import node_rewriter
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_and_cache_key
from pytensor.tensor.rewriting.basic import register_specialize

from bayes_nlmem.engine.kernel import FEWEST_ROWS, SIGNATURE, SOURCE_KEY, kernel, run_walk, symbol
from bayes_nlmem.engine.layout import END_RECORD, FIRST_RECORD, N_COLUMNS
from bayes_nlmem.engine.plan import Plan
from bayes_nlmem.engine.trains import N_TRAIN_FLOATS, N_TRAIN_INTS
from bayes_nlmem.engine.walk import N_ROOMS

_TABLES = ("floats", "ints", "subjects", "sensitivities", "requests", "pairs")
_names = count(1)


class LinearWalk(Op):
    """(phi, tables) -> amounts (m,), sensitivities (n_pairs, P), status (n_subjects,)."""

    __props__ = ("n", "depot", "sensitive")

    def __init__(self, n: int, depot: bool, sensitive: bool = True) -> None:
        self.n, self.depot, self.sensitive = n, depot, sensitive

    def make_node(self, phi: Variable, *tables: Variable) -> Apply:
        """Apply to phi (n_rows, P) and the six tables of a plan."""
        phi = pt.as_tensor_variable(phi, dtype="float64", ndim=2)
        kinds = ["float64"] + ["int64"] * 5
        inputs = [pt.as_tensor_variable(x, dtype=k, ndim=2) for x, k in zip(tables, kinds, strict=True)]
        _, _, subjects, _, requests, pairs = (x.type.shape[0] for x in inputs)
        n_pairs = pairs if self.sensitive else 0
        shapes = ("float64", (requests,)), ("float64", (n_pairs, phi.type.shape[1])), ("int64", (subjects,))
        return Apply(self, [phi, *inputs], [pt.TensorType(kind, shape=shape)() for kind, shape in shapes])

    def perform(self, node: Apply, inputs: Sequence, output_storage: list) -> None:
        """Run the walk from the C and Python backends."""
        phi, floats, ints, subjects, sensitivities, requests, pairs = inputs
        results = run_walk(
            phi, floats, ints, subjects, sensitivities, requests, len(pairs),
            n=self.n, depot=self.depot, sensitive=self.sensitive,
        )  # fmt: skip
        for storage, value in zip(output_storage, results, strict=True):
            storage[0] = value

    def make_callable(self) -> None:
        """Let compiled code find the kernel by its name."""
        if address_of_symbol(symbol(self.n)) is None:
            kernel(self.n)  # registers it

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
            If derivatives of the sensitivities, that is second derivatives, are asked for.
        """
        refuse_second_derivatives(cotangents)
        if not self.sensitive:
            outputs = LinearWalk(self.n, self.depot)(*inputs)
        if isinstance(cotangents[0].type, DisconnectedType):
            return [disconnected_type() for _ in inputs]
        gradient = contract(cotangents[0], outputs[1], inputs[6], inputs[0].shape[0])
        return [gradient] + [disconnected_type() for _ in inputs[1:]]


def refuse_second_derivatives(cotangents: list) -> None:
    """Say so instead of returning a Hessian without the kernel's own curvature."""
    if not isinstance(cotangents[1].type, DisconnectedType):
        raise NotImplementedError(
            "The kernels have exact first derivatives only; for a Hessian take differences of the gradient."
        )


class Contract(Op):
    """gradient[row, p] = sum over the pairs (request, row) of g[request] sens[pair, p]."""

    __props__ = ()

    def make_node(self, g: Variable, sens: Variable, pairs: Variable, n_rows: Variable) -> Apply:
        """Apply to the cotangent, the sensitivities, their pairs and the number of parameter rows."""
        inputs = [
            pt.as_tensor_variable(g, dtype="float64", ndim=1),
            pt.as_tensor_variable(sens, dtype="float64", ndim=2),
            pt.as_tensor_variable(pairs, dtype="int64", ndim=2),
            pt.as_tensor_variable(n_rows, dtype="int64", ndim=0),
        ]
        return Apply(self, inputs, [pt.TensorType("float64", shape=(None, inputs[1].type.shape[1]))()])

    def perform(self, node: Apply, inputs: list, output_storage: list) -> None:
        """Run from the C and Python backends."""
        g, sens, pairs, n_rows = inputs
        output_storage[0][0] = _contract(g, sens, pairs, int(n_rows))

    def infer_shape(self, node: Apply, shapes: list) -> list:
        """As many rows as phi."""
        return [(node.inputs[3], shapes[1][1])]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """Bilinear in the cotangent and the sensitivities."""
        return [[True], [True], [False], [False]]

    def pullback(self, inputs: list, outputs: list, cotangents: list) -> list:
        """Transpose of the contraction."""
        g, sens, pairs, _ = inputs
        asked = cotangents[0][pairs[:, 1]]
        back = pt.inc_subtensor(pt.zeros_like(g)[pairs[:, 0]], (sens * asked).sum(axis=1))
        return [back, g[pairs[:, 0]][:, None] * asked, disconnected_type(), disconnected_type()]


contract = Contract()


@njit(error_model="numpy", nogil=True)
def _contract(g, sens, pairs, n_rows):
    gradient = np.zeros((n_rows, sens.shape[1]))
    for p in range(sens.shape[1]):
        row, total = 0, 0.0  # of the same row as long as pairs follow each other
        for k in range(pairs.shape[0]):
            if pairs[k, 1] != row:
                if row < n_rows:  # numba checks no bounds; too few rows give NaN predictions, see the status
                    gradient[row, p] += total
                row, total = pairs[k, 1], 0.0
            total += g[pairs[k, 0]] * sens[k, p]
        if row < n_rows:
            gradient[row, p] += total
    return gradient


@register_funcify_and_cache_key(LinearWalk)
def _(op, node=None, **kwargs):
    op.make_callable()
    walk = types.ExternalFunction(symbol(op.n), SIGNATURE)
    depot, sensitive, width = int(op.depot), int(op.sensitive), op.n + 1

    @numba_njit
    def linear_walk(phi, floats, ints, subjects, sensitivities, requests, pairs):
        phi = np.ascontiguousarray(phi)
        floats, ints = np.ascontiguousarray(floats), np.ascontiguousarray(ints)
        subjects, sensitivities = np.ascontiguousarray(subjects), np.ascontiguousarray(sensitivities)
        requests = np.ascontiguousarray(requests)
        n_pairs = pairs.shape[0] * sensitive
        most_columns, most_records = 0, 1
        for s in range(subjects.shape[0]):
            most_columns = max(most_columns, subjects[s, N_COLUMNS] * sensitive)
            most_records = max(most_records, subjects[s, END_RECORD] - subjects[s, FIRST_RECORD])
        rows = max(1 + most_columns, FEWEST_ROWS)
        answer = np.empty(requests.shape[0])
        sens = np.zeros((n_pairs, phi.shape[1]))
        status = np.empty(subjects.shape[0], np.int64)
        room, train_floats = np.zeros(N_ROOMS * rows * width), np.zeros(most_records * N_TRAIN_FLOATS)
        driven = np.zeros(2 * rows, np.int64)
        train_ints = np.zeros(most_records * N_TRAIN_INTS, np.int64)
        walk(
            phi.ctypes, floats.ctypes, ints.ctypes, subjects.ctypes, sensitivities.ctypes, requests.ctypes,
            phi.shape[0], phi.shape[1], floats.shape[0], subjects.shape[0], sensitivities.shape[0],
            requests.shape[0], n_pairs, depot, sensitive, answer.ctypes, sens.ctypes, status.ctypes,
            room.ctypes, driven.ctypes, train_floats.ctypes, train_ints.ctypes, rows, most_records,
        )  # fmt: skip
        return answer, sens, status

    return linear_walk, f"bayes_nlmem.linear_walk-{op.n}-{op.depot}-{op.sensitive}-{SOURCE_KEY}"


@register_funcify_and_cache_key(Contract)
def _(op, node=None, **kwargs):
    @numba_njit
    def contract_pairs(g, sens, pairs, n_rows):
        return _contract(g, sens, pairs, n_rows.item())

    return contract_pairs, f"bayes_nlmem.contract-{SOURCE_KEY}"


@register_specialize
@node_rewriter([LinearWalk])
def drop_unused_sensitivities(fgraph, node):
    """Values only, where nobody looks at the sensitivities."""
    if not node.op.sensitive or fgraph.clients[node.outputs[1]]:
        return False
    bare = LinearWalk(node.op.n, node.op.depot, sensitive=False)(*node.inputs)
    return {node.outputs[0]: bare[0], node.outputs[2]: bare[2]}


def shared_tables(plan: Plan) -> dict[str, Variable]:
    """Tables of a plan as shared variables with unique names (code with large constants is not cached)."""
    number = next(_names)
    return {
        name: pytensor.shared(table, name=f"schedule{number}_{name}") for name, table in plan.tables.items()
    }


def symbolic_amounts(phi: Variable, plan: Plan, tables: Mapping[str, Variable]) -> tuple[Variable, Variable]:
    """(amounts at the requests (m,), status (n_subjects,)) of a plan as functions of phi (n_rows, P)."""
    amounts, _, status = LinearWalk(plan.n, plan.depot)(phi, *(tables[name] for name in _TABLES))
    return amounts, status
