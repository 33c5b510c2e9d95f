"""Censored observations are intervals, with probabilities that stay accurate in the tail."""

import numpy as np
import pandas as pd
import pytensor
import pytest
from numpy.testing import assert_allclose
from scipy import stats

import bayes_nlmem as bn
from bayes_nlmem.ground.messages import ModelError
from bayes_nlmem.statistics.laws import NORMAL
from bayes_nlmem.translation.likelihood import observations


def log_probability(lower, upper, mean, sd):
    return pytensor.function([], NORMAL.log_probability(upper, mean, sd, lower, upper), mode="FAST_COMPILE")()


def test_quantified_values_have_a_density():
    value = np.array([1.0, -2.0])
    assert_allclose(
        log_probability(value, value, np.zeros(2), np.full(2, 1.5)), stats.norm.logpdf(value, 0, 1.5)
    )


@pytest.mark.parametrize(
    ("lower", "upper", "expected"),
    [
        (-np.inf, 0.3, stats.norm.logcdf(0.3, 1, 0.5)),
        (-np.inf, -40.0, stats.norm.logcdf(-40.0, 1, 0.5)),
        (2.0, np.inf, stats.norm.logsf(2.0, 1, 0.5)),
        (60.0, np.inf, stats.norm.logsf(60.0, 1, 0.5)),
        (0.0, 0.3, np.log(stats.norm.cdf(0.3, 1, 0.5) - stats.norm.cdf(0, 1, 0.5))),
        (1.5, 1.7, np.log(stats.norm.sf(1.5, 1, 0.5) - stats.norm.sf(1.7, 1, 0.5))),
        (0.0, 3.0, np.log(stats.norm.cdf(3.0, 1, 0.5) - stats.norm.cdf(0, 1, 0.5))),
    ],
)
def test_intervals_have_a_probability(lower, upper, expected):
    got = log_probability(np.array([lower]), np.array([upper]), np.array([1.0]), np.array([0.5]))
    assert_allclose(got, expected, rtol=1e-10)


def test_gradients_in_the_residual_error_are_finite_for_unbounded_intervals():
    sd = pytensor.tensor.dscalar()
    lower, upper = np.array([-np.inf, 1.0, 0.0, 2.0]), np.array([1.0, np.inf, 1.0, 2.0])
    total = NORMAL.log_probability(np.array([1.0, 1.0, 1.0, 2.0]), 0.5, sd, lower, upper).sum()
    slope = pytensor.function([sd], pytensor.grad(total, sd), mode="FAST_COMPILE")
    value = pytensor.function([sd], total, mode="FAST_COMPILE")
    h = 1e-5
    assert_allclose(slope(0.7), (value(0.7 + h) - value(0.7 - h)) / (2 * h), rtol=1e-7)


def test_gradients_of_censored_values_are_finite():
    mean = pytensor.tensor.vector()
    lower = np.array([-np.inf, 1.0, 0.0, -np.inf, 2.0])
    upper = np.array([0.3, 1.0, 0.3, -30.0, np.inf])
    total = NORMAL.log_probability(upper, mean, 0.5, lower, upper).sum()
    gradient = pytensor.function([mean], pytensor.grad(total, mean), mode="FAST_COMPILE")
    at = np.ones(5)
    step = 1e-6
    value = pytensor.function(
        [mean], NORMAL.log_probability(upper, mean, 0.5, lower, upper), mode="FAST_COMPILE"
    )
    assert_allclose(gradient(at), (value(at + step) - value(at - step)) / (2 * step), rtol=1e-6, atol=1e-8)


def test_cens_and_limit_become_intervals():
    frame = pd.DataFrame(
        {
            "ID": 1,
            "TIME": [0, 1, 2, 3, 4.0],
            "DV": [1.0, 0.1, 0.1, 9.0, 9.0],
            "CENS": [0, 1, 1, -1, -1],
            "LIMIT": [None, None, 0.0, None, 12.0],
        }
    )
    seen = observations(bn.read(frame), np.arange(5))
    assert_allclose(seen.lower, [1.0, -np.inf, 0.0, 9.0, 9.0])
    assert_allclose(seen.upper, [1.0, 0.1, 0.1, np.inf, 12.0])
    assert list(seen.censored) == [False, True, True, True, True]


