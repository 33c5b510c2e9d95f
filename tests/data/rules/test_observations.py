"""Faults of observations, as the user sees them."""

import io

import numpy as np
import pytest

import bayes_nlmem as bn


def observed(columns, cells):
    """Subject 1 is sound, row 3 belongs to subject 7 and has these cells."""
    sound = {"DV": "5", "MDV": "0", "CENS": "0", "LIMIT": ".", "LLOQ": ".", "DVID": "1", "EVID": "0"}
    names = columns.split(",")
    row = ",".join(sound[name] for name in names)
    return f"ID,TIME,{columns}\n1,0,{row}\n1,1,{row}\n7,0,{cells}\n7,1,{row}\n"


@pytest.mark.parametrize(
    ("columns", "cells", "code", "got", "remedy"),
    [
        ("DV,MDV", ".,0", "E_DV_MISSING", "missing", "MDV to 1"),
        ("DV,MDV", "5,2", "E_MDV_CODE", "2", "it is inferred"),
        ("DV,MDV,EVID", "5,0,2", "E_EVID_MDV_CONTRADICT", "MDV 0 with EVID 2", "Set MDV to 1"),
        ("DV,CENS", "5,2", "E_CENS_CODE", "2", "Recode"),
        ("DV,CENS", ".,1", "E_CENS_NO_DV", "DV missing", "lloq="),
        ("DV,CENS,LIMIT", "5,1,6", "E_LIMIT_SIDE", "LIMIT 6 with DV 5", "other end"),
        ("DV,CENS,LIMIT", "5,1,5", "E_LIMIT_SIDE", "LIMIT 5 with DV 5", "other end"),
        ("DV,CENS,LIMIT", "5,-1,4", "E_LIMIT_SIDE", "LIMIT 4 with DV 5", "other end"),
        ("DV,CENS,LLOQ", "5,1,2", "E_CENS_ABOVE_LLOQ", "DV 5 with LLOQ 2", "Set CENS to 0"),
        ("DV,DVID", "5,.", "E_DVID_MISSING", "missing", "endpoint"),
        ("DV,DVID", "5,1.5", "E_DVID_NOT_INTEGER", "1.5", "Number the endpoints"),
        ("DV,MDV", "abc,0", "E_NOT_A_NUMBER", "'abc'", "'.'"),
        ("DV,MDV", "<0.5,0", "E_NOT_A_NUMBER", "'<0.5'", "CENS = 1"),
        ("DV,MDV", "inf,0", "E_INFINITE", "inf", "'.'"),
    ],
)
def test_a_wrong_observation_is_named(refused, columns, cells, code, got, remedy):
    fault, text = refused(io.StringIO(observed(columns, cells)), code)
    assert fault.rows == (3,) and fault.subjects == (7,)
    assert got in fault.message and remedy in fault.remedy and "row 3; subject 7" in text


def test_a_decimal_comma_is_recognised(refused):
    fault, _ = refused(io.StringIO("ID;TIME;DV\n1;0;4,5\n1;1;2,25\n1;2;1\n"), "E_DECIMAL_COMMA")
    assert fault.rows == (1, 2) and "'4,5', '2,25'" in fault.message and "decimal=','" in fault.remedy


def test_cells_that_are_no_numbers_are_shown_for_each_column(refused):
    _, text = refused("ID,TIME,DV,AMT\n1,0h,5,0\n1,1,x,ten\n1,2,3,0\n", "E_NOT_A_NUMBER")
    assert text.startswith("3 faults") and "'0h'" in text and "'x'" in text and "'ten'" in text


def test_no_observation_at_all(refused):
    _, text = refused("ID,TIME,AMT,DV\n1,0,100,.\n1,1,50,.\n", "E_NO_OBSERVATIONS")
    assert "observations_required=False" in text


