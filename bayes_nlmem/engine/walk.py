"""The walk: every subject's records once, from event to event, carrying amounts and sensitivities.

The state stands at the last dose. A question is answered by looking ahead from there: so intervals between
regular doses stay equally long whatever is asked in between, and their coefficients are kept (`steps`).
"""

from __future__ import annotations

import numpy as np
from numba import int64

from bayes_nlmem.engine import layout as at
from bayes_nlmem.engine.advance import Machine, advance, advance_here
from bayes_nlmem.engine.doses import empty, inputs_of, move, read_dose, start, still
from bayes_nlmem.engine.modes import change_modes, in_amounts
from bayes_nlmem.engine.parts import inner_part, part
from bayes_nlmem.engine.steady import constant_state, overlap, periodic_state
from bayes_nlmem.engine.steps import forget
from bayes_nlmem.engine.trains import flow, happen, next_event, put

# Arrays of the size of a state that a walk needs: see `walk`.
N_ROOMS = 9


@inner_part
def _usable(phi, row, n_kinetic):
    """Whether the row exists and its kinetic parameters are finite and not negative."""
    if row >= phi.shape[0]:
        return False
    for p in range(n_kinetic):
        if not (np.isfinite(phi[row, p]) and phi[row, p] >= 0.0):
            return False
    return True


@part
def _largest_time(floats, first, end):
    largest = 0.0
    for r in range(first, end):
        largest = max(largest, abs(floats[r, at.TIME]), floats[r, at.II])
    return largest


@part
def _take_over(machine, cycle, n_kinetic, kinetic, inputs, comps):
    """Add a steady state and its sensitivities to the subject's."""
    state, new = machine.state, cycle.state
    for c in range(comps):
        state[0, c] += new[0, c]
        for q in range(n_kinetic):
            state[kinetic + q, c] += new[1 + q, c]
        if n_kinetic > 0:
            if inputs.f > 0:
                state[inputs.f, c] += new[1 + n_kinetic, c]
            if inputs.lag > 0:
                state[inputs.lag, c] += new[2 + n_kinetic, c]
            if inputs.d > 0:
                state[inputs.d, c] += new[3 + n_kinetic, c]
            if inputs.r > 0:
                state[inputs.r, c] += new[4 + n_kinetic, c]


@part
def _settle(machine, cycle, dose, inputs, interval, n_rows, n_kinetic, kinetic, depot, replaces, dims):
    """Steady state of a dose; returns (fault, time to its next arrival, infusions still to end)."""
    n = len(dims)
    if replaces:
        empty(machine.state, n_rows)
    lag, before = dose.lag, int64(0)
    if interval > 0.0:
        lag = dose.lag % interval
        end = 0.0
        if dose.infused:
            before, end = overlap(lag, dose.duration, interval)
            if before < 0:
                return at.NOT_FINITE_RESULT, lag, before
        periodic_state(cycle, n_kinetic, depot, dose, lag, end, before, interval, dims)
    else:
        constant_state(cycle, n_kinetic, depot, dose, dims)
    _take_over(machine, cycle, n_kinetic, kinetic, inputs, n + 1)
    return at.FINE, lag, before


@inner_part
def _give(
    machine,
    cycle,
    t_floats,
    t_ints,
    n_trains,
    phi,
    floats,
    ints,
    r,
    n_rows,
    n_kinetic,
    depot,
    sensitive,
    dims,
):
    """The dose at record r, steady state first; returns (fault, trains)."""
    time, interval, ss = floats[r, at.TIME], floats[r, at.II], ints[r, at.SS]
    if ints[r, at.ROW_AT] >= phi.shape[0]:
        return at.NOT_FINITE_INPUT, n_trains
    sound, dose = read_dose(phi, floats, ints, r)
    if not sound:
        return at.BAD_DOSE_INPUT, n_trains
    inputs = inputs_of(ints, r, sensitive)
    lag, before = dose.lag, int64(0)
    if ss > 0:
        if ss != 2:
            n_trains = int64(0)
        kinetic, carried = int64(0), int64(0)
        if sensitive:
            kinetic, carried = ints[r, at.KINETIC_AT], n_kinetic
        fault, lag, before = _settle(
            machine, cycle, dose, inputs, interval, n_rows, carried, kinetic, depot, ss != 2, dims
        )
        if fault == at.FINE and interval == 0.0:
            flow(machine, t_floats, t_ints, n_trains, ints, n_rows, sensitive)
        if fault != at.FINE or interval == 0.0:
            return fault, n_trains
    following, last = int64(0), ints[r, at.ADDL]
    if lag == 0.0:
        start(machine, dose, inputs, dims)
        following += 1
    ending = -before if dose.infused else following
    if following <= last or ending < following:
        put(t_floats, t_ints, n_trains, r, dose, time + lag, interval, following, last, ending)
        n_trains += 1
    if dose.infused or ss > 0:
        flow(machine, t_floats, t_ints, n_trains, ints, n_rows, sensitive)
    return at.FINE, n_trains


@inner_part
def _answer(state, basis, answer, sens, requests, columns, first_column, ints, r, n_rows, dims):
    """Write the amounts asked for at record r and their sensitivities; false if an amount is not finite."""
    finite = True
    for q in range(ints[r, at.ASKED], ints[r, at.ASKED_END]):
        comp, pairs = requests[q, at.ASKED_COMP], requests[q, at.FIRST_PAIR]
        value = in_amounts(state, 0, basis, comp, dims)
        answer[requests[q, at.PLACE]] = value
        finite = finite and np.isfinite(value)
        for c in range(n_rows - 1):
            column = first_column + c
            sens[pairs + columns[column, at.SLOT], columns[column, at.PARAMETER]] = in_amounts(
                state, 1 + c, basis, comp, dims
            )
    return finite


