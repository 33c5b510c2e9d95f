"""WAIC, LOO, weights, bridges and penalties against other tools and formulas."""

import json
import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn
from bayes_nlmem.criteria.evidence import bridge
from bayes_nlmem.criteria.predictive import loo_pointwise, waic_pointwise
from bayes_nlmem.criteria.smoothing import threshold
from bayes_nlmem.criteria.weights import pseudo_bma, stacking
from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.marginal.information import InformationCriteria, ParameterCount, count_parameters
from bayes_nlmem.translation.graph import translate


def test_one_compartment_posterior_of_posteriordb(agree, shared_reference):
    """R's loo 2.5.1 on the same matrix; one observation has k above 0.7."""
    folder = shared_reference / "posteriordb"
    expected = json.loads((folder / "loo_waic_reference.json").read_text())
    matrix = pd.read_csv(folder / "one_comp_mm_elim_abs_loglik.csv.gz").filter(like="obs").to_numpy()
    loo, waic = loo_pointwise(matrix), waic_pointwise(matrix)
    same, study = {"source": "loo 2.5 (R)"}, "posteriordb, Michaelis-Menten"
    theirs = expected["loo_r_eff_1"][0]["Estimate"]
    agree(f"{study}: elpd of LOO", loo["ELPD"].sum(), theirs, within=1e-6, **same)
    agree(f"{study}: elpd of WAIC", waic["ELPD"].sum(), expected["waic"][0]["Estimate"], within=1e-8, **same)
    assert_allclose(waic["P"].sum(), expected["waic"][1]["Estimate"], atol=1e-8)
    assert_allclose(waic[["ELPD", "P"]], np.array(expected["pointwise_waic"])[:, :2], atol=1e-8)
    assert_allclose(loo["ELPD"], np.array(expected["pointwise_loo"])[:, 0], atol=0.01)
    agree(f"{study}: Pareto k", loo["K"], expected["pareto_k"], within=0.03, **same)
    assert (loo["K"] > threshold(len(matrix))).sum() == 1


def test_theophylline_by_observation(agree, shared_reference):
    """R's loo 2.5.1 on the same matrix, 120 observations given their subjects' effects."""
    folder = shared_reference / "bayes_numpyro"
    expected = json.loads((folder / "theo_loo_waic.json").read_text())
    matrix = pd.read_csv(folder / "theo_loglik.csv.gz").to_numpy()
    loo, waic = loo_pointwise(matrix), waic_pointwise(matrix)
    same, study = {"source": "loo 2.5 (R)"}, "theophylline by observation"
    agree(f"{study}: elpd of LOO", loo["ELPD"].sum(), expected["loo"][0]["Estimate"], within=1e-6, **same)
    agree(f"{study}: elpd of WAIC", waic["ELPD"].sum(), expected["waic"][0]["Estimate"], within=1e-8, **same)
    assert_allclose(loo["ELPD"], expected["pointwise_elpd_loo"], atol=1e-6)
    assert_allclose(waic["P"], expected["pointwise_p_waic"], atol=1e-8)
    agree(f"{study}: Pareto k", loo["K"], expected["pareto_k"], within=1e-4, **same)


