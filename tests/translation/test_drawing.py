"""Priors become random variables that start where they should."""

import numpy as np
import pymc as pm
import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn
from bayes_nlmem.translation.drawing import known_or_drawn


@pytest.mark.parametrize(
    ("prior", "centre"),
    [
        (bn.Uniform(60, 80), 70.0),
        (bn.Uniform(100, 127), 113.5),
        (bn.Distribution("Uniform", lower=60, upper=80), 70.0),
        (bn.TruncatedNormal(70, 100, lower=60, upper=80), 70.0),
    ],
    ids=str,
)
def test_whole_numbers_do_not_wrap_around(prior, centre):
    with pm.Model() as graph:
        known_or_drawn("x", prior)
    start = graph.initial_point()
    assert np.all(np.isfinite(list(start.values())))
    back = graph.rvs_to_transforms[graph["x"]].backward(*start.values(), *graph["x"].owner.inputs)
    assert_allclose(back.eval(mode="FAST_COMPILE"), centre)
