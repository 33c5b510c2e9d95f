"""The laws of the error: densities, probabilities of intervals far out, slopes, draws, residuals."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from bayes_nlmem.statistics.laws import NORMAL, Law
from bayes_nlmem.statistics.standard_laws import StandardLaw, StandardNormal, StandardT
from bayes_nlmem.statistics.transformations import Logarithm

pytensor = pytest.importorskip("pytensor")
pt = pytest.importorskip("pytensor.tensor")

DF = 3.5
CASES = {
    "normal": (NORMAL, (), lambda f, s: stats.norm(f, s)),
    "t": (Law(standard=StandardT()), (DF,), lambda f, s: stats.t(DF, f, s)),
    "log-normal": (Law(Logarithm()), (), lambda f, s: stats.lognorm(s, scale=f)),
}
F, SPREAD = 2.0, 0.4


def evaluated(law, value, lower, upper, shape, f=F, spread=SPREAD):
    arrays = [np.atleast_1d(np.asarray(x, float)) for x in (value, lower, upper)]
    graph = law.log_probability(arrays[0], pt.constant(f), spread, *shape, *arrays[1:])
    return pytensor.function([], graph, mode="FAST_COMPILE")()


@pytest.mark.parametrize("name", CASES)
def test_quantified_values_have_a_density(name):
    law, shape, reference = CASES[name]
    value = np.array([0.3, 1.9, 2.0, 7.0])
    expected = reference(F, SPREAD).logpdf(value)
    assert_allclose(evaluated(law, value, value, value, shape), expected, rtol=1e-12)
    alone = law.log_density(value, pt.constant(F), SPREAD, *shape)
    assert_allclose(pytensor.function([], alone, mode="FAST_COMPILE")(), expected, rtol=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_intervals_have_a_probability(name):
    law, shape, reference = CASES[name]
    known = reference(F, SPREAD)
    lower = np.array([-np.inf, -np.inf, 2.5, 9.0, 0.0, 2.1, 1.0])
    upper = np.array([0.4, 3.0, np.inf, np.inf, 0.5, 2.3, 4.0])
    expected = [
        known.logcdf(0.4),
        known.logcdf(3.0),
        known.logsf(2.5),
        known.logsf(9.0),
        np.log(known.cdf(0.5) - known.cdf(0.0)),
        np.log(known.sf(2.1) - known.sf(2.3)),
        np.log(known.cdf(4.0) - known.cdf(1.0)),
    ]
    value = np.where(np.isfinite(upper), upper, lower)
    assert_allclose(evaluated(law, value, lower, upper, shape), expected, rtol=1e-8)


@pytest.mark.parametrize("df", [0.3, 1.0, 2.0, 4.0, 30.0, 1000.0])
def test_the_tail_of_student_s_t_keeps_its_relative_accuracy(df):
    z = np.array([-1e6, -1e3, -40.0, -6.0, -1.0, -0.1, 0.0, 0.1, 3.0, 40.0])
    got = StandardT().log_cdf(z, df).eval()
    # scipy's own logarithm of the distribution function underflows where its beta function does not.
    from scipy.special import betaln, log1p

    tail = stats.t.logcdf(-np.abs(z), df)
    far = (np.abs(z) > 100 * np.sqrt(df)) & (z < 0)
    x = df / (df + z**2)
    series = df / 2 * np.log(x) - np.log(df) - betaln(df / 2, 0.5) + log1p(df / 2 * x / (df + 2))
    expected = np.where(far, series, np.where(z <= 0, tail, np.log1p(-np.exp(tail))))
    finite = np.isfinite(expected)
    assert finite.sum() >= 8
    assert_allclose(got[finite], expected[finite], rtol=1e-7, atol=2e-9)
    assert np.isfinite(got).all()


@pytest.mark.parametrize("name", CASES)
def test_slopes_are_finite_and_right_for_every_kind_of_interval(name):
    law, shape, _ = CASES[name]
    lower = np.array([-np.inf, 1.0, 0.0, 2.0, -np.inf, 60.0, 1.3])
    upper = np.array([0.3, np.inf, 0.4, 2.0, 1e-6, np.inf, 3.0])
    value = np.where(np.isfinite(upper), upper, lower)
    arguments = [pt.scalar() for _ in range(2 + len(shape))]
    f, spread, *form = arguments
    total = law.log_probability(value, f + np.zeros(7), spread, *form, lower, upper).sum()
    function = pytensor.function(arguments, [total, *pytensor.grad(total, arguments)], mode="FAST_COMPILE")
    at = np.array([F, SPREAD, *shape])
    for k, slope in enumerate(function(*at)[1:]):
        step = 1e-5 * np.eye(len(at))[k]
        difference = (function(*(at + step))[0] - function(*(at - step))[0]) / 2e-5
        assert_allclose(slope, difference, rtol=1e-6)


def test_a_logarithm_knows_no_prediction_of_zero():
    law, value = Law(Logarithm()), np.array([1.0, 1.0])
    f = pt.vector()
    term = law.log_probability(value, f, 0.3, np.array([1.0, -np.inf]), value)
    function = pytensor.function([f], [term, pytensor.grad(term[0], f)], mode="FAST_COMPILE")
    got, slope = function(np.array([0.0, -1.0]))
    assert_allclose(got, [-np.inf, -np.inf])
    assert np.isfinite(slope).all()


@pytest.mark.parametrize("name", CASES)
def test_draws_follow_the_law(name):
    law, shape, reference = CASES[name]
    f, bound = np.full(4000, F), np.zeros(4000)
    drawn = law.draw(f, SPREAD, *shape, bound, bound, rng=np.random.default_rng(1), size=None)
    assert stats.kstest(drawn, reference(F, SPREAD).cdf).pvalue > 0.01


@pytest.mark.parametrize("name", CASES)
def test_weighted_residuals_are_normal_scores(name):
    law, shape, reference = CASES[name]
    value = np.array([0.5, 2.0, 3.1])
    expected = stats.norm.ppf(reference(F, SPREAD).cdf(value))
    assert_allclose(law.weighted_residual(value, F, SPREAD, *shape), expected, rtol=1e-9, atol=1e-12)


def test_both_are_standard_laws():
    assert isinstance(StandardNormal(), StandardLaw)
    assert isinstance(StandardT(), StandardLaw)
