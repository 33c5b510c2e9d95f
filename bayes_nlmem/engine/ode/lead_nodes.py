"""Nodes of the sum of exponentials for a linear lead: eigenvalues, and partial fractions (see `lead`)."""

from __future__ import annotations

import numpy as np

from bayes_nlmem.engine.ode.compiling import compiled
from bayes_nlmem.engine.ode.desk import RELATIVE, SENSITIVE, SPAN
from bayes_nlmem.engine.ode.machine import lead_place, parameter_blocks
from bayes_nlmem.engine.ode.model_table import LANES, N_LEAD, N

# Marks: address of the parameters in force; whether the matrix is theirs; what the nodes were made for and
# whether they can be used; what stands in the terms; then which compartments are led, their order, sizes.
OF, NODES_FOR, USABLE, COUNT, FORM, FLAGS = range(6)
NOTHING, SERIES, EXPONENTIALS = range(3)
# Nodes this close, relative to themselves, are one.
_SAME = 1e-12


@compiled
def lead_blocks(machine):
    """Blocks of sensitivities that there is room for."""
    return machine.weights.shape[0] // LANES


@compiled
def lead_sections(table, blocks, section):
    """Where a section of the lead begins, see `machine`."""
    return lead_place(table[N_LEAD], parameter_blocks(table), blocks, section)


@compiled
def _eigenvalues(machine, s):
    """Eigenvalues of A from place s on; whether all are real."""
    table, lead, marks = machine.table, machine.lead, machine.lead_marks
    n, m = table[N], table[N_LEAD]
    sizes = FLAGS + n + m
    for i in range(m):
        size = marks[sizes + i]
        a = i * m + i
        if size == 1:
            lead[s + i] = lead[a]
        elif size == 2:
            fast, slow = _of_two(lead[a], lead[a + 1], lead[a + m], lead[a + m + 1])
            lead[s + i], lead[s + i + 1] = fast, slow
        elif size == 3:
            x, y, w = _of_three(lead, a, m)
            lead[s + i], lead[s + i + 1], lead[s + i + 2] = x, y, w
    for i in range(m):
        if not np.isfinite(lead[s + i]):
            return False
    return True


@compiled
def _of_two(a, b, c, d):
    """Eigenvalues of a matrix of two rows; NaN where they are complex."""
    mean, half = 0.5 * (a + d), 0.5 * (a - d)
    root = np.sqrt(half * half + b * c)
    fast = mean - root if mean < 0.0 else mean + root
    return fast, (a * d - b * c) / fast if fast != 0.0 else 0.0


@compiled
def _of_three(x, a, m):
    """Eigenvalues of a matrix of three rows: the cosine, then Newton's method; NaN where they are complex."""
    b, c = a + m, a + 2 * m
    mean = (x[a] + x[b + 1] + x[c + 2]) / 3.0
    minors = (
        x[a] * x[b + 1] - x[a + 1] * x[b] + x[a] * x[c + 2] - x[a + 2] * x[c]
        + x[b + 1] * x[c + 2] - x[b + 2] * x[c + 1]
    )  # fmt: skip
    determinant = (
        x[a] * (x[b + 1] * x[c + 2] - x[b + 2] * x[c + 1])
        - x[a + 1] * (x[b] * x[c + 2] - x[b + 2] * x[c])
        + x[a + 2] * (x[b] * x[c + 1] - x[b + 1] * x[c])
    )
    third = mean * mean - minors / 3.0
    half = 0.5 * (determinant - mean * minors) + mean * mean * mean
    if not third > 0.0 or half * half > third * third * third:
        return np.nan, np.nan, np.nan
    angle = np.arccos(half / (third * np.sqrt(third))) / 3.0
    found = (
        mean + 2.0 * np.sqrt(third) * np.cos(angle - 4.0 * np.pi / 3.0),
        mean + 2.0 * np.sqrt(third) * np.cos(angle + 4.0 * np.pi / 3.0),
        mean + 2.0 * np.sqrt(third) * np.cos(angle),
    )
    return (
        _polished(found[0], 3.0 * mean, minors, determinant),
        _polished(found[1], 3.0 * mean, minors, determinant),
        _polished(found[2], 3.0 * mean, minors, determinant),
    )


