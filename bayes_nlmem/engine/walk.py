"""The walk: every subject's records once, from event to event, carrying amounts and sensitivities."""

from __future__ import annotations

import numpy as np
from numba import njit

from bayes_nlmem.engine import layout as at
from bayes_nlmem.engine.advance import N_WORK_ROWS, Machine, advance
from bayes_nlmem.engine.doses import inputs_of, read_dose, start, still
from bayes_nlmem.engine.modes import change_modes, find_modes, in_amounts, n_basis_rows
from bayes_nlmem.engine.steady import constant_state, overlap, periodic_state
from bayes_nlmem.engine.trains import N_TRAIN_FLOATS, N_TRAIN_INTS, flow, happen, next_event, put

# Times closer than this share of the subject's largest time are the same time (pending doses then come first).
SAME_TIME = 1e-12


@njit(error_model="numpy", nogil=True)
def _usable(phi, row, n_kinetic):
    for p in range(n_kinetic):
        if not (np.isfinite(phi[row, p]) and phi[row, p] >= 0.0):
            return False
    return True


@njit(error_model="numpy", nogil=True)
def _largest_time(floats, first, end):
    largest = 0.0
    for r in range(first, end):
        largest = max(largest, abs(floats[r, at.TIME]), floats[r, at.II])
    return largest


@njit(error_model="numpy", nogil=True)
def _take_over(machine, cycle, n_kinetic, kinetic, inputs, comps):
    """Add a steady state and its sensitivities to the subject's."""
    state, new = machine.state, cycle.state
    for c in range(comps):
        state[0, c] += new[0, c]
        if kinetic > 0:
            for q in range(n_kinetic):
                state[kinetic + q, c] += new[1 + q, c]
            for row, at_row in (
                (inputs.f, 1 + n_kinetic),
                (inputs.lag, 2 + n_kinetic),
                (inputs.d, 3 + n_kinetic),
                (inputs.r, 4 + n_kinetic),
            ):
                if row > 0:
                    state[row, c] += new[at_row, c]


@njit(error_model="numpy", nogil=True)
def _give(machine, cycle, t_floats, t_ints, n_trains, phi, floats, ints, r, n_rows, n_kinetic, depot, sensitive, dims):
    """The dose at record r, steady state first; returns (fault, trains)."""
    n = len(dims)
    time, interval, ss = floats[r, at.TIME], floats[r, at.II], ints[r, at.SS]
    sound, dose = read_dose(phi, floats, ints, r)
    if not sound:
        return at.BAD_DOSE_INPUT, n_trains
    inputs = inputs_of(ints, r, sensitive)
    lag, before = dose.lag, 0
    if ss > 0:
        kinetic = ints[r, at.KINETIC_AT] if sensitive else 0
        if ss != 2:
            machine.state[:n_rows] = 0.0
            n_trains = 0
        if interval > 0.0:
            lag = dose.lag % interval
            end = 0.0
            if dose.infused:
                before, end = overlap(lag, dose.duration, interval)
                if before < 0:
                    return at.NOT_FINITE_RESULT, n_trains
            periodic_state(
                cycle, n_kinetic if kinetic > 0 else 0, depot, dose, lag, end, before, interval, dims
            )
        else:
            constant_state(cycle, n_kinetic if kinetic > 0 else 0, depot, dose, dims)
        _take_over(machine, cycle, n_kinetic, kinetic, inputs, n + 1)
        if interval == 0.0:
            flow(machine, t_floats, t_ints, n_trains, ints, n_rows, sensitive)
            return at.FINE, n_trains
    following, last = 0, ints[r, at.ADDL]
    if lag == 0.0:
        start(machine, dose, inputs, dims)
        following = 1
    ending = -before if dose.infused else following
    if following <= last or ending < following:
        put(t_floats, t_ints, n_trains, r, dose, time + lag, interval, following, last, ending)
        n_trains += 1
    if dose.infused or ss > 0:
        flow(machine, t_floats, t_ints, n_trains, ints, n_rows, sensitive)
    return at.FINE, n_trains


@njit(error_model="numpy", nogil=True)
def _answer(machine, answer, sens, requests, columns, first_column, ints, r, n_rows, dims):
    """Write the amounts asked for at record r and their sensitivities; false if one is not finite."""
    finite = True
    state, basis = machine.state, machine.basis
    for q in range(ints[r, at.ASKED], ints[r, at.ASKED_END]):
        comp, pairs = requests[q, at.ASKED_COMP], requests[q, at.FIRST_PAIR]
        value = in_amounts(state, 0, basis, comp, dims)
        answer[requests[q, at.PLACE]] = value
        finite = finite and np.isfinite(value)
        for c in range(n_rows - 1):
            slope = in_amounts(state, 1 + c, basis, comp, dims)
            column = first_column + c
            sens[pairs + columns[column, at.SLOT], columns[column, at.PARAMETER]] = slope
            finite = finite and np.isfinite(slope)
    return finite


