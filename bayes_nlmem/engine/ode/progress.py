"""From one stop to the next: steps whose size follows the error, and answers on the way."""

from __future__ import annotations

from functools import cache

import numpy as np
from llvmlite import binding
from numba import carray, types

from bayes_nlmem.engine import layout as at
from bayes_nlmem.engine.kept_code import kept_cfunc
from bayes_nlmem.engine.ode.answers import answer
from bayes_nlmem.engine.ode.calls import growth, rates
from bayes_nlmem.engine.ode.compiling import compiled, floats_at, ints_at, making_arrays
from bayes_nlmem.engine.ode.desk import (
    ABSOLUTE,
    ALL_FINITE,
    BEFORE,
    BETWEEN,
    COARSE,
    DESK_SIZE,
    EXPONENTIAL,
    FLOOR,
    HELD,
    LENGTH,
    LIMIT,
    LOG_TYPICAL,
    NEW,
    NEXT_RECORD,
    NEXT_STEP,
    NOTHING_TRIED,
    PROPOSED,
    REFUSALS,
    REFUSED,
    RELATIVE,
    SOLVER,
    STEP,
    STEPS,
    STEPS_GIVEN,
    STEPS_LEFT,
    STIFF,
    TIME,
    TRAINS_NOW,
    TRIAL,
    UNTIL,
)
from bayes_nlmem.engine.ode.explicit import explicit_between, explicit_step, slope
from bayes_nlmem.engine.ode.exponential import advance_linear
from bayes_nlmem.engine.ode.lead import begin_lead, fastest_rate, lead_between, reach
from bayes_nlmem.engine.ode.lead_nodes import FLAGS
from bayes_nlmem.engine.ode.machine import book_at, machine_at, size, weigh
from bayes_nlmem.engine.ode.model_table import N_LEAD, N
from bayes_nlmem.engine.ode.sources import SOURCE_KEY
from bayes_nlmem.engine.ode.spreading import longest_step, pour
from bayes_nlmem.engine.ode.stiff import prepare_stiff_step, stiff_between, stiff_step

# Refused steps of a subject that may be chance.
MANY = 100.0
SYMBOL = f"bayes_nlmem_ode_progress_{SOURCE_KEY}"


@compiled
def first_step(machine, z, p, t, longest):
    """Size of the first step. Hairer, Norsett & Wanner 1993, section II.4, doi:10.1007/978-3-540-78862-1."""
    table, s, control, scale = machine.table, machine.stages, machine.control, machine.scale
    n, led = table[N], control[SOLVER] != STIFF and table[N_LEAD] > 0
    base, width = s.ctypes.data, 8 * s.shape[1]
    q, r = machine.q.ctypes.data, machine.forcing.ctypes.data
    if led:
        longest = min(longest, 1.0 / max(fastest_rate(machine, p), 1e-300))
    rates(table, t, z.ctypes.data, p, q, r, base + HELD * width)
    if machine.desk[TRAINS_NOW] > 0:
        pour(machine, t, 0, HELD)
        longest = min(longest, longest_step(machine, t))
    size0, size1, size2 = 0.0, 0.0, 0.0
    for i in range(n):
        if led and machine.lead_marks[FLAGS + i] != 0:
            continue
        weight = control[RELATIVE] * abs(z[i]) + control[ABSOLUTE] * max(scale[i], control[FLOOR])
        size0 += (z[i] / weight) ** 2
        size1 += (s[HELD, i] / weight) ** 2
    size0, size1 = np.sqrt(size0 / n), np.sqrt(size1 / n)
    if not (size1 > 0.0 or led):
        return longest
    h = (0.01 if led else 1e-6) * longest if size0 < 1e-5 or size1 < 1e-5 else 0.01 * size0 / size1
    h = min(h, longest)
    for i in range(n):
        s[TRIAL, i] = z[i] + h * s[HELD, i]
    rates(table, t + h, base + TRIAL * width, p, q, r, base + BETWEEN * width)
    if machine.desk[TRAINS_NOW] > 0:
        pour(machine, t + h, 0, BETWEEN)
    for i in range(n):
        if led and machine.lead_marks[FLAGS + i] != 0:
            continue
        weight = control[RELATIVE] * abs(z[i]) + control[ABSOLUTE] * max(scale[i], control[FLOOR])
        size2 += ((s[BETWEEN, i] - s[HELD, i]) / weight) ** 2
    largest = max(size1, np.sqrt(size2 / n) / h)
    h2 = (0.01 / largest) ** 0.2 if largest > 1e-15 else longest
    return min(100.0 * h, h2, longest)


@compiled
def hopeless(control):
    """Whether rounding decides which steps are refused, and a coarser solution can still be tried."""
    return (
        control[ABSOLUTE] < control[COARSE]
        and control[REFUSALS] > MANY
        and control[REFUSALS] > 0.25 * (control[STEPS_GIVEN] - control[STEPS_LEFT])
    )


