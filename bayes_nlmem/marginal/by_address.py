"""Calling a compiled PyTensor function by its address from other compiled code, which then is generic."""

from __future__ import annotations

from typing import Any

from numba import types
from numba.extending import intrinsic

VECTOR = types.Array(types.float64, 1, "C")
INTEGERS = types.Array(types.int64, 1, "C")
ARGUMENTS = types.BaseTuple.from_types((VECTOR, VECTOR, INTEGERS))


@intrinsic
def pointer(typing_context, address):
    """An address as a pointer, for `carray`."""

    def code(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], context.get_value_type(types.voidptr))

    return types.voidptr(types.int64), code


def calling(result: Any) -> Any:
    """The call of a function of (point, floats, ints) that returns a tuple of this type.

    (address, point, floats, ints) -> (fine, *values); arrays are empty where it is not fine.
    """

    @intrinsic
    def call(typing_context, address, point, floats, ints):
        returned = types.BaseTuple.from_types((types.boolean, *result.types))

        def code(context, builder, signature, arguments):
            given = context.make_tuple(builder, ARGUMENTS, arguments[1:])
            kind = context.call_conv.get_function_type(result, [ARGUMENTS])
            function = builder.inttoptr(arguments[0], kind.as_pointer())
            status, value = context.call_conv.call_function(builder, function, result, [ARGUMENTS], [given])
            parts = [status.is_ok]
            for k in range(len(result.types)):
                part = builder.extract_value(value, k)
                parts.append(builder.select(status.is_ok, part, part.type(None)))
            return context.make_tuple(builder, returned, parts)

        return returned(types.int64, VECTOR, VECTOR, INTEGERS), code

    return call


def address_of(jitted: Any) -> int:
    """Address of a jitted PyTensor function of (point, floats, ints); compiles it, or takes it from disk."""
    signature = (ARGUMENTS,)
    jitted.compile(signature)
    compiled = jitted.overloads[signature]
    return compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name)
