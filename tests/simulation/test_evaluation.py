"""Laws are drawn at many parameter values at once, as the graph would draw them one by one."""

import numpy as np
import pymc as pm
from numpy.testing import assert_allclose

from bayes_nlmem.simulation.evaluation import draw_law, evaluate, law_arguments


def test_what_is_not_given_is_drawn_from_the_graph():
    with pm.Model() as graph:
        mean = pm.Normal("mean", 5.0, 1.0)
        pm.Normal("x", mean, 0.1)
    given = {"mean": np.array([0.0, 100.0])}
    [x] = evaluate(graph, [graph["x"]], given, 2, seed=1)
    assert_allclose(x, [0, 100], atol=1)


def test_laws_with_vectors_and_scalars_are_drawn_together():
    with pm.Model() as graph:
        rate = pm.Normal("rate", 0.0, 1.0)
        normal = pm.Normal("normal", rate * np.arange(3.0), 0.01, observed=np.zeros(3))
        odds = pm.Categorical("odds", p=pm.math.stack([rate, 1 - rate]), observed=np.zeros(4, int), shape=4)
    given = {"rate": np.array([0.0, 1.0])}
    rng = np.random.default_rng(1)
    for law, expected in ((normal, [[0, 0, 0], [0, 1, 2]]), (odds, [[1] * 4, [0] * 4])):
        arguments = evaluate(graph, law_arguments(law), given, 2, seed=1)
        drawn = draw_law(law, arguments, rng)
        assert_allclose(np.broadcast_to(drawn, np.shape(expected)), expected, atol=0.1)