@part
def _blank(answer, sens, requests, ints, first, end, sensitive):
    """No numbers for a subject that could not be solved."""
    for r in range(first, end):
        for q in range(ints[r, at.ASKED], ints[r, at.ASKED_END]):
            answer[requests[q, at.PLACE]] = np.nan
            if sensitive:
                first_pair = requests[q, at.FIRST_PAIR]
                for pair in range(first_pair, first_pair + requests[q, at.N_PAIRS]):
                    for p in range(sens.shape[1]):
                        sens[pair, p] = np.nan


@inner_part
def _subject(machine, look, ahead, cycle, t_floats, t_ints, phi, floats, ints, columns, requests, subjects, s,
             depot, sensitive, answer, sens, dims):  # fmt: skip
    """Walk one subject; returns its fault."""
    n = len(dims)
    n_kinetic = 2 * n - 1 + (1 if depot else 0)
    first, end, first_column = (
        subjects[s, at.FIRST_RECORD],
        subjects[s, at.END_RECORD],
        subjects[s, at.FIRST_COLUMN],
    )
    n_rows = int64(1)
    if sensitive:
        n_rows += subjects[s, at.N_COLUMNS]
    empty(machine.state, n_rows)
    still(machine, n_rows)
    n_trains, current, kinetic, now, before = int64(0), int64(-1), int64(0), 0.0, 0.0
    close = at.SAME_TIME * _largest_time(floats, first, end)
    finite, seen, alive = True, False, int64(1)

    for r in range(first, end):
        time, evid = floats[r, at.TIME], ints[r, at.EVID]
        if sensitive:
            n_rows = 1 + ints[r, at.ACTIVE]
        if evid >= 3:
            empty(machine.state, n_rows)
            still(machine, n_rows)
            n_trains = int64(0)
        if evid >= 3 or r == first:
            now, before, seen = time, time, False
        row = ints[r, at.ROW]
        if row != current:
            if seen:
                move(ahead, machine.state, alive)
            elif before > now:
                advance(machine, n_rows, kinetic, depot, sensitive, before - now, dims)
            now, seen = before, False
            if not _usable(phi, row, n_kinetic):
                return at.NOT_FINITE_INPUT
            _change(machine, look, n_rows, phi[row], depot, current < 0, dims)
            current, kinetic = row, int64(0)
        if sensitive and ints[r, at.KINETIC] > 0:
            kinetic = ints[r, at.KINETIC]
        gives = evid == 1 or evid == 4
        while True:
            event, which, is_end = np.inf, int64(-1), False
            if n_trains > 0:
                event, which, is_end = next_event(t_floats, t_ints, n_trains)
            due = event <= time + close
            if not (due or gives):
                break
            until = min(event, time) if due else time
            if until > now:
                advance_here(machine, machine.state, n_rows, kinetic, depot, sensitive, until - now, dims)
                now = until
            if not due:
                break
            n_trains = happen(
                machine, t_floats, t_ints, n_trains, which, is_end, ints, n_rows, sensitive, dims
            )
        if gives:
            now = time
            row = ints[r, at.ROW_AT]
            if row != current and ints[r, at.SS] > 0:
                if not _usable(phi, row, n_kinetic):
                    return at.NOT_FINITE_INPUT
                _change(machine, look, n_rows, phi[row], depot, False, dims)
                current, kinetic = row, int64(0)
            fault, n_trains = _give(
                machine, cycle, t_floats, t_ints, n_trains, phi, floats, ints, r, n_rows, n_kinetic, depot,
                sensitive, dims,
            )  # fmt: skip
            if fault != at.FINE:
                return fault
        before, alive, seen = time, n_rows, False
        if ints[r, at.ASKED] < ints[r, at.ASKED_END]:
            state = machine.state
            if time > now:
                state, seen = ahead, True
                advance_here(look, ahead, n_rows, kinetic, depot, sensitive, time - now, dims)
            finite = (
                _answer(state, machine.basis, answer, sens, requests, columns, first_column, ints, r,
                        n_rows, dims)
                and finite
            )  # fmt: skip
    return at.FINE if finite else at.NOT_FINITE_RESULT


@part
def _change(machine, look, n_rows, parameters, depot, first, dims):
    """Go over to the modes of another parameter row."""
    change_modes(machine, n_rows, parameters, depot, first, dims)
    forget(machine.step)
    forget(look.step)


@inner_part
def walk(phi, floats, ints, subjects, columns, requests, depot, sensitive, answer, sens, status, room, driven,
         train_floats, train_ints, dims):  # fmt: skip
    """Amounts at the requests, their derivatives by pair (request, parameter row), and a status per subject.

    Fills `answer`, `sens` and `status`. `room`, `driven`, `train_floats`, `train_ints` are zeroed scratch
    (see `kernel.run_walk`); `dims` is a tuple of as many zeros as there are disposition
    compartments: its type fixes the lengths of the loops.
    """
    basis, work = room[4], room[5]
    machine = Machine(room[0], room[1], driven[0], basis, room[6], work)
    look = Machine(room[0], room[1], driven[0], basis, room[7], work)
    cycle = Machine(room[2], room[3], driven[1], basis, room[6], work)
    for s in range(subjects.shape[0]):
        status[s] = _subject(
            machine, look, room[8], cycle, train_floats, train_ints, phi, floats, ints, columns, requests,
            subjects, s, depot, sensitive, answer, sens, dims,
        )  # fmt: skip
        if status[s] != at.FINE:
            first, end = subjects[s, at.FIRST_RECORD], subjects[s, at.END_RECORD]
            _blank(answer, sens, requests, ints, first, end, sensitive)
