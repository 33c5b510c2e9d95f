"""Censored observations are intervals, with probabilities that stay accurate in the tail."""

import numpy as np
import pandas as pd
import pytensor
import pytest
from numpy.testing import assert_allclose
from scipy import stats

import bayes_nlmem as bn
from bayes_nlmem.translation.likelihood import interval_normal_logp, observations


def log_probability(lower, upper, mean, sd):
    return pytensor.function([], interval_normal_logp(upper, mean, sd, lower, upper), mode="FAST_COMPILE")()


def test_quantified_values_have_a_density():
    value = np.array([1.0, -2.0])
    assert_allclose(
        log_probability(value, value, np.zeros(2), np.full(2, 1.5)), stats.norm.logpdf(value, 0, 1.5)
    )


@pytest.mark.parametrize(
    ("lower", "upper", "expected"),
    [
        (-np.inf, 0.3, stats.norm.logcdf(0.3, 1, 0.5)),
        (-np.inf, -40.0, stats.norm.logcdf(-40.0, 1, 0.5)),
        (2.0, np.inf, stats.norm.logsf(2.0, 1, 0.5)),
        (60.0, np.inf, stats.norm.logsf(60.0, 1, 0.5)),
        (0.0, 0.3, np.log(stats.norm.cdf(0.3, 1, 0.5) - stats.norm.cdf(0, 1, 0.5))),
        (1.5, 1.7, np.log(stats.norm.sf(1.5, 1, 0.5) - stats.norm.sf(1.7, 1, 0.5))),
        (0.0, 3.0, np.log(stats.norm.cdf(3.0, 1, 0.5) - stats.norm.cdf(0, 1, 0.5))),
    ],
)
def test_intervals_have_a_probability(lower, upper, expected):
    got = log_probability(np.array([lower]), np.array([upper]), np.array([1.0]), np.array([0.5]))
    assert_allclose(got, expected, rtol=1e-10)


def test_gradients_in_the_residual_error_are_finite_for_unbounded_intervals():
    sd = pytensor.tensor.dscalar()
    lower, upper = np.array([-np.inf, 1.0, 0.0, 2.0]), np.array([1.0, np.inf, 1.0, 2.0])
    total = interval_normal_logp(np.array([1.0, 1.0, 1.0, 2.0]), 0.5, sd, lower, upper).sum()
    slope = pytensor.function([sd], pytensor.grad(total, sd), mode="FAST_COMPILE")
    value = pytensor.function([sd], total, mode="FAST_COMPILE")
    h = 1e-5
    assert_allclose(slope(0.7), (value(0.7 + h) - value(0.7 - h)) / (2 * h), rtol=1e-7)


def test_gradients_of_censored_values_are_finite():
    mean = pytensor.tensor.vector()
    lower = np.array([-np.inf, 1.0, 0.0, -np.inf, 2.0])
    upper = np.array([0.3, 1.0, 0.3, -30.0, np.inf])
    total = interval_normal_logp(upper, mean, 0.5, lower, upper).sum()
    gradient = pytensor.function([mean], pytensor.grad(total, mean), mode="FAST_COMPILE")
    at = np.ones(5)
    step = 1e-6
    value = pytensor.function(
        [mean], interval_normal_logp(upper, mean, 0.5, lower, upper), mode="FAST_COMPILE"
    )
    assert_allclose(gradient(at), (value(at + step) - value(at - step)) / (2 * step), rtol=1e-6, atol=1e-8)


def test_cens_and_limit_become_intervals():
    frame = pd.DataFrame(
        {
            "ID": 1,
            "TIME": [0, 1, 2, 3, 4.0],
            "DV": [1.0, 0.1, 0.1, 9.0, 9.0],
            "CENS": [0, 1, 1, -1, -1],
            "LIMIT": [None, None, 0.0, None, 12.0],
        }
    )
    seen = observations(bn.read(frame), np.arange(5))
    assert_allclose(seen.lower, [1.0, -np.inf, 0.0, 9.0, 9.0])
    assert_allclose(seen.upper, [1.0, 0.1, 0.1, np.inf, 12.0])
    assert list(seen.censored) == [False, True, True, True, True]
