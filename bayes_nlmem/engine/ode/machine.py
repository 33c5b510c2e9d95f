"""What the solvers share: memory, tolerances, and where the columns of sensitivities stand."""

from __future__ import annotations

from collections import namedtuple

import numpy as np
from numba import njit

from bayes_nlmem.engine.ode.model_table import N, N_HOISTED, N_SECOND, PAD
from bayes_nlmem.engine.ode.writer import LANES

# table: of the model. forcing: constant inputs, laid out as a state; driven[0]: whether sensitivities have any.
# scale: largest |y| so far by compartment. stages: rows of work, laid out as states. rest: see the solvers.
# control: relative tolerance, absolute tolerance (share of the scale), smallest scale, next step (0 = unknown),
# steps left, previous error, solver. counts: steps taken, steps refused.
Machine = namedtuple(
    "Machine",
    "table forcing driven scale q stages second jac lu pivots control counts slopes local",
)

RELATIVE, ABSOLUTE, FLOOR, NEXT_STEP, STEPS_LEFT, BEFORE, SOLVER = range(7)
N_CONTROL = 7
EXPLICIT, STIFF = 0, 1
STEPS, REFUSED = range(2)

# Rows of stages.
TRIAL, HELD, NEW, BY_TIME, BETWEEN = 8, 9, 10, 11, 12
N_STAGES = 13

FINE, TOO_MANY_STEPS, STEP_TOO_SMALL = 0, 4, 5


@njit(error_model="numpy", nogil=True)
def size(table, nb):
    """Length of a state with nb blocks of sensitivities."""
    return table[PAD] + nb * table[N] * LANES


@njit(error_model="numpy", nogil=True)
def place(table, column):
    """Place of compartment 0 in a column of sensitivities; compartment i is LANES * i further."""
    return table[PAD] + (column // LANES) * table[N] * LANES + column % LANES


@njit(error_model="numpy", nogil=True)
def new_machine(table, most_blocks, n_slopes, control):
    """Memory for states with up to `most_blocks` blocks."""
    n = table[N]
    length = table[PAD] + most_blocks * n * LANES
    return Machine(
        table,
        np.zeros(length),
        np.zeros(1, np.int64),
        np.zeros(n),
        np.zeros(table[N_HOISTED] + 1),
        np.zeros((N_STAGES, length)),
        np.zeros(table[N_SECOND] + 1),
        np.zeros((n, n)),
        np.zeros((n, n)),
        np.zeros(n, np.int64),
        control.copy(),
        np.zeros(3, np.int64),
        np.zeros(n_slopes + most_blocks * LANES),
        np.zeros(length),
    )


@njit(error_model="numpy", nogil=True)
def weigh(machine, z):
    """Keep the largest values seen."""
    for i in range(machine.table[N]):
        machine.scale[i] = max(machine.scale[i], abs(z[i]))


@njit(error_model="numpy", nogil=True)
def error_norm(machine, z, new, errors, n_all):
    """Root mean square of the errors over what is tolerated."""
    control, scale = machine.control, machine.scale
    n = machine.table[N]
    total = 0.0
    for i in range(n):
        largest = max(abs(z[i]), abs(new[i]))
        tolerated = control[RELATIVE] * largest + control[ABSOLUTE] * max(scale[i], largest, control[FLOOR])
        ratio = errors[i] / tolerated
        total += ratio * ratio
    return np.sqrt(total / n)
