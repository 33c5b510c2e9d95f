"""What the solvers share: memory, tolerances, and where the columns of sensitivities stand.

All memory is given from outside. A desk, an array of integers, says where everything lies, so that one
address is enough to hand it on.
"""

from __future__ import annotations

from collections import namedtuple

from numba import carray

from bayes_nlmem.engine import layout as at
from bayes_nlmem.engine.ode.compiling import compiled, floats_at, ints_at, making_arrays
from bayes_nlmem.engine.ode.desk import (
    ALONE,
    COLUMNS,
    CONTROL,
    COUNTS,
    DESK_SIZE,
    DRIVEN,
    FIRST_COLUMN,
    FORCING,
    JAC,
    LADDER,
    LEAD,
    LEAD_MARKS,
    LEAD_ROWS,
    LEAD_SHAPES,
    LEAD_WIDTH,
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
    REQUESTS,
    SCALE,
    SECOND,
    SENS,
    SENSITIVE,
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
    LEAD_ORDER,
    LINEAR,
    MOST_LEVELS,
    N_HOISTED,
    N_KEPT,
    N_LEAD,
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
# parameter of each column. ladder, marks: of a linear system, see `propagators`. lead, lead_marks: of a
# linear lead, see `lead`.
Machine = namedtuple(
    "Machine",
    "desk table forcing driven scale q stages second jac lu pivots control counts slopes local spare vector "
    "weights train_floats train_ints ladder marks "
    "lead lead_marks",
)
# The tables of the plan, and where the answers are written.
Book = namedtuple("Book", "phi floats ints columns requests values sens first_column sensitive")


# Sections of the memory of a lead of m compartments: its matrix; the norm of that; nodes with powers and
# fractions, of exponentials and of the series; terms of the series, of exponentials, two for work; the
# stages; functions of time.
LEAD_SECTIONS = 9


@compiled
def lead_width(m, blocks):
    """Doubles of a row of the lead: a whole number of pairs of vectors."""
    vectors = (m + LANES - 1) // LANES + blocks * m
    return (vectors + 1) // 2 * 2 * LANES


@compiled
def lead_place(m, own, blocks, section):
    """Where a section begins; 0 without a lead."""
    most, width = 2 * m + 1, lead_width(m, blocks)
    place = 0
    if m > 0:
        if section > 0:
            place += (m * m + m) * (1 + own * LANES)
        if section > 1:
            place += 1
        if section > 2:
            place += 2 * most + most * most
        if section > 3:
            place += 2 * LEAD_ORDER
        if section > 4:
            place += LEAD_ORDER * width
        if section > 5:
            place += most * width
        if section > 6:
            place += 2 * width
        if section > 7:
            place += 5 * width
        if section > 8:
            place += 2 * LANES * max(most, LEAD_ORDER)
    return place


@compiled
def lead_marks_size(n, m):
    """Integers of a lead."""
    return 5 + n + 2 * m if m > 0 else 0


def room_sizes(
    n: int,
    n_parameters: int,
    n_hoisted: int,
    n_second: int,
    linear: int,
    n_kept: int,
    n_work: int,
    n_lead: int,
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
    most = 2 * n_lead + 1
    lead = (n_lead * n_lead + n_lead) * (1 + -(-n_parameters // LANES) * LANES) + 1 + 2 * most + most * most
    lead += 2 * LEAD_ORDER + 2 * LANES * max(most, LEAD_ORDER)
    lead += (LEAD_ORDER + most + 7) * LANES * (n_lead + 1 + blocks * n_lead)
    return (
        doubles + n_work + 8 * blocks * n * LANES + ladder + KEPT + n_kept + 1 + lead,
        2 * DESK_SIZE + 2 * n + 2 * 8 + 2 + 4 * n + 3 + WIDE_TRAIN_INTS + 5 + n + 2 * n_lead,
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
        (LEAD, lead_place(table[N_LEAD], parameter_blocks(table), blocks, LEAD_SECTIONS)),
    ):  # fmt: skip
        desk[where] = room
        room += 8 * count
    desk[PIVOTS] = int_room
    desk[DRIVEN] = int_room + 16 * n
    desk[MARKS] = int_room + 16 * n + 8
    desk[LEAD_MARKS] = desk[MARKS] + 8 * (4 * n + 3)
    desk[COUNTS] = desk[LEAD_MARKS] + 8 * lead_marks_size(n, table[N_LEAD])
    desk[LEAD_WIDTH] = 8 * lead_width(table[N_LEAD], blocks)
    for where, section in ((LEAD_ROWS, 7), (LEAD_SHAPES, 8)):
        desk[where] = desk[LEAD] + 8 * lead_place(table[N_LEAD], parameter_blocks(table), blocks, section)
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
        carray(
            floats_at(desk[LEAD]),
            (
                lead_place(
                    table[N_LEAD],
                    parameter_blocks(table),
                    (length - table[PAD]) // (n * LANES),
                    LEAD_SECTIONS,
                ),
            ),
        ),
        carray(ints_at(desk[LEAD_MARKS]), (lead_marks_size(n, table[N_LEAD]),)),
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
