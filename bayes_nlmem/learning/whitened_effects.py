"""All random effects of every subject from whitened coordinates, in one operation with its derivatives.

Given the population, the effects b_i of a subject (those of its occasions included) are nearly normal with
precision A_i = H_i + P, where H_i is the information in its data and P the precision of the population:

    b_i = A_i^-1 (c_i - M_i mu_i) + L_i^-T u_i,      A_i = L_i L_i',      log|db_i/du_i| = -sum log diag L_i

The effects of the occasions come first, those of the subject last: two occasions share no information but
through the subject, so A_i is an arrow and its factor has no more entries than A_i itself.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytensor.tensor as pt
from llvmlite.binding import address_of_symbol
from numba import types
from pytensor.gradient import DisconnectedType, disconnected_type
from pytensor.graph.basic import Apply, Variable
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_and_cache_key
from pytensor.tensor.shape import Shape_i

from bayes_nlmem.learning.whitening_kernel import (
    BACKWARD,
    FORWARD,
    KERNEL_KEY,
    backward,
    forward,
    lanes_within,
    rooms_within,
    run_backward,
    run_forward,
    symbols,
)

SOURCE_KEY = hashlib.sha256(Path(__file__).read_bytes() + KERNEL_KEY.encode()).hexdigest()[:16]


class WhitenedEffects(Op):
    """(effects, log-determinant) as a function of (u, mu, factor of the subject, of the occasion).

    Inputs: u (n_effects,) and mu (n_subjects, n_typical), or a single row that all subjects share; the lower
    factors (n, n) and (m, m) of the covariances; information (n_subjects, d, d), constant (n_subjects, d),
    slope (n_subjects, d, n_typical); slots (n_subjects, d), the positions of a subject's effects in u, -1
    where it has none: those of the occasions first, m for each, then the n of the subject. The factors L,
    with inverse diagonals, and the solutions of L w = r are further outputs, kept for the derivatives: their
    last axis runs over the subjects of a block.
    """

    __props__ = ("source",)

    def __init__(self, source: str = SOURCE_KEY) -> None:
        self.source = source

    def make_node(self, *inputs: Variable) -> Apply:
        """Apply to the eight inputs."""
        kinds = (
            [("float64", 1)]
            + [("float64", 2)] * 3
            + [("float64", 3), ("float64", 2), ("float64", 3), ("int64", 2)]
        )
        taken = [pt.as_tensor_variable(x, dtype=k, ndim=n) for x, (k, n) in zip(inputs, kinds, strict=True)]
        return Apply(self, taken, [taken[0].type(), pt.dscalar(), pt.dtensor4(), pt.dtensor3()])

    def perform(self, node: Apply, inputs: Any, output_storage: Any) -> None:
        """Run from the C and Python backends."""
        for storage, value in zip(output_storage, run_forward(inputs), strict=True):
            storage[0] = value

    def make_callable(self) -> None:
        """Let compiled code find the two functions by their names."""
        for name, function in zip(symbols(), (forward, backward), strict=True):
            if address_of_symbol(name) is None:
                function()  # registers itself

    def infer_shape(self, node: Apply, shapes: list) -> list:
        """Shapes from the inputs."""
        kept = [tuple(Shape_i(k)(output) for k in range(output.ndim)) for output in node.outputs[2:]]
        return [shapes[0], (), *kept]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """Coordinates, typical values and factors have derivatives, the data have none."""
        return [[True, True, False, False]] * 4 + [[False] * 4] * 4

    def pullback(self, inputs: list, outputs: list, cotangents: list) -> list:
        """Derivatives in u, mu and the factors."""
        missing = [isinstance(c.type, DisconnectedType) for c in cotangents]
        if not (missing[2] and missing[3]):
            raise NotImplementedError("The whitening has first derivatives only.")
        of_effects = pt.zeros_like(outputs[0]) if missing[0] else cotangents[0]
        of_determinant = pt.constant(0.0) if missing[1] else cotangents[1]
        _, mu, of_subject, of_occasion, _, _, slope, slots = inputs
        effects, _, lower, solved = outputs
        given = (mu, of_subject, of_occasion, slope, slots, effects, lower, solved)
        found = _Slopes(self.source)(*given, of_effects, of_determinant)
        return [*found, *(disconnected_type() for _ in inputs[4:])]


class _Slopes(Op):
    """Derivatives of `WhitenedEffects` in its first four inputs."""

    __props__ = ("source",)

    def __init__(self, source: str) -> None:
        self.source = source

    def make_node(self, *inputs: Variable) -> Apply:
        taken = [pt.as_tensor_variable(x) for x in inputs]
        return Apply(self, taken, [taken[5].type(), *(x.type() for x in taken[:3])])

    def perform(self, node: Apply, inputs: Any, output_storage: Any) -> None:
        *most, of_determinant = inputs
        for storage, value in zip(output_storage, run_backward(most, of_determinant), strict=True):
            storage[0] = value

    def infer_shape(self, node: Apply, shapes: list) -> list:
        return [shapes[5], *shapes[:3]]


whitened_effects = WhitenedEffects()


@register_funcify_and_cache_key(WhitenedEffects)
def _(op, node=None, **kwargs):
    op.make_callable()
    run = types.ExternalFunction(symbols()[0], FORWARD)

    @numba_njit
    def whitened(u, mu, of_subject, of_occasion, information, constant, slope, slots):
        u, mu = np.ascontiguousarray(u), np.ascontiguousarray(mu)
        of_subject, of_occasion = np.ascontiguousarray(of_subject), np.ascontiguousarray(of_occasion)
        information, constant = np.ascontiguousarray(information), np.ascontiguousarray(constant)
        slope, slots = np.ascontiguousarray(slope), np.ascontiguousarray(slots)
        n_subjects, d = slots.shape
        n, m = of_subject.shape[0], of_occasion.shape[0]
        width = lanes_within(n_subjects)
        blocks = (n_subjects + width - 1) // width
        n_rows, n_squares = rooms_within(d, n, m)
        effects, log_determinant = np.zeros(u.shape[0]), np.empty(1)
        lower, solved = np.empty((blocks, d, d, width)), np.empty((blocks, d, width))
        rows, squares = np.empty((n_rows, width)), np.empty((n_squares, max(n, m)))
        run(
            n_subjects, d, n, m, mu.shape[1], mu.shape[0], width, u.shape[0],
            u.ctypes, mu.ctypes, of_subject.ctypes, of_occasion.ctypes,
            information.ctypes, constant.ctypes, slope.ctypes, slots.ctypes,
            effects.ctypes, log_determinant.ctypes, lower.ctypes, solved.ctypes, rows.ctypes, squares.ctypes,
        )  # fmt: skip
        return effects, log_determinant.reshape(()), lower, solved

    return whitened, f"bayes_nlmem.whitened_effects-{SOURCE_KEY}"


@register_funcify_and_cache_key(_Slopes)
def _(op, node=None, **kwargs):
    whitened_effects.make_callable()
    run = types.ExternalFunction(symbols()[1], BACKWARD)

    @numba_njit
    def slopes(mu, of_subject, of_occasion, slope, slots, effects, lower, solved, of_effects, of_determinant):
        mu, slope, slots = np.ascontiguousarray(mu), np.ascontiguousarray(slope), np.ascontiguousarray(slots)
        of_subject, of_occasion = np.ascontiguousarray(of_subject), np.ascontiguousarray(of_occasion)
        effects, of_effects = np.ascontiguousarray(effects), np.ascontiguousarray(of_effects)
        lower, solved = np.ascontiguousarray(lower), np.ascontiguousarray(solved)
        n_subjects, d = slots.shape
        n, m, width = of_subject.shape[0], of_occasion.shape[0], solved.shape[2]
        n_rows, n_squares = rooms_within(d, n, m)
        to_u, to_mu = np.zeros(effects.shape[0]), np.zeros(mu.shape)
        to_subject, to_occasion = np.empty((n, n)), np.empty((m, m))
        rows, squares = np.empty((n_rows, width)), np.empty((n_squares, max(n, m)))
        run(
            n_subjects, d, n, m, mu.shape[1], mu.shape[0], width, effects.shape[0],
            mu.ctypes, of_subject.ctypes, of_occasion.ctypes, slope.ctypes, slots.ctypes,
            effects.ctypes, lower.ctypes, solved.ctypes, of_effects.ctypes, of_determinant.item(),
            to_u.ctypes, to_mu.ctypes, to_subject.ctypes, to_occasion.ctypes, rows.ctypes, squares.ctypes,
        )  # fmt: skip
        return to_u, to_mu, to_subject, to_occasion

    return slopes, f"bayes_nlmem.whitened_slopes-{SOURCE_KEY}"
