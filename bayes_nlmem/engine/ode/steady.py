"""Steady states of non-linear systems: the fixed point of one dosing cycle, with its sensitivities.

y = M(y) by Newton's method with the exact derivative of the map M; then, by the implicit function theorem,
dy/dx = (I - dM/dy)^-1 dM/dx. Under a constant infusion f(y) + r = 0 and dy/dx = -f_y^-1 f_x.

The state used here has the columns: compartments at the start of the cycle; parameters; F, ALAG, D, R of the
dose.
"""

from __future__ import annotations

import numpy as np

from bayes_nlmem.engine import layout as at
from bayes_nlmem.engine.doses import Inputs
from bayes_nlmem.engine.ode.calls import jacobian, rates, sensitivities
from bayes_nlmem.engine.ode.compiling import compiled
from bayes_nlmem.engine.ode.desk import ABSOLUTE, FLOOR, HELD, NEXT_STEP, RELATIVE, TRAINS_NOW
from bayes_nlmem.engine.ode.elimination import eliminate, solve_blocks, solve_vector
from bayes_nlmem.engine.ode.jumps import finish, run, start, still
from bayes_nlmem.engine.ode.machine import BLOCK, BY_F, BY_LAG, place, size, weigh_local
from bayes_nlmem.engine.ode.model_table import LANES, N_PARAMETERS, PAD, N
from bayes_nlmem.engine.ode.progress import progress
from bayes_nlmem.engine.ode.spreading import begin_input
from bayes_nlmem.engine.trains import FIRST, NEXT

_MOST_ITERATIONS = 60
_LARGE = 1e30


@compiled
def blocks_of(count):
    """Blocks that hold so many columns."""
    return (count + LANES - 1) // LANES


@compiled
def identity(table, w, y, nb):
    """The state y with derivative 1 to itself and 0 to everything else."""
    for i in range(size(table, nb)):
        w[i] = 0.0
    for i in range(table[N]):
        w[i] = y[i]
        if nb > 0:
            w[place(table, i) + i * LANES] = 1.0


@compiled
def _move(cycle, w, p, nb, kb, t, until):
    if not until > t:
        return at.FINE
    cycle.control[NEXT_STEP] = 0.0
    fault, _, _ = progress(cycle, w, p, nb, kb, t, until, 0, 0, t, w, 0)
    return fault


@compiled
def _one_cycle(cycle, w, p, nb, kb, inputs, dose, phase, end, before, interval, t):
    """Run the state through one dosing interval that begins at t."""
    still(cycle, nb)
    if not dose.infused:
        spread = cycle.desk[TRAINS_NOW] > 0
        if spread:
            cycle.train_ints[0, NEXT], cycle.train_floats[0, FIRST] = 0, t + phase
            cycle.train_ints[0, BLOCK] = kb
            cycle.train_ints[0, BY_F], cycle.train_ints[0, BY_LAG] = inputs.f, inputs.lag
        fault = _move(cycle, w, p, nb, kb, t, t + phase)
        if fault != at.FINE:
            return fault
        if spread:
            begin_input(cycle, w, 0, inputs)
            cycle.train_ints[0, NEXT] = 1
        else:
            start(cycle, w, p, t + phase, dose, inputs)
        return _move(cycle, w, p, nb, kb, t + phase, t + interval)
    now, flowing = 0.0, before
    for step in range(3):
        if flowing > 0:
            run(cycle, dose, inputs, float(flowing))
        starts = (step == 0) == (phase <= end)
        until = interval if step == 2 else (phase if starts else end)
        fault = _move(cycle, w, p, nb, kb, t + now, t + until)
        if fault != at.FINE:
            return fault
        now = until
        still(cycle, nb)
        if step < 2 and starts:
            start(cycle, w, p, t + now, dose, inputs)
            flowing += 1
        elif step < 2:
            finish(cycle, w, dose, inputs)
            flowing -= 1
    return at.FINE


@compiled
def _factor(cycle, w):
    """Factors of I - dM/dy in cycle.lu."""
    n = cycle.table[N]
    for i in range(n):
        for j in range(n):
            cycle.lu[i, j] = -w[place(cycle.table, j) + i * LANES]
        cycle.lu[i, i] += 1.0
    return eliminate(cycle.lu, cycle.pivots, n)


@compiled
def _newton(cycle, w, y, move):
    """Newton's step from y, w = (M(y), dM/dy); returns (usable, size of the step in tolerances)."""
    n, control = cycle.table[N], cycle.control
    if not _factor(cycle, w):
        return False, np.inf
    for i in range(n):
        move[i] = w[i] - y[i]
    solve_vector(cycle.lu, cycle.pivots, n, move, 0, 1)
    worst = 0.0
    usable = True
    for i in range(n):
        new = y[i] + move[i]
        usable = usable and np.isfinite(new) and abs(new) < _LARGE and not (new < 0.0 and w[i] >= 0.0)
        tolerated = control[RELATIVE] * abs(new) + control[ABSOLUTE] * max(cycle.scale[i], control[FLOOR])
        worst = max(worst, abs(move[i]) / tolerated)
    return usable, worst


