"""Whitening changes coordinates, not the posterior."""

import numpy as np
import pandas as pd
import pytensor
import pytest
from numpy.testing import assert_allclose
from pytensor.graph.replace import clone_replace
from pytensor.graph.traversal import toposort

import bayes_nlmem as bn
from bayes_nlmem.learning.whitened_effects import WhitenedEffects
from bayes_nlmem.learning.whitening import covariance_of, form_of_whitening, whitening
from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.marginal.laplace_em import laplace_em, quick_modes
from bayes_nlmem.translation.graph import translate


@pytest.fixture(scope="module")
def whitened():
    """The theophylline study, with correlated effects, and its change of variables as a numpy function."""
    study = bn.zoo.load("theophylline")
    return with_its_change(study.model, study.data)


def with_its_change(model, data):
    """The conditional density, its modes and the change of variables as a numpy function."""
    conditional = Conditional(translate(model, data, geometry="centred"))
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
        return function(u.reshape(len(data.subjects), -1), *(point[n] for n in conditional.population.values))

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


def test_effects_follow_a_typical_value_that_has_none():
    """All subjects absorb at the same rate: when it grows, their other effects make up for it."""
    study = bn.zoo.load("theophylline")
    model = study.model.with_parameter("KA", iiv=0)
    conditional, laplace, change_at = with_its_change(model, study.data)
    theta, origin = laplace.theta.copy(), np.zeros(conditional.n_effects)
    theta[list(conditional.population.values).index("KA_pop_log__")] += 0.1
    wanted = quick_modes(conditional, theta, laplace.effects).b
    found = change_at(theta, origin)[0].ravel()
    assert np.abs(wanted - laplace.effects).max() > 0.01
    assert np.abs(found - wanted).max() < 0.2 * np.abs(laplace.effects - wanted).max()


def rows_of_typical_values(model, data):
    """Rows of the typical values that the whitening takes."""
    change = form_of_whitening(Conditional(translate(model, data, geometry="centred")))
    [node] = [n for n in toposort([change.log_determinant]) if isinstance(n.op, WhitenedEffects)]
    return node.inputs[1].type.shape[0]


def test_typical_values_are_numbers_unless_covariates_act():
    study = bn.zoo.load("theophylline")
    plain = study.model.with_parameter("CL", covariates={}).with_parameter("V", covariates={})
    assert rows_of_typical_values(plain, study.data) == 1
    heavier = plain.with_parameter("CL", covariates={"WT": bn.Power(0.75, reference=70)})
    assert rows_of_typical_values(heavier, study.data) != 1


def test_without_data_it_is_the_non_centred_form(whitened):
    """Information 0: eta = chol(Omega^-1)^-T u, whose covariance is Omega."""
    conditional, laplace, _ = whitened
    flat = type(laplace)(
        laplace.theta,
        0 * laplace.effects,
        np.tile(covariance_of(conditional, laplace.theta, "eta"), (12, 1, 1)),
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
        np.array(columns).T @ np.array(columns),
        covariance_of(conditional, laplace.theta, "eta"),
        rtol=1e-6,
        atol=1e-12,
    )


@pytest.fixture(scope="module")
def crossed():
    """Occasions, a skewed law, and a parameter that varies between occasions only; few subjects."""
    rng = np.random.default_rng(4)
    rows = [
        {"ID": i, "TIME": float(k), "DV": 10 * np.exp(0.3 * rng.normal()), "OCC": 1 + k // 2}
        for i in range(1, 6)
        for k in range(4 if i < 5 else 2)
    ]
    half = bn.HalfNormal(0.5)
    model = bn.Model(
        structure=bn.Function(level),
        parameters={
            "base": bn.Parameter(bn.LogNormal(10, 0.5), iiv=half, iov=half, law=bn.BoxCoxEta(0.5)),
            "slope": bn.Parameter(bn.LogNormal(0.1, 0.5), iov=half),
        },
        residuals={"level": bn.Proportional(half)},
    )
    conditional = Conditional(translate(model, bn.read(pd.DataFrame(rows)), geometry="centred"))
    return conditional, laplace_em(conditional)


def level(time, base, slope):
    return base + slope * time


def test_log_density_in_whitened_coordinates_is_exact(crossed):
    """log p(b(u)) + log|db/du| is the density in u: with the determinant of differences, and its slope."""
    conditional, laplace = crossed
    assert not len(laplace.failed)
    graph, effects = conditional.graph, conditional.effects
    change = whitening(conditional, laplace)
    values = [graph.rvs_to_values[rv] for rv in conditional.population.variables]
    original = [graph.rvs_to_values[rv] for rv in effects.variables]
    u = [change.inputs[value] for value in original]
    [total] = clone_replace([graph.logp() + change.log_determinant], change.expressions)
    expressions = [change.expressions[value] for value in original]
    options = {"mode": "FAST_COMPILE", "on_unused_input": "ignore"}
    whitened = pytensor.function([*values, *u], [total, *pytensor.grad(total, u), *expressions], **options)
    inside = pytensor.function([*values, *original], graph.logp(), **options)

    rng = np.random.default_rng(3)
    theta = conditional.population.split(laplace.theta + 0.1 * rng.normal(size=len(laplace.theta)))
    theta = [theta[name] for name in conditional.population.values]
    at = rng.normal(size=conditional.n_effects)

    def effects_at(at):
        parts = [effects.split(at)[name] for name in effects.values]
        density, *found = whitened(*theta, *parts)
        slope, moved = found[: len(parts)], found[len(parts) :]
        return density, np.concatenate([np.ravel(x) for x in slope]), moved

    density, slope, moved = effects_at(at)
    jacobian, differences = np.empty((len(at), len(at))), np.empty(len(at))
    for k in range(len(at)):
        step = 1e-6 * (np.arange(len(at)) == k)
        high, low = effects_at(at + step), effects_at(at - step)
        differences[k] = (high[0] - low[0]) / 2e-6
        ends = [np.concatenate([np.ravel(x) for x in end[2]]) for end in (high, low)]
        jacobian[:, k] = (ends[0] - ends[1]) / 2e-6
    assert_allclose(density, inside(*theta, *moved) + np.linalg.slogdet(jacobian)[1], rtol=1e-6)
    assert_allclose(slope, differences, rtol=1e-4, atol=1e-5)


def test_whitened_coordinates_need_nutpie():
    study = bn.zoo.load("theophylline")
    with pytest.raises(bn.FitError, match="nutpie"):
        bn.fit(study.model, study.data, sampler="pymc", geometry="whitened")
