"""Faults of dose records, as the user sees them."""

import io

import pytest

import bayes_nlmem as bn

HEAD = "ID,TIME,EVID,AMT,RATE,DUR,ADDL,II,SS,CMT,DV\n"
GOOD = "1,0,1,100,0,0,0,0,0,1,.\n1,1,0,0,0,0,0,0,0,2,5\n"


def dose(**items):
    """A table whose first record is a dose with these items; subject 7, record 3."""
    names = HEAD.strip().split(",")
    cells = dict(zip(names, "7,0,1,100,0,0,0,0,0,1,.".split(","), strict=True)) | {
        k: str(v) for k, v in items.items()
    }
    return HEAD + GOOD + ",".join(cells[name] for name in names) + "\n7,1,0,0,0,0,0,0,0,2,5\n"


def observation(**items):
    """A table whose fourth record is an observation of subject 7 with these items."""
    names = HEAD.strip().split(",")
    cells = dict(zip(names, "7,1,0,0,0,0,0,0,0,2,5".split(","), strict=True)) | {
        k: str(v) for k, v in items.items()
    }
    return (
        HEAD
        + GOOD
        + "7,0,1,100,0,0,0,0,0,1,.\n"
        + ",".join(cells[name] for name in names)
        + "\n7,2,0,0,0,0,0,0,0,2,5\n"
    )


@pytest.mark.parametrize(
    ("items", "code", "got", "remedy"),
    [
        ({"AMT": "."}, "E_DOSE_NO_AMT", "missing", "Fill AMT"),
        ({"AMT": 0}, "E_DOSE_NO_AMT", "0", "EVID=0 for an observation"),
        ({"EVID": 5, "AMT": "."}, "E_CHANGE_NO_AMT", "none", "Fill AMT"),
        ({"EVID": 6, "AMT": 2, "RATE": 5}, "E_DOSE_ITEM_ON_CHANGE", "RATE", "Set them to 0"),
        ({"AMT": 0, "RATE": 5}, "E_DOSE_NO_AMT", "0", "SS=1, RATE>0"),
        ({"AMT": -100}, "E_AMT_NEGATIVE", "-100", "sign"),
        ({"RATE": -3}, "E_RATE_NEGATIVE", "-3", "RATE"),
        ({"DUR": -1}, "E_DUR_NEGATIVE", "-1", "sign"),
        ({"II": -12, "ADDL": 1}, "E_II_NEGATIVE", "-12", "sign"),
        ({"ADDL": 3}, "E_ADDL_NO_II", "II 0 or missing", "Fill II"),
        ({"ADDL": -1, "II": 12}, "E_ADDL_NEGATIVE", "-1", "ADDL counts"),
        ({"ADDL": 1.5, "II": 12}, "E_ADDL_NOT_INTEGER", "1.5", "ADDL counts"),
        ({"SS": 4, "II": 12}, "E_SS_CODE", "4", "Recode SS"),
        ({"SS": 1}, "E_SS_NO_II", "II 0 or missing", "Fill II"),
        ({"SS": 1, "AMT": 0, "RATE": 5, "ADDL": 2}, "E_SS_INFUSION_ITEMS", "ADDL or II > 0", "ends at TIME"),
        ({"SS": 1, "AMT": 0, "RATE": 5, "II": 12}, "E_SS_INFUSION_ITEMS", "ADDL or II > 0", "intermittent"),
        ({"RATE": 10, "DUR": 5}, "E_RATE_DUR_CONTRADICT", "RATE 10 and DUR 5 with AMT 100", "Keep one"),
        ({"RATE": -2, "DUR": 5}, "E_RATE_DUR_CONTRADICT", "RATE -2 and DUR 5", "without DUR"),
        ({"CMT": -2}, "E_CMT_NEGATIVE", "-2", "EVID=3"),
        ({"CMT": 1.5}, "E_CMT_NOT_INTEGER", "1.5", "1, 2, 3"),
        ({"EVID": 2}, "E_DOSE_ITEM_ON_OTHER_EVENT", "values in AMT", "EVID=1"),
        ({"EVID": 3, "SS": 1, "II": 12}, "E_DOSE_ITEM_ON_OTHER_EVENT", "AMT, II, SS", "EVID=4"),
    ],
)
def test_a_wrong_dose_is_named(refused, items, code, got, remedy):
    source = dose(**items)
    fault, text = refused(source, code, allow=["E_SUBJECT_NO_DOSE"])
    assert fault.rows == (3,) and fault.subjects == (7,)
    assert got in fault.message and remedy in fault.remedy
    assert "row 3; subject 7" in text


@pytest.mark.parametrize(
    ("items", "code", "got"),
    [
        ({"AMT": 50}, "E_AMT_ON_OBSERVATION", "50"),
        ({"SS": 1}, "E_SS_ON_OBSERVATION", "1"),
        ({"RATE": 5}, "E_DOSE_ITEM_ON_OBSERVATION", "RATE"),
        ({"DUR": 5, "ADDL": 1, "II": 2}, "E_DOSE_ITEM_ON_OBSERVATION", "DUR, ADDL, II"),
    ],
)
def test_dose_items_on_an_observation_are_named(refused, items, code, got):
    fault, _ = refused(observation(**items), code)
    assert fault.rows == (4,) and fault.subjects == (7,) and got in fault.message


def test_doses_without_a_column_amt(refused):
    fault, _ = refused("ID,TIME,EVID,DV\n1,0,1,.\n1,1,0,5\n", "E_AMT_COLUMN_ABSENT")
    assert fault.rows == (1,) and "columns={'AMT': '...'}" in fault.remedy


def test_a_subject_without_dose_among_dosed_ones(refused, doubted):
    text = "ID,TIME,AMT,DV\n1,0,100,.\n1,1,.,5\n2,1,.,3\n2,2,.,4\n"
    fault, _ = refused(text, "E_SUBJECT_NO_DOSE")
    assert fault.rows == (3, 4) and fault.subjects == (2,) and "allow=['E_SUBJECT_NO_DOSE']" in fault.remedy
    assert doubted(text, "W_SUBJECT_NO_DOSE", allow=["E_SUBJECT_NO_DOSE"]).subjects == (2,)


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ({"DUR": 4}, {"RATE": 25.0}),
        ({"RATE": -1}, {"RATE": -1.0}),
        ({"RATE": -2}, {"RATE": -2.0}),
        ({"RATE": 25, "DUR": 4}, {"RATE": 25.0}),
        ({"AMT": 0, "RATE": 5, "SS": 1}, {"AMT": 0.0, "RATE": 5.0, "SS": 1}),
        ({"SS": 3, "II": 12, "ADDL": 2}, {"SS": 3, "II": 12.0, "ADDL": 2}),
        ({"EVID": 4}, {"EVID": 4}),
        ({"CMT": "depot"}, {"CMT": "depot"}),
        ({"CMT": "."}, {"CMT": 0}),
    ],
)
def test_legal_doses_are_read(items, expected):
    source = dose(**items)
    if items.get("CMT") == "depot":
        source = source.replace(",1,.\n", ",depot,.\n").replace(",2,5", ",central,5")
    row = bn.read(io.StringIO(source)).table.iloc[2]
    assert {name: row[name] for name in expected} == expected
