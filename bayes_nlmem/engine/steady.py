"""Exact steady state: the periodic solution z = E z + b of one dosing cycle, with its sensitivities.

One cycle [0, II) is run from zero, with the infusions that overlap from earlier cycles: b. (I - E) z = b
is triangular (depot first, then each mode by itself). The cycle is run again from z without
sensitivities: c; then (I - E) s = c for each of them. Never a truncated train of pulses.

The machine has the rows: state; kinetic parameters in force; F, ALAG, D, R of the dose.
"""

from __future__ import annotations

import numpy as np
from numba import int64

from bayes_nlmem.engine.advance import N_WORK_ROWS, advance
from bayes_nlmem.engine.doses import Inputs, empty, finish, run, start, still
from bayes_nlmem.engine.exponentials import pair
from bayes_nlmem.engine.parts import part

# An infusion that outlasts more dosing intervals than this has no usable steady state.
MOST_OVERLAPS = 1_000_000.0


@part
def overlap(phase, duration, interval):
    """Infusions still running at phase 0 from earlier cycles, and the phase in (0, II] at which one ends."""
    cycles = (phase + duration) / interval
    if not cycles < MOST_OVERLAPS:
        return int64(-1), 0.0
    whole = np.floor(cycles)
    end = phase + duration - whole * interval
    close = 1e-12 * interval * (1.0 + whole)
    if whole >= 1.0 and end <= close:
        return int64(whole) - 1, interval
    if interval - end <= close:
        return int64(whole), interval
    return int64(whole), end


@part
def _one_cycle(
    machine, n_rows, kinetic, inputs, depot, sensitive, dose, phase, end, before, interval, dims
):  # fmt: skip
    still(machine, n_rows)
    if not dose.infused:
        advance(machine, n_rows, kinetic, depot, sensitive, phase, dims)
        start(machine, dose, inputs, dims)
        advance(machine, n_rows, kinetic, depot, sensitive, interval - phase, dims)
        return
    now = 0.0
    flowing = before
    for step in range(3):
        if flowing > 0:
            run(machine, dose, inputs, float(flowing))
        starts = (step == 0) == (phase <= end)
        until = interval if step == 2 else (phase if starts else end)
        advance(machine, n_rows, kinetic, depot, sensitive, until - now, dims)
        now = until
        still(machine, n_rows)
        if step < 2 and starts:
            start(machine, dose, inputs, dims)
            flowing += 1
        elif step < 2:
            finish(machine, dose, inputs, dims)
            flowing -= 1


@part
def _close(machine, row, depot, interval, dims):
    """Solve (I - E) z = b in place for one row; what nothing entered stays 0."""
    n = len(dims)
    state, basis = machine.state, machine.basis
    ka = basis[0, n]
    if depot and state[row, n] != 0.0:
        state[row, n] /= -np.expm1(-ka * interval)
        ea = np.exp(-ka * interval)
        for j in range(n):
            rate = basis[0, j]
            flow = ka * basis[1 + j, 0] * pair(rate, np.exp(-rate * interval), ka, ea, interval)
            state[row, j] += flow * state[row, n]
    for j in range(n):
        if state[row, j] != 0.0:
            state[row, j] /= -np.expm1(-basis[0, j] * interval)


@part
def periodic_state(machine, n_kinetic, depot, dose, phase, end, before, interval, dims):
    """State at phase 0 of the cycle and its sensitivities; n_kinetic = 0 asks for the values only."""
    n = len(dims)
    state = machine.state
    sensitive = n_kinetic > 0
    n_rows = int64(1)
    if sensitive:
        n_rows += n_kinetic + 4
    empty(state, n_rows)
    inputs, none = Inputs(1 + n_kinetic, 2 + n_kinetic, 3 + n_kinetic, 4 + n_kinetic), int64(0)
    no_inputs = Inputs(none, none, none, none)
    _one_cycle(machine, int64(1), none, no_inputs, depot, sensitive, dose, phase, end, before, interval, dims)
    _close(machine, none, depot, interval, dims)
    if not sensitive:
        return
    kept = machine.work[N_WORK_ROWS]
    for j in range(n + 1):
        kept[j] = state[0, j]
    _one_cycle(machine, n_rows, int64(1), inputs, depot, sensitive, dose, phase, end, before, interval, dims)
    for j in range(n + 1):
        state[0, j] = kept[j]
    for i in range(int64(1), n_rows):
        _close(machine, i, depot, interval, dims)


@part
def constant_state(machine, n_kinetic, depot, dose, dims):
    """State under an infusion that has run for ever, -A^-1 r, and its sensitivities (to R, not to F)."""
    n = len(dims)
    state, basis = machine.state, machine.basis
    n_rows = int64(1)
    if n_kinetic > 0:
        n_rows += n_kinetic + 4
    empty(state, n_rows)
    into_depot = dose.comp == n
    if into_depot:
        state[0, n] = dose.rate / basis[0, n]
    for j in range(n):
        state[0, j] = dose.rate * basis[1 + j, 0 if into_depot else dose.comp] / basis[0, j]
    if n_kinetic == 0:
        return
    for q in range(2 * n - 1):
        u, v = 1 + 2 * n + 2 * q, 2 + 2 * n + 2 * q
        seen = 0.0
        for k in range(n):
            seen += basis[v, k] * state[0, k]
        for j in range(n):
            state[1 + q, j] = -basis[u, j] * seen / basis[0, j]
    if into_depot:
        state[2 * n, n] = -state[0, n] / basis[0, n]
    if dose.rate_r != 0.0:
        for j in range(n + 1):
            state[4 + n_kinetic, j] = state[0, j] / dose.rate
