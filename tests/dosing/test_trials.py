"""Simulated trials: doses that are missed or changed, subjects who leave, and how often a trial succeeds."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn
from bayes_nlmem.dosing.given import course
from bayes_nlmem.dosing.trials import single_doses

MODEL = bn.Model(
    structure=bn.OneCompartment(),
    parameters={"CL": bn.Parameter(1.0, iiv=0.3), "V": bn.Parameter(10.0, iiv=0.2)},
    residuals={"cp": bn.Proportional(0.1)},
)
ARM = bn.Arm(6, bn.Regimen(100, every=24, count=4, duration=1), times=[23, 47, 71, 95])


@pytest.fixture(scope="module")
def made():
    return bn.simulate(MODEL, bn.Design(single_doses(ARM)), draws=5, seed=1, residual_error=False)


def test_doses_as_planned_are_what_simulate_gives(made):
    found = course(made, None, 1.0, np.random.default_rng(1))
    assert_allclose(found.predictions["cp"], made.predictions("cp"), rtol=1e-10)
    ratio = found.observations["cp"] / found.predictions["cp"]
    assert 0.06 < np.log(ratio).std() < 0.14


def test_a_rule_changes_later_doses_only(made):
    """Stop whoever is seen above the median trough: nothing before changes, and afterwards there is decay."""
    limit = np.median(made.predictions("cp")[:, 0])
    rule = bn.AdaptiveRule([24, 48], "cp", lambda value, factor: np.where(value > limit, 0.0, factor))
    free = course(made, None, 1.0, np.random.default_rng(1))
    ruled = course(made, rule, 1.0, np.random.default_rng(1))
    first = made.data.table.iloc[made.records("cp")]["TIME"].to_numpy() == 23
    assert_allclose(ruled.predictions["cp"][:, first], free.predictions["cp"][:, first])
    stopped = free.observations["cp"][:, first] > limit
    second = made.data.table.iloc[made.records("cp")]["TIME"].to_numpy() == 47
    rate = (
        made.draws["posterior_predictive"]["CL"].values[0] / made.draws["posterior_predictive"]["V"].values[0]
    )
    decay = free.predictions["cp"][:, first] * np.exp(-24 * rate)
    assert_allclose(ruled.predictions["cp"][:, second][stopped], decay[stopped], rtol=1e-8)
    assert_allclose(ruled.predictions["cp"][:, second][~stopped], free.predictions["cp"][:, second][~stopped])


def test_missed_doses_lower_exposure(made):
    half = course(made, None, 0.5, np.random.default_rng(1))
    dose = made.data.is_dose
    assert set(np.unique(half.factors[:, dose])) == {0.0, 1.0}
    assert half.predictions["cp"].mean() < 0.75 * made.predictions("cp").mean()


def trough(trial):
    last = trial[trial["TIME"] == trial["TIME"].max()]
    return {"trough": last["DV"].mean(), "subjects": trial["ID"].nunique()}


def high_enough(endpoints):
    return endpoints["trough"] > 0.6


def test_the_same_trials_with_and_without_executor():
    options = {"endpoint": trough, "success": high_enough, "trials": 6, "batch": 3, "seed": 4}
    alone = bn.simulate_trial(MODEL, ARM, **options)
    with ThreadPoolExecutor(1) as executor:
        together = bn.simulate_trial(MODEL, ARM, executor=executor, **options)
    pd.testing.assert_frame_equal(alone.table, together.table)
    assert len(alone.table) == 6
    assert alone.probability == alone.table["SUCCESS"].mean()
    assert alone.interval()[0] <= alone.probability <= alone.interval()[1]
    assert set(alone.example.columns) >= {"ID", "ARM", "TIME", "DV", "IPRED", "DOSE_FACTOR"}


def test_subjects_leave_at_the_rate_given():
    arm = bn.Arm(200, bn.Regimen(100), times=[1, 10])
    found = bn.simulate_trial(
        MODEL,
        arm,
        endpoint=lambda trial: (trial["TIME"] == 10).sum() / 200,
        success=lambda endpoints: endpoints["endpoint"] > 0.5,
        drop_out=0.05,
        trials=5,
        seed=1,
    )
    assert_allclose(found.table["endpoint"].mean(), np.exp(-0.5), atol=0.06)
    assert_allclose(found.table["endpoint"] + found.table["DROPPED_OUT"], 1.0)


def test_resampled_covariates_stay_together():
    table = pd.DataFrame(
        {"ID": [1, 2, 3], "TIME": 0.0, "DV": 1.0, "WT": [50.0, 70, 90], "AGE": [20.0, 40, 60]}
    )
    data = bn.read(table, covariates=["WT", "AGE"])
    found = bn.resampled(data, 50, seed=1)
    assert set(zip(found["WT"], found["AGE"], strict=True)) == {(50.0, 20.0), (70.0, 40.0), (90.0, 60.0)}
    with pytest.raises(bn.DataError, match="may be drawn"):
        bn.resampled(data, 5, seed=1, among=lambda baseline: baseline["WT"] > 100)
    with pytest.raises(bn.DataError, match="covariates of the data"):
        bn.resampled(data, 5, seed=1, covariates=["SEX"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"adherence": 0}, "an adherence"),
        ({"drop_out": -1}, "a rate of leaving"),
        ({"trials": 0}, "trials and batch"),
        ({"rule": bn.AdaptiveRule([24], "pd", lambda v, f: f)}, "an output among cp"),
        ({"rule": bn.AdaptiveRule([500], "cp", lambda v, f: f)}, "before the last dose"),
        ({"endpoint": lambda trial: "high"}, "a number"),
        ({"rule": bn.AdaptiveRule([24], "cp", lambda v, f: -f)}, "at least 0"),
    ],
)
def test_bad_questions_are_refused(options, message):
    plan = {"endpoint": trough, "success": high_enough, "trials": 2, "seed": 1}
    with pytest.raises(bn.FitError, match=message):
        bn.simulate_trial(MODEL, ARM, **{**plan, **options})


def test_rules_without_sense_are_refused():
    with pytest.raises(bn.FitError, match="increasing times"):
        bn.AdaptiveRule([48, 24], "cp", lambda v, f: f)
    with pytest.raises(bn.FitError, match="a function"):
        bn.AdaptiveRule([24], "cp", 0.5)
