"""What can be done with SAEM's result: kept, compared, its standard errors checked another way."""

import re

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn

# saemix 3.4, 1000 + 800 iterations, 5 chains, mean of 3 seeds (linearised information):
# ../shared/reference/saemix_long/theo_diag_constant.json
SAEMIX = {"KA_pop": 0.3058, "V_pop": 1.467, "CL_pop": 0.2331, "sigma_cp_add": 0.0565}
SAEMIX |= {"omega_KA": 0.1421, "omega_V": 0.0378, "omega_CL": 0.0650}


def test_linearised_standard_errors_are_those_of_saemix(estimated):
    table = estimated.standard_errors()
    for name, error in SAEMIX.items():
        assert_allclose(table.loc[name, "linearised"], error, rtol=0.03)
    assert_allclose(table["louis"], estimated.estimates.loc[table.index, "se"], rtol=0)
    assert_allclose(table["ratio"], table["linearised"] / table["louis"], rtol=0)


@pytest.mark.slow
def test_what_cannot_be_linearised_is_refused_with_the_reason(theophylline):
    model, data = theophylline
    below = bn.saem(model, bn.censored(data, "M3", lloq=3.0), seed=1, likelihood=False, progress=False)
    with pytest.raises(bn.FitError, match=r"(?s)censored ones in.*Louis' identity"):
        below.standard_errors()


def test_a_saved_result_comes_back(estimated, tmp_path):
    path = estimated.save(tmp_path / "theophylline.saem")
    again = bn.load(path)
    assert type(again) is type(estimated)
    assert repr(again) == repr(estimated)
    for name in ("estimates", "individuals", "trace", "covariance"):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(estimated, name))
    assert again.likelihood == estimated.likelihood
    assert_allclose(again.effects, estimated.effects, rtol=0)
    assert_allclose(again.population_draws(20)["CL_pop"], estimated.population_draws(20)["CL_pop"])
    assert again.record.timings == estimated.record.timings
    assert again.record.settled == estimated.record.settled


@pytest.fixture(scope="module")
def compared(estimated, smaller):
    return bn.compare({"smaller": smaller, "whole": estimated})


@pytest.mark.slow
def test_estimates_are_ranked_by_what_their_parameters_cost(estimated, compared):
    table = compared.table
    assert list(table.index) == ["whole", "smaller"]
    assert list(table["parameters"]) == [7, 6]
    assert_allclose(table.loc["whole", "minus_twice"], 345.435, atol=0.5)  # exact: adaptive quadrature
    # V pays log(12) with its random effect, log(120) without it.
    expected = table["minus_twice"] + np.array([3, 2]) * np.log(12) + 4 * np.log(120)
    assert_allclose(table["bicc"], expected)
    assert_allclose(table["aic"], table["minus_twice"] + 2 * table["parameters"])
    assert_allclose(table["weight"].sum(), 1.0)
    weight = 1 / (1 + np.exp(-0.5 * table.loc["smaller", "difference"]))
    assert_allclose(table.loc["whole", "weight"], weight)
    assert_allclose(-2 * compared.pointwise["whole"].sum(), table.loc["whole", "minus_twice"])
    assert "evidence against 'smaller'" in compared.conclusion
    assert "BICc" in compared._repr_html_()
    assert len(bn.plot_comparison(compared).axes) == 2
    mixture = bn.average(compared, quantity=lambda fit: fit.population_draws(500)["CL_pop"], draws=200)
    assert_allclose(mixture.weights["whole"], weight)


@pytest.mark.slow
def test_the_likelihood_alone_speaks_of_nested_models_only(estimated, smaller):
    found = bn.compare({"smaller": smaller, "whole": estimated}, criteria=["ofv"])
    assert "with 1 more parameter than 'smaller'" in found.conclusion
    with pytest.raises(bn.FitError, match="no price on parameters"):
        _ = found.weights


@pytest.mark.slow
def test_what_makes_no_sense_of_estimates_is_refused(estimated, smaller, compared):
    both = {"whole": estimated, "smaller": smaller}
    for criteria in (["loo"], ["bicc", "dic"], ["aic", "evidence"]):
        with pytest.raises(bn.FitError, match="which an estimate has not"):
            bn.compare(both, criteria=criteria)
    with pytest.raises(bn.FitError, match="Leave `by` out"):
        bn.compare(both, by="observation")
    with pytest.raises(bn.FitError, match="every criterion once"):
        bn.compare(both, criteria=["bicc", "bicc"])
    for function in (bn.loo, bn.waic, bn.log_evidence):
        with pytest.raises(bn.FitError, match="information_criteria"):
            function(estimated)
    with pytest.raises(bn.FitError, match="information, equal"):
        bn.average(compared, quantity=lambda fit: np.ones(10), weights="stacking")


def test_estimates_are_not_compared_with_posteriors(estimated, small_fit):
    with pytest.raises(bn.FitError, match="estimates of 'estimate' beside posteriors"):
        bn.compare({"estimate": estimated, "posterior": small_fit})


@pytest.mark.slow
def test_a_report_on_estimates_speaks_of_estimates(estimated):
    page = re.sub(r"base64,[^\"]+", "", bn.report(estimated).html)  # pictures may spell anything
    for words in ("maximum likelihood estimates", "stochastic approximation EM", "bn.saem(model, data"):
        assert words in page
    for words in ("posterior draws", "No-U-Turn", "R̂", "credible interval", "nan"):
        assert words not in page.replace("NaN", ""), words
