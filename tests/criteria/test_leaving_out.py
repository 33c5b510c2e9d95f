"""Leaving out by importance sampling equals leaving out in earnest."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn
from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.marginal.point import point_of
from bayes_nlmem.marginal.subject_densities import SubjectDensities
from bayes_nlmem.translation.graph import translate


def wang(data):
    parameters = {
        "k": bn.Parameter(bn.LogNormal(0.5, cv=0.5), iiv=bn.LogNormal(0.2, cv=0.5)),
        "V": bn.Parameter(1.0),
    }
    structure = bn.OneCompartment(parameterisation="rate constants")
    return bn.Model(
        structure=structure, parameters=parameters, residuals={"cp": bn.Proportional(0.1**0.5)}
    ), data


def densities_of(model, data, at, **options):
    conditional = Conditional(translate(model, data, geometry="centred"))
    theta = point_of(conditional, at)
    return SubjectDensities(conditional, theta, **options), theta


AT = {"k_pop": 0.45, "omega_k": 0.25}


@pytest.mark.parametrize("method", ["quadrature", "importance"])
def test_subjects_add_up_to_the_likelihood(method):
    model, data = wang(bn.zoo.load("wang2007").data)
    densities, theta = densities_of(model, data, AT, method=method)
    value, error = densities.at(theta[None, :])
    exact = bn.log_likelihood(model, data, at=AT, method="quadrature", tolerance=1e-6)
    within = 1e-3 if method == "quadrature" else 5 * error[0].max()
    assert_allclose(value[0], exact.subjects["LOGLIK"], atol=within)


def test_an_observation_left_out_of_the_sums_equals_one_left_out_of_the_data():
    """log p(y_ij | the others of i) = log p(y_i) - log p(y_i without j)."""
    model, data = wang(bn.zoo.load("wang2007").data)
    densities, theta = densities_of(model, data, AT, method="quadrature")
    [found] = densities.without_each_observation(theta[None, :])
    frame = data.to_frame()
    rows = np.flatnonzero(frame["EVID"] == 0)
    at = rows[3]
    fewer = bn.read(frame.drop(index=frame.index[at]).reset_index(drop=True))
    whole = bn.log_likelihood(model, data, at=AT, method="quadrature", tolerance=1e-6)
    without = bn.log_likelihood(model, fewer, at=AT, method="quadrature", tolerance=1e-6)
    assert_allclose(found[3], whole.value - without.value, atol=2e-3)


@pytest.fixture(scope="module")
def wang_fit():
    model, data = wang(bn.zoo.load("wang2007").data)
    return bn.fit(model, data, draws=1000, tune=500, chains=2, cores=1, seed=1, progress=False)


@pytest.mark.slow
def test_evidence_equals_the_integral_over_a_grid(wang_fit):
    """Two unknown parameters: p(y) by brute force."""
    model, data = wang(bn.zoo.load("wang2007").data)
    densities, theta = densities_of(model, data, AT, method="quadrature")
    k, omega = np.meshgrid(np.linspace(-1.6, 0.3, 41), np.linspace(-3.6, 0.4, 41), indexing="ij")
    names = densities.conditional.population.elements
    points = np.zeros((k.size, 2))
    points[:, names.index("k_pop_log__")] = k.ravel()
    points[:, names.index("omega_k_log__")] = omega.ravel()
    value = densities.at(points)[0].sum(axis=1)
    value = value + [densities.conditional.prior(point)[0] for point in points]
    cell = (1.9 / 40) * (4.0 / 40)
    exact = np.logaddexp.reduce(value) + np.log(cell)
    found = bn.log_evidence(wang_fit, draws=1000)
    assert found.converged
    assert abs(found.value - exact) < max(4 * found.error, 0.02)
    factor = bn.bayes_factor(found, found)
    assert factor.log_value == 0.0


@pytest.fixture(scope="module")
def theophylline():
    """Priors of the NumPyro reference; draws enough for leaving out."""
    frame = bn.zoo.load("theophylline").data.to_frame()
    data = bn.read(frame[(frame["EVID"] == 1) | (frame["TIME"] > 0)].reset_index(drop=True))
    model = bn.Model(
        structure=bn.OneCompartment(absorption="first-order"),
        parameters={
            name: bn.Parameter(bn.LogNormal(median, sigma=0.5), iiv=bn.HalfNormal(1.0))
            for name, median in {"KA": 1.5, "V": 30.0, "CL": 3.0}.items()
        },
        residuals={"cp": bn.Additive(bn.HalfNormal(2.0))},
    )
    return bn.fit(model, data, draws=500, tune=400, chains=2, cores=1, seed=2, progress=False)


@pytest.mark.slow
def test_marginal_loo_equals_exact_refits(theophylline):
    approximate = bn.loo(theophylline, by="subject")
    exact = bn.cross_validate(theophylline, folds=None, draws=300, tune=300, seed=3)
    merged = approximate.pointwise.merge(exact.pointwise, on="ID", suffixes=("", "_exact"))
    error = np.hypot(merged["MCSE"], merged["MCSE_exact"])
    assert (np.abs(merged["ELPD"] - merged["ELPD_exact"]) < 4 * error + 0.05).all()
    assert abs(approximate.estimate - exact.estimate) < 4 * np.hypot(approximate.mcse, exact.mcse) + 0.1
    assert exact.criterion == "exact"


@pytest.mark.slow
def test_moment_matching_and_integration_lower_pareto_k(theophylline):
    for by in ("subject", "observation"):
        plain = bn.loo(theophylline, by=by, repair=False).pointwise
        repaired = bn.loo(theophylline, by=by).pointwise
        assert (repaired["K"] <= plain["K"] + 1e-12).all()
        changed = repaired["METHOD"] != "PSIS"
        assert (repaired.loc[changed, "K"] < plain.loc[changed, "K"]).all()


@pytest.mark.slow
def test_the_future_is_predicted_from_the_past(theophylline):
    found = bn.leave_future_out(theophylline, after=8.0, draws=300, tune=300)
    future = theophylline.data.table.query("EVID == 0 and TIME > 8")
    assert set(found.pointwise["ID"]) == set(future["ID"])
    assert np.isfinite(found.estimate)
    # one or two later samples at an error of 0.75 mg/L: about -1.2 nats each
    assert -4 * len(future) < found.estimate < 0.5 * len(future)


@pytest.mark.slow
def test_folds_run_on_an_executor(wang_fit):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        there = bn.cross_validate(wang_fit, folds=2, executor=pool, draws=200, tune=200, seed=1)
    here = bn.cross_validate(wang_fit, folds=2, draws=200, tune=200, seed=1)
    pd.testing.assert_frame_equal(there.pointwise, here.pointwise)
    assert there.criterion == "kfold"
