"""The whitening of all subjects as two C functions: compiled once per installation, kept on disk.

Subjects are taken in blocks, side by side: every step of the algebra runs over the subjects of a block
(the lanes), so that the processor does several at once. An effect that a subject does not have, and a
subject that fills up the last block, stand in as an effect with precision 1 and nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from llvmlite import binding
from numba import carray, types

from bayes_nlmem.engine.kept_code import kept_cfunc
from bayes_nlmem.engine.kernel import pointer
from bayes_nlmem.engine.parts import inner_part, part

KERNEL_KEY = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]
# Subjects of a block: at most, and in steps that the processor takes at once.
_MOST, _STEP = 64, 16
# Logarithms are taken of the product of so many diagonal elements at a time.
_AT_ONCE = 8

_F, _I = types.CPointer(types.float64), types.CPointer(types.int64)
# Subjects, effects of a subject, n, m, typical values, rows of mu, lanes, effects in all.
_SIZES = (types.int64,) * 8
FORWARD = types.void(*_SIZES, *(_F,) * 7, _I, *(_F,) * 6)
BACKWARD = types.void(*_SIZES, *(_F,) * 4, _I, *(_F,) * 4, types.float64, *(_F,) * 6)


def symbols() -> tuple[str, str]:
    """Names under which compiled code finds the two functions."""
    return f"bayes_nlmem_whitened_{KERNEL_KEY}", f"bayes_nlmem_whitened_back_{KERNEL_KEY}"


def lanes(n_subjects):
    """Subjects of a block."""
    return min(_MOST, (n_subjects + _STEP - 1) // _STEP * _STEP)


def rooms(d, n, m):
    """Rows of lanes and rows (of squares as wide as the larger factor) that the functions work in."""
    return 5 * d + d * d + n * n + m * m, 4 * max(n, m)


lanes_within, rooms_within = part(lanes), part(rooms)


@inner_part
def _first(i, at_subject, m):
    """The first effect that the factor's row i has an entry for: the start of its occasion, or the first."""
    return 0 if i >= at_subject else (i // m) * m


@inner_part
def _less(a, p, q):
    for lane in range(a.shape[0]):
        a[lane] -= p[lane] * q[lane]


@inner_part
def _times(a, p):
    for lane in range(a.shape[0]):
        a[lane] *= p[lane]


@part
def _precision(factor, squares, at):
    """Inverse of L L' into the first square of three rows of squares, its work in the second."""
    n = factor.shape[0]
    for j in range(n):
        squares[at + n + j, j] = 1.0 / factor[j, j]
        for i in range(j + 1, n):
            total = 0.0
            for k in range(j, i):
                total += factor[i, k] * squares[at + n + k, j]
            squares[at + n + i, j] = -total / factor[i, i]
    for i in range(n):
        for j in range(i + 1):
            total = 0.0
            for k in range(i, n):
                total += squares[at + n + k, i] * squares[at + n + k, j]
            squares[at + i, j] = total
            squares[at + j, i] = total


@part
def _to_factor(rows, start, factor, squares, found):
    """Derivative in L from that in the lower entries of (L L')^-1, which stands in rows of lanes."""
    n = factor.shape[0]
    _precision(factor, squares, 0)
    for i in range(n):
        for j in range(n):
            total = 0.0
            for k in range(j, n):
                entry = 0.0
                for lane in range(rows.shape[1]):
                    entry += rows[start + k * n + j, lane]
                total += squares[i, k] * entry
            squares[n + i, j] = total
    for i in range(n):
        for j in range(n):
            total = 0.0
            for k in range(n):
                total -= squares[n + i, k] * squares[k, j]
            squares[2 * n + i, j] = total
    for i in range(n):
        for j in range(n):
            found[i, j] = 0.0
        for j in range(i + 1):
            for k in range(n):
                found[i, j] += (squares[2 * n + i, k] + squares[2 * n + k, i]) * factor[k, j]


@part
def _forward(
    u, mu, of_subject, of_occasion, information, constant, slope, slots,
    effects, log_determinant, lower, solved, rows, squares,
):  # fmt: skip
    n_subjects, d = slots.shape
    n, m, q, width = of_subject.shape[0], of_occasion.shape[0], mu.shape[1], rows.shape[1]
    at_subject, of_occasions = d - n, 2 * n  # the occasions' effects come before; rows of squares
    _precision(of_subject, squares, 0)
    _precision(of_occasion, squares, of_occasions)
    common = mu.shape[0] == 1
    total = 0.0
    volume = rows[4 * d]
    for b in range(lower.shape[0]):
        begin = b * width
        used = min(width, n_subjects - begin)
        for i in range(d):
            here, x = rows[i], rows[d + i]
            for lane in range(used):
                slot = slots[begin + lane, i]
                here[lane] = 1.0 if slot >= 0 else 0.0
                x[lane] = u[slot] if slot >= 0 else 0.0
            for lane in range(used, width):
                here[lane] = x[lane] = 0.0
        for lane in range(width):
            volume[lane] = 1.0
        for i in range(d):
            first = _first(i, at_subject, m)
            at_i, w, diagonal = rows[i], solved[b, i], lower[b, i, i]
            for lane in range(used):
                s = begin + lane
                row = 0 if common else s
                right = constant[s, i]
                for k in range(q):
                    right -= slope[s, i, k] * mu[row, k]
                w[lane] = right
            for lane in range(used, width):
                w[lane] = 0.0
            _times(w, at_i)
            for j in range(first, i + 1):
                prior = 0.0
                if j >= at_subject:
                    prior = squares[i - at_subject, j - at_subject]
                elif i < at_subject:
                    prior = squares[of_occasions + i - first, j - first]
                entry, at_j, inverse = lower[b, i, j], rows[j], lower[b, j, j]
                for lane in range(used):
                    entry[lane] = information[begin + lane, i, j]
                for lane in range(used, width):
                    entry[lane] = 0.0
                for lane in range(width):
                    entry[lane] = (entry[lane] + prior) * at_i[lane] * at_j[lane]
                for k in range(first if i < at_subject else _first(j, at_subject, m), j):
                    _less(entry, lower[b, i, k], lower[b, j, k])
                if j < i:
                    _times(entry, inverse)
                    _less(w, entry, solved[b, j])
            for lane in range(width):
                root = np.sqrt(diagonal[lane] + 1.0 - at_i[lane])
                volume[lane] *= root
                diagonal[lane] = 1.0 / root
            _times(w, diagonal)
            if i % _AT_ONCE == _AT_ONCE - 1 or i == d - 1:
                for lane in range(used):
                    total -= np.log(volume[lane])
                    volume[lane] = 1.0
        for i in range(d - 1, -1, -1):
            x, w, inverse = rows[d + i], solved[b, i], lower[b, i, i]
            for lane in range(width):
                x[lane] = (x[lane] + w[lane]) * inverse[lane]
            for j in range(_first(i, at_subject, m), i):
                _less(rows[d + j], lower[b, i, j], x)
            for lane in range(used):
                slot = slots[begin + lane, i]
                if slot >= 0:
                    effects[slot] = x[lane]
    log_determinant[0] = total


@part
def _back(
    mu, of_subject, of_occasion, slope, slots, effects, lower, solved, of_effects, of_determinant,
    to_u, to_mu, to_subject, to_occasion, rows, squares,
):  # fmt: skip
    n_subjects, d = slots.shape
    n, m, q, width = of_subject.shape[0], of_occasion.shape[0], mu.shape[1], rows.shape[1]
    at_subject, bar = d - n, 5 * d
    own = bar + d * d
    occasional = own + n * n
    common = mu.shape[0] == 1
    back = rows[4 * d]
    for k in range(n * n + m * m):
        for lane in range(width):
            rows[own + k, lane] = 0.0
    for b in range(lower.shape[0]):
        begin = b * width
        used = min(width, n_subjects - begin)
        for i in range(d):
            here, x, y = rows[i], rows[d + i], rows[2 * d + i]
            for lane in range(used):
                slot = slots[begin + lane, i]
                here[lane] = 1.0 if slot >= 0 else 0.0
                x[lane] = effects[slot] if slot >= 0 else 0.0
                y[lane] = of_effects[slot] if slot >= 0 else 0.0
            for lane in range(used, width):
                here[lane] = x[lane] = y[lane] = 0.0
        for i in range(d):
            y, r, inverse = rows[2 * d + i], rows[3 * d + i], lower[b, i, i]
            for j in range(_first(i, at_subject, m), i):
                _less(y, lower[b, i, j], rows[2 * d + j])
            _times(y, inverse)
            for lane in range(width):
                r[lane] = y[lane]
            for lane in range(used):
                slot = slots[begin + lane, i]
                if slot >= 0:
                    to_u[slot] += y[lane]
        for i in range(d - 1, -1, -1):
            r = rows[3 * d + i]
            _times(r, lower[b, i, i])
            for j in range(_first(i, at_subject, m), i):
                _less(rows[3 * d + j], lower[b, i, j], r)
            for lane in range(used):
                s = begin + lane
                row = 0 if common else s
                for k in range(q):
                    to_mu[row, k] -= slope[s, i, k] * r[lane]
        for i in range(d):
            x, r, inverse = rows[d + i], rows[3 * d + i], lower[b, i, i]
            for j in range(_first(i, at_subject, m), i + 1):
                entry, y, w = rows[bar + i * d + j], rows[2 * d + j], solved[b, j]
                for lane in range(width):
                    entry[lane] = -x[lane] * y[lane] - r[lane] * w[lane]
            entry = rows[bar + i * d + i]
            for lane in range(width):
                entry[lane] -= of_determinant * inverse[lane]
        for i in range(d - 1, -1, -1):
            first, at_i = _first(i, at_subject, m), rows[i]
            for j in range(i, first - 1, -1):
                entry, at_j, inverse = rows[bar + i * d + j], rows[j], lower[b, j, j]
                share = 0.5 if i == j else 1.0
                for lane in range(width):
                    back[lane] = share * entry[lane] * inverse[lane] * at_i[lane] * at_j[lane]
                if j < i:
                    _less(rows[bar + j * d + j], back, lower[b, i, j])
                for k in range(first if i < at_subject else _first(j, at_subject, m), j):
                    _less(rows[bar + i * d + k], back, lower[b, j, k])
                    _less(rows[bar + j * d + k], back, lower[b, i, k])
                if j >= at_subject:
                    total = rows[own + (i - at_subject) * n + j - at_subject]
                elif i < at_subject:
                    total = rows[occasional + (i - first) * m + j - first]
                else:
                    continue  # a subject's effect and an occasion's are independent beforehand
                for lane in range(width):
                    total[lane] += back[lane]
    _to_factor(rows, own, of_subject, squares, to_subject)
    _to_factor(rows, occasional, of_occasion, squares, to_occasion)


def run_forward(inputs: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
    """Call `forward` from Python: effects, log-determinant, factors, solutions."""
    *floats, slots = inputs
    u, mu, of_subject, of_occasion = floats[:4]
    width = lanes(len(slots))
    blocks, d = -(-len(slots) // width), slots.shape[1]
    found = np.zeros(len(u)), np.zeros(1), np.zeros((blocks, d, d, width)), np.zeros((blocks, d, width))
    arrays = [np.ascontiguousarray(x, float) for x in floats] + [np.ascontiguousarray(slots, np.int64)]
    _call(forward(), mu, of_subject, of_occasion, slots, width, len(u), [*arrays, *found])
    return found[0], found[1].reshape(()), *found[2:]


def run_backward(inputs: Sequence[np.ndarray], of_determinant: float) -> tuple[np.ndarray, ...]:
    """Call `backward` from Python: derivatives in u, mu and the two factors."""
    mu, of_subject, of_occasion, slope, slots, effects, lower, solved, of_effects = inputs
    found = (
        np.zeros(len(effects)),
        np.zeros(mu.shape),
        np.zeros(of_subject.shape),
        np.zeros(of_occasion.shape),
    )
    arrays = [np.ascontiguousarray(x, np.int64 if x is slots else float) for x in inputs]
    given = [*arrays, float(of_determinant), *found]
    _call(backward(), mu, of_subject, of_occasion, slots, solved.shape[2], len(effects), given)
    return found


def _call(function, mu, of_subject, of_occasion, slots, width, n_effects, given):
    d, n, m = slots.shape[1], len(of_subject), len(of_occasion)
    n_rows, n_squares = rooms(d, n, m)
    room = np.zeros((n_rows, width)), np.zeros((n_squares, max(n, m)))
    sizes = (len(slots), d, n, m, mu.shape[1], len(mu), width, n_effects)
    function.ctypes(*sizes, *(pointer(x) if isinstance(x, np.ndarray) else x for x in (*given, *room)))


@cache
def forward():
    """(sizes, u, mu, two factors, data) -> effects, log-determinant, factors, solutions; registered."""
    key = KERNEL_KEY

    def entry(
        n_subjects, d, n, m, q, n_rows, width, n_effects,
        u, mu, of_subject, of_occasion, information, constant, slope, slots,
        effects, log_determinant, lower, solved, rows, squares,
    ):  # fmt: skip
        if len(key) == 0:  # the key makes numba's cache notice a change of the source
            return
        blocks = (n_subjects + width - 1) // width
        n_lanes, n_squares = rooms_within(d, n, m)
        _forward(
            carray(u, (n_effects,)),
            carray(mu, (n_rows, q)),
            carray(of_subject, (n, n)),
            carray(of_occasion, (m, m)),
            carray(information, (n_subjects, d, d)),
            carray(constant, (n_subjects, d)),
            carray(slope, (n_subjects, d, q)),
            carray(slots, (n_subjects, d)),
            carray(effects, (n_effects,)),
            carray(log_determinant, (1,)),
            carray(lower, (blocks, d, d, width)),
            carray(solved, (blocks, d, width)),
            carray(rows, (n_lanes, width)),
            carray(squares, (n_squares, max(n, m))),
        )

    return _registered(entry, FORWARD, symbols()[0])


@cache
def backward():
    """The derivatives of `forward` in u, mu and the two factors; registered."""
    key = KERNEL_KEY

    def entry(
        n_subjects, d, n, m, q, n_rows, width, n_effects,
        mu, of_subject, of_occasion, slope, slots, effects, lower, solved, of_effects, of_determinant,
        to_u, to_mu, to_subject, to_occasion, rows, squares,
    ):  # fmt: skip
        if len(key) == 0:
            return
        blocks = (n_subjects + width - 1) // width
        n_lanes, n_squares = rooms_within(d, n, m)
        _back(
            carray(mu, (n_rows, q)),
            carray(of_subject, (n, n)),
            carray(of_occasion, (m, m)),
            carray(slope, (n_subjects, d, q)),
            carray(slots, (n_subjects, d)),
            carray(effects, (n_effects,)),
            carray(lower, (blocks, d, d, width)),
            carray(solved, (blocks, d, width)),
            carray(of_effects, (n_effects,)),
            of_determinant,
            carray(to_u, (n_effects,)),
            carray(to_mu, (n_rows, q)),
            carray(to_subject, (n, n)),
            carray(to_occasion, (m, m)),
            carray(rows, (n_lanes, width)),
            carray(squares, (n_squares, max(n, m))),
        )

    return _registered(entry, BACKWARD, symbols()[1])


def _registered(entry, signature, name):
    compiled = kept_cfunc(signature, error_model="numpy")(entry)
    binding.add_symbol(name, compiled.address)
    return compiled