def test_loo_by_observation_equals_arviz(small_fit):
    import arviz as az

    found = bn.loo(small_fit, by="observation", repair=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = az.loo(small_fit.draws, pointwise=True)
    assert_allclose(found.estimate, expected.elpd, atol=0.3)
    assert_allclose(found.se, expected.se, rtol=0.05)
    assert list(found.pointwise["ROW"]) == list(small_fit.draws["log_likelihood"]["cp_row"].values)


def test_monolix_prices_of_parameters(agree):
    """-2LL, BICc, N, n_tot, p, fixed effects of varying parameters: five runs of Monolix, decoded."""
    runs = [
        (339.482, 370.874, 12, 120, 8, 3),
        (971.427906, 1002.868331, 59, 155, 7, 4),
        (657.358312, 704.277586, 32, 247, 10, 4),
        (622.031033, 675.881778, 32, 247, 12, 6),
    ]
    for number, (minus_twice, bicc, n, total, p, k) in enumerate(runs, 1):
        found = InformationCriteria("estimate", minus_twice, 0.0, ParameterCount(p, k, 0), n, total)
        agree(f"BICc of run {number}", found.bicc, bicc, source="Monolix", within=2e-3)
        assert_allclose(found.aic, minus_twice + 2 * p)
        assert_allclose(found.bic, minus_twice + p * np.log(n))


def test_parameters_are_counted_by_what_they_describe():
    study = bn.zoo.load("theophylline")
    conditional = Conditional(translate(study.model, study.data, geometry="centred"))
    found = count_parameters(study.model, conditional)
    # KA, CL, V, V_WT | three omegas and a correlation | two sigmas
    assert (found.total, found.varying, found.spread) == (10, 4, 4)


def test_stacking_finds_the_best_mixture():
    rng = np.random.default_rng(1)
    y = np.where(rng.random(4000) < 0.3, rng.normal(-2, 1, 4000), rng.normal(2, 1, 4000))
    pointwise = np.stack([-0.5 * (y + 2) ** 2, -0.5 * (y - 2) ** 2], axis=1)
    assert_allclose(stacking(pointwise), [0.3, 0.7], atol=0.02)
    assert_allclose(pseudo_bma(pointwise), [0.0, 1.0], atol=1e-6)


def test_the_bridge_finds_a_known_constant_within_its_error():
    rng = np.random.default_rng(3)
    errors = []
    for _ in range(20):
        at_posterior, at_proposal = rng.normal(0.3, 1.2, 500), rng.normal(0, 1, 500)

        def ratio(x):
            target = 7.0 - 0.5 * ((x - 0.3) / 1.2) ** 2 - np.log(1.2)
            return target + 0.5 * x**2

        value, error, converged = bridge(ratio(at_posterior), ratio(at_proposal))
        assert converged
        errors.append((value - 7.0) / error)
    assert 0.4 < np.std(errors) < 1.7
    assert abs(np.mean(errors)) < 0.8


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda frame: frame[frame["ID"] != 1], "132 and 121 observations"),
        (
            lambda frame: frame.assign(DV=np.where(frame["DV"] == 10.5, 10.6, frame["DV"])),
            "DV = 10.5 and 10.6",
        ),
    ],
)
def test_different_data_are_refused_with_the_reason(small_fit, change, words):
    from dataclasses import replace

    frame = change(small_fit.data.to_frame().copy())
    other = replace(small_fit, data=bn.read(frame.reset_index(drop=True), covariates=["WT"]))
    with pytest.raises(bn.FitError, match=words):
        bn.compare({"one": small_fit, "other": other}, by="observation")


def test_a_comparison_says_when_there_is_no_difference(small_fit):
    result = bn.compare({"one": small_fit, "same": small_fit}, by="observation")
    assert "predict equally well" in result.conclusion
    assert_allclose(result.weights, [0.5, 0.5])
    assert "<table" in result._repr_html_() and "weight" in repr(result)
    averaged = bn.average(result, quantity=lambda fit: fit.draws.posterior["CL_pop"], draws=100)
    assert averaged.draws.shape == (100,)
    assert sorted(averaged.by_model) == ["one", "same"]


def test_options_without_effect_are_refused(small_fit):
    with pytest.raises(bn.FitError, match="by 'subject' or 'observation'"):
        bn.loo(small_fit, by="occasion")
    with pytest.raises(bn.FitError, match="Did you mean 'bic'"):
        bn.compare({"a": small_fit, "b": small_fit}, criteria=["loo", "bicd"])
    with pytest.raises(bn.FitError, match="refit=True with an executor"):
        bn.loo(small_fit, executor=object())
