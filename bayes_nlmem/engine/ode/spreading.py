"""Doses that enter over time, at a rate that is a function of the time after their arrival.

A dose of amount F AMT that arrived at s adds F AMT g(t - s, p) to the derivative of its compartment, with the
parameters p in force at its record; all doses given so far add up. Each has a row in the tables of trains
that stays until a reset.
"""

from __future__ import annotations

import numpy as np

from bayes_nlmem.engine.ode.calls import input_bends, input_rate, input_slopes, prepare_input
from bayes_nlmem.engine.ode.compiling import compiled
from bayes_nlmem.engine.ode.desk import NEXT_STEP, SPAN, TRAINS_NOW
from bayes_nlmem.engine.ode.machine import BLOCK as BLOCK
from bayes_nlmem.engine.ode.machine import BY_F, BY_LAG, EARLIER, KEPT, PARAMETERS_AT, PEAK, SPREAD, place
from bayes_nlmem.engine.ode.model_table import LANES, N_PARAMETERS
from bayes_nlmem.engine.trains import DOSED, EVERY, FIRST, INTO, NEXT, F

# Doses of a steady state that are summed, at most.
_MOST_EARLIER = 10_000


@compiled
def _kept(floats, i):
    return floats.ctypes.data + 8 * (floats.shape[1] * i + KEPT)


@compiled
def enter(machine, i, which, p, block, inputs):
    """Make train i one of doses that enter by input rate `which` (-1: at once)."""
    table, floats, ints = machine.table, machine.train_floats, machine.train_ints
    ints[i, SPREAD] = which
    if which < 0:
        return
    ints[i, EARLIER], ints[i, BLOCK], ints[i, PARAMETERS_AT] = 0, block, p
    ints[i, BY_F], ints[i, BY_LAG] = inputs.f, inputs.lag
    prepare_input(table, p, _kept(floats, i))
    highest, span = 0.0, machine.control[SPAN]
    floats[i, PEAK] = span
    tad = 1e-7 * span
    while tad < 10.0 * span:
        height = tad * input_rate(table, which, tad, p, _kept(floats, i))
        if height > highest:
            highest = height
            floats[i, PEAK] = tad
        tad *= 1.4


@compiled
def count_earlier(machine, i, interval):
    """Doses of a steady state, before number 0 of train i, that still enter; -1 if there is no end."""
    table, floats, ints = machine.table, machine.train_floats, machine.train_ints
    entered = 0.0
    for cycle in range(_MOST_EARLIER):
        added = 0.0
        for k in range(8):
            tad = (cycle + (k + 0.5) / 8.0) * interval
            added += input_rate(table, ints[i, SPREAD], tad, ints[i, PARAMETERS_AT], _kept(floats, i))
        entered += added
        if entered > 0.0 and added < 1e-14 * entered:
            return cycle + 1
    return -1


@compiled
def begin_input(machine, z, i, inputs):
    """The jump of the sensitivity to the lag when a dose begins to enter."""
    table, floats, ints = machine.table, machine.train_floats, machine.train_ints
    if inputs.lag > 0:
        rate = input_rate(table, ints[i, SPREAD], 0.0, ints[i, PARAMETERS_AT], _kept(floats, i))
        z[place(table, inputs.lag - 1) + ints[i, INTO] * LANES] -= floats[i, F] * floats[i, DOSED] * rate
    machine.control[NEXT_STEP] = 0.0


@compiled
def pour(machine, t, nb, row):
    """Add what enters at time t to stages[row], with its sensitivities if there are blocks."""
    table, s, d = machine.table, machine.stages, machine.slopes
    floats, ints = machine.train_floats, machine.train_ints
    for i in range(machine.desk[TRAINS_NOW]):
        which = ints[i, SPREAD]
        if which < 0:
            continue
        p, kept = ints[i, PARAMETERS_AT], _kept(floats, i)
        dosed = floats[i, DOSED]
        amount, into = floats[i, F] * dosed, ints[i, INTO]
        for j in range(-ints[i, EARLIER], ints[i, NEXT]):
            tad = max(t - (floats[i, FIRST] + j * floats[i, EVERY]), 0.0)
            if nb == 0:
                s[row, into] += amount * input_rate(table, which, tad, p, kept)
                continue
            rate = input_slopes(table, which, tad, p, kept, d.ctypes.data)
            s[row, into] += amount * rate
            _spread_sensitivities(machine, i, row, into, dosed * rate, amount)


@compiled
def pour_slopes(machine, t, nb, row):
    """Add the derivative by time of what `pour` adds."""
    table, s, d = machine.table, machine.stages, machine.slopes
    floats, ints = machine.train_floats, machine.train_ints
    for i in range(machine.desk[TRAINS_NOW]):
        which = ints[i, SPREAD]
        if which < 0:
            continue
        p, kept = ints[i, PARAMETERS_AT], _kept(floats, i)
        dosed = floats[i, DOSED]
        amount, into = floats[i, F] * dosed, ints[i, INTO]
        for j in range(-ints[i, EARLIER], ints[i, NEXT]):
            tad = max(t - (floats[i, FIRST] + j * floats[i, EVERY]), 0.0)
            slope = input_bends(table, which, tad, p, kept, d.ctypes.data)
            s[row, into] += amount * slope
            if nb > 0:
                _spread_sensitivities(machine, i, row, into, dosed * slope, amount)


@compiled
def _spread_sensitivities(machine, i, row, into, by_f, amount):
    """Add the sensitivities of one dose: machine.slopes has the derivatives by time and parameters."""
    table, s, d, ints = machine.table, machine.stages, machine.slopes, machine.train_ints
    offset = into * LANES
    if ints[i, BY_F] > 0:
        s[row, place(table, ints[i, BY_F] - 1) + offset] += by_f
    if ints[i, BY_LAG] > 0:
        s[row, place(table, ints[i, BY_LAG] - 1) + offset] -= amount * d[0]
    if ints[i, BLOCK] >= 0:
        for m in range(table[N_PARAMETERS]):
            if d[1 + m] != 0.0:
                s[row, place(table, ints[i, BLOCK] * LANES + m) + offset] += amount * d[1 + m]


@compiled
def longest_step(machine, t):
    """A step that does not miss what is entering: a fraction of the time of its peak until that is over."""
    floats, ints = machine.train_floats, machine.train_ints
    longest = np.inf
    for i in range(machine.desk[TRAINS_NOW]):
        if ints[i, SPREAD] < 0 or ints[i, NEXT] <= -ints[i, EARLIER]:
            continue
        tad = t - (floats[i, FIRST] + (ints[i, NEXT] - 1) * floats[i, EVERY])
        if tad < 3.0 * floats[i, PEAK]:
            longest = min(longest, 0.2 * floats[i, PEAK])
    return longest
