"""Priors: what they say of themselves agrees with what PyMC draws from."""

import math
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bayes_nlmem.ground.messages import ModelError
from bayes_nlmem.ground.priors import (
    LKJ,
    Beta,
    Distribution,
    ExponentialPrior,
    Gamma,
    HalfCauchy,
    HalfNormal,
    HalfStudentT,
    InverseGamma,
    LogNormal,
    Normal,
    Prior,
    StudentT,
    TruncatedNormal,
    Uniform,
)

SCALAR = [
    LogNormal(1.5, cv=0.5),
    LogNormal(1.5, sigma=0.4),
    Normal(0.75, 0.2),
    HalfNormal(0.5),
    HalfCauchy(2.0),
    StudentT(3, 1.0, 0.5),
    HalfStudentT(3, 0.5),
    Gamma(2.0, 4.0),
    InverseGamma(3.0, 0.5),
    ExponentialPrior(2.0),
    Uniform(-1.0, 3.0),
    Beta(2.0, 3.0),
    TruncatedNormal(0.8, 0.2, lower=0.0, upper=1.0),
    TruncatedNormal(0.8, 0.2, lower=0.0),
    Distribution("Laplace", mu=1.0, b=2.0),
    Distribution("Weibull", alpha=2.0, beta=1.0),
    Distribution("LogitNormal", mu=0.5, sigma=1.0),
]
ALL = [*SCALAR, LKJ(2.0), Distribution("SkewNormal", mu=0.0, sigma=1.0, alpha=3.0)]


@pytest.mark.parametrize("prior", SCALAR, ids=str)
def test_quantiles_are_those_of_the_pymc_distribution(prior):
    pm = pytest.importorskip("pymc")
    law = getattr(pm, prior.distribution).dist(**prior.arguments())
    probabilities = np.array([0.025, 0.5, 0.975])
    quantiles = np.array([prior.quantile(p) for p in probabilities])
    if isinstance(prior, HalfStudentT):  # PyMC has no distribution function of it
        draws = pm.draw(law, 50_000, random_seed=1)
        assert_allclose([(draws < q).mean() for q in quantiles], probabilities, atol=0.006)
    else:
        found = np.exp(pm.logcdf(law, quantiles).eval(mode="FAST_COMPILE"))
        assert_allclose(found, probabilities, rtol=1e-5)


@pytest.mark.parametrize("prior", ALL, ids=str)
def test_priors_are_values(prior):
    assert isinstance(prior, Prior)
    copy = pickle.loads(pickle.dumps(prior))
    assert copy == prior
    assert hash(copy) == hash(prior)
    assert eval(repr(prior), {**globals(), "inf": math.inf}) == prior
    with pytest.raises(AttributeError):
        prior.sd = 3.0
    if prior.support is not None:
        lower, upper = prior.support
        interval = prior.interval()
        assert interval is None or lower <= interval[0] < interval[1] <= upper


@pytest.mark.parametrize(
    ("prior", "text"),
    [
        (LogNormal(1.5, cv=0.5), "LogNormal(median 1.5, CV 50%)"),
        (LogNormal(1.5, sigma=0.5), "LogNormal(median 1.5, CV 53.3%)"),
        (Normal(0, 1), "Normal(mean 0, sd 1)"),
        (ExponentialPrior(2), "Exponential(mean 2)"),
        (Distribution("SkewNormal", mu=0.0, alpha=3.0), "SkewNormal(mu 0, alpha 3)"),
    ],
)
def test_priors_read_like_a_paper(prior, text):
    assert str(prior) == text


def test_log_normal_moments_follow_from_median_and_cv():
    prior = LogNormal(2.0, cv=0.4)
    assert prior.arguments() == {"mu": math.log(2.0), "sigma": pytest.approx(math.sqrt(math.log(1.16)))}
    assert prior.mean == pytest.approx(2.0 * math.sqrt(1.16))


def test_one_correlation_of_an_lkj_matrix_is_flat_in_a_pair_with_eta_1():
    assert LKJ(1).marginal(2).interval() == pytest.approx((-0.95, 0.95))
    assert LKJ(1).marginal(4).interval()[1] < LKJ(1).marginal(2).interval()[1]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: LogNormal(1.5), "one of `cv` and `sigma`.*got neither"),
        (lambda: LogNormal(1.5, cv=0.5, sigma=0.5), "one of `cv` and `sigma`"),
        (lambda: LogNormal(-1.5, cv=0.5), "a number > 0 for `median` of LogNormal, got -1.5"),
        (lambda: HalfNormal(0), "a number > 0 for `sd` of HalfNormal, got 0"),
        (lambda: Normal(0, True), "for `sd` of Normal, got True"),
        (lambda: Normal("0", 1), "a finite number for `mean` of Normal, got '0'"),
        (lambda: Normal(math.nan, 1), "a finite number for `mean` of Normal, got nan"),
        (lambda: Normal(Normal(0, 1), 1), "A prior takes numbers|arguments of a prior are known numbers"),
        (lambda: Uniform(3, 1), "lower < upper for Uniform, got lower 3, upper 1"),
        (lambda: TruncatedNormal(0, 1, lower=2, upper=2), "lower < upper"),
        (lambda: Distribution("SkewNormal", mu="a"), "a number for mu of Distribution"),
    ],
)
def test_bad_arguments_are_refused_with_a_reason(build, message):
    with pytest.raises(ModelError, match=message):
        build()
