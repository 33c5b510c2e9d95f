"""The projection keeps what matters, whole relations at a time."""

import numpy as np

from bayes_nlmem.selection.projection import project


def test_a_coefficient_that_only_its_correlation_hides_is_kept():
    """Two coefficients that are uncertain alone but not together: one of them is needed, both are not."""
    rng = np.random.default_rng(1)
    covariance = np.array([[1.0, -0.99], [-0.99, 1.0]])
    draws = rng.multivariate_normal([1.0, 1.0], covariance, size=8000)
    path, kept = project(draws, ["CL_WT", "CL_BSA"], 0.95)
    assert len(kept) == 1
    assert not path["adequate"].iloc[0]


def test_nothing_is_kept_without_effects():
    draws = np.random.default_rng(2).normal(0.0, 1.0, size=(4000, 5))
    path, kept = project(draws, list("abcde"), 0.95)
    assert kept == ()
    assert path["loss"].is_monotonic_decreasing


def test_a_relation_comes_as_a_whole():
    draws = np.random.default_rng(3).normal([3.0, 0.0, 0.0], 1.0, size=(4000, 3))
    _, kept = project(draws, ["CL_RACE", "CL_RACE", "V_WT"], 0.95)
    assert kept == ("CL_RACE",)


def test_one_effect_is_seen_among_many_that_are_idle():
    """All that is left out lies within the joint region; the second relation alone does not."""
    rng = np.random.default_rng(4)
    mean = [4.0, 2.5, 0.5, -0.5, 0.5, -0.5, 0.5, -0.5, 0.5]
    draws = rng.normal(mean, 1.0, size=(8000, len(mean)))
    path, kept = project(draws, list("abcdefghi"), 0.95)
    assert kept == ("a", "b")
    assert path["adequate"].tolist() == [False, False] + [True] * 8
