"""Means, covariances and drifts of the effects are those of finer integrals, where a grid can see them."""

from dataclasses import replace

import numpy as np
import pytensor
import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn
from bayes_nlmem.learning.conditional_moments import with_moments
from bayes_nlmem.learning.whitening import scales, whitening
from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.marginal.laplace_em import laplace_em, quick_modes
from bayes_nlmem.marginal.quadrature import quadrature
from bayes_nlmem.translation.graph import translate


@pytest.fixture(scope="module")
def found():
    study = bn.zoo.load("phenobarbital")
    conditional = Conditional(translate(study.model, study.data, geometry="centred"))
    fit = laplace_em(conditional)
    modes = quick_modes(conditional, fit.theta, fit.effects)
    return conditional, fit, modes, with_moments(conditional, modes, fit)


def test_moments_are_those_of_a_finer_grid(found):
    conditional, fit, modes, moments = found
    fine = quadrature(conditional, modes, nodes=25)
    spread = np.sqrt(np.einsum("nii->ni", moments.covariance))
    assert_allclose(conditional.gather(moments.effects), fine.mean, atol=1e-3 * spread.min())
    assert_allclose(spread, fine.sd, rtol=1e-3)
    assert np.abs(moments.effects - fit.effects).max() > 0.01  # a mean is not a mode


def test_drifts_are_slopes_of_the_means(found):
    conditional, fit, _, moments = found
    step = 1e-3
    places = list(scales(conditional))
    assert [conditional.population.elements[k] for k in places] == ["omega_CL_log__", "omega_V_log__"]
    for column, place in enumerate(places):
        ends = []
        for sign in (1, -1):
            theta = fit.theta + sign * step * (np.arange(len(fit.theta)) == place)
            at = quick_modes(conditional, theta, fit.effects)
            ends.append(quadrature(conditional, at, nodes=25).mean)
        slope = (ends[0] - ends[1]) / (2 * step)
        assert_allclose(moments.drift[:, :, column], slope, atol=0.002 * np.abs(slope).max())


def test_whitened_effects_follow_the_drift(found):
    """Where u = 0, effects are the means, at other population parameters too."""
    conditional, fit, _, moments = found
    change = whitening(conditional, moments)
    [(value, u)] = change.inputs.items()
    population = [conditional.graph.rvs_to_values[rv] for rv in conditional.population.variables]
    settings = {"mode": "FAST_COMPILE", "on_unused_input": "ignore"}
    effects = pytensor.function([u, *population], change.expressions[value], **settings)

    def at(theta):
        split = conditional.population.split(theta)
        return effects(np.zeros(conditional.effects.shapes[0]), *(split[v.name] for v in population))

    assert_allclose(at(fit.theta).ravel(), moments.effects, atol=1e-8)
    step = 1e-5
    for column, place in enumerate(scales(conditional)):
        shift = step * (np.arange(len(fit.theta)) == place)
        slope = (at(fit.theta + shift) - at(fit.theta - shift)) / (2 * step)
        assert_allclose(slope, moments.drift[:, :, column], atol=1e-5)


def test_a_grid_that_sees_too_little_is_not_believed(found):
    conditional, fit, modes, _ = found
    narrow = replace(modes, factor=1e-3 * modes.factor)
    kept = with_moments(conditional, narrow, fit)
    assert_allclose(kept.effects, modes.b)
    assert_allclose(kept.covariance, narrow.covariance)


def test_lags_are_not_followed():
    study = bn.zoo.load("warfarin_pk")
    conditional = Conditional(translate(study.model, study.data, geometry="centred"))
    assert scales(conditional) == {}
