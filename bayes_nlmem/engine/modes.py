"""Modes of the mammillary disposition: eigenvalues and eigenvectors of the symmetrised rate matrix.

Amounts in the central compartment (0) and the peripheral ones (i) obey ``a' = -K a`` with ``K[0,0] = k10
+ sum k1i``, ``K[i,0] = -k1i``, ``K[0,i] = -ki1``, ``K[i,i] = ki1``. ``S = D^1/2 K D^-1/2`` with ``D =
diag(1, ki1 / k1i)`` is symmetric, so its modes stay well conditioned when eigenvalues coincide or when a
compartment is cut off.

A basis is one array of n + 1 columns with the rows: rates (and ka last); W (modes from amounts); Wi
(amounts from modes); then for each disposition parameter q in the order k10, k12, k21, k13, k31 the
images u, v of dK/dq = u v'.
"""

from __future__ import annotations

import numpy as np

from bayes_nlmem.engine.parts import inner_part, part

RATES = 0

# A one-way exchange (one of k1i, ki1 is zero) cannot be symmetrised; the other way gets this share of it.
ONE_WAY = 1e-13


@inner_part
def in_amounts(state, row, basis, comp, dims):
    """Amount in one compartment from one row of the modal state."""
    n = len(dims)
    if comp == n:
        return state[row, n]
    total = 0.0
    for j in range(n):
        total += basis[1 + n + comp, j] * state[row, j]
    return total


@part
def _rotate(s, p, q, n):
    """One Jacobi rotation that makes s[p, q] zero; eigenvectors gather in the rows below n."""
    b = s[p, q]
    if b == 0.0:
        return
    tau = (s[q, q] - s[p, p]) / (2.0 * b)
    t = 1.0 / (abs(tau) + np.sqrt(1.0 + tau * tau))
    if tau < 0.0:
        t = -t
    c = 1.0 / np.sqrt(1.0 + t * t)
    sn = t * c
    s[p, p] -= t * b
    s[q, q] += t * b
    s[p, q] = 0.0
    s[q, p] = 0.0
    for k in range(n):
        if k != p and k != q:
            x, y = s[k, p], s[k, q]
            s[k, p] = c * x - sn * y
            s[k, q] = sn * x + c * y
            s[p, k] = s[k, p]
            s[q, k] = s[k, q]
        x, y = s[n + k, p], s[n + k, q]
        s[n + k, p] = c * x - sn * y
        s[n + k, q] = sn * x + c * y


@part
def _two_way(out, back):
    return max(out, ONE_WAY * back), max(back, ONE_WAY * out)


@part
def find_modes(parameters, depot, basis, work, dims):
    """Fill `basis` from a row of engine parameters (k10, k12, k21, k13, k31; then ka with a depot)."""
    n = len(dims)
    basis[RATES, n] = parameters[2 * n - 1] if depot else 0.0
    s = work
    for i in range(n):
        for j in range(n):
            s[i, j] = 0.0
            s[n + i, j] = 1.0 if i == j else 0.0
    s[0, 0] = parameters[0]
    determinant = parameters[0]
    for i in range(1, n):
        out, back = _two_way(parameters[2 * i - 1], parameters[2 * i])
        s[0, 0] += out
        s[i, i] = back
        s[0, i] = -np.sqrt(out * back)
        s[i, 0] = s[0, i]
        determinant *= back
    if n == 2:
        _rotate(s, 0, 1, n)
    elif n == 3:
        for _ in range(12):
            off = abs(s[0, 1]) + abs(s[0, 2]) + abs(s[1, 2])
            if not off > 1e-20 * min(s[0, 0], s[1, 1], s[2, 2]):
                break
            _rotate(s, 0, 1, n)
            _rotate(s, 0, 2, n)
            _rotate(s, 1, 2, n)
    # The slowest rate from the determinant: exact to the last digits even when elimination is slow.
    slowest, others = 0, 1.0
    for j in range(1, n):
        if s[j, j] < s[slowest, slowest]:
            slowest = j
    for j in range(n):
        basis[RATES, j] = s[j, j]
        if j != slowest:
            others *= s[j, j]
    if n > 1 and others > 0.0:
        basis[RATES, slowest] = determinant / others
    for c in range(n):
        root = 1.0
        if c > 0:
            out, back = _two_way(parameters[2 * c - 1], parameters[2 * c])
            root = np.sqrt(back / out) if out > 0.0 else 1.0
        for j in range(n):
            basis[1 + j, c] = s[n + c, j] * root
            basis[1 + n + c, j] = s[n + c, j] / root
    first = 1 + 2 * n
    for j in range(n):
        basis[first, j] = basis[1 + j, 0]
        basis[first + 1, j] = basis[1 + n, j]
    for i in range(1, n):
        at = first + 4 * i - 2
        for j in range(n):
            difference = basis[1 + j, 0] - basis[1 + j, i]
            basis[at, j] = difference
            basis[at + 1, j] = basis[1 + n, j]
            basis[at + 2, j] = -difference
            basis[at + 3, j] = basis[1 + n + i, j]


@part
def change_modes(machine, n_rows, parameters, depot, first, dims):
    """Go over to the modes of another parameter row; amounts stay (`first`: there are none yet)."""
    n = len(dims)
    state, basis, work = machine.state, machine.basis, machine.work
    if first:
        find_modes(parameters, depot, basis, work, dims)
        return
    for i in range(n_rows):
        for c in range(n):
            work[0, c] = in_amounts(state, i, basis, c, dims)
        for c in range(n):
            state[i, c] = work[0, c]
    find_modes(parameters, depot, basis, work, dims)
    for i in range(n_rows):
        for j in range(n):
            total = 0.0
            for c in range(n):
                total += basis[1 + j, c] * state[i, c]
            work[0, j] = total
        for j in range(n):
            state[i, j] = work[0, j]
