"""Clock times and dates become time since the subject's first record."""

import io

import pandas as pd
import pytest

import bayes_nlmem as bn


def read(text, **how):
    return bn.read(io.StringIO(text), **how)


def test_clock_times_are_relative_to_the_first_record_and_the_summary_says_so():
    data = read("ID,TIME,DV\n1,8:00,5\n1,9:30,4\n2,10:00,5\n2,10:15:36,4\n")
    assert data.table["TIME"].tolist() == pytest.approx([0, 1.5, 0, 0.26])
    assert data.units["TIME"] == "h" and "clock times in h since each subject's first record" in repr(data)
    assert data.to_frame()["TIME"].tolist() == ["8:00", "9:30", "10:00", "10:15:36"]


def test_the_declared_unit_is_used():
    assert read("ID,TIME,DV\n1,8:00,5\n1,9:30,4\n", units={"TIME": "min"}).table["TIME"].tolist() == [0, 90]


@pytest.mark.parametrize(
    ("dates", "how"),
    [
        (("2026-01-31", "2026-02-01"), {}),
        (("5", "6"), {}),
        (("31.01.2026", "01.02.2026"), {"date_format": "%d.%m.%Y"}),
        (("01/31/2026", "02/01/2026"), {"date_format": "%m/%d/%Y"}),
    ],
)
def test_dates_count_when_midnight_passes(dates, how):
    data = read(f"ID,DATE,TIME,DV\n1,{dates[0]},22:00,5\n1,{dates[1]},01:00,4\n", **how)
    assert data.table["TIME"].tolist() == pytest.approx([0, 3])


def test_date_times_are_read():
    expected = [0, 3]
    assert read("ID,TIME,DV\n1,2026-01-31 22:00,5\n1,2026-02-01 01:00,4\n").table["TIME"].tolist() == expected
    stamps = pd.to_datetime(["2026-01-31 22:00", "2026-02-01 01:00"])
    frame = pd.DataFrame({"ID": [1, 1], "TIME": stamps, "DV": [5.0, 4]})
    assert bn.read(frame).table["TIME"].tolist() == expected


def test_midnight_without_date_is_refused(refused):
    fault, _ = refused("ID,TIME,DV\n1,22:00,5\n1,01:00,4\n", "E_TIME_DECREASES")
    assert fault.rows == (2,) and "add a column DATE" in fault.remedy


def test_an_ambiguous_date_is_refused(refused):
    fault, _ = refused(
        "ID,DATE,TIME,DV\n1,01/02/2026,22:00,5\n1,02/02/2026,01:00,4\n", "E_DATE_FORMAT", only=False
    )
    assert "'01/02/2026'" in fault.message and "date_format=" in fault.remedy


def test_a_time_of_the_day_that_is_none(refused):
    fault, _ = refused("ID,TIME,DV\n1,8:00,5\n1,8:75,4\n1,noon,4\n", "E_NOT_A_NUMBER")
    assert fault.rows == (2, 3) and "'8:75', 'noon'" in fault.message
