"""The linear lead of a system, exact at any time of a stretch between two stops.

The lead obeys x' = A x + b with constant coefficients, and its sensitivities S' = A S + A_p x + b_p. Both are
one linear system: its eigenvalues are those of A twice, and 0 where something enters. With these as nodes s_j

    c_1 = x(t0),  c_{j+1} = (A - s_j) c_j + ...,   x(t) = sum_j phi_j(t - t0) c_j

where phi_j is the divided difference of exp(s t) at the first j nodes (Newton's form; McCurdy, Ng & Parlett
1984, doi:10.1090/S0025-5718-1984-0758197-9): no eigenvectors and no derivatives of eigenvalues are needed.
Partial fractions of the phi_j make it a sum of t^q/q! exp(lambda t) v_k. Fast nodes come first: what remains
late has no cancellation.

Early in a stretch, where that sum would cancel, and throughout where eigenvalues almost coincide or are
complex, the Taylor series serves, which is the same form with all nodes at 0. It reaches 1/|A|; where nothing
else can be used, it begins again there.
"""

from __future__ import annotations

import numpy as np

from bayes_nlmem.engine.ode.calls import lead_matrix, lead_next, lead_places, lead_stages
from bayes_nlmem.engine.ode.compiling import bits_of, compiled, floats_at, joined
from bayes_nlmem.engine.ode.desk import (
    BETWEEN,
    LEAD,
    LEAD_COUNT,
    LEAD_END,
    LEAD_NODES,
    LEAD_ROWS,
    LEAD_TERMS,
    LEAD_TIME,
)
from bayes_nlmem.engine.ode.lead_nodes import (
    COUNT,
    EXPONENTIALS,
    FLAGS,
    FORM,
    NODES_FOR,
    NOTHING,
    OF,
    SERIES,
    find_nodes,
    lead_blocks,
    lead_sections,
)
from bayes_nlmem.engine.ode.machine import lead_width, parameter_blocks
from bayes_nlmem.engine.ode.model_table import LANES, LEAD_ORDER, N_LEAD, PAD, N


@compiled
def _matrix_of(machine, p):
    """A and b for parameters p in the first section, and |A|."""
    lead, marks, table = machine.lead, machine.lead_marks, machine.table
    m = table[N_LEAD]
    if marks[OF] == 0:
        lead_places(table, marks.ctypes.data + 8 * FLAGS)
    end = lead_sections(table, 0, 1)
    for i in range(end):
        lead[i] = 0.0
    lead_matrix(table, p, machine.q.ctypes.data, lead.ctypes.data)
    norm = 0.0
    for j in range(m):
        total = 0.0
        for i in range(m):
            total += abs(lead[i * m + j])
        norm = max(norm, total)
    lead[end] = norm
    marks[OF], marks[NODES_FOR] = p, -1


@compiled
def fastest_rate(machine, p):
    """|A| for parameters p: the lead moves within the inverse of it."""
    if machine.lead_marks[OF] != p:
        _matrix_of(machine, p)
    return machine.lead[lead_sections(machine.table, 0, 1)]


@compiled
def begin_lead(machine, z, p, nb, t):
    """A stretch begins at t: keep the lead of state z as the first term."""
    table, lead, marks = machine.table, machine.lead, machine.lead_marks
    fastest_rate(machine, p)
    n, m = table[N], table[N_LEAD]
    first = lead_sections(table, lead_blocks(machine), 4)
    order = FLAGS + n
    for i in range(m):
        lead[first + i] = z[marks[order + i]]
    behind = first + (m + LANES - 1) // LANES * LANES
    for block in range(nb):
        for i in range(m):
            source = table[PAD] + (block * n + marks[order + i]) * LANES
            for lane in range(LANES):
                lead[behind + (block * m + i) * LANES + lane] = z[source + lane]
    machine.control[LEAD_TIME] = machine.control[LEAD_END] = t
    marks[FORM] = NOTHING


@compiled
def _next_term(machine, source, target, node, unit, scale, nb, kb):
    base = machine.desk[LEAD]
    lead_next(
        machine.table, node, machine.desk.ctypes.data, base + 8 * source, base + 8 * target, bits_of(unit),
        bits_of(scale), nb, kb,
    )  # fmt: skip


@compiled
def _show(machine, nodes, terms, count):
    """Tell the step which sum to take."""
    desk, base = machine.desk, machine.desk[LEAD]
    desk[LEAD_NODES], desk[LEAD_TERMS], desk[LEAD_COUNT] = base + 8 * nodes, base + 8 * terms, count


