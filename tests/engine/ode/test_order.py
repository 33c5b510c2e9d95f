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
