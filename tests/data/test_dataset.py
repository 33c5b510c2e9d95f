"""The data set: what was read comes back, content decides equality, subjects can be left out."""

import io
import pickle

import numpy as np
import pandas as pd
import pytest

import bayes_nlmem as bn

TEXT = "ID,TIME,AMT,DV,WT,CRCL,SEX,NOTE\n" + "".join(
    f"{i},0,100,.,{60 + i},{90 + i},{'MF'[i % 2]},a\n{i},{i},0,{5.5 + i},{60 + i},{80 + i},{'MF'[i % 2]},b\n"
    for i in (3, 1, 2)
)
HOW = {"covariates": {"WT": None, "CRCL": "locf", "SEX": None}, "units": {"TIME": "h", "DV": "mg/L"}}


@pytest.fixture
def data():
    return bn.read(io.StringIO(TEXT), **HOW)


def test_what_was_read_comes_back_and_reads_the_same(data, tmp_path):
    file = tmp_path / "pk.csv"
    file.write_text(TEXT)
    frame = data.to_frame()
    pd.testing.assert_frame_equal(frame, pd.read_csv(file, na_values=["."]))
    assert bn.read(frame, **HOW) == data == bn.read(file, **HOW)
    frame.loc[0, "WT"] = 0
    assert data.to_frame().loc[0, "WT"] == 63


def test_content_decides_equality(data):
    frame = data.to_frame()
    assert bn.read(frame.assign(NOTE="else"), **HOW).digest == data.digest
    assert bn.read(frame.assign(WT=frame["WT"] + 1), **HOW) != data
    assert bn.read(frame, **HOW | {"units": {"TIME": "min"}}) != data
    assert bn.read(frame, **HOW | {"covariates": ["WT", "CRCL", "SEX"]}) != data
    assert hash(data) == hash(bn.read(frame, **HOW)) and data != 3


def test_the_digest_never_changes(data):
    assert data.digest == "5e6e705090b509a2635729a35f25208b50aef4bef44f4c93206705af7fd3ff68"


def test_it_survives_pickling(data):
    assert pickle.loads(pickle.dumps(data)) == data


def test_positions_of_the_subjects(data):
    assert data.start.tolist() == [0, 2, 4, 6] and data.n_subjects == 3 and len(data) == 6
    assert data.follows.tolist() == [False, True] * 3
    assert data.is_dose.tolist() == [True, False] * 3 and data.n_observations == 3


def test_a_subset_keeps_order_rows_and_methods(data):
    few = bn.subset(data, [2, 3])
    assert few.subjects == (3, 2) and few.table["SUBJECT"].tolist() == [0, 0, 1, 1]
    assert few.table["ROW"].tolist() == [1, 2, 5, 6]
    assert few.covariate("WT").tolist() == [63, 63, 62, 62] and few.covariates["CRCL"].method == "locf"
    assert "2 of 3 subjects kept" in repr(few)
    assert bn.read(few.to_frame(), **HOW) == few
    assert data.n_subjects == 3


def test_a_subset_keeps_only_its_own_warnings():
    text = "ID,TIME,DV\n1,0,0\n1,1,5.5\n2,0,0\n2,1,4\n3,0,2\n3,1,1\n"
    data = bn.read(io.StringIO(text))
    assert data.warnings[0].rows == (1, 3)
    assert bn.subset(data, [2]).warnings[0].rows == (3,) and bn.subset(data, [2]).warnings[0].subjects == (2,)
    assert bn.subset(data, [3]).warnings == ()


def test_an_unknown_subject_cannot_be_kept(data):
    with pytest.raises(bn.DataError, match=r"IDs of the data \(3, 1, 2\), got '3'"):
        bn.subset(data, ["3"])
    with pytest.raises(bn.DataError, match="got none"):
        bn.subset(data, [])


def test_missing_codes_do_not_depend_on_how_they_are_written():
    dots = bn.read(io.StringIO("ID,TIME,AMT,DV\n1,0,9,.\n1,1,.,5\n"))
    blanks = bn.read(io.StringIO("ID,TIME,AMT,DV\n1,0,9,\n1,1,,5\n"))
    frame = bn.read(pd.DataFrame({"ID": [1, 1], "TIME": [0, 1], "AMT": [9, np.nan], "DV": [None, 5]}))
    assert dots == blanks == frame
