"""The hockey stick: two slopes that meet at a break point."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn

KNOWN = bn.PiecewiseLinear(below=0.05, above=-0.01, at=12)
UNKNOWN = bn.PiecewiseLinear(bn.Normal(0, 0.02), bn.Normal(0, 0.02), bn.Uniform(5, 40))


def test_it_meets_the_protocol_and_is_a_value():
    assert isinstance(UNKNOWN, bn.CovariateEffect)
    assert pickle.loads(pickle.dumps(UNKNOWN)) == UNKNOWN
    assert hash(KNOWN) == hash(bn.PiecewiseLinear(0.05, -0.01, 12))
    assert KNOWN.reference == 12
    assert UNKNOWN.reference is None


def test_individual_values_in_the_graph(clearance):
    data = clearance.study(AGE=[2.0, 12.0, 52.0])
    assert_allclose(clearance.values({"AGE": KNOWN}, data), [2.5, 5.0, 3.0])
    there = {"CL_AGE_below": 0.1, "CL_AGE_above": 0.02, "CL_AGE_at": 10.0}
    assert_allclose(clearance.values({"AGE": UNKNOWN}, data, **there), [1.0, 5.2, 9.2])


def test_on_the_natural_scale_the_slopes_add(clearance):
    data = clearance.study(AGE=[2.0, 12.0, 52.0])
    assert_allclose(clearance.values({"AGE": KNOWN}, data, scale=bn.Natural()), [4.5, 5.0, 4.6])


def test_a_covariate_that_changes_with_time(clearance):
    data = clearance.study(AGE=[2.0, 2.0, 12.0, 12.0, 12.0, 12.0, 52.0, 52.0, 52.0])
    assert_allclose(clearance.values({"AGE": KNOWN}, data), [2.5, 5.0, 5.0, 3.0])


def test_the_gradient_is_finite(clearance):
    data = clearance.study(AGE=[2.0, 22.5, 52.0])  # the second is at the break point, where the start is
    gradient = clearance.gradient({"AGE": UNKNOWN}, data)
    assert gradient.shape == (4,)
    assert np.all(np.isfinite(gradient))


def test_equations(clearance):
    assert clearance.equation({"AGE": KNOWN}) == (
        "CL_i = 5 · (1 + 0.05 · min(AGE_i - 12, 0) + (-0.01) · max(AGE_i - 12, 0))"
    )
    assert clearance.equation({"AGE": UNKNOWN}, bn.Natural()) == (
        "CL_i = 5 + CL_AGE_below · min(AGE_i - CL_AGE_at, 0) + CL_AGE_above · max(AGE_i - CL_AGE_at, 0)"
    )
    assert r"\operatorname{min}\left(\mathrm{AGE}_{i} - 12, 0\right)" in clearance.equation(
        {"AGE": KNOWN}, form="latex"
    )
    assert "<mo>−</mo>" in bn.equations(clearance.model({"AGE": UNKNOWN}, bn.Log()), "html")


def test_tables(clearance):
    table = bn.priors(clearance.model({"AGE": UNKNOWN}, bn.Log()))
    assert table.loc["CL_AGE_below", "meaning"] == "change per unit of AGE below the break point, on CL"
    assert table.loc["CL_AGE_at", "meaning"] == "break point of AGE, on CL"


@pytest.mark.parametrize(
    ("effect", "values", "message"),
    [
        (KNOWN, ["old"], "a numeric covariate for PiecewiseLinear"),
        (KNOWN, [20.0, 120.0], "> 0 for all records, got -0.08 at a covariate value of 120"),
    ],
)
def test_values_that_it_cannot_take_are_refused(effect, values, message):
    with pytest.raises(bn.ModelError, match=message):
        effect.check(np.array(values), bn.Log())


def test_values_that_it_can_take_pass():
    KNOWN.check(np.array([20.0, 120.0]), bn.Natural())
    UNKNOWN.check(np.array([20.0, 120.0]), bn.Log())


def test_bad_numbers_are_refused_together():
    with pytest.raises(bn.ModelError, match="2 problems") as refused:
        bn.PiecewiseLinear(below="steep", above=0.1, at=None)
    assert "for below, got 'steep'" in str(refused.value)
