"""One step of Tsitouras' explicit Runge-Kutta pair of orders 5 and 4, with its interpolant of order 4.

Tsitouras 2011, doi:10.1016/j.camwa.2011.06.002. Sensitivities are part of the state; the last stage is the
first one of the next step.
"""

from __future__ import annotations

from bayes_nlmem.engine.ode.calls import rates, sensitivities
from bayes_nlmem.engine.ode.compiling import compiled, joined
from bayes_nlmem.engine.ode.machine import BETWEEN, NEW, TRAINS_NOW, TRIAL, error_norm, size
from bayes_nlmem.engine.ode.model_table import PAD
from bayes_nlmem.engine.ode.spreading import pour

_C2, _C3, _C4, _C5 = 0.161, 0.327, 0.9, 0.9800255409045097
_A21 = 0.161
_A31, _A32 = -0.008480655492356989, 0.335480655492357
_A41, _A42, _A43 = 2.8971530571054935, -6.359448489975075, 4.3622954328695815
_A51, _A52, _A53, _A54 = 5.325864828439257, -11.748883564062828, 7.4955393428898365, -0.09249506636175525
_A61, _A62, _A63, _A64, _A65 = (
    5.86145544294642, -12.92096931784711, 8.159367898576159, -0.071584973281401, -0.028269050394068383,
)  # fmt: skip
_B1, _B2, _B3, _B4, _B5, _B6 = (
    0.09646076681806523, 0.01, 0.4798896504144996, 1.379008574103742, -3.290069515436081, 2.324710524099774,
)  # fmt: skip
_E1, _E2, _E3, _E4, _E5, _E6, _E7 = (
    0.001780011052226, 0.000816434459657, -0.007880878010262, 0.144711007173263, -0.582357165452555,
    0.458082105929187, -1.0 / 66.0,
)  # fmt: skip


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


@joined
def explicit_step(machine, z, p, nb, kb, t, h):
    """Try one step from the slope in stages[0]; returns the scaled error, the trial is in stages[NEW]."""
    n = size(machine.table, nb)
    s = machine.stages
    base, width = s.ctypes.data, 8 * s.shape[1]
    q, r = machine.q.ctypes.data, machine.forcing.ctypes.data
    trial = base + TRIAL * width
    for i in range(n):
        s[TRIAL, i] = z[i] + h * (_A21 * s[0, i])
    slope(machine, t + _C2 * h, trial, p, q, r, nb, kb, base + width, 1)
    for i in range(n):
        s[TRIAL, i] = z[i] + h * (_A31 * s[0, i] + _A32 * s[1, i])
    slope(machine, t + _C3 * h, trial, p, q, r, nb, kb, base + 2 * width, 2)
    for i in range(n):
        s[TRIAL, i] = z[i] + h * (_A41 * s[0, i] + _A42 * s[1, i] + _A43 * s[2, i])
    slope(machine, t + _C4 * h, trial, p, q, r, nb, kb, base + 3 * width, 3)
    for i in range(n):
        s[TRIAL, i] = z[i] + h * (_A51 * s[0, i] + _A52 * s[1, i] + _A53 * s[2, i] + _A54 * s[3, i])
    slope(machine, t + _C5 * h, trial, p, q, r, nb, kb, base + 4 * width, 4)
    for i in range(n):
        s[TRIAL, i] = z[i] + h * (
            _A61 * s[0, i] + _A62 * s[1, i] + _A63 * s[2, i] + _A64 * s[3, i] + _A65 * s[4, i]
        )
    slope(machine, t + h, trial, p, q, r, nb, kb, base + 5 * width, 5)
    for i in range(n):
        s[NEW, i] = z[i] + h * (
            _B1 * s[0, i] + _B2 * s[1, i] + _B3 * s[2, i] + _B4 * s[3, i] + _B5 * s[4, i] + _B6 * s[5, i]
        )
    slope(machine, t + h, base + NEW * width, p, q, r, nb, kb, base + 6 * width, 6)
    for i in range(n):
        s[TRIAL, i] = h * (
            _E1 * s[0, i] + _E2 * s[1, i] + _E3 * s[2, i] + _E4 * s[3, i] + _E5 * s[4, i] + _E6 * s[5, i]
            + _E7 * s[6, i]
        )  # fmt: skip
    return error_norm(machine, z, nb, NEW, TRIAL)


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
