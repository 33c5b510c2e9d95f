"""Faults of ID, TIME, EVID and OCC, as the user sees them."""

import bayes_nlmem as bn


def test_missing_id(refused):
    fault, text = refused("ID,TIME,DV\n1,0,4\n.,1,2\n2,0,5\n", "E_ID_MISSING")
    assert fault.rows == (2,) and "not carried down" in text


def test_subjects_must_be_contiguous(refused):
    fault, text = refused("ID,TIME,DV\n1,0,4\n2,0,5\n2,1,3\n1,2,1\n1,3,.5\n", "E_ID_NOT_CONTIGUOUS")
    assert fault.rows == (4, 5) and fault.subjects == (1,)
    assert "rows 4-5 (2 rows); subject 1" in text and "Sort the table by ID and TIME" in text


def test_missing_time(refused):
    fault, _ = refused("ID,TIME,DV\n1,0,4\n1,.,2\n1,2,1\n", "E_TIME_MISSING")
    assert fault.rows == (2,) and fault.subjects == (1,)


def test_decreasing_time(refused):
    fault, _ = refused("ID,TIME,DV\n1,0,4\n1,5,2\n1,3,1\n2,0,4\n2,1,2\n", "E_TIME_DECREASES")
    assert fault.rows == (3,) and fault.subjects == (1,)
    assert "got 3 after 5" in fault.message and "EVID=3" in fault.remedy


def test_time_may_restart_at_a_reset():
    data = bn.read(
        _table("ID,TIME,EVID,AMT,DV\n1,0,1,10,.\n1,5,0,0,2\n1,0,4,10,.\n1,2,0,0,3\n1,-1,3,0,.\n1,0,0,0,1\n")
    )
    assert data.table["TIME"].tolist() == [0, 5, 0, 2, -1, 0]


def test_a_clock_that_restarts_at_a_dose_is_pointed_out(refused):
    fault, _ = refused(
        "ID,TIME,EVID,AMT,DV\n1,0,1,10,.\n1,5,0,0,2\n1,0,1,10,.\n1,2,0,0,3\n", "E_TIME_DECREASES"
    )
    assert "EVID=4" in fault.remedy


def test_unknown_evid(refused):
    fault, _ = refused("ID,TIME,EVID,AMT,DV\n1,0,101,10,.\n1,1,0,0,2\n", "E_EVID_CODE")
    assert fault.rows == (1,) and "got 101" in fault.message


def test_missing_and_fractional_occasions(refused):
    fault, _ = refused("ID,TIME,DV,OCC\n1,0,4,1\n1,1,2,.\n", "E_OCC_MISSING")
    assert fault.rows == (2,)
    fault, _ = refused("ID,TIME,DV,OCC\n1,0,4,1\n1,1,2,1.5\n", "E_OCC_NOT_INTEGER")
    assert "got 1.5" in fault.message


def _table(text):
    import io

    return io.StringIO(text)
