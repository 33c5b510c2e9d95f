"""Optimal sampling times are PopED's, keep their constraints, and bad questions are refused."""

import numpy as np
import pytest

import bayes_nlmem as bn
from bayes_nlmem.design.interpolation import edges_of, grid_of

AT = {
    "CL_pop": 0.15,
    "V_pop": 8.0,
    "KA_pop": 1.0,
    "omega_CL": 0.07**0.5,
    "omega_V": 0.02**0.5,
    "omega_KA": 0.6**0.5,
    "sigma_cp_prop": 0.1,
    "sigma_cp_add": 0.5,
}
EFFECTS = {"CL": (0.15, 0.26), "V": (8.0, 0.14), "KA": (1.0, 0.77)}
MODEL = bn.Model(
    structure=bn.OneCompartment(absorption="first-order"),
    parameters={
        name: bn.Parameter(bn.about(typical), iiv=bn.about(sd)) for name, (typical, sd) in EFFECTS.items()
    },
    residuals={"cp": bn.Combined(additive=bn.about(0.5), proportional=bn.about(0.1))},
)
EIGHT = bn.Design(bn.Arm(32, bn.Regimen(70), times=[0.5, 1, 2, 6, 24, 36, 72, 120]))


def best(**options):
    return bn.optimise_design(MODEL, EIGHT, AT, variances=True, restarts=1, seed=1, **options)


def times_of(optimum):
    return np.array(optimum.design.arms[0].times["*"])


@pytest.mark.slow
def test_eight_times_for_warfarin_are_poped_s():
    """PopED 0.7.0, add + prop error, 8 free times in 0-120 h, best of 3 seeds: log det 56.71721."""
    found = best(windows=(0, 120), block_diagonal=True)
    assert found.precision.log_det >= 56.7172
    assert np.abs(times_of(found) - [0.659, *[5.771] * 4, *[101.9] * 3]).max() < 0.5
    assert found.efficiency > 1.15


@pytest.mark.slow
def test_constraints_are_kept():
    spaced = best(windows=[(0, 12), (24, 72)], spacing=2.0, fixed=(24.0,))
    times = times_of(spaced)
    assert len(times) == 8 and 24.0 in times
    assert np.diff(np.sort(times)).min() >= 2.0 - 1e-9
    assert all(0 <= t <= 12 or 24 <= t <= 72 for t in times)

    listed = best(allowed=[0.5, 1, 2, 4, 8, 24, 48, 72, 96, 120], samples=5)
    assert set(times_of(listed)) <= {0.5, 1, 2, 4, 8, 24, 48, 72, 96, 120}
    assert len(times_of(listed)) == 5


@pytest.mark.slow
def test_a_criterion_wins_on_its_own_ground():
    whole, clearance = best(windows=(0, 120)), best(windows=(0, 120), criterion="c", about="CL_pop")
    assert clearance.precision.table.loc["CL_pop", "SE"] < whole.precision.table.loc["CL_pop", "SE"]
    assert whole.precision.log_det > clearance.precision.log_det


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"windows": (10, 5)}, "low < high"),
        ({"windows": []}, "low < high"),
        ({"windows": (0, 3), "spacing": 1.0}, "room for 8 samples"),
        ({"allowed": [1, 2], "windows": (0, 5)}, "either"),
        ({"allowed": []}, "none"),
        ({"shared": True}, "several arms"),
        ({"samples": 2, "fixed": (1.0, 2.0)}, "at least one free"),
        ({"spacing": -1.0}, "spacing >= 0"),
    ],
)
def test_bad_questions_are_refused(options, message):
    with pytest.raises(bn.FitError, match=message):
        best(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"criterion": "E"}, "criterion one of"),
        ({"criterion": "Ds"}, "about="),
        ({"about": "CL_pop"}, "about=None"),
        ({"criterion": "c", "about": "Q_pop"}, "among CL_pop"),
        ({"draws": 5}, "a fit"),
    ],
)
def test_questions_without_an_answer_are_refused(options, message):
    with pytest.raises(bn.FitError, match=message):
        best(windows=(0, 120), **options)


def test_the_grid_is_dense_after_doses_and_ends_of_infusions():
    arm = bn.Arm(1, bn.Regimen(100, every=24, count=2, duration=2), times=[1.0])
    assert edges_of(arm, 0, 48).tolist() == [0, 2, 24, 26, 48]
    grid = grid_of(arm, 0, 48, 80)
    assert (np.diff(grid) >= 0).all()
    assert np.sum((grid > 24) & (grid < 24.1)) >= 3