RESIDUALS = {
    "power": (bn.PowerError(0.3, 0.7), lambda f: stats.norm(f, 0.3 * f**0.7)),
    "log": (bn.LogNormalError(0.25), lambda f: stats.lognorm(0.25, scale=f)),
    "t": (bn.StudentTError(bn.Combined(0.2, 0.1), 4.0), lambda f: stats.t(4, f, np.hypot(0.2, 0.1 * f))),
    "log t": (bn.StudentTError(bn.LogNormalError(0.25), 4.0), None),
}


def a_study(times, values, cens=0, limit=None):
    rows = len(times)
    dose = pd.DataFrame({"ID": [1], "TIME": [0.0], "AMT": [100.0], "DV": [None], "CENS": [0]})
    seen = pd.DataFrame({"ID": [1] * rows, "TIME": times, "AMT": 0.0, "DV": values, "CENS": cens})
    frame = pd.concat([dose, seen.assign(LIMIT=limit)], ignore_index=True)
    return bn.read(frame)


def a_model(residual):
    parameters = {"CL": bn.Parameter(bn.LogNormal(5, cv=0.5)), "V": bn.Parameter(40.0)}
    return bn.Model(structure=bn.OneCompartment(), parameters=parameters, residuals={"cp": residual})


@pytest.mark.parametrize("name", RESIDUALS)
@pytest.mark.parametrize("censored", [False, True])
def test_every_residual_error_gives_the_likelihood_of_its_law(name, censored):
    residual, reference = RESIDUALS[name]
    times, values = np.array([1.0, 4.0, 12.0, 30.0]), np.array([2.0, 1.7, 0.9, 0.1])
    cens = [0, -1, 0, 1] if censored else 0
    graph = bn.build(a_model(residual), a_study(times, values, cens))
    point = {"CL_pop_log__": np.log(4.0)}
    f = 100 / 40 * np.exp(-4.0 / 40 * times)
    if reference is None:
        known = stats.t(4, 0, 0.25)
        z = np.log(values / f)
        expected = known.logpdf(z) - np.log(values)
        tails = known.logsf(z[1]), known.logcdf(z[3])
    else:
        known = reference(f)
        expected = known.logpdf(values)
        tails = known.logsf(values)[1], known.logcdf(values)[3]
    if censored:
        expected[1], expected[3] = tails
    terms = graph.compile_logp(vars=[graph["cp_obs"]], sum=False, mode="FAST_COMPILE")(point)[0]
    assert_allclose(terms, expected, rtol=1e-8)
    slope = graph.compile_dlogp(mode="FAST_COMPILE")(point)
    total = graph.compile_logp(mode="FAST_COMPILE")
    step = 1e-5
    up, down = ({"CL_pop_log__": point["CL_pop_log__"] + sign * step} for sign in (1, -1))
    assert_allclose(slope, (total(up) - total(down)) / (2 * step), rtol=1e-6)


def test_unknown_degrees_of_freedom_are_a_variable_of_the_graph():
    residual = bn.StudentTError(bn.Additive(bn.HalfNormal(0.5)), bn.Truncated(bn.Gamma(2.0, 0.1), lower=2))
    graph = bn.build(a_model(residual), a_study([1.0, 12.0, 30.0], [2.0, 0.9, 0.1], [0, 0, 1]))
    assert {"sigma_cp_add", "sigma_cp_df"} <= {rv.name for rv in graph.free_RVs}
    assert np.isfinite(graph.compile_dlogp(mode="FAST_COMPILE")(graph.initial_point())).all()


@pytest.mark.parametrize("name", RESIDUALS)
def test_the_graph_draws_from_every_law(name):
    import pymc as pm

    graph = bn.build(a_model(RESIDUALS[name][0]), a_study([1.0, 12.0, 30.0], [2.0, 0.9, 0.1], [0, 0, 1]))
    drawn = pm.draw(graph["cp_obs"], 50, random_seed=1, mode="FAST_COMPILE")
    assert drawn.shape == (50, 3)
    assert np.isfinite(drawn).all() and drawn.std(axis=0).min() > 0


def test_an_error_of_the_logarithm_refuses_what_is_not_positive_and_names_the_rows():
    model = a_model(bn.LogNormalError(0.2))
    with pytest.raises(ModelError, match=r"above 0, since LogNormalError.*DV 0 in row 3"):
        bn.build(model, a_study([1.0, 2.0], [2.0, 0.0]))
    early = a_study([1.0, 2.0], [2.0, 1.0]).frame
    early.loc[0, "TIME"] = 1.5
    early.insert(0, "EVID", [1, 0, 0])
    with pytest.raises(ModelError, match=r"predictions of 'cp' above 0.*got 0 in row 1"):
        bn.build(model, bn.read(early.sort_values("TIME")))
