"""Covariates: constant or time-varying, numbers or categories."""

import io

import numpy as np
import pandas as pd
import pytest

import bayes_nlmem as bn

TEXT = "ID,TIME,DV,WT,CRCL,SEX\n1,0,5,70,100,M\n1,2,4,70,80,M\n1,4,3,70,90,M\n2,0,6,80,60,F\n2,2,5,80,50,F\n"


def read(text=TEXT, **how):
    return bn.read(io.StringIO(text), **how)


def test_constant_and_time_varying_are_told_apart():
    data = read(covariates=["WT", "CRCL", "SEX"])
    assert {name: c.method for name, c in data.covariates.items()} == {
        "WT": "constant",
        "CRCL": "nocb",
        "SEX": "constant",
    }
    assert "CRCL 50 to 100, median 80, time-varying (nocb)" in repr(data)
    assert "SEX F (1), M (1) subjects, constant" in repr(data)


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("nocb", [100, 80, 90, 60, 50]),
        ("locf", [100, 100, 80, 60, 60]),
        ("linear", [100, 90, 85, 60, 55]),
    ],
)
def test_the_value_that_governs_the_interval_before_a_record(method, expected):
    for data in (read(covariates={"CRCL": method}), read(covariates=["CRCL"], interpolation=method)):
        assert data.governing("CRCL").tolist() == expected
        assert data.covariate("CRCL").tolist() == [100, 80, 90, 60, 50]
        assert f"time-varying ({method})" in repr(data)


def test_text_keeps_its_levels():
    data = read(covariates=["SEX"])
    assert data.covariates["SEX"].categories == ("F", "M")
    assert data.covariate("SEX").tolist() == ["M", "M", "M", "F", "F"]


def test_numbers_may_be_declared_categories():
    data = read(covariates=["WT"], categorical=["WT"])
    assert data.covariates["WT"].categories == (70, 80) and data.covariate("WT").dtype == float


def test_the_categories_of_a_frame_keep_their_order():
    frame = pd.read_csv(io.StringIO(TEXT)).assign(SEX=lambda f: pd.Categorical(f["SEX"], ["M", "F", "X"]))
    assert bn.read(frame, covariates=["SEX"]).covariates["SEX"].categories == ("M", "F", "X")


def test_values_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        read(covariates=["WT"]).covariate("WT")[0] = 1


def test_a_covariate_declared_constant_is_checked(refused):
    fault, _ = refused(TEXT, "E_COVARIATE_VARIES", covariates={"CRCL": "constant"})
    assert fault.rows == (2, 3, 5) and fault.subjects == (1, 2)
    assert "got 80 after 100" in fault.message and "'nocb'" in fault.remedy


def test_missing_values(refused):
    fault, _ = refused(TEXT.replace("80,60,F", "80,.,F"), "E_COVARIATE_MISSING", covariates=["CRCL", "WT"])
    assert fault.rows == (4,) and fault.subjects == (2,)
    assert "CRCL" in fault.message and "frame.groupby('ID')['CRCL'].ffill()" in fault.remedy
    assert refused(TEXT.replace("60,F", "60,NA"), "E_COVARIATE_MISSING", covariates=["SEX"])[0].rows == (4,)


def test_a_slip_among_numbers_is_no_category(refused):
    fault, _ = refused(TEXT.replace("80,60,F", "eighty,60,F"), "E_NOT_A_NUMBER", covariates=["WT"])
    assert "numbers in WT, got 'eighty'" in fault.message
    fault, _ = refused(TEXT.replace("80,60,F", "inf,60,F"), "E_INFINITE", covariates=["WT"])
    assert "WT" in fault.message


def test_unknown_methods_are_listed(refused):
    fault, _ = refused(TEXT, "E_INTERPOLATION", covariates={"CRCL": "spline"})
    assert "constant, nocb, locf, linear" in fault.message and "'spline'" in fault.message
    assert refused(TEXT, "E_INTERPOLATION", covariates=["CRCL"], interpolation="midpoint")


def test_categories_cannot_be_interpolated(refused):
    fault, _ = refused(TEXT, "E_COVARIATE_TEXT_LINEAR", covariates={"SEX": "linear"})
    assert "SEX" in fault.message and "F, M" in fault.message


def test_an_unknown_covariate_lists_those_that_there_are():
    with pytest.raises(bn.DataError, match=r"covariate of the data \(WT\), got 'Wt'"):
        read(covariates=["WT"]).covariate("Wt")


def test_locf_does_not_cross_subjects():
    governing = read(covariates={"WT": "locf"}).governing("WT")
    np.testing.assert_array_equal(governing, [70, 70, 70, 80, 80])
