"""What an interval does to any amounts, as coefficients that are kept for the next interval of that length.

Under regular dosing most intervals are equally long, and the exponentials are what an interval costs.
"""

from __future__ import annotations

import numpy as np
from numba import int64

from bayes_nlmem.engine.exponentials import pair, quadruple, triple, triple_of
from bayes_nlmem.engine.parts import inner_part

# Rows of a step; columns are the modes and, last, the depot. DECAY: what is left of an amount. SHARE: the
# convolution of the mode's decay with the depot's. FLOW: what reaches the modes from the depot. DELAY: the
# same per unit of ka, and of the depot. FROM_MODES: a row for each mode, the integrals of its own decay with
# that of every mode; FROM_DEPOT: the same of what flows in from the depot. With _IN: of a constant input
# instead of an amount. KEY: length of the interval (0 = none yet) and what was asked.
DECAY, DECAY_IN, SHARE, FLOW, FLOW_IN, DELAY, DELAY_IN = range(7)
FROM_MODES, FROM_MODES_IN, FROM_DEPOT, FROM_DEPOT_IN = 7, 10, 13, 16
KEY = 19
N_STEP_ROWS = 20

# What may be asked of a step besides what every one has.
INPUT, DEPOT, DEPOT_INPUT = 1, 2, 4


@inner_part
def forget(step):
    """The coefficients belong to other rates than those in force from now on."""
    step[KEY, 0] = 0.0


@inner_part
def known(step, t, asked):
    """Whether the step holds what is asked for an interval of length t."""
    return step[KEY, 0] == t and (int64(step[KEY, 1]) & asked) == asked


@inner_part
def measure(step, basis, depot, sensitive, t, asked, dims):
    """Fill a step for an interval of length t."""
    n = len(dims)
    ka = basis[0, n]
    central = 1 + 2 * n
    source = (asked & INPUT) != 0
    step[KEY, 0] = t
    step[KEY, 1] = asked
    for j in range(n):
        step[DECAY, j] = np.exp(-basis[0, j] * t)
    if source:
        for j in range(n):
            step[DECAY_IN, j] = pair(0.0, 1.0, basis[0, j], step[DECAY, j], t)
    ea = 0.0
    if depot:
        ea = np.exp(-ka * t)
        step[DECAY, n] = ea
        for j in range(n):
            step[SHARE, j] = pair(basis[0, j], step[DECAY, j], ka, ea, t)
            step[FLOW, j] = ka * basis[central, j] * step[SHARE, j]
        if source:
            step[DECAY_IN, n] = pair(0.0, 1.0, ka, ea, t)
            for j in range(n):
                both = triple(0.0, 1.0, basis[0, j], step[DECAY, j], ka, ea, t)
                step[FLOW_IN, j] = ka * basis[central, j] * both
    if not sensitive:
        return
    for j in range(n):
        lj, ej = basis[0, j], step[DECAY, j]
        for k in range(j + 1):
            lk, ek = basis[0, k], step[DECAY, k]
            both = t * ej if j == k else pair(lj, ej, lk, ek, t)
            step[FROM_MODES + j, k] = both
            step[FROM_MODES + k, j] = both
            if asked & DEPOT:
                both = ka * triple_of(lj, ej, lk, ek, ka, ea, both, step[SHARE, j], step[SHARE, k], t)
                step[FROM_DEPOT + k, j] = basis[central, j] * both
                step[FROM_DEPOT + j, k] = basis[central, k] * both
            if source:
                both = triple(0.0, 1.0, lj, ej, lk, ek, t)
                step[FROM_MODES_IN + j, k] = both
                step[FROM_MODES_IN + k, j] = both
            if asked & DEPOT_INPUT:
                both = ka * quadruple(0.0, 1.0, lj, ej, lk, ek, ka, ea, t)
                step[FROM_DEPOT_IN + k, j] = basis[central, j] * both
                step[FROM_DEPOT_IN + j, k] = basis[central, k] * both
    if asked & DEPOT:
        step[DELAY, n] = -ea * t
        for j in range(n):
            lj, ej = basis[0, j], step[DECAY, j]
            share = step[SHARE, j]
            reached = share - ka * triple_of(lj, ej, ka, ea, ka, ea, share, share, ea * t, t)
            step[DELAY, j] = basis[central, j] * reached
    if asked & DEPOT_INPUT:
        step[DELAY_IN, n] = -triple(0.0, 1.0, ka, ea, ka, ea, t)
        for j in range(n):
            lj, ej = basis[0, j], step[DECAY, j]
            reached = triple(0.0, 1.0, lj, ej, ka, ea, t)
            reached -= ka * quadruple(0.0, 1.0, lj, ej, ka, ea, ka, ea, t)
            step[DELAY_IN, j] = basis[central, j] * reached
