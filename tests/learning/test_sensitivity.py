"""Priors after the fit: their density at the draws, power-scaling, priors for the next study."""

import numpy as np
from numpy.testing import assert_allclose
from scipy import stats

import bayes_nlmem as bn


def test_the_log_density_of_the_priors_is_that_of_scipy(small_fit):
    found, posterior = small_fit.draws["log_prior"], small_fit.draws["posterior"]
    prior = small_fit.model.parameters["CL"].typical
    reference = stats.lognorm(prior.log_sd, scale=prior.median)
    assert_allclose(found["CL_pop"], reference.logpdf(posterior["CL_pop"]), atol=1e-8)
    omega = stats.halfnorm(scale=small_fit.model.parameters["CL"].iiv.sd)
    assert_allclose(found["omega_CL"], omega.logpdf(posterior["omega_CL"]), atol=1e-8)
    assert not {"eta"} & set(found.data_vars)


def test_sensitivities_stand_in_the_summary(small_fit):
    table = small_fit.sensitivity()
    summary = small_fit.summary()
    assert_allclose(summary.loc[table.index, "prior_sensitivity"], table["prior"])
    assert np.isnan(summary.loc["CL_WT", "prior_sensitivity"])  # a known number has no prior
    assert (table["likelihood"] > 0).all()


def test_a_fit_becomes_the_priors_of_the_next_one(small_fit):
    priors = bn.priors_from(small_fit)
    draws = np.log(small_fit.draws["posterior"]["CL_pop"].values.ravel())
    assert_allclose(np.log(priors["CL_pop"].median), draws.mean())
    assert_allclose(priors["CL_pop"].log_sd, draws.std(ddof=1))
    wider = bn.priors_from(small_fit, widen=2.0)
    assert_allclose(wider["CL_pop"].log_sd, 2 * draws.std(ddof=1))
    following = small_fit.model.with_priors(priors)
    graph = bn.build(following, small_fit.data)
    assert np.isfinite(graph.compile_dlogp(mode="FAST_COMPILE")(graph.initial_point())).all()


def test_choices_about_the_data_are_saved_with_them():
    import pandas as pd

    from bayes_nlmem.learning.data_storage import data_from_dict, data_to_dict

    frame = pd.DataFrame({"ID": 1, "TIME": [0.0, 1.0, 2.0], "AMT": [10.0, 0, 0], "DV": [None, 2.0, 0.1]})
    data = bn.censored(bn.read(frame), "M2", lloq=0.5)
    again = data_from_dict(data_to_dict(data))
    assert again == data and again.choices == data.choices
    assert_allclose(again.table["ABOVE"], data.table["ABOVE"])
