"""Linear systems written as equations give what the exact engine gives: every event, value and derivative."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bayes_nlmem.engine.ode.kernel import solve_equations
from bayes_nlmem.structures.ode import ODE


def equations(n, depot, followed=False):
    """The equations of a linear system, and one that is not linear and that they drive."""

    def rates(t, y, p):
        d = {"depot": -p.ka * y.depot} if depot else {}
        d["central"] = -p.k10 * y.central + (p.ka * y.depot if depot else 0.0)
        for i in range(2, n + 1):
            flow = p[f"k1{i}"] * y.central - p[f"k{i}1"] * y[f"peripheral{i}"]
            d["central"] = d["central"] - flow
            d[f"peripheral{i}"] = flow
        if followed:
            d["effect"] = p.k10 * (1 + y.central / (10 + y.central) - y.effect)
        return d

    compartments = ("depot",) * depot + ("central",) + tuple(f"peripheral{i}" for i in range(2, n + 1))
    compartments += ("effect",) * followed
    names = ("k10", "k12", "k21", "k13", "k31")[: 2 * n - 1] + ("ka",) * depot
    return ODE(rates, compartments=compartments, parameters=names)


def both(case, solver):
    """(values, dense derivatives) of the exact engine and of the equations."""
    exact, slopes, status = case.kernel()
    values, dense, found = solved(case, solver)
    assert (found > 0).tolist() == (status > 0).tolist()
    return exact, slopes, values, dense


def solved(case, solver, followed=False):
    """(values, dense derivatives, status) of the equations."""
    structure = equations(case.structure.n, case.structure.depot, followed)
    m, n = len(structure.compartments), case.records.n
    from bayes_nlmem.engine.records import Requests

    plan = structure.plan(
        case.records, Requests(np.repeat(np.arange(n), m), np.tile(np.arange(m), n)), case.columns
    )
    order = [case.columns.index(c) for c in plan.columns]
    values, sens, found, _ = solve_equations(
        case.phi[:, order], plan, structure.tolerances, sensitive=True, solver=solver
    )
    dense = np.zeros((n * m, *case.phi.shape))
    for k, (request, row) in enumerate(plan.pairs):
        dense[request, row, order] = sens[k]
    return values.reshape(n, m), dense.reshape(n, m, *case.phi.shape), found


@pytest.mark.parametrize("seed", range(60))
def test_random_event_tables(cases, seed):
    case = cases.random(seed)
    exact, slopes, values, dense = both(case, "explicit")
    scale = np.abs(exact).max()
    assert_allclose(values, exact, rtol=1e-6, atol=1e-8 * scale)
    assert_allclose(dense, slopes, rtol=1e-5, atol=1e-6 * scale)


@pytest.mark.parametrize("seed", range(60, 80))
def test_random_event_tables_by_the_stiff_solver(cases, seed):
    case = cases.random(seed)
    exact, slopes, values, dense = both(case, "stiff")
    scale = np.abs(exact).max()
    assert_allclose(values, exact, rtol=1e-6, atol=1e-8 * scale)
    assert_allclose(dense, slopes, rtol=1e-5, atol=1e-6 * scale)


@pytest.mark.parametrize("seed", range(80, 110))
def test_random_event_tables_by_the_exponential(cases, seed):
    case = cases.random(seed)
    exact, slopes, values, dense = both(case, "exponential")
    scale = np.abs(exact).max()
    assert_allclose(values, exact, rtol=1e-8, atol=1e-9 * scale)
    assert_allclose(dense, slopes, rtol=1e-7, atol=1e-8 * scale)


@pytest.mark.parametrize("seed", range(110, 150))
def test_random_event_tables_where_the_linear_part_leads(cases, seed):
    """It is exact; what it drives is what the stiff solver finds, which moves all of it by steps."""
    case = cases.random(seed)
    exact, slopes, status = case.kernel()
    values, dense, found = solved(case, "explicit", followed=True)
    other, other_dense, _ = solved(case, "stiff", followed=True)
    assert (found > 0).tolist() == (status > 0).tolist()
    scale = np.abs(exact).max()
    assert_allclose(values[:, :-1], exact, rtol=1e-8, atol=1e-9 * scale)
    assert_allclose(dense[:, :-1], slopes, rtol=1e-7, atol=1e-8 * scale)
    solved_too = np.isfinite(other[:, -1])
    assert_allclose(values[solved_too, -1], other[solved_too, -1], rtol=1e-6, atol=1e-8)
    assert_allclose(dense[solved_too, -1], other_dense[solved_too, -1], rtol=1e-5, atol=1e-6 * scale)
    assert solved_too.all() or seed == 128  # its steady state is beyond the stiff solver: hardly eliminated
