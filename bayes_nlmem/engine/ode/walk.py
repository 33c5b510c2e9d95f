"""The walk: every subject's records once, from stop to stop, carrying the state and its sensitivities.

A record is a stop if something changes at it: a dose, a reset, other parameters. The others are answered on
the way by the solver's interpolant.
"""

from __future__ import annotations

import numpy as np
from numba import carray

from bayes_nlmem.engine import layout as at
from bayes_nlmem.engine.doses import inputs_of, read_dose
from bayes_nlmem.engine.ode.answers import answer
from bayes_nlmem.engine.ode.calls import initial, initial_slopes, prepare
from bayes_nlmem.engine.ode.compiling import compiled, ints_at, making_arrays
from bayes_nlmem.engine.ode.desk import (
    ABSOLUTE,
    COARSE,
    FIRST_COLUMN,
    FLOOR,
    N_RECORDS,
    NEXT_STEP,
    RECORD_INTS,
    REFUSALS,
    SPAN,
    STEPS_GIVEN,
    STEPS_LEFT,
    TRAINS_NOW,
)
from bayes_nlmem.engine.ode.jumps import flow, happen, start, still
from bayes_nlmem.engine.ode.machine import (
    EARLIER,
    book_at,
    machine_at,
    place,
    size,
    weigh,
    weigh_columns,
    weigh_local,
)
from bayes_nlmem.engine.ode.model_table import LANES, N_PARAMETERS, N_RATES, N
from bayes_nlmem.engine.ode.progress import progress
from bayes_nlmem.engine.ode.schedule import BY_RATE, N_RECORD_INTS, STOP
from bayes_nlmem.engine.ode.spreading import begin_input, count_earlier, enter
from bayes_nlmem.engine.ode.steady import blocks_of, constant_state, identity, periodic_state
from bayes_nlmem.engine.steady import overlap
from bayes_nlmem.engine.trains import ENDING, NEXT, next_event, put

# Tolerances never ask for less than this share of the largest dose or initial value of a subject.
SMALLEST_SCALE = 1e-5


@compiled
def _parameters(phi, row):
    return phi.ctypes.data + 8 * phi.shape[1] * row


@compiled
def _finite_row(table, phi, row):
    for m in range(table[N_PARAMETERS]):
        if not np.isfinite(phi[row, m]):
            return False
    return True


@compiled
def _begin(machine, z, book, r, nb):
    """Initial values at record r; nothing else remains."""
    table = machine.table
    p = _parameters(book.phi, book.ints[r, at.ROW_AT])
    z[: size(table, nb)] = 0.0
    initial(table, p, z.ctypes.data)
    if book.sensitive:
        initial_slopes(table, p, book.ints[r, at.KINETIC_AT], z.ctypes.data)
    weigh(machine, z)
    machine.control[NEXT_STEP] = 0.0


@compiled
def _go(machine, z, book, r, k, now, until, last_time):
    """Move on to `until` under the parameters of stop r, answering. Returns (fault, next record, finite)."""
    table, ints = machine.table, book.ints
    p = _parameters(book.phi, ints[r, at.ROW])
    nb = ints[r, at.ACTIVE] if book.sensitive else 0
    n = table[N]
    own = blocks_of(n)
    compact = own + blocks_of(table[N_PARAMETERS])
    if nb <= compact or machine.driven[0] != 0 or machine.desk[TRAINS_NOW] > 0:
        kb = ints[r, at.KINETIC] if nb > 0 else -1
        weigh_columns(machine, book, ints[r, at.ROW], nb, max(kb, 0))
        return progress(machine, z, p, nb, kb, now, until, k, r, last_time, z, 0)
    w = machine.local
    identity(table, w, z, compact)
    weigh_local(machine, book.phi[ints[r, at.ROW]], own, compact)
    fault, k, finite = progress(machine, w, p, compact, own, now, until, k, r, last_time, z, own)
    if fault == at.FINE:
        _chain(machine, table, z, w, nb, own, ints[r, at.KINETIC])
    return fault, k, finite


