"""Files as they come: delimiters, headers, encodings; and what is said when nothing can be read."""

import io

import numpy as np
import pandas as pd
import pytest

import bayes_nlmem as bn
from bayes_nlmem.data.source import MISSING, open_source

PLAIN = "ID,TIME,DV\n1,0,4\n1,1,2\n2,0,5\n2,1,3\n"


@pytest.mark.parametrize(
    ("text", "how"),
    [
        (PLAIN, {}),
        (PLAIN.replace(",", "\t"), {}),
        (PLAIN.replace(",", ";"), {}),
        (PLAIN.replace(",", "  "), {}),
        ("\n".join("  " + line for line in PLAIN.replace(",", "  ").splitlines()), {}),
        (PLAIN.replace(",", "|"), {"delimiter": "|"}),
        (PLAIN.replace("\n", "\r\n"), {}),
        (PLAIN.replace(",", " , "), {}),
        ("\n" + PLAIN.replace("\n", "\n\n"), {}),
        ("TABLE NO.  1\n" + PLAIN, {}),
    ],
    ids=[
        "comma",
        "tab",
        "semicolon",
        "blanks",
        "leading blanks",
        "bar",
        "crlf",
        "spaced",
        "blank lines",
        "nonmem",
    ],
)
def test_the_delimiter_is_found_out(text, how):
    assert bn.read(io.StringIO(text), **how) == bn.read(io.StringIO(PLAIN))


def test_decimal_commas_are_read_when_asked():
    data = bn.read(io.StringIO("ID;TIME;DV\n1;0;4,5\n1;1;2\n2;0;3\n"), decimal=",")
    assert data.table["DV"].tolist() == [4.5, 2.0, 3.0]


def test_a_bom_and_another_encoding_are_read(tmp_path):
    file = tmp_path / "pk.csv"
    file.write_bytes(b"\xef\xbb\xbf" + PLAIN.encode())
    assert bn.read(file).subjects == (1, 2)
    file.write_text(
        PLAIN.replace("DV", "DV,Größe").replace("\n1", ",1\n1").replace("\n2", ",1\n2") + "", "latin-1"
    )
    with pytest.raises(bn.DataError):
        bn.read(file)


def test_the_frame_of_a_file_is_what_pandas_reads(tmp_path):
    file = tmp_path / "pk.csv"
    file.write_text("ID,TIME,DV,SEX,WT\n1,0,.,M,70.1\n1,1,2.5,M,NA\n2,0,,F,81\n2,1,0.1,F,81\n")
    expected = pd.read_csv(file, keep_default_na=False, na_values=list(MISSING))
    pd.testing.assert_frame_equal(open_source(file).frame, expected)


def test_leading_zeros_of_an_id_are_kept():
    data = bn.read(io.StringIO("ID,TIME,DV\n007,0,4\n007,1,2\n010,0,5\n010,1,3\n"))
    assert data.subjects == ("007", "010")


def test_a_level_called_none_is_not_missing():
    data = bn.read(
        io.StringIO("ID,TIME,DV,DRUG\n1,0,4,None\n1,1,2,None\n2,0,5,null\n2,1,3,null\n"), covariates=["DRUG"]
    )
    assert data.covariates["DRUG"].categories == ("None", "null")


@pytest.mark.parametrize("header", ["#ID,TIME,DV", "CID,TIME,DV", "@ID,TIME,DV", ";ID,TIME,DV"])
def test_a_comment_mark_in_the_header_is_understood_and_said(header):
    data = bn.read(io.StringIO(PLAIN.replace("ID,TIME,DV", header)))
    assert data.subjects == (1, 2)
    assert "is read as ID" in repr(data)
    assert data.to_frame().columns[0] == header.split(",")[0]


def test_rows_with_a_comment_mark_are_left_out_only_when_asked(refused):
    text = "ID,TIME,DV\n1,0,4\n#1,1,99\n1,2,2\n2,0,-\n"
    fault, _ = refused(text.replace("-", "3"), "E_COMMENTED_ROWS")
    assert fault.rows == (2,) and "comment='#'" in fault.remedy
    data = bn.read(io.StringIO(text.replace("-", "3")), comment="#")
    assert data.table["ROW"].tolist() == [1, 3, 4]
    assert "left out because of comment='#': row 2" in repr(data)


