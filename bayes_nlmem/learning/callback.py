"""A compiled PyTensor function, called by address from a sampler that is not written in Python.

nutpie wraps PyTensor's machine code in a C callback of its own, which links and optimises the whole graph
again at every start. The callback here is one generic function, compiled once per installation: it gets the
address of PyTensor's function (which PyTensor keeps on disk) in its user data. The function must take
(point, floats, ints) and return (value, gradient).
"""

from __future__ import annotations

import numpy as np
from numba import carray, types

from bayes_nlmem.engine.kept_code import kept_cfunc
from bayes_nlmem.marginal.by_address import VECTOR, calling, pointer

_call = calling(types.BaseTuple.from_types((types.Array(types.float64, 0, "C"), VECTOR)))

# User data: address of the function, then address and length of `floats` and of `ints`.
N_USER = 5


_DOUBLES = types.CPointer(types.double)


@kept_cfunc(types.int64(types.uint64, _DOUBLES, _DOUBLES, _DOUBLES, types.voidptr))
def log_density(size, point, gradient, value, user):
    """Nutpie's log-density callback: 0 is fine, 1 an error, 3 and 4 not finite."""
    data = carray(user, (N_USER,), np.int64)
    floats = carray(pointer(data[1]), (data[2],), np.float64)
    ints = carray(pointer(data[3]), (data[4],), np.int64)
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


@kept_cfunc(types.int64(types.uint64, types.uint64, _DOUBLES, _DOUBLES, types.voidptr))
def unconstrained(size, expanded, point, out, user):
    """Nutpie's expansion callback: keep the point as it is, everything else is computed after sampling."""
    for k in range(size):
        out[k] = point[k]
    return 0
