"""One patient's posterior is the right one, and the dose that is chosen reaches its target."""

import json

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn

# mapbayr's example 001: CL 4, V 70, KA 1, omega^2 0.2 each, proportional error variance 0.05.
KNOWN = bn.Model(
    structure=bn.OneCompartment(absorption="first-order"),
    parameters={
        name: bn.Parameter(value, iiv=0.2**0.5) for name, value in {"CL": 4.0, "V": 70.0, "KA": 1.0}.items()
    },
    residuals={"cp": bn.Proportional(0.05**0.5)},
)
PATIENT = pd.DataFrame(
    {
        "ID": 1,
        "TIME": [0.0, 2.0, 8.0, 24.0],
        "AMT": [1000.0, 0, 0, 0],
        "EVID": [1, 0, 0, 0],
        "DV": [np.nan, 11.0, 8.5, 4.0],
    }
)


@pytest.fixture(scope="module")
def patient():
    return bn.individualize(KNOWN, PATIENT, draws=2000)


def test_the_modes_are_mapbayr_s(agree, shared_reference):
    """mapbayr 0.10 and NONMEM agree to 2e-6 on these etas; the kinetics are ADVAN2's."""
    folder = shared_reference / "tdm"
    reference = json.loads((folder / "mapbayr_map.json").read_text())["fits"]["001"]
    table = pd.read_csv(folder / "data_to_fit001.csv", na_values=".")
    order = ["CL", "V", "KA"]
    for k, one in enumerate(reference["ids"][:2]):
        own = table[table["ID"].astype(str) == one].rename(columns=str.upper)
        found = bn.individualize(KNOWN, own.drop(columns="S2_SAMPLING"), draws=10)
        modes = found.modes.set_index("EFFECT")["MAP"][order].to_numpy()
        agree(f"patient {one}: MAP etas", modes, reference["eta"][k], source="mapbayr", within=1e-4)


@pytest.mark.slow
def test_importance_sampling_is_nuts(patient):
    nuts = bn.individualize(KNOWN, PATIENT, draws=4000, method="nuts")
    for name in ("CL", "V", "KA"):
        ours = np.log(patient.draws["posterior"][name].values.ravel())
        theirs = np.log(nuts.draws["posterior"][name].values.ravel())
        error = np.hypot(ours.std() / np.sqrt(patient.effective), theirs.std() / np.sqrt(500))
        assert abs(ours.mean() - theirs.mean()) < 4 * error
        assert abs(ours.std() / theirs.std() - 1) < 0.15


def test_good_proposals_have_good_weights(patient):
    assert patient.method == "importance"
    assert patient.pareto_k < 0.5
    assert patient.effective > 2000
    assert "Patient 1: 3 observations" in repr(patient)


def test_without_observations_the_population_speaks():
    found = bn.individualize(KNOWN, PATIENT[PATIENT["EVID"] == 1].drop(columns="DV"), draws=4000)
    assert found.method == "a priori"
    clearance = np.log(found.draws["posterior"]["CL"].values.ravel())
    assert_allclose(clearance.mean(), np.log(4.0), atol=0.03)
    assert_allclose(clearance.std(), 0.2**0.5, rtol=0.05)


def test_more_clearance_needs_more_drug(patient):
    """At steady state the AUC of an interval is dose / CL: the best amount is the target times CL."""
    target = bn.Target("AUC", low=80, high=120, over=(240, 264))
    daily = bn.Regimen(100, every=24, count=12)
    advice = bn.choose_dose(patient, daily, target, amounts=[100, 400, 1600], draws=300)
    clearance = np.median(patient.draws["posterior"]["CL"].values)
    medians = advice.table["MEDIAN"].to_numpy()
    assert_allclose(medians, np.array([100, 400, 1600]) / clearance, rtol=0.12)
    assert advice.best.amount == 400
    assert "reaches the target" in advice.conclusion
    assert_allclose(advice.table["PROBABILITY"] + advice.table["TOO_LOW"] + advice.table["TOO_HIGH"], 1.0)


def test_risk_limits_what_may_be_chosen(patient):
    target = bn.Target("peak", low=10, over=(0, 24), toxic=20)
    amounts = [500, 5000]
    free = bn.choose_dose(patient, bn.Regimen(500), target, amounts=amounts, draws=100)
    careful = bn.choose_dose(patient, bn.Regimen(500), target, amounts=amounts, draws=100, risk=0.2)
    assert free.best.amount == 5000
    assert careful.best is None or careful.best.amount == 500


def test_time_above_a_threshold_is_exact_for_straight_lines():
    target = bn.Target("time above", low=0.5, over=(0, 4), threshold=1.0)
    time, value = np.array([0.0, 2.0, 4.0]), np.array([[0.0, 2.0, 0.0], [2.0, 2.0, 2.0], [0.0, 0.0, 0.0]])
    assert_allclose(target.of(time, value), [0.5, 1.0, 0.0])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: bn.Target("mood", low=1), "a target among"),
        (lambda: bn.Target("AUC"), "one of them given"),
        (lambda: bn.Target("AUC", low=5, high=3), "low < high"),
        (lambda: bn.Target("peak", low=1, over=(5, 5)), "from < to"),
        (lambda: bn.Target("time above", low=0.5), "threshold"),
        (lambda: bn.Target("peak", low=1, threshold=3), "threshold"),
    ],
)
def test_targets_out_of_reach_are_refused(make, message):
    with pytest.raises(bn.FitError, match=message):
        make()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"amounts": [-5]}, "above 0"),
        ({"amounts": []}, "amounts to try"),
        ({"risk": 0.1}, "toxic"),
        ({"start": 3.0}, "at or after the last record"),
    ],
)
def test_bad_questions_are_refused(patient, options, message):
    target = bn.Target("trough", low=1)
    with pytest.raises(bn.FitError, match=message):
        bn.choose_dose(patient, bn.Regimen(100), target, **options)
    with pytest.raises(bn.FitError, match="an output among"):
        bn.choose_dose(patient, bn.Regimen(100), bn.Target("trough", low=1, output="pca"))


def test_doses_still_to_come_are_not_given_twice(patient):
    """The records say a dose every 24 h until 72 h; a new regimen at 24 h takes their place."""
    from dataclasses import replace

    table = patient.data.table.assign(ADDL=[3, 0, 0, 0], II=[24.0, 0, 0, 0])
    planned = replace(patient, data=replace(patient.data, table=table))
    with pytest.raises(bn.FitError, match="up to TIME 72"):
        bn.choose_dose(planned, bn.Regimen(100), bn.Target("trough", low=1))
    with pytest.raises(bn.FitError, match="more than once"):
        bn.choose_dose(patient, [bn.Regimen(100), bn.Regimen(100)], bn.Target("trough", low=1))


def test_a_population_must_be_known():
    unknown = KNOWN.with_parameter("CL", typical=bn.about(4.0))
    with pytest.raises(bn.FitError, match="CL_pop"):
        bn.individualize(unknown, PATIENT)
    two = pd.concat([PATIENT, PATIENT.assign(ID=2)])
    with pytest.raises(bn.ModelError, match="2 subjects"):
        bn.individualize(KNOWN, two)
