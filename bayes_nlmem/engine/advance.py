"""Exact progress of amounts and their sensitivities over an interval without events.

Row 0 of the state is the state itself, every further row is the sensitivity to one parameter; columns are
the modes of the disposition and, last, the depot. Amounts in modal coordinates x and the depot d obey
``x' = -L x + ka w d + rho``, ``d' = -ka d + r_d``; the sensitivity to a disposition parameter q with
``dK/dq = u v'`` obeys the same equations with the input ``-u (v' x)``. All integrals are convolutions of
exponentials (`exponentials`), so nothing is singular.
"""

from __future__ import annotations

from collections import namedtuple

import numpy as np
from numba import njit

from bayes_nlmem.engine.exponentials import pair, quadruple, triple
from bayes_nlmem.engine.parts import OPTIONS, inner_part, part

# What moves: `state` (rows as above), `rates` (constant inputs by compartment) of the rows flagged in
# `driven`, the `basis` they are expressed in, and room for work.
Machine = namedtuple("Machine", ["state", "rates", "driven", "basis", "work"])

# Rows of the work array.
_E, _C0, _CA, _CA0, _FLOW, _INPUT, _NEW, _M = 0, 1, 2, 3, 4, 5, 6, 7
N_WORK_ROWS = 10


# Optimised by itself first: the loop over the rows is a fifth slower otherwise.
@njit(forceinline=True, **OPTIONS)
def advance_here(machine, n_rows, kinetic, depot, t, dims):
    """Move the first `n_rows` rows of the machine's state on by `t`.

    `kinetic` is the row of the first sensitivity to the kinetic parameters in force (0 = values only).
    """
    if not t > 0.0:
        return
    n = len(dims)
    state, rates, driven, basis, work = machine
    ka = basis[0, n]
    e, c0, ca, ca0, flow, new = work[_E], work[_C0], work[_CA], work[_CA0], work[_FLOW], work[_NEW]
    source = driven[0] != 0
    any_source = False
    for i in range(n_rows):
        if driven[i] != 0:
            any_source = True
            break
    central = 1 + 2 * n
    ea, a0 = 0.0, 0.0
    for j in range(n):
        e[j] = np.exp(-basis[0, j] * t)
    if any_source:
        for j in range(n):
            c0[j] = pair(0.0, 1.0, basis[0, j], e[j], t)
    if depot:
        ea = np.exp(-ka * t)
        for j in range(n):
            ca[j] = pair(basis[0, j], e[j], ka, ea, t)
            flow[j] = ka * basis[central, j] * ca[j]
        if any_source:
            a0 = pair(0.0, 1.0, ka, ea, t)
            for j in range(n):
                ca0[j] = triple(0.0, 1.0, basis[0, j], e[j], ka, ea, t)

    if kinetic > 0:
        _force(machine, source, ea, depot, t, dims)

    for i in range(n_rows):
        if depot:
            amount = state[i, n]
            for j in range(n):
                state[i, j] = state[i, j] * e[j] + flow[j] * amount
            state[i, n] = amount * ea
        else:
            for j in range(n):
                state[i, j] *= e[j]
        if driven[i] != 0:
            inflow = rates[i, n] if depot else 0.0
            for j in range(n):
                total = 0.0
                for c in range(n):
                    total += basis[1 + j, c] * rates[i, c]
                state[i, j] += total * c0[j]
                if depot:
                    state[i, j] += ka * basis[central, j] * ca0[j] * inflow
            if depot:
                state[i, n] += inflow * a0

    if kinetic > 0:
        for q in range(2 * n - 1):
            u, v = central + 2 * q, central + 2 * q + 1
            for j in range(n):
                total = 0.0
                for k in range(n):
                    total += basis[v, k] * work[_M + j, k]
                state[kinetic + q, j] -= basis[u, j] * total
        if depot:
            for j in range(n + 1):
                state[kinetic + 2 * n - 1, j] += new[j]


@inner_part
def _force(machine, source, ea, depot, t, dims):
    """Integrals that drive the sensitivities: matrix M (x_k seen by mode j) and the whole column of ka."""
    n = len(dims)
    state, rates, _, basis, work = machine
    ka = basis[0, n]
    e, ca, ca0, inputs, new = work[_E], work[_CA], work[_CA0], work[_INPUT], work[_NEW]
    central = 1 + 2 * n
    amount, inflow = 0.0, 0.0
    if depot:
        amount = state[0, n]
        inflow = rates[0, n] if source else 0.0
    if source:
        for j in range(n):
            inputs[j] = 0.0
            for c in range(n):
                inputs[j] += basis[1 + j, c] * rates[0, c]
    for j in range(n):
        lj = basis[0, j]
        for k in range(j + 1):
            lk = basis[0, k]
            both = t * e[j] if j == k else pair(lj, e[j], lk, e[k], t)
            mjk, mkj = state[0, k] * both, state[0, j] * both
            if source:
                both = triple(0.0, 1.0, lj, e[j], lk, e[k], t)
                mjk += inputs[k] * both
                mkj += inputs[j] * both
            if amount != 0.0:
                both = ka * amount * triple(lj, e[j], lk, e[k], ka, ea, t)
                mjk += basis[central, k] * both
                mkj += basis[central, j] * both
            if inflow != 0.0:
                both = ka * inflow * quadruple(0.0, 1.0, lj, e[j], lk, e[k], ka, ea, t)
                mjk += basis[central, k] * both
                mkj += basis[central, j] * both
            work[_M + k, j] = mkj
            work[_M + j, k] = mjk
    if depot:
        for j in range(n + 1):
            new[j] = 0.0
        if amount != 0.0:
            new[n] -= amount * ea * t
            for j in range(n):
                lost = triple(basis[0, j], e[j], ka, ea, ka, ea, t)
                new[j] += basis[central, j] * amount * (ca[j] - ka * lost)
        if inflow != 0.0:
            new[n] -= inflow * triple(0.0, 1.0, ka, ea, ka, ea, t)
            for j in range(n):
                lost = quadruple(0.0, 1.0, basis[0, j], e[j], ka, ea, ka, ea, t)
                new[j] += basis[central, j] * inflow * (ca0[j] - ka * lost)


@part
def advance(machine, n_rows, kinetic, depot, t, dims):
    """`advance_here` as one copy to call, laid out in the loop over the records only (forty words a call)."""
    advance_here(machine, n_rows, kinetic, depot, t, dims)