@compiled
def _series(machine, nb, kb):
    """The Taylor series from the first term on, in units of 1/|A|."""
    table, lead = machine.table, machine.lead
    blocks = lead_blocks(machine)
    nodes, terms = lead_sections(table, blocks, 3), lead_sections(table, blocks, 4)
    width = lead_width(table[N_LEAD], blocks)
    norm = lead[lead_sections(table, 0, 1)]
    unit = 1.0
    scale = 1.0 / norm if norm > 0.0 else 1.0
    for k in range(LEAD_ORDER):
        lead[nodes + k] = 0.0
        lead[nodes + LEAD_ORDER + k] = 1.0 / (k * scale) if k > 0 else 0.0
        if k > 0:
            before = terms + (k - 1) * width
            _next_term(machine, before, before + width, 0.0, unit, scale, nb, kb)
            unit = 0.0
    _show(machine, nodes, terms, LEAD_ORDER)
    return scale


@joined
def _add(into, values, share, length):
    x, y = floats_at(into), floats_at(values)
    for i in range(length):
        x[i] += share * y[i]


@joined
def _exponentials(machine, nb, kb):
    """The sum of exponentials from the first term of the series on."""
    table, marks = machine.table, machine.lead_marks
    m, blocks = table[N_LEAD], lead_blocks(machine)
    width = lead_width(m, blocks)
    s, most, count = lead_sections(table, 0, 2), 2 * m + 1, marks[COUNT]
    fractions = s + 2 * most
    start, terms = lead_sections(table, blocks, 4), lead_sections(table, blocks, 5)
    here, other = lead_sections(table, blocks, 6), lead_sections(table, blocks, 6) + width
    length = (m + LANES - 1) // LANES * LANES + nb * m * LANES
    base = machine.desk[LEAD]
    x = floats_at(base)
    for i in range(count * width):
        x[terms + i] = 0.0
    for i in range(length):
        x[here + i] = x[start + i]
    unit = 1.0
    for j in range(count):
        for k in range(j + 1):
            share = x[fractions + j * most + k]
            if share != 0.0:
                _add(base + 8 * (terms + k * width), base + 8 * here, share, length)
        if j + 1 < count:
            _next_term(machine, here, other, x[s + j], unit, 1.0, nb, kb)
            unit *= -x[s + j]
            here, other = other, here
    _show(machine, s, terms, count)


@compiled
def _something_enters(machine, p, nb, kb):
    """Whether b or its derivatives are not zero."""
    table, lead, marks = machine.table, machine.lead, machine.lead_marks
    n, m = table[N], table[N_LEAD]
    if machine.driven[0] != 0:
        return True
    for i in range(m):
        if lead[m * m + i] != 0.0 or machine.forcing[marks[FLAGS + n + i]] != 0.0:
            return True
    own = parameter_blocks(table)
    alone = m * m + m + own * m * m * LANES
    for i in range(own * m * LANES if kb >= 0 else 0):
        if lead[alone + i] != 0.0:
            return True
    return False


@compiled
def reach(machine, z, p, nb, kb, t, h):
    """Make the lead known to t + h; returns the longest step up to h in which it is."""
    control, marks = machine.control, machine.lead_marks
    if t + h <= control[LEAD_END]:
        return h
    longest = 1.0 / max(fastest_rate(machine, p), 1e-300)
    if marks[FORM] == NOTHING and h <= longest:
        control[LEAD_END] = t + longest
        _series(machine, nb, kb)
        marks[FORM] = SERIES
        return h
    moved = _something_enters(machine, p, nb, kb)
    if find_nodes(machine, p, moved):
        _exponentials(machine, nb, kb)
        marks[FORM] = EXPONENTIALS
        control[LEAD_END] = np.inf
        return h
    begin_lead(machine, z, p, nb, t)
    control[LEAD_END] = t + longest
    _series(machine, nb, kb)
    marks[FORM] = SERIES
    return min(h, longest)


@joined
def lead_between(machine, nb, time):
    """The lead of stages[BETWEEN] at a time that was reached."""
    table, marks, desk = machine.table, machine.lead_marks, machine.desk
    n, m = table[N], table[N_LEAD]
    wide = (m + LANES - 1) // LANES
    lead_stages(table, time - machine.control[LEAD_TIME], desk.ctypes.data, bits_of(0.0), wide + nb * m)
    x = floats_at(desk[LEAD_ROWS])
    y = floats_at(machine.stages.ctypes.data + 8 * machine.stages.shape[1] * BETWEEN)
    for i in range(m):
        c = marks[FLAGS + n + i]
        y[c] = x[i]
        for block in range(nb):
            source, into = (wide + block * m + i) * LANES, table[PAD] + (block * n + c) * LANES
            for lane in range(LANES):
                y[into + lane] = x[source + lane]
