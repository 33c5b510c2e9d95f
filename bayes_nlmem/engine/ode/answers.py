"""Values and sensitivities of the outputs at records."""

from __future__ import annotations

import numpy as np

from bayes_nlmem.engine import layout as at
from bayes_nlmem.engine.ode.calls import output, output_slopes
from bayes_nlmem.engine.ode.compiling import compiled
from bayes_nlmem.engine.ode.machine import place
from bayes_nlmem.engine.ode.model_table import LANES, N_OUTPUTS, N_PARAMETERS, N


@compiled
def answer(machine, book, k, t, z, held, wide):
    """Answer the requests at record k from the state z; false if something is not finite.

    With `wide` z carries the sensitivities to the compartments at the last stop (block 0 on) and to the
    parameters in force (block `wide` on), and `held` the subject's sensitivities at that stop.
    """
    table, slopes = machine.table, machine.slopes
    n, n_parameters = table[N], table[N_PARAMETERS]
    ints, requests = book.ints, book.requests
    finite = True
    p = book.phi.ctypes.data + 8 * book.phi.shape[1] * ints[k, at.ROW_AT]
    blocks = ints[k, at.ACTIVE]
    for request in range(ints[k, at.ASKED], ints[k, at.ASKED_END]):
        which = requests[request, at.ASKED_COMP]
        simple = which >= table[N_OUTPUTS]
        own = which - table[N_OUTPUTS]
        if simple:
            value = z[own]
        elif book.sensitive:
            value = output_slopes(table, which, t, z.ctypes.data, p, slopes.ctypes.data)
        else:
            value = output(table, which, t, z.ctypes.data, p)
        book.values[requests[request, at.PLACE]] = value
        finite = finite and np.isfinite(value)
        if not book.sensitive:
            continue
        if simple:
            for i in range(n + n_parameters):
                slopes[i] = 0.0
            slopes[own] = 1.0
        pair = requests[request, at.FIRST_PAIR]
        if wide > 0:
            _through(machine, z, held, n, blocks, wide, ints[k, at.KINETIC])
        else:
            _contract(machine, z, n, n + n_parameters, blocks)
        gathered = n + n_parameters
        for column in range(blocks * LANES):
            slot = book.columns[book.first_column + column, at.SLOT]
            if slot >= 0:
                found = slopes[gathered + column]
                book.sens[pair + slot, book.columns[book.first_column + column, at.PARAMETER]] = found
                finite = finite and np.isfinite(found)
        if not simple:
            first = book.first_column + ints[k, at.KINETIC_AT] * LANES
            slot = book.columns[first, at.SLOT]
            for m in range(n_parameters):
                book.sens[pair + slot, m] += slopes[n + m]
    return finite


@compiled
def _contract(machine, z, n, gathered, blocks):
    """slopes[gathered + column] = sum over compartments of slopes[i] z[i, column]."""
    slopes = machine.slopes
    for block in range(blocks):
        first = place(machine.table, block * LANES)
        for lane in range(LANES):
            total = 0.0
            for i in range(n):
                total += slopes[i] * z[first + i * LANES + lane]
            slopes[gathered + block * LANES + lane] = total


@compiled
def _through(machine, z, held, n, blocks, wide, kb):
    """The same through the sensitivities to the state at the last stop."""
    table, slopes = machine.table, machine.slopes
    n_parameters = table[N_PARAMETERS]
    gathered = n + n_parameters
    for column in range(blocks * LANES):
        slopes[gathered + column] = 0.0
    for j in range(n):
        at_j = place(table, j)
        by_state = 0.0
        for i in range(n):
            by_state += slopes[i] * z[at_j + i * LANES]
        for column in range(blocks * LANES):
            slopes[gathered + column] += by_state * held[place(table, column) + j * LANES]
    for m in range(n_parameters):
        at_m = place(table, wide * LANES + m)
        for i in range(n):
            slopes[gathered + kb * LANES + m] += slopes[i] * z[at_m + i * LANES]
