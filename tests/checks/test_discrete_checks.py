"""Checks of categories, counts and events: the right model lies inside of its bands, a wrong one does not."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn
from bayes_nlmem.checks.survival import event_rates, kaplan_meier

NO_DOSE = ["E_SUBJECT_NO_DOSE"]


def logit(t, a, b):
    return a + b * t


def binary():
    return bn.Model(
        structure=bn.Function(logit),
        parameters={
            "a": bn.Parameter(bn.Normal(1, 1), iiv=0.8, scale=bn.Natural()),
            "b": bn.Parameter(bn.Normal(0, 1), scale=bn.Natural()),
        },
        residuals={"logit": bn.Bernoulli()},
    )


def visits(subjects, times, value=0.0):
    frame = pd.DataFrame(
        {"ID": np.repeat(np.arange(1, subjects + 1), len(times)), "TIME": [*times] * subjects}
    )
    return frame.assign(DV=value)


def test_shares_of_a_binary_endpoint_follow_the_model():
    frame = visits(80, [0.0, 2.0, 4.0, 8.0])
    truth = {"a_pop": 1.0, "b_pop": -0.3}
    made = bn.simulate(binary(), bn.read(frame, allow=NO_DOSE), parameters=truth, draws=1, seed=11)
    frame["DV"] = made.values("logit")[0]
    data = bn.read(frame, allow=NO_DOSE)
    right = bn.vpc_categories(bn.simulate(binary(), data, parameters=truth, draws=200, seed=2))
    assert len(right.outside) == 0
    assert_allclose(right.table.groupby("bin")["observed"].sum(), 1.0)
    wrong = bn.vpc_categories(
        bn.simulate(binary(), data, parameters={"a_pop": 1.0, "b_pop": 0.3}, draws=200, seed=2)
    )
    assert len(wrong.outside) >= 4


def test_a_percentile_check_of_categories_is_refused():
    data = bn.read(visits(3, [0.0, 1.0]), allow=NO_DOSE)
    with pytest.raises(bn.ModelError, match="vpc_categories"):
        bn.vpc(bn.simulate(binary(), data, draws=3, seed=1))


def test_counts_are_grouped_by_their_quartiles_or_as_asked():
    rng = np.random.default_rng(1)
    y, ys = rng.poisson(4.0, 200), rng.poisson(4.0, (100, 200))
    check = bn.vpc_categories_of_arrays(np.zeros(200), y, ys)
    assert check.table.category.iloc[0].startswith("0-") and check.table.category.iloc[-1].startswith(">=")
    assert_allclose(check.means["median"], 4.0, atol=0.3)
    asked = bn.vpc_categories_of_arrays(np.zeros(200), y, ys, groups=[0, 1, 5])
    assert asked.table.category.tolist() == ["0", "1-4", ">= 5"]
    with pytest.raises(bn.ModelError, match="first at or below 0"):
        bn.vpc_categories_of_arrays(np.zeros(200), y, ys, groups=[1, 5])


def test_kaplan_meier_with_late_entry():
    time, event, entry = [2.0, 3.0, 5.0, 6.0], [True, True, False, True], [0.0, 0.0, 2.5, 0.0]
    found = kaplan_meier(time, event, [1.9, 2.0, 3.0, 6.0], entry)
    assert_allclose(found, [1.0, 2 / 3, 2 / 3 * 2 / 3, 0.0])
    assert np.isnan(kaplan_meier([1.0, 2.0], [True, False], [3.0]))[0]


def test_rates_are_events_per_time_at_risk():
    assert_allclose(event_rates([2.0, 4.0], [True, False], [0, 2, 4, 6]), [1 / 4, 0, np.nan])


def scale(Te):
    return Te


def hazards(t, k):
    return {"h": k, "H": k * t}


def weibull():
    return bn.Model(
        structure=bn.Function(scale),
        parameters={"Te": bn.Parameter(bn.LogNormal(5, cv=1), iiv=0.2)},
        residuals={"scale": bn.TimeToEvent(bn.WeibullHazard(bn.LogNormal(1, cv=1)))},
    )


def followed(seed, subjects=120, end=6.0):
    rng = np.random.default_rng(seed)
    times = 5.0 * np.exp(0.2 * rng.normal(size=subjects)) * rng.standard_exponential(subjects) ** (1 / 1.5)
    stop = rng.uniform(1, end, subjects)
    seen = np.minimum(times, stop)
    rows = [
        {"ID": k + 1, "TIME": t, "DV": v}
        for k in range(subjects)
        for t, v in ((0.0, 0.0), (seen[k], float(times[k] <= stop[k])))
    ]
    return bn.read(pd.DataFrame(rows), allow=NO_DOSE)


def test_the_survival_curve_of_the_true_model_lies_in_its_band():
    data = followed(1)
    right = bn.simulate(weibull(), data, parameters={"Te_pop": 5.0, "scale_shape": 1.5}, draws=150, seed=1)
    check = bn.vpc_events(right)
    assert len(check.outside) <= 10
    exact = np.exp(-((check.table.x / 5.0) ** 1.5))
    early = check.table.x < 4
    assert_allclose(check.table["median"][early], exact[early], atol=0.03)
    assert_allclose(check.hazard["median"].iloc[-2], 0.3 * np.sqrt(check.hazard.x.iloc[-2] / 5), rtol=0.25)
    wrong = bn.simulate(weibull(), data, parameters={"Te_pop": 9.0, "scale_shape": 1.5}, draws=150, seed=1)
    assert len(bn.vpc_events(wrong).outside) > 60


def test_a_hazard_that_is_an_output_gives_the_same_curve_as_a_closed_one():
    data = followed(2, subjects=60)
    by_output = bn.Model(
        structure=bn.Function(hazards),
        parameters={"k": bn.Parameter(bn.LogNormal(0.2, cv=1))},
        residuals={"h": bn.TimeToEvent(cumulative="H")},
    )
    closed = bn.Model(
        structure=bn.Function(scale),
        parameters={"Te": bn.Parameter(bn.LogNormal(5, cv=1))},
        residuals={"scale": bn.TimeToEvent(bn.ExponentialHazard())},
    )
    one = bn.vpc_events(bn.simulate(by_output, data, parameters={"k_pop": 0.2}, draws=150, seed=1))
    two = bn.vpc_events(bn.simulate(closed, data, parameters={"Te_pop": 5.0}, draws=150, seed=1))
    early = one.table.x < 4
    assert_allclose(one.table["median"][early], two.table["median"][early], atol=0.04)


def test_strata_and_ends_of_events_are_checked():
    data = followed(3, subjects=20)
    simulation = bn.simulate(weibull(), data, parameters={"Te_pop": 5, "scale_shape": 1.5}, draws=20, seed=1)
    with pytest.raises(bn.ModelError, match="after the last event"):
        bn.vpc_events(simulation, end=0.5)
    with pytest.raises(bn.ModelError, match="column of the data"):
        bn.vpc_events(simulation, stratify="SEX")
    with pytest.raises(bn.ModelError, match="TimeToEvent"):
        bn.vpc_events(bn.simulate(binary(), bn.read(visits(3, [0, 1]), allow=NO_DOSE), draws=2, seed=1))


def test_checks_of_events_and_categories_have_a_table_in_a_notebook():
    simulation = bn.simulate(weibull(), followed(3, subjects=20), draws=20, seed=1)
    assert bn.vpc_events(simulation)._repr_html_().count("<table") == 1
    data = bn.read(visits(3, [0.0, 1.0]), allow=NO_DOSE)
    assert "observed" in bn.vpc_categories(bn.simulate(binary(), data, draws=3, seed=1))._repr_html_()