@compiled
def periodic_state(cycle, w, y, p, phi_row, dose, phase, end, before, interval, t, sensitive):
    """Replace the guess y by the state at phase 0 of the cycle; w gets its sensitivities. Returns a fault."""
    table = cycle.table
    n = table[N]
    own = blocks_of(n)
    move = cycle.vector
    t -= interval
    none = Inputs(0, 0, 0, 0)
    found = False
    for iteration in range(_MOST_ITERATIONS):
        identity(table, w, y, own)
        weigh_local(cycle, phi_row, own, own)
        fault = _one_cycle(cycle, w, p, own, -1, none, dose, phase, end, before, interval, t)
        if fault != at.FINE:
            return fault
        usable, worst = _newton(cycle, w, y, move)
        for i in range(n):
            y[i] = y[i] + move[i] if usable and iteration > 0 else w[i]
        if usable and iteration > 0 and worst < 1e3:
            found = True
            break
    if not found:
        return at.NO_STEADY_STATE
    nb, kb, inputs = own, -1, none
    if sensitive:
        kb = own
        nb = own + blocks_of(table[N_PARAMETERS]) + 1
        first = (nb - 1) * LANES + 1
        inputs = Inputs(first, first + 1, first + 2, first + 3)
    identity(table, w, y, nb)
    weigh_local(cycle, phi_row, own, nb)
    fault = _one_cycle(cycle, w, p, nb, kb, inputs, dose, phase, end, before, interval, t)
    if fault != at.FINE:
        return fault
    usable, _ = _newton(cycle, w, y, move)
    if not usable:
        return at.NO_STEADY_STATE
    for i in range(n):
        y[i] += move[i]
    if sensitive:
        solve_blocks(cycle.lu, cycle.pivots, n, w, table[PAD] + own * n * LANES, nb - own)
    return at.FINE


@compiled
def constant_state(cycle, w, y, p, dose, t, sensitive):
    """Replace the guess y by the state under an infusion that has run for ever; w gets its sensitivities.

    Newton's method with a pseudo-time step that grows as the rates fall. Returns a fault.
    """
    table, s, control = cycle.table, cycle.stages, cycle.control
    n = table[N]
    width = 8 * s.shape[1]
    q, r, slope = cycle.q.ctypes.data, cycle.forcing.ctypes.data, s.ctypes.data + HELD * width
    still(cycle, 0)
    cycle.forcing[dose.comp] = dose.rate
    move = cycle.vector
    residual, damping = np.inf, 0.0
    found = False
    for iteration in range(500):
        rates(table, t, y.ctypes.data, p, q, r, slope)
        jacobian(table, t, y.ctypes.data, p, q, cycle.jac.ctypes.data)
        largest, norm = 0.0, 0.0
        for i in range(n):
            norm += abs(s[HELD, i])
            largest = max(largest, abs(cycle.jac[i, i]))
        if iteration == 0:
            damping = largest
        elif norm < residual:
            damping *= 0.3 * max(norm / residual, 1e-3)
        else:
            damping = min(max(damping, 1e-9 * largest) * 3.0, 100.0 * largest)
        residual = norm
        for i in range(n):
            for j in range(n):
                cycle.lu[i, j] = -cycle.jac[i, j]
            cycle.lu[i, i] += damping
            move[i] = s[HELD, i]
        if not (np.isfinite(norm) and eliminate(cycle.lu, cycle.pivots, n)):
            return at.NO_STEADY_STATE
        solve_vector(cycle.lu, cycle.pivots, n, move, 0, 1)
        worst = 0.0
        for i in range(n):
            new = y[i] + move[i]
            if new < 0.0 <= y[i] and iteration < 400:
                new = 0.5 * y[i]
                move[i] = new - y[i]
            y[i] = new
            tolerated = control[RELATIVE] * abs(new) + 1e-3 * control[ABSOLUTE] * max(
                cycle.scale[i], control[FLOOR]
            )
            worst = max(worst, abs(move[i]) / tolerated)
            if not abs(new) < _LARGE:
                return at.NO_STEADY_STATE
        if worst < 1e-2 and damping < 1e-6 * largest:
            found = True
            break
    if not found:
        return at.NO_STEADY_STATE
    if sensitive:
        own = blocks_of(n)
        nb = own + blocks_of(table[N_PARAMETERS]) + 1
        jacobian(table, t, y.ctypes.data, p, q, cycle.jac.ctypes.data)
        for i in range(n):
            for j in range(n):
                cycle.lu[i, j] = -cycle.jac[i, j]
        if not eliminate(cycle.lu, cycle.pivots, n):
            return at.NO_STEADY_STATE
        for i in range(size(table, nb)):
            w[i] = 0.0
            s[HELD, i] = 0.0
        for i in range(n):
            w[i] = y[i]
        sensitivities(table, t, w.ctypes.data, p, q, r, nb, own, slope)
        for i in range(table[PAD], size(table, nb)):
            w[i] = s[HELD, i]
        if dose.rate_r != 0.0:
            w[place(table, (nb - 1) * LANES + 3) + dose.comp * LANES] = 1.0
        solve_blocks(cycle.lu, cycle.pivots, n, w, table[PAD] + own * n * LANES, nb - own)
    still(cycle, 0)
    return at.FINE