@compiled
def _chain(machine, table, z, w, nb, own, kb):
    """Z = sensitivities of the local state w chained with those of its start z."""
    n = table[N]
    column = machine.slopes
    for block in range(nb):
        first = place(table, block * LANES)
        for i in range(n):
            for lane in range(LANES):
                column[i * LANES + lane] = z[first + i * LANES + lane]
        for i in range(n):
            for lane in range(LANES):
                z[first + i * LANES + lane] = 0.0
            for j in range(n):
                factor = w[place(table, j) + i * LANES]
                for lane in range(LANES):
                    z[first + i * LANES + lane] += factor * column[j * LANES + lane]
    for m in range(table[N_PARAMETERS]):
        source, target = place(table, own * LANES + m), place(table, kb * LANES + m)
        for i in range(n):
            z[target + i * LANES] += w[source + i * LANES]
    for i in range(n):
        z[i] = w[i]


@compiled
def _take_over(machine, cycle, z, w, y, book, r, inputs, add, nb):
    """Replace the subject's state by a steady state, or add what it is above the initial values."""
    table, ints = machine.table, book.ints
    n, n_parameters = table[N], table[N_PARAMETERS]
    if not add:
        z[: size(table, nb)] = 0.0
    else:
        held = cycle.local
        held[: size(table, nb)] = 0.0
        p = _parameters(book.phi, ints[r, at.ROW_AT])
        initial(table, p, held.ctypes.data)
        if book.sensitive:
            initial_slopes(table, p, ints[r, at.KINETIC_AT], held.ctypes.data)
        for i in range(size(table, nb)):
            z[i] -= held[i]
    for i in range(n):
        z[i] += y[i]
    if book.sensitive:
        own = blocks_of(n)
        last = (own + blocks_of(n_parameters)) * LANES
        for m in range(n_parameters):
            source, target = place(table, own * LANES + m), place(table, ints[r, at.KINETIC_AT] * LANES + m)
            for i in range(n):
                z[target + i * LANES] += w[source + i * LANES]
        for which, column in ((0, inputs.f), (1, inputs.lag), (2, inputs.d), (3, inputs.r)):
            if column > 0:
                source, target = place(table, last + which), place(table, column - 1)
                for i in range(n):
                    z[target + i * LANES] += w[source + i * LANES]
    weigh(machine, z)
    machine.control[NEXT_STEP] = 0.0


