"""Categories, counts, events and states: probabilities, draws, moments, finite slopes, refusals."""

import json

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from numpy.testing import assert_allclose
from scipy import stats
from scipy.integrate import quad

import bayes_nlmem as bn
from bayes_nlmem.model.serialise import from_dict, to_dict
from bayes_nlmem.statistics.endpoints import Endpoint, Rows

PRIOR = bn.LogNormal(1.0, cv=0.5)
F = np.array([-2.0, -0.3, 0.0, 1.7])

# Endpoint, what it is given besides f, and the values it can have.
DISCRETE = {
    "logit": (bn.Bernoulli(), {}, [0, 1]),
    "probit": (bn.Bernoulli("probit"), {}, [0, 1]),
    "ordered": (
        bn.OrderedCategorical([0, 1, 2, 5], [PRIOR, 0.7]), {"first": -0.5, "step_2": 1.2, "step_3": 0.7},
        [0, 1, 2, 5],
    ),
    "poisson": (bn.Poisson(), {}, range(60)),
    "negative binomial": (bn.NegativeBinomial(PRIOR), {"dispersion": 0.6}, range(1500)),
    "zero-inflated": (bn.ZeroInflated(bn.Poisson(), bn.Beta(1, 1)), {"zero": 0.2}, range(60)),
    "zero-inflated negative binomial": (
        bn.ZeroInflated(bn.NegativeBinomial(PRIOR), "share"), {"zero": 0.2, "dispersion": 0.6}, range(1500),
    ),
    "chain": (
        bn.MarkovChain([0, 1, 2], {(0, 1): "a", (1, 0): "b", (1, 2): "c"}),
        {"from 0 to 1": -0.3, "from 1 to 0": 0.4, "from 1 to 2": -1.0,
         "before": np.array([0.0, 1.0, 2.0, 1.0]),
         "first": 0.0},
        [0, 1, 2],
    ),
}  # fmt: skip
TWO = (
    bn.TwoStates("back"),
    {"back": 0.7, "before": np.array([0.0, 1, 0, 1]), "gap": np.array([0.1, 1, 3, 50.0]), "first": 0.0},
)
RATES = np.array([0.2, 0.5, 1.0, 2.0])


def log_density(endpoint, value, f, given):
    return endpoint.log_density(
        pt.as_tensor(value), pt.as_tensor(f), {k: pt.as_tensor(v) for k, v in given.items()}
    ).eval(mode="FAST_COMPILE")


