"""What the solvers share: memory, tolerances, and where the columns of sensitivities stand.

All memory is given from outside. A desk, an array of integers, says where everything lies, so that one
address is enough to hand it on.
"""

from __future__ import annotations

from collections import namedtuple

import numpy as np
from numba import carray

from bayes_nlmem.engine import layout as at
from bayes_nlmem.engine.ode.compiling import compiled, floats_at, ints_at, joined, making_arrays
from bayes_nlmem.engine.ode.desk import (
    ABSOLUTE,
    ALONE,
    COLUMNS,
    CONTROL,
    COUNTS,
    DESK_SIZE,
    DRIVEN,
    FIRST_COLUMN,
    FLOOR,
    FORCING,
    JAC,
    LADDER,
    LENGTH,
    LOCAL,
    LU,
    MARKS,
    MOST_TRAINS,
    N_COLUMNS,
    N_CONTROL,
    N_PAIRS,
    N_PHI,
    N_RECORDS,
    N_REQUESTS,
    N_ROWS,
    N_SLOPES,
    N_STAGES,
    PHI,
    PIVOTS,
    RECORD_FLOATS,
    RECORD_INTS,
    RELATIVE,
    REQUESTS,
    SCALE,
    SECOND,
    SENS,
    SENSITIVE,
    SENSITIVITY,
    SLOPES,
    SPARE,
    STAGES,
    TABLE,
    TRAIN_FLOATS,
    TRAIN_INTS,
    VALUES,
    VECTOR,
    WEIGHTS,
    WORK,
    Q,
)
from bayes_nlmem.engine.ode.model_table import (
    LANES,
    LINEAR,
    MOST_LEVELS,
    N_HOISTED,
    N_KEPT,
    N_PARAMETERS,
    N_SECOND,
    N_WORK,
    PAD,
    TABLE_SIZE,
    N,
)
from bayes_nlmem.engine.ode.schedule import N_RECORD_INTS
from bayes_nlmem.engine.trains import N_TRAIN_FLOATS, N_TRAIN_INTS

# Tables of trains: the columns of all trains, then those of doses that enter by an input rate. SPREAD: number
# of the input rate, -1 for a dose that enters at once; EARLIER: doses before number 0; BLOCK: first block of
# sensitivities of its parameters; BY_F, BY_LAG: columns (0 = none); PARAMETERS_AT: address of its parameters.
SPREAD, EARLIER, BLOCK, BY_F, BY_LAG, PARAMETERS_AT = range(N_TRAIN_INTS, N_TRAIN_INTS + 6)
WIDE_TRAIN_INTS = N_TRAIN_INTS + 6
# PEAK: time at which most enters on a logarithmic scale; KEPT: first of the expressions that are kept.
PEAK, KEPT = N_TRAIN_FLOATS, N_TRAIN_FLOATS + 1

# table: of the model. forcing: constant inputs, laid out as a state; driven[0]: whether sensitivities have
# any. scale: largest |y| so far by compartment. stages: rows of work, laid out as states. slopes: derivatives
# of one output. local, spare: a state each. vector: one number for each compartment. weights: size of the
# parameter of each column. ladder, marks: of a linear system, see `propagators`.
Machine = namedtuple(
    "Machine",
    "desk table forcing driven scale q stages second jac lu pivots control counts slopes local spare vector "
    "weights train_floats train_ints ladder marks",
)
# The tables of the plan, and where the answers are written.
Book = namedtuple("Book", "phi floats ints columns requests values sens first_column sensitive")


