"""The exponential of linear equations, with its derivatives, is that of SciPy: written out and by loops."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.linalg import expm

import bayes_nlmem as bn
from bayes_nlmem.engine.ode.kernel import solve_equations

VALUES = {"K": 0.9, "KIN": 2.0, "KOUT": 0.3}
TIMES = [0.0, 0.3, 1.0, 2.5, 4.0, 7.7, 30.0]


def chain(n):
    """Production into the first of n compartments in a row, an outlet from the last."""

    def rates(y, p):
        names = [f"c{i}" for i in range(n)]
        d = {"c0": p.KIN - p.K * y.c0}
        for before, here in zip(names[:-1], names[1:], strict=True):
            out = p.KOUT if here == names[-1] else p.K
            d[here] = p.K * y[before] - out * y[here]
        return d

    return bn.ODE(rates, parameters=tuple(VALUES), solver="exponential")


def reference(n, k, kin, kout):
    """Amounts at TIMES after a dose of 10 into the first; 3 an hour enter the second from 1 to 4."""
    matrix = np.zeros((n + 1, n + 1), complex)
    for i in range(n):
        matrix[i, i] = -(kout if i == n - 1 else k)
        if i:
            matrix[i, i - 1] = k
    matrix[0, n] = kin
    found, y, now = [], np.zeros(n + 1, complex), 0.0
    y[0], y[n] = 10.0, 1.0
    for time in TIMES:
        matrix[1, n] = 3.0 if 1.0 <= now < 4.0 else 0.0
        y = expm(matrix * (time - now)) @ y
        now = time
        found.append(y[:n])
    return np.concatenate(found)


@pytest.mark.parametrize("n", [4, 26])
def test_amounts_and_derivatives(models, n):
    structure = chain(n)
    rows = [(0.0, 1, 10.0, 0.0, 1), *((t, 0, 0.0, 0.0, 1) for t in TIMES), (1.0, 1, 9.0, 3.0, 2)]
    events = pd.DataFrame(rows, columns=["TIME", "EVID", "AMT", "RATE", "CMT"])
    events = events.sort_values("TIME", kind="stable").assign(II=0.0, ADDL=0, SS=0)
    records = models.records_of(events)
    plan = structure.plan(records, models.all_amounts(structure, records), structure.parameters)
    phi = np.array([list(VALUES.values())])
    values, sens, status, counts = solve_equations(
        phi, plan, structure.tolerances, sensitive=True, solver="exponential"
    )
    assert status.tolist() == [0] and counts[1] == 0
    observed = np.repeat(records.evid == 0, n)
    exact = reference(n, *VALUES.values()).real
    assert_allclose(values[observed], exact, rtol=1e-11, atol=1e-11)
    for j in range(3):
        point = [value + (1e-20j if m == j else 0.0) for m, value in enumerate(VALUES.values())]
        slope = reference(n, *point).imag / 1e-20
        assert_allclose(sens[observed, j], slope, rtol=1e-10, atol=1e-10)
    alone = solve_equations(phi, plan, structure.tolerances, solver="exponential")[0]
    assert_allclose(alone, values, rtol=1e-13)