def test_row_numbers_are_those_of_the_file_when_rows_are_left_out(refused):
    fault, _ = refused(
        io.StringIO("ID,TIME,DV\n1,0,4\n#1,1,99\n1,2,abc\n"), "E_NOT_A_NUMBER", comment="#", only=False
    )
    assert fault.rows == (3,)


def test_a_quoted_cell_may_hold_the_delimiter():
    data = bn.read(io.StringIO('ID,TIME,DV,NOTE\n1,0,4,"a, b"\n1,1,2,c\n'))
    assert data.to_frame()["NOTE"].tolist() == ["a, b", "c"]


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("", "E_EMPTY_FILE", "an empty file"),
        (" \n\n", "E_EMPTY_FILE", "an empty file"),
        ("ID,TIME,DV\n", "E_NO_RECORDS", "header only"),
        ("1,0,4\n1,1,2\n", "E_NO_HEADER", "first line, got numbers: '1,0,4'"),
        ("ID|TIME|DV\n1|0|4\n", "E_WRONG_DELIMITER", "delimiter='|'"),
        ("ID\n1\n", "E_WRONG_DELIMITER", "several columns, got one"),
        (
            "ID,TIME,DV\n1,0\n1,1,2\n1,2,3,4\n",
            "E_RAGGED_ROWS",
            "Expected 3 cells in each row as in the header, got 2, 4",
        ),
    ],
)
def test_a_file_that_cannot_be_read_says_why(refused, text, code, said):
    _, shown = refused(io.StringIO(text), code)
    assert said in " ".join(shown.split())


def test_rows_of_wrong_length_are_named(refused):
    fault, text = refused(io.StringIO("ID,TIME,DV\n1,0,4,5\n1,1,2\n1,2,3,4\n"), "E_RAGGED_ROWS")
    assert fault.rows == (1, 3) and "decimal=','" in text


def test_a_wrong_delimiter_argument_is_corrected(refused):
    fault, _ = refused(io.StringIO(PLAIN), "E_WRONG_DELIMITER", delimiter=";")
    assert "','" in fault.remedy


def test_a_file_that_is_not_there_suggests_one_that_is(tmp_path, refused):
    (tmp_path / "theophylline.csv").write_text(PLAIN)
    fault, text = refused(tmp_path / "theophyline.csv", "E_FILE_NOT_FOUND")
    assert "Did you mean 'theophylline.csv'?" in fault.remedy
    assert "a folder" in refused(tmp_path, "E_FILE_NOT_FOUND")[1]


def test_bytes_that_are_no_text_are_refused(tmp_path, refused):
    file = tmp_path / "pk.csv"
    file.write_bytes(b"ID,TIME,DV\n1,0,4\xff\xfe\n")
    assert "encoding='latin-1'" in refused(file, "E_UNDECODABLE_FILE")[0].remedy
    file.write_bytes(b"PK\x03\x04....")
    assert "read_excel" in refused(file, "E_UNDECODABLE_FILE")[0].remedy


def test_something_else_than_a_table_is_refused(refused):
    assert "pandas DataFrame, got int" in refused(3, "E_SOURCE_TYPE")[1]
    assert refused(pd.DataFrame(), "E_NO_RECORDS")


def test_a_data_frame_is_kept_exactly():
    frame = pd.DataFrame(
        {
            "id": ["a", "a", "b"],
            "Time": [0, 1, 0],
            "dv": [1.5, np.nan, 2],
            "mdv": [0, 1, 0],
            "X": pd.Categorical(["u", "v", "u"]),
        },
        index=[10, 20, 30],
    )
    data = bn.read(frame)
    pd.testing.assert_frame_equal(data.to_frame(), frame)
    frame.loc[10, "dv"] = 99
    assert data.to_frame().loc[10, "dv"] == 1.5


def test_a_folder_is_not_taken_for_a_misspelt_file(tmp_path):
    (tmp_path / "pk.run").mkdir()
    with pytest.raises(bn.DataError, match="got a folder") as refused:
        bn.read(tmp_path / "pk.run")
    assert "Did you mean" not in str(refused.value)
