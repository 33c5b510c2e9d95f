"""The walk as a C function: compiled once per installation, kept on disk, called by name or by address.

Compiled callers (the PyTensor Op) refer to it as an external symbol, so that neither PyTensor nor a
sampler that compiles the graph again has to optimise the kernel again. Nothing is allocated inside.
"""

from __future__ import annotations

import ctypes
import hashlib
from functools import cache
from pathlib import Path

import numpy as np
from llvmlite import binding
from numba import carray, types

from bayes_nlmem.engine import layout as at
from bayes_nlmem.engine.kept_code import kept_cfunc
from bayes_nlmem.engine.steps import N_STEP_ROWS
from bayes_nlmem.engine.trains import N_TRAIN_FLOATS, N_TRAIN_INTS
from bayes_nlmem.engine.walk import N_ROOMS, walk

# Cached machine code must not outlive the sources it was made from, whichever of the files changed.
_SOURCES = (
    "layout", "parts", "exponentials", "modes", "steps", "advance", "doses", "steady", "trains", "walk",
    "kernel", "op",
)  # fmt: skip
SOURCE_KEY = hashlib.sha256(
    b"".join(Path(__file__).with_name(f"{name}.py").read_bytes() for name in _SOURCES)
).hexdigest()[:16]

_F, _I = types.CPointer(types.float64), types.CPointer(types.int64)
SIGNATURE = types.void(
    _F, _F, _I, _I, _I, _I,  # phi, floats, ints, subjects, columns, requests
    types.int64, types.int64, types.int64, types.int64, types.int64, types.int64, types.int64,  # sizes
    types.int64, types.int64,  # depot, sensitive
    _F, _F, _I,  # answer, sens, status
    _F, _I, _F, _I, types.int64, types.int64,  # zeroed scratch, rows of state, trains
)  # fmt: skip

# Fewest rows of the scratch: the coefficients of a step; a basis, the work and a cycle need fewer.
FEWEST_ROWS = N_STEP_ROWS


def symbol(n: int) -> str:
    """Name under which compiled code finds the kernel of n compartments."""
    return f"bayes_nlmem_walk_{n}_{SOURCE_KEY}"


@cache
def kernel(n: int):
    """The compiled kernel of n disposition compartments, registered under `symbol(n)`."""
    dims, key = (0.0,) * n, SOURCE_KEY

    def entry(
        phi, floats, ints, subjects, columns, requests,
        n_rows, n_columns, n_records, n_subjects, n_sensitivities, n_requests, n_pairs, depot, sensitive,
        answer, sens, status, room, driven, train_floats, train_ints, rows, trains,
    ):  # fmt: skip
        if len(key) == 0:  # the key makes numba's cache notice a change of any source
            return
        walk(
            carray(phi, (n_rows, n_columns)),
            carray(floats, (n_records, at.N_RECORD_FLOATS)),
            carray(ints, (n_records, at.N_RECORD_INTS)),
            carray(subjects, (n_subjects, at.N_SUBJECT_INTS)),
            carray(columns, (n_sensitivities, 2)),
            carray(requests, (n_requests, at.N_REQUEST_INTS)),
            depot != 0,
            sensitive != 0,
            carray(answer, (n_requests,)),
            carray(sens, (n_pairs, n_columns)),
            carray(status, (n_subjects,)),
            carray(room, (N_ROOMS, rows, len(dims) + 1)),
            carray(driven, (2, rows)),
            carray(train_floats, (trains, N_TRAIN_FLOATS)),
            carray(train_ints, (trains, N_TRAIN_INTS)),
            dims,
        )

    compiled = kept_cfunc(SIGNATURE, error_model="numpy")(entry)
    binding.add_symbol(symbol(n), compiled.address)
    return compiled


def scratch_sizes(subjects: np.ndarray, sensitive: bool) -> tuple[int, int]:
    """Rows of state and number of trains that the subjects need."""
    columns = int(subjects[:, at.N_COLUMNS].max(initial=0)) if sensitive else 0
    records = int((subjects[:, at.END_RECORD] - subjects[:, at.FIRST_RECORD]).max(initial=0))
    return max(1 + columns, FEWEST_ROWS), max(records, 1)


def run_walk(
    phi: np.ndarray,
    floats: np.ndarray,
    ints: np.ndarray,
    subjects: np.ndarray,
    sensitivities: np.ndarray,
    requests: np.ndarray,
    n_pairs: int,
    *,
    n: int,
    depot: bool,
    sensitive: bool,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Call the kernel from Python: amounts (m,), sensitivities (n_pairs, P), status (n_subjects,)."""
    rows, trains = scratch_sizes(subjects, sensitive)
    n_pairs = n_pairs if sensitive else 0
    answer = np.full(len(requests), np.nan)
    sens = np.zeros((n_pairs, phi.shape[1]))
    status = np.zeros(len(subjects), np.int64)
    room, driven = np.zeros((N_ROOMS, rows, n + 1)), np.zeros((2, rows), np.int64)
    train_floats = np.zeros((trains, N_TRAIN_FLOATS))
    train_ints = np.zeros((trains, N_TRAIN_INTS), np.int64)
    inputs = [np.ascontiguousarray(x, float) for x in (phi, floats)]
    inputs += [np.ascontiguousarray(x, np.int64) for x in (ints, subjects, sensitivities, requests)]
    sizes = (*phi.shape, len(floats), len(subjects), len(sensitivities), len(requests), n_pairs)
    kernel(n).ctypes(
        *map(pointer, inputs),
        *sizes,
        int(depot),
        int(sensitive),
        *map(pointer, (answer, sens, status, room, driven, train_floats, train_ints)),
        rows,
        trains,
    )
    return answer, sens, status


def pointer(array: np.ndarray):
    """An array as an argument of a C function."""
    return array.ctypes.data_as(ctypes.POINTER(ctypes.c_double if array.dtype == float else ctypes.c_int64))
