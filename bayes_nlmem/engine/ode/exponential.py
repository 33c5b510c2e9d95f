"""Linear equations with constant coefficients: the matrix exponential, applied to state and sensitivities.

Between two stops the state with its sensitivities obeys w' = L w + b. Its Taylor series is summed to a fixed
order and the step is as long as the last terms allow: no step is ever refused, and the series is its own
interpolant. As in Al-Mohy & Higham 2011, doi:10.1137/100788860, the matrix itself is never made.
"""

from __future__ import annotations

import numpy as np

from bayes_nlmem.engine import layout as at
from bayes_nlmem.engine.ode.answers import answer
from bayes_nlmem.engine.ode.calls import terms_of_series
from bayes_nlmem.engine.ode.compiling import compiled, joined
from bayes_nlmem.engine.ode.desk import CONSTANT, NEXT_STEP, STEP, STEPS, STEPS_LEFT, SUM
from bayes_nlmem.engine.ode.explicit import slope
from bayes_nlmem.engine.ode.machine import error_norm, size, weigh

_ORDER = 24


@joined
def _summed(s, order, x, n):
    """stages[SUM] = sum of x^j stages[j], by Horner's rule."""
    for i in range(n):
        s[SUM, i] = s[order, i]
    for j in range(order - 1, -1, -1):
        for i in range(n):
            s[SUM, i] = s[SUM, i] * x + s[j, i]


@compiled
def _terms(machine, z, p, nb, kb, t, h, n):
    """Terms of the series for a step h in stages; returns (share of h that is accurate, last order)."""
    s = machine.stages
    machine.control[STEP] = h
    for i in range(n):
        s[0, i] = z[i]
    share = 0.0
    for order in range(4, _ORDER + 1, 4):
        desk = machine.desk.ctypes.data
        terms_of_series(machine.table, desk, z.ctypes.data, p, nb, kb, order - 3, order)
        if order > 4:
            last = error_norm(machine, z, nb, 0, order)
            before = error_norm(machine, z, nb, 0, order - 1)
            if not np.isfinite(last + before):
                return 0.0, order
            share = min(
                (0.1 / max(last, 1e-30)) ** (1.0 / order), (0.1 / max(before, 1e-30)) ** (1.0 / (order - 1))
            )
            if share >= 1.0:
                return min(share, 5.0), order
    return share, _ORDER


@compiled
def advance_linear(machine, z, p, nb, kb, t, until, book, k, end, last_time, held, wide):
    """Move the state z from t to `until` as `progress.advance` does."""
    control, counts, s = machine.control, machine.counts, machine.stages
    n = size(machine.table, nb)
    base, width = s.ctypes.data, 8 * s.shape[1]
    for i in range(n):
        s[0, i] = 0.0
    slope(
        machine, t, base, p, machine.q.ctypes.data, machine.forcing.ctypes.data, nb, kb,
        base + CONSTANT * width, CONSTANT,
    )  # fmt: skip
    finite = True
    h = control[NEXT_STEP] if control[NEXT_STEP] > 0.0 else until - t
    while t < until:
        if control[STEPS_LEFT] <= 0.0:
            return at.TOO_MANY_STEPS, k, finite
        control[STEPS_LEFT] -= 1.0
        left = until - t
        h = min(h, left)
        share, order = _terms(machine, z, p, nb, kb, t, h, n)
        if not share > 0.0:
            return at.STEP_TOO_SMALL, k, finite
        step = share * h
        if step >= 0.999 * left:
            step = left
        elif step > 0.5 * left:
            step = 0.5 * left
        if not step > 1e-14 * max(abs(t), left):
            return at.STEP_TOO_SMALL, k, finite
        now = until if step == left else t + step
        while k < end and book.floats[k, at.TIME] <= min(now, last_time):
            if book.ints[k, at.ASKED] < book.ints[k, at.ASKED_END]:
                _summed(s, order, (book.floats[k, at.TIME] - t) / h, n)
                finite = answer(machine, book, k, book.floats[k, at.TIME], s[SUM], held, wide) and finite
            k += 1
        _summed(s, order, step / h, n)
        for i in range(n):
            z[i] = s[SUM, i]
        weigh(machine, z)
        counts[STEPS] += 1
        h = share * h
        t = now
    control[NEXT_STEP] = h
    return at.FINE, k, finite
