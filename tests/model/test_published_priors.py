"""Published estimates, and fits, become priors: conversions, degrees of freedom, refusals."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy import stats

import bayes_nlmem as bn
from bayes_nlmem.ground.messages import ModelError
from bayes_nlmem.ground.published import Published


@pytest.fixture
def base():
    return bn.zoo.load("theophylline").model


def test_a_published_estimate_becomes_the_prior_of_its_place():
    parameter = bn.Parameter(
        bn.prior(2.8, rse="10%"),
        iiv=bn.prior(0.09, rse=0.4, of="variance"),
        iov=bn.prior(0.3, rse="20%", of="cv"),
        covariates={"WT": bn.Power(bn.prior(0.75, se=0.1), reference=70)},
    )
    assert str(parameter.typical) == "LogNormal(median 2.8, CV 10%)"
    assert str(parameter.covariates["WT"].exponent) == "Normal(mean 0.75, sd 0.1)"
    omega = stats.lognorm(parameter.iiv.log_sd, scale=parameter.iiv.median)
    variance = omega.rvs(400_000, random_state=1) ** 2
    assert_allclose(np.median(variance), 0.09, rtol=0.01)
    assert_allclose(variance.std() / variance.mean(), 0.4, rtol=0.02)
    gamma = stats.lognorm(parameter.iov.log_sd, scale=parameter.iov.median).rvs(400_000, random_state=2)
    cv = np.sqrt(np.expm1(gamma**2))
    assert_allclose(np.median(cv), 0.3, rtol=0.01)
    assert_allclose(cv.std() / cv.mean(), 0.2, rtol=0.05)
    fraction = bn.Parameter(bn.prior(0.6, rse="10%"), scale=bn.Logit())
    assert str(fraction.typical) == "TruncatedNormal(mean 0.6, sd 0.06, lower 0, upper 1)"


def test_degrees_of_freedom_give_the_published_uncertainty_of_a_variance():
    for size, rse in ((1, 0.3), (3, 0.5)):
        df = bn.degrees_of_freedom(rse, size=size)
        scale = (df - size - 1) * np.eye(size) * 0.2
        shape = (df - size + 1) / 2  # the marginal of a diagonal element is an inverse gamma
        marginal = stats.invgamma(shape, scale=scale[0, 0] / 2)
        assert_allclose(marginal.mean(), 0.2)
        assert_allclose(marginal.std() / marginal.mean(), rse)


def test_a_table_with_a_block_becomes_an_inverse_wishart_prior(base):
    table = pd.DataFrame(
        [
            ("CL_pop", 2.75, "8%", None),
            ("omega_CL", 0.07, "40%", "variance"),
            ("omega_V", 0.02, "50%", "variance"),
            ("corr_CL_V", 0.3, None, None),
            ("sigma_cp_prop", 0.1, "10%", None),
        ],
        columns=["name", "estimate", "rse", "of"],
    )
    priors = bn.priors_from_table(base, table)
    block = priors["CL", "V"]
    mean = np.array(block.scale) / (block.df - 3)
    cross = 0.3 * np.sqrt(0.07 * 0.02)
    assert_allclose(mean, [[0.07, cross], [cross, 0.02]], rtol=1e-10)
    assert_allclose(block.df, 2 + 3 + 2 / 0.5**2)
    model = base.with_priors(priors)
    assert model.parameters["CL"].iiv == bn.Joint()
    assert str(model.parameters["CL"].typical) == "LogNormal(median 2.75, CV 8%)"
    assert str(model.residuals["cp"].proportional) == "LogNormal(median 0.1, CV 10%)"
    graph = bn.build(model, bn.zoo.load("theophylline").data)
    assert np.isfinite(graph.compile_dlogp(mode="FAST_COMPILE")(graph.initial_point())).all()


def test_widening_makes_priors_weaker(base):
    narrow, wide = (bn.priors_from_table(base, {"CL_pop": (2.75, "8%")}, widen=w)["CL_pop"] for w in (1, 2))
    assert wide.cv == 2 * narrow.cv


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"CL": (1.0, "10%")}, "'CL', whose prior would have no effect. The model has"),
        ({"CL_WT": (0.7, "10%")}, r"known in the model \(0.75 \(known\)\): a prior would have no effect"),
        ({"CL_pop": (1.0, 10)}, 'Write rse="25%" or rse=0.25'),
        ({"CL_pop": (-1.0, "10%")}, "a number > 0 for CL_pop"),
        ({"CL_pop": (1.0,)}, "rse or se of CL_pop"),
        ({"corr_CL_V": (0.3, None), "omega_CL": (0.2, "30%")}, "whole block of corr_CL_V, got no omega_V"),
    ],
)
def test_what_a_table_cannot_mean_is_refused(base, table, message):
    with pytest.raises(ModelError, match=message):
        bn.priors_from_table(base, table)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "one of rse and se"),
        ({"rse": "10%", "se": 0.1}, "got both"),
        ({"rse": 25}, "relative standard error"),
        ({"rse": "ten"}, "relative standard error"),
        ({"rse": 0.1, "of": "sigma"}, "of one of value, sd"),
        ({"se": -1.0}, "se a number > 0"),
    ],
)
def test_an_estimate_without_a_sensible_error_is_refused(arguments, message):
    with pytest.raises(ModelError, match=message):
        bn.prior(0.15, **arguments)


def test_a_form_of_variability_is_refused_elsewhere():
    with pytest.raises(ModelError, match="for a standard deviation only"):
        bn.Power(bn.prior(0.75, rse="10%", of="variance"), reference=70)
    assert isinstance(bn.prior(0.75, rse="10%"), Published)


def test_priors_by_name_reach_every_part_of_a_model(base):
    error = bn.Scaled(
        bn.StudentTError(bn.Combined(bn.about(0.1), bn.about(0.1)), bn.about(5.0)),
        {"WT": bn.Power(bn.Normal(0, 1), reference=70)},
        iiv=bn.about(0.3),
    )
    model = base.with_residual("cp", error)
    changes = {
        "sigma_cp_add": bn.HalfNormal(9.0),
        "sigma_cp_prop": 0.25,
        "sigma_cp_df": 7.0,
        "sigma_cp_WT": bn.Normal(0, 9),
        "omega_sigma_cp": bn.HalfNormal(9.0),
        "V_WT": bn.Normal(1, 9),
        "KA_pop": bn.LogNormal(1.0, cv=9.0),
        "corr_CL_V": bn.LKJ(9),
    }
    changed = {q.name: q.value for q in _quantities(model.with_priors(changes))}
    before = {q.name: q.value for q in _quantities(model)}
    assert {name: changed[name] for name in changes} == changes
    assert {n: v for n, v in changed.items() if n not in changes} == {
        n: v for n, v in before.items() if n not in changes
    }
    with pytest.raises(ModelError, match="'KA', whose prior would have no effect"):
        model.with_priors({"KA": bn.HalfNormal(1.0)})
    with pytest.raises(ModelError, match="a block of correlated effects"):
        model.with_priors({("CL", "KA"): bn.InverseWishart(5, [[0.2, 0.0], [0.0, 0.2]])})


def _quantities(model):
    from bayes_nlmem.model.quantities import quantities

    return quantities(model)


def test_draws_become_priors_of_their_family():
    from bayes_nlmem.learning.fitted_priors import matched

    rng = np.random.default_rng(1)
    positive = matched(np.exp(rng.normal(1.0, 0.2, 5000)), (0.0, np.inf))
    assert_allclose([np.log(positive.median), positive.sigma], [1.0, 0.2], atol=0.01)
    share = matched(1 / (1 + np.exp(-rng.normal(0.5, 0.3, 5000))), (0.0, 1.0)).arguments()
    assert_allclose([share["mu"], share["sigma"]], [0.5, 0.3], atol=0.02)
    assert matched(rng.normal(5.0, 1.0, 500), (-np.inf, np.inf), widen=2.0).sd > 1.8
    assert str(matched(np.exp(rng.normal(2.0, 0.1, 500)), (2.0, np.inf))).endswith("above 2")


def test_truncated_priors_refuse_bounds_that_cut_nothing_or_everything():
    with pytest.raises(ModelError, match="which is all"):
        bn.Truncated(bn.HalfNormal(1.0), lower=0.0)
    with pytest.raises(ModelError, match="which is nothing"):
        bn.Truncated(bn.HalfNormal(1.0), upper=-1.0)
    prior = bn.Truncated(bn.Normal(0, 1), lower=0.0, upper=1.0)
    reference = stats.truncnorm(0, 1)
    assert_allclose(prior.interval(0.9), reference.ppf([0.05, 0.95]), rtol=1e-8)
