"""Covariate effects: the factor they put on a parameter, in numpy and in a graph."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bayes_nlmem.ground.messages import ModelError
from bayes_nlmem.ground.priors import LKJ, LogNormal, Normal
from bayes_nlmem.ground.scales import Log, Logit, Natural
from bayes_nlmem.statistics.covariates import Categorical, CovariateEffect, Exponential, Linear, Power

EFFECTS = [
    Power(Normal(0.75, 0.1), reference=70),
    Linear(Normal(0, 0.01), reference=40),
    Exponential(0.01, reference=40),
    Categorical({"F": LogNormal(0.8, cv=0.3), "other": 1.1}, reference="M"),
]


@pytest.mark.parametrize("effect", EFFECTS, ids=lambda effect: type(effect).__name__)
def test_effects_meet_the_protocol_and_are_values(effect):
    assert isinstance(effect, CovariateEffect)
    copy = pickle.loads(pickle.dumps(effect))
    assert copy == effect
    assert hash(copy) == hash(effect)


@pytest.mark.parametrize("effect", EFFECTS, ids=lambda effect: type(effect).__name__)
def test_nothing_shifts_at_the_reference(effect):
    coefficients = dict.fromkeys(effect.unknowns(), 0.7)
    assert_allclose(effect.shift(coefficients, np.array([effect.reference]), np, Log()), 0.0)


@pytest.mark.parametrize(
    ("effect", "x", "factor"),
    [
        (Power(0.75, reference=70), [35.0, 140.0], [0.5**0.75, 2**0.75]),
        (Linear(-0.01, reference=40), [60.0, 20.0], [0.8, 1.2]),
        (Exponential(-0.01, reference=40), [60.0, 20.0], [np.exp(-0.2), np.exp(0.2)]),
        (Categorical({1: 0.8, 2: 1.5}, reference=0), [0.0, 1.0, 2.0], [1.0, 0.8, 1.5]),
    ],
)
def test_factors_on_the_log_scale(effect, x, factor):
    pt = pytest.importorskip("pytensor.tensor")
    coefficients = effect.unknowns()
    assert_allclose(np.exp(effect.shift(coefficients, np.array(x), np, Log())), factor)
    in_graph = effect.shift(coefficients, pt.as_tensor(np.array(x)), pt, Log())
    assert_allclose(np.exp(in_graph.eval(mode="FAST_COMPILE")), factor)


def test_on_the_natural_scale_linear_and_categorical_add():
    assert_allclose(Linear(2.0, reference=40).shift({"": 2.0}, np.array([43.0]), np, Natural()), [6.0])
    groups = Categorical({"F": -3.0}, reference="M").on(Natural())[0]
    assert_allclose(groups.shift({"F": -3.0}, np.array(["M", "F"]), np, Natural()), [0.0, -3.0])


@pytest.mark.parametrize("effect", [Power(0.75, reference=70), Exponential(0.1, reference=0)])
def test_multiplying_effects_do_not_fit_the_natural_scale(effect):
    assert effect.on(Logit()) == (effect, [])
    _, (problem,) = effect.on(Natural())
    assert "Use Linear or Categorical" in problem


def test_levels_are_matched_as_words_or_numbers():
    effect = Categorical({1: 0.5}, reference=0)
    for x in (np.array([0.0, 1.0]), np.array(["0", "1"]), np.array([False, True]), np.array([0, 1])):
        assert_allclose(np.exp(effect.shift({"1": 0.5}, x, np, Log())), [1.0, 0.5])


def test_names_of_levels_are_fit_for_a_graph():
    effect = Categorical({"Black or African American": 1.1, "n/a": 0.9}, reference="White")
    assert list(effect.unknowns()) == ["Black_or_African_American", "n_a"]
    shift = effect.shift(
        {"Black_or_African_American": 2.0, "n_a": 3.0}, np.array(["n/a", "White"]), np, Log()
    )
    assert_allclose(np.exp(shift), [3.0, 1.0])


@pytest.mark.parametrize(
    ("effect", "values", "message"),
    [
        (Power(0.75, reference=70), [70.0, 0.0], r"values > 0 for Power, got 0 \(1 of 2 records"),
        (Power(0.75, reference=70), ["M", "F"], "a numeric covariate for Power, got text such as 'M'"),
        (Linear(-0.1, reference=40), [45.0, 60.0], r"> 0 for all records, got -1 at a covariate value of 60"),
        (
            Categorical({"F": 0.8}, reference="M"),
            ["M", "F", "X"],
            r"among M, F, got X .levels in the data: F, M, X",
        ),
    ],
)
def test_values_that_an_effect_cannot_take_are_refused(effect, values, message):
    with pytest.raises(ModelError, match=message):
        effect.check(np.array(values), Log())


def test_values_that_it_can_take_pass():
    Power(0.75, reference=70).check(np.array([40.0, 90.0]), Log())
    Linear(-0.1, reference=40).check(np.array([45.0, 60.0]), Natural())
    Linear(Normal(0, 1), reference=40).check(np.array([45.0, 60.0]), Log())
    Categorical({"F": 0.8}, reference="M").check(np.array(["M", "M"]), Log())


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Power("0.75", reference=70), "a number or a prior for exponent, got '0.75'"),
        (lambda: Power(0.75, reference=0), "a number > 0 for `reference`, got 0"),
        (lambda: Power((0.75, 0.1), reference=-1), "2 problems"),
        (lambda: Linear(LKJ(2), reference=40), "LKJ is the prior of a correlation matrix"),
        (lambda: Linear(0.1, reference=None), "a number for `reference`, got None"),
        (lambda: Categorical({}, reference="M"), "at least one level, got none"),
        (lambda: Categorical({"M": 1.0, "F": 0.8}, reference="M"), "leave it out of the mapping"),
        (lambda: Categorical({1: 0.8, "1": 0.9}, reference=0), "levels with different names"),
        (lambda: Categorical([0.8], reference=0), "a mapping of level to fold change"),
        (lambda: Categorical({"F": "big"}, reference="M"), "for level 'F', got 'big'"),
    ],
)
def test_bad_effects_are_refused_with_a_reason(build, message):
    with pytest.raises(ModelError, match=message):
        build()
