"""Every residual error, with quantified and with censored values: the right density, finite slopes, draws."""

import numpy as np
import pandas as pd
import pymc as pm
import pytensor
import pytest
from numpy.testing import assert_allclose
from scipy import stats
from scipy.special import boxcox, inv_boxcox

import bayes_nlmem as bn
from bayes_nlmem.ground.messages import ModelError
from bayes_nlmem.learning.likelihood import pointwise
from bayes_nlmem.statistics.standard_laws import StandardNormal
from bayes_nlmem.translation.graph import translate

TIMES = np.array([1.0, 2.0, 4.0, 12.0, 30.0])
VALUES = np.array([2.3, 2.0, 1.5, 0.9, 0.3])
RIGHT, INTERVAL, LEFT = 0, 3, 4  # the others are quantified
ASSAY = np.array([1.0, 1.0, 2.0, 2.0, 1.0])


def yeo_johnson(y, power):
    return stats.yeojohnson(np.atleast_1d(np.asarray(y, float)), power)


# residual, h, standard deviation on the scale of h, law of Z
CASES = {
    "additive": (bn.Additive(0.3), None, lambda f: 0.3 + 0 * f, stats.norm),
    "proportional": (bn.Proportional(0.2), None, lambda f: 0.2 * f, stats.norm),
    "combined": (bn.Combined(0.3, 0.2), None, lambda f: np.hypot(0.3, 0.2 * f), stats.norm),
    "power": (bn.PowerError(0.2, 0.7), None, lambda f: 0.2 * f**0.7, stats.norm),
    "log-normal": (bn.LogNormalError(0.3), np.log, lambda f: 0.3 + 0 * f, stats.norm),
    "box-cox": (
        bn.BoxCoxError(bn.Additive(0.3), 0.4), lambda y: boxcox(y, 0.4), lambda f: 0.3 + 0 * f, stats.norm,
    ),
    "box-cox, negative": (
        bn.BoxCoxError(bn.Proportional(0.1), -0.5), lambda y: boxcox(y, -0.5), lambda f: 0.1 * f, stats.norm,
    ),
    "box-cox, log": (bn.BoxCoxError(bn.Additive(0.3), 0.0), np.log, lambda f: 0.3 + 0 * f, stats.norm),
    "yeo-johnson": (
        bn.YeoJohnsonError(bn.Additive(0.2), 0.6), lambda y: yeo_johnson(y, 0.6), lambda f: 0.2 + 0 * f,
        stats.norm,
    ),
    "t": (bn.StudentTError(bn.Combined(0.3, 0.2), 5.0), None, lambda f: np.hypot(0.3, 0.2 * f), stats.t(5)),
    "t, box-cox": (
        bn.StudentTError(bn.BoxCoxError(bn.Additive(0.3), 0.4), 5.0), lambda y: boxcox(y, 0.4),
        lambda f: 0.3 + 0 * f, stats.t(5),
    ),
    "scaled": (
        bn.Scaled(bn.Additive(0.3), {"ASSAY": bn.Categorical({"2": 2.0}, reference="1")}),
        None, lambda f: 0.3 * np.where(ASSAY == 2, 2.0, 1.0), stats.norm,
    ),
    "scaled by time": (
        bn.Scaled(bn.Additive(0.3), {"TIME": bn.Exponential(0.02, reference=0)}),
        None, lambda f: 0.3 * np.exp(0.02 * TIMES), stats.norm,
    ),
    "scaled by time after dose, t": (
        bn.StudentTError(bn.Scaled(bn.Additive(0.3), {"TAD": bn.Exponential(0.02, reference=0)}), 5.0),
        None, lambda f: 0.3 * np.exp(0.02 * TIMES), stats.t(5),
    ),
}  # fmt: skip


def study(censored=True):
    cens, limit = np.zeros(5), np.full(5, np.nan)
    if censored:
        cens[[RIGHT, INTERVAL, LEFT]], limit[INTERVAL] = [-1, 1, 1], 0.5
    dose = pd.DataFrame({"ID": 1, "TIME": [0.0], "AMT": 100.0, "DV": np.nan, "CENS": 0, "ASSAY": 1.0})
    seen = {"ID": 1, "TIME": TIMES, "AMT": 0.0, "DV": VALUES, "CENS": cens, "LIMIT": limit, "ASSAY": ASSAY}
    return bn.read(pd.concat([dose, pd.DataFrame(seen)]), covariates=["ASSAY"], categorical=["ASSAY"])


def a_model(residual):
    parameters = {"CL": bn.Parameter(3.0), "V": bn.Parameter(bn.LogNormal(40.0, cv=0.3))}
    return bn.Model(structure=bn.OneCompartment(), parameters=parameters, residuals={"cp": residual})