def room_sizes(
    n: int,
    n_parameters: int,
    n_hoisted: int,
    n_second: int,
    linear: int,
    n_kept: int,
    n_work: int,
    most_blocks: int,
) -> tuple[int, int]:
    """(doubles, integers) of memory for states of up to `most_blocks` blocks."""
    pad = -(-n // LANES) * LANES
    blocks = max(most_blocks, -(-n // LANES) + -(-n_parameters // LANES) + 1)
    length = pad + blocks * n * LANES
    slopes = n + n_parameters + blocks * LANES
    doubles = (
        length * (N_STAGES + 6) + 2 * n + n_hoisted + n_second + 2 * n * n + slopes + (blocks + 8) * LANES
    )
    matrix = n * n * (1 + -(-n_parameters // LANES) * LANES)
    ladder = 1 + 2 * (MOST_LEVELS + 2) * matrix if linear else 0
    return (
        doubles + n_work + 8 * blocks * n * LANES + ladder + KEPT + n_kept + 1,
        2 * DESK_SIZE + 2 * n + 2 * 8 + 2 + 4 * n + 3 + WIDE_TRAIN_INTS,
    )


@compiled
def parameter_blocks(table):
    """Blocks of columns of the parameters."""
    return (table[N_PARAMETERS] + LANES - 1) // LANES


@compiled
def matrix_size(table):
    """Doubles of a matrix with its derivatives by the parameters."""
    return table[N] * table[N] * (1 + parameter_blocks(table) * LANES)


@compiled
def ladder_size(table):
    """Doubles of the propagators of a linear system and of work behind them."""
    return 1 + 2 * (MOST_LEVELS + 2) * matrix_size(table) if table[LINEAR] != 0 else 0


@compiled
def size(table, nb):
    """Length of a state with nb blocks of sensitivities."""
    return table[PAD] + nb * table[N] * LANES


@compiled
def place(table, column):
    """Place of compartment 0 in a column of sensitivities; compartment i is LANES * i further."""
    return table[PAD] + (column // LANES) * table[N] * LANES + column % LANES


@compiled
def lay_out(desk, table, room, int_room, most_blocks):
    """Share memory out; returns the address behind what was used."""
    n, n_parameters = table[N], table[N_PARAMETERS]
    own = (n + LANES - 1) // LANES + (n_parameters + LANES - 1) // LANES + 1
    blocks = max(most_blocks, own)
    length = table[PAD] + blocks * n * LANES
    desk[LENGTH] = length
    desk[N_SLOPES] = n + n_parameters + blocks * LANES
    for where, count in (
        (STAGES, N_STAGES * length), (FORCING, length), (LOCAL, length), (SPARE, length), (SCALE, n),
        (VECTOR, n),
        (Q, table[N_HOISTED]), (SECOND, table[N_SECOND]), (JAC, n * n), (LU, n * n), (SLOPES, desk[N_SLOPES]),
        (WEIGHTS, blocks * LANES), (WORK, table[N_WORK] + 8 * blocks * n * LANES),
        (LADDER, ladder_size(table)),
    ):  # fmt: skip
        desk[where] = room
        room += 8 * count
    desk[PIVOTS] = int_room
    desk[DRIVEN] = int_room + 16 * n
    desk[MARKS] = int_room + 16 * n + 8
    desk[COUNTS] = desk[MARKS] + 8 * (4 * n + 3)
    return room


@making_arrays
def machine_at(desk):
    """The machine that a desk describes."""
    table = carray(ints_at(desk[TABLE]), (TABLE_SIZE,))
    n, length = table[N], desk[LENGTH]
    return Machine(
        desk,
        table,
        carray(floats_at(desk[FORCING]), (length,)),
        carray(ints_at(desk[DRIVEN]), (1,)),
        carray(floats_at(desk[SCALE]), (n,)),
        carray(floats_at(desk[Q]), (table[N_HOISTED],)),
        carray(floats_at(desk[STAGES]), (N_STAGES, length)),
        carray(floats_at(desk[SECOND]), (table[N_SECOND],)),
        carray(floats_at(desk[JAC]), (n, n)),
        carray(floats_at(desk[LU]), (n, n)),
        carray(ints_at(desk[PIVOTS]), (2 * n,)),
        carray(floats_at(desk[CONTROL]), (N_CONTROL,)),
        carray(ints_at(desk[COUNTS]), (2,)),
        carray(floats_at(desk[SLOPES]), (desk[N_SLOPES],)),
        carray(floats_at(desk[LOCAL]), (length,)),
        carray(floats_at(desk[SPARE]), (length,)),
        carray(floats_at(desk[VECTOR]), (n,)),
        carray(floats_at(desk[WEIGHTS]), ((length - table[PAD]) // n,)),
        carray(floats_at(desk[TRAIN_FLOATS]), (desk[MOST_TRAINS], KEPT + table[N_KEPT])),
        carray(ints_at(desk[TRAIN_INTS]), (desk[MOST_TRAINS], WIDE_TRAIN_INTS)),
        carray(floats_at(desk[LADDER]), (ladder_size(table),)),
        carray(ints_at(desk[MARKS]), (4 * n + 3,)),
    )


@making_arrays
def book_at(desk):
    """The book that a desk describes."""
    return Book(
        carray(floats_at(desk[PHI]), (desk[N_ROWS], desk[N_PHI])),
        carray(floats_at(desk[RECORD_FLOATS]), (desk[N_RECORDS], at.N_RECORD_FLOATS)),
        carray(ints_at(desk[RECORD_INTS]), (desk[N_RECORDS], N_RECORD_INTS)),
        carray(ints_at(desk[COLUMNS]), (desk[N_COLUMNS], 2)),
        carray(ints_at(desk[REQUESTS]), (desk[N_REQUESTS], at.N_REQUEST_INTS)),
        carray(floats_at(desk[VALUES]), (desk[N_REQUESTS],)),
        carray(floats_at(desk[SENS]), (desk[N_PAIRS], desk[N_PHI])),
        desk[FIRST_COLUMN],
        desk[SENSITIVE] != 0,
    )


@compiled
def weigh(machine, z):
    """Keep the largest values seen."""
    for i in range(machine.table[N]):
        machine.scale[i] = max(machine.scale[i], abs(z[i]))


@joined
def error_norm(machine, z, nb, new, errors):
    """Root mean square of the errors over what is tolerated; that of the sensitivities if it is larger.

    The error of a sensitivity, times its parameter, may be SENSITIVITY times the error of the compartment,
    relative to the larger of both.
    """
    s, control, scale, allowed, weights = (
        machine.stages,
        machine.control,
        machine.scale,
        machine.vector,
        machine.weights,
    )
    table = machine.table
    n, first = table[N], table[PAD]
    total = 0.0
    for i in range(n):
        largest = max(abs(z[i]), abs(s[new, i]))
        allowed[i] = control[RELATIVE] * largest + control[ABSOLUTE] * max(scale[i], largest, control[FLOOR])
        ratio = s[errors, i] / allowed[i]
        total += ratio * ratio
    total /= n
    if nb == 0:
        return np.sqrt(total)
    relative = control[RELATIVE]
    others = 0.0
    for block in range(nb):
        for i in range(n):
            at_i = first + (block * n + i) * LANES
            for lane in range(LANES):
                weight = weights[block * LANES + lane]
                ratio = weight * s[errors, at_i + lane]
                ratio /= allowed[i] + relative * weight * abs(s[new, at_i + lane])
                others += ratio * ratio
    others /= n * nb * LANES * SENSITIVITY * SENSITIVITY
    return np.sqrt(max(total, others))


@compiled
def weigh_columns(machine, book, row, nb, kb):
    """Weights of the columns of a subject: its parameters in force, from block kb on."""
    for column in range(nb * LANES):
        where = book.first_column + column
        weight = 0.0
        if book.columns[where, at.SLOT] >= 0:
            weight = abs(book.phi[row, book.columns[where, at.PARAMETER]])
        machine.weights[column] = weight
    machine.desk[ALONE] = 1
    behind = kb * LANES + machine.table[N_PARAMETERS]
    for column in range(behind, min((kb + parameter_blocks(machine.table)) * LANES, nb * LANES)):
        if book.columns[book.first_column + column, at.SLOT] >= 0:
            machine.desk[ALONE] = 0


@compiled
def weigh_local(machine, phi_row, own, nb):
    """Weights of a local state: sizes of the compartments, then parameters, then nothing."""
    n, n_parameters = machine.table[N], machine.table[N_PARAMETERS]
    machine.desk[ALONE] = 1
    for column in range(nb * LANES):
        machine.weights[column] = 0.0
    for i in range(n):
        machine.weights[i] = machine.scale[i]
    if nb > own:
        for m in range(n_parameters):
            machine.weights[own * LANES + m] = abs(phi_row[m])
