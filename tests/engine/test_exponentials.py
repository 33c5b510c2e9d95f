"""Convolutions of exponentials agree with 50-digit arithmetic wherever the rates lie."""

import itertools

import mpmath
import numpy as np
import pytest
from numba import njit

from bayes_nlmem.engine import exponentials

RATES = (0.0, 1e-9, 0.2, 0.2 + 1e-9, 0.2 + 1e-4, 0.21, 3.0, 250.0)


def exact(rates, t):
    """(-1)^(m-1) exp[m1, ..., mm] from the Opitz matrix, whose exponential holds the divided differences."""
    with mpmath.workdps(50):
        m = len(rates)
        opitz = mpmath.zeros(m)
        for i, rate in enumerate(rates):
            opitz[i, i] = -mpmath.mpf(rate) * t
            if i + 1 < m:
                opitz[i, i + 1] = mpmath.mpf(t)
        return float(mpmath.expm(opitz)[0, m - 1])


@njit
def pair(m, e, t):
    return exponentials.pair(m[0], e[0], m[1], e[1], t)


@njit
def triple(m, e, t):
    return exponentials.triple(m[0], e[0], m[1], e[1], m[2], e[2], t)


@njit
def quadruple(m, e, t):
    return exponentials.quadruple(m[0], e[0], m[1], e[1], m[2], e[2], m[3], e[3], t)


@pytest.mark.parametrize(
    ("function", "count", "tolerance"), [(pair, 2, 1e-13), (triple, 3, 1e-12), (quadruple, 4, 2e-11)]
)
def test_convolutions_are_exact_for_near_equal_and_far_apart_rates(function, count, tolerance):
    combinations = list(itertools.combinations_with_replacement(RATES, count))
    rng = np.random.default_rng(1)
    for index in rng.permutation(len(combinations))[:60]:
        rates = np.array(combinations[index])
        for t in (0.01, 1.7):
            shuffled = rng.permutation(rates)
            value = function(shuffled, np.exp(-shuffled * t), t)
            assert value == pytest.approx(exact(rates, t), rel=tolerance, abs=0)
