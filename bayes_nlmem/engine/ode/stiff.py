"""One step of Steinebach's Rosenbrock method of order 5 with 8 stages, with its interpolant of order 4.

Steinebach 2023 (Rodas5P), doi:10.1007/s10543-023-00967-x. The Jacobian of the state with its sensitivities is
block triangular: one factorisation of n x n serves all, second derivatives of the rates stand below the
diagonal.
"""

from __future__ import annotations

import numpy as np

from bayes_nlmem.engine.ode.calls import apply_second, jacobian, second, time_slopes
from bayes_nlmem.engine.ode.compiling import compiled, joined
from bayes_nlmem.engine.ode.elimination import eliminate, solve_blocks, solve_vector
from bayes_nlmem.engine.ode.explicit import slope
from bayes_nlmem.engine.ode.machine import BETWEEN, BY_TIME, HELD, NEW, TRAINS_NOW, TRIAL, error_norm, size
from bayes_nlmem.engine.ode.model_table import AUTONOMOUS, PAD, N
from bayes_nlmem.engine.ode.spreading import pour_slopes

_GAMMA = 0.21193756319429014
_A5 = [-7.502846399306121, 2.561846144803919, -11.627539656261098, -0.18268767659942256, 0.030198172008377946]
_A_ROWS = [
    [],
    [3.0],
    [2.849394379747939, 0.45842242204463923],
    [-6.954028509809101, 2.489845061869568, -10.358996098473584],
    [2.8029986275628964, 0.5072464736228206, -0.3988312541770524, -0.04721187230404641],
    _A5,
    [*_A5, 1.0],
    [*_A5, 1.0, 1.0],
]
_C_ROWS = [
    [],
    [-14.155112264123755],
    [-17.97296035885952, -2.859693295451294],
    [147.12150275711716, -1.41221402718213, 71.68940251302358],
    [165.43517024871676, -0.4592823456491126, 42.90938336958603, -5.961986721573306],
    [24.854864614690072, -3.0009227002832186, 47.4931110020768, 5.5814197821558125, -0.6610691825249471],
    [
        30.91273214028599, -3.1208243349937974, 77.79954646070892, 34.28646028294783, -19.097331116725623,
        -28.087943162872662,
    ],
    [
        37.80277123390563, -3.2571969029072276, 112.26918849496327, 66.9347231244047, -40.06618937091002,
        -54.66780262877968, -9.48861652309627,
    ],
]  # fmt: skip
_A = np.array([row + [0.0] * (8 - len(row)) for row in _A_ROWS])
_C = np.array([row + [0.0] * (8 - len(row)) for row in _C_ROWS])
_NODES = np.array(
    [0.0, 0.6358126895828704, 0.4095798393397535, 0.9769306725060716, 0.4288403609558664, 1.0, 1.0, 1.0]
)
_TIMES = np.array(
    [
        0.21193756319429014,
        -0.42387512638858027,
        -0.3384627126235924,
        1.8046452872882734,
        2.325825639765069,
        0,
        0,
        0,
    ]
)
_DENSE = np.array(
    [
        [
            25.948786856663858, -2.5579724845846235, 10.433815404888879, -2.3679251022685204,
            0.524948541321073, 1.1241088310450404, 0.4272876194431874, -0.17202221070155493,
        ],
        [
            -9.91568850695171, -0.9689944594115154, 3.0438037242978453, -24.495224566215796,
            20.176138334709044, 15.98066361424651, -6.789040303419874, -6.710236069923372,
        ],
        [
            11.419903575922262, 2.8879645146136994, 72.92137995996029, 80.12511834622643, -52.072871366152654,
            -59.78993625266729, -0.15582684282751913, 4.883087185713722,
        ],
    ]
)  # fmt: skip


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


@joined
def _combine(s, target, weights, count, factor, n):
    """stages[target] += factor * sum of weights[j] stages[j]."""
    for j in range(count):
        weight = factor * weights[j]
        if weight != 0.0:
            for i in range(n):
                s[target, i] += weight * s[j, i]


@joined
def stiff_step(machine, z, p, nb, kb, t, h):
    """Try one step; returns the scaled error (infinity: singular matrix), the trial is in stages[NEW]."""
    table, s, lu, pivots = machine.table, machine.stages, machine.lu, machine.pivots
    n, pad, n_all = table[N], table[PAD], size(table, nb)
    base, width = s.ctypes.data, 8 * s.shape[1]
    q, r, h2 = machine.q.ctypes.data, machine.forcing.ctypes.data, machine.second.ctypes.data
    diagonal = 1.0 / (h * _GAMMA)
    for i in range(n):
        for j in range(n):
            lu[i, j] = -machine.jac[i, j]
        lu[i, i] += diagonal
    if not eliminate(lu, pivots, n):
        return np.inf
    moving = table[AUTONOMOUS] == 0
    for stage in range(8):
        if stage == 0:
            for i in range(n_all):
                s[0, i] = s[HELD, i]
        else:
            for i in range(n_all):
                s[TRIAL, i] = z[i]
            _combine(s, TRIAL, _A[stage], stage, 1.0, n_all)
            slope(
                machine,
                t + _NODES[stage] * h,
                base + TRIAL * width,
                p,
                q,
                r,
                nb,
                kb,
                base + stage * width,
                stage,
            )
            _combine(s, stage, _C[stage], stage, 1.0 / h, n_all)
        if moving and _TIMES[stage] != 0.0:
            for i in range(n_all):
                s[stage, i] += h * _TIMES[stage] * s[BY_TIME, i]
        solve_vector(lu, pivots, n, s[stage], 0, 1)
        if nb > 0:
            apply_second(table, h2, base + stage * width, z.ctypes.data, nb, kb, base + stage * width)
            solve_blocks(lu, pivots, n, s[stage], pad, nb)
    for i in range(n_all):
        s[NEW, i] = s[TRIAL, i] + s[7, i]
    return error_norm(machine, z, nb, NEW, 7)


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
