"""The solvers have the order that their papers say."""

import numpy as np
import pytest

from bayes_nlmem.engine.ode.kernel import solve_equations
from bayes_nlmem.engine.ode.tolerances import Tolerances
from bayes_nlmem.engine.records import Records, Requests
from bayes_nlmem.structures.ode import ODE


def predator_and_prey(t, y, p):
    return {
        "prey": p.a * y.prey - p.b * y.prey * y.predator + 0.1 * np.sin(t),
        "predator": p.b * y.prey * y.predator - p.c * y.predator,
    }


STRUCTURE = ODE(predator_and_prey, initial=lambda p: {"prey": p.x, "predator": p.y})


def problem():
    n = 3
    zero = np.zeros(n)
    records = Records(
        start=[0, n], time=[0.0, 4.0, 10.0], evid=[2] * n, amt=zero, rate=zero, ii=zero, addl=zero, ss=zero,
        cmt=zero, row=zero,
    )  # fmt: skip
    values = {"a": 1.1, "b": 0.4, "c": 0.8, "x": 3.0, "y": 1.5}
    plan = STRUCTURE.plan(records, Requests([2, 2], [0, 1]), STRUCTURE.parameters)
    return plan, np.array([[values[name] for name in STRUCTURE.parameters]])


@pytest.mark.parametrize(("solver", "order"), [("explicit", 5), ("stiff", 5)])
def test_error_falls_with_the_order_of_the_method(solver, order):
    plan, phi = problem()
    exact, exact_slopes, _, _ = solve_equations(phi, plan, Tolerances(1e-13), sensitive=True, solver=solver)
    steps, errors, slope_errors = [], [], []
    for relative in (1e-7, 1e-8, 1e-9, 1e-10, 1e-11):
        tolerances = Tolerances(relative, absolute=1.0)
        values, slopes, _, counts = solve_equations(phi, plan, tolerances, sensitive=True, solver=solver)
        steps.append(counts[0])
        errors.append(np.abs(values - exact).max())
        slope_errors.append(np.abs(slopes - exact_slopes).max())
    for found in (errors, slope_errors):
        rate = -np.polyfit(np.log(steps), np.log(found), 1)[0]
        assert order - 0.7 < rate < order + 1.3


def cells_after_a_drug(s, solver):
    """Cells that a decaying drug kills and that grow again: values, slopes, and both in closed form."""
    structure = ODE(
        "d/dt(drug) = -k * drug\nd/dt(cells) = (g - s * drug) * cells\ndrug(0) = 1\ncells(0) = 5",
        parameters=("k", "g", "s"),
    )
    k, g, t = 0.5, 0.6, np.array([5.0, 12.0, 60.0])
    zero = np.zeros(4)
    records = Records(
        start=[0, 4], time=np.array([0.0, *t]), evid=[2] * 4, amt=zero, rate=zero, ii=zero, addl=zero,
        ss=zero, cmt=zero, row=zero,
    )  # fmt: skip
    plan = structure.plan(records, Requests([1, 2, 3], [1] * 3), structure.parameters)
    values, slopes, status, _ = solve_equations(
        np.array([[k, g, s]]), plan, Tolerances(), sensitive=True, solver=solver
    )
    assert not status.any()
    exposure = (1 - np.exp(-k * t)) / k
    exact = 5.0 * np.exp(g * t - s * exposure)
    by_k = -s * (t * np.exp(-k * t) - exposure) / k
    return values, slopes.reshape(3, 3), exact, exact[:, None] * np.stack([by_k, t, -exposure], axis=1)


@pytest.mark.parametrize("solver", ["explicit", "stiff"])
@pytest.mark.parametrize(("s", "least"), [(20.0, 1e-13), (30.0, 1e-20)])
def test_what_grows_again_from_nearly_nothing_is_exact(s, least, solver):
    """With errors of 1e-13 of the largest value allowed, 4 % were wrong at s = 20, and all of it at 30."""
    values, slopes, exact, exact_slopes = cells_after_a_drug(s, solver)
    assert exact.min() < least
    np.testing.assert_allclose(values, exact, rtol=1e-4)
    np.testing.assert_allclose(slopes, exact_slopes, rtol=1e-3)


def test_where_rounding_is_larger_a_coarser_solution_is_taken():
    """The drug is e^-30 where there are 4e7 cells, and both are solved for together."""
    values, slopes, exact, exact_slopes = cells_after_a_drug(10.0, "stiff")
    np.testing.assert_allclose(values, exact, rtol=1e-6)
    np.testing.assert_allclose(slopes, exact_slopes, rtol=1e-5)
