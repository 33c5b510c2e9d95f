"""The expected information gain of a design, against closed forms, and as a criterion."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn

PRIOR_SD, ERROR = 2.0, 1.5


def straight_line():
    """y = BASE + SLOPE t, normal priors, a known error: posterior and gain are exact.

    Designs are for populations; the effect of SLOPE between subjects is too small to matter.
    """
    return bn.Model(
        structure=bn.Function("y = BASE + SLOPE * t"),
        parameters={
            "BASE": bn.Parameter(bn.Normal(10, PRIOR_SD), scale=bn.Natural()),
            "SLOPE": bn.Parameter(bn.Normal(0, 0.5), scale=bn.Natural(), iiv=1e-4),
        },
        residuals={"y": bn.Additive(ERROR)},
    )


def exact_gain(times, subjects):
    design = np.column_stack([np.ones(len(times)), times])
    prior = np.diag([1 / PRIOR_SD**2, 1 / 0.5**2])
    information = subjects * design.T @ design / ERROR**2
    return 0.5 * (np.linalg.slogdet(prior + information)[1] - np.linalg.slogdet(prior)[1])


def test_a_linear_model_has_its_exact_gain():
    found = bn.optimise_design(
        straight_line(),
        bn.Arm(3, None, times=[2.0, 3.0]),
        "priors",
        criterion="EIG",
        windows=(0.0, 10.0),
        restarts=1,
        draws=4,
        seed=1,
    )
    [arm] = found.design.arms
    times = sorted(arm.times["*"])
    # the best two times: the end of the window, where the slope is learnt, and the other end or the same
    grid = np.linspace(0, 10, 101)
    best = max(exact_gain([a, b], 3) for a in grid for b in grid)
    # P0 is the covariance of 2000 draws of the prior: 2-3 % of its determinant
    assert_allclose(found.value, exact_gain(times, 3), atol=0.05)
    assert_allclose(exact_gain(times, 3), best, atol=0.01)
    assert_allclose(found.value_before, exact_gain([2.0, 3.0], 3), atol=0.05)
    assert found.value_error < 1e-6  # linear: the same gain wherever the truth lies
    assert "EIG" in repr(found)


ORAL = bn.Model(
    structure=bn.OneCompartment(),
    parameters={"CL": bn.Parameter(bn.about(1.0), iiv=0.3), "V": bn.Parameter(bn.about(10.0), iiv=0.2)},
    residuals={"cp": bn.Proportional(0.1)},
)
ARM = bn.Arm(20, bn.Regimen(100), times=[4.0, 8.0])


def test_gain_grows_with_better_times_and_has_an_error():
    found = bn.optimise_design(
        ORAL, ARM, "priors", criterion="EIG", windows=(0.5, 24), restarts=1, draws=6, seed=2
    )
    assert found.value > found.value_before > 0
    assert 0 < found.value_error < 1
    assert "Monte Carlo error" in repr(found)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"at": {"CL_pop": 1.0, "V_pop": 10.0}, "criterion": "EIG"}, "or at='priors'"),
        ({"at": "priors"}, "values or a fit"),
        ({"at": "prior", "criterion": "EIG"}, "values, a fit or 'priors'"),
        ({"at": "priors", "criterion": "EIG", "priors": True}, "priors=False"),
        ({"at": "priors", "criterion": "EIG", "draws": 1}, "draws > 1"),
        ({"at": "priors", "criterion": "EIG", "about": "CL_pop"}, "about=None"),
    ],
)
def test_questions_without_sense_are_refused(options, message):
    with pytest.raises(bn.FitError, match=message):
        bn.optimise_design(ORAL, ARM, windows=(0.5, 24), restarts=1, seed=1, **options)
