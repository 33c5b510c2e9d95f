"""A patient's next sample, and forecasts that are as sure as they say."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn
from bayes_nlmem.simulation.as_data import replicate_as_data

KNOWN = bn.Model(
    structure=bn.OneCompartment(),
    parameters={"CL": bn.Parameter(4.0, iiv=0.4), "V": bn.Parameter(70.0, iiv=0.3)},
    residuals={"cp": bn.Proportional(0.15)},
)
PATIENT = pd.DataFrame(
    {"ID": 1, "TIME": [0.0, 1.0], "AMT": [1000.0, 0], "EVID": [1, 0], "DV": [np.nan, 15.0]}
)


@pytest.fixture(scope="module")
def patient():
    return bn.individualize(KNOWN, PATIENT, draws=800)


@pytest.mark.slow
def test_the_expected_sd_is_what_the_sample_brings(patient):
    """Simulate the sample from the patient's posterior, learn from it, look at the SD of log CL."""
    found = bn.next_sample(patient, at=[1, 24, 40], about="CL", draws=800)
    assert found.best > 1
    assert found.table["SD"].iloc[0] <= found.before
    assert found.about == "log CL"
    made = bn.simulate(
        patient,
        pd.DataFrame({"ID": 1, "TIME": [0.0, 24], "AMT": [1000.0, 0], "EVID": [1, 0]}),
        subjects="same",
        draws=8,
        seed=2,
    )
    spreads = []
    for value in made.values("cp")[:, 0]:
        extra = pd.DataFrame({"ID": [1], "TIME": [24.0], "AMT": [0.0], "EVID": [0], "DV": [value]})
        later = bn.individualize(KNOWN, pd.concat([PATIENT, extra]), draws=800)
        spreads.append(np.log(later.draws["posterior"]["CL"].values).std())
    row = found.table.set_index("TIME").loc[24.0]
    assert_allclose(np.mean(spreads), row["SD"], rtol=0.1)


def test_a_late_sample_tells_clearance(patient):
    nested = bn.next_sample(patient, at=[2, 24], about="CL", draws=500)
    linear = bn.next_sample(patient, at=[2, 24], about="CL", draws=500, method="linear")
    assert nested.best == linear.best == 24.0
    assert nested.table["SD"].iloc[1] < 0.6 * nested.before
    with pytest.raises(bn.FitError, match="at or after the last observation"):
        bn.next_sample(patient, at=[0.5])
    with pytest.raises(bn.FitError, match="a parameter among CL, V"):
        bn.next_sample(patient, at=[5], about="KA")


def test_a_trough_is_seen_before_the_dose_of_the_same_time(patient):
    """A dose at the end of the window is not in its trough, whether or not it is given."""
    target = bn.Target("trough", low=1, over=(12, 24))
    two, three = (bn.Regimen(500, every=12, count=n) for n in (2, 3))
    # a bolus: whatever is seen after the dose is higher by dose / V at once
    advice = bn.choose_dose(patient, [two, three], target, draws=50)
    assert_allclose(advice.table["MEDIAN"].iloc[0], advice.table["MEDIAN"].iloc[1], rtol=1e-9)
    peak = bn.Target("peak", low=1, over=(12, 24))
    top = bn.choose_dose(patient, two, peak, draws=50)
    volume = np.median(patient.draws["posterior"]["V"].values)
    assert top.table["MEDIAN"].iloc[0] > advice.table["MEDIAN"].iloc[0] + 0.9 * 500 / volume


def test_forecasts_of_simulated_patients_are_calibrated():
    design = bn.Design(bn.Arm(120, bn.Regimen(1000, every=24, count=2), times=[1, 8, 23, 26, 40]))
    data = replicate_as_data(bn.simulate(KNOWN, design, draws=1, seed=5), 0)
    check = bn.forecast_check(KNOWN, data, population=20, particles=40)
    whole = check.summary().iloc[-1]
    assert whole["N"] == 600
    assert abs(whole["COVERED_90"] - 90) < 4
    assert abs(whole["COVERED_50"] - 50) < 7
    assert abs(check.table["PIT"].mean() - 0.5) < 4 * (1 / 12 / 600) ** 0.5
    # what is learnt from earlier samples makes forecasts surer
    width = np.log(check.table["UPPER"] / check.table["LOWER"]).groupby(check.table["PREVIOUS"]).mean()
    assert width[4] < 0.75 * width[0]
    assert check.table.groupby("ID")["PREVIOUS"].apply(list).iloc[0] == [0, 1, 2, 3, 4]


def test_the_first_forecast_is_the_population_s():
    """No earlier samples: at time 0+ the concentration is dose / V times the error."""
    table = pd.DataFrame(
        {"ID": 1, "TIME": [0.0, 0.0], "AMT": [700.0, 0], "EVID": [1, 0], "DV": [np.nan, 10.0]}
    )
    check = bn.forecast_check(KNOWN, bn.read(table), population=30, particles=200)
    assert_allclose(check.table["PIT"].iloc[0], 0.5, atol=0.04)
    assert_allclose(np.log(check.table["UPPER"].iloc[0] / 10), 1.645 * np.hypot(0.3, 0.15), rtol=0.15)


def test_bad_questions_are_refused():
    with pytest.raises(bn.FitError, match="data with a model"):
        bn.forecast_check(KNOWN)
    counts = bn.Model(
        structure=bn.Function("rate = LAMBDA + 0 * t"),
        parameters={"LAMBDA": bn.Parameter(3.0, iiv=0.3)},
        residuals={"rate": bn.Poisson()},
    )
    with pytest.raises(bn.ModelError, match="measurements"):
        bn.forecast_check(counts, bn.read(PATIENT))
