"""Scales: there and back again, in numpy and in a graph."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bayes_nlmem.ground.messages import ModelError
from bayes_nlmem.ground.scales import Log, Logit, Natural, Scale

CASES = [
    (Log(), [1e-8, 0.3, 1.0, 1e6]),
    (Natural(), [-5.0, 0.0, 1e6]),
    (Logit(), [1e-9, 0.2, 0.5, 0.999]),
    (Logit(2.0, 5.0), [2.001, 3.0, 4.99]),
]


@pytest.mark.parametrize(("scale", "values"), CASES, ids=lambda case: str(case))
def test_additive_undoes_natural(scale, values):
    assert isinstance(scale, Scale)
    assert_allclose(scale.natural(scale.additive(np.array(values), np), np), values, rtol=1e-9)


@pytest.mark.parametrize(("scale", "values"), CASES, ids=lambda case: str(case))
def test_the_graph_computes_what_numpy_computes(scale, values):
    pt = pytest.importorskip("pytensor.tensor")
    x = scale.additive(np.array(values), np)
    in_graph = scale.natural(pt.constant(x), pt).eval(mode="FAST_COMPILE")
    assert_allclose(in_graph, scale.natural(x, np), rtol=1e-12)


def test_logit_stays_between_its_bounds_far_out():
    assert_allclose(Logit(1, 3).natural(np.array([-1e3, 1e3]), np), [1, 3])
    assert Logit().natural(-40.0, np) == pytest.approx(np.exp(-40.0))


@pytest.mark.parametrize("bounds", [(1, 0), (0, 0), (0, np.inf), ("0", 1)])
def test_logit_refuses_impossible_bounds(bounds):
    with pytest.raises(ModelError, match="lower < upper for Logit"):
        Logit(*bounds)