@pytest.mark.parametrize("name", CASES)
def test_the_likelihood_is_that_of_an_independent_formula(name):
    residual, h, sd, law = CASES[name]
    h = h or (lambda y: np.asarray(y, float))
    graph = bn.build(a_model(residual), study())
    f = 100 / 36 * np.exp(-3.0 / 36 * TIMES)
    s = sd(f)
    z = (h(VALUES) - h(f)) / s
    step = 1e-6
    slope = (h(VALUES + step) - h(VALUES - step)) / (2 * step)
    expected = law.logpdf(z) - np.log(s) + np.log(slope)
    expected[RIGHT] = law.logsf(z[RIGHT])
    expected[LEFT] = law.logcdf(z[LEFT])
    low = ((h(np.full(5, 0.5)) - h(f)) / s)[INTERVAL]
    expected[INTERVAL] = np.log(law.cdf(z[INTERVAL]) - law.cdf(low))
    point = {"V_pop_log__": np.log(36.0)}
    found = graph.compile_logp(vars=[graph["cp_obs"]], sum=False, mode="FAST_COMPILE")(point)[0]
    assert_allclose(found, expected, rtol=2e-7)


UNKNOWN = {
    "autocorrelated": bn.AR1Error(bn.Additive(bn.HalfNormal(0.5)), tau=bn.LogNormal(5.0, cv=0.5)),
    "combined": bn.Combined(bn.HalfNormal(0.5), bn.HalfNormal(0.3)),
    "box-cox": bn.BoxCoxError(bn.Additive(bn.HalfNormal(0.5)), bn.Normal(0.5, 0.5)),
    "yeo-johnson": bn.YeoJohnsonError(bn.Additive(bn.HalfNormal(0.5)), bn.Uniform(0, 2)),
    "t": bn.StudentTError(bn.Additive(bn.HalfNormal(0.5)), bn.about(6.0)),
    "scaled": bn.Scaled(
        bn.LogNormalError(bn.HalfNormal(0.5)),
        {
            "ASSAY": bn.Categorical({"2": bn.about(2.0)}, reference="1"),
            "TAD": bn.Exponential(bn.Normal(0, 0.1), 0),
        },
        iiv=bn.HalfNormal(0.5),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", UNKNOWN)
def test_slopes_are_finite_right_and_the_terms_are_the_pointwise_log_likelihood(name):
    translation = translate(a_model(UNKNOWN[name]), study(), geometry="centred")
    graph = translation.graph
    point = {key: np.asarray(value) + 0.1 for key, value in graph.initial_point().items()}
    slope = graph.compile_dlogp(mode="FAST_COMPILE")(point)
    total = graph.compile_logp(mode="FAST_COMPILE")
    flat, names = [], [graph.rvs_to_values[rv].name for rv in graph.free_RVs]
    for key in names:
        for index in np.ndindex(np.shape(point[key])):
            moved = []
            for sign in (1, -1):
                changed = {k: np.array(v, float) for k, v in point.items()}
                changed[key][index] += sign * 1e-5
                moved.append(total(changed))
            flat.append((moved[0] - moved[1]) / 2e-5)
    assert np.isfinite(slope).all()
    assert_allclose(slope, flat, rtol=1e-5, atol=1e-6)
    import xarray as xr

    values = graph.replace_rvs_by_values([*graph.free_RVs, *graph.deterministics])
    inputs = [graph.rvs_to_values[rv] for rv in graph.free_RVs]
    function = pytensor.function(inputs, values, mode="FAST_COMPILE", on_unused_input="ignore")
    drawn = function(*(point[variable.name] for variable in inputs))
    variables = {}
    for variable, value in zip([*graph.free_RVs, *graph.deterministics], drawn, strict=True):
        dims = graph.named_vars_to_dims.get(variable.name) or ()
        variables[variable.name] = (("chain", "draw", *dims), np.asarray(value)[None, None])
    coords = {dim: np.asarray(v) for dim, v in graph.coords.items()}
    posterior = xr.Dataset(variables, coords={**coords, "chain": [0], "draw": [0]})
    terms = graph.compile_logp(vars=[graph["cp_obs"]], sum=False, mode="FAST_COMPILE")(point)[0]
    assert_allclose(pointwise(translation, posterior)["cp_obs"].values[0, 0], terms, rtol=1e-10)


@pytest.mark.parametrize("name", ["box-cox", "yeo-johnson"])
def test_draws_follow_the_law(name):
    residual, h, sd, law = CASES[name]
    graph = bn.build(a_model(residual).with_priors({"V_pop": 36.0}), study(censored=False))
    y = pm.draw(graph["cp_obs"], 3000, random_seed=3, mode="FAST_COMPILE")
    f = 100 / 36 * np.exp(-3.0 / 36 * TIMES)
    h = h or (lambda y: np.asarray(y, float))
    z = np.stack([(h(row) - h(f)) / sd(f) for row in y])
    for k in range(3):
        assert stats.kstest(z[:, k], law.cdf).pvalue > 1e-3


def test_box_cox_draws_that_leave_its_image_are_zero_as_in_the_probability_of_a_censored_value():
    residual = bn.BoxCoxError(bn.Additive(1.0), 1.0)
    graph = bn.build(a_model(residual).with_priors({"V_pop": 36.0}), study(censored=False))
    y = pm.draw(graph["cp_obs"], 2000, random_seed=3, mode="FAST_COMPILE")
    f = 100 / 36 * np.exp(-3.0 / 36 * TIMES)
    assert y.min() == 0.0
    assert_allclose((y[:, 4] == 0).mean(), stats.norm.cdf(-f[4]), atol=0.04)
    assert np.isfinite(inv_boxcox(0.5, 1.0))


def test_the_tail_of_the_normal_law_keeps_its_digits_and_its_slope():
    mpmath = pytest.importorskip("mpmath")
    z = np.array([-40.0, -30.0, -20.0, -10.0, -5.0, -1.5, -1.0, -0.5, 0.0, 1.0, 5.0])
    x = pytensor.tensor.vector()
    term = StandardNormal().log_cdf(x)
    value, slope = pytensor.function([x], [term, pytensor.grad(term.sum(), x)], mode="FAST_COMPILE")(z)
    with mpmath.workdps(60):
        exact = [mpmath.log(mpmath.ncdf(mpmath.mpf(float(v)))) for v in z]
        slopes = [mpmath.npdf(mpmath.mpf(float(v))) / mpmath.ncdf(mpmath.mpf(float(v))) for v in z]
    assert_allclose(value, [float(v) for v in exact], rtol=1e-13)
    assert_allclose(slope, [float(v) for v in slopes], rtol=1e-10)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: bn.BoxCoxError(bn.LogNormalError(0.2), 0.5), "normal on the scale of the observations"),
        (lambda: bn.YeoJohnsonError(bn.Additive(0.2), bn.Normal(1, 1)), r"prior on \(0, 2\) for power"),
        (lambda: bn.StudentTError(bn.Additive(0.2), bn.Gamma(2, 0.1)), r"above 2.*Truncated\(Gamma"),
        (lambda: bn.StudentTError(bn.AR1Error(bn.Additive(0.2), tau=1.0), 4.0), "without autocorrelation"),
        (lambda: bn.Scaled(bn.Additive(0.2)), "covariates, iiv, or both"),
        (lambda: bn.Scaled(bn.Scaled(bn.Additive(0.2), iiv=0.2), iiv=0.2), "one inside another"),
        (lambda: bn.Scaled(bn.Additive(0.2), {"WT": 3.0}), "covariate effect for WT"),
        (lambda: bn.AR1Error(bn.Additive(0.2)), "one of tau and rho"),
        (lambda: bn.AR1Error(bn.Additive(0.2), rho=1.5), "between 0 and 1"),
        (lambda: bn.AR1Error(bn.StudentTError(bn.Additive(0.2), 4.0), tau=1.0), "no such process"),
        (lambda: bn.CorrelatedResiduals("cp", "cp"), "two different outputs"),
        (lambda: bn.CorrelatedResiduals("cp", "pca", 1.2), "between -1 and 1"),
    ],
)
def test_bad_errors_are_refused_with_a_reason(build, message):
    with pytest.raises(ModelError, match=message):
        build()


