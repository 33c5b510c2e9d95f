"""From event tables to records."""

import pandas as pd
import pytest

from bayes_nlmem.ground.messages import DataError
from bayes_nlmem.structures.compartments import OneCompartment
from bayes_nlmem.structures.records import records_from_table


def table(**columns):
    zeros = {name: [0, 0, 0] for name in ("EVID", "AMT", "RATE", "II", "ADDL", "SS", "CMT")}
    base = {"ROW": [1, 2, 3], "ID": ["a", "a", "b"], "SUBJECT": [0, 0, 1], "TIME": [0.0, 1.0, 0.0]}
    return pd.DataFrame(base | zeros | columns)


def test_subjects_and_compartment_names():
    records = records_from_table(
        table(CMT=["depot", "0", "CENTRAL"]), OneCompartment(absorption="first-order"), row=[0, 0, 1]
    )
    assert records.start.tolist() == [0, 2, 3]
    assert records.cmt.tolist() == [1, 0, 2]
    assert records.subject.tolist() == [0, 0, 1]
    assert records.n_rows == 2


def test_unknown_compartments_are_named_with_rows_and_subjects():
    with pytest.raises(DataError) as error:
        records_from_table(table(CMT=[1, 7, 7]), OneCompartment(), row=[0, 0, 1])
    (fault,) = error.value.faults
    assert (fault.code, fault.rows, fault.subjects) == ("E_CMT_UNKNOWN", (2, 3), ("a", "b"))


def test_other_events_may_carry_any_compartment():
    records = records_from_table(table(CMT=[1, 7, 1], EVID=[0, 2, 0]), OneCompartment(), row=[0, 0, 1])
    assert records.cmt.tolist() == [1, 0, 1]