def test_a_subject_without_observation(refused, doubted):
    text = "ID,TIME,AMT,DV\n1,0,100,.\n1,1,.,5\n2,0,100,.\n"
    fault, _ = refused(text, "E_SUBJECT_NO_OBSERVATION")
    assert fault.rows == (3,) and fault.subjects == (2,)
    assert doubted(text, "W_SUBJECT_NO_OBSERVATION", allow="E_SUBJECT_NO_OBSERVATION").subjects == (2,)


def test_a_record_that_stands_twice(refused, doubted):
    text = "ID,TIME,DV\n1,0,5\n1,1,4\n1,1,4\n1,2,3\n"
    fault, _ = refused(text, "E_DUPLICATED_RECORD")
    assert fault.rows == (3,) and fault.subjects == (1,)
    assert doubted(text, "W_DUPLICATED_RECORD", allow=["E_DUPLICATED_RECORD"])


def test_equal_records_of_two_endpoints_or_after_a_reset_are_no_duplicates():
    bn.read(io.StringIO("ID,TIME,DV,DVID\n1,1,4,1\n1,1,4,2\n"))
    bn.read(io.StringIO("ID,TIME,EVID,AMT,DV\n1,0,1,9,.\n1,1,0,0,4\n1,0,4,9,.\n1,1,0,0,4\n"))


@pytest.mark.parametrize("lloq", [float("nan"), "low", True, {3: 0.1}, {1: float("inf")}])
def test_an_invalid_limit_of_quantification(refused, lloq):
    fault, _ = refused("ID,TIME,DV,DVID\n1,0,5,1\n1,1,4,2\n", "E_LLOQ_INVALID", lloq=lloq)
    assert "lloq" in fault.message


def test_observations_below_the_limit_are_censored_and_the_summary_says_so():
    data = bn.read(io.StringIO("ID,TIME,DV\n1,0,5\n1,1,0.05\n1,2,0\n"), lloq=0.1)
    assert data.table["CENS"].tolist() == [0, 1, 1] and data.table["DV"].tolist() == [5, 0.1, 0.1]
    assert "2 BLQ (66.7%)" in repr(data) and "2 observations below the LLOQ are used as CENS = 1" in repr(
        data
    )
    assert data.to_frame()["DV"].tolist() == [5, 0.05, 0]


def test_a_limit_per_endpoint_and_per_record():
    text = "ID,TIME,DV,DVID\n1,0,.05,cp\n1,1,.05,pca\n"
    assert bn.read(io.StringIO(text), lloq={"cp": 0.1}).table["CENS"].tolist() == [1, 0]
    text = "ID,TIME,DV,LLOQ\n1,0,.05,.1\n1,1,.05,.01\n1,2,.05,.\n"
    assert bn.read(io.StringIO(text)).table["CENS"].tolist() == [1, 0, 0]


def test_a_censored_record_without_value_takes_the_limit():
    table = bn.read(io.StringIO("ID,TIME,DV,CENS\n1,0,5,0\n1,1,.,1\n"), lloq=0.1).table
    assert table["DV"].tolist() == [5, 0.1] and table["MDV"].tolist() == [0, 0]


def test_monolix_censoring_is_kept():
    table = bn.read(io.StringIO("ID,TIME,DV,CENS,LIMIT\n1,0,5,0,.\n1,1,.1,1,0\n1,2,9,-1,.\n")).table
    assert table["CENS"].tolist() == [0, 1, -1]
    np.testing.assert_array_equal(table["LIMIT"], [np.nan, 0, np.nan])


def test_dv_is_not_needed_for_a_table_to_simulate():
    data = bn.read(io.StringIO("ID,TIME,AMT\n1,0,100\n1,1,0\n"), observations_required=False)
    assert data.n_observations == 0 and data.table["DV"].isna().all()


def test_mdv_100_is_left_out_of_the_estimation():
    data = bn.read(io.StringIO("ID,TIME,DV,MDV\n1,0,5,0\n1,1,4,100\n1,2,.,101\n"))
    assert data.n_observations == 1 and "1 left out of the estimation (MDV 100)" in repr(data)
