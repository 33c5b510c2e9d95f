"""The operation in a compiled graph gives what the closed form gives there, with its derivatives."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn

LINEAR = """
d/dt(depot) = -KA * depot
d/dt(central) = KA * depot - CL / V * central
cp = central / V
"""
# Almost linear: solved by steps, and as good as the closed form where KM is far away.
SATURABLE = LINEAR.replace("CL / V * central", "CL * 1e9 * (central / V) / (1e9 + central / V)")


@pytest.fixture(scope="module")
def study():
    return bn.zoo.load("theophylline")


def slope_of(model, data, mode):
    graph = bn.build(model, data)
    both = graph.compile_fn([graph.logp(), graph.dlogp()], inputs=graph.value_vars, mode=mode)
    return both(graph.initial_point())


@pytest.fixture(scope="module")
def closed_form(study):
    return slope_of(study.model, study.data, "FAST_COMPILE")


@pytest.mark.parametrize("text", [LINEAR, SATURABLE], ids=["exponential", "steps"])
def test_a_compiled_graph_solves_equations(study, text, closed_form):
    value, slope = closed_form
    equations = study.model.with_structure(bn.ODE(text, outputs=("cp",)))
    found, found_slope = slope_of(equations, study.data, "NUMBA")
    assert_allclose(found, value, rtol=1e-5)
    assert_allclose(found_slope, slope, rtol=1e-4, atol=1e-4 * np.abs(slope).max())
