"""What a dose does to a state and its sensitivities at the moment it arrives or ends.

A jump of the state from y- to y+ at a time s(x) adds (f(y-) - f(y+)) ds/dx to the sensitivity to x: the later
it comes, the longer the old slope holds. The same formulas as in `engine.doses`, with f instead of the linear
system.
"""

from __future__ import annotations

from bayes_nlmem.engine.doses import inputs_of
from bayes_nlmem.engine.ode.calls import rates
from bayes_nlmem.engine.ode.compiling import compiled
from bayes_nlmem.engine.ode.desk import HELD, NEXT_STEP, TRIAL
from bayes_nlmem.engine.ode.machine import SPREAD, place, size, weigh
from bayes_nlmem.engine.ode.model_table import LANES, PAD, N
from bayes_nlmem.engine.ode.spreading import begin_input
from bayes_nlmem.engine.trains import ENDING, LAST, NEXT, RECORD, _dose


@compiled
def add(table, z, column, comp, amount):
    """Add to a compartment in one column of sensitivities (numbered from 1)."""
    z[place(table, column - 1) + comp * LANES] += amount


@compiled
def _slope_to(machine, z, p, t, row):
    s = machine.stages
    rates(
        machine.table, t, z.ctypes.data, p, machine.q.ctypes.data, machine.forcing.ctypes.data,
        s.ctypes.data + 8 * s.shape[1] * row,
    )  # fmt: skip


@compiled
def start(machine, z, p, t, dose, inputs):
    """A bolus, or the jump of the sensitivities when an infusion starts."""
    table, s = machine.table, machine.stages
    if dose.infused:
        if inputs.lag > 0:
            add(table, z, inputs.lag, dose.comp, -dose.rate)
        return
    delayed = inputs.lag > 0 or (dose.collapsed and inputs.d > 0)
    if delayed:
        _slope_to(machine, z, p, t, HELD)
    z[dose.comp] += dose.f * dose.amt
    if inputs.f > 0:
        add(table, z, inputs.f, dose.comp, dose.amt)
    if delayed:
        _slope_to(machine, z, p, t, TRIAL)
        for i in range(table[N]):
            jump = s[HELD, i] - s[TRIAL, i]
            if inputs.lag > 0:
                add(table, z, inputs.lag, i, jump)
            if dose.collapsed and inputs.d > 0:
                add(table, z, inputs.d, i, 0.5 * jump)
    weigh(machine, z)
    machine.control[NEXT_STEP] = 0.0


@compiled
def finish(machine, z, dose, inputs):
    """The jumps of the sensitivities when an infusion ends."""
    table = machine.table
    if inputs.f > 0:
        add(table, z, inputs.f, dose.comp, dose.rate * dose.end_f)
    if inputs.lag > 0:
        add(table, z, inputs.lag, dose.comp, dose.rate)
    if inputs.d > 0:
        add(table, z, inputs.d, dose.comp, dose.rate * dose.end_d)
    if inputs.r > 0:
        add(table, z, inputs.r, dose.comp, dose.rate * dose.end_r)


@compiled
def run(machine, dose, inputs, count):
    """Let `count` equal infusions flow."""
    table, forcing = machine.table, machine.forcing
    forcing[dose.comp] += count * dose.rate
    if inputs.f > 0 and dose.rate_f != 0.0:
        add(table, forcing, inputs.f, dose.comp, count * dose.rate_f)
        machine.driven[0] = 1
    if inputs.d > 0 and dose.rate_d != 0.0:
        add(table, forcing, inputs.d, dose.comp, count * dose.rate_d)
        machine.driven[0] = 1
    if inputs.r > 0 and dose.rate_r != 0.0:
        add(table, forcing, inputs.r, dose.comp, count * dose.rate_r)
        machine.driven[0] = 1
    machine.control[NEXT_STEP] = 0.0


@compiled
def still(machine, nb):
    """Switch every input off."""
    end = size(machine.table, nb) if machine.driven[0] != 0 else machine.table[PAD]
    for i in range(end):
        machine.forcing[i] = 0.0
    machine.driven[0] = 0
    machine.control[NEXT_STEP] = 0.0


@compiled
def happen(machine, z, p, t, floats, ints, n_trains, which, is_end, records, nb, sensitive):
    """Let one arrival or end of a train happen; returns the number of trains left."""
    dose = _dose(floats, ints, which)
    inputs = inputs_of(records, ints[which, RECORD], sensitive)
    if is_end:
        finish(machine, z, dose, inputs)
        ints[which, ENDING] += 1
    else:
        if ints[which, SPREAD] >= 0:
            begin_input(machine, z, which, inputs)
        else:
            start(machine, z, p, t, dose, inputs)
        ints[which, NEXT] += 1
        if not dose.infused:
            ints[which, ENDING] += 1
    done = ints[which, NEXT] > ints[which, LAST] and ints[which, ENDING] == ints[which, NEXT]
    if done and ints[which, SPREAD] < 0:
        n_trains -= 1
        for i in range(floats.shape[1]):
            floats[which, i] = floats[n_trains, i]
        for i in range(ints.shape[1]):
            ints[which, i] = ints[n_trains, i]
    if dose.infused:
        flow(machine, floats, ints, n_trains, records, nb, sensitive)
    return n_trains


@compiled
def flow(machine, floats, ints, n_trains, records, nb, sensitive):
    """Inputs as the sum over the running infusions: exactly zero when none runs."""
    still(machine, nb)
    for i in range(n_trains):
        count = ints[i, NEXT] - ints[i, ENDING]
        if count > 0:
            run(machine, _dose(floats, ints, i), inputs_of(records, ints[i, RECORD], sensitive), float(count))
