"""One step of Steinebach's Rosenbrock method of order 5 with 8 stages, with its interpolant of order 4.

Steinebach 2023 (Rodas5P), doi:10.1007/s10543-023-00967-x. The Jacobian of the state with its sensitivities is
block triangular: one factorisation of n x n serves all, second derivatives of the rates stand below the
diagonal.
"""

from __future__ import annotations

import numpy as np

from bayes_nlmem.engine.ode.calls import jacobian, second, step_stiffly, time_slopes
from bayes_nlmem.engine.ode.compiling import compiled, joined
from bayes_nlmem.engine.ode.desk import BETWEEN, BY_TIME, HELD, NEW, STEP, TIME, TRAINS_NOW
from bayes_nlmem.engine.ode.elimination import eliminate
from bayes_nlmem.engine.ode.explicit import inputs_of_stages, slope
from bayes_nlmem.engine.ode.machine import size
from bayes_nlmem.engine.ode.model_table import AUTONOMOUS, N
from bayes_nlmem.engine.ode.spreading import pour_slopes
from bayes_nlmem.engine.ode.tableaus import GAMMA, STIFF_DENSE, STIFF_TIMES

_TIMES = np.array(STIFF_TIMES)
_DENSE = np.array(STIFF_DENSE)


@compiled
def prepare_stiff_step(machine, z, p, nb, kb, t):
    """Derivatives at the start of a step: Jacobian, second derivatives, slope, derivative by time."""
    table, s = machine.table, machine.stages
    base, width, address = s.ctypes.data, 8 * s.shape[1], z.ctypes.data
    q, r = machine.q.ctypes.data, machine.forcing.ctypes.data
    jacobian(table, t, address, p, q, machine.jac.ctypes.data)
    if nb > 0:
        second(table, t, address, p, q, machine.second.ctypes.data)
    slope(machine, t, address, p, q, r, nb, kb, base + HELD * width, HELD)
    if table[AUTONOMOUS] == 0:
        time_slopes(table, t, address, p, q, nb, kb, base + BY_TIME * width)
        if machine.desk[TRAINS_NOW] > 0:
            pour_slopes(machine, t, nb, BY_TIME)


@compiled
def stiff_step(machine, z, p, nb, kb, t, h):
    """Try one step; returns the scaled error (infinity: singular matrix), the trial is in stages[NEW].

    If the error of the state alone exceeds 1, there are no sensitivities.
    """
    lu, n = machine.lu, machine.table[N]
    diagonal = 1.0 / (h * GAMMA)
    for i in range(n):
        for j in range(n):
            lu[i, j] = -machine.jac[i, j]
        lu[i, i] += diagonal
    if not eliminate(lu, machine.pivots, n):
        return np.inf
    machine.control[TIME], machine.control[STEP] = t, h
    r, stride = inputs_of_stages(machine, nb, t, h, _TIMES)
    return step_stiffly(machine.table, t, machine.desk.ctypes.data, z.ctypes.data, p, nb, kb, r, stride)


@joined
def stiff_between(machine, z, nb, x):
    """stages[BETWEEN] = state at share x of the step just tried."""
    s = machine.stages
    n = size(machine.table, nb)
    y = 1.0 - x
    for i in range(n):
        s[BETWEEN, i] = y * z[i] + x * s[NEW, i]
    for j in range(8):
        weight = x * y * (_DENSE[0, j] + x * (_DENSE[1, j] + x * _DENSE[2, j]))
        for i in range(n):
            s[BETWEEN, i] += weight * s[j, i]
