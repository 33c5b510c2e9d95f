"""Coordinates of the population change how fast NUTS is, not where it goes."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn
from bayes_nlmem.learning.bent_map import bent_map
from bayes_nlmem.learning.moves import Moves
from bayes_nlmem.learning.population_coordinates import Coordinates, learnt, straight
from bayes_nlmem.learning.run_folder import open_run
from bayes_nlmem.learning.starts import Starts
from bayes_nlmem.marginal.compiled import compile_density
from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.marginal.laplace_em import laplace_em
from bayes_nlmem.translation.graph import translate


@pytest.fixture(scope="module")
def bent():
    """Three coordinates, two of them bent, and their map as a function of w."""
    coordinates = Coordinates(
        np.array([0.5, -1.0, 2.0]),
        np.array([[0.4, 0.0, 0.0], [-0.3, 1.2, 0.0], [0.1, 0.5, 0.7]]),
        np.array([np.inf, -2.0, 0.3]),
    )
    w = pt.dvector("w")
    theta, log_determinant, *_ = bent_map(w, *vars(coordinates).values())
    weights = np.array([0.3, -1.1, 0.7])
    slope = pytensor.grad((weights * theta**2).sum() + 0.7 * log_determinant, w)
    return coordinates, weights, pytensor.function([w], [theta, log_determinant, slope], mode="FAST_COMPILE")


POINTS = [np.zeros(3), np.array([1.0, -4.0, 2.0]), np.array([0.3, -20.0, -25.0]), np.array([-2.0, 30.0, 9.0])]


@pytest.mark.parametrize("w", POINTS)
def test_log_determinant_and_slope_are_those_of_differences(bent, w):
    _, weights, at = bent
    _, log_determinant, slope = at(w)
    jacobian, slopes = np.empty((3, 3)), np.empty(3)
    for k in range(3):
        step = 1e-6 * (np.arange(3) == k)
        (high, high_det, _), (low, low_det, _) = at(w + step), at(w - step)
        jacobian[:, k] = (high - low) / 2e-6
        slopes[k] = (weights @ (high**2 - low**2) + 0.7 * (high_det - low_det)) / 2e-6
    assert_allclose(log_determinant, np.linalg.slogdet(jacobian)[1], rtol=1e-6, atol=1e-7)
    assert_allclose(slope, slopes, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("w", POINTS)
def test_values_are_taken_back_to_where_they_came_from(bent, w):
    coordinates, _, at = bent
    assert_allclose(coordinates.at(at(w)[0][None])[0], w, rtol=1e-8, atol=1e-8)


def test_straight_coordinates_are_the_values_themselves():
    theta = np.array([0.1, -3.0])
    assert_allclose(straight(2).at(theta[None])[0], theta)


def test_scale_that_may_be_zero_is_bent_and_one_that_is_known_is_not():
    rng = np.random.default_rng(1)
    known, unknown, real = (
        rng.normal(0.0, 0.1, 3000),
        np.log(np.abs(rng.normal(size=3000))),
        rng.normal(size=3000),
    )
    draws = np.column_stack([known, unknown, real])
    found = learnt(draws, np.array([True, True, False]))
    assert np.isfinite(found.knee).tolist() == [False, True, False]
    w = found.at(draws)
    skewness = np.mean((w - w.mean(axis=0)) ** 3, axis=0) / w.std(axis=0) ** 3
    assert (
        np.abs(skewness[1])
        < 0.6
        < 1.3
        < np.abs(np.mean((unknown - unknown.mean()) ** 3) / unknown.std() ** 3)
    )


def test_parameters_known_only_together_come_apart():
    rng = np.random.default_rng(2)
    draws = rng.normal(size=(4000, 3)) @ np.array([[1.0, 0.0, 0.0], [-0.95, 0.3, 0.0], [0.0, 0.0, 5.0]]).T
    w = learnt(draws, np.zeros(3, bool)).at(draws)
    assert np.abs(np.corrcoef(w.T) - np.eye(3)).max() < 0.1
    assert_allclose(w.std(axis=0), 1.0, atol=0.1)


def test_few_draws_do_not_make_wild_coordinates():
    draws = np.random.default_rng(3).normal(size=(12, 10))  # their covariance is as good as singular
    assert np.linalg.cond(learnt(draws, np.zeros(10, bool)).factor) < 5


@pytest.fixture(scope="module")
def theophylline():
    study = bn.zoo.load("theophylline")
    conditional = Conditional(translate(study.model, study.data, geometry="centred"))
    return study, conditional, laplace_em(conditional)


@pytest.mark.parametrize("whitened", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_log_density_is_exact_in_learnt_coordinates(theophylline, whitened):
    """The same density as in straight coordinates, up to the determinant, and with its own slope."""
    study, conditional, laplace = theophylline
    translation = conditional.translation
    if not whitened:
        translation = translate(study.model, study.data, geometry="noncentred")
    starts = Starts(translation, conditional, laplace, whitened)
    moves = Moves(starts)
    density = compile_density(starts.translation.graph, moves.change)
    point = moves.start(density.flat, 1)
    before = density(point)[0]
    rng = np.random.default_rng(4)
    near = point + 0.1 * rng.normal(size=(2, 100, len(point)))
    pool = moves.learn(near, density)
    assert len(pool) == 2 * 60
    moved = moves.start(density.flat, 1)
    value, slope = density(moved)
    population = np.isin(density.flat.elements, moves.population.elements)
    theta, w = pt.dvector(), moved[population]
    _, determinant, *_ = bent_map(theta, *vars(moves.coordinates).values())
    if whitened:  # anew, so that the effects are others
        assert_allclose(value, in_the_centred_graph(conditional, moves, density, moved), rtol=1e-9)
    else:
        assert_allclose(value - determinant.eval({theta: w}), before, rtol=1e-9)
    differences = []
    for k in range(len(point)):
        step = 1e-6 * (np.arange(len(point)) == k)
        differences.append((density(moved + step)[0] - density(moved - step)[0]) / 2e-6)
    assert_allclose(slope, differences, rtol=1e-4, atol=1e-4)


def test_nothing_is_learnt_from_chains_that_are_apart(theophylline):
    _, conditional, laplace = theophylline
    starts = Starts(conditional.translation, conditional, laplace, True)
    moves = Moves(starts)
    density = compile_density(starts.translation.graph, moves.change)
    point, before = moves.start(density.flat, 1), moves.coordinates
    noise = 0.1 * np.random.default_rng(6).normal(size=(2, 100, len(point)))
    apart = np.array([[[-1.0]], [[1.0]]])
    assert moves.learn(point + noise + apart, density) is None
    on_its_way = np.linspace(-1.0, 1.0, 200)[None, :, None]
    assert moves.learn(point + noise[:1, np.arange(200) // 2] + on_its_way, density) is None
    assert moves.coordinates is before and moves.starts is starts
    assert moves.learn(point + noise, density) is not None
    assert moves.coordinates is not before


def in_the_centred_graph(conditional, moves, density, moved):
    """The log-density of the centred graph at the effects that are meant, and the determinant."""
    change, flat = moves.change, density.flat
    outputs = [*change.expressions.values(), change.log_determinant]
    function = pytensor.function(flat.inputs, outputs, mode="FAST_COMPILE", on_unused_input="ignore")
    *values, determinant = function(*flat.split(moved).values())
    at = {value.name: x for value, x in zip(change.expressions, values, strict=True)}
    theta, b = conditional.population.join(at), conditional.effects.join(at)
    return conditional.joint(theta, b)[0].sum() + conditional.prior(theta)[0] + determinant


def test_coordinates_are_kept_with_the_run(theophylline, tmp_path):
    study = theophylline[0]
    folder = open_run(tmp_path / "run", {"draws": 1}, study.model, study.data, 1)
    assert folder.coordinates() is None
    kept = learnt(np.random.default_rng(5).normal(size=(500, 4)), np.ones(4, bool))
    folder.keep_coordinates(kept)
    for name, value in vars(folder.coordinates()).items():
        assert np.array_equal(value, getattr(kept, name))