@pytest.mark.parametrize("name", DISCRETE)
def test_probabilities_add_up_to_one_and_have_the_moments(name):
    endpoint, given, values = DISCRETE[name]
    assert isinstance(endpoint, Endpoint)
    scores = np.array(list(values), float)
    p = np.exp(log_density(endpoint, scores[:, None], F, given))
    assert_allclose(p.sum(axis=0), 1.0, rtol=1e-9)
    mean, variance = endpoint.moments(F, given)
    assert_allclose(mean, scores @ p, rtol=1e-7, atol=1e-12)
    assert_allclose(variance, scores**2 @ p - (scores @ p) ** 2, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("name", DISCRETE)
def test_draws_follow_the_law(name):
    endpoint, given, _ = DISCRETE[name]
    if name == "chain":
        pytest.skip("chains are drawn row after row")
    rng = np.random.default_rng(4)
    drawn = endpoint.draw(rng, np.tile(F, (10_000, 1)), given)
    mean, variance = endpoint.moments(F, given)
    assert drawn.shape == (10_000, 4)
    assert_allclose(drawn.mean(axis=0), mean, atol=5 * np.sqrt(variance.max() / 10_000))


def test_two_states_in_continuous_time():
    endpoint, given = TWO
    p = np.exp(log_density(endpoint, np.array([[0.0], [1.0]]), RATES, given))
    assert_allclose(p.sum(axis=0), 1.0, rtol=1e-12)
    from scipy.linalg import expm

    for k, there in enumerate(RATES):
        exact = expm(np.array([[-there, there], [0.7, -0.7]]) * given["gap"][k])
        want = exact[int(given["before"][k]), 1]
        assert_allclose(p[1, k], want, rtol=1e-10)
        assert_allclose(endpoint.moments(RATES, given)[0][k], want, rtol=1e-10)


def test_chains_are_drawn_row_after_row():
    chain, seen = (
        bn.MarkovChain([0, 1], {(0, 1): "a", (1, 0): "b"}),
        rows([0, 0, 0, 1, 1], range(5), [1, 0, 0, 0, 1]),
    )
    given = {**chain.constants(seen), "from 0 to 1": -2.0, "from 1 to 0": 30.0}
    drawn = chain.draw(np.random.default_rng(3), np.zeros((20_000, 5)), given)
    up = 1 / (1 + np.exp(2.0))
    assert_allclose(drawn.mean(axis=0), [1, 0, up, 0, up], atol=0.01)


def test_nothing_happens_after_a_single_event():
    endpoint = bn.TimeToEvent(bn.ExponentialHazard())
    given = endpoint.constants(rows([0, 0, 0, 1, 1], [0, 5, 9, 0, 5], [0, 0, 0, 0, 0]))
    drawn = endpoint.draw(np.random.default_rng(3), np.full((20_000, 5), 4.0), given)
    assert set(drawn[:, :3].sum(axis=1)) == {0, 1}
    s = np.exp(-np.array([5, 9]) / 4)
    assert_allclose(drawn.mean(axis=0), [0, 1 - s[0], s[0] - s[1], 0, 1 - s[0]], atol=0.015)


def test_renewals_begin_again_at_each_event():
    """One interval after an event: its chance is that of a new clock."""
    endpoint = bn.TimeToEvent(bn.WeibullHazard(2.0), repeated=True, clock="event")
    given = {**endpoint.constants(rows([0, 0, 0], [0, 3, 4], [0, 0, 0])), "shape": 2.0}
    drawn = endpoint.draw(np.random.default_rng(3), np.full((40_000, 3), 3.0), given)
    had = drawn[:, 1] == 1
    assert_allclose(drawn[had, 2].mean(), 1 - np.exp(-1 / 9), atol=0.01)
    assert_allclose(drawn[~had, 2].mean(), 1 - np.exp(1 - 16 / 9), atol=0.015)


def test_against_scipy():
    y = np.array([0.0, 1, 4, 9])
    assert_allclose(log_density(bn.Poisson(), y, F, {}), stats.poisson.logpmf(y, np.exp(F)), rtol=1e-12)
    mu, a = np.exp(F), 0.6
    want = stats.nbinom.logpmf(y, 1 / a, 1 / (1 + a * mu))
    assert_allclose(log_density(bn.NegativeBinomial(a), y, F, {"dispersion": a}), want, rtol=1e-10)
    b = np.array([0.0, 1, 1, 0])
    assert_allclose(
        log_density(bn.Bernoulli(), b, F, {}), stats.bernoulli.logpmf(b, 1 / (1 + np.exp(-F))), rtol=1e-12
    )
    want = stats.bernoulli.logpmf(b, stats.norm.cdf(F))
    assert_allclose(log_density(bn.Bernoulli("probit"), b, F, {}), want, rtol=1e-12)


@pytest.mark.parametrize("f", [-700.0, -40.0, 40.0, 700.0])
@pytest.mark.parametrize("name", ["logit", "probit", "ordered"])
def test_far_tails_keep_value_and_slope(name, f):
    endpoint, given, values = DISCRETE[name]
    x = pt.dscalar()
    known = {k: pt.as_tensor(v) for k, v in given.items()}
    terms = [endpoint.log_density(pt.as_tensor(float(value)), x, known) for value in values]
    out = pytensor.function([x], [*terms, *(pytensor.grad(term, x) for term in terms)], mode="FAST_COMPILE")(
        f
    )
    assert np.isfinite(out).all(), out


# --- events ----------------------------------------------------------

HAZARDS = {
    "exponential": (bn.ExponentialHazard(), None, lambda s, k: stats.expon(scale=s)),
    "weibull": (bn.WeibullHazard(PRIOR), 1.4, lambda s, k: stats.weibull_min(k, scale=s)),
    "gompertz": (bn.GompertzHazard(0.05), 0.05, lambda s, k: stats.gompertz(1 / (s * k), scale=1 / k)),
    "log-logistic": (bn.LogLogisticHazard(PRIOR), 2.2, lambda s, k: stats.fisk(k, scale=s)),
    "log-normal": (bn.LogNormalHazard(PRIOR), 0.8, lambda s, k: stats.lognorm(k, scale=s)),
}


def risk_rows(value=(1.0, 0.0, 1.0)):
    """An event at 3, none until 5 after entry at 2, an event between 2 and 5."""
    return {
        "since": np.array([0.0, 2, 2]),
        "until": np.array([3.0, 5, 5]),
        "interval": np.array([0.0, 0, 1]),
    }, np.array(value)


@pytest.mark.parametrize("name", HAZARDS)
def test_events_against_scipy(name):
    hazard, shape, law = HAZARDS[name]
    endpoint, (given, value) = bn.TimeToEvent(hazard), risk_rows()
    if shape is not None:
        given["shape"] = shape
    d = law(4.0, shape)
    want = [d.logpdf(3), d.logsf(5) - d.logsf(2), np.log((d.sf(2) - d.sf(5)) / d.sf(2))]
    assert_allclose(log_density(endpoint, value, np.full(3, 4.0), given), want, rtol=1e-9)


@pytest.mark.parametrize("name", HAZARDS)
def test_event_times_follow_the_law(name):
    hazard, shape, law = HAZARDS[name]
    given = {"since": np.full(4000, 2.0), "shape": shape}
    times = bn.TimeToEvent(hazard).event_times(np.random.default_rng(2), np.full(4000, 4.0), given)
    d = law(4.0, shape)
    assert stats.kstest(times, lambda t: (d.cdf(t) - d.cdf(2)) / d.sf(2)).pvalue > 1e-3


@pytest.mark.parametrize("name", HAZARDS)
def test_cumulative_hazard_is_the_integral(name):
    hazard, shape, _ = HAZARDS[name]
    found = quad(lambda t: np.exp(hazard.log_hazard(t, 4.0, shape, np)), 1e-12, 7.0)[0]
    assert_allclose(hazard.cumulative(7.0, 4.0, shape, np), found, rtol=1e-5)


@pytest.mark.parametrize("name", HAZARDS)
def test_slopes_of_events_are_finite(name):
    hazard, shape, _ = HAZARDS[name]
    given, value = risk_rows()
    f, k = pt.dvector(), pt.dscalar()
    given = {key: pt.as_tensor(v) for key, v in given.items()}
    if shape is not None:
        given["shape"] = k
    total = bn.TimeToEvent(hazard).log_density(pt.as_tensor(value), f, given).sum()
    slopes = pytensor.grad(total, [f, k], disconnected_inputs="ignore")
    function = pytensor.function([f, k], [total, *slopes], mode="FAST_COMPILE", on_unused_input="ignore")
    for scale in (0.5, 4.0, 400.0):
        for out in function(np.full(3, scale), 1.0 if shape is None else shape):
            assert np.isfinite(out).all(), (scale, out)


def test_a_function_gives_the_hazard():
    endpoint = bn.TimeToEvent(cumulative="H")
    given = {
        "cumulative": np.array([0.5, 0.9]),
        "cumulative_before": np.array([0.1, 0.5]),
        "interval": np.array([0.0, 1]),
    }
    found = log_density(endpoint, np.ones(2), np.array([0.3, 0.0]), given)
    assert_allclose(found, [np.log(0.3) - 0.4, np.log1p(-np.exp(-0.4))], rtol=1e-12)


def rows(subject, time, value, cens=None, entry=0.0):
    n = len(subject)
    cens = np.zeros(n, int) if cens is None else np.array(cens)
    return Rows(np.array(subject), np.array(time, float), np.array(value, float), cens, np.full(n, entry))


def test_time_at_risk_is_since_the_row_before():
    found = bn.TimeToEvent(bn.ExponentialHazard(), repeated=True).constants(
        rows([0, 0, 0, 1], [0, 3, 7, 5], [0, 1, 0, 0])
    )
    assert found["since"].tolist() == [0, 0, 3, 0] and found["until"].tolist() == [0, 3, 7, 5]


def test_the_clock_of_a_renewal_starts_again():
    endpoint = bn.TimeToEvent(bn.WeibullHazard(1.2), repeated=True, clock="event")
    found = endpoint.constants(rows([0, 0, 0, 0, 1], [1, 3, 5, 8, 5], [0, 1, 0, 1, 0], entry=1.0))
    assert found["since"].tolist() == [0, 0, 0, 2, 0] and found["until"].tolist() == [0, 2, 2, 5, 4]


def troubles(endpoint, seen):
    return [t.expected for t in endpoint.troubles(seen) if np.any(t.where)]


@pytest.mark.parametrize(
    ("endpoint", "seen", "words"),
    [
        (bn.Bernoulli(), rows([0, 0], [0, 1], [0, 2]), "0, 1"),
        (bn.Poisson(), rows([0, 0], [0, 1], [0, -1]), "0, 1, 2"),
        (bn.Poisson(), rows([0, 0], [0, 1], [0, 1.5]), "0, 1, 2"),
        (bn.NegativeBinomial(1.0), rows([0, 0], [0, 1], [0, 1], [0, 1]), "CENS 0"),
        (bn.OrderedCategorical([1, 2]), rows([0], [0], [0]), "1, 2"),
        (bn.TimeToEvent(bn.ExponentialHazard()), rows([0, 0], [0, 1], [0, 2]), "0, 1"),
        (bn.TimeToEvent(bn.ExponentialHazard()), rows([0], [4], [1], entry=4.0), "after the beginning"),
        (bn.TimeToEvent(bn.ExponentialHazard()), rows([0], [4], [0], entry=4.0), "follow-up"),
        (bn.TimeToEvent(bn.ExponentialHazard()), rows([0, 0, 0], [0, 4, 5], [0, 1, 0]), "after the event"),
        (bn.TimeToEvent(bn.ExponentialHazard()), rows([0, 0], [0, 4], [0, 0], [0, 1]), "CENS"),
        (bn.MarkovChain([0, 1], {(0, 1): "a"}), rows([0, 0], [0, 1], [1, 0]), "transitions"),
        (bn.TwoStates("b"), rows([0, 0], [1, 1], [0, 1]), "one state"),
    ],
)
def test_impossible_data_are_named(endpoint, seen, words):
    assert any(words in text for text in troubles(endpoint, seen))


def test_one_row_per_subject_needs_an_entry():
    assert (
        troubles(bn.TimeToEvent(bn.ExponentialHazard(), entry=0.0), rows([0, 1], [4, 6], [1, 0], entry=4.0))
        == []
    )


@pytest.mark.parametrize(
    "make",
    [
        lambda: bn.Bernoulli("logistic"),
        lambda: bn.Poisson(link="identity"),
        lambda: bn.NegativeBinomial(-1.0),
        lambda: bn.ZeroInflated(bn.Bernoulli(), 0.2),
        lambda: bn.ZeroInflated(bn.Poisson(), 1.2),
        lambda: bn.OrderedCategorical([0, 1, 2]),
        lambda: bn.OrderedCategorical([1, 0]),
        lambda: bn.OrderedCategorical([0, 1, 2], [bn.Normal(0, 1)]),
        lambda: bn.TimeToEvent(),
        lambda: bn.TimeToEvent(bn.ExponentialHazard(), cumulative="H"),
        lambda: bn.TimeToEvent(bn.ExponentialHazard(), clock="event"),
        lambda: bn.TimeToEvent(bn.WeibullHazard),
        lambda: bn.WeibullHazard(bn.Normal(0, 1)),
        lambda: bn.MarkovChain([0, 1], {(0, 2): "a"}),
        lambda: bn.TwoStates("a", states=(1, 1)),
    ],
)
def test_bad_specifications_are_refused(make):
    with pytest.raises(bn.ModelError, match="is not well stated"):
        make()


@pytest.mark.parametrize(
    "endpoint", [e for e, _, _ in DISCRETE.values()] + [TWO[0], bn.TimeToEvent(bn.WeibullHazard(PRIOR))]
)
def test_they_are_values(endpoint):
    again = from_dict(json.loads(json.dumps(to_dict(endpoint))))
    assert again == endpoint and hash(again) == hash(endpoint)
