"""Effects that level off: Emax and maturation."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn

PRIOR = bn.LogNormal(2, cv=0.5)


@pytest.mark.parametrize(
    "effect", [bn.Emax(-0.5, PRIOR), bn.Emax(bn.about(2), 1.0, PRIOR), bn.Maturation(PRIOR, hill=3.4)]
)
def test_they_meet_the_protocol_and_are_values(effect):
    assert isinstance(effect, bn.CovariateEffect)
    assert pickle.loads(pickle.dumps(effect)) == effect
    assert hash(effect) == hash(pickle.loads(pickle.dumps(effect)))


def test_emax_in_the_graph(clearance):
    data = clearance.study(CONC=[0.0, 10.0, 30.0])
    assert_allclose(clearance.values({"CONC": bn.Emax(-0.8, half=10)}, data), [5.0, 3.0, 2.0])
    unknown = bn.Emax(bn.Normal(1, 0.5), half=PRIOR, hill=PRIOR)
    there = {"CL_CONC_maximum": 2.0, "CL_CONC_half": 10.0, "CL_CONC_hill": 2.0}
    assert_allclose(clearance.values({"CONC": unknown}, data, **there), [5.0, 10.0, 14.0])
    added = clearance.values({"CONC": bn.Emax(4, half=10)}, data, scale=bn.Natural())
    assert_allclose(added, [5.0, 7.0, 8.0])


def test_maturation_in_the_graph(clearance):
    data = clearance.study(PMA=[50.0, 100.0, 150.0])
    assert_allclose(clearance.values({"PMA": bn.Maturation(50, 2)}, data), [2.5, 4.0, 4.5])
    unknown = bn.Maturation(PRIOR, PRIOR)
    there = {"CL_PMA_tm50": 100.0, "CL_PMA_hill": 3.0}
    assert_allclose(clearance.values({"PMA": unknown}, data, **there), [5 / 9, 2.5, 5 * 27 / 35])


def test_size_and_age_together(clearance):
    data = clearance.study(PMA=[50.0, 100.0, 150.0], WT=[70.0, 35.0, 17.5])
    effects = {"WT": bn.Power(1, reference=70), "PMA": bn.Maturation(50, 2)}
    assert_allclose(clearance.values(effects, data), [2.5, 2.0, 1.125])


def test_an_age_that_changes_with_time(clearance):
    data = clearance.study(PMA=[50.0, 50.0, 100.0, 100.0, 100.0, 100.0, 150.0, 150.0, 150.0])
    assert_allclose(clearance.values({"PMA": bn.Maturation(50, 2)}, data), [2.5, 4.0, 4.0, 4.5])


@pytest.mark.parametrize("effect", [bn.Emax(bn.Normal(0, 0.5), PRIOR, PRIOR), bn.Maturation(PRIOR, PRIOR)])
def test_extreme_covariates_have_finite_gradients(clearance, effect):
    smallest = 0.0 if isinstance(effect, bn.Emax) else 1e-3
    gradient = clearance.gradient({"X": effect}, clearance.study(X=[smallest, 1.0, 1e9]))
    assert np.all(np.isfinite(gradient))


def test_equations(clearance):
    assert clearance.equation({"PMA": bn.Maturation(PRIOR, hill=3.4)}) == (
        "CL_i = 5 · (PMA_i^3.4/(PMA_i^3.4 + CL_PMA_tm50^3.4))"
    )
    assert clearance.equation({"CONC": bn.Emax(-0.8, half=10)}) == (
        "CL_i = 5 · (1 + (-0.8) · (CONC_i/(CONC_i + 10)))"
    )
    assert r"\frac{\mathrm{PMA}_{i}^{2}}{\mathrm{PMA}_{i}^{2} + 50^{2}}" in clearance.equation(
        {"PMA": bn.Maturation(50, 2)}, form="latex"
    )
    assert "<mfrac>" in bn.equations(clearance.model({"PMA": bn.Maturation(50, 2)}, bn.Log()), "html")


def test_tables(clearance):
    model = clearance.model({"PMA": bn.Maturation(PRIOR, 3.4), "CONC": bn.Emax(1, PRIOR)}, bn.Log())
    table = bn.priors(model)
    assert table.loc["CL_PMA_tm50", "meaning"] == "half mature at PMA, on CL"
    assert table.loc["CL_CONC_half", "meaning"] == "half of the largest change at CONC, on CL"
    assert table.loc["CL_CONC_hill", "prior"] == "1 (known)"


@pytest.mark.parametrize(
    ("effect", "values", "message"),
    [
        (bn.Emax(1, 10), [-1.0, 3.0], r"values >= 0 for Emax, got -1 \(1 of 2 records are negative\)"),
        (bn.Emax(1, 10), ["M"], "a numeric covariate for Emax"),
        (bn.Maturation(50, 3), [0.0, 40.0], r"values > 0 for Maturation, got 0 \(1 of 2"),
    ],
)
def test_values_that_they_cannot_take_are_refused(effect, values, message):
    with pytest.raises(bn.ModelError, match=message):
        effect.check(np.array(values), bn.Log())


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: bn.Emax(1, half=0), "a number > 0 or a prior for half, got 0"),
        (lambda: bn.Emax(1, half=bn.Normal(1, 1)), "which allows values from -inf"),
        (lambda: bn.Maturation(tm50=-1, hill=None), "2 problems"),
        (
            lambda: bn.Parameter(5.0, covariates={"CONC": bn.Emax(-1.5, 10)}),
            "CONC: Expected maximum > -1 in Emax, got -1.5",
        ),
        (
            lambda: bn.Parameter(5.0, covariates={"PMA": bn.Maturation(50, 3)}, scale=bn.Natural()),
            "got Maturation, which multiplies",
        ),
    ],
)
def test_bad_effects_are_refused_with_a_reason(build, message):
    with pytest.raises(bn.ModelError, match=message):
        build()