@compiled
def _give(machine, cycle, z, book, t_floats, t_ints, n_trains, r, nb):
    """The dose at record r, steady state first; returns (fault, trains)."""
    table, floats, ints, phi = machine.table, book.floats, book.ints, book.phi
    time, interval, ss = floats[r, at.TIME], floats[r, at.II], ints[r, at.SS]
    sound, dose = read_dose(phi, floats, ints, r)
    if not sound:
        return at.BAD_DOSE_INPUT, n_trains
    inputs = inputs_of(ints, r, book.sensitive)
    p = _parameters(phi, ints[r, at.ROW_AT])
    lag, before, which, earlier = dose.lag, 0, ints[r, BY_RATE], 0
    block = ints[r, at.KINETIC_AT] if book.sensitive else -1
    if ss > 0:
        y, w = cycle.spare, machine.local
        if ss == 3:
            for i in range(table[N]):
                y[i] = z[i]
        else:
            initial(table, p, y.ctypes.data)
        if ss != 2:
            n_trains = 0
        prepare(table, p, machine.q.ctypes.data)
        machine.scale[dose.comp] = max(machine.scale[dose.comp], dose.f * dose.amt)
        cycle.control[SPAN] = max(cycle.control[SPAN], 10.0 * interval)
        put(cycle.train_floats, cycle.train_ints, 0, r, dose, time, interval, 0, 0, 0)
        enter(cycle, 0, which, p, block, inputs)
        cycle.desk[TRAINS_NOW] = 1 if which >= 0 else 0
        if which >= 0:
            earlier = count_earlier(cycle, 0, interval)
            cycle.train_ints[0, EARLIER] = earlier
            if earlier < 0:
                return at.NO_STEADY_STATE, n_trains
        if interval > 0.0:
            lag = dose.lag % interval
            end = 0.0
            if dose.infused:
                before, end = overlap(lag, dose.duration, interval)
                if before < 0:
                    return at.NOT_FINITE_RESULT, n_trains
            fault = periodic_state(
                cycle,
                w,
                y,
                p,
                phi[ints[r, at.ROW_AT]],
                dose,
                lag,
                end,
                before,
                interval,
                time,
                book.sensitive,
            )
        else:
            fault = constant_state(cycle, w, y, p, dose, time, book.sensitive)
        if fault != at.FINE:
            return fault, n_trains
        _take_over(machine, cycle, z, w, y, book, r, inputs, ss == 2, nb)
        if interval == 0.0:
            flow(machine, t_floats, t_ints, n_trains, ints, nb, book.sensitive)
            return at.FINE, n_trains
    following, last = 0, ints[r, at.ADDL]
    put(t_floats, t_ints, n_trains, r, dose, time + lag, interval, following, last, following)
    enter(machine, n_trains, which, p, block, inputs)
    if lag == 0.0:
        if which >= 0:
            begin_input(machine, z, n_trains, inputs)
        else:
            start(machine, z, p, time, dose, inputs)
        following = 1
    ending = -before if dose.infused else following
    t_ints[n_trains, NEXT], t_ints[n_trains, ENDING] = following, ending
    if which >= 0:
        t_ints[n_trains, EARLIER] = earlier + 1 if ss > 0 else 0
    if following <= last or ending < following or which >= 0:
        n_trains += 1
    if dose.infused or ss > 0:
        flow(machine, t_floats, t_ints, n_trains, ints, nb, book.sensitive)
    return at.FINE, n_trains


@compiled
def _set(machine, z, comp, value, multiply, nb):
    """Replace or multiply what is in a compartment; its sensitivities follow."""
    table = machine.table
    z[comp] = value * z[comp] if multiply else value
    factor = value if multiply else 0.0
    for column in range(nb * LANES):
        z[place(table, column) + comp * LANES] *= factor
    weigh(machine, z)
    machine.control[NEXT_STEP] = 0.0


@compiled
def _largest_amount(table, book, z, first, end):
    initial(table, _parameters(book.phi, book.ints[first, at.ROW_AT]), z.ctypes.data)
    largest = 1e-300
    for i in range(table[N]):
        largest = max(largest, abs(z[i]))
    for r in range(first, end):
        if book.ints[r, at.EVID] != 6:
            largest = max(largest, abs(book.floats[r, at.AMT]), abs(book.floats[r, at.RATE]))
    return largest


