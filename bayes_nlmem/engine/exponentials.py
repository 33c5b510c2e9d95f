"""Convolutions of exponentials, free of the singularities of the usual sums of exponentials.

``c(m1, ..., mk; t)`` is the convolution of ``exp(-m1 t), ..., exp(-mk t)`` over ``[0, t]``. Up to sign it
is a divided difference of ``m -> exp(-m t)``; it is positive, symmetric in its rates and smooth where
rates coincide (KA = k, repeated eigenvalues, zero rates). Far-apart rates use the recursion ``c(m1..mk) =
[c(m1..mk-1) - c(m2..mk)] / (mk - m1)`` on sorted rates, close ones the series in complete homogeneous
symmetric polynomials (McCurdy, Ng & Parlett 1984, doi:10.1090/S0025-5718-1984-0758198-0).

Every function takes pairs (rate, exp(-rate t)), so that one exponential per rate and interval suffices.
"""

from __future__ import annotations

from bayes_nlmem.engine.parts import inner_part, part

# Below this spread (times t) the series is used; 10 terms leave 1e-17, the recursion loses at most two
# digits.
CLOSE = 0.1

_T1 = (
    1.0,
    1 / 2.0,
    1 / 6.0,
    1 / 24.0,
    1 / 120.0,
    1 / 720.0,
    1 / 5040.0,
    1 / 40320.0,
    1 / 362880.0,
    1 / 3628800.0,
)
_T2 = _T1[1:] + (1 / 39916800.0,)
_T3 = _T2[1:] + (1 / 479001600.0,)


@inner_part
def pair(m1, e1, m2, e2, t):
    """Convolution of two exponentials, c(m1, m2; t)."""
    x = (m2 - m1) * t
    if abs(x) > CLOSE:
        return (e1 - e2) / (m2 - m1)
    total = _T1[9]
    for k in range(8, -1, -1):
        total = _T1[k] - x * total
    return e1 * t * total


@part
def _triple_sorted(m1, e1, m2, e2, m3, e3, t):
    x3 = (m3 - m1) * t
    if x3 > CLOSE:
        return (pair(m1, e1, m2, e2, t) - pair(m2, e2, m3, e3, t)) / (m3 - m1)
    x2 = (m2 - m1) * t
    power, homogeneous, sign, total = 1.0, 1.0, 1.0, _T2[0]
    for k in range(1, 10):
        power *= x2
        homogeneous = x3 * homogeneous + power
        sign = -sign
        total += sign * homogeneous * _T2[k]
    return e1 * t * t * total


@part
def triple(m1, e1, m2, e2, m3, e3, t):
    """Convolution of three exponentials, c(m1, m2, m3; t)."""
    if m1 > m2:
        m1, e1, m2, e2 = m2, e2, m1, e1
    if m2 > m3:
        m2, e2, m3, e3 = m3, e3, m2, e2
        if m1 > m2:
            m1, e1, m2, e2 = m2, e2, m1, e1
    return _triple_sorted(m1, e1, m2, e2, m3, e3, t)


@inner_part
def triple_of(m1, e1, m2, e2, m3, e3, c12, c13, c23, t):
    """`triple`, where the convolutions of two of them are known."""
    d12, d13, d23 = m2 - m1, m3 - m1, m3 - m2
    if abs(d13) >= abs(d12) and abs(d13) >= abs(d23):
        difference, spread = c12 - c23, d13
    elif abs(d12) >= abs(d23):
        difference, spread = c13 - c23, d12
    else:
        difference, spread = c12 - c13, d23
    if abs(spread) * t > CLOSE:
        return difference / spread
    return triple(m1, e1, m2, e2, m3, e3, t)


@part
def quadruple(m1, e1, m2, e2, m3, e3, m4, e4, t):
    """Convolution of four exponentials, c(m1, m2, m3, m4; t)."""
    if m1 > m2:
        m1, e1, m2, e2 = m2, e2, m1, e1
    if m3 > m4:
        m3, e3, m4, e4 = m4, e4, m3, e3
    if m1 > m3:
        m1, e1, m3, e3 = m3, e3, m1, e1
    if m2 > m4:
        m2, e2, m4, e4 = m4, e4, m2, e2
    if m2 > m3:
        m2, e2, m3, e3 = m3, e3, m2, e2
    x4 = (m4 - m1) * t
    if x4 > CLOSE:
        lower = _triple_sorted(m1, e1, m2, e2, m3, e3, t)
        return (lower - _triple_sorted(m2, e2, m3, e3, m4, e4, t)) / (m4 - m1)
    x2, x3 = (m2 - m1) * t, (m3 - m1) * t
    power, two, three, sign, total = 1.0, 1.0, 1.0, 1.0, _T3[0]
    for k in range(1, 10):
        power *= x2
        two = x3 * two + power
        three = x4 * three + two
        sign = -sign
        total += sign * three * _T3[k]
    return e1 * t * t * t * total
