"""Errors that depend on each other: autocorrelation and correlated outputs, against multivariate normals."""

import numpy as np
import pandas as pd
import pymc as pm
import pytest
from numpy.testing import assert_allclose
from scipy import stats

import bayes_nlmem as bn
from bayes_nlmem.ground.messages import ModelError

TIMES = np.array([0.5, 1.0, 2.5, 6.0, 12.0])
F = 100 / 40 * np.exp(-4.0 / 40 * TIMES)


def study(values, times=TIMES, **columns):
    dose = pd.DataFrame({"ID": 1, "TIME": [0.0], "AMT": 100.0, "DV": np.nan, "EVID": 1})
    seen = pd.DataFrame({"ID": 1, "TIME": times, "AMT": 0.0, "DV": values, "EVID": 0}).assign(**columns)
    frame = pd.concat([dose, seen], ignore_index=True)
    for name in columns:
        frame.loc[0, name] = frame.loc[1, name]
    return frame


def a_model(residual, **more):
    parameters = {"CL": bn.Parameter(4.0), "V": bn.Parameter(bn.LogNormal(40.0, cv=0.3))}
    return bn.Model(structure=bn.OneCompartment(), parameters=parameters, residuals={"cp": residual}, **more)


POINT = {"V_pop_log__": np.log(40.0)}


def terms(graph, name="cp_obs", point=POINT):
    return graph.compile_logp(vars=[graph[name]], sum=False, mode="FAST_COMPILE")(point)[0]


VALUES = np.array([2.6, 2.2, 2.4, 1.1, 0.9])


@pytest.mark.parametrize("given", [{"tau": 3.0}, {"rho": np.exp(-1 / 3.0)}])
def test_autocorrelated_errors_are_jointly_normal(given):
    graph = bn.build(a_model(bn.AR1Error(bn.Proportional(0.2), **given)), bn.read(study(VALUES)))
    correlation = np.exp(-np.abs(TIMES[:, None] - TIMES) / 3.0)
    joint = stats.multivariate_normal(F, correlation * np.outer(0.2 * F, 0.2 * F))
    found = terms(graph)
    assert_allclose(found.sum(), joint.logpdf(VALUES), rtol=1e-10)
    assert_allclose(found[0], stats.norm(F[0], 0.2 * F[0]).logpdf(VALUES[0]), rtol=1e-10)


def test_autocorrelation_works_on_the_scale_of_the_logarithm():
    graph = bn.build(a_model(bn.AR1Error(bn.LogNormalError(0.3), tau=3.0)), bn.read(study(VALUES)))
    correlation = np.exp(-np.abs(TIMES[:, None] - TIMES) / 3.0)
    joint = stats.multivariate_normal(np.log(F), 0.09 * correlation)
    assert_allclose(terms(graph).sum(), joint.logpdf(np.log(VALUES)) - np.log(VALUES).sum(), rtol=1e-10)


def test_a_new_occasion_forgets():
    frame = study(VALUES, OCC=[1, 1, 2, 2, 2])
    graph = bn.build(a_model(bn.AR1Error(bn.Additive(0.4), tau=3.0)), bn.read(frame))
    found = terms(graph)
    assert_allclose(found[2], stats.norm(F[2], 0.4).logpdf(VALUES[2]), rtol=1e-10)
    assert not np.isclose(found[3], stats.norm(F[3], 0.4).logpdf(VALUES[3]))


def test_draws_of_autocorrelated_errors_are_joint_ones():
    graph = bn.build(a_model(bn.AR1Error(bn.Additive(0.5), tau=3.0)), bn.read(study(VALUES)))
    drawn = pm.draw(graph["cp_obs"], 4000, random_seed=1, mode="FAST_COMPILE") - pm.draw(
        graph["cp"], 4000, random_seed=1, mode="FAST_COMPILE"
    )
    residual = pm.draw([graph["cp_obs"], graph["cp"]], 4000, random_seed=2, mode="FAST_COMPILE")
    drawn = residual[0] - residual[1]
    expected = np.exp(-np.abs(TIMES[:, None] - TIMES) / 3.0)
    assert_allclose(np.corrcoef(drawn.T), expected, atol=0.06)
    assert_allclose(drawn.std(axis=0), 0.5, rtol=0.05)


def test_two_observations_at_the_same_time_are_refused_with_their_rows():
    model = a_model(bn.AR1Error(bn.Additive(0.5), tau=3.0))
    data = bn.read(study(VALUES, np.array([0.5, 1.0, 1.0, 6.0, 12.0])), allow=["E_DUPLICATED_RECORD"])
    with pytest.raises(ModelError, match=r"one observation of 'cp' at a time.*row 4"):
        bn.build(model, data)


