"""Doubtful but legal things are said, not refused."""

import io

import numpy as np
import pandas as pd
import pytest

import bayes_nlmem as bn

DOSE = "ID,TIME,AMT,RATE,ADDL,II,DV\n"


@pytest.mark.parametrize(
    ("text", "code", "rows"),
    [
        ("ID,TIME,AMT,DV\n1,-1,0,2\n1,0,100,.\n1,1,0,5.5\n", "W_OBSERVATION_BEFORE_DOSE", (1,)),
        ("ID,TIME,DV\n1,0,0\n1,1,5.5\n1,2,4\n", "W_DV_ZERO", (1,)),
        ("ID,TIME,DV\n" + "".join(f"1,{t},{5.5 - (t == 7) * 6}\n" for t in range(12)), "W_DV_NEGATIVE", (8,)),
        ("ID,TIME,DV\n1,0,5\n1,1,.\n1,2,4\n", "W_DV_MISSING", (2,)),
        ("ID,TIME,AMT,DV\n1,0,100,3\n1,1,0,5.5\n", "W_DV_ON_EVENT", (1,)),
        ("ID,TIME,DV\n1,0,5\n1,1,5000.5\n1,2,4\n", "W_DV_JUMP", (2,)),
        ("ID,TIME,DV\n1,0,5\n1,1,.005\n1,2,4\n", "W_DV_JUMP", (2,)),
        ("ID,TIME,DV\n1,0,5\n1,1,4\n2,0,6\n2,1,5\n3,0,5000\n3,1,4000\n", "W_DV_SCALE", (5, 6)),
        ("ID,TIME,AMT,DV\n1,0,9,.\n1,1,0,4\n2,0,9,.\n2,1,0,5\n3,0,9000,.\n3,1,0,4\n", "W_AMT_SCALE", (5,)),
        ("ID,TIME,DV,CENS\n1,0,5.5,0\n1,1,0,1\n", "W_CENS_DV_ZERO", (2,)),
        ("ID,TIME,DV\n1,0,5\n1,1,4\n2,0,6\n", "W_SINGLE_OBSERVATION", (3,)),
        ("ID,TIME,DV\n1,0,5\n1,1,4\n1,1,4.5\n", "W_REPLICATED_OBSERVATION", (3,)),
        ("ID,TIME,AMT,DV\n1,0,100,.\n1,0,100,.\n1,1,0,5\n", "W_DUPLICATED_DOSE", (2,)),
        ("ID,TIME,AMT,DV\n1,0,0,4\n1,1,0,5\n", "W_NO_DOSES", ()),
        ("ID,TIME,AMT,DV\n1,0,100,.\n1,1,0,5\n1,2,100,.\n", "W_DOSE_AFTER_LAST_OBSERVATION", (3,)),
        (DOSE + "1,0,100,0,3,12,.\n1,36,100,0,0,0,.\n1,40,0,0,0,0,5\n", "W_ADDL_OVERLAP", (1,)),
        (DOSE + "1,0,100,5,3,12,.\n1,40,0,0,0,0,5\n", "W_INFUSION_LONGER_THAN_II", (1,)),
        (DOSE + "1,0,100,0,0,12,.\n1,40,0,0,0,0,5\n", "W_II_UNUSED", (1,)),
        ("ID,TIME,AMT,DV\n1,0,100,.\n1,1,0,5\n2,8,100,.\n2,9,0,5\n", "W_TIME_ORIGIN", (3,)),
        ("ID,TIME,DV\n" + "".join(f"1,{t},5.5\n" for t in [*range(12), 50000]), "W_TIME_GAP", (13,)),
        ("ID,TIME,DV,DATE\n1,0,5,2026-01-01\n1,1,4,2026-01-01\n", "W_DATE_UNUSED", ()),
        ("ID,TIME,DV,OCC\n1,0,5,1\n1,1,4,2\n1,2,3,1\n", "W_OCC_RETURNS", (3,)),
    ],
)  # fmt: skip
def test_it_is_said(doubted, text, code, rows):
    assert doubted(io.StringIO(text), code).rows == rows


def test_sound_data_raise_no_doubt():
    text = "ID,TIME,AMT,ADDL,II,DV,WT\n1,0,100,2,12,.,70\n1,1,0,0,0,5.5,70\n1,30,0,0,0,3,70\n"
    text += text.split("\n", 1)[1].replace("\n1,", "\n2,").replace("1,0,100", "2,0,100").replace(",70", ",80")
    assert bn.read(io.StringIO(text), covariates=["WT"]).warnings == ()


def test_ordinary_troughs_and_counts_are_no_jumps_or_zeros():
    assert not bn.read(
        io.StringIO("ID,TIME,AMT,DV\n1,0,9,.\n1,1,0,500\n1,9,0,.1\n1,9,9,.\n1,10,0,500\n")
    ).warnings
    assert not bn.read(io.StringIO("ID,TIME,DV\n1,0,0\n1,1,5\n1,2,4\n")).warnings


def test_a_covariate_far_out_or_without_differences(doubted):
    weights = [61.0, 65, 70, 72, 78, 80, 705]
    frame = pd.DataFrame({"ID": np.repeat(range(7), 2), "TIME": [0, 1] * 7, "DV": np.linspace(1, 2, 14)})
    frame["WT"] = np.repeat(weights, 2)
    fault = doubted(frame, "W_COVARIATE_FAR", covariates=["WT"])
    assert fault.subjects == (6,) and "705" in fault.message
    assert (
        "WT = 70 everywhere"
        in doubted(frame.assign(WT=70), "W_COVARIATE_CONSTANT", covariates=["WT"]).message
    )
