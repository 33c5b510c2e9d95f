"""A number is known, a prior is unknown, and about() is a prior whose place decides what it is."""

import pytest

from bayes_nlmem.ground.messages import ModelError
from bayes_nlmem.ground.priors import (
    LKJ,
    Distribution,
    HalfNormal,
    LogNormal,
    Normal,
    TruncatedNormal,
    Uniform,
)
from bayes_nlmem.ground.values import LINE, POSITIVE, about, admitted, refusal


@pytest.mark.parametrize(
    ("inside", "role", "value", "prior"),
    [
        (POSITIVE, "value", 32.0, LogNormal(32.0, cv=1.0)),
        (POSITIVE, "sd", 0.3, HalfNormal(0.45)),
        (LINE, "value", -2.0, Normal(-2.0, 2.0)),
        ((0.0, 1.0), "value", 0.8, TruncatedNormal(0.8, 0.25, lower=0.0, upper=1.0)),
    ],
)
def test_about_is_weakly_informative_and_centred_on_the_value(inside, role, value, prior):
    got, problems = admitted(about(value), "it", inside=inside, role=role)
    assert problems == []
    assert str(got) == str(prior)
    assert got.quantile(0.5) == pytest.approx(value, rel=0.1)


@pytest.mark.parametrize("value", [0, 0.3, 5])
def test_numbers_stay_numbers(value):
    import numpy as np

    assert admitted(value, "it") == (value, [])
    kept, _ = admitted(np.float32(value), "it")
    assert type(kept) is float


def test_a_prior_of_unknown_support_is_trusted():
    odd = Distribution("Moyal2", mu=1.0)
    assert admitted(odd, "it", inside=POSITIVE) == (odd, [])


@pytest.mark.parametrize(
    ("value", "inside", "said"),
    [
        (Normal(0, 1), POSITIVE, "allows values from -inf to inf"),
        (Uniform(-1, 1), (0.0, 1.0), "allows values from -1 to 1"),
        (LKJ(2), LINE, "LKJ is the prior of a correlation matrix"),
        ((1.5, 0.5), POSITIVE, "Name the distribution"),
        ("1.5", POSITIVE, "'1.5' (str)"),
        (float("nan"), LINE, "Write a finite number"),
        (HalfNormal, POSITIVE, "Give its arguments: HalfNormal(...)"),
        (None, POSITIVE, "None (NoneType)"),
        (2.0, (0.0, 1.0), "a number between 0 and 1"),
        (about(0), LINE, "Zero has no order of magnitude"),
        (about(-3), POSITIVE, "Give a magnitude in that range"),
    ],
)
def test_what_is_neither_is_refused_with_a_remedy(value, inside, said):
    _, problems = admitted(value, "it", inside=inside)
    assert len(problems) == 1
    assert said in problems[0]


def test_about_needs_a_number():
    with pytest.raises(ModelError, match="a number for about"):
        about("32")


def test_a_refusal_counts_its_problems():
    assert str(refusal(["One."], "Head")) == "Head:\n  - One."
    assert "(2 problems)" in str(refusal(["One.", "Two."], "Head"))
