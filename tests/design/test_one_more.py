"""One more sample: what it is expected to teach a patient, and a population."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn
from bayes_nlmem.design.expected_gain import linear_gain, nested_gain

MODEL = bn.Model(
    structure=bn.OneCompartment(),
    parameters={
        "CL": bn.Parameter(bn.about(1.0), iiv=0.3),
        "V": bn.Parameter(bn.about(10), iiv=0.2),
    },
    residuals={"cp": bn.Proportional(0.1)},
)
VALUES = {"CL_pop": 1.0, "V_pop": 10.0}
ARM = bn.Arm(20, bn.Regimen(100), times=[1, 4])


def test_nested_and_linear_agree_where_all_is_normal():
    rng = np.random.default_rng(1)
    x = rng.normal(size=2500)
    mean = x[:, None] * np.array([0.5, 1.0, 3.0])
    spread = np.full(mean.shape, 0.8)
    nested, linear = nested_gain(mean, spread, x, rng), linear_gain(mean, spread, x)
    exact = 0.5 * np.log1p(np.array([0.5, 1.0, 3.0]) ** 2 / 0.64)
    assert (np.abs(nested["GAIN"] - exact) < 4 * nested["GAIN_ERROR"]).all()
    assert_allclose(linear["GAIN"], exact, rtol=0.05)
    assert_allclose(nested["SD"], linear["SD"], rtol=0.03)


@pytest.mark.slow
def test_one_more_sample_in_every_subject_is_another_design():
    found = bn.next_sample(MODEL, at=[2, 8, 24], about="CL_pop", design=ARM, parameters=VALUES)
    longer = bn.Arm(20, bn.Regimen(100), times=[1, 4, 24])
    expected = bn.expected_precision(MODEL, longer, VALUES).table.loc["CL_pop", "SE"]
    assert_allclose(found.table["SD"].iloc[-1], expected, rtol=1e-6)
    assert_allclose(found.before, bn.expected_precision(MODEL, ARM, VALUES).table.loc["CL_pop", "SE"])
    assert found.best == 24.0
    assert "from" in found.conclusion


@pytest.mark.slow
def test_money_buys_the_arm_that_teaches_more():
    arms = [
        bn.Arm(10, bn.Regimen(100), times=[1], name="early"),
        bn.Arm(10, bn.Regimen(100), times=[12], name="late"),
        bn.Arm(10, bn.Regimen(100), times=[1, 12], name="both"),
    ]
    dear = bn.allocate_subjects(MODEL, bn.Design(arms), VALUES, cost=[1, 1, 100], budget=40)
    assert dear.table.loc["both", "SUBJECTS"] == 0
    assert dear.table["SUBJECTS"] @ dear.table["COST"] == 40
    assert dear.table["SENSITIVITY"].max() < 1.001
    about = bn.allocate_subjects(MODEL, bn.Design(arms), VALUES, criterion="c", about="CL_pop")
    assert (
        about.precision.table.loc["CL_pop", "SE"]
        <= (bn.expected_precision(MODEL, bn.Design(arms), VALUES).table.loc["CL_pop", "SE"])
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"at": []}, "candidate times"),
        ({"at": [5], "about": "Q_pop"}, "among CL_pop"),
        ({"at": [5], "output": "pd"}, "an output among cp"),
        ({"at": [5], "method": "linear"}, "only for a patient"),
        ({"at": [5], "design": None}, "no design"),
    ],
)
def test_bad_questions_are_refused(options, message):
    with pytest.raises(bn.FitError, match=message):
        bn.next_sample(MODEL, **{"design": ARM, "parameters": VALUES, **options})


def test_allocations_without_sense_are_refused():
    with pytest.raises(bn.FitError, match="several arms"):
        bn.allocate_subjects(MODEL, bn.Design(ARM), VALUES)
    two = bn.Design([ARM, bn.Arm(3, bn.Regimen(100), times=[9])])
    with pytest.raises(bn.FitError, match="costs above 0"):
        bn.allocate_subjects(MODEL, two, VALUES, cost=[1, -1])
    with pytest.raises(bn.FitError, match="budget"):
        bn.allocate_subjects(MODEL, two, VALUES, budget=0.5)
