"""Noncompartmental analysis gives the numbers of Phoenix WinNonlin, and says how it got them."""

import io

import numpy as np
import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn

# Phoenix WinNonlin, log trapezoidal rule, R's Theoph and Indometh; output shipped with the tests of the R
# package NonCompart (which reproduces it) and repeated in other public validations.
AUC_LAST = [147.234748, 88.731275, 95.878198, 102.633623, 118.179354, 71.697015]
AUC_LAST += [87.969227, 86.806563, 83.937436, 135.576070, 77.893472, 115.220208]
AUC_INF = [214.923632, 97.377935, 106.127668, 114.216205, 136.304732, 82.175883]
AUC_INF += [100.987629, 102.153300, 97.520004, 167.860031, 86.902617, 125.831540]
LINEAR_AUC_LAST = [148.92305, 91.5268, 99.2865, 106.7963, 121.2944, 73.77555]
LINEAR_AUC_LAST += [90.7534, 88.55995, 86.32615, 138.3681, 80.0936, 119.9775]
HALF_LIFE = [14.304378, 6.659342, 6.766087, 6.981247, 8.002264, 7.894998]
HALF_LIFE += [7.846668, 8.510038, 8.405999, 9.246916, 7.261237, 6.286508]
INDOMETHACIN_LAMBDA_Z = [0.158320, 0.302280, 0.421893, 0.455445, 0.252748, 0.353521]


def read(text):
    return bn.read(io.StringIO(text), allow=("E_SUBJECT_NO_DOSE",))


def test_theophylline_as_winnonlin_has_it():
    table = bn.nca(bn.zoo.load("theophylline").data, route="extravascular")
    assert_allclose(table.AUC_LAST, AUC_LAST, atol=2e-6)
    assert_allclose(table.AUC_INF, AUC_INF, atol=2e-6)
    assert_allclose(table.HALF_LIFE, HALF_LIFE, atol=1e-6)
    assert_allclose(table.CL_F, table.AMT / table.AUC_INF)
    assert table.attrs["units"]["CL_F"] == "L/h"


def test_the_linear_rule_as_winnonlin_has_it():
    data = bn.zoo.load("theophylline").data
    assert_allclose(bn.nca(data, route="extravascular", rule="linear").AUC_LAST, LINEAR_AUC_LAST, atol=1e-8)


def test_after_a_bolus_the_terminal_slope_may_begin_at_the_peak():
    table = bn.nca(bn.zoo.load("indomethacin").data, route="intravenous")
    assert_allclose(table.LAMBDA_Z, INDOMETHACIN_LAMBDA_Z, atol=1e-6)
    assert set(table.C0_FROM) == {"back-extrapolated"}
    assert_allclose(table.C0[0], 1.5**2 / 0.94)  # equal steps: one more step back


def test_an_exponential_is_recovered_exactly():
    time = np.array([0.5, 1, 2, 4, 8, 12])
    rows = "\n".join(f"1,{t},.,{20 * np.exp(-0.2 * t):.15g},0" for t in time)
    [row] = bn.nca(read(f"ID,TIME,AMT,DV,MDV\n1,0,400,.,1\n{rows}"), route="intravenous").to_dict("records")
    assert_allclose([row["C0"], row["AUC_INF"], row["CL_F"], row["VZ_F"], row["MRT"]], [20, 100, 4, 20, 5])


def test_values_below_the_limit_are_zero_before_and_gone_after():
    text = "ID,TIME,AMT,DV,MDV,CENS\n1,0,100,.,1,0\n1,1,.,0.5,0,1\n1,2,.,4,0,0\n1,3,.,2,0,0\n1,4,.,1,0,0\n"
    [row] = bn.nca(read(text + "1,5,.,0.5,0,0\n1,9,.,0.1,0,1"), route="extravascular").to_dict("records")
    assert row["N"] == 5 and row["TLAST"] == 5 and row["CLAST"] == 0.5
    assert_allclose(row["AUC_LAST"], 0 + 0.5 * 4 + (4 - 0.5) / np.log(2))


def test_steady_state_gives_clearance_from_one_interval():
    k, tau = 0.1, 12.0
    time = np.array([0, 1, 3, 6, 9, 12])
    steady = 10 * np.exp(-k * time) / (1 - np.exp(-k * tau))
    rows = "\n".join(f"1,{t},.,.,.,{c:.15g},0" for t, c in zip(time, steady, strict=True))
    data = read(f"ID,TIME,AMT,II,SS,DV,MDV\n1,0,100,12,1,.,1\n{rows}")
    [row] = bn.nca(data, route="intravenous").to_dict("records")
    assert_allclose([row["AUC_TAU"], row["CL_F"], row["CAVG"]], [100, 1, 100 / 12])
    assert_allclose(row["FLUCTUATION"], 100 * (steady[0] - steady[-1]) / (100 / 12))
    assert "AUC_INF" not in row


def test_additional_doses_are_written_out():
    data = read("ID,TIME,AMT,II,ADDL,DV,MDV\n1,0,100,12,3,.,1\n1,1,.,.,.,5,0\n1,40,.,.,.,3,0\n1,44,.,.,.,2,0")
    table = bn.nca(data, route="extravascular", doses="all")
    assert table.DOSE.tolist() == [1, 2, 3, 4] and table.START.tolist() == [0, 12, 24, 36]
    assert table.CMAX.fillna(0).tolist() == [5, 0, 0, 3] and table.TMAX.fillna(0).tolist() == [1, 0, 0, 4]


def test_what_is_not_clear_is_refused():
    data = bn.zoo.load("theophylline").data
    with pytest.raises(bn.ModelError, match="extravascular, intravenous"):
        bn.nca(data, route="oral")
    with pytest.raises(bn.BayesNlmemError, match="linear up, log down"):
        bn.nca(data, route="extravascular", rule="spline")
    two = read("ID,TIME,AMT,DV,MDV,DVID\n1,0,100,.,1,pk\n1,1,.,5,0,pk\n1,2,.,80,0,pca")
    with pytest.raises(bn.DataError, match="DVID pk, pca"):
        bn.nca(two, route="extravascular")
    assert bn.nca(two, route="extravascular", endpoint="pca").CMAX[0] == 80
