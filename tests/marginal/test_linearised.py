"""Slopes of predictions and residual SDs are the graph's own."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn
from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.marginal.ebe import find_modes
from bayes_nlmem.marginal.linearised import Linearisation
from bayes_nlmem.marginal.point import natural, point_of
from bayes_nlmem.translation.graph import translate

AT = {
    "KA_pop": 1.5, "CL_pop": 2.8, "V_pop": 32.0, "V_WT": 0.8, "omega_KA": 0.6, "omega_CL": 0.25,
    "omega_V": 0.15, "corr_CL_V": 0.3, "sigma_cp_add": 0.4, "sigma_cp_prop": 0.1,
}  # fmt: skip


@pytest.fixture(scope="module")
def theophylline():
    study = bn.zoo.load("theophylline")
    return Conditional(translate(study.model, study.data, geometry="centred"))


@pytest.fixture(scope="module")
def linearisation(theophylline):
    return Linearisation(theophylline)


def test_slopes_equal_differences(theophylline, linearisation):
    theta = point_of(theophylline, AT)
    b = 0.2 * np.random.default_rng(0).normal(size=theophylline.n_effects)
    linear = linearisation.at(theta, b, population=True)
    step = 1e-5

    def difference(move_theta, move_b):
        ahead = linearisation.at(theta + step * move_theta, b + step * move_b)
        back = linearisation.at(theta - step * move_theta, b - step * move_b)
        return (ahead.prediction - back.prediction) / (2 * step), (ahead.sd - back.sd) / (2 * step)

    for k in range(3):
        move = np.zeros(len(b))
        move[theophylline.slots[:, k]] = 1.0
        slope, slope_of_sd = difference(0.0, move)
        assert_allclose(linear.by_effect[:, k], slope, rtol=1e-6, atol=1e-8)
        assert_allclose(linear.sd_by_effect[:, k], slope_of_sd, rtol=1e-6, atol=1e-8)
    for k in range(len(theta)):
        slope, slope_of_sd = difference((np.arange(len(theta)) == k).astype(float), 0.0)
        assert_allclose(linear.by_population[:, k], slope, rtol=1e-6, atol=1e-8)
        assert_allclose(linear.sd_by_population[:, k], slope_of_sd, rtol=1e-6, atol=1e-8)


def test_labels_follow_the_data(theophylline, linearisation):
    linear = linearisation.at(point_of(theophylline, AT), np.zeros(theophylline.n_effects))
    table = theophylline.translation.data.table.iloc[linear.record]
    assert_allclose(linear.observed, table["DV"])
    assert np.array_equal(linear.subject, table["SUBJECT"])
    assert_allclose(linear.sd, np.sqrt(0.4**2 + (0.1 * linear.prediction) ** 2))


def test_named_values_become_the_point_and_back(theophylline):
    found = natural(theophylline, point_of(theophylline, AT))
    for name in set(AT) - {"corr_CL_V"}:
        assert_allclose(found[name], AT[name])
    assert_allclose(found["partial_CL_V"], [(0.3 + 1) / 2])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"CL": 3.0}, "Did you mean 'CL_pop'"),
        ({"omega_CL": 0.0}, "omega_CL"),
        ({"corr_CL_V": None}, "none of partial_CL_V"),
        ({"corr_CL_V": 1.5}, "boundary of corr_CL_V"),
    ],
)
def test_a_point_that_is_not_one_is_refused(theophylline, change, words):
    at = {name: value for name, value in {**AT, **change}.items() if value is not None}
    with pytest.raises(bn.FitError, match=words):
        point_of(theophylline, at)


def test_modes_are_maxima_wherever_the_search_starts(theophylline):
    theta = point_of(theophylline, AT)
    modes = find_modes(theophylline, theta)
    far = find_modes(theophylline, theta, 1.5 * np.ones(theophylline.n_effects))
    assert modes.converged.all()
    assert_allclose(far.table, modes.table, atol=1e-5)
    assert np.max(np.abs(theophylline.joint(theta, modes.b)[1])) < 1e-4
    assert_allclose(modes.covariance @ modes.precision, np.broadcast_to(np.eye(3), (12, 3, 3)), atol=1e-6)
