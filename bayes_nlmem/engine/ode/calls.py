"""Calls of a model's functions from compiled code, through their addresses."""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from bayes_nlmem.engine.ode.compiling import compiled
from bayes_nlmem.engine.ode.model_table import FIRST_FUNCTION

(
    _PREPARE, _RATES, _SENSITIVITIES, _JACOBIAN, _OUTPUT, _OUTPUT_SLOPES, _INITIAL, _INITIAL_SLOPES,
    _SECOND, _TIME_SLOPES, _PREPARE_INPUT, _INPUT_RATE, _INPUT_SLOPES, _INPUT_BENDS, _GROWTH,
    _EXPLICIT, _STIFF, _SERIES, _MATRIX, _BOUNDS,
    _PRODUCT, _APPLY, _LEAD_MATRIX, _LEAD_PLACES, _LEAD_NEXT, _LEAD_STAGES,
) = range(FIRST_FUNCTION, FIRST_FUNCTION + 26)  # fmt: skip


@intrinsic
def _call(typing_context, address, t, a, b, c, d, e, f, g):
    """Call double (*)(double, i64 x 7) at an address."""
    signature = types.float64(types.int64, types.float64, *[types.int64] * 7)

    def generate(context, builder, signature, arguments):
        kind = ir.FunctionType(ir.DoubleType(), [ir.DoubleType()] + [ir.IntType(64)] * 7)
        return builder.call(builder.inttoptr(arguments[0], kind.as_pointer()), arguments[1:])

    return signature, generate


@compiled
def prepare(table, p, q):
    """Q = expressions of the parameters p."""
    _call(table[_PREPARE], 0.0, p, q, 0, 0, 0, 0, 0)


@compiled
def rates(table, t, z, p, q, r, d):
    """D = f(t, z) + r."""
    _call(table[_RATES], t, z, p, q, r, d, 0, 0)


@compiled
def sensitivities(table, t, z, p, q, r, nb, kb, d):
    """D = (f + r, J S + f_p)."""
    _call(table[_SENSITIVITIES], t, z, p, q, r, nb, kb, d)


@compiled
def jacobian(table, t, z, p, q, d):
    """D = f_y, row by row."""
    _call(table[_JACOBIAN], t, z, p, q, d, 0, 0, 0)


@compiled
def output(table, which, t, z, p):
    """One output."""
    return _call(table[_OUTPUT], t, which, z, p, 0, 0, 0, 0)


@compiled
def output_slopes(table, which, t, z, p, d):
    """One output; d = its derivatives by compartments and parameters."""
    return _call(table[_OUTPUT_SLOPES], t, which, z, p, d, 0, 0, 0)


@compiled
def initial(table, p, d):
    """D = initial values."""
    _call(table[_INITIAL], 0.0, p, d, 0, 0, 0, 0, 0)


@compiled
def initial_slopes(table, p, kb, d):
    """Add the derivatives of the initial values to the blocks of d from kb."""
    _call(table[_INITIAL_SLOPES], 0.0, p, kb, d, 0, 0, 0, 0)


@compiled
def second(table, t, z, p, q, h):
    """H = second derivatives."""
    _call(table[_SECOND], t, z, p, q, h, 0, 0, 0)


@compiled
def time_slopes(table, t, z, p, q, nb, kb, d):
    """D = derivative of (f, J S + f_p) by t."""
    _call(table[_TIME_SLOPES], t, z, p, q, nb, kb, d, 0)


@compiled
def prepare_input(table, p, kept):
    """Kept = expressions of the parameters p for the input rates."""
    _call(table[_PREPARE_INPUT], 0.0, p, kept, 0, 0, 0, 0, 0)


@compiled
def input_rate(table, which, tad, p, kept):
    """One input rate at a time after the dose."""
    return _call(table[_INPUT_RATE], tad, which, p, kept, 0, 0, 0, 0)


@compiled
def input_slopes(table, which, tad, p, kept, d):
    """The same; d = its derivatives by the time and the parameters."""
    return _call(table[_INPUT_SLOPES], tad, which, p, kept, d, 0, 0, 0)


@compiled
def input_bends(table, which, tad, p, kept, d):
    """Derivative of an input rate by the time; d = its derivatives by the time and the parameters."""
    return _call(table[_INPUT_BENDS], tad, which, p, kept, d, 0, 0, 0)


@compiled
def growth(table, square, control):
    """By how much the next step is longer, from the square of the error; control[BEFORE] is renewed."""
    return _call(table[_GROWTH], square, control, 0, 0, 0, 0, 0, 0)


@compiled
def step_explicitly(table, t, desk, z, p, nb, kb, r, stride):
    """One step of the explicit method, see `step_writer`."""
    return _call(table[_EXPLICIT], t, desk, z, p, nb, kb, r, stride)


@compiled
def step_stiffly(table, t, desk, z, p, nb, kb, r, stride):
    """One step of the stiff method, see `step_writer`."""
    return _call(table[_STIFF], t, desk, z, p, nb, kb, r, stride)


@compiled
def terms_of_series(table, desk, z, p, nb, kb, first, last):
    """Terms of the series of a linear system, see `series_writer`."""
    _call(table[_SERIES], 0.0, desk, z, p, nb, kb, first, last)


@compiled
def matrix(table, p, q, d):
    """D = constant Jacobian of a linear system and its derivatives by the parameters, where zeros stand."""
    _call(table[_MATRIX], 0.0, p, q, d, 0, 0, 0, 0)


@compiled
def bounds(table, d):
    """D = integers: first and last entry of each row and of each column of the matrix exponential."""
    _call(table[_BOUNDS], 0.0, d, 0, 0, 0, 0, 0, 0)


@compiled
def product(table, left, right, into, blocks):
    """Product of two propagators, see `propagator_writer`; whether it was made."""
    return _call(table[_PRODUCT], 0.0, left, right, into, blocks, 0, 0, 0) != 0.0


@compiled
def apply(table, matrix, z, start, into, nb, kb):
    """A propagator times a state, added to another, see `propagator_writer`; whether it was made."""
    return _call(table[_APPLY], 0.0, matrix, z, start, into, nb, kb, 0) != 0.0


@compiled
def lead_matrix(table, p, q, d):
    """D = A and b of the linear lead and their derivatives by the parameters, where zeros stand."""
    _call(table[_LEAD_MATRIX], 0.0, p, q, d, 0, 0, 0, 0)


@compiled
def lead_places(table, d):
    """D = integers: which compartments are led, their order, sizes of groups where these begin."""
    _call(table[_LEAD_PLACES], 0.0, d, 0, 0, 0, 0, 0, 0)


@compiled
def lead_next(table, node, desk, source, target, unit, scale, nb, kb):
    """The next term of the sum for the lead, see `lead_writer`; unit and scale as their bits."""
    _call(table[_LEAD_NEXT], node, desk, source, target, unit, scale, nb, kb)


@compiled
def lead_stages(table, since, desk, h, end):
    """The lead at the stages of a step, see `lead_writer`; its size h as its bits."""
    _call(table[_LEAD_STAGES], since, desk, h, end, 0, 0, 0, 0)
