"""Interactions: an effect under a tuple of covariates, in the graph and on paper."""

import json
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn
from bayes_nlmem.model.serialise import from_dict, to_dict

PAIR = ("WT", "AGE")
KNOWN = bn.Interaction(0.001, references=(70, 40))
UNKNOWN = bn.Interaction(bn.Normal(0, 0.01), references=(70, 40))
WEIGHT, AGE = [60.0, 70.0, 90.0], [30.0, 60.0, 50.0]
PRODUCT = np.array([100.0, 0.0, 200.0])  # (WT - 70) * (AGE - 40)


def test_it_meets_the_protocol_and_is_a_value():
    assert isinstance(KNOWN, bn.CovariateEffect)
    assert pickle.loads(pickle.dumps(UNKNOWN)) == UNKNOWN
    assert hash(bn.Interaction(0.001, references=[70, 40])) == hash(KNOWN)


def test_individual_values_in_the_graph(clearance):
    data = clearance.study(WT=WEIGHT, AGE=AGE)
    assert_allclose(clearance.values({PAIR: KNOWN}, data), 5 * np.exp(0.001 * PRODUCT))
    there = {"CL_WT_AGE": 0.002}
    assert_allclose(clearance.values({PAIR: UNKNOWN}, data, **there), 5 * np.exp(0.002 * PRODUCT))
    added = clearance.values({PAIR: UNKNOWN}, data, scale=bn.Natural(), **there)
    assert_allclose(added, 5 + 0.002 * PRODUCT)


def test_beside_the_effects_alone(clearance):
    data = clearance.study(WT=WEIGHT, AGE=AGE)
    effects = {"WT": bn.Power(1.0, reference=70), "AGE": bn.Linear(0.01, reference=40), PAIR: UNKNOWN}
    expected = 5 * np.array(WEIGHT) / 70 * (1 + 0.01 * (np.array(AGE) - 40)) * np.exp(0.002 * PRODUCT)
    assert_allclose(clearance.values(effects, data, CL_WT_AGE=0.002), expected)


def test_one_of_the_two_changes_with_time(clearance):
    weight = [60.0, 60.0, 80.0, 70.0, 70.0, 70.0, 90.0, 90.0, 100.0]
    data = clearance.study(WT=weight, AGE=AGE)
    product = np.array([100.0, -100.0, 0.0, 200.0, 300.0])  # rows of subjects 1, 1, 2, 3, 3
    assert_allclose(clearance.values({PAIR: KNOWN}, data), 5 * np.exp(0.001 * product))


def test_both_change_with_time(clearance):
    weight = [60.0, 60.0, 80.0, 70.0, 70.0, 70.0, 90.0, 90.0, 100.0]
    age = [30.0, 30.0, 30.0, 60.0, 60.0, 61.0, 50.0, 50.0, 51.0]
    product = np.array([100.0, -100.0, 0.0, 0.0, 200.0, 330.0])
    values = clearance.values({PAIR: KNOWN}, clearance.study(WT=weight, AGE=age))
    assert_allclose(values, 5 * np.exp(0.001 * product))


def test_three_covariates(clearance):
    data = clearance.study(WT=WEIGHT, AGE=AGE, SEX=[1.0, 1.0, 0.0])
    effect = bn.Interaction(0.001, references=(70, 40, 0))
    values = clearance.values({(*PAIR, "SEX"): effect}, data)
    assert_allclose(values, 5 * np.exp(0.001 * PRODUCT * [1, 1, 0]))


def test_the_gradient_is_finite(clearance):
    data = clearance.study(WT=WEIGHT, AGE=AGE)
    assert np.all(np.isfinite(clearance.gradient({PAIR: UNKNOWN}, data)))


