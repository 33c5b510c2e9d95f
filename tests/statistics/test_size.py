"""Allometry is the power of size with the usual exponents, known or unknown."""

import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn


def test_the_usual_exponents_are_known():
    size = bn.allometry()
    assert size.clearance == bn.Power(0.75, reference=70)
    assert size.volume == bn.Power(1.0, reference=70)


def test_an_exponent_with_a_prior_is_unknown(clearance):
    data = clearance.study(WT=[35.0, 70.0, 140.0])
    known = clearance.values({"WT": bn.allometry().clearance}, data)
    assert_allclose(known, [5 * 0.5**0.75, 5.0, 5 * 2**0.75])
    estimated = bn.allometry(reference=140, clearance=bn.Normal(0.75, 0.1)).clearance
    assert_allclose(clearance.values({"WT": estimated}, data, CL_WT=2.0), [0.3125, 1.25, 5.0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"clearance": "0.75"}, "prior for the exponent of clearance, got '0.75'"),
        ({"clearance": None, "volume": None}, "2 problems"),
        ({"reference": 0}, "a number > 0 for `reference`, got 0"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(bn.ModelError, match=message):
        bn.allometry(**arguments)
