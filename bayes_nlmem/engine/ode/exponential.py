"""Linear equations with constant coefficients: exact, from record to record.

A stretch is so many units of time of the parameters in force (see `propagators`) - moved by the binary digits
of that number - and a rest, over which the Taylor series of the state with its sensitivities is summed.
"""

from __future__ import annotations

import numpy as np

from bayes_nlmem.engine import layout as at
from bayes_nlmem.engine.ode.answers import answer
from bayes_nlmem.engine.ode.calls import terms_of_series
from bayes_nlmem.engine.ode.compiling import compiled, joined
from bayes_nlmem.engine.ode.desk import CONSTANT, STEP, STEPS, STEPS_LEFT
from bayes_nlmem.engine.ode.explicit import slope
from bayes_nlmem.engine.ode.machine import size, weigh
from bayes_nlmem.engine.ode.model_table import MOST_LEVELS
from bayes_nlmem.engine.ode.propagators import ORDER, move, raise_to, unit_of_time


@joined
def _rest(machine, z, p, nb, kb, h, n):
    """Move z by less than a unit of time."""
    s = machine.stages
    for i in range(n):
        s[0, i] = z[i]
    machine.control[STEP] = h
    terms_of_series(machine.table, machine.desk.ctypes.data, z.ctypes.data, p, nb, kb, 1, ORDER)
    for i in range(n):
        z[i] = s[ORDER, i]
    for j in range(ORDER - 1, -1, -1):
        for i in range(n):
            z[i] += s[j, i]


@compiled
def _constant_part(machine, p, nb, kb, t, n):
    """Constant part of the equations in stages[CONSTANT]; whether there is any."""
    s = machine.stages
    base, width = s.ctypes.data, 8 * s.shape[1]
    for i in range(n):
        s[0, i] = 0.0
    slope(
        machine, t, base, p, machine.q.ctypes.data, machine.forcing.ctypes.data, nb, kb,
        base + CONSTANT * width, CONSTANT,
    )  # fmt: skip
    for i in range(n):
        if s[CONSTANT, i] != 0.0:
            return True
    return False


@compiled
def advance_linear(machine, z, p, nb, kb, t, until, book, k, end, last_time, held, wide):
    """Move the state z from t to `until` as `progress.advance` does."""
    control, counts = machine.control, machine.counts
    n = size(machine.table, nb)
    driven = _constant_part(machine, p, nb, kb, t, n)
    unit = unit_of_time(machine, p)
    if not (unit > 0.0 and np.isfinite(unit)):
        return at.STEP_TOO_SMALL, k, True
    finite = True
    while t < until:
        asked = False
        now = until
        while k < end and book.floats[k, at.TIME] <= min(until, last_time):
            if book.ints[k, at.ASKED] < book.ints[k, at.ASKED_END]:
                asked, now = True, book.floats[k, at.TIME]
                break
            k += 1
        now = max(now, t)
        units = np.floor((now - t) / unit)
        rest = now - t - units * unit
        level = 0
        while units > 0.0:
            half = np.floor(0.5 * units)
            if units > 2.0 * half:
                raise_to(machine, level, driven)
                move(machine, z, nb, kb, level, driven)
            units = half
            level += 1
            if level == MOST_LEVELS - 1 and units > 0.0:
                return at.STEP_TOO_SMALL, k, finite
        if rest > 0.0:
            _rest(machine, z, p, nb, kb, rest, n)
        weigh(machine, z)
        counts[STEPS] += 1
        control[STEPS_LEFT] -= 1.0
        if asked:
            finite = answer(machine, book, k, book.floats[k, at.TIME], z, held, wide) and finite
            k += 1
        t = now
    return at.FINE, k, finite
