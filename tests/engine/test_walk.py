"""The walk against an independent solver, and what must hold for any linear system."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

INPUTS = ("F", "ALAG", "D", "R")
INPUT_VALUES = [0.8, 0.7, 3.3, 17.0]


def largest_error(got, wanted, scale):
    return float((np.abs(got - wanted) / scale).max())


def errors(case):
    """Errors of values and derivatives, relative to the largest of their kind."""
    values, slopes, status = case.kernel()
    assert not status.any()
    wanted, wanted_slopes = case.oracle().solve(case.phi.astype(complex)).real, case.oracle_derivatives()
    most = np.abs(wanted).max()
    scale = np.maximum(np.abs(wanted_slopes).max(axis=(0, 1), keepdims=True), 1e-8 * most)
    return largest_error(values, wanted, most), largest_error(slopes, wanted_slopes, scale)


@pytest.mark.parametrize("seed", range(100, 130))
def test_any_event_table_is_solved_exactly(cases, seed):
    case = cases.random(seed)
    values, _, status = case.kernel(sensitive=False)
    wanted = case.oracle().solve(case.phi.astype(complex)).real
    assert not status.any()
    assert largest_error(values, wanted, np.abs(wanted).max()) < 1e-11


@pytest.mark.parametrize("seed", range(12))
def test_derivatives_to_all_parameters_of_all_rows_are_exact(cases, seed):
    value_error, slope_error = errors(cases.random(seed))
    assert value_error < 1e-11
    assert slope_error < 1e-9


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(200, 300))
def test_derivatives_of_many_more_event_tables(cases, seed):
    assert max(errors(cases.random(seed))) < 1e-9


def test_values_are_the_same_with_and_without_sensitivities(cases):
    for seed in range(20):
        case = cases.random(seed)
        assert np.array_equal(case.kernel(sensitive=True)[0], case.kernel(sensitive=False)[0])


def mixed_table(ss):
    """A lagged bolus train, a modelled rate and a modelled duration, in two compartments."""
    return {
        "TIME": [0, 1.3, 2.1, 5.7, 9.9, 14.2, 30.3, 60.0],
        "EVID": [1, 0, 1, 0, 1, 0, 0, 0],
        "AMT": [100, 0, 50, 0, 80, 0, 0, 0],
        "RATE": [0, 0, -1, 0, -2, 0, 0, 0],
        "CMT": [1, 0, 2, 0, 1, 0, 0, 0],
        "II": [8, 0, 6, 0, 0, 0, 0, 0],
        "ADDL": [2, 0, 0, 0, 0, 0, 0, 0],
        "SS": [ss, 0, 2 * ss, 0, 0, 0, 0, 0],
    }


ALPHA = 0.5 * (0.6 + np.sqrt(0.36 - 0.12))
DEGENERATE = {
    "KA = k": (1, [0.2, 0.2]),
    "KA - k = 1e-9 k": (1, [0.2, 0.2 * (1 + 1e-9)]),
    "KA - k = 1e-4 k": (1, [0.2, 0.2 * (1 + 1e-4)]),
    "KA = alpha": (2, [0.1, 0.2, 0.3, ALPHA]),
    "KA = beta": (2, [0.1, 0.2, 0.3, 0.03 / ALPHA]),
    "equal rates, weak exchange": (2, [0.1, 1e-6, 0.1 + 1e-7, 0.1]),
    "equal peripherals": (3, [0.1, 0.2, 0.3, 0.4, 0.3, 0.7]),
    "equal peripherals = KA": (3, [0.1, 0.2, 0.3, 0.4, 0.3, 0.3]),
    "stiff": (3, [20.0, 50.0, 0.3, 0.04, 1e-3, 250.0]),
}
CUT_OFF = {
    "Q = 0": (2, [0.1, 0.0, 0.0, 0.5]),
    "no way in": (2, [0.1, 0.0, 0.3, 0.5]),
    "no way back": (2, [0.1, 0.2, 0.0, 0.5]),
    "all cut off": (3, [0.1, 0.0, 0.0, 0.0, 0.0, 0.1]),
    "one way each": (3, [0.1, 0.2, 0.0, 0.0, 0.3, 0.7]),
    "no elimination": (2, [0.0, 0.2, 0.3, 0.5]),
    "no rate at all": (1, [0.0, 0.0]),
}


@pytest.mark.parametrize("name", DEGENERATE)
@pytest.mark.parametrize("ss", [0, 1])
def test_coinciding_rates_are_no_singularity(cases, name, ss):
    n, kinetic = DEGENERATE[name]
    case = cases.make(n, True, mixed_table(ss), INPUTS, phi=[kinetic + INPUT_VALUES])
    value_error, slope_error = errors(case)
    assert value_error < 1e-10
    assert slope_error < 1e-8


@pytest.mark.parametrize("name", CUT_OFF)
def test_zero_rates_are_no_singularity(cases, name):
    n, kinetic = CUT_OFF[name]
    case = cases.make(n, True, mixed_table(0), INPUTS, phi=[kinetic + INPUT_VALUES])
    values, slopes, status = case.kernel()
    assert not status.any()
    wanted, wanted_slopes = case.oracle().solve(case.phi.astype(complex)).real, case.oracle_derivatives()
    assert_allclose(values, wanted, atol=1e-10 * np.abs(wanted).max())
    scale = np.maximum(np.abs(wanted_slopes).max(axis=(0, 1)), np.abs(wanted).max())
    assert largest_error(slopes, wanted_slopes, scale) < 1e-8


def test_a_modelled_duration_of_zero_is_a_bolus_with_its_derivative(cases):
    table = {"TIME": [0.0, 1.0, 3.0], "EVID": [1, 0, 0], "AMT": [100, 0, 0], "RATE": [-2, 0, 0]}
    at_zero = cases.make(2, False, table, ("D",), phi=[[0.1, 0.2, 0.3, 0.0]])
    short = cases.make(2, False, table, ("D",), phi=[[0.1, 0.2, 0.3, 1e-5]])
    assert_allclose(at_zero.kernel()[0][1:], short.kernel()[0][1:], rtol=1e-5)
    assert_allclose(at_zero.kernel()[1][1:, :, 0, 3], short.kernel()[1][1:, :, 0, 3], rtol=1e-3)


def dosing(times, amounts, ask, **more):
    """Doses at `times` and questions at `ask`, in order of time; doses first."""
    order = np.argsort(np.concatenate([times, ask]), kind="stable")
    amt = np.concatenate([amounts, np.zeros(len(ask))])[order]
    table = {"TIME": np.concatenate([times, ask])[order], "AMT": amt, "EVID": (amt > 0).astype(int)}
    for name, value in more.items():
        table[name] = np.where(amt > 0, value, 0)
    return table


PHI = [[0.1, 0.2, 0.3, 0.9, 0.7, 0.4]]  # k10 k12 k21 ka, F, ALAG


def amounts(cases, table, phi=PHI, inputs=("F", "ALAG")):
    values, _, status = cases.make(2, True, table, inputs, phi=phi).kernel(sensitive=False)
    assert not status.any()
    return values[np.asarray(table["EVID"]) == 0]


ASK = np.array([0.3, 1.0, 2.5, 7.0, 13.0, 26.0, 40.0])


def test_doses_add_up(cases):
    one = amounts(cases, dosing([0.0], [100.0], ASK))
    other = amounts(cases, dosing([2.0, 9.5], [50.0, 70.0], ASK))
    assert_allclose(
        amounts(cases, dosing([0.0, 2.0, 9.5], [100.0, 50.0, 70.0], ASK)), one + other, rtol=1e-13
    )


def test_the_clock_may_start_anywhere(cases):
    here = amounts(cases, dosing([0.0, 2.0], [100.0, 50.0], ASK))
    assert_allclose(amounts(cases, dosing([-8.0, -6.0], [100.0, 50.0], ASK - 8.0)), here, rtol=1e-12)


@pytest.mark.parametrize("rate", [0.0, 20.0])
def test_additional_doses_are_doses(cases, rate):
    short = amounts(cases, dosing([0.0], [100.0], ASK, ADDL=3, II=6.0, RATE=rate))
    long = amounts(cases, dosing([0.0, 6.0, 12.0, 18.0], [100.0] * 4, ASK, RATE=rate))
    assert_allclose(short, long, rtol=1e-12)


@pytest.mark.parametrize("rate", [0.0, 8.0])
def test_steady_state_is_a_long_train_of_doses(cases, rate):
    """SS=1 is what is there after many doses; infusions of 12.5 h overlap every 6 h."""
    steady = amounts(cases, dosing([0.0], [100.0], ASK, SS=1, II=6.0, RATE=rate))
    train = amounts(cases, dosing([-2400.0], [100.0], ASK, ADDL=400, II=6.0, RATE=rate))
    assert_allclose(steady, train, rtol=1e-9)


def test_steady_state_2_adds_to_what_is_there(cases):
    before = dosing([0.0], [80.0], ASK[ASK > 4])
    steady = dosing([4.0], [100.0], ASK[ASK > 4], SS=1, II=6.0)
    both = dosing([0.0, 4.0], [80.0, 100.0], ASK[ASK > 4], II=[0, 6.0, 0, 0, 0, 0], SS=[0, 2, 0, 0, 0, 0])
    assert_allclose(amounts(cases, both), amounts(cases, before) + amounts(cases, steady), rtol=1e-12)


def test_a_dose_that_is_not_there_any_more_leaves_no_trace(cases):
    """EVID 3 empties the body and cancels running infusions, lagged and additional doses."""
    table = dosing([0.0, 1.0], [100.0, 50.0], ASK, ADDL=5, II=4.0, RATE=[0, 10.0, 0, 0, 0, 0, 0, 0, 0])
    at = int(np.searchsorted(table["TIME"], 2.0))
    for name in table:
        table[name] = np.insert(np.asarray(table[name], float), at, {"TIME": 2.0, "EVID": 3}.get(name, 0))
    values, slopes, _ = cases.make(2, True, table, ("F", "ALAG"), phi=PHI).kernel()
    assert not values[at:].any() and not slopes[at:].any()
    assert values[at - 1].all()


def test_pending_doses_come_before_a_record_at_the_same_time(cases):
    table = dosing([0.1], [100.0], [0.3, 0.6, 0.7], ADDL=1, II=0.2)
    phi = [[0.1, 0.0, 0.0, 0.0, 1.0, 0.2]]  # nothing is absorbed: the depot counts the doses; 0.1 + 0.2 = 0.3
    depot = amounts(cases, table, phi)[:, 0]
    assert depot.tolist() == [100.0, 200.0, 200.0]


def test_a_subject_without_a_solution_spoils_no_other(cases):
    table = {k: np.tile(v, 3) for k, v in dosing([0.0], [100.0], [1.0, 2.0]).items()}
    start = np.array([0, 3, 6, 9])
    for bad, code in ((np.nan, 1), (np.inf, 1), (-0.1, 1)):
        phi = [[0.1, 1.0, 0.5], [bad, 1.0, 0.5], [0.2, 1.0, 0.5]]
        case = cases.make(1, True, table, ("ALAG",), phi=phi, rows=np.repeat([0, 1, 2], 3), start=start)
        values, slopes, status = case.kernel()
        assert status.tolist() == [0, code, 0]
        assert np.isnan(values[3:6]).all()
        assert np.isfinite(values[[0, 1, 2, 6, 7, 8]]).all() and np.isfinite(slopes[[0, 1, 2, 6, 7, 8]]).all()
    phi = [[0.1, 1.0, 0.5], [0.1, 1.0, -0.5], [0.2, 1.0, 0.5]]
    case = cases.make(1, True, table, ("ALAG",), phi=phi, rows=np.repeat([0, 1, 2], 3), start=start)
    assert case.kernel()[2].tolist() == [0, 2, 0]


def test_steady_state_without_elimination_is_no_number_and_no_exception(cases):
    table = dosing([0.0], [100.0], [1.0], SS=1, II=6.0)
    values, _, status = cases.make(1, False, table, phi=[[0.0]]).kernel()
    assert status.tolist() == [3]
    assert np.isnan(values).all()
