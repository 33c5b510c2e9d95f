"""What a dose does to the state and to its sensitivities.

A bolus b = F AMT arriving at time s adds b to its compartment, AMT to the sensitivity to F and -A b to
the sensitivity to ALAG (A the system matrix: the later it comes, the less has happened to it). An
infusion adds its rate r at its start (sensitivity to ALAG: -r) and takes it away at its end (sensitivity
to x: r d(end)/dx).
"""

from __future__ import annotations

from collections import namedtuple

import numpy as np
from numba import int64

from bayes_nlmem.engine import layout as at
from bayes_nlmem.engine.parts import inner_part, part

# One dose with its inputs: amounts (f * amt), whether it is infused, whether a modelled duration of 0
# made it a bolus; duration and rate of the infusion and their derivatives.
Dose = namedtuple(
    "Dose",
    "comp f amt lag infused collapsed duration rate end_f end_d end_r rate_f rate_d rate_r",
)

# Rows of the state with the sensitivities to the inputs of one dose (0 = none).
Inputs = namedtuple("Inputs", "f lag d r")


@inner_part
def read_dose(phi, floats, ints, r):
    """(sound, dose): the dose at record r with its inputs from the parameters."""
    row = ints[r, at.ROW_AT]
    f, lag = 1.0, 0.0
    if ints[r, at.PHI_F] >= 0:
        f = phi[row, ints[r, at.PHI_F]]
    if ints[r, at.PHI_ALAG] >= 0:
        lag = phi[row, ints[r, at.PHI_ALAG]]
    amt, asked = floats[r, at.AMT], floats[r, at.RATE]
    sound = np.isfinite(f) and np.isfinite(lag) and lag >= 0.0
    infused, collapsed, duration, rate = asked != 0.0, False, 0.0, 0.0
    end_f, end_d, end_r, rate_f, rate_d, rate_r = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    if asked > 0.0:
        rate = asked
        duration = f * amt / rate
        end_f = amt / rate
    elif asked == -1.0:
        rate = phi[row, ints[r, at.PHI_R]]
        sound = sound and rate > 0.0
        duration = f * amt / rate
        end_f = amt / rate
        end_r = -duration / rate
        rate_r = 1.0
    elif asked == -2.0:
        duration = phi[row, ints[r, at.PHI_D]]
        if duration == 0.0:
            collapsed = True
            infused = False
        else:
            rate = f * amt / duration
            end_d = 1.0
            rate_f = amt / duration
            rate_d = -rate / duration
    sound = sound and duration >= 0.0 and np.isfinite(duration) and np.isfinite(rate)
    comp = ints[r, at.COMP]
    return sound, Dose(
        comp, f, amt, lag, infused, collapsed, duration, rate, end_f, end_d, end_r, rate_f, rate_d, rate_r
    )


@inner_part
def inputs_of(ints, r, sensitive):
    """Rows of the sensitivities to the inputs of the dose at record r."""
    if sensitive:
        return Inputs(ints[r, at.S_F], ints[r, at.S_ALAG], ints[r, at.S_D], ints[r, at.S_R])
    return Inputs(int64(0), int64(0), int64(0), int64(0))


@inner_part
def add(state, row, basis, comp, amount, dims):
    """Add an amount to a compartment, in one row of the state."""
    n = len(dims)
    if comp == n:
        state[row, n] += amount
    else:
        for j in range(n):
            state[row, j] += amount * basis[1 + j, comp]


@part
def add_delay(state, row, basis, comp, amount, dims):
    """Add -A b for an amount b in a compartment: the effect per unit of delay of its arrival."""
    n = len(dims)
    if comp == n:
        flow = basis[0, n] * amount
        state[row, n] += flow
        for j in range(n):
            state[row, j] -= flow * basis[1 + j, 0]
    else:
        for j in range(n):
            state[row, j] += amount * basis[0, j] * basis[1 + j, comp]


@inner_part
def start(machine, dose, inputs, dims):
    """A bolus, or the jump of the sensitivities when an infusion starts."""
    state, basis = machine.state, machine.basis
    if dose.infused:
        if inputs.lag > 0:
            add(state, inputs.lag, basis, dose.comp, -dose.rate, dims)
        return
    amount = dose.f * dose.amt
    add(state, 0, basis, dose.comp, amount, dims)
    if inputs.f > 0:
        add(state, inputs.f, basis, dose.comp, dose.amt, dims)
    if inputs.lag > 0:
        add_delay(state, inputs.lag, basis, dose.comp, amount, dims)
    if dose.collapsed and inputs.d > 0:
        add_delay(state, inputs.d, basis, dose.comp, 0.5 * amount, dims)


@part
def finish(machine, dose, inputs, dims):
    """The jumps of the sensitivities when an infusion ends."""
    state, basis = machine.state, machine.basis
    if inputs.f > 0:
        add(state, inputs.f, basis, dose.comp, dose.rate * dose.end_f, dims)
    if inputs.lag > 0:
        add(state, inputs.lag, basis, dose.comp, dose.rate, dims)
    if inputs.d > 0:
        add(state, inputs.d, basis, dose.comp, dose.rate * dose.end_d, dims)
    if inputs.r > 0:
        add(state, inputs.r, basis, dose.comp, dose.rate * dose.end_r, dims)


@part
def run(machine, dose, inputs, count):
    """Let `count` equal infusions flow."""
    rates, driven = machine.rates, machine.driven
    rates[0, dose.comp] += count * dose.rate
    driven[0] = 1
    if inputs.f > 0 and dose.rate_f != 0.0:
        rates[inputs.f, dose.comp] += count * dose.rate_f
        driven[inputs.f] = 1
    if inputs.d > 0 and dose.rate_d != 0.0:
        rates[inputs.d, dose.comp] += count * dose.rate_d
        driven[inputs.d] = 1
    if inputs.r > 0 and dose.rate_r != 0.0:
        rates[inputs.r, dose.comp] += count * dose.rate_r
        driven[inputs.r] = 1


@inner_part
def still(machine, n_rows):
    """Switch every input off."""
    rates, driven = machine.rates, machine.driven
    for i in range(n_rows):
        if driven[i] != 0:
            driven[i] = 0
            for c in range(rates.shape[1]):
                rates[i, c] = 0.0


@inner_part
def empty(state, n_rows):
    """Take everything out of the first `n_rows` rows."""
    for i in range(n_rows):
        for c in range(state.shape[1]):
            state[i, c] = 0.0


@inner_part
def move(state, to, n_rows):
    """Copy the first `n_rows` rows of a state."""
    for i in range(n_rows):
        for c in range(state.shape[1]):
            to[i, c] = state[i, c]
