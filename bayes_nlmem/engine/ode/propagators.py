"""Matrix exponentials of a linear system over a unit of time and its doublings, with their derivatives.

Over a time h the state w with w' = A w + b becomes E w + P b, where E = exp(A h) and P is its integral; its
sensitivities follow with the derivatives of both by the parameters. Over 2 h it is E E and P + E P. Level k
holds these for 2^k units, made when they are first needed and kept while the parameters are in force. Level 0
is the sum of a series, short since |A| h is small. Products of matrices without negative entries are exact
relative to every entry.

The matrices fill from the diagonal to where compartments are connected: rows and columns begin and end there.
"""

from __future__ import annotations

from bayes_nlmem.engine.ode.calls import apply, bounds, matrix, product
from bayes_nlmem.engine.ode.compiling import compiled, floats_at, joined
from bayes_nlmem.engine.ode.desk import CONSTANT, NEW, NOTHING, SENSITIVE, TRIAL
from bayes_nlmem.engine.ode.machine import matrix_size, parameter_blocks, size
from bayes_nlmem.engine.ode.model_table import LANES, MOST_LEVELS, PAD, N

# |A| h of level 0, and the last term of its series: (1/16)^9 / 9! is 4e-17.
SMALL, ORDER = 0.0625, 8
# Integers: address of the parameters in force, levels of E, levels of P; then the bounds of the matrices.
OF, LEVELS, INTEGRALS, BOUNDS = range(4)


@compiled
def place_of(table, level, integral):
    """Place of E (or P) of a level; its derivatives follow."""
    return 1 + (2 * level + integral) * matrix_size(table)


@compiled
def unit_of_time(machine, p):
    """The time of level 0 for parameters p; what is kept for others is forgotten."""
    ladder, marks, table = machine.ladder, machine.marks, machine.table
    if marks[OF] != p:
        if marks[OF] == 0:
            bounds(table, marks.ctypes.data + 8 * BOUNDS)
        ladder[0] = _begin(machine, p)
        marks[OF], marks[LEVELS], marks[INTEGRALS] = p, 0, 0
    return ladder[0]


@compiled
def _size(machine):
    """Doubles of a matrix, with its derivatives where sensitivities are asked for."""
    table = machine.table
    return matrix_size(table) if machine.desk[SENSITIVE] != 0 else table[N] * table[N]


@joined
def _begin(machine, p):
    """A h in the first place for work; returns h."""
    ladder, table = machine.ladder, machine.table
    n, count, a = table[N], _size(machine), place_of(table, MOST_LEVELS, 0)
    for i in range(count):
        ladder[a + i] = 0.0
    matrix(table, p, machine.q.ctypes.data, ladder.ctypes.data + 8 * a)
    norm = 0.0
    for j in range(n):
        total = 0.0
        for i in range(n):
            total += abs(ladder[a + i * n + j])
        norm = max(norm, total)
    h = SMALL / norm if norm > 0.0 else 1.0
    for i in range(count):
        ladder[a + i] *= h
    return h


@joined
def _sum_series(machine, level_0, integral):
    """Level 0: of E the sum of (A h)^k / k!, of its integral that of h (A h)^k / (k + 1)!."""
    table, base = machine.table, machine.ladder.ctypes.data
    n, count = table[N], _size(machine)
    a, last, term = (
        place_of(table, MOST_LEVELS, 0), place_of(table, MOST_LEVELS, 1), place_of(table, MOST_LEVELS + 1, 0)
    )  # fmt: skip
    x, sums = floats_at(base), floats_at(base + 8 * level_0)
    overall = machine.ladder[0] if integral else 1.0
    share = 0.5 if integral else 1.0
    for i in range(count):
        x[last + i] = x[a + i]
        sums[i] = share * x[a + i]
    for order in range(2, ORDER + 1):
        _multiply(machine, a, last, term)
        inverse = 1.0 / order
        share = 1.0 / (order + 1) if integral else 1.0
        for i in range(count):
            x[term + i] *= inverse
            sums[i] += share * x[term + i]
        last, term = term, last
    for i in range(n):
        sums[i * n + i] += 1.0
    if integral:
        for i in range(count):
            sums[i] *= overall


