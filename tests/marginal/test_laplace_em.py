"""The quick fit lands where maximum likelihood does."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn
from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.marginal.ebe import find_modes
from bayes_nlmem.marginal.laplace_em import laplace_em
from bayes_nlmem.simulation.as_data import replicate_as_data
from bayes_nlmem.translation.graph import translate


@pytest.fixture(scope="module")
def theophylline():
    """The zoo's study with wide priors and without weight, as the maximum-likelihood reference has it."""
    study = bn.zoo.load("theophylline")
    frame = study.data.to_frame()
    data = bn.read(frame[(frame["EVID"] == 1) | (frame["TIME"] > 0)].reset_index(drop=True))
    model = bn.Model(
        structure=bn.OneCompartment(absorption="first-order"),
        parameters={
            name: bn.Parameter(bn.LogNormal(median, sigma=1.0), iiv=bn.HalfNormal(2.0))
            for name, median in {"KA": 1.0, "CL": 3.0, "V": 25.0}.items()
        },
        residuals={"cp": bn.Additive(bn.HalfNormal(5.0))},
    )
    return Conditional(translate(model, data, geometry="centred"))


@pytest.fixture(scope="module")
def fitted(theophylline):
    return laplace_em(theophylline)


def test_estimates_are_near_maximum_likelihood(theophylline, fitted):
    """Exact ML by quadrature: KA 1.579, V 31.63, CL 2.748, omega 0.643 0.144 0.272, a 0.738."""
    found = dict(zip(theophylline.population.elements, np.exp(fitted.theta), strict=True))
    assert fitted.converged and not len(fitted.failed)
    assert_allclose(
        [found[f"{name}_log__"] for name in ("KA_pop", "V_pop", "CL_pop", "sigma_cp_add")],
        [1.579, 31.63, 2.748, 0.738],
        rtol=0.05,
    )
    assert_allclose(
        [found[f"omega_{name}_log__"] for name in ("KA", "V", "CL")], [0.643, 0.144, 0.272], rtol=0.12
    )


def test_modes_have_no_slope_left(theophylline, fitted):
    gradient = theophylline.joint(fitted.theta, fitted.effects)[1]
    modes = find_modes(theophylline, fitted.theta)
    assert modes.converged.all() and np.max(np.abs(gradient)) < 0.5
    assert_allclose(modes.b, fitted.effects, atol=0.02)
    assert np.all(np.linalg.eigvalsh(modes.covariance) > 0)


def test_joint_density_belongs_to_its_subject(theophylline):
    """Moving one subject's effects changes no other subject's value."""
    theta = theophylline.population.join(theophylline.population.start)
    base = theophylline.joint(theta, np.zeros(theophylline.n_effects))[0]
    moved = np.zeros(theophylline.n_effects)
    moved[theophylline.slots[4]] = 0.3
    change = theophylline.joint(theta, moved)[0] - base
    assert change[4] != 0
    assert_allclose(np.delete(change, 4), 0, atol=1e-12)


def test_gradients_are_those_of_the_joint_density(theophylline):
    rng = np.random.default_rng(0)
    theta = theophylline.population.join(theophylline.population.start)
    theta = theta + 0.1 * rng.normal(size=len(theta))
    b = 0.2 * rng.normal(size=theophylline.n_effects)

    def total(theta, b):
        return theophylline.joint(theta, b)[0].sum() + theophylline.prior(theta)[0]

    _, gradient_b, gradient_theta = theophylline.joint(theta, b)
    step = 1e-5
    for k in (0, 7, 20):
        shift = step * (np.arange(len(b)) == k)
        assert_allclose(
            (total(theta, b + shift) - total(theta, b - shift)) / (2 * step), gradient_b[k], rtol=1e-5
        )
    for k in range(len(theta)):
        shift = step * (np.arange(len(theta)) == k)
        numeric = (total(theta + shift, b) - total(theta - shift, b)) / (2 * step)
        assert_allclose(numeric, gradient_theta[k], rtol=1e-5)


@pytest.mark.slow
def test_proportional_errors_far_from_the_priors_do_not_run_away():
    """Points far from the modes once made the errors' magnitude grow to 100 times and more."""
    study = bn.zoo.load("parent_metabolite")
    simulation = bn.simulate(study.model, study.data, draws=8, seed=4)
    true = simulation.draws["posterior"].to_dataset().isel(chain=0)
    for k in (5, 6):
        data = replicate_as_data(simulation, k)
        conditional = Conditional(translate(study.model, data, geometry="centred"))
        found = dict(zip(conditional.population.elements, laplace_em(conditional).theta, strict=True))
        for name in ("sigma_cp_prop", "sigma_cm_prop"):
            assert abs(found[f"{name}_log__"] - np.log(float(true[name][k]))) < 2.5, (k, name)


def test_modes_that_no_slope_leads_to_are_found_from_the_prior():
    """A response that only subjects near a place have: from the typical subject it is flat all around."""

    def response(t, WHERE, HEIGHT):
        return HEIGHT * np.exp(-((WHERE - 1.5) ** 2) / 0.05) + 0 * t

    model = bn.Model(
        structure=bn.Function(response),
        parameters={
            "WHERE": bn.Parameter(bn.Normal(0.0, 0.01), iiv=bn.HalfNormal(1.0), scale=bn.Natural()),
            "HEIGHT": bn.Parameter(5.0),
        },
        residuals={"response": bn.Additive(bn.HalfNormal(0.3))},
    )
    frame = pd.DataFrame(
        {"ID": np.repeat(np.arange(1, 7), 3), "TIME": np.tile([1.0, 2.0, 3.0], 6), "DV": 5.0}
    )
    conditional = Conditional(translate(model, bn.read(frame), geometry="centred"))
    theta = conditional.population.join(conditional.population.start)
    stuck = find_modes(conditional, theta)
    found = find_modes(conditional, theta, tries=40)
    assert_allclose(stuck.b, 0, atol=1e-6)
    assert_allclose(found.b, 1.5, atol=0.05)
    assert np.all(found.log_joint > stuck.log_joint + 10)
