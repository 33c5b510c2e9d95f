"""The walk as one C function for all models: compiled once per installation, kept on disk, called by name."""

from __future__ import annotations

import ctypes
import hashlib
from functools import cache
from pathlib import Path

import numpy as np
from llvmlite import binding
from numba import carray, cfunc, types
from numba.extending import intrinsic

from bayes_nlmem.engine import layout as at
from bayes_nlmem.engine.ode.machine import N_CONTROL, SOLVER
from bayes_nlmem.engine.ode.machine_code import address_of
from bayes_nlmem.engine.ode.model_table import TABLE_SIZE
from bayes_nlmem.engine.ode.schedule import N_RECORD_INTS, ODEPlan
from bayes_nlmem.engine.ode.tolerances import Tolerances
from bayes_nlmem.engine.ode.walk import walk

# Cached machine code must not outlive the sources it was made from, whichever of the files changed.
_HERE = Path(__file__).parent
_SOURCES = sorted(_HERE.glob("*.py")) + [
    _HERE.parent / f"{name}.py" for name in ("layout", "doses", "steady", "trains")
]
SOURCE_KEY = hashlib.sha256(b"".join(file.read_bytes() for file in _SOURCES)).hexdigest()[:16]
SYMBOL = f"bayes_nlmem_ode_walk_{SOURCE_KEY}"

_F, _I = types.CPointer(types.float64), types.CPointer(types.int64)
SIGNATURE = types.void(
    types.int64,  # address of the model's table
    _F, _F, _I, _I, _I, _I,  # phi, floats, ints, subjects, columns, requests
    types.int64, types.int64, types.int64, types.int64, types.int64, types.int64, types.int64,  # sizes
    types.int64, _F, types.int64,  # sensitive, control, most steps
    _F, _F, _I, _I,  # values, sens, status, counts
)  # fmt: skip


@intrinsic
def _as_pointer(typing_context, address):
    """An address as a pointer to integers."""

    def generate(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], context.get_value_type(_I))

    return _I(types.int64), generate


@cache
def kernel():
    """The compiled kernel, registered under SYMBOL."""
    key = SOURCE_KEY

    def entry(
        model, phi, floats, ints, subjects, columns, requests, n_rows, n_columns, n_records, n_subjects,
        n_sensitivities, n_requests, n_pairs, sensitive, control, most_steps, values, sens, status, counts,
    ):  # fmt: skip
        if len(key) == 0:  # the key makes numba's cache notice a change of any source
            return
        taken, refused = walk(
            carray(_as_pointer(model), (TABLE_SIZE,)),
            carray(phi, (n_rows, n_columns)),
            carray(floats, (n_records, at.N_RECORD_FLOATS)),
            carray(ints, (n_records, N_RECORD_INTS)),
            carray(subjects, (n_subjects, at.N_SUBJECT_INTS)),
            carray(columns, (n_sensitivities, 2)),
            carray(requests, (n_requests, at.N_REQUEST_INTS)),
            sensitive != 0,
            carray(control, (N_CONTROL,)),
            most_steps,
            carray(values, (n_requests,)),
            carray(sens, (n_pairs, n_columns)),
            carray(status, (n_subjects,)),
        )
        counts[0], counts[1] = taken, refused

    compiled = cfunc(SIGNATURE, nopython=True, cache=True, error_model="numpy")(entry)
    binding.add_symbol(SYMBOL, compiled.address)
    return compiled


def solve_equations(
    phi: np.ndarray, plan: ODEPlan, tolerances: Tolerances, *, sensitive: bool = False, stiff: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Solve a plan for one set of parameters.

    Returns
    -------
    tuple of arrays
        Values at the requests (m,), sensitivities by pair (n_pairs, P) - (0, P) unless asked for -, status
        (n_subjects,), and the numbers of steps taken and refused.
    """
    tables = plan.tables
    n_pairs = len(tables["pairs"]) if sensitive else 0
    phi = np.ascontiguousarray(phi, float)
    values = np.full(plan.n_requests, np.nan)
    sens = np.zeros((n_pairs, phi.shape[1]))
    status, counts = np.zeros(plan.n_subjects, np.int64), np.zeros(2, np.int64)
    control = tolerances.control()
    control[SOLVER] = float(stiff)
    inputs = [phi, *(tables[name] for name in ("floats", "ints", "subjects", "sensitivities", "requests"))]
    kernel().ctypes(
        address_of(plan.code),
        *map(_pointer, inputs),
        *phi.shape,
        *(len(x) for x in (inputs[1], inputs[3], inputs[4], inputs[5])),
        n_pairs,
        int(sensitive),
        _pointer(control),
        tolerances.most_steps,
        *map(_pointer, (values, sens, status, counts)),
    )
    return values, sens, status, counts


def _pointer(array: np.ndarray) -> object:
    kind = ctypes.c_double if array.dtype == float else ctypes.c_int64
    return array.ctypes.data_as(ctypes.POINTER(kind))
