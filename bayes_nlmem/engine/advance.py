"""Exact progress of amounts and their sensitivities over an interval without events.

Row 0 of the state is the state itself, every further row is the sensitivity to one parameter; columns are
the modes of the disposition and, last, the depot. Amounts in modal coordinates x and the depot d obey
``x' = -L x + ka w d + rho``, ``d' = -ka d + r_d``; the sensitivity to a disposition parameter q with
``dK/dq = u v'`` obeys the same equations with the input ``-u (v' x)``. All integrals are convolutions of
exponentials (`exponentials`), so nothing is singular.
"""

from __future__ import annotations

from collections import namedtuple

from numba import njit

from bayes_nlmem.engine.parts import OPTIONS, inner_part, part
from bayes_nlmem.engine.steps import (
    DECAY,
    DECAY_IN,
    DELAY,
    DELAY_IN,
    DEPOT,
    DEPOT_INPUT,
    FLOW,
    FLOW_IN,
    FROM_DEPOT,
    FROM_DEPOT_IN,
    FROM_MODES,
    FROM_MODES_IN,
    INPUT,
    known,
    measure,
)

# What moves: `state` (rows as above), `rates` (constant inputs by compartment) of the rows flagged in
# `driven`, the `basis` they are expressed in, the `step` that was taken last, and room for work.
Machine = namedtuple("Machine", ["state", "rates", "driven", "basis", "step", "work"])

# Rows of the work array: inputs of the modes; x_k as mode j sees it over the interval.
_INPUT, _SEEN = 0, 1
N_WORK_ROWS = 4


# Optimised by itself first: the loop over the rows is a fifth slower otherwise.
@njit(forceinline=True, **OPTIONS)
def advance_here(machine, ahead, n_rows, kinetic, depot, sensitive, t, dims):
    """Write the first `n_rows` rows of the machine's state, as they are after t, into `ahead`.

    `ahead` may be the state itself. `kinetic` is the row of the first sensitivity to the kinetic parameters
    in force (0 = values only).
    """
    n = len(dims)
    state, rates, driven, basis, step, work = machine
    source = driven[0] != 0
    asked = INPUT if source else 0
    amount, inflow = 0.0, 0.0
    if depot:
        amount = state[0, n]
        if amount != 0.0:
            asked |= DEPOT
        if source and rates[0, n] != 0.0:
            inflow = rates[0, n]
            asked |= DEPOT_INPUT
    if not known(step, t, asked):
        measure(step, basis, depot, sensitive, t, asked, dims)
    if kinetic > 0:
        _see(machine, amount, inflow, dims)

    for i in range(n_rows):
        if depot:
            there = state[i, n]
            for j in range(n):
                ahead[i, j] = state[i, j] * step[DECAY, j] + step[FLOW, j] * there
            ahead[i, n] = there * step[DECAY, n]
        else:
            for j in range(n):
                ahead[i, j] = state[i, j] * step[DECAY, j]
        if driven[i] != 0:
            for j in range(n):
                total = 0.0
                for c in range(n):
                    total += basis[1 + j, c] * rates[i, c]
                ahead[i, j] += total * step[DECAY_IN, j]
                if depot:
                    ahead[i, j] += step[FLOW_IN, j] * rates[i, n]
            if depot:
                ahead[i, n] += rates[i, n] * step[DECAY_IN, n]

    if kinetic > 0:
        for q in range(2 * n - 1):
            u, v = 1 + 2 * n + 2 * q, 2 + 2 * n + 2 * q
            for j in range(n):
                total = 0.0
                for k in range(n):
                    total += basis[v, k] * work[_SEEN + j, k]
                ahead[kinetic + q, j] -= basis[u, j] * total
        if amount != 0.0:
            for j in range(n + 1):
                ahead[kinetic + 2 * n - 1, j] += step[DELAY, j] * amount
        if inflow != 0.0:
            for j in range(n + 1):
                ahead[kinetic + 2 * n - 1, j] += step[DELAY_IN, j] * inflow


@inner_part
def _see(machine, amount, inflow, dims):
    """Integrals that drive the sensitivities: x_k as mode j sees it."""
    n = len(dims)
    state, rates, driven, basis, step, work = machine
    if driven[0] != 0:
        for j in range(n):
            work[_INPUT, j] = 0.0
            for c in range(n):
                work[_INPUT, j] += basis[1 + j, c] * rates[0, c]
    for j in range(n):
        for k in range(n):
            seen = state[0, k] * step[FROM_MODES + j, k]
            if driven[0] != 0:
                seen += work[_INPUT, k] * step[FROM_MODES_IN + j, k]
            if amount != 0.0:
                seen += amount * step[FROM_DEPOT + j, k]
            if inflow != 0.0:
                seen += inflow * step[FROM_DEPOT_IN + j, k]
            work[_SEEN + j, k] = seen


@part
def advance(machine, n_rows, kinetic, depot, sensitive, t, dims):
    """`advance_here` in place as one copy to call, laid out in the loop over the records only."""
    if t > 0.0:
        advance_here(machine, machine.state, n_rows, kinetic, depot, sensitive, t, dims)
