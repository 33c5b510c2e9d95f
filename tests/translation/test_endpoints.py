"""Endpoints in the graph: names, densities against scipy, slopes, pointwise terms, refusals with rows."""

import numpy as np
import pandas as pd
import pymc as pm
import pytest
import xarray as xr
from numpy.testing import assert_allclose
from scipy import stats

import bayes_nlmem as bn
from bayes_nlmem.learning.expectations import expected
from bayes_nlmem.learning.likelihood import pointwise
from bayes_nlmem.learning.predictions import predictions
from bayes_nlmem.translation.graph import translate

NATURAL = bn.Natural()


def table(**columns):
    one = pd.DataFrame({"TIME": [0.0, 1, 2, 4], **columns})
    return pd.concat([one.assign(ID=k) for k in (1, 2, 3)], ignore_index=True)


def linear(t, a, b):
    return a + b * t


def model(endpoint, structure=None, output="linear", scale=NATURAL, **more):
    prior = bn.Normal(0.2, 1.0) if scale is NATURAL else bn.LogNormal(1.5, cv=0.5)
    parameters = {
        "a": bn.Parameter(prior, iiv=bn.HalfNormal(0.5), scale=scale),
        "b": bn.Parameter(bn.about(0.3)),
    }
    return bn.Model(
        structure=structure or bn.Function(linear),
        parameters=parameters,
        residuals={output: endpoint},
        **more,
    )


COUNTS, BINARY, SCORES = table(DV=[0, 3, 1, 7]), table(DV=[0, 1, 1, 0]), table(DV=[0, 1, 2, 1])
EVENTS = table(DV=[0, 0, 1, 1], CENS=[0, 0, 0, 1])
SWITCH = bn.Function(lambda t, a, b: {"there": a + b * t, "back": a - b * t})
GROWING = bn.Function(lambda t, a, b: {"h": a * np.exp(b * t), "H": a * (np.exp(b * t) - 1) / b})
PRIOR = bn.LogNormal(1.0, cv=0.5)


def events(hazard, **more):
    return model(bn.TimeToEvent(hazard, repeated=True, **more), scale=bn.Log()), EVENTS


# Model, data: one of every kind.
ALL = {
    "logit": (model(bn.Bernoulli()), BINARY),
    "probit": (model(bn.Bernoulli("probit")), BINARY),
    "ordered": (model(bn.OrderedCategorical([0, 1, 2], [PRIOR], first=bn.Normal(0, 1))), SCORES),
    "poisson": (model(bn.Poisson()), COUNTS),
    "rate": (model(bn.Poisson("rate"), scale=bn.Log()), COUNTS),
    "negative binomial": (model(bn.NegativeBinomial(PRIOR)), COUNTS),
    "zero-inflated": (model(bn.ZeroInflated(bn.NegativeBinomial(PRIOR), bn.Beta(2, 6))), COUNTS),
    "zero-inflated by an output": (
        model(bn.ZeroInflated(bn.Poisson(), "zero"),
              bn.Function(lambda t, a, b: {"linear": a + b * t, "zero": 1 / (1 + np.exp(b))})), COUNTS),
    "exponential": events(bn.ExponentialHazard()),
    "weibull": events(bn.WeibullHazard(PRIOR)),
    "renewal": events(bn.LogNormalHazard(PRIOR), clock="event"),
    "gompertz": events(bn.GompertzHazard(bn.Normal(0, 0.1))),
    "log-logistic": events(bn.LogLogisticHazard(PRIOR)),
    "own hazard": (
        model(bn.TimeToEvent(cumulative="H", repeated=True), GROWING, "h", scale=bn.Log()), EVENTS),
    "chain": (model(bn.MarkovChain([0, 1], {(0, 1): "there", (1, 0): "back"}), SWITCH, "there"), BINARY),
    "two states": (
        model(bn.TwoStates("back"), bn.Function(lambda t, a, b: {"there": a + 0 * t, "back": b + 0 * t}),
              "there", scale=bn.Log()), BINARY),
}  # fmt: skip


def at_start(study, frame):
    """The graph, its initial point, and the density and its slope there."""
    translation = translate(study, bn.read(frame), geometry="centred")
    graph, start = translation.graph, translation.graph.initial_point()
    function = graph.compile_fn([graph.logp(), graph.dlogp()], mode="FAST_COMPILE", point_fn=True)
    return translation, start, function(start)


@pytest.mark.parametrize("name", ALL)
def test_density_and_slope_are_finite_and_equations_are_printed(name):
    study, frame = ALL[name]
    translation, _, (value, slope) = at_start(study, frame)
    assert np.isfinite(value) and np.isfinite(slope).all()
    for quantity in study.priors().index:
        assert quantity in translation.graph.named_vars or "known" in study.priors().loc[quantity, "prior"]
    for form in ("text", "latex", "html"):
        assert bn.equations(study, form)


def draws_of(translation, n=5):
    """Prior draws as if they were learnt."""
    with translation.graph:
        prior = pm.sample_prior_predictive(n, random_seed=1, compile_kwargs={"mode": "FAST_COMPILE"})
    return xr.DataTree.from_dict({"/posterior": prior["prior"].to_dataset()})


