"""A structure inside a PyMC model of one's own: the numbers of `solve`, and derivatives."""

import numpy as np
import pandas as pd
import pytensor
import pytensor.tensor as pt
import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn

ORAL = bn.OneCompartment(absorption="first-order")


@pytest.fixture(scope="module")
def data():
    times = [0.0, 1.0, 4.0, 9.0, 24.0]
    rows = [
        {"ID": i, "TIME": t, "AMT": 100.0 * i if t == 0 else None, "DV": None if t == 0 else 1.0}
        for i in (1, 2, 3)
        for t in times
    ]
    return bn.read(pd.DataFrame(rows))


def test_predictions_are_those_of_solve(data):
    CL = np.array([2.0, 3.0, 4.0])
    expression = bn.predict(ORAL, data, {"CL": CL, "V": 30.0, "KA": 1.1})
    solved = bn.solve(ORAL, data, {"CL": CL, "V": 30.0, "KA": 1.1})
    assert_allclose(expression.eval(), solved.cp[data.is_observation], rtol=1e-12)


def test_another_output_at_other_records(data):
    amount = bn.predict(ORAL, data, {"CL": 2.0, "V": 30.0, "KA": 1.1}, output="A_depot", at=[0, 1])
    solved = bn.solve(ORAL, data, {"CL": 2.0, "V": 30.0, "KA": 1.1})
    assert_allclose(amount.eval(), solved.A_depot[:2], rtol=1e-12)


def test_derivatives_are_those_of_finite_differences(data):
    x = pt.dvector("x")
    CL = pt.specify_shape(pt.exp(x), (3,))
    total = bn.predict(ORAL, data, {"CL": CL, "V": 30.0, "KA": 1.1}).sum()
    value = pytensor.function([x], [total, pytensor.grad(total, x)])
    at, step = np.log([2.0, 3.0, 4.0]), 1e-5
    for k in range(3):
        up, down = value(at + step * np.eye(3)[k])[0], value(at - step * np.eye(3)[k])[0]
        assert_allclose(value(at)[1][k], (up - down) / (2 * step), rtol=1e-7)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"CL": np.ones(5)}, r"number or 3 values, one per subject.*shape \(5\)"),
        ({"output": "effect"}, "one of the outputs cp"),
        ({"at": [99]}, "positions of records from 0 to 14"),
        ({"CLR": 1.0}, "CLR"),
    ],
)
def test_what_does_not_fit_is_refused(data, changed, said):
    options = {name: changed[name] for name in ("output", "at") if name in changed}
    given = {"CL": 2.0, "V": 30.0, "KA": 1.1} | {k: v for k, v in changed.items() if k not in options}
    with pytest.raises(bn.ModelError, match=rf"(?s){said}"):
        bn.predict(ORAL, data, given, **options)