def test_a_magnitude_needs_its_covariate():
    residual = bn.Scaled(bn.Additive(0.2), {"LAB": bn.Categorical({"2": 2.0}, reference="1")})
    with pytest.raises(ModelError, match=r"covariate 'LAB' \(used by the error of cp\)"):
        bn.build(a_model(residual), study(censored=False))
    level = bn.Scaled(bn.Additive(0.2), {"ASSAY": bn.Categorical({"3": 2.0}, reference="1")})
    with pytest.raises(ModelError, match="ASSAY on the error of cp.*fold change for 2"):
        bn.build(a_model(level), study(censored=False))


def test_every_error_is_saved_printed_and_compared():
    from bayes_nlmem.model.serialise import from_dict, to_dict

    base = a_model(bn.Additive(0.2))
    for residual in [*UNKNOWN.values(), bn.AR1Error(bn.Additive(0.2), tau=bn.LogNormal(1, cv=1))]:
        model = base.with_residual("cp", residual)
        assert from_dict(to_dict(model)) == model
        assert bn.difference(base, model).startswith("residual of cp: Additive(additive 0.2) -> ")
        for form in ("text", "latex", "html"):
            assert bn.equations(model, form)
        table = bn.priors(model)
        assert all(f"sigma_cp_{suffix}" in table.index for suffix in residual.unknowns())
    assert "omega_sigma_cp" in bn.priors(base.with_residual("cp", UNKNOWN["scaled"])).index
    assert base.with_residual("cp", UNKNOWN["scaled"]).random_effects == ("sigma_cp",)