def two_outputs(frame_cens=None, prior=0.6):
    """Observations of concentration and of the amount in the body, most of them in pairs."""
    rows = []
    for time, cp, amount in [(0.5, 2.6, 90.0), (1.0, 2.2, 97.0), (6.0, 1.2, None), (12.0, 0.9, 25.0)]:
        rows.append((time, cp, "cp"))
        if amount is not None:
            rows.append((time, amount, "A_central"))
    seen = pd.DataFrame(rows, columns=["TIME", "DV", "DVID"]).assign(ID=1, AMT=0.0, EVID=0, CENS=0)
    dose = pd.DataFrame(
        {"ID": 1, "TIME": [0.0], "AMT": 100.0, "DV": np.nan, "EVID": 1, "CENS": 0, "DVID": "cp"}
    )
    frame = pd.concat([dose, seen], ignore_index=True)
    for k in frame_cens or []:
        frame.loc[k, "CENS"] = 1
    parameters = {"CL": bn.Parameter(4.0), "V": bn.Parameter(bn.LogNormal(40.0, cv=0.3))}
    model = bn.Model(
        structure=bn.OneCompartment(),
        parameters=parameters,
        residuals={"cp": bn.Proportional(0.2), "A_central": bn.Additive(8.0)},
        correlated_residuals=bn.CorrelatedResiduals("cp", "A_central", prior),
    )
    return model, bn.read(frame)


PAIR_TIMES = np.array([0.5, 1.0, 6.0, 12.0])


def test_errors_of_two_outputs_are_jointly_normal_where_both_were_measured():
    graph = bn.build(*two_outputs())
    a, b = terms(graph, "cp_obs"), terms(graph, "A_central_obs")
    f = 2.5 * np.exp(-0.1 * PAIR_TIMES)
    cp, amount = np.array([2.6, 2.2, 1.2, 0.9]), np.array([90.0, 97.0, np.nan, 25.0])
    for k, j in ((0, 0), (1, 1), (3, 2)):
        s = np.array([0.2 * f[k], 8.0])
        joint = stats.multivariate_normal([f[k], 40 * f[k]], np.outer(s, s) * [[1, 0.6], [0.6, 1]])
        assert_allclose(a[k] + b[j], joint.logpdf([cp[k], amount[k]]), rtol=1e-10)
    assert_allclose(a[2], stats.norm(f[2], 0.2 * f[2]).logpdf(1.2), rtol=1e-10)


@pytest.mark.parametrize("censored", ["cp", "A_central"])
def test_a_censored_value_is_conditioned_on_its_partner(censored):
    row = {"cp": 1, "A_central": 2}[censored]
    graph = bn.build(*two_outputs([row]))
    found = terms(graph, "cp_obs")[0] + terms(graph, "A_central_obs")[0]
    f = 2.5 * np.exp(-0.05)
    z = np.array([(2.6 - f) / (0.2 * f), (90.0 - 40 * f) / 8.0])
    own = 0 if censored == "cp" else 1
    other = 1 - own
    density = stats.norm.logpdf(z[other]) - np.log([0.2 * f, 8.0][other])
    probability = stats.norm.logcdf((z[own] - 0.6 * z[other]) / 0.8)
    assert_allclose(found, density + probability, rtol=1e-10)


def test_draws_of_two_outputs_are_correlated():
    model, data = two_outputs(prior=bn.LKJ(2))
    model = model.with_priors({"V_pop": 40.0, "corr_cp_A_central": 0.6})
    graph = bn.build(model, data)
    one, two = pm.draw([graph["cp_obs"], graph["A_central_obs"]], 3000, random_seed=1, mode="FAST_COMPILE")
    assert_allclose([np.corrcoef(one[:, k], two[:, j])[0, 1] for k, j in ((0, 0), (3, 2))], 0.6, atol=0.04)
    assert abs(np.corrcoef(one[:, 2], two[:, 2])[0, 1]) < 0.05


@pytest.mark.slow
@pytest.mark.parametrize(
    "cens", [(0, 0, 0, 1, 1), (1, 1, 0, 0, 0), (0, 1, 1, 1, 0), (1, -1, 1, 0, 1), (0, 0, 1, 0, 0)]
)
def test_censored_values_of_autocorrelated_errors_are_integrated_out(cens):
    cens = np.array(cens)
    limit = np.where(cens == 1, 0.0, np.nan) if cens[0] == 1 else np.full(5, np.nan)
    graph = bn.build(
        a_model(bn.AR1Error(bn.Additive(0.6), tau=4.0)), bn.read(study(VALUES, CENS=cens, LIMIT=limit))
    )
    correlation = np.exp(-np.abs(TIMES[:, None] - TIMES) / 4.0)
    z = (VALUES - F) / 0.6
    seen, out = np.flatnonzero(cens == 0), np.flatnonzero(cens != 0)
    inner = correlation[np.ix_(seen, seen)]
    across = correlation[np.ix_(out, seen)]
    mean = across @ np.linalg.solve(inner, z[seen])
    covariance = correlation[np.ix_(out, out)] - across @ np.linalg.solve(inner, across.T)
    low = np.where(cens[out] == 1, np.where(np.isnan(limit[out]), -np.inf, (0.0 - F[out]) / 0.6), z[out])
    high = np.where(cens[out] == 1, z[out], np.inf)
    probability = stats.multivariate_normal.cdf(
        high, mean, covariance, lower_limit=low, abseps=1e-10, releps=1e-10, maxpts=1_000_000
    )
    density = stats.multivariate_normal(np.zeros(len(seen)), inner).logpdf(z[seen]) - len(seen) * np.log(0.6)
    assert_allclose(terms(graph).sum(), density + np.log(probability), rtol=1e-5, atol=1e-5)
    assert np.isfinite(graph.compile_dlogp(mode="FAST_COMPILE")(POINT)).all()