@joined
def _multiply(machine, left, right, into):
    """Matrix `into` = left right, with derivatives where sensitivities are asked for."""
    table, marks = machine.table, machine.marks
    n, base = table[N], machine.ladder.ctypes.data
    blocks = parameter_blocks(table) if machine.desk[SENSITIVE] != 0 else 0
    if product(table, base + 8 * left, base + 8 * right, base + 8 * into, blocks):
        return
    x = floats_at(base)
    for i in range(n):
        first, end = marks[BOUNDS + i], marks[BOUNDS + n + i] + 1
        for j in range(first, end):
            k0 = max(first, marks[BOUNDS + 2 * n + j])
            k1 = min(end, marks[BOUNDS + 3 * n + j] + 1)
            total = 0.0
            for k in range(k0, k1):
                total += x[left + i * n + k] * x[right + k * n + j]
            x[into + i * n + j] = total
            for block in range(blocks):
                behind = n * n * (1 + block * LANES)
                w = into + behind + (i * n + j) * LANES
                for lane in range(LANES):
                    x[w + lane] = 0.0
                for k in range(k0, k1):
                    f, g = x[left + i * n + k], x[right + k * n + j]
                    u, v = left + behind + (i * n + k) * LANES, right + behind + (k * n + j) * LANES
                    for lane in range(LANES):
                        x[w + lane] += f * x[v + lane] + g * x[u + lane]


@joined
def raise_to(machine, level, driven):
    """Make what is missing up to a level; the integrals too where something enters all the time."""
    table, marks, base = machine.table, machine.marks, machine.ladder.ctypes.data
    x = floats_at(base)
    if marks[LEVELS] == 0:
        _sum_series(machine, place_of(table, 0, 0), False)
        marks[LEVELS] = 1
    while marks[LEVELS] <= level:
        k = marks[LEVELS]
        e = place_of(table, k - 1, 0)
        _multiply(machine, e, e, place_of(table, k, 0))
        marks[LEVELS] = k + 1
    if driven and marks[INTEGRALS] == 0:
        _sum_series(machine, place_of(table, 0, 1), True)
        marks[INTEGRALS] = 1
    while driven and marks[INTEGRALS] <= level:
        k = marks[INTEGRALS]
        before, into = place_of(table, k - 1, 1), place_of(table, k, 1)
        _multiply(machine, place_of(table, k - 1, 0), before, into)
        for i in range(_size(machine)):
            x[into + i] += x[before + i]
        marks[INTEGRALS] = k + 1


@joined
def _apply(machine, matrix, z, start, into, nb, kb):
    """State at address `into` = that at `start` + a matrix times z, with sensitivities."""
    table, marks = machine.table, machine.marks
    n, base = table[N], machine.ladder.ctypes.data
    if apply(table, base + 8 * matrix, z, start, into, nb, kb):
        return
    x, y, s, w = floats_at(base), floats_at(z), floats_at(start), floats_at(into)
    own = parameter_blocks(table) if kb >= 0 else 0
    for i in range(n):
        total = s[i]
        for j in range(marks[BOUNDS + i], marks[BOUNDS + n + i] + 1):
            total += x[matrix + i * n + j] * y[j]
        w[i] = total
    for block in range(nb):
        first = table[PAD] + block * n * LANES
        mine = kb <= block < kb + own
        behind = matrix + n * n * (1 + (block - kb) * LANES)
        for i in range(n):
            at_i = first + i * LANES
            for lane in range(LANES):
                w[at_i + lane] = s[at_i + lane]
            for j in range(marks[BOUNDS + i], marks[BOUNDS + n + i] + 1):
                f, at_j = x[matrix + i * n + j], first + j * LANES
                for lane in range(LANES):
                    w[at_i + lane] += f * y[at_j + lane]
                if mine:
                    f, u = y[j], behind + (i * n + j) * LANES
                    for lane in range(LANES):
                        w[at_i + lane] += f * x[u + lane]


@compiled
def move(machine, z, nb, kb, level, driven):
    """Move a state with nb blocks of sensitivities by 2^level units; those of the parameters begin at kb."""
    table, s = machine.table, machine.stages
    base, width = s.ctypes.data, 8 * s.shape[1]
    trial, new = base + TRIAL * width, base + NEW * width
    _apply(machine, place_of(table, level, 0), z.ctypes.data, base + NOTHING * width, trial, nb, kb)
    moved = TRIAL
    if driven:
        _apply(machine, place_of(table, level, 1), base + CONSTANT * width, trial, new, nb, kb)
        moved = NEW
    for i in range(size(table, nb)):
        z[i] = s[moved, i]
