"""The compiled schedule: which derivatives exist, and for how long."""

import numpy as np

from bayes_nlmem.engine.records import Records, Requests
from bayes_nlmem.structures.compartments import OneCompartment, TwoCompartment


def records(time, evid, row, **more):
    size = len(time)
    columns = {name: np.zeros(size) for name in ("amt", "rate", "ii", "addl", "ss", "cmt")} | more
    columns["amt"] = np.where(np.isin(evid, (1, 4)), 100.0, 0.0)
    return Records(
        start=np.array([0, size]), time=np.array(time), evid=np.array(evid), row=np.array(row), **columns
    )


def test_one_row_per_subject_is_one_pair_per_request():
    plan = TwoCompartment().plan(
        records([0.0, 1.0, 2.0], [1, 0, 0], [0, 0, 0]),
        Requests([1, 2, 2], [0, 0, 2]),
        ("CL", "V1", "Q", "V2"),
    )
    assert plan.pairs.tolist() == [[0, 0], [1, 0], [2, 0]]
    assert plan.columns == ("k10", "k12", "k21")


def test_a_request_depends_on_the_rows_used_so_far():
    """The row of the first record governs no interval; rows before the first dose have no effect."""
    plan = OneCompartment().plan(
        records([0.0, 1.0, 2.0, 3.0, 4.0], [0, 0, 1, 0, 0], [0, 1, 2, 3, 4]),
        Requests([4, 1, 3], [0, 0, 0]),
        ("CL", "V"),
    )
    assert sorted(plan.pairs.tolist()) == [[0, 3], [0, 4], [2, 3]]


def test_inputs_of_a_dose_belong_to_its_row():
    plan = OneCompartment().plan(
        records([0.0, 1.0, 2.0], [1, 0, 0], [0, 1, 1]), Requests([2], [0]), ("CL", "V", "F", "ALAG")
    )
    assert plan.pairs.tolist() == [[0, 0], [0, 1]]
    assert plan.columns == ("k10", "F", "ALAG")


def test_requests_may_come_in_any_order_and_more_than_once():
    structure = OneCompartment()
    table = records([0.0, 1.0, 2.0, 5.0], [1, 0, 0, 0], [0, 0, 0, 0])
    values = {"CL": 2.0, "V": 10.0}
    forward = structure.plan(table, Requests([1, 2, 3], [0, 0, 0]), values)
    backward = structure.plan(table, Requests([3, 2, 2, 1], [0, 0, 1, 0]), values)
    a, b = structure.evaluate(values, forward), structure.evaluate(values, backward)
    assert b.tolist() == [a[2], a[1], a[1] * 10.0, a[0]]
