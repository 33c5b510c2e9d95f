"""Doses in words become the rows of an event table."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn

ORAL = bn.OneCompartment(absorption="first-order")
TIMES = np.linspace(0.5, 60, 40)


def concentrations(regimen, **covariates):
    arm = bn.Arm(1, regimen, times=TIMES, covariates=covariates)
    solved = bn.solve(ORAL, bn.Design(arm).dataset(), {"CL": 3.0, "V": 30.0, "KA": 1.0})
    return solved.loc[solved["TIME"].isin(TIMES), "cp"].to_numpy()


def test_doses_add_up():
    twice = concentrations(bn.Regimen(100) + bn.Regimen(100).shift(12))
    once = concentrations(bn.Regimen(100))
    later = concentrations(bn.Regimen(100).shift(12))
    assert_allclose(twice, once + later, rtol=1e-12)
    assert_allclose(twice, concentrations(bn.Regimen(100, every=12, count=2)), rtol=1e-12)


def test_an_infusion_has_its_rate_and_its_route():
    events = bn.Regimen(100, duration=2, route="central").events()
    assert events["RATE"].item() == 50.0
    assert events["CMT"].item() == "central"


def test_an_amount_may_depend_on_a_covariate():
    assert_allclose(concentrations(bn.Regimen(2, per="WT"), WT=70.0), concentrations(bn.Regimen(140)))
    with pytest.raises(bn.DataError, match="E_REGIMEN_COVARIATE"):
        bn.Regimen(2, per="WT").events()
    with pytest.raises(bn.DataError, match="E_ARM_COVARIATE"):
        bn.Arm(1, bn.Regimen(2, per="WT"), times=[1.0])


def test_totals_scales_and_ends():
    regimen = bn.Regimen(200) + bn.Regimen(100, every=24, count=6).shift(24)
    assert regimen.total() == 800.0
    assert regimen.scale(0.5).total() == 400.0
    assert regimen.last == 24 + 5 * 24


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"amount": -5}, "E_REGIMEN_AMOUNT"),
        ({"amount": float("nan")}, "E_REGIMEN_AMOUNT"),
        ({"amount": 100, "count": 3}, "E_REGIMEN_EVERY"),
        ({"amount": 100, "every": 12}, "E_REGIMEN_EVERY"),
        ({"amount": 100, "every": 0, "count": 2}, "E_REGIMEN_EVERY"),
        ({"amount": 100, "steady_state": True}, "E_REGIMEN_EVERY"),
        ({"amount": 100, "count": 0}, "E_REGIMEN_COUNT"),
        ({"amount": 100, "duration": -1}, "E_REGIMEN_DURATION"),
        ({"amount": 100, "start": float("inf")}, "E_REGIMEN_START"),
    ],
)
def test_what_cannot_be_given_is_refused(arguments, code):
    with pytest.raises(bn.DataError) as caught:
        bn.Regimen(**arguments)
    assert code in [fault.code for fault in caught.value.faults]


def test_a_steady_state_is_one_record():
    steady = bn.Regimen(100, every=24, steady_state=True).events()
    assert (steady["SS"].item(), steady["II"].item(), steady["ADDL"].item()) == (1, 24.0, 0)


def test_planned_observations_have_no_value_and_samples_precede_doses_of_their_time():
    arm = bn.Arm(2, bn.Regimen(100, every=12, count=3), times=[0, 12, 30], covariates={"SEX": ["f", "m"]})
    data = bn.Design(arm).dataset()
    assert data.table.loc[data.is_observation, "DV"].isna().all()
    assert data.n_observations == 6
    assert data.table["EVID"].tolist()[:2] == [0, 1]
    assert data.covariate("SEX").tolist() == ["f"] * 4 + ["m"] * 4


def test_covariates_are_drawn_with_a_seed():
    covariates = {"WT": bn.LogNormal(70, cv=0.2), "SEX": {"f": 0.5, "m": 0.5}}
    design = bn.Design(bn.Arm(400, bn.Regimen(1, per="WT"), times=[1], covariates=covariates))
    with pytest.raises(bn.DataError, match="E_DESIGN_SEED"):
        design.dataset()
    data = design.dataset(seed=1)
    weights = data.covariate("WT")[data.is_dose]
    assert abs(np.median(weights) - 70) < 4
    assert_allclose(data.table.loc[data.is_dose, "AMT"], weights)
    assert 0.4 < np.mean(data.covariate("SEX") == "f") < 0.6


def test_endpoints_and_occasions_have_their_columns():
    arm = bn.Arm(1, bn.Regimen(100, every=24, count=2), times={"cp": [1, 25], "pca": [24]}, occasions=[24])
    data = bn.Design(arm).dataset()
    seen = data.table[data.is_observation]
    assert seen["DVID"].tolist() == ["cp", "pca", "cp"]
    assert seen["OCC"].tolist() == [1, 2, 2]


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: bn.Arm(0, None, times=[1]), "E_ARM_SUBJECTS"),
        (lambda: bn.Arm(1, 100, times=[1]), "E_ARM_REGIMEN"),
        (lambda: bn.Arm(1, None, times=[]), "E_ARM_TIMES"),
        (lambda: bn.Arm(1, None, times=[np.inf]), "E_ARM_TIMES"),
        (lambda: bn.Arm(2, None, times=[1], covariates={"WT": [1, 2, 3]}), "E_ARM_COVARIATE"),
        (lambda: bn.Arm(2, None, times=[1], occasions=[5, 5]), "E_ARM_OCCASIONS"),
        (lambda: bn.Design([]), "E_DESIGN_ARMS"),
        (
            lambda: bn.Design(
                [bn.Arm(1, None, times=[1], covariates={"WT": 70}), bn.Arm(1, None, times=[1])]
            ),
            "E_DESIGN_ARMS",
        ),
    ],
)
def test_what_cannot_be_planned_is_refused(make, code):
    with pytest.raises(bn.DataError) as caught:
        make()
    assert code in [fault.code for fault in caught.value.faults]


def test_events_are_in_the_order_of_time():
    regimen = bn.Regimen(100).shift(24) + bn.Regimen(50)
    pd.testing.assert_series_equal(regimen.events()["TIME"], pd.Series([0.0, 24.0], name="TIME"))


def test_a_design_cannot_be_fitted():
    model = bn.zoo.load("theophylline").model
    design = bn.Design(bn.Arm(2, bn.Regimen(320), times=[1, 4], covariates={"WT": 70.0}))
    with pytest.raises(bn.ModelError, match="planned observations"):
        bn.build(model, design.dataset())
