"""All events of a subject: as many as the hazard says, and a wrong hazard is seen."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn

END = 10.0


def scale(Te):
    return Te


def hazards(t, k):
    return {"h": k, "H": k * t}


def model(hazard, clock="study"):
    return bn.Model(
        structure=bn.Function(scale),
        parameters={"Te": bn.Parameter(bn.LogNormal(2, cv=1))},
        residuals={"scale": bn.TimeToEvent(hazard, repeated=True, clock=clock)},
    )


def study(gaps, subjects=60, seed=1):
    """Every subject is followed until 10; `gaps` draws times between events."""
    rng, rows = np.random.default_rng(seed), []
    for k in range(subjects):
        rows.append({"ID": k + 1, "TIME": 0.0, "DV": 0})
        t = gaps(rng)
        while t < END:
            rows.append({"ID": k + 1, "TIME": t, "DV": 1})
            t += gaps(rng)
        rows.append({"ID": k + 1, "TIME": END, "DV": 0})
    return bn.read(pd.DataFrame(rows), allow=["E_SUBJECT_NO_DOSE"])


def check(model, data, draws=120, **parameters):
    made = bn.simulate(model, data, parameters=parameters, draws=draws, seed=1)
    return bn.vpc_events(made, events="all")


def test_a_constant_rate_makes_a_straight_line():
    data = study(lambda rng: rng.exponential(2.0))
    found = check(model(bn.ExponentialHazard()), data, Te_pop=2.0)
    assert found.subjects["event"].sum() == (data.table["DV"] == 1).sum()
    assert_allclose(found.table["median"], found.table["x"] / 2, atol=0.12)
    assert_allclose(found.hazard["median"], 0.5, rtol=0.12)
    # the band is that of a Poisson number: 60 subjects, 5 events each
    last = found.table.iloc[-1]
    assert_allclose(last["upper"] - last["lower"], 2 * 1.96 * (5 / 60) ** 0.5, rtol=0.25)
    assert len(found.outside) < 40
    wrong = check(model(bn.ExponentialHazard()), data, Te_pop=3.5)
    assert len(wrong.outside) > 150


def test_renewals_begin_again_at_every_event():
    """Weibull gaps of shape 3: nearly regular, so that numbers vary little; the median is simulated apart."""
    data = study(lambda rng: 2.0 * rng.weibull(3.0), seed=2)
    right = check(model(bn.WeibullHazard(3.0), clock="event"), data, Te_pop=2.0)
    rng = np.random.default_rng(3)
    times = np.cumsum(2.0 * rng.weibull(3.0, (4000, 40)), axis=1)
    exact = np.array([(times <= t).sum(axis=1).mean() for t in right.table["x"]])
    assert_allclose(right.table["median"], exact, atol=0.12)
    assert len(right.outside) < 40


def test_a_hazard_that_is_an_output_gives_the_same_numbers():
    data = study(lambda rng: rng.exponential(2.0), subjects=25)
    by_output = bn.Model(
        structure=bn.Function(hazards),
        parameters={"k": bn.Parameter(bn.LogNormal(0.5, cv=1))},
        residuals={"h": bn.TimeToEvent(cumulative="H", repeated=True)},
    )
    found = check(by_output, data, k_pop=0.5)
    assert_allclose(found.table["median"], found.table["x"] / 2, atol=0.25)


def test_the_picture_counts_events():
    data = study(lambda rng: rng.exponential(2.0), subjects=12)
    found = check(model(bn.ExponentialHazard()), data, draws=20, Te_pop=2.0)
    figure = bn.plot_vpc(found)
    assert figure.axes[0].get_ylabel() == "events per subject"
    assert "rate of events" in figure.axes[1].get_ylabel()
    assert figure.axes[0].get_ylim()[1] < 20
    assert "Events per subject" in repr(found)


def test_questions_without_sense_are_refused():
    data = study(lambda rng: rng.exponential(2.0), subjects=5)
    made = bn.simulate(model(bn.ExponentialHazard()), data, parameters={"Te_pop": 2.0}, draws=5, seed=1)
    with pytest.raises(bn.ModelError, match="'first' or 'all'"):
        bn.vpc_events(made, events="second")
    with pytest.raises(bn.ModelError, match="no end="):
        bn.vpc_events(made, events="all", end=20.0)
    once = bn.Model(
        structure=bn.Function(scale),
        parameters={"Te": bn.Parameter(bn.LogNormal(2, cv=1))},
        residuals={"scale": bn.TimeToEvent(bn.ExponentialHazard())},
    )
    rows = pd.DataFrame({"ID": [1, 1, 2, 2], "TIME": [0.0, 2, 0, 3], "DV": [0, 1, 0, 0]})
    single = bn.simulate(
        once, bn.read(rows, allow=["E_SUBJECT_NO_DOSE"]), parameters={"Te_pop": 2.0}, draws=5, seed=1
    )
    with pytest.raises(bn.ModelError, match="repeated=True"):
        bn.vpc_events(single, events="all")
