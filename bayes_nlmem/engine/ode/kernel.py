"""The walk as one C function for all models: compiled once per installation, kept on disk, called by name."""

from __future__ import annotations

import ctypes
from functools import cache

import numpy as np
from llvmlite import binding
from numba import carray, types

from bayes_nlmem.engine import layout as at
from bayes_nlmem.engine.kept_code import kept_cfunc
from bayes_nlmem.engine.ode.compiling import FLOATS, INTS, address, ints_at, making_arrays
from bayes_nlmem.engine.ode.desk import (
    COLUMNS,
    CONTROL,
    COUNTS,
    DESK_SIZE,
    DRIVEN,
    FORCING,
    LENGTH,
    LOCAL,
    MOST_TRAINS,
    N_COLUMNS,
    N_PAIRS,
    N_PHI,
    N_RECORDS,
    N_REQUESTS,
    N_ROWS,
    PHI,
    RECORD_FLOATS,
    RECORD_INTS,
    REQUESTS,
    SENS,
    SENSITIVE,
    SOLVER,
    SPARE,
    TABLE,
    TRAIN_FLOATS,
    TRAIN_INTS,
    VALUES,
)
from bayes_nlmem.engine.ode.machine import KEPT, WIDE_TRAIN_INTS, lay_out, room_sizes
from bayes_nlmem.engine.ode.machine_code import Code, address_of
from bayes_nlmem.engine.ode.model_table import LANES, N_KEPT, TABLE_SIZE
from bayes_nlmem.engine.ode.progress import register
from bayes_nlmem.engine.ode.schedule import ODEPlan
from bayes_nlmem.engine.ode.sources import SOURCE_KEY
from bayes_nlmem.engine.ode.tolerances import Tolerances
from bayes_nlmem.engine.ode.walk import walk

# Names of the solvers in the order of their numbers.
METHODS = ("explicit", "stiff", "exponential")
SYMBOL = f"bayes_nlmem_ode_walk_{SOURCE_KEY}"
_I64 = types.int64
SIGNATURE = types.void(
    _I64,  # address of the model's table
    FLOATS, FLOATS, INTS, INTS, INTS, INTS,  # phi, floats, ints, subjects, columns, requests
    _I64, _I64, _I64, _I64, _I64, _I64, _I64,  # sizes
    _I64, FLOATS, _I64,  # sensitive, control, most steps
    FLOATS, FLOATS, INTS, INTS,  # values, sens, status, counts
    FLOATS, INTS, FLOATS, INTS, _I64, _I64,  # zeroed memory; trains; most blocks, most records of a subject
)  # fmt: skip


@making_arrays
def walk_at(
    model, phi, floats, ints, subjects, columns, requests, n_rows, n_phi, n_records, n_subjects, n_columns,
    n_requests, n_pairs, sensitive, control, most_steps, values, sens, status, counts, room, int_room,
    train_floats, train_ints, most_blocks, most_records,
):  # fmt: skip
    """Put everything on two desks and walk."""
    desk, cycle_desk = carray(int_room, (DESK_SIZE,)), carray(int_room, (2 * DESK_SIZE,))[DESK_SIZE:]
    table = carray(ints_at(model), (TABLE_SIZE,))
    desk[TABLE], desk[CONTROL] = model, address(control)
    behind = lay_out(desk, table, address(room), address(int_room) + 16 * DESK_SIZE, most_blocks)
    desk[PHI], desk[RECORD_FLOATS], desk[RECORD_INTS] = address(phi), address(floats), address(ints)
    desk[COLUMNS], desk[REQUESTS] = address(columns), address(requests)
    desk[VALUES], desk[SENS] = address(values), address(sens)
    desk[N_ROWS], desk[N_PHI], desk[N_RECORDS], desk[N_COLUMNS] = n_rows, n_phi, n_records, n_columns
    desk[N_REQUESTS], desk[N_PAIRS], desk[SENSITIVE] = n_requests, n_pairs, sensitive
    for i in range(DESK_SIZE):
        cycle_desk[i] = desk[i]
    for where in (FORCING, LOCAL, SPARE):
        cycle_desk[where] = behind
        behind += 8 * desk[LENGTH]
    cycle_desk[DRIVEN] = desk[COUNTS] + 16
    cycle_desk[TRAIN_FLOATS], cycle_desk[TRAIN_INTS] = behind, desk[COUNTS] + 24
    cycle_desk[MOST_TRAINS] = 1
    desk[TRAIN_FLOATS], desk[TRAIN_INTS] = address(train_floats), address(train_ints)
    desk[MOST_TRAINS] = most_records
    walk(
        desk,
        cycle_desk,
        carray(subjects, (n_subjects, at.N_SUBJECT_INTS)),
        carray(status, (n_subjects,)),
        most_steps,
    )
    taken = carray(ints_at(desk[COUNTS]), (2,))
    counts[0], counts[1] = taken[0], taken[1]


