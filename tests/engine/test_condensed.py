"""Records that a walk needs not take: the answers are those of the records as they were written."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bayes_nlmem.engine.amounts import solve_amounts
from bayes_nlmem.engine.layout import ADDL, EVID, II
from bayes_nlmem.engine.records import Requests

INPUTS = ("F", "ALAG", "D", "R")


def plan_of(case, asked):
    """The plan for all amounts at some records."""
    m = len(case.structure.compartments)
    requests = Requests(np.tile(asked, m), np.repeat(np.arange(1, m + 1), len(asked)))
    kinetic = {"k10": "k", "ka": "KA"}
    names = [kinetic.get(c, c) for c in case.columns] + [case.structure.volume]
    return case.structure.plan(case.records, requests, names)


def solved(case, asked, sensitive=True):
    """Amounts (m, n_asked), dense derivatives (..., n_rows, P)."""
    plan = plan_of(case, asked)
    values, sens, status = solve_amounts(case.phi, plan, sensitive=sensitive)
    assert not status.any()
    dense = np.zeros((len(values), *case.phi.shape))
    if sensitive:
        dense[plan.pairs[:, 0], plan.pairs[:, 1]] = sens
    return values.reshape(-1, len(asked)), dense.reshape(-1, len(asked), *case.phi.shape)


def rows_of_regimen(rng, n_compartments):
    """Records (time, evid, amt, rate, cmt, ii, addl, ss) of a regimen with its irregularities."""
    every, begin = rng.choice([6.0, 12.0, 7.3, 0.1]), rng.choice([0.0, -3.2, 1000.1])
    kinds = [(rng.uniform(20, 200), rng.choice([0, 0, 0, 30.0, -1, -2]), rng.integers(0, n_compartments + 1))
             for _ in range(2)]  # fmt: skip
    alternate, n_doses, k, rows = rng.random() < 0.3, int(rng.integers(4, 13)), 0, []
    while k < n_doses:
        time = begin + k * every
        amt, rate, cmt = kinds[int(alternate and k % 2)]
        more = int(rng.integers(1, 4)) if rng.random() < 0.15 else 0
        steady = int(rng.integers(1, 3)) if rng.random() < 0.06 else 0
        here = [(time, 1, amt, rate, cmt, every if more or steady else 0.0, more, steady)]
        if rng.random() < 0.25:
            here.insert(int(rng.integers(2)), (time, 0, 0, 0, 0, 0, 0, 0))
        rows += here if rng.random() > 0.1 else []  # forgotten
        k += 1 + more
    span = n_doses * every
    rows += [(t, 0, 0, 0, 0, 0, 0, 0) for t in begin + rng.uniform(0, 1.2 * span, int(rng.integers(1, 6)))]
    rows += [(t, 2, 0, 0, 0, 0, 0, 0) for t in begin + rng.uniform(0, span, int(rng.integers(0, 3)))]
    if rng.random() < 0.15:
        rows.append((begin + rng.uniform(0, span), 3, 0, 0, 0, 0, 0, 0))
    if rng.random() < 0.15:
        rows.append((begin + rng.uniform(0, span), 4, *kinds[0], 0, 0, 0))
    return sorted(rows, key=lambda row: row[0])


def regimen(cases, seed):
    """A random case: equal and unequal doses, at equal and unequal intervals."""
    rng = np.random.default_rng(seed)
    n, depot = int(rng.integers(1, 4)), bool(rng.integers(2))
    rows = rows_of_regimen(rng, n + depot)
    names = ("TIME", "EVID", "AMT", "RATE", "CMT", "II", "ADDL", "SS")
    table = {name: np.array(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}
    table |= {name: table[name].astype(int) for name in ("EVID", "CMT", "ADDL", "SS")}
    size = len(rows)
    by_row = (np.zeros(size, int), np.arange(size) // 5, np.sort(rng.integers(0, 3, size)))[rng.integers(3)]
    inputs = INPUTS if rng.random() < 0.7 else ("D", "R")
    return cases.make(n, depot, table, inputs, rows=by_row, rng=rng)


@pytest.mark.parametrize("seed", range(60))
def test_the_answers_are_those_of_all_records(cases, seed):
    """Where something is asked at every record, nothing is left out."""
    case = regimen(cases, seed)
    observed = np.flatnonzero(case.records.evid == 0)
    asked = observed if seed % 2 else observed[: 1 + len(observed) // 2]
    everything = np.arange(case.records.n)
    assert len(plan_of(case, everything).tables["ints"]) == case.records.n
    wanted, wanted_slopes = solved(case, everything)
    values, slopes = solved(case, asked)
    most = np.abs(wanted).max()
    assert_allclose(values, wanted[:, asked], rtol=0, atol=1e-12 * max(most, 1.0))
    assert np.array_equal(values, solved(case, asked, sensitive=False)[0])
    scale = np.maximum(np.abs(wanted_slopes).max(axis=(0, 1)), 1e-8 * max(most, 1.0))
    assert (np.abs(slopes - wanted_slopes[:, asked]) / scale).max() < 1e-9


def doses_and_questions(cases, doses, questions, order=None, **more):
    """One compartment with a depot; doses before questions at the same time unless `order` says otherwise."""
    times = np.concatenate([doses, questions])
    given = np.repeat([1, 0], [len(doses), len(questions)])
    order = np.argsort(times, kind="stable") if order is None else order
    table = {"TIME": times[order], "EVID": given[order], "AMT": 100.0 * given[order]}
    rows = more.pop("rows", None)
    for name, values in more.items():
        table[name] = np.concatenate([values, np.zeros(len(questions), int)])[order]
    return cases.make(1, True, table, (), phi=[[0.1, 1.0]] * (1 + max(rows or [0])), rows=rows)


def left(case):
    """(evid, addl, ii) of the records that are left for the observations."""
    plan = plan_of(case, np.flatnonzero(case.records.evid == 0))
    ints, floats = plan.tables["ints"], plan.tables["floats"]
    return [
        (int(a), int(b), float(c))
        for a, b, c in zip(ints[:, EVID], ints[:, ADDL], floats[:, II], strict=True)
    ]


def test_equal_doses_at_equal_intervals_are_one_record(cases):
    case = doses_and_questions(cases, 24.0 * np.arange(10), [30.0, 100.0, 230.0])
    assert left(case) == [(1, 9, 24.0), (0, 0, 0.0), (0, 0, 0.0), (0, 0, 0.0)]


def test_additional_doses_are_continued(cases):
    doses = np.array([0.0, 24.0, 96.0, 120.0])
    case = doses_and_questions(cases, doses, [150.0], ADDL=[0, 2, 0, 0], II=[0, 24.0, 0, 0])
    assert left(case) == [(1, 5, 24.0), (0, 0, 0.0)]


def test_nothing_follows_the_last_question(cases):
    case = doses_and_questions(cases, np.array([0.0, 24.0, 36.0]), [12.0])
    assert left(case) == [(1, 0, 0.0), (0, 0, 0.0)]


def test_a_question_before_a_dose_at_the_same_time_does_not_see_it(cases):
    doses, questions = 24.0 * np.arange(4), [48.0]
    after = doses_and_questions(cases, doses, questions)
    before = doses_and_questions(cases, doses, questions, order=[0, 1, 4, 2, 3])
    assert left(after) == [(1, 2, 24.0), (0, 0, 0.0)]
    assert left(before) == [(1, 1, 24.0), (0, 0, 0.0)]
    depot = [solved(case, np.flatnonzero(case.records.evid == 0))[0][0, 0] for case in (before, after)]
    assert depot[1] - depot[0] == pytest.approx(100.0, rel=1e-12)


def test_parameters_that_change_with_a_dose_keep_its_record(cases):
    doses = 24.0 * np.arange(6)
    case = doses_and_questions(cases, doses, [130.0], rows=[0, 0, 0, 0, 1, 1, 1])
    assert left(case) == [(1, 2, 24.0), (1, 0, 0.0), (1, 1, 24.0), (0, 0, 0.0)]
