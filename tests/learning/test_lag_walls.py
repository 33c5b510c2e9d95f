"""A lag that a sample bounds: where the walls are, and that the coordinates change nothing else."""

import numpy as np
import pytensor.tensor as pt
import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn
from bayes_nlmem.learning.lag_walls import bounded, lags, stretched
from bayes_nlmem.learning.whitening import known_from_data
from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.marginal.laplace_em import laplace_em
from bayes_nlmem.translation.graph import translate

WALL, CORRIDOR = 1.2, 9.0


def mapped(c):
    """The effect and the log-determinant at a stretched effect, typical value 1."""
    one = [pt.constant(np.array([[x]])) for x in (c, 0.0, WALL, CORRIDOR, 1.0, 0.0)]
    effect, log_slope = bounded(*one)
    return effect.eval().item(), log_slope.eval().item()


@pytest.mark.parametrize("c", [-3.0, 0.5, WALL, 5.0, 15.0])
def test_log_determinant_is_that_of_the_map(c):
    slope = (mapped(c + 1e-5)[0] - mapped(c - 1e-5)[0]) / 2e-5
    assert_allclose(np.log(slope), mapped(c)[1], atol=1e-6)


def test_far_from_the_wall_the_map_is_the_identity_and_beyond_it_a_shift():
    assert_allclose(mapped(-20.0)[0], -20.0, atol=1e-8)
    assert_allclose(mapped(40.0)[0], 40.0 - CORRIDOR, atol=1e-8)
    inside = WALL + CORRIDOR / 2
    assert_allclose(mapped(inside)[0], WALL, atol=1e-8)


def test_before_the_wall_reciprocals_add():
    """1 / lag = 1 / t + 1 / x, as long as the corridor is wide."""
    wide = [pt.constant(np.array([[x]])) for x in (0.3, 0.0, WALL, 40.0, 1.0, 0.0)]
    lag = np.exp(bounded(*wide)[0].eval().item())
    assert_allclose(1 / lag, np.exp(-WALL) + np.exp(-0.3), rtol=1e-12)


def test_second_order_of_a_stretched_density():
    """Of -b^2 (b being the lag's effect) in the stretched effect, its log-determinant included."""
    at = np.array([[0.7]])
    moved, precision, pull, share = stretched(at, np.array([[[2.0]]]), [0], np.array([[WALL]]))
    s = share.item()
    anchor = 0.7 - np.log(s) - 0.7 / s

    def density(y):  # around the mode: gradient 0 at b = 0.7
        c = anchor + y / s
        b = -np.logaddexp(-WALL, -c)
        return -((b - 0.7) ** 2) - np.logaddexp(0.0, c - WALL), b

    y, h = moved.item(), 1e-4
    value, b = density(y)
    assert_allclose(b, 0.7, rtol=1e-12)
    assert_allclose((density(y + h)[1] - density(y - h)[1]) / (2 * h), 1.0, rtol=1e-6)  # a tangent
    assert_allclose((density(y + h)[0] - density(y - h)[0]) / (2 * h), pull.item(), rtol=1e-5)
    second = (density(y + h)[0] - 2 * value + density(y - h)[0]) / h**2
    assert_allclose(-second, precision.item(), rtol=1e-4)


def test_another_slope_of_the_tangent_is_in_the_determinant():
    one = [pt.constant(np.array([[x]])) for x in (0.4, 0.2, WALL, CORRIDOR, 0.3, -0.5)]
    more, less = ([pt.constant(np.array([[0.4 + h]])), *one[1:]] for h in (1e-5, -1e-5))
    slope = (bounded(*more)[0].eval().item() - bounded(*less)[0].eval().item()) / 2e-5
    assert_allclose(np.log(slope), bounded(*one)[1].eval().item(), atol=1e-6)


@pytest.fixture(scope="module")
def warfarin():
    study = bn.zoo.load("warfarin_pk")
    conditional = Conditional(translate(study.model, study.data, geometry="centred"))
    return conditional, known_from_data(conditional, laplace_em(conditional))


@pytest.mark.slow
def test_the_wall_is_the_first_sample_that_clearly_shows_drug(warfarin):
    conditional, known = warfarin
    assert lags(conditional) == ("ALAG",)
    times = dict(zip(conditional.translation.layout.subjects, np.exp(known.walls[:, 0]), strict=True))
    assert_allclose([times[3], times[15], times[1]], [3.0, 1.0, 24.0])
    assert_allclose(times[8], 1.0)  # 0.01 at 0.5 h; 1.0 at 1 h is four times the error at 0
    assert np.all(known.corridors > 6.0) and np.all(known.corridors <= 16.0)


def test_without_a_lag_there_is_no_wall():
    study = bn.zoo.load("theophylline")
    conditional = Conditional(translate(study.model, study.data, geometry="centred"))
    assert lags(conditional) == ()
    assert known_from_data(conditional, laplace_em(conditional)).walls.shape == (12, 0)


@pytest.mark.slow
def test_warfarin_is_sampled_without_divergences():
    """Six in a hundred transitions were divergent before lags were stretched; a few in a thousand may be."""
    study = bn.zoo.load("warfarin_pk")
    fit = bn.fit(study.model, study.data, draws=500, tune=1000, chains=2, cores=1, seed=1, progress=False)
    assert fit.draws.sample_stats["diverging"].sum() <= 3
