"""Which column is what."""

import pandas as pd
import pytest

import bayes_nlmem as bn

FRAME = pd.DataFrame({"subject": [1, 1, 2], "hours": [0.0, 1, 0], "conc": [4.0, 2, 5], "WT": [70, 70, 80]})
COLUMNS = {"ID": "subject", "time": "hours", "DV": "conc"}


def test_columns_are_mapped_and_the_rest_is_named():
    data = bn.read(FRAME, columns=COLUMNS)
    assert data.table["TIME"].tolist() == [0.0, 1.0, 0.0]
    assert dict(data.columns) == {"ID": "subject", "TIME": "hours", "DV": "conc"}
    assert data.ignored == ("WT",) and "not used      WT" in repr(data)


def test_names_are_matched_without_case():
    frame = FRAME.set_axis(["Id", "time", "Dv", "wt"], axis=1)
    assert bn.read(frame) == bn.read(FRAME, columns=COLUMNS)


def test_a_mapping_wins_over_the_name():
    frame = FRAME.assign(TIME=[9, 9, 9])
    data = bn.read(frame, columns=COLUMNS)
    assert data.table["TIME"].tolist() == [0.0, 1.0, 0.0] and "TIME" in data.ignored


def test_a_reserved_name_with_another_meaning_can_be_declined():
    frame = FRAME.assign(cens=[5, 6, 7])
    data = bn.read(frame, columns=COLUMNS | {"CENS": None})
    assert "cens" in data.ignored and data.table["CENS"].tolist() == [0, 0, 0]


def test_a_covariate_may_be_renamed():
    data = bn.read(FRAME, columns=COLUMNS | {"weight": "WT"}, covariates=["weight"])
    assert data.covariate("weight").tolist() == [70, 70, 80]


@pytest.mark.parametrize("missing", ["ID", "TIME", "DV"])
def test_a_missing_column_is_named_with_those_that_there_are(refused, missing):
    columns = {name: label for name, label in COLUMNS.items() if name.upper() != missing}
    fault, _ = refused(FRAME, "E_MISSING_COLUMN", columns=columns)
    assert f"column {missing}" in fault.message
    assert f"columns={{'{missing}'" in fault.remedy and "subject, hours, conc, WT" in fault.remedy


def test_all_missing_columns_are_reported(refused):
    _, text = refused(FRAME, "E_MISSING_COLUMN", columns={"TIME": "hours"})
    assert text.startswith("2 faults")


def test_a_column_named_twice_is_refused(refused):
    frame = FRAME.assign(DV=1.0, dv=2.0)
    fault, _ = refused(frame, "E_DUPLICATED_COLUMN", columns={"ID": "subject", "TIME": "hours"})
    assert "2: DV, dv" in fault.message and "columns={'DV': 'DV'}" in fault.remedy
    assert bn.read(frame, columns={"ID": "subject", "TIME": "hours", "DV": "dv"}).table["DV"].tolist() == [
        2,
        2,
        2,
    ]


def test_covariates_that_differ_in_case_are_two():
    data = bn.read(FRAME.assign(wt=[1, 1, 2]), columns=COLUMNS, covariates=["WT", "wt"])
    assert data.covariate("wt").tolist() == [1, 1, 2]


def test_equal_labels_are_refused(refused):
    frame = pd.concat([FRAME, FRAME[["WT"]]], axis=1)
    assert "got 2" in refused(frame, "E_DUPLICATED_COLUMN", columns=COLUMNS)[0].message


def test_an_unknown_column_in_the_mapping(refused):
    fault, _ = refused(FRAME, "E_UNKNOWN_COLUMN", columns=COLUMNS | {"TIME": "hour"} | {"time": "hour"})
    assert "Did you mean 'hours'?" in fault.remedy


def test_a_mapping_written_the_wrong_way_round(refused):
    fault, _ = refused(
        FRAME, "E_UNKNOWN_ROLE", columns={"hours": "TIME", "ID": "subject", "DV": "conc"}, only=False
    )
    assert "columns={'TIME': 'hours'}" in fault.remedy


def test_one_column_for_two_reserved_names(refused):
    fault, _ = refused(FRAME, "E_COLUMN_USED_TWICE", columns=COLUMNS | {"OCC": "hours"})
    assert "'hours'" in fault.message


def test_a_covariate_that_is_not_there(refused):
    fault, _ = refused(FRAME, "E_COVARIATE_ABSENT", columns=COLUMNS, covariates=["Wt"])
    assert "'Wt'" in fault.message and "Did you mean 'WT'?" in fault.remedy


def test_a_reserved_name_is_no_covariate(refused):
    assert refused(FRAME, "E_COVARIATE_RESERVED", columns=COLUMNS, covariates=["DV"])


def test_categorical_names_a_covariate(refused):
    assert (
        "covariates too"
        in refused(FRAME, "E_CATEGORICAL_UNKNOWN", columns=COLUMNS, categorical=["WT"])[0].remedy
    )


def test_units_name_a_column(refused):
    fault, _ = refused(FRAME, "E_UNIT_UNKNOWN", columns=COLUMNS, units={"DVV": "mg/L"})
    assert "Did you mean 'DV'?" in fault.remedy


def test_unknown_codes_cannot_be_allowed(refused):
    assert refused(FRAME, "E_ALLOW_UNKNOWN", columns=COLUMNS, allow=["E_DV_MISSING"])
