"""Gaussian elimination with row exchanges for the small systems of one subject."""

from __future__ import annotations

from bayes_nlmem.engine.ode.compiling import compiled, floats_at, ints_at, joined
from bayes_nlmem.engine.ode.model_table import LANES


@joined
def eliminate(a, pivots, n):
    """Replace a by its factors (the diagonal of U inverted); false if it is singular.

    `pivots` gets the exchanges, and behind them the order of rows that they lead to.
    """
    x, order = floats_at(a.ctypes.data), ints_at(pivots.ctypes.data)
    for k in range(n):
        order[n + k] = k
    for k in range(n):
        best, largest = k, abs(x[k * n + k])
        for i in range(k + 1, n):
            if abs(x[i * n + k]) > largest:
                best, largest = i, abs(x[i * n + k])
        order[k] = best
        if not largest > 0.0:
            return False
        if best != k:
            order[n + k], order[n + best] = order[n + best], order[n + k]
            for j in range(n):
                x[k * n + j], x[best * n + j] = x[best * n + j], x[k * n + j]
        inverse = 1.0 / x[k * n + k]
        x[k * n + k] = inverse
        for i in range(k + 1, n):
            if x[i * n + k] != 0.0:
                factor = x[i * n + k] * inverse
                x[i * n + k] = factor
                for j in range(k + 1, n):
                    x[i * n + j] -= factor * x[k * n + j]
    return True


@compiled
def solve_vector(a, pivots, n, x, first, step):
    """Solve in place for the vector x[first], x[first + step], ..."""
    for k in range(n):
        if pivots[k] != k:
            i, j = first + k * step, first + pivots[k] * step
            x[i], x[j] = x[j], x[i]
    for i in range(1, n):
        value = x[first + i * step]
        for j in range(i):
            value -= a[i, j] * x[first + j * step]
        x[first + i * step] = value
    for i in range(n - 1, -1, -1):
        value = x[first + i * step]
        for j in range(i + 1, n):
            value -= a[i, j] * x[first + j * step]
        x[first + i * step] = value * a[i, i]


@joined
def solve_blocks(a, pivots, n, x, first, n_blocks):
    """Solve in place for the columns of `n_blocks` blocks of x that begin at `first`."""
    for block in range(n_blocks):
        at = first + block * n * LANES
        for k in range(n):
            if pivots[k] != k:
                for lane in range(LANES):
                    i, j = at + k * LANES + lane, at + pivots[k] * LANES + lane
                    x[i], x[j] = x[j], x[i]
        for i in range(1, n):
            for j in range(i):
                factor = a[i, j]
                if factor != 0.0:
                    for lane in range(LANES):
                        x[at + i * LANES + lane] -= factor * x[at + j * LANES + lane]
        for i in range(n - 1, -1, -1):
            for j in range(i + 1, n):
                factor = a[i, j]
                if factor != 0.0:
                    for lane in range(LANES):
                        x[at + i * LANES + lane] -= factor * x[at + j * LANES + lane]
            for lane in range(LANES):
                x[at + i * LANES + lane] *= a[i, i]