@compiled
def _polished(s, trace, minors, determinant):
    for _ in range(3):
        slope = (3.0 * s - 2.0 * trace) * s + minors
        if slope != 0.0:
            s -= (((s - trace) * s + minors) * s - determinant) / slope
    return s


@compiled
def find_nodes(machine, p, moved):
    """Nodes and partial fractions for parameters p; whether they can be used."""
    lead, marks, table = machine.lead, machine.lead_marks, machine.table
    wanted = 1 if moved else 0
    if marks[NODES_FOR] == wanted:
        return marks[USABLE] != 0
    marks[NODES_FOR], marks[USABLE] = wanted, 0
    m = table[N_LEAD]
    s, most = lead_sections(table, 0, 2), 2 * m + 1
    powers, fractions = s + most, s + 2 * most
    if not _eigenvalues(machine, s):
        return False
    count = m
    if machine.desk[SENSITIVE] != 0:
        for i in range(m - 1, -1, -1):
            lead[s + 2 * i] = lead[s + 2 * i + 1] = lead[s + i]
        count = 2 * m
    if moved:
        lead[s + count] = 0.0
        count += 1
    for i in range(1, count):  # the fastest first
        value, j = lead[s + i], i
        while j > 0 and lead[s + j - 1] > value:
            lead[s + j] = lead[s + j - 1]
            j -= 1
        lead[s + j] = value
    for k in range(count):
        same = k > 0 and abs(lead[s + k] - lead[s + k - 1]) <= _SAME * abs(lead[s + k])
        if same:
            lead[s + k] = lead[s + k - 1]
        lead[powers + k] = (lead[powers + k - 1] + 1.0) if same else 0.0
    size = _fractions(lead, s, powers, fractions, count, most, machine.control[SPAN])
    for k in range(count):
        if lead[powers + k] > 0.0:
            lead[powers + k] = 1.0 / lead[powers + k]
    for k in range(count):  # as the step wants them: behind the nodes that there are
        lead[s + count + k] = lead[powers + k]
    tolerated = max(1e3, min(1e6, 1e-3 * machine.control[RELATIVE] / 2.2e-16))
    marks[COUNT], marks[USABLE] = count, 1 if size < tolerated else 0
    return marks[USABLE] != 0


@compiled
def _fractions(lead, s, powers, fractions, count, most, span):
    """Row j: partial fractions of the product of 1/(x - s_i) to node j. Returns how much may cancel."""
    slowest = 1.0 / span
    size, product = 0.0, 1.0
    for j in range(count):
        row, before = fractions + j * most, fractions + (j - 1) * most
        node = lead[s + j]
        for k in range(most):
            lead[row + k] = 0.0
        first = j - int(lead[powers + j])
        if j == 0:
            lead[row] = 1.0
        else:
            residue = 0.0
            k = j - 1
            while k >= 0:
                if k >= first:
                    lead[row + k + 1] = lead[before + k]
                else:
                    gap = lead[s + k] - node
                    higher = k + 1 < first and lead[powers + k + 1] > 0.0
                    rest = lead[before + k] - (lead[row + k + 1] if higher else 0.0)
                    lead[row + k] = rest / gap
                    share = lead[before + k]
                    for _ in range(int(lead[powers + k]) + 1):
                        share /= -gap
                    residue += share
                k -= 1
            lead[row + first] = residue
        for k in range(j + 1):
            factor = 1.0
            for _ in range(int(lead[powers + k])):
                factor *= min(span, 1.0 / max(abs(lead[s + k]), 1e-300))
            size = max(size, abs(lead[row + k]) * product * factor)
        product *= max(abs(node), slowest)
    return size