@compiled
def _subject(machine, cycle, z, book, t_floats, t_ints, first, end, most_steps):
    """Walk one subject; returns its fault."""
    table, floats, ints, phi = machine.table, book.floats, book.ints, book.phi
    machine.scale[:] = 0.0
    machine.control[STEPS_LEFT], machine.control[STEPS_GIVEN] = most_steps, most_steps
    machine.control[REFUSALS] = 0.0
    machine.control[FLOOR] = SMALLEST_SCALE * _largest_amount(table, book, z, first, end)
    still(machine, ints[end - 1, at.ACTIVE] if book.sensitive else 0)
    n_trains, k, now, current = 0, first, floats[first, at.TIME], -1
    largest = 0.0
    for r in range(first, end):
        largest = max(largest, abs(floats[r, at.TIME]), floats[r, at.II])
    close = at.SAME_TIME * largest
    machine.control[SPAN] = max(largest - min(floats[first, at.TIME], 0.0), 1e-300)
    machine.desk[TRAINS_NOW] = 0
    finite = True
    for r in range(first, end):
        if ints[r, STOP] == 0 and r > first:
            continue
        time, evid = floats[r, at.TIME], ints[r, at.EVID]
        nb = ints[r, at.ACTIVE] if book.sensitive else 0
        if r == first or evid == 3 or evid == 4:
            if not _finite_row(table, phi, ints[r, at.ROW_AT]):
                return at.NOT_FINITE_INPUT
            while k < r:  # nothing stands between two stops at a reset but records of the same time
                finite = answer(machine, book, k, floats[k, at.TIME], z, z, 0) and finite
                k += 1
            _begin(machine, z, book, r, nb)
            still(machine, nb)
            n_trains, now = 0, time
        row = ints[r, at.ROW]
        if row != current:
            if not _finite_row(table, phi, row):
                return at.NOT_FINITE_INPUT
            prepare(table, _parameters(phi, row), machine.q.ctypes.data)
            current = row
        arrived = False
        while not arrived:
            event, which, is_end = next_event(t_floats, t_ints, n_trains)
            while k < r and floats[k, at.TIME] <= now + close < event:
                finite = answer(machine, book, k, floats[k, at.TIME], z, z, 0) and finite
                k += 1
            arrived = not event <= time + close
            until = time if arrived else min(event, time)
            if until > now:
                last_time = until if arrived else until - close
                machine.desk[TRAINS_NOW] = n_trains if table[N_RATES] > 0 else 0
                fault, k, fine = _go(machine, z, book, r, k, now, until, last_time)
                if fault != at.FINE:
                    return fault
                finite = finite and fine
                now = until
            if not arrived:
                p = _parameters(phi, row)
                n_trains = happen(
                    machine, z, p, now, t_floats, t_ints, n_trains, which, is_end, ints, nb, book.sensitive
                )
        if ints[r, at.ROW_AT] != current and (evid == 1 or evid == 4):
            if not _finite_row(table, phi, ints[r, at.ROW_AT]):
                return at.NOT_FINITE_INPUT
            current = ints[r, at.ROW_AT]
            prepare(table, _parameters(phi, current), machine.q.ctypes.data)
        while k < r:
            finite = answer(machine, book, k, floats[k, at.TIME], z, z, 0) and finite
            k += 1
        if evid == 1 or evid == 4:
            fault, n_trains = _give(machine, cycle, z, book, t_floats, t_ints, n_trains, r, nb)
            if fault != at.FINE:
                return fault
        elif evid >= 5:
            _set(machine, z, ints[r, at.COMP], floats[r, at.AMT], evid == 6, nb)
        finite = answer(machine, book, r, time, z, z, 0) and finite
        k = r + 1
    return at.FINE if finite else at.NOT_FINITE_RESULT


@making_arrays
def walk(desk, cycle_desk, subjects, status, most_steps):
    """Walk all subjects of a plan; fills its answers and the status. Steady states use the second desk."""
    machine, cycle = machine_at(desk), machine_at(cycle_desk)
    t_floats, t_ints = machine.train_floats, machine.train_ints
    ints, requests = (
        carray(ints_at(desk[RECORD_INTS]), (desk[N_RECORDS], N_RECORD_INTS)),
        book_at(desk).requests,
    )
    for s in range(subjects.shape[0]):
        first, end = subjects[s, at.FIRST_RECORD], subjects[s, at.END_RECORD]
        if first == end:
            continue
        desk[FIRST_COLUMN] = subjects[s, at.FIRST_COLUMN]
        book = book_at(desk)
        wanted = machine.control[ABSOLUTE]
        for absolute in (wanted, machine.control[COARSE]):
            machine.control[ABSOLUTE] = absolute  # of the cycle, too: they share their control
            fault = _subject(machine, cycle, machine.spare, book, t_floats, t_ints, first, end, most_steps)
            status[s] = fault
            too_close = fault == at.STEP_TOO_SMALL or fault == at.NO_STEADY_STATE
            if not too_close or absolute >= machine.control[COARSE]:
                break
        machine.control[ABSOLUTE] = wanted
        if status[s] != at.FINE:
            for r in range(first, end):
                for q in range(ints[r, at.ASKED], ints[r, at.ASKED_END]):
                    book.values[requests[q, at.PLACE]] = np.nan
                    if book.sensitive:
                        pair = requests[q, at.FIRST_PAIR]
                        book.sens[pair : pair + requests[q, at.N_PAIRS]] = np.nan