@compiled
def advance(machine, z, p, nb, kb, t, until, book, k, end, last_time, held, wide):
    """Move the state z from t to `until`, answering the records from k on whose time lies before `last_time`.

    Returns (fault, first record not answered, whether the answers are finite).
    """
    control, counts, s = machine.control, machine.counts, machine.stages
    if control[SOLVER] == EXPONENTIAL:
        return advance_linear(machine, z, p, nb, kb, t, until, book, k, end, last_time, held, wide)
    n = size(machine.table, nb)
    q, r = machine.q.ctypes.data, machine.forcing.ctypes.data
    stiff = control[SOLVER] == STIFF
    led = not stiff and machine.table[N_LEAD] > 0
    finite, ready, refused = True, False, False
    h = control[NEXT_STEP]
    if led:
        begin_lead(machine, z, p, nb, t)
    if not h > 0.0:
        h = first_step(machine, z, p, t, until - t)
        control[BEFORE] = LOG_TYPICAL
    while t < until:
        if control[STEPS_LEFT] <= 0.0:
            return at.TOO_MANY_STEPS, k, finite
        control[STEPS_LEFT] -= 1.0
        if machine.desk[TRAINS_NOW] > 0:
            h = min(h, longest_step(machine, t))
        last = t + 1.001 * h >= until
        step = until - t if last else h
        if not ready:
            if stiff:
                prepare_stiff_step(machine, z, p, nb, kb, t)
            else:
                slope(machine, t, z.ctypes.data, p, q, r, nb, kb, s.ctypes.data, 0)
            ready = True
        if stiff:
            error = stiff_step(machine, z, p, nb, kb, t, step)
        else:
            control[UNTIL], control[LIMIT], control[PROPOSED] = until, until, h
            if refused or machine.desk[TRAINS_NOW] > 0:
                control[LIMIT] = -np.inf
            elif k < end:
                control[LIMIT] = min(until, book.floats[k, at.TIME])
            if led:
                step = reach(machine, z, p, nb, kb, t, step)
            error = explicit_step(machine, z, p, nb, kb, t, step)
            t, step, h = control[TIME], control[STEP], control[PROPOSED]
            last = t + 1.001 * step >= until
            if error == NOTHING_TRIED:
                continue
        if not error <= 1.0:
            counts[REFUSED] += 1
            h = step * (max(0.2, 0.9 * error**-0.2) if error < 1e100 else 0.1)
            refused = True
            control[REFUSALS] += 1.0
            if not h > 1e-14 * max(abs(t), until - t) or hopeless(control):
                return at.STEP_TOO_SMALL, k, finite
            continue
        counts[STEPS] += 1
        now = until if last else t + step
        while k < end and book.floats[k, at.TIME] <= min(now, last_time):
            if book.ints[k, at.ASKED] < book.ints[k, at.ASKED_END]:
                share = (book.floats[k, at.TIME] - t) / step
                if stiff:
                    stiff_between(machine, z, nb, share)
                else:
                    explicit_between(machine, z, nb, step, share)
                    if led:
                        lead_between(machine, nb, book.floats[k, at.TIME])
                time = book.floats[k, at.TIME]
                finite = answer(machine, book, k, time, s[BETWEEN], held, wide) and finite
            k += 1
        for i in range(n):
            z[i] = s[NEW, i]
        weigh(machine, z)
        if stiff:
            ready = False
        else:
            for i in range(n):
                s[0, i] = s[6, i]
        t = now
        larger = growth(machine.table, error * error, control.ctypes.data)
        if refused:
            larger = min(larger, 1.0)
        refused = False
        following = step * larger
        h = max(following, h) if last else following
    control[NEXT_STEP] = h
    return at.FINE, k, finite


_entry_type = types.int64(
    types.int64, types.int64, types.int64, types.int64, types.int64, types.float64, types.float64,
    types.int64, types.int64, types.float64, types.int64, types.int64,
)  # fmt: skip
_external = types.ExternalFunction(SYMBOL, _entry_type)


@making_arrays
def advance_at(desk, z, p, nb, kb, t, until, k, end, last_time, held, wide):
    """Advance for a desk and addresses of states."""
    desk = carray(ints_at(desk), (DESK_SIZE,))
    machine = machine_at(desk)
    length = desk[LENGTH]
    fault, k, finite = advance(
        machine, carray(floats_at(z), (length,)), p, nb, kb, t, until, book_at(desk), k, end, last_time,
        carray(floats_at(held), (length,)), wide,
    )  # fmt: skip
    desk[NEXT_RECORD] = k
    desk[ALL_FINITE] = 1 if finite else 0
    return fault


@cache
def register():
    """Compile, or read from disk, the C function and register it under its name."""
    key = SOURCE_KEY

    def entry(desk, z, p, nb, kb, t, until, k, end, last_time, held, wide):
        if len(key) == 0:  # the key makes numba's cache notice a change of any source
            return 0
        return advance_at(desk, z, p, nb, kb, t, until, k, end, last_time, held, wide)

    function = kept_cfunc(_entry_type, error_model="numpy")(entry)
    binding.add_symbol(SYMBOL, function.address)
    return function


@compiled
def progress(machine, z, p, nb, kb, t, until, k, end, last_time, held, wide):
    """Call `advance` as the C function: its code exists once. Returns (fault, next record, all finite)."""
    desk = machine.desk
    fault = _external(
        desk.ctypes.data, z.ctypes.data, p, nb, kb, t, until, k, end, last_time, held.ctypes.data, wide
    )
    return fault, desk[NEXT_RECORD], desk[ALL_FINITE] != 0
