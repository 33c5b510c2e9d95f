"""Gaussian elimination with row exchanges for the small systems of one subject."""

from __future__ import annotations

from bayes_nlmem.engine.ode.compiling import compiled, joined
from bayes_nlmem.engine.ode.model_table import LANES


@compiled
def eliminate(a, pivots, n):
    """Replace a by its factors (the diagonal of U inverted); false if it is singular.

    `pivots` gets the exchanges, and behind them the order of rows that they lead to.
    """
    for k in range(n):
        pivots[n + k] = k
    for k in range(n):
        best, largest = k, abs(a[k, k])
        for i in range(k + 1, n):
            if abs(a[i, k]) > largest:
                best, largest = i, abs(a[i, k])
        pivots[k] = best
        if not largest > 0.0:
            return False
        if best != k:
            pivots[n + k], pivots[n + best] = pivots[n + best], pivots[n + k]
            for j in range(n):
                a[k, j], a[best, j] = a[best, j], a[k, j]
        inverse = 1.0 / a[k, k]
        a[k, k] = inverse
        for i in range(k + 1, n):
            if a[i, k] != 0.0:
                a[i, k] *= inverse
                for j in range(k + 1, n):
                    a[i, j] -= a[i, k] * a[k, j]
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
