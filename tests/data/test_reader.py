"""Inference of EVID and MDV, IDs, all faults at once, and the cost of checking."""

import io
import time

import numpy as np
import pandas as pd
import pytest

import bayes_nlmem as bn
from bayes_nlmem.data.reader import RULES


def table(text, **how):
    return bn.read(io.StringIO(text), **how).table


def test_evid_is_inferred_from_the_amount():
    inferred = table("ID,TIME,AMT,DV\n1,0,100,.\n1,1,0,5\n1,2,.,4\n")
    assert inferred["EVID"].tolist() == [1, 0, 0] and inferred["MDV"].tolist() == [1, 0, 0]


def test_a_constant_infusion_at_steady_state_is_a_dose():
    assert table("ID,TIME,AMT,RATE,SS,DV\n1,0,0,10,1,.\n1,1,0,0,0,5\n")["EVID"].tolist() == [1, 0]


def test_mdv_1_without_dose_is_another_event():
    assert table("ID,TIME,AMT,MDV,DV\n1,0,100,1,.\n1,1,0,1,.\n1,2,0,0,4\n")["EVID"].tolist() == [1, 2, 0]


def test_missing_codes_are_inferred_and_the_summary_says_so():
    data = bn.read(io.StringIO("ID,TIME,EVID,AMT,DV\n1,0,.,100,.\n1,1,0,0,5\n"))
    assert (
        data.table["EVID"].tolist() == [1, 0] and "EVID inferred" in repr(data) and "1 records" in repr(data)
    )


@pytest.mark.parametrize(
    ("ids", "subjects"),
    [
        ([1, 2], (1, 2)),
        ([1.0, 2.5], (1, 2.5)),
        (["007", "7"], ("007", "7")),
        (["S-01", "S-02"], ("S-01", "S-02")),
        (pd.array([3, 1], dtype="Int64"), (3, 1)),
        (pd.Categorical(["b", "a"]), ("b", "a")),
    ],
)
def test_ids_are_kept(ids, subjects):
    frame = pd.DataFrame({"ID": np.repeat(ids, 2), "TIME": [0, 1, 0, 1], "DV": [1.0, 2, 3, 4]})
    data = bn.read(frame)
    assert data.subjects == subjects
    assert data.table["ID"].tolist() == [subjects[0]] * 2 + [subjects[1]] * 2
    assert data.table["SUBJECT"].tolist() == [0, 0, 1, 1]


def test_endpoints_may_be_names():
    named = table("ID,TIME,AMT,DV,DVID\n1,0,100,.,.\n1,1,0,5,cp\n1,1,0,50,pca\n")
    assert named["DVID"].tolist() == [0, "cp", "pca"]


def test_the_table_always_has_all_columns():
    minimal = table("ID,TIME,DV\n1,0,5\n1,1,4\n")
    assert list(minimal.columns) == [
        "ROW", "ID", "SUBJECT", "TIME", "EVID", "AMT", "RATE", "II", "ADDL", "SS", "CMT",
        "DV", "MDV", "CENS", "LIMIT", "DVID", "OCC", "L2",
    ]  # fmt: skip
    assert minimal["OCC"].tolist() == minimal["DVID"].tolist() == [1, 1] and minimal["CMT"].tolist() == [0, 0]


def test_all_faults_are_reported_at_once():
    text = "ID,TIME,EVID,AMT,ADDL,II,SS,DV,CENS,WT\n"
    text += "1,0,1,0,0,0,0,.,0,70\n1,2,0,5,0,0,1,5,7,70\n1,1,0,0,0,0,0,x,0,.\n2,0,1,10,2,0,0,.,0,71\n"
    with pytest.raises(bn.DataError) as caught:
        bn.read(io.StringIO(text), covariates=["WT", "AGE"])
    codes = {fault.code for fault in caught.value.faults}
    assert codes == {
        "E_COVARIATE_ABSENT", "E_NOT_A_NUMBER", "E_TIME_DECREASES", "E_DOSE_NO_AMT", "E_AMT_ON_OBSERVATION",
        "E_SS_ON_OBSERVATION", "E_ADDL_NO_II", "E_CENS_CODE", "E_COVARIATE_MISSING",
        "E_SUBJECT_NO_OBSERVATION",
    }  # fmt: skip
    shown = str(caught.value)
    assert shown.startswith("10 faults in the buffer (rows are data rows, header not counted)")
    assert all(code in shown for code in codes) and max(map(len, shown.splitlines())) <= 100


def test_every_rule_says_what_it_demands():
    assert len(RULES) >= 30
    assert all(rule.__doc__ and rule.__doc__.endswith(".") for rule in RULES)


def test_a_large_study_is_checked_in_a_moment():
    n, records = 10_000, 20
    frame = pd.DataFrame(
        {
            "ID": np.repeat(np.arange(n), records),
            "TIME": np.tile(np.arange(records, dtype=float), n),
            "AMT": np.tile([100.0] + [0.0] * (records - 1), n),
            "DV": np.tile([np.nan, *np.linspace(9, 1, records - 1)], n),
            "WT": np.repeat(np.linspace(50, 90, n), records),
            "SEX": np.repeat(["F", "M"] * (n // 2), records),
        }
    )
    began = time.process_time()
    data = bn.read(frame, covariates=["WT", "SEX"])
    assert time.process_time() - began < 4.0
    assert data.n_observations == n * (records - 1)
