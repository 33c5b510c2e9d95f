"""How the parts of the solvers are compiled: without allocation, interpreter or exceptions."""

from __future__ import annotations

from numba import njit, types
from numba.extending import intrinsic

from bayes_nlmem.engine.parts import OPTIONS, part, part_making_arrays

compiled, making_arrays = part, part_making_arrays
# For sums over states: products and sums may be joined in one instruction. Optimised by itself and then again
# where it is called, without which the loops are up to 1.4 times slower.
joined = njit(fastmath={"contract", "nsz"}, **OPTIONS)

FLOATS, INTS = types.CPointer(types.float64), types.CPointer(types.int64)


@intrinsic
def floats_at(typing_context, address):
    """An address as a pointer to doubles."""

    def generate(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], context.get_value_type(FLOATS))

    return FLOATS(types.int64), generate


@intrinsic
def ints_at(typing_context, address):
    """An address as a pointer to integers."""

    def generate(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], context.get_value_type(INTS))

    return INTS(types.int64), generate


@intrinsic
def bits_of(typing_context, number):
    """The bits of a double as an integer."""

    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], context.get_value_type(types.int64))

    return types.int64(types.float64), generate


@intrinsic
def address(typing_context, pointer):
    """The address that a pointer holds."""

    def generate(context, builder, signature, arguments):
        return builder.ptrtoint(arguments[0], context.get_value_type(types.int64))

    return types.int64(pointer), generate
