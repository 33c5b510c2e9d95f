"""The smoother is exact on lines, robust to outliers, and silent where there is nothing to smooth."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from bayes_nlmem.plots.smoother import lowess


@given(slope=st.floats(-10, 10), level=st.floats(-10, 10))
def test_a_line_is_returned_as_it_is(slope, level):
    x = np.linspace(-1, 3, 30)
    grid, curve = lowess(x, level + slope * x)
    assert_allclose(curve, level + slope * grid, atol=1e-9)


def test_scale_and_place_of_x_do_not_matter():
    random = np.random.default_rng(0)
    x, y = random.uniform(0, 1, 50), random.normal(size=50)
    _, here = lowess(x, y)
    _, there = lowess(1e6 + 1e3 * x, y)
    assert_allclose(here, there, atol=1e-6)


def test_one_outlier_moves_the_curve_little():
    random = np.random.default_rng(0)
    x = np.linspace(0, 10, 100)
    y = np.sin(x) + random.normal(0, 0.05, 100)
    spoilt = y.copy()
    spoilt[40] = 50
    assert np.abs(lowess(x, spoilt, fraction=0.2)[1] - lowess(x, y, fraction=0.2)[1]).max() < 0.05


def test_repeated_places_are_averaged():
    x = np.repeat([0.0, 1, 2, 3, 4, 5], 10)
    y = np.tile([-1.0, 1.0], 30)
    _, curve = lowess(x, y, fraction=0.1)
    assert_allclose(curve, 0, atol=1e-9)


def test_missing_pairs_are_left_out_and_too_few_points_give_nothing():
    grid, curve = lowess([1, 2, 3, np.nan, 5], [1, 2, 3, 4, 5])
    assert grid.size == curve.size == 0


def test_many_points_cost_little_memory():
    x = np.linspace(0, 1, 10_000)
    _, curve = lowess(x, x**2, fraction=0.1)
    assert_allclose(curve, np.linspace(0, 1, 60) ** 2, atol=0.01)