@pytest.mark.parametrize(
    "name", ["logit", "ordered", "zero-inflated by an output", "weibull", "own hazard", "chain"]
)
def test_pointwise_terms_and_predictions(name):
    study, frame = ALL[name]
    translation = translate(study, bn.read(frame))
    draws = draws_of(translation)
    [output] = translation.observed
    terms = pointwise(translation, draws["posterior"].to_dataset())
    assert terms[f"{output}_obs"].shape == (1, 5, 12) and np.isfinite(terms[f"{output}_obs"]).all()
    seen = predictions(translation, draws)
    first = np.tile([True, False, False, False], 3) & (name == "chain")
    assert np.isfinite(seen.loc[~first, ["PRED", "IPRED", "IRES"]]).all().all()
    assert seen.DV.tolist() == frame.DV.tolist()


def test_pointwise_terms_are_those_of_scipy():
    study, frame = ALL["negative binomial"]
    translation = translate(study, bn.read(frame))
    posterior = draws_of(translation)["posterior"].to_dataset()
    terms = pointwise(translation, posterior)["linear_obs"].values[0]
    a, mu = posterior["linear_dispersion"].values[0][:, None], np.exp(posterior["linear"].values[0])
    assert_allclose(terms, stats.nbinom.logpmf(frame.DV.to_numpy(), 1 / a, 1 / (1 + a * mu)), rtol=1e-8)
    mean, variance = expected(translation, {"linear": np.log(mu), "linear_dispersion": a[:, 0]}, "linear")
    assert_allclose(mean, mu)
    assert_allclose(variance, mu + a * mu**2)


def test_a_hazard_of_a_function_is_the_closed_form():
    """h = a exp(b t) is Gompertz with scale 1/a and shape b."""
    one = model(bn.TimeToEvent(cumulative="H", repeated=True), GROWING, "h", scale=bn.Log())
    translation = translate(one, bn.read(EVENTS))
    posterior = draws_of(translation)["posterior"].to_dataset()
    terms = pointwise(translation, posterior)["h_obs"].values[0]
    a, b = (posterior[name].values[0] for name in ("a", "b_pop"))
    until, since = EVENTS.TIME.to_numpy(), np.tile([0.0, 0, 1, 2], 3)
    gompertz = bn.GompertzHazard(0.1)  # against scipy in tests/statistics
    for k in range(5):
        scale, shape = np.repeat(1 / a[k], 4), b[k]
        survival = gompertz.cumulative(since, scale, shape, np) - gompertz.cumulative(until, scale, shape, np)
        hazard = gompertz.log_hazard(until, scale, shape, np)
        within = np.log(-np.expm1(np.where(survival < 0, survival, -1.0)))
        event = np.where(EVENTS.CENS == 1, within, hazard + survival)
        want = np.where(EVENTS.DV == 0, survival, event)
        assert_allclose(terms[k], want, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "frame", "words"),
    [
        ("logit", table(DV=[0, 1, 2, 0]), "rows? 3, 7, 11"),
        ("poisson", table(DV=[0, 1, -2, 0]), "0, 1, 2"),
        ("poisson", table(DV=[0, 1.5, 2, 0]), "0, 1, 2"),
        ("ordered", table(DV=[0, 1, 3, 0]), "0, 1, 2"),
        ("logit", table(DV=[0, 1, 1, 0], CENS=[0, 1, 0, 0]), "CENS"),
        ("weibull", table(DV=[1, 0, 0, 0]), "beginning of follow-up"),
    ],
)
def test_impossible_observations_are_refused_with_their_rows(name, frame, words):
    with pytest.raises(bn.ModelError, match=words):
        bn.build(ALL[name][0], bn.read(frame))


def test_bad_specifications_are_refused():
    with pytest.raises(bn.ModelError, match="'H'"):
        model(bn.TimeToEvent(cumulative="H"))
    with pytest.raises(bn.ModelError, match="own outputs"):
        model(bn.MarkovChain([0, 1], {(0, 1): "back"}), SWITCH, "there")
    with pytest.raises(bn.ModelError, match="Bernoulli"):
        model("binary")


def test_edits_know_endpoints():
    study = ALL["poisson"][0]
    other = study.with_residual("linear", bn.NegativeBinomial(PRIOR))
    assert "residual of linear: Poisson(link log) -> NegativeBinomial(" in bn.difference(study, other)
    assert "linear_dispersion" in other.priors().index


@pytest.mark.slow
def test_a_hazard_may_depend_on_a_concentration():
    pk = bn.ODE("d/dt(central) = -CL / V * central; cp = central / V")
    risk = bn.ODE("d/dt(H) = h0 * exp(-beta * cp); hazard = h0 * exp(-beta * cp)", outputs=("hazard",))
    frame = pd.DataFrame(
        {
            "ID": 1,
            "TIME": [0.0, 5, 9],
            "AMT": [100, 0, 0],
            "EVID": [1, 0, 0],
            "DV": [0, 0, 1],
            "DVID": "hazard",
        }
    )
    values = {"CL": 2.0, "V": 20.0, "h0": 0.1, "beta": 0.3}
    study = bn.Model(
        structure=pk.drives(risk),
        parameters={name: bn.Parameter(v) for name, v in values.items()},
        residuals={"hazard": bn.TimeToEvent(cumulative="A_H")},
    )
    graph = bn.build(study, bn.read(frame))
    from scipy.integrate import quad

    def h(t):
        return 0.1 * np.exp(-0.3 * 5 * np.exp(-0.1 * t))

    one, two = (quad(h, *ends, epsabs=1e-12)[0] for ends in ((0, 5), (5, 9)))
    logp = graph.compile_fn(graph.logp(vars=[graph["hazard_obs"]], sum=False), mode="FAST_COMPILE")({})
    assert_allclose(np.ravel(logp[0]), [-one, np.log(h(9)) - two], rtol=1e-5)