@njit(error_model="numpy", nogil=True)
def _blank(answer, sens, requests, ints, first, end, sensitive):
    """No numbers for a subject that could not be solved."""
    for r in range(first, end):
        for q in range(ints[r, at.ASKED], ints[r, at.ASKED_END]):
            answer[requests[q, at.PLACE]] = np.nan
            if sensitive:
                pairs = requests[q, at.FIRST_PAIR]
                sens[pairs : pairs + requests[q, at.N_PAIRS]] = np.nan


@njit(error_model="numpy", nogil=True)
def _subject(machine, cycle, t_floats, t_ints, phi, floats, ints, columns, requests, subject, depot, sensitive,
             answer, sens, dims):  # fmt: skip
    """Walk one subject; returns its fault."""
    n = len(dims)
    n_kinetic = 2 * n - 1 + (1 if depot else 0)
    first, end, first_column = subject[at.FIRST_RECORD], subject[at.END_RECORD], subject[at.FIRST_COLUMN]
    n_rows = 1 + (subject[at.N_COLUMNS] if sensitive else 0)
    state, basis, work = machine.state, machine.basis, machine.work
    state[:n_rows] = 0.0
    still(machine, n_rows)
    n_trains, current, now = 0, -1, 0.0
    close = SAME_TIME * _largest_time(floats, first, end)
    finite = True

    for r in range(first, end):
        time, evid = floats[r, at.TIME], ints[r, at.EVID]
        if sensitive:
            n_rows = 1 + ints[r, at.ACTIVE]
        if evid >= 3:
            state[:n_rows] = 0.0
            still(machine, n_rows)
            n_trains = 0
        if evid >= 3 or r == first:
            now = time
        for stage in range(2):
            row = ints[r, at.ROW if stage == 0 else at.ROW_AT]
            if row != current and (stage == 0 or ints[r, at.SS] > 0):
                if not _usable(phi, row, n_kinetic):
                    return at.NOT_FINITE_INPUT
                if current < 0:
                    find_modes(phi[row], depot, basis, work, dims)
                else:
                    change_modes(state, n_rows, phi[row], depot, basis, work, dims)
                current = row
            if stage == 0:
                kinetic = ints[r, at.KINETIC] if sensitive else 0
                while n_trains > 0:
                    event, which, is_end = next_event(t_floats, t_ints, n_trains)
                    if not event <= time + close:
                        break
                    event = min(event, time)
                    advance(machine, n_rows, kinetic, depot, event - now, dims)
                    now = max(now, event)
                    n_trains = happen(
                        machine, t_floats, t_ints, n_trains, which, is_end, ints, n_rows, sensitive, dims
                    )
                advance(machine, n_rows, kinetic, depot, time - now, dims)
                now = time
        if evid == 1 or evid == 4:
            fault, n_trains = _give(
                machine, cycle, t_floats, t_ints, n_trains, phi, floats, ints, r, n_rows, n_kinetic, depot,
                sensitive, dims,
            )  # fmt: skip
            if fault != at.FINE:
                return fault
        if ints[r, at.ASKED] < ints[r, at.ASKED_END]:
            finite = _answer(machine, answer, sens, requests, columns, first_column, ints, r, n_rows, dims) and finite
    return at.FINE if finite else at.NOT_FINITE_RESULT


@njit(error_model="numpy", nogil=True, cache=True)
def walk(phi, floats, ints, subjects, columns, requests, n_pairs, depot, sensitive, dims):
    """Amounts at the requests, their derivatives by pair (request, parameter row), and a status per subject.

    `dims` is a tuple of as many zeros as there are disposition compartments: its type fixes the loops' lengths.
    """
    n = len(dims)
    n_subjects = subjects.shape[0]
    answer = np.full(requests.shape[0], np.nan)
    sens = np.zeros((n_pairs if sensitive else 0, phi.shape[1]))
    status = np.zeros(n_subjects, np.int64)
    most_rows, most_records = 1, 0
    for s in range(n_subjects):
        if sensitive:
            most_rows = max(most_rows, 1 + subjects[s, at.N_COLUMNS])
        most_records = max(most_records, subjects[s, at.END_RECORD] - subjects[s, at.FIRST_RECORD])
    basis = np.zeros((n_basis_rows(n), n + 1))
    work = np.zeros((N_WORK_ROWS, n + 1))
    machine = Machine(
        np.zeros((most_rows, n + 1)), np.zeros((most_rows, n + 1)), np.zeros(most_rows, np.int64), basis, work
    )
    cycle_rows = 1 + 2 * n + 4
    cycle = Machine(
        np.zeros((cycle_rows, n + 1)), np.zeros((cycle_rows, n + 1)), np.zeros(cycle_rows, np.int64), basis, work
    )
    t_floats = np.zeros((most_records, N_TRAIN_FLOATS))
    t_ints = np.zeros((most_records, N_TRAIN_INTS), np.int64)
    for s in range(n_subjects):
        status[s] = _subject(
            machine, cycle, t_floats, t_ints, phi, floats, ints, columns, requests, subjects[s], depot, sensitive,
            answer, sens, dims,
        )  # fmt: skip
        if status[s] != at.FINE:
            _blank(answer, sens, requests, ints, subjects[s, 0], subjects[s, 1], sensitive)
    return answer, sens, status
