"""Doses under way: one train per dose record that still has a dose to come or an infusion to end.

Dose j of a train arrives at ``first + j * every`` (a product, never a running sum) and, if infused, ends
``duration`` later. Doses before 0 are the earlier infusions of a steady state that still run. A train is
one row of two tables.
"""

from __future__ import annotations

import numpy as np
from numba import int64

from bayes_nlmem.engine.doses import Dose, finish, inputs_of, run, start, still
from bayes_nlmem.engine.parts import inner_part, part

# Floats: arrival of dose 0, interval, then the floats of the dose.
FIRST, EVERY, F, DOSED, DURATION, FLOW, END_F, END_D, END_R, FLOW_F, FLOW_D, FLOW_R = range(12)
N_TRAIN_FLOATS = 12
# Integers: record, next dose to arrive, last dose, next infusion to end, compartment, infused, collapsed.
RECORD, NEXT, LAST, ENDING, INTO, INFUSED, COLLAPSED = range(7)
N_TRAIN_INTS = 7


@part
def put(floats, ints, i, record, dose, first, every, following, last, ending):
    """Write train i."""
    floats[i, FIRST] = first
    floats[i, EVERY] = every
    floats[i, F] = dose.f
    floats[i, DOSED] = dose.amt
    floats[i, DURATION] = dose.duration
    floats[i, FLOW] = dose.rate
    floats[i, END_F] = dose.end_f
    floats[i, END_D] = dose.end_d
    floats[i, END_R] = dose.end_r
    floats[i, FLOW_F] = dose.rate_f
    floats[i, FLOW_D] = dose.rate_d
    floats[i, FLOW_R] = dose.rate_r
    ints[i, RECORD] = record
    ints[i, NEXT] = following
    ints[i, LAST] = last
    ints[i, ENDING] = ending
    ints[i, INTO] = dose.comp
    ints[i, INFUSED] = 1 if dose.infused else 0
    ints[i, COLLAPSED] = 1 if dose.collapsed else 0


@inner_part
def _dose(floats, ints, i):
    return Dose(
        ints[i, INTO], floats[i, F], floats[i, DOSED], 0.0, ints[i, INFUSED] == 1, ints[i, COLLAPSED] == 1,
        floats[i, DURATION], floats[i, FLOW], floats[i, END_F], floats[i, END_D], floats[i, END_R],
        floats[i, FLOW_F], floats[i, FLOW_D], floats[i, FLOW_R],
    )  # fmt: skip


@inner_part
def next_event(floats, ints, n_trains):
    """(time, train, whether it is an end) of what happens first; infinity when nothing does."""
    time, which, is_end = np.inf, int64(-1), False
    for i in range(n_trains):
        if ints[i, ENDING] < ints[i, NEXT]:
            end = floats[i, FIRST] + ints[i, ENDING] * floats[i, EVERY] + floats[i, DURATION]
            if end < time:
                time, which, is_end = end, i, True
        if ints[i, NEXT] <= ints[i, LAST]:
            arrival = floats[i, FIRST] + ints[i, NEXT] * floats[i, EVERY]
            if arrival < time:
                time, which, is_end = arrival, i, False
    return time, which, is_end


@inner_part
def happen(machine, floats, ints, n_trains, which, is_end, records, n_rows, sensitive, dims):
    """Let one arrival or end happen; returns the number of trains left."""
    dose = _dose(floats, ints, which)
    inputs = inputs_of(records, ints[which, RECORD], sensitive)
    if is_end:
        finish(machine, dose, inputs, dims)
        ints[which, ENDING] += 1
    else:
        start(machine, dose, inputs, dims)
        ints[which, NEXT] += 1
        if not dose.infused:
            ints[which, ENDING] += 1
    if ints[which, NEXT] > ints[which, LAST] and ints[which, ENDING] == ints[which, NEXT]:
        n_trains -= 1
        for c in range(N_TRAIN_FLOATS):
            floats[which, c] = floats[n_trains, c]
        for c in range(N_TRAIN_INTS):
            ints[which, c] = ints[n_trains, c]
    if dose.infused:
        flow(machine, floats, ints, n_trains, records, n_rows, sensitive)
    return n_trains


@part
def flow(machine, floats, ints, n_trains, records, n_rows, sensitive):
    """Inputs as the sum over the running infusions: exactly zero when none runs."""
    still(machine, n_rows)
    for i in range(n_trains):
        count = ints[i, NEXT] - ints[i, ENDING]
        if count > 0:
            run(machine, _dose(floats, ints, i), inputs_of(records, ints[i, RECORD], sensitive), float(count))
