"""What a run says about the solver, and about subjects that it could not solve."""

import numpy as np
import pandas as pd
import pytest

import bayes_nlmem as bn
from bayes_nlmem.learning.solver_notes import failures_in, forget_failures, solver_of

GROWING = bn.ODE("d/dt(a) = k * a * a")
TABLE = pd.DataFrame(
    {"ID": ["x", "x", "y", "y"], "TIME": [0.0, 1, 0, 1], "EVID": [1, 0] * 2, "AMT": [10.0, 0] * 2, "DV": 1.0}
)


def test_solver_and_tolerances_are_told():
    assert solver_of(bn.TwoCompartment()) == {"solver": "closed form"}
    tight = bn.ODE("d/dt(a) = -k * a * a", solver="explicit", tolerances=bn.Tolerances(1e-10))
    assert solver_of(tight) == {"solver": "explicit", "relative": 1e-10, "absolute": 1e-30}


@pytest.mark.parametrize("mode", ["FAST_COMPILE", "NUMBA"])
def test_failed_subjects_are_named_with_their_parameters(mode):
    import pytensor
    import pytensor.tensor as pt

    from bayes_nlmem.engine.records import Requests
    from bayes_nlmem.structures.records import records_from_table

    data = bn.read(TABLE)
    model = bn.Model(
        structure=GROWING,
        parameters={"k": bn.Parameter(bn.LogNormal(0.01, cv=1))},
        residuals={"A_a": bn.Additive(1.0)},
    )
    records = records_from_table(data.table, GROWING, row=data.table["SUBJECT"].to_numpy())
    plan = GROWING.plan(records, Requests([1, 3], [0, 0]), ["k"])
    k = pt.dvector("k")
    function = pytensor.function([k], GROWING.predict({"k": k}, plan), mode=mode)
    function(np.array([0.01, 0.01]))
    forget_failures(GROWING)
    for value in (0.5, 2.0):
        found = function(np.array([0.01, value]))
        assert np.isnan(found).tolist() == [False, True]
    (sentence,) = failures_in(model, data)
    assert sentence.startswith("subject y could not be solved 2 times") and sentence.endswith("k 0.5 to 2")
    forget_failures(GROWING)
    assert failures_in(model, data) == []
