"""Whitening changes coordinates, not the posterior."""

import numpy as np
import pytensor
import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn
from bayes_nlmem.learning.whitening import covariance_of_effects, whitening
from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.marginal.laplace_em import laplace_em
from bayes_nlmem.translation.graph import translate


@pytest.fixture(scope="module")
def whitened():
    """The theophylline study, with correlated effects, and its change of variables as a numpy function."""
    study = bn.zoo.load("theophylline")
    conditional = Conditional(translate(study.model, study.data, geometry="centred"))
    laplace = laplace_em(conditional)
    change = whitening(conditional, laplace)
    values = [conditional.graph.rvs_to_values[rv] for rv in conditional.population.variables]
    [(value, u)] = change.inputs.items()
    function = pytensor.function(
        [u, *values],
        [change.expressions[value], change.log_determinant],
        mode="FAST_COMPILE",
        on_unused_input="ignore",
    )

    def change_at(theta, u):
        point = conditional.population.split(theta)
        return function(u.reshape(-1, 3), *(point[name] for name in conditional.population.values))

    return conditional, laplace, change_at


def test_log_determinant_is_that_of_the_map(whitened):
    conditional, laplace, change_at = whitened
    rng = np.random.default_rng(2)
    theta = laplace.theta + 0.2 * rng.normal(size=len(laplace.theta))
    u = rng.normal(size=conditional.n_effects)
    jacobian = np.zeros((len(u), len(u)))
    for k in range(len(u)):
        shift = 1e-6 * (np.arange(len(u)) == k)
        high, low = (change_at(theta, u + s)[0].ravel() for s in (shift, -shift))
        jacobian[:, k] = (high - low) / 2e-6
    assert_allclose(np.linalg.slogdet(jacobian)[1], change_at(theta, u)[1], rtol=1e-7)


def test_at_the_fit_the_origin_is_the_mode_and_the_scale_is_the_posterior_s(whitened):
    conditional, laplace, change_at = whitened
    origin = change_at(laplace.theta, np.zeros(conditional.n_effects))[0]
    assert_allclose(origin.ravel(), laplace.effects, atol=1e-6)
    step = change_at(laplace.theta, np.ones(conditional.n_effects))[0] - origin
    assert np.all(np.abs(step) < 6 * np.sqrt(np.einsum("nii->ni", laplace.covariance)))


def test_without_data_it_is_the_non_centred_form(whitened):
    """Information 0: eta = chol(Omega^-1)^-T u, whose covariance is Omega."""
    conditional, laplace, _ = whitened
    flat = type(laplace)(
        laplace.theta,
        0 * laplace.effects,
        np.tile(covariance_of_effects(conditional, laplace.theta), (12, 1, 1)),
        1,
        True,
        laplace.failed,
    )
    change = whitening(conditional, flat)
    [(value, u)] = change.inputs.items()
    names = conditional.population.values
    values = [conditional.graph.rvs_to_values[rv] for rv in conditional.population.variables]
    function = pytensor.function(
        [u, *values], change.expressions[value], mode="FAST_COMPILE", on_unused_input="ignore"
    )
    point = conditional.population.split(laplace.theta)
    columns = [function(np.tile(row, (12, 1)), *(point[n] for n in names))[0] for row in np.eye(3)]
    assert_allclose(
        np.array(columns).T @ np.array(columns), covariance_of_effects(conditional, laplace.theta), rtol=1e-6
    )


def test_whitened_coordinates_need_nutpie():
    study = bn.zoo.load("theophylline")
    with pytest.raises(bn.FitError, match="nutpie"):
        bn.fit(study.model, study.data, sampler="pymc", geometry="whitened")


@pytest.mark.slow
def test_the_posterior_is_the_same_in_all_coordinates():
    study = bn.zoo.load("theophylline")
    settings = {"draws": 1000, "tune": 800, "chains": 4, "progress": False}
    fits = [
        bn.fit(study.model, study.data, seed=k, geometry=geometry, **settings)
        for k, geometry in enumerate(("whitened", "noncentred"))
    ]
    a, b = (fit.summary() for fit in fits)
    unknown = a.index[~a["known"].astype(bool)]
    mcse = np.hypot(*(t.loc[unknown, "sd"] / np.sqrt(t.loc[unknown, "ess_bulk"]) for t in (a, b)))
    assert np.all(np.abs(a.loc[unknown, "mean"] - b.loc[unknown, "mean"]) < 4 * mcse)
    assert np.all(np.abs(a.loc[unknown, "sd"] / b.loc[unknown, "sd"] - 1) < 0.15)
