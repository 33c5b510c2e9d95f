"""Compartments that are linear by themselves and feed the others are moved exactly."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn
from bayes_nlmem.engine.ode.derivatives import differentiate
from bayes_nlmem.engine.ode.kernel import solve_equations
from bayes_nlmem.engine.ode.leading import linear_lead
from bayes_nlmem.structures.ode import ODE


def led(structure):
    """Names of the compartments of the lead, by group."""
    names = structure.compartments
    groups = linear_lead(structure.system, differentiate(structure.system))
    return [tuple(names[i] for i in group) for group in groups]


@pytest.mark.parametrize(
    ("family", "lead"),
    [
        ("friberg", [("depot",), ("central",)]),
        ("idr_stim_kin", [("depot",), ("central",)]),
        ("mm1_oral", [("depot",)]),
        ("mm2", []),
        ("tmdd_full", []),
        ("transit3", []),
    ],
)
def test_the_lead_is_found(models, family, lead):
    assert led(models.structure_of(family)) == lead


def test_what_depends_on_the_time_or_on_the_others_does_not_lead():
    text = "d/dt(a) = -k * a + {} \nd/dt(b) = a - b * b"
    assert led(ODE(text.format("0"))) == [("a",)]
    assert led(ODE(text.format("t"))) == []
    assert led(ODE(text.format("0.1 * b"))) == []


def test_four_in_exchange_do_not_lead():
    def ring(y, p):
        names = "abcd"
        flows = {x: p.k * y[x] for x in names}
        rates = {x: flows[names[i - 1]] - 1.1 * flows[x] for i, x in enumerate(names)}
        return rates | {"first": -p.k * y.first, "effect": y.a + y.first - y.effect**2}

    assert led(ODE(ring)) == [("first",)]


def oral_two(y, p):
    flow = p.k12 * y.central - p.k21 * y.peripheral
    return {
        "depot": -p.ka * y.depot,
        "central": p.ka * y.depot - p.k * y.central - flow,
        "peripheral": flow,
    }


def three(y, p):
    one, two = p.k12 * y.central - p.k21 * y.near, p.k13 * y.central - p.k31 * y.far
    return {"central": -p.k * y.central - one - two, "near": one, "far": two}


def chain(y, p):
    rates = {"a0": -p.ktr * y.a0}
    for i in range(1, 5):
        rates[f"a{i}"] = p.ktr * (y[f"a{i - 1}"] - y[f"a{i}"])
    return rates | {"central": p.ktr * y.a4 - p.k * y.central}


def wave(y, p):
    return {"central": -p.k * y.central - p.w * y.other, "other": p.w * y.central - p.k * y.other}


def made(y, p):
    return {"depot": 3.0 * p.k - p.ka * y.depot, "central": p.ka * y.depot - p.k * y.central}


LEADS = {
    "oral": (oral_two, {"ka": 1.2, "k": 0.3, "k12": 0.4, "k21": 0.2}),
    "absorption as fast as elimination": (oral_two, {"ka": 0.3, "k": 0.3, "k12": 0.0, "k21": 0.2}),
    "almost as fast": (oral_two, {"ka": 0.3 * (1 + 1e-6), "k": 0.3, "k12": 0.0, "k21": 0.2}),
    "about as fast": (oral_two, {"ka": 0.3 * 1.02, "k": 0.3, "k12": 0.0, "k21": 0.2}),
    "slower": (oral_two, {"ka": 0.02, "k": 0.3, "k12": 0.4, "k21": 0.2}),
    "very fast and very slow": (oral_two, {"ka": 300.0, "k": 0.3, "k12": 0.4, "k21": 1e-4}),
    "no elimination": (oral_two, {"ka": 1.0, "k": 0.0, "k12": 0.4, "k21": 0.2}),
    "three": (three, {"k": 0.3, "k12": 0.4, "k21": 0.2, "k13": 0.05, "k31": 0.004}),
    "chain": (chain, {"ktr": 1.5, "k": 0.2}),
    "chain as fast as elimination": (chain, {"ktr": 0.5, "k": 0.5}),
    "wave": (wave, {"k": 0.1, "w": 0.5}),
    "made": (made, {"ka": 0.8, "k": 0.2}),
}


def followed(rates):
    """The same equations with one that they drive."""

    def more(y, p):
        return rates(y, p) | {"effect": 1 + y.central / (10 + y.central**2) - 0.3 * y.effect}

    return more


def solved(structure, values, solver, events, compartments):
    """(values, derivatives) of some compartments."""
    from bayes_nlmem.engine.records import Records, Requests

    columns = {name.lower(): events[name].to_numpy(float) for name in events}
    records = Records(start=[0, len(events)], row=np.zeros(len(events)), **columns)
    first = len(structure.outputs) - len(structure.compartments)
    n, m = len(events), len(compartments)
    places = first + np.array([structure.compartments.index(c) for c in compartments])
    plan = structure.plan(records, Requests(np.repeat(np.arange(n), m), np.tile(places, n)), tuple(values))
    phi = np.array([[values[name] for name in plan.columns]])
    found, sens, status, counts = solve_equations(
        phi, plan, structure.tolerances, sensitive=True, solver=solver
    )
    assert status.tolist() == [0]
    order = [plan.columns.index(name) for name in values]
    return found.reshape(n, m), sens.reshape(n, m, -1)[:, :, order], counts


def events(infused):
    times = [0, 0, 1e-4, 1e-3, 0.01, 0.1, 0.5, 1, 2, 5, 9, 12, 12.5, 20, 40, 90]
    table = pd.DataFrame({"TIME": times}).assign(EVID=2, AMT=0.0, RATE=0.0, II=0.0, ADDL=0.0, SS=0.0, CMT=1.0)
    table.loc[[0, 11], "EVID"] = 1
    table.loc[[0, 11], "AMT"] = [100.0, 50.0]
    if infused:
        table.loc[[0, 11], "RATE"] = [20.0, 10.0]
    return table


@pytest.mark.parametrize("infused", [False, True], ids=["at once", "infused"])
@pytest.mark.parametrize("name", LEADS)
def test_a_lead_is_as_exact_as_the_exponential(name, infused):
    rates, values = LEADS[name]
    alone = ODE(rates, parameters=tuple(values))
    names = alone.compartments
    exact, slopes, _ = solved(alone, values, "exponential", events(infused), names)
    structure = ODE(followed(rates), parameters=tuple(values))
    assert {i for group in led(structure) for i in group} == set(names)
    found, sens, _ = solved(structure, values, "explicit", events(infused), names)
    largest = np.abs(exact).max(axis=0)
    assert_allclose(found, exact, rtol=1e-8, atol=1e-10 * largest.max())
    sizes = np.array([max(value, 0.1) for value in values.values()])
    assert np.all(np.abs(sens - slopes) * sizes <= 1e-7 * np.abs(slopes) * sizes + 1e-8 * largest.max())


@pytest.mark.parametrize("infused", [False, True], ids=["at once", "infused"])
@pytest.mark.parametrize("name", LEADS)
def test_what_follows_is_as_exact_as_with_the_stiff_solver(name, infused):
    rates, values = LEADS[name]
    structure = ODE(followed(rates), parameters=tuple(values))
    exact = ODE(followed(rates), parameters=tuple(values), tolerances=bn.Tolerances(1e-12))
    one = solved(structure, values, "explicit", events(infused), ("effect",))
    two = solved(exact, values, "stiff", events(infused), ("effect",))
    assert_allclose(one[0], two[0], rtol=1e-6)
    sizes = np.array([max(value, 0.1) for value in values.values()])
    assert_allclose(one[1] * sizes, two[1] * sizes, rtol=1e-5, atol=1e-6 * np.abs(two[0]).max())


def test_a_fast_lead_needs_no_short_steps():
    """Absorption ten thousand times as fast as the effect would want a hundred thousand steps."""
    values = {"ka": 3000.0, "k": 0.3, "k12": 0.4, "k21": 0.2}
    structure = ODE(followed(oral_two), parameters=tuple(values))
    *_, (taken, refused) = solved(structure, values, "explicit", events(False), ("effect",))
    assert taken + refused < 300
