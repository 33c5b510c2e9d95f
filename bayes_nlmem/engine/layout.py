"""Where things stand in the integer and float tables that a plan hands to the kernels."""

from __future__ import annotations

# Float table of the records, one row per record.
TIME, AMT, RATE, II = range(4)
N_RECORD_FLOATS = 4

# Integer table of the records. COMP: compartment of the dose (0.. disposition, n = depot). ROW governs
# the interval that ends at the record, ROW_AT the dose given at it. KINETIC, KINETIC_AT: first state row
# with sensitivities to the kinetic parameters of ROW and ROW_AT (0 = none). S_x: state row with the
# sensitivity to input x of this dose (0 = none); PHI_x: column of phi that holds input x (-1 = none).
# ACTIVE: sensitivity rows in use after the record.
(
    EVID, ADDL, SS, COMP, ROW, ROW_AT, KINETIC, KINETIC_AT,
    S_F, S_ALAG, S_D, S_R, PHI_F, PHI_ALAG, PHI_D, PHI_R, ACTIVE, ASKED, ASKED_END,
) = range(19)  # fmt: skip
N_RECORD_INTS = 19

# Integer table of the subjects.
FIRST_RECORD, END_RECORD, FIRST_COLUMN, N_COLUMNS = range(4)
N_SUBJECT_INTS = 4

# Integer table of the sensitivity columns (subject by subject): the subject's how-many-th parameter row,
# column of phi.
SLOT, PARAMETER = range(2)

# Integer table of the requests, sorted by record: compartment asked for, place in the answer, first pair,
# pairs.
ASKED_COMP, PLACE, FIRST_PAIR, N_PAIRS = range(4)
N_REQUEST_INTS = 4

# Integer table of the pairs (request, parameter row it depends on).
PAIR_PLACE, PAIR_ROW = range(2)


# Times closer than this share of the subject's largest time are the same time (pending doses then come
# first).
SAME_TIME = 1e-12

# What a status means.
FINE = 0
NOT_FINITE_INPUT = 1
BAD_DOSE_INPUT = 2
NOT_FINITE_RESULT = 3
TOO_MANY_STEPS = 4
STEP_TOO_SMALL = 5
NO_STEADY_STATE = 6

MEANING = {
    FINE: "solved",
    NOT_FINITE_INPUT: "a kinetic parameter is not finite or negative",
    BAD_DOSE_INPUT: "ALAG, D, R or F of a dose is not finite or out of range (ALAG >= 0, D >= 0, R > 0)",
    NOT_FINITE_RESULT: "no finite solution (steady state without elimination, or overflow)",
    TOO_MANY_STEPS: "the equations need more steps than the tolerances allow",
    STEP_TOO_SMALL: "the equations cannot be followed: a rate is not finite, or changes without end",
    NO_STEADY_STATE: "the equations have no steady state under this dosing, or it was not found",
}
