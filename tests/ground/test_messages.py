"""What the user reads is complete and compact."""

import pickle

import pytest

from bayes_nlmem.ground.messages import (
    BayesNlmemError,
    DataError,
    Fault,
    FitError,
    ModelError,
    closest,
    explain,
    names_text,
    rows_text,
)


def test_every_error_is_a_value_error_of_the_package():
    for kind in (DataError, ModelError, FitError):
        assert issubclass(kind, BayesNlmemError) and issubclass(kind, ValueError)


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ([5], "row 5"),
        ([1, 2, 3], "rows 1-3 (3 rows)"),
        ([9, 3, 7, 8], "rows 3, 7-9 (4 rows)"),
        (range(1, 40, 2), "rows 1, 3, 5, 7, 9, 11, 13, 15, ... (20 rows)"),
    ],
)
def test_rows_are_printed_in_ranges(rows, text):
    assert rows_text(rows) == text


def test_names_are_shortened_when_there_are_many():
    assert names_text(["007"], noun="subject") == "subject 007"
    assert names_text("abcdefghij") == "a, b, c, d, e, f, g, h, ... (10)"


def test_explanation_has_three_parts():
    assert explain(expected="AMT > 0", got=0, remedy="Use EVID=2.") == "Expected AMT > 0, got 0. Use EVID=2."
    assert explain(got="nothing") == "Got nothing."


def test_data_error_lists_all_faults_and_keeps_them():
    faults = [Fault("E_A", "one", (1, 2), (7,), "do this"), Fault("E_B", "two")]
    error = DataError(faults=faults, source="x.csv")
    text = str(error)
    assert text.startswith("2 faults in x.csv (rows are data rows, header not counted)")
    assert "rows 1-2 (2 rows); subject 7" in text and "remedy: do this" in text and "E_B: two" in text
    assert error.codes == ("E_A", "E_B")
    assert pickle.loads(pickle.dumps(error)).faults == error.faults


def test_data_error_takes_a_plain_sentence():
    assert str(DataError("no such file")) == "no such file"


def test_long_messages_are_wrapped():
    assert max(map(len, str(Fault("E_A", "word " * 80)).splitlines())) <= 100


def test_a_near_name_is_suggested():
    assert closest("wieght", ["ID", "WEIGHT"]) == "Did you mean 'WEIGHT'?"
    assert closest("zzz", ["ID"]) == ""
