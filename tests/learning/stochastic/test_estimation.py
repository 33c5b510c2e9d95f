"""SAEM finds the maximum of the likelihood, says how sure it is, and how it went."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn

# Exact ML by adaptive quadrature (../shared/reference/exact_ml/theo_const.json): value, standard error.
EXACT = {
    "KA_pop": (1.579423946916497, 0.30281671616777),
    "V_pop": (31.626006353310462, 1.470728201521317),
    "CL_pop": (2.7479830980940165, 0.23470203762235328),
    "sigma_cp_add": (0.7379753021147577, 0.056270856045439695),
}
VARIANCES = {
    "omega_KA": (0.3947433581194649, 0.18954197985431728),
    "omega_V": (0.017888410552213845, 0.011017218545316147),
    "omega_CL": (0.0707486290526338, 0.036193664420708094),
}
MINUS_TWICE = 345.4348541950528


def test_estimates_are_within_a_third_of_a_standard_error_of_exact_maximum_likelihood(estimated):
    value = estimated.estimates["value"]
    for name, (exact, se) in EXACT.items():
        assert abs(value[name] - exact) < 0.3 * se, name
    for name, (exact, se) in VARIANCES.items():
        assert abs(value[name] ** 2 - exact) < 0.3 * se, name


def test_standard_errors_are_those_of_the_observed_information(estimated):
    se, value = estimated.estimates["se"], estimated.estimates["value"]
    for name, (_, exact) in EXACT.items():
        assert_allclose(se[name], exact, rtol=0.15)
    for name, (_, exact) in VARIANCES.items():
        assert_allclose(2 * value[name] * se[name], exact, rtol=0.3)


def test_likelihood_is_within_its_own_error(estimated):
    found = estimated.likelihood
    assert abs(found["minus_twice"] - MINUS_TWICE) < 4 * found["error"] + 0.05
    assert found["parameters"] == 7
    assert_allclose(found["aic"], found["minus_twice"] + 14)
    assert_allclose(found["bicc"], found["minus_twice"] + 3 * np.log(12) + 4 * np.log(120))


@pytest.mark.slow
def test_the_same_seed_gives_the_same_numbers(theophylline, estimated):
    again = bn.saem(*theophylline, seed=1, progress=False)
    assert_allclose(again.estimates["value"], estimated.estimates["value"], rtol=0)
    assert_allclose(again.effects, estimated.effects, rtol=0)
    assert again.likelihood == estimated.likelihood


def test_the_result_says_that_priors_gave_the_start_only(estimated):
    assert "maximum likelihood; priors gave the start only" in repr(estimated)
    assert estimated.record.estimate == "maximum likelihood"


@pytest.mark.slow
def test_priors_count_only_if_asked_to(theophylline):
    model, data = theophylline
    informed = model.with_parameter("KA", typical=bn.LogNormal(0.8, sigma=0.05))
    mode = bn.saem(informed, data, priors=True, seed=1, likelihood=False, progress=False)
    assert "posterior mode; priors count" in repr(mode)
    assert mode.estimates.loc["KA_pop", "value"] < 0.95
    ignored = bn.saem(informed, data, seed=1, likelihood=False, progress=False)
    assert abs(ignored.estimates.loc["KA_pop", "value"] - EXACT["KA_pop"][0]) < 0.3 * EXACT["KA_pop"][1]


def test_every_free_variable_is_in_the_draws(estimated):
    posterior = estimated.draws["posterior"]
    graph = estimated.translation.graph
    assert {rv.name for rv in graph.free_RVs} <= set(posterior.data_vars)
    assert np.ptp(posterior["CL_pop"].values) == 0
    assert_allclose(posterior["CL_pop"].values.flat[0], estimated.estimates.loc["CL_pop", "value"])
    eta = posterior["eta"].mean(("chain", "draw")).values.ravel()
    assert_allclose(estimated.individuals["MEAN"], eta, atol=1e-12)
    assert set(estimated.predictions()) >= {"PRED", "IPRED", "IWRES"}
    assert len(estimated.summary()) == len(bn.priors(estimated.model))


def test_individuals_have_mean_spread_and_mode(estimated):
    table = estimated.individuals
    assert list(table["PARAMETER"][:3]) == ["KA", "CL", "V"]
    assert_allclose(table["MEAN"], table["MODE"], atol=0.15)
    assert_allclose(table["SD"], table["MODE_SD"], rtol=0.5)
    assert 0 <= estimated.estimates.loc["omega_V", "shrinkage"] < 30


@pytest.mark.slow
def test_a_known_number_stays_known(theophylline):
    model, data = theophylline
    model = model.with_parameter("V", iiv=0.2)
    fit = bn.saem(model, data, seed=1, likelihood=False, progress=False)
    row = fit.estimates.loc["omega_V"]
    assert row["value"] == 0.2 and row["known"] and np.isnan(row["se"])


def test_settings_are_checked_at_the_door(theophylline):
    for wrong in ({"chains": 0}, {"smooth": 0}, {"tolerance": 2.0}, {"draws": 1}, {"explore": 2.5}):
        with pytest.raises(bn.FitError, match=next(iter(wrong))):
            bn.saem(*theophylline, **wrong)


def test_a_model_without_random_effects_is_refused(theophylline):
    model, data = theophylline
    for name in ("KA", "CL", "V"):
        model = model.with_parameter(name, iiv=None)
    with pytest.raises(bn.FitError, match="random effects"):
        bn.saem(model, data, progress=False)
