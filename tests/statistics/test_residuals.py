"""Residual errors: their standard deviation, in numpy and in a graph."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bayes_nlmem.ground.messages import ModelError
from bayes_nlmem.ground.priors import HalfNormal, Normal
from bayes_nlmem.ground.values import about
from bayes_nlmem.statistics.log_normal_error import LogNormalError
from bayes_nlmem.statistics.residuals import Additive, Combined, PowerError, Proportional, Residual
from bayes_nlmem.statistics.student_t_error import StudentTError

F = np.array([0.0, 10.0])
SIGMAS = {"add": 3.0, "prop": 0.4, "coef": 0.2, "exponent": 2.0}


@pytest.mark.parametrize(
    ("residual", "sd"),
    [
        (Additive(3.0), [3.0, 3.0]),
        (Proportional(0.4), [0.0, 4.0]),
        (Combined(3.0, 0.4), [3.0, 5.0]),
        (Combined(3.0, 0.4, add="standard deviations"), [3.0, 7.0]),
        (PowerError(0.2, 2.0), [0.0, 20.0]),
    ],
)
def test_standard_deviations(residual, sd):
    pt = pytest.importorskip("pytensor.tensor")
    assert isinstance(residual, Residual)
    assert_allclose(residual.sd(F, SIGMAS, np), sd)
    assert_allclose(residual.sd(pt.constant(F), SIGMAS, pt).eval(mode="FAST_COMPILE"), sd)
    assert residual.unknowns().items() <= SIGMAS.items()
    assert pickle.loads(pickle.dumps(residual)) == residual


def test_the_slope_of_a_power_in_its_exponent_is_a_number_even_where_the_prediction_is_zero():
    pytensor = pytest.importorskip("pytensor")
    pt = pytest.importorskip("pytensor.tensor")
    f, exponent = pt.vector(), pt.scalar()
    sd = PowerError(0.2, 0.5).sd(f, {"coef": 0.2, "exponent": exponent}, pt)
    slopes = pytensor.function([f, exponent], pytensor.grad(sd.sum(), [f, exponent]), mode="FAST_COMPILE")
    by_f, by_exponent = slopes(np.array([0.0, 4.0]), 0.5)
    assert_allclose(by_f, [0.0, 0.2 * 0.5 / 2])
    assert_allclose(by_exponent, 0.2 * 2 * np.log(4))


def test_errors_of_other_laws_are_residuals_that_name_their_parameters():
    logarithm = LogNormalError(about(0.2))
    heavy = StudentTError(Combined(1.0, 0.1), df=about(5))
    assert isinstance(logarithm, Residual) and isinstance(heavy, Residual)
    assert list(heavy.unknowns()) == ["add", "prop", "df"]
    assert str(heavy.df) == "LogNormal(median 5, CV 100%) above 2" and "HalfNormal" in str(
        logarithm.sd_of_log
    )
    assert StudentTError(logarithm, 4.0).law.positive
    assert heavy.meaning("add") == "additive error, scale"
    assert [pickle.loads(pickle.dumps(error)) for error in (logarithm, heavy)] == [logarithm, heavy]


def test_about_becomes_a_half_normal_prior():
    assert str(Proportional(about(0.2)).proportional) == "HalfNormal(sd 0.3)"


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Additive(0), "a number > 0 or a prior for additive, got 0"),
        (lambda: Proportional(Normal(0, 1)), r"a prior on \(0, inf\) for proportional"),
        (lambda: Combined(HalfNormal(1), -0.1), "for proportional, got -0.1"),
        (lambda: Combined(1.0, 0.1, add="variance"), "add='variance'. Did you mean 'variances'"),
        (lambda: Combined(True, None, add="x"), "3 problems"),
        (lambda: LogNormalError(0), "a number > 0 or a prior for sd_of_log"),
        (lambda: StudentTError(Additive, df=-1.0), "2 problems"),
        (lambda: StudentTError(StudentTError(Additive(1.0), 3.0), 3.0), "with a normal law"),
        (lambda: PowerError(-1.0, Normal(0, 1)), "2 problems"),
    ],
)
def test_bad_residuals_are_refused_with_a_reason(build, message):
    with pytest.raises(ModelError, match=message):
        build()