def test_equations(clearance):
    written = clearance.equation({PAIR: UNKNOWN})
    assert written == "CL_i = 5 · exp(CL_WT_AGE · (WT_i - 70) · (AGE_i - 40))"
    added = clearance.equation({PAIR: UNKNOWN}, bn.Natural())
    assert added == "CL_i = 5 + CL_WT_AGE · (WT_i - 70) · (AGE_i - 40)"
    latex = clearance.equation({PAIR: UNKNOWN}, form="latex")
    assert r"\mathrm{CL}_{\mathrm{WT},\mathrm{AGE}} \cdot \left(\mathrm{WT}_{i} - 70\right)" in latex
    assert "<mo>−</mo><mn>40</mn>" in bn.equations(clearance.model({PAIR: UNKNOWN}, bn.Log()), "html")


def test_tables_and_differences_name_both(clearance):
    model = clearance.model({PAIR: UNKNOWN}, bn.Log())
    assert bn.priors(model).loc["CL_WT_AGE", "meaning"] == "interaction of WT × AGE, on CL"
    assert model.covariates == PAIR
    without = model.without_covariate("CL", PAIR)
    assert without.covariates == ()
    assert "CL: without Interaction(" in bn.difference(model, without)
    assert bn.difference(model, without).endswith(" of WT × AGE")
    assert without.with_covariate("CL", PAIR, UNKNOWN) == model


def test_it_survives_being_written(clearance):
    model = clearance.model({PAIR: UNKNOWN}, bn.Log())
    assert from_dict(json.loads(json.dumps(to_dict(model)))) == model


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: bn.Interaction("0", references=(70, 40)), "a number or a prior for coefficient"),
        (lambda: bn.Interaction(0.1, references=70), "two or more numbers for `references`.*got 70"),
        (lambda: bn.Interaction(0.1, references=(70,)), "two or more numbers for `references`"),
        (lambda: bn.Interaction(None, references=(70, "M")), "2 problems"),
        (
            lambda: bn.Parameter(5.0, covariates={"WT": KNOWN}),
            "a tuple of 2 covariates for Interaction, got 'WT'",
        ),
        (
            lambda: bn.Parameter(5.0, covariates={("WT", "AGE", "SEX"): KNOWN}),
            "a tuple of 2 covariates for Interaction",
        ),
        (
            lambda: bn.Parameter(5.0, covariates={PAIR: bn.Power(0.75, reference=70)}),
            r"one covariate for Power, got \('WT', 'AGE'\)",
        ),
        (lambda: bn.Parameter(5.0, covariates={("WT", "WT"): KNOWN}), "the name of a covariate, got"),
        (lambda: bn.Parameter(5.0, covariates={("WT", 3): KNOWN}), "the name of a covariate, got"),
        (lambda: bn.Parameter(5.0, covariates={(): KNOWN}), "the name of a covariate, got"),
        (lambda: bn.Parameter(5.0, covariates={PAIR: bn.Interaction}), "a covariate effect for WT × AGE"),
    ],
)
def test_bad_interactions_are_refused_with_a_reason(build, message):
    with pytest.raises(bn.ModelError, match=message):
        build()


def test_names_that_meet_in_the_graph_are_refused(clearance):
    with pytest.raises(bn.ModelError, match="CL_WT_AGE more than once"):
        clearance.model({PAIR: UNKNOWN, "WT_AGE": bn.Linear(bn.Normal(0, 1), 0)}, bn.Log())


def test_an_interaction_that_is_not_there_lists_those_that_are(clearance):
    model = clearance.model({PAIR: UNKNOWN}, bn.Log())
    with pytest.raises(bn.ModelError, match=r"an effect on CL \(\('WT', 'AGE'\)\), got 'WT'"):
        model.without_covariate("CL", "WT")


def test_data_without_one_of_the_covariates_are_refused(clearance):
    with pytest.raises(bn.ModelError, match=r"covariate 'AGE' \(used by CL\) among those read: WT"):
        clearance.values({PAIR: KNOWN}, clearance.study(WT=WEIGHT))
    data = clearance.study(WT=WEIGHT, AGE=["old", "young", "old"])
    with pytest.raises(bn.ModelError, match="WT × AGE on CL: Expected a numeric covariate for Interaction"):
        clearance.values({PAIR: KNOWN}, data)