@cache
def kernel():
    """The compiled kernel, registered under SYMBOL."""
    register()
    key = SOURCE_KEY

    def entry(
        model, phi, floats, ints, subjects, columns, requests, n_rows, n_phi, n_records, n_subjects,
        n_columns, n_requests, n_pairs, sensitive, control, most_steps, values, sens, status, counts, room,
        int_room, train_floats, train_ints, most_blocks, most_records,
    ):  # fmt: skip
        if len(key) == 0:  # the key makes numba's cache notice a change of any source
            return
        walk_at(
            model, phi, floats, ints, subjects, columns, requests, n_rows, n_phi, n_records, n_subjects,
            n_columns, n_requests, n_pairs, sensitive, control, most_steps, values, sens, status, counts,
            room, int_room, train_floats, train_ints, most_blocks, most_records,
        )  # fmt: skip

    function = kept_cfunc(SIGNATURE, error_model="numpy")(entry)
    binding.add_symbol(SYMBOL, function.address)
    return function


def memory_for(code: Code, subjects: np.ndarray, sensitive: bool) -> tuple[int, int, int, int]:
    """(doubles, integers, most blocks, most records) that the subjects of a plan need."""
    n, n_parameters, _, n_hoisted, n_second, _, _, linear, _, n_kept, n_work, n_lead = code.sizes
    most_blocks = int(subjects[:, at.N_COLUMNS].max(initial=0)) // LANES if sensitive else 0
    most_records = int((subjects[:, at.END_RECORD] - subjects[:, at.FIRST_RECORD]).max(initial=1))
    return (
        *room_sizes(n, n_parameters, n_hoisted, n_second, linear, n_kept, n_work, n_lead, most_blocks),
        most_blocks,
        max(most_records, 1),
    )


def solve_equations(
    phi: np.ndarray,
    plan: ODEPlan,
    tolerances: Tolerances,
    *,
    sensitive: bool = False,
    solver: str = "explicit",
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Solve a plan for one set of parameters by one of METHODS.

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
    control[SOLVER] = float(METHODS.index(solver))
    inputs = [phi, *(tables[name] for name in ("floats", "ints", "subjects", "sensitivities", "requests"))]
    doubles, integers, most_blocks, most_records = memory_for(plan.code, tables["subjects"], sensitive)
    room, int_room = np.zeros(doubles), np.zeros(integers, np.int64)
    train_floats = np.zeros((most_records, KEPT + plan.code.sizes[N_KEPT]))
    train_ints = np.zeros((most_records, WIDE_TRAIN_INTS), np.int64)
    kernel().ctypes(
        address_of(plan.code),
        *map(_pointer, inputs),
        *phi.shape,
        *(len(x) for x in (inputs[1], inputs[3], inputs[4], inputs[5])),
        n_pairs,
        int(sensitive),
        _pointer(control),
        tolerances.most_steps,
        *map(_pointer, (values, sens, status, counts, room, int_room, train_floats, train_ints)),
        most_blocks,
        most_records,
    )
    return values, sens, status, counts


def _pointer(array: np.ndarray) -> object:
    kind = ctypes.c_double if array.dtype == float else ctypes.c_int64
    return array.ctypes.data_as(ctypes.POINTER(kind))
