"""Doses that enter over time, by several routes, and amounts that are replaced: values and derivatives."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import quad
from scipy.special import gammaln
from scipy.stats import gamma, invgauss

import bayes_nlmem as bn
from bayes_nlmem import structures as st
from bayes_nlmem.engine.ode.kernel import solve_equations
from bayes_nlmem.engine.ode.tolerances import Tolerances
from bayes_nlmem.engine.records import Records, Requests

SAVIC = st.transit_absorption()
SAVIC_VALUES = {"NN": 3.7, "MTT": 2.5, "KA": 0.9, "CL": 3.0, "V": 20.0}


def table(doses, times, **columns):
    rows = [{"TIME": t, "EVID": 1, "AMT": a} | columns for t, a in doses]
    rows += [{"TIME": t, "EVID": 2, "AMT": 0.0} for t in times]
    frame = pd.DataFrame(sorted(rows, key=lambda row: (row["TIME"], -row["AMT"]))).fillna(0)
    return frame.assign(ID=1)


def solved(structure, values, doses, times, output="A_central", **columns):
    frame = table(doses, times, **columns)
    return bn.solve(structure, frame, values)[output].to_numpy()[frame.EVID == 2]


def superposed(density, doses, times, k, ka=None):
    """Amount in a compartment with loss k by convolution with the input of every dose, numerically."""

    def kept(u):
        return np.exp(-k * u) if ka is None else ka / (ka - k) * (np.exp(-k * u) - np.exp(-ka * u))

    def unit(t):
        inside = [x for x in (0.1, 0.5, 1, 2, 4, 8, 16) if x < t]
        if t <= 0:
            return 0.0
        return quad(lambda s: density(s) * kept(t - s), 0, t, points=inside, epsabs=1e-12, limit=200)[0]

    return np.array([sum(a * unit(t - s) for s, a in doses) for t in times])


DOSES = [(0.0, 100.0), (1.5, 60.0), (12.0, 100.0)]  # the second one while the first is on its way
TIMES = [0.5, 1.0, 2.0, 3.5, 6.0, 11.9, 12.5, 16.0, 30.0]


@pytest.mark.parametrize("solver", ["explicit", "stiff"])
def test_transit_compartments_of_any_number_add_up_over_doses(solver):
    structure = bn.ODE(
        SAVIC.rates, compartments=SAVIC.compartments, parameters=SAVIC.parameters, solver=solver
    )
    exact = superposed(lambda s: gamma.pdf(s, 4.7, scale=2.5 / 4.7), DOSES, TIMES, 0.15, 0.9)
    assert_allclose(solved(structure, SAVIC_VALUES, DOSES, TIMES), exact, rtol=1e-6)


@pytest.mark.parametrize(
    ("kind", "values", "density"),
    [
        ("weibull", {"TD": 2.0, "B": 1.7}, lambda s: 0.85 * (s / 2) ** 0.7 * np.exp(-((s / 2) ** 1.7))),
        ("inverse-gaussian", {"MAT": 3.0, "NV2": 0.5}, lambda s: invgauss.pdf(s, 0.5, scale=6.0)),
        ("gamma", {"NN": 0.4, "MAT": 3.0}, lambda s: gamma.pdf(s, 1.4, scale=3.0 / 1.4)),
    ],
)
def test_input_rates_are_densities(kind, values, density):
    found = solved(st.input_rate_absorption(kind), values | {"CL": 3.0, "V": 20.0}, DOSES, TIMES)
    assert_allclose(found, superposed(density, DOSES, TIMES, 0.15), rtol=2e-6)


def test_a_whole_number_of_transits_is_a_chain():
    values = {name: SAVIC_VALUES[name] for name in ("MTT", "KA", "CL", "V")}
    chain = solved(st.transit_absorption(3), values, DOSES, TIMES)
    assert_allclose(solved(SAVIC, values | {"NN": 2.0}, DOSES, TIMES), chain, rtol=1e-7)


@pytest.mark.parametrize("lag", [0.0, 0.7, 14.0])
def test_a_steady_state_is_what_many_doses_lead_to(lag):
    values = SAVIC_VALUES | {"MTT": 10.0, "ALAG": lag}
    times = [240.0 + t for t in (0.0, 1.0, 5.0, 11.0)]
    many = solved(SAVIC, values, [(0.0, 100.0)], times, ADDL=40, II=12.0)
    steady = solved(SAVIC, values, [(240.0, 100.0)], times, SS=1, ADDL=20, II=12.0)
    assert_allclose(steady, many, rtol=1e-6)


def records(rows, row):
    columns = {
        name: [r.get(name, 0) for r in rows]
        for name in ("time", "evid", "amt", "rate", "ii", "addl", "ss", "cmt")
    }
    return Records(start=[0, len(rows)], row=row, **columns)


EVENTS = {
    "overlapping doses, two occasions": (
        [{"evid": 1, "amt": 100}, {"time": 1.5, "evid": 1, "amt": 60}, {"time": 2}, {"time": 5}, {"time": 9},
         {"time": 12, "evid": 1, "amt": 100, "ii": 6, "addl": 2}, {"time": 15}, {"time": 21}, {"time": 40}],
        [0, 0, 0, 0, 0, 1, 1, 1, 1],
    ),
    "steady state": (
        [{"evid": 1, "amt": 100, "ss": 1, "ii": 12}, {"time": 0.2}, {"time": 3}, {"time": 11}, {"time": 20}],
        [0] * 5,
    ),
    "reset, then replacement and multiplication": (
        [{"evid": 1, "amt": 100}, {"time": 2}, {"time": 3, "evid": 5, "amt": 50, "cmt": 2}, {"time": 4},
         {"time": 5, "evid": 6, "amt": 0.3, "cmt": 2}, {"time": 6}, {"time": 8, "evid": 4, "amt": 70},
         {"time": 11}],
        [0, 0, 0, 0, 0, 0, 1, 1],
    ),
}  # fmt: skip


@pytest.mark.parametrize("solver", ["explicit", "stiff"])
@pytest.mark.parametrize("case", EVENTS)
def test_gradients_agree_with_differences(case, solver):
    rows, row = EVENTS[case]
    events = records(rows, row)
    seen = [r for r, entry in enumerate(rows) if not entry.get("evid")]
    names = (*SAVIC.parameters, "F", "ALAG")
    plan = SAVIC.plan(events, Requests(seen, [SAVIC.outputs.index("cp")] * len(seen)), names)
    phi = (
        np.array([[*SAVIC_VALUES.values(), 0.8, 0.6]] * events.n_rows)
        * np.linspace(1, 1.2, events.n_rows)[:, None]
    )
    _, sens, status, _ = solve_equations(phi, plan, SAVIC.tolerances, sensitive=True, solver=solver)
    assert status.tolist() == [0]
    dense = np.zeros((len(seen), *phi.shape))
    for k, (request, of) in enumerate(plan.pairs):
        dense[request, of] = sens[k]
    tight = Tolerances(relative=1e-12)
    for i, j in np.ndindex(phi.shape):
        step = np.zeros_like(phi)
        step[i, j] = 1e-3 * phi[i, j]
        moved = [solve_equations(phi + k * step, plan, tight)[0] for k in (-2, -1, 1, 2)]
        slope = (moved[0] - 8 * moved[1] + 8 * moved[2] - moved[3]) / (12 * step[i, j])
        assert_allclose(
            dense[:, i, j], slope, rtol=1e-5, atol=1e-5 * np.abs(slope).max() + 1e-9, err_msg=names[j]
        )


def test_replaced_and_multiplied():
    frame = pd.DataFrame(
        {"ID": 1, "TIME": [0.0, 1, 2, 2, 3], "EVID": [1, 5, 2, 6, 2], "AMT": [100.0, 40, 0, 0.5, 0], "CMT": 1}
    )
    found = bn.solve(st.as_equations(bn.OneCompartment()), frame, {"CL": 2.0, "V": 10.0})["A_central"]
    keep = np.exp(-0.2)
    assert_allclose(found, [100, 40, 40 * keep, 20 * keep, 20 * keep**2], rtol=1e-7)
    with pytest.raises(bn.DataError, match="as_equations"):
        bn.solve(bn.OneCompartment(), frame, {"CL": 2.0, "V": 10.0})


PK = {"CL": 3.0, "V": 20.0}


def test_routes_share_a_dose():
    mixed = solved(st.mixed_absorption(), PK | {"FZ": 0.3, "TK0": 4.0, "KA": 0.9}, DOSES, TIMES)
    first = solved(bn.OneCompartment(absorption="first-order"), PK | {"KA": 0.9, "F": 0.7}, DOSES, TIMES)
    zero = solved(bn.OneCompartment(absorption="zero-order"), PK | {"D": 4.0, "F": 0.3}, DOSES, TIMES)
    assert_allclose(mixed, first + zero, rtol=1e-7)


def test_one_after_the_other():
    values = PK | {"FZ": 0.3, "TK0": 4.0, "KA": 0.9, "ALAG": 0.5, "F": 0.8}
    mixed = solved(st.mixed_absorption(order="sequential"), values, DOSES, TIMES)
    first = solved(
        bn.OneCompartment(absorption="first-order"), PK | {"KA": 0.9, "F": 0.56, "ALAG": 4.5}, DOSES, TIMES
    )
    zero = solved(
        bn.OneCompartment(absorption="zero-order"), PK | {"D": 4.0, "F": 0.24, "ALAG": 0.5}, DOSES, TIMES
    )
    assert_allclose(mixed, first + zero, rtol=1e-7)


def test_two_peaks():
    found = solved(
        st.double_absorption(), PK | {"F1": 0.4, "KA1": 1.5, "KA2": 0.5, "LAG2": 3.0}, DOSES, TIMES
    )
    oral = bn.OneCompartment(absorption="first-order")
    early = solved(oral, PK | {"KA": 1.5, "F": 0.4}, DOSES, TIMES)
    late = solved(oral, PK | {"KA": 0.5, "F": 0.6, "ALAG": 3.0}, DOSES, TIMES)
    assert_allclose(found, early + late, rtol=1e-7)


def test_steady_state_by_two_routes_is_their_sum_where_the_equations_are_linear():
    values = PK | {"FZ": 0.3, "TK0": 4.0, "KA": 0.9}
    times = [240.0, 241.0, 245.0, 251.0]
    many = solved(st.mixed_absorption(), values, [(0.0, 100.0)], times, ADDL=40, II=12.0)
    steady = solved(st.mixed_absorption(), values, [(240.0, 100.0)], times, SS=1, ADDL=20, II=12.0)
    assert_allclose(steady, many, rtol=1e-6)
    saturable = st.mixed_absorption(st.michaelis_menten())
    with pytest.raises(bn.DataError, match="not linear"):
        solved(
            saturable,
            {"FZ": 0.3, "TK0": 4.0, "KA": 0.9, "VM": 9.0, "KM": 1.0, "V1": 20.0},
            [(0.0, 9.0)],
            [1.0],
            SS=1,
            II=12.0,
        )


def test_intravenous_doses_take_no_route():
    frame = table([(0.0, 100.0)], [1.0, 5.0], CMT=2)
    found = bn.solve(st.mixed_absorption(), frame, PK | {"FZ": 0.3, "TK0": 4.0, "KA": 0.9})["A_central"]
    assert_allclose(found[1:], 100 * np.exp(-0.15 * np.array([1.0, 5.0])), rtol=1e-7)


def test_what_is_refused():
    def rates(y, p):
        return {"a": -p.k * y.a}

    with pytest.raises(bn.ModelError, match="routes="):
        bn.ODE(rates, input_rates=lambda tad, p: {"a": np.where(tad < p.D, 1 / p.D, 0.0)})
    with pytest.raises(bn.ModelError, match="'b'"):
        bn.ODE(rates, input_rates=lambda tad, p: {"b": np.exp(-tad)})
    with pytest.raises(bn.ModelError, match="'b'"):
        bn.ODE(rates, routes={"oral": "b"})
    with pytest.raises(bn.ModelError, match="no tad"):
        bn.ODE(rates, input_rates=lambda tad, p: {"a": p.k * 1})
    with pytest.raises(bn.ModelError, match="exponential"):
        bn.ODE(lambda y, p: {"a": -p.k * y.a**2}, solver="exponential")
    with pytest.raises(bn.DataError, match="RATE 0"):
        solved(SAVIC, SAVIC_VALUES, [(0.0, 100.0)], [1.0], RATE=10.0)
    with pytest.raises(bn.DataError, match="RATE 0"):
        solved(
            st.mixed_absorption(), PK | {"FZ": 0.3, "TK0": 4.0, "KA": 0.9}, [(0.0, 100.0)], [1.0], RATE=10.0
        )


def test_the_derivative_of_the_logarithm_of_the_gamma_function():
    from scipy.special import digamma

    from bayes_nlmem.engine.ode.evaluation import evaluate
    from bayes_nlmem.engine.ode.trace import trace

    system = trace(lambda y, p: {"a": gammaln(p.x) + 0 * y.a})
    g = system.graph
    slope = g.derivative(system.rates[0], g.leaf("p", 0), {})
    for x in (0.01, 0.5, 1.0, 3.7, 40.0, 1e4):
        assert_allclose(evaluate(g, [slope], np, p=[x])[0], digamma(x), rtol=1e-12, atol=1e-13)


def weibull_amounts(scale, shape, k, doses, times):
    """Amount after Weibull inputs, as an integral over the share that has entered (no singularity)."""

    def unit(t):
        entered = -np.expm1(-((t / scale) ** shape)) if t > 0 else 0.0
        kept = lambda u: np.exp(-k * (t - scale * (-np.log1p(-u)) ** (1 / shape)))  # noqa: E731
        return quad(kept, 0, entered, epsabs=1e-13, epsrel=1e-12, limit=200)[0] if entered else 0.0

    return np.array([sum(a * unit(t - s) for s, a in doses) for t in times])


@pytest.mark.parametrize("shape", [0.4, 0.7, 1.0])
@pytest.mark.parametrize("solver", ["explicit", "stiff"])
def test_weibull_input_of_any_shape(shape, solver):
    structure = st.input_rate_absorption("weibull")
    structure = bn.ODE(str(structure), outputs=("cp",), solver=solver, parameters=structure.parameters)
    values = {"TD": 2.0, "B": shape, "CL": 3.0, "V": 20.0}
    exact = weibull_amounts(2.0, shape, 0.15, DOSES, TIMES)
    # errors of the many short steps at the singularity add up
    assert_allclose(solved(structure, values, DOSES, TIMES), exact, rtol=2e-6)
