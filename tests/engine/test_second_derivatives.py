"""A Hessian through a kernel is refused, never silently without the kernel's own curvature."""

import numpy as np
import pandas as pd
import pytensor
import pytensor.tensor as pt
import pytest

import bayes_nlmem as bn
from bayes_nlmem.engine.records import Requests
from bayes_nlmem.structures.records import records_from_table


def one_compartment(t, y, *, CL, V):
    return {"central": -CL / V * y.central}


@pytest.mark.parametrize(
    "structure",
    [
        bn.OneCompartment(),
        bn.ODE(one_compartment, outputs=lambda y, p: {"cp": y.central / p.V}, solver="explicit"),
    ],
    ids=["linear", "equations"],
)
def test_second_derivatives_are_refused(structure):
    frame = {"ID": [1, 1], "TIME": [0.0, 2.0], "AMT": [100.0, 0.0], "DV": [None, 2.0], "EVID": [1, 0]}
    data = bn.read(pd.DataFrame(frame))
    records = records_from_table(data.table, structure, row=np.zeros(2, int))
    plan = structure.plan(records, Requests([1], [structure.outputs.index("cp")]), ("CL", "V"))
    clearance = pt.vector("CL")
    predicted = structure.predict({"CL": clearance, "V": pt.constant([20.0])}, plan).sum()
    slope = pytensor.grad(predicted, clearance).sum()
    with pytest.raises(NotImplementedError, match="first derivatives only"):
        pytensor.grad(slope, clearance)
