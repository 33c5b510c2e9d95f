"""Where everything lies: the numbering of the desk, of what controls the steps, and of the rows of work."""

from __future__ import annotations

# The desk: addresses, then sizes, then what is handed back.
(
    TABLE, FORCING, DRIVEN, SCALE, Q, STAGES, SECOND, JAC, LU, PIVOTS, CONTROL, COUNTS, SLOPES, LOCAL, SPARE,
    VECTOR, WEIGHTS, PHI, RECORD_FLOATS, RECORD_INTS, COLUMNS, REQUESTS, VALUES, SENS, LENGTH, N_SLOPES,
    N_ROWS, N_PHI, N_RECORDS, N_COLUMNS, N_REQUESTS, N_PAIRS, FIRST_COLUMN, SENSITIVE, NEXT_RECORD,
    ALL_FINITE, TRAIN_FLOATS, TRAIN_INTS, MOST_TRAINS, TRAINS_NOW, WORK, LADDER, MARKS,
    ALONE,
    LEAD, LEAD_WIDTH, LEAD_COUNT, LEAD_NODES, LEAD_TERMS, LEAD_ROWS, LEAD_SHAPES, LEAD_MARKS,
) = range(52)  # fmt: skip
DESK_SIZE = 52
# ALONE: nothing but parameters has columns in their blocks (the last one may have room for those of a dose).
# LEAD: memory of the linear lead (see `lead`), in it the sum in use - number of terms, nodes, terms -, the
# rows of the stages, and the functions of time; LEAD_WIDTH: bytes of a row.

# Control: relative tolerance, absolute tolerance (share of the scale), smallest scale, next step (0 =
# unknown), steps left, logarithm (to base 2) of the previous error, solver, largest time of the subject,
# time and size of the step that is tried, size that was proposed; where this stretch ends; time before which
# a step must end that is not to be looked at; beginning of the sum for the lead, and to when it is known;
# the absolute tolerance of a second attempt; steps that the subject was given, and those that were refused.
(
    RELATIVE, ABSOLUTE, FLOOR, NEXT_STEP, STEPS_LEFT, BEFORE, SOLVER, SPAN, TIME, STEP, PROPOSED, UNTIL,
    LIMIT, LEAD_TIME, LEAD_END, COARSE, STEPS_GIVEN, REFUSALS,
) = range(18)  # fmt: skip
N_CONTROL = 18
EXPLICIT, STIFF, EXPONENTIAL = range(3)
STEPS, REFUSED = range(2)

# Rows of stages.
TRIAL, HELD, NEW, BY_TIME, BETWEEN = 8, 9, 10, 11, 12
# Inputs at the stages of a step while doses enter by a rate; as many rows as stages have different times.
INPUTS = 13
# The constant part of a linear system, whose series has its terms in the first rows; zeros.
CONSTANT, NOTHING = 25, 26
N_STAGES = 27

# Control of the step: the next is SAFETY before^BY_BEFORE error^-BY_ERROR times as long, within limits.
SAFETY, BY_ERROR, BY_BEFORE, LEAST_GROWTH, MOST_GROWTH = 0.93, 0.17, 0.04, 0.2, 5.0
# Logarithms (to base 2) of the smallest error that counts (1e-10), and of the smallest one that counts as the
# previous one (1e-4).
LOG_SMALLEST, LOG_TYPICAL = -33.219280948873624, -13.287712379549449
# What a step returns after the last that was allowed.
NOTHING_TRIED = -1.0
# The last stages have the same time and share their inputs.
LAST_INPUTS = 5
