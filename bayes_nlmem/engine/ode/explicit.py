"""One step of Tsitouras' explicit Runge-Kutta pair of orders 5 and 4, with its interpolant of order 4.

Tsitouras 2011, doi:10.1016/j.camwa.2011.06.002. Sensitivities are part of the state; the last stage is the
first one of the next step.
"""

from __future__ import annotations

import numpy as np

from bayes_nlmem.engine.ode.calls import rates, sensitivities, step_explicitly
from bayes_nlmem.engine.ode.compiling import compiled, joined
from bayes_nlmem.engine.ode.desk import BETWEEN, INPUTS, LAST_INPUTS, STEP, TIME, TRAINS_NOW
from bayes_nlmem.engine.ode.machine import size
from bayes_nlmem.engine.ode.model_table import PAD
from bayes_nlmem.engine.ode.spreading import pour
from bayes_nlmem.engine.ode.tableaus import EXPLICIT_TIMES

_TIMES = np.array((0.0, *EXPLICIT_TIMES))


@compiled
def slope(machine, t, z, p, q, r, nb, kb, d, row):
    """stages[row] = derivative of the state at address z; d is the address of that row."""
    if nb == 0:
        rates(machine.table, t, z, p, q, r, d)
        if machine.desk[TRAINS_NOW] > 0:
            pour(machine, t, 0, row)
        return
    sensitivities(machine.table, t, z, p, q, r, nb, kb, d)
    if machine.driven[0] != 0:
        stages, forcing = machine.stages, machine.forcing
        for i in range(machine.table[PAD], size(machine.table, nb)):
            stages[row, i] += forcing[i]
    if machine.desk[TRAINS_NOW] > 0:
        pour(machine, t, nb, row)


@compiled
def inputs_of_stages(machine, nb, t, h, times):
    """(address of the inputs, bytes from stage to stage): constant ones, or what enters by a rate too."""
    forcing = machine.forcing
    if machine.desk[TRAINS_NOW] == 0:
        return forcing.ctypes.data, 0
    s = machine.stages
    for stage in range(1, LAST_INPUTS + 1):
        for i in range(size(machine.table, nb)):
            s[INPUTS + stage, i] = forcing[i]
        pour(machine, t + times[stage] * h, nb, INPUTS + stage)
    return s.ctypes.data + 8 * s.shape[1] * INPUTS, 8 * s.shape[1]


@compiled
def explicit_step(machine, z, p, nb, kb, t, h):
    """Try a step from the slope in stages[0]; returns the scaled error, the trial is in stages[NEW].

    If the error of the state alone exceeds 1, there are no sensitivities. Steps that end before
    control[LIMIT] are taken over and followed by others; what was tried last is in control[TIME] and
    control[STEP].
    """
    machine.control[TIME], machine.control[STEP] = t, h
    r, stride = inputs_of_stages(machine, nb, t, h, _TIMES)
    return step_explicitly(machine.table, t, machine.desk.ctypes.data, z.ctypes.data, p, nb, kb, r, stride)


@joined
def explicit_between(machine, z, nb, h, x):
    """stages[BETWEEN] = state at share x of the step just tried."""
    n = size(machine.table, nb)
    s = machine.stages
    x2 = x * x
    b1 = (
        -1.0530884977290216
        * x
        * (x - 1.3299890189751412)
        * (x2 - 1.4364028541716351 * x + 0.7139816917074209)
    )
    b2 = 0.1017 * x2 * (x2 - 2.1966568338249754 * x + 1.2949852507374631)
    b3 = 2.490627285651252793 * x2 * (x2 - 2.38535645472061657 * x + 1.57803468208092486)
    b4 = -16.54810288924490272 * (x - 1.21712927295533244) * (x - 0.61620406037800089) * x2
    b5 = 47.37952196281928122 * (x - 1.203071208372362603) * (x - 0.658047292653547382) * x2
    b6 = -34.87065786149660974 * (x - 1.2) * (x - 0.666666666666666667) * x2
    b7 = 2.5 * (x - 1.0) * (x - 0.6) * x2
    for i in range(n):
        s[BETWEEN, i] = z[i] + h * (
            b1 * s[0, i] + b2 * s[1, i] + b3 * s[2, i] + b4 * s[3, i] + b5 * s[4, i] + b6 * s[5, i]
            + b7 * s[6, i]
        )  # fmt: skip
