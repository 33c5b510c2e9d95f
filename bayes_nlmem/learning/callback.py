"""A compiled PyTensor function, called by address from a sampler that is not written in Python.

nutpie wraps PyTensor's machine code in a C callback of its own, which links and optimises the whole graph
again at every start. The callback here is one generic function, compiled once per installation: it gets the
address of PyTensor's function (which PyTensor keeps on disk) in its user data. The function must take
(point, floats, ints) and return (value, gradient).
"""

from __future__ import annotations

import numpy as np
from numba import carray, cfunc, types
from numba.extending import intrinsic

_VECTOR = types.Array(types.float64, 1, "C")
_INTEGERS = types.Array(types.int64, 1, "C")
_ARGUMENTS = types.BaseTuple.from_types((_VECTOR, _VECTOR, _INTEGERS))
_RESULT = types.BaseTuple.from_types((types.Array(types.float64, 0, "C"), _VECTOR))

# User data: address of the function, then address and length of `floats` and of `ints`.
N_USER = 5


@intrinsic
def _pointer(typing_context, address):
    def code(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], context.get_value_type(types.voidptr))

    return types.voidptr(types.int64), code


@intrinsic
def _call(typing_context, address, point, floats, ints):
    """(fine, value, gradient) of the function at `address`; the arrays are empty where it is not fine."""
    returned = types.BaseTuple.from_types((types.boolean, *_RESULT.types))

    def code(context, builder, signature, arguments):
        given = context.make_tuple(builder, _ARGUMENTS, arguments[1:])
        kind = context.call_conv.get_function_type(_RESULT, [_ARGUMENTS])
        function = builder.inttoptr(arguments[0], kind.as_pointer())
        status, result = context.call_conv.call_function(builder, function, _RESULT, [_ARGUMENTS], [given])
        parts = [status.is_ok]
        for k in range(len(_RESULT.types)):
            part = builder.extract_value(result, k)
            parts.append(builder.select(status.is_ok, part, part.type(None)))
        return context.make_tuple(builder, returned, parts)

    return returned(types.int64, _VECTOR, _VECTOR, _INTEGERS), code


_DOUBLES = types.CPointer(types.double)


@cfunc(types.int64(types.uint64, _DOUBLES, _DOUBLES, _DOUBLES, types.voidptr), cache=True)
def log_density(size, point, gradient, value, user):
    """Nutpie's log-density callback: 0 is fine, 1 an error, 3 and 4 not finite."""
    data = carray(user, (N_USER,), np.int64)
    floats = carray(_pointer(data[1]), (data[2],), np.float64)
    ints = carray(_pointer(data[3]), (data[4],), np.int64)
    fine, found, slope = _call(data[0], carray(point, (size,)), floats, ints)
    if not fine:
        return 1
    out = carray(gradient, (size,))
    for k in range(size):
        if not np.isfinite(slope[k]):
            return 3
        out[k] = slope[k]
    carray(value, (1,))[0] = found[()]
    return 0 if np.isfinite(found[()]) else 4


@cfunc(types.int64(types.uint64, types.uint64, _DOUBLES, _DOUBLES, types.voidptr), cache=True)
def unconstrained(size, expanded, point, out, user):
    """Nutpie's expansion callback: keep the point as it is, everything else is computed after sampling."""
    for k in range(size):
        out[k] = point[k]
    return 0


def address_of(jitted) -> int:
    """Address of a jitted PyTensor function of (point, floats, ints); compiles it, or takes it from disk."""
    signature = (_ARGUMENTS,)
    jitted.compile(signature)
    compiled = jitted.overloads[signature]
    return compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name)
