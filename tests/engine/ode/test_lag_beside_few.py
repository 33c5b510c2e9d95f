"""The column of a lag may share its block with parameters that reach few compartments; it reaches more."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn
from bayes_nlmem.engine.ode.kernel import solve_equations
from bayes_nlmem.engine.ode.tolerances import Tolerances

VALUES = {"KA": 1.0, "CL": 0.13, "V": 8.0, "BASE": 95.0, "KOUT": 0.05, "IC50": 1.2, "ALAG": 0.8}


@pytest.mark.parametrize("lag", [True, False], ids=["lag", "no lag"])
@pytest.mark.parametrize("solver", ["explicit", "stiff"])
def test_sensitivities_to_a_lag_are_those_of_differences(models, solver, lag):
    """KOUT and IC50 move the response only, the lag all of it: six parameters and a lag fill two blocks."""
    names = tuple(name for name in VALUES if lag or name != "ALAG")
    structure = bn.zoo.load("warfarin_pkpd").model.structure
    assert set(structure.parameters) == set(VALUES) - {"ALAG"}
    times = [0.0, 0.5, 2.0, 6.0, 24.0, 72.0, 144.0]
    events = pd.DataFrame({"TIME": [0.0, *times], "EVID": [1] + [0] * 7, "AMT": [100.0] + [0.0] * 7})
    events = events.assign(RATE=0, II=0, ADDL=0, SS=0, CMT=1)
    records = models.records_of(events)
    plan = structure.plan(records, models.all_amounts(structure, records), names)
    phi = np.array([[VALUES[name] for name in plan.columns]])
    _, sens, status, _ = solve_equations(phi, plan, structure.tolerances, sensitive=True, solver=solver)
    assert status.tolist() == [0]
    tight = Tolerances(relative=1e-12)
    for j, name in enumerate(plan.columns):
        step = np.zeros_like(phi)
        step[0, j] = 1e-4 * phi[0, j]
        sides = [solve_equations(phi + k * step, plan, tight, solver=solver)[0] for k in (-1, 1)]
        slope = (sides[1] - sides[0]) / (2 * step[0, j])
        assert_allclose(sens[:, j], slope, rtol=1e-4, atol=1e-4 * np.abs(slope).max(), err_msg=name)
