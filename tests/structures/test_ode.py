"""The structure given by equations."""

import json
import pickle

import numpy as np
import pandas as pd
import pytest

import bayes_nlmem as bn
from bayes_nlmem.model.serialise import from_dict, to_dict


def rates(t, y, p):
    c = y.central / p.V
    return {"depot": -p.KA * y.depot, "central": p.KA * y.depot - p.VM * c / (p.KM + c)}


STRUCTURE = bn.ODE(rates, outputs=lambda y, p: {"cp": y.central / p.V})
TABLE = pd.DataFrame(
    {"ID": 1, "TIME": [0.0, 1, 4, 12], "EVID": [1, 0, 0, 0], "AMT": [100.0, 0, 0, 0], "DV": 1.0}
)
VALUES = {"V": 30.0, "KA": 1.2, "VM": 12.0, "KM": 2.5}


def test_it_is_a_value():
    again = bn.ODE(rates, outputs=lambda y, p: {"cp": y.central / p.V})
    assert again == STRUCTURE and hash(again) == hash(STRUCTURE)
    assert pickle.loads(pickle.dumps(STRUCTURE)) == STRUCTURE
    assert from_dict(json.loads(json.dumps(to_dict(STRUCTURE)))) == STRUCTURE


def test_a_pickled_structure_predicts_the_same():
    again = pickle.loads(pickle.dumps(STRUCTURE))
    one, two = (bn.solve(s, TABLE, VALUES) for s in (STRUCTURE, again))
    pd.testing.assert_frame_equal(one, two)


def test_text_and_function_are_the_same_model():
    text = """
        c = central / V
        d/dt(depot) = -KA * depot
        d/dt(central) = KA * depot - VM * c / (KM + c)
        cp = c
    """
    found = bn.solve(bn.ODE(text, outputs=("cp",)), TABLE, VALUES)
    np.testing.assert_allclose(found["cp"], bn.solve(STRUCTURE, TABLE, VALUES)["cp"], rtol=1e-12)


def test_inputs_of_doses_may_be_functions_of_parameters():
    scaled = bn.ODE(lambda y, p: {"c": -p.k * y.c}, inputs=lambda p: {"F_c": 1 / p.V, "ALAG_c": p.L})
    found = bn.solve(scaled, TABLE, {"k": 0.1, "V": 20.0, "L": 0.5})["A_c"]
    np.testing.assert_allclose(found[1:], 5 * np.exp(-0.1 * (TABLE["TIME"][1:] - 0.5)), rtol=1e-7)
    assert not scaled.accepts("F_c") and scaled.accepts("F")


def test_failure_is_nan_with_a_reason():
    growing = bn.ODE("d/dt(a) = k * a * a")
    table = pd.DataFrame(
        {"ID": [1, 1, 2, 2], "TIME": [0.0, 1, 0, 1], "EVID": [1, 0] * 2, "AMT": [10.0, 0] * 2, "DV": 1.0}
    )
    with pytest.warns(RuntimeWarning, match="subject 2"):
        found = bn.solve(growing, table, {"k": [0.01, 1.0]})["A_a"]
    assert np.isnan(found[2:]).all()
    np.testing.assert_allclose(found[1], 10 / (1 - 0.1), rtol=1e-7)


def test_no_steady_state_is_nan_with_a_reason():
    table = pd.DataFrame(
        {
            "ID": 1,
            "TIME": [0.0, 1],
            "EVID": [1, 0],
            "AMT": [500.0, 0],
            "II": [12.0, 0],
            "SS": [1, 0],
            "DV": 1.0,
        }
    )
    with pytest.warns(RuntimeWarning, match="no steady state"):
        assert np.isnan(bn.solve(STRUCTURE, table, VALUES)["cp"]).all()


def test_unknown_parameters_and_words():
    with pytest.raises(bn.ModelError, match="KAA"):
        bn.solve(STRUCTURE, TABLE, {**VALUES, "KAA": 1.0})
    with pytest.raises(bn.ModelError, match="'stif'"):
        bn.ODE(rates, solver="stif")
    with pytest.raises(bn.ModelError, match="`dose`"):
        bn.ODE(rates, dose="gut")
    with pytest.raises(bn.ModelError, match="relative"):
        bn.Tolerances(relative=0)


def test_gradient_in_a_graph():
    import pytensor
    import pytensor.tensor as pt

    from bayes_nlmem.engine.records import Records, Requests

    n = 5
    zero = np.zeros(2 * n)
    records = Records(
        start=[0, n, 2 * n], time=[0, 1, 2, 12, 14] * 2, evid=[1, 0, 0, 1, 0] * 2, amt=[100.0, 0, 0, 50, 0] *
        2, rate=zero, ii=zero, addl=zero, ss=zero, cmt=zero, row=[0] * n + [1, 1, 1, 2, 2],
    )  # fmt: skip
    names = (*VALUES, "ALAG")
    plan = STRUCTURE.plan(records, Requests([1, 2, 4, 6, 7, 9], [0, 0, 0, 0, 1, 2]), names)
    x = pt.dmatrix("x")
    value = (STRUCTURE.predict({name: x[:, i] for i, name in enumerate(names)}, plan) ** 2).sum()
    function = pytensor.function([x], [value, pt.grad(value, x)], mode="NUMBA")
    point = np.tile([*VALUES.values(), 0.3], (3, 1)) * np.array([[1.0], [1.1], [0.9]])
    gradient = function(point)[1]
    for row in range(3):
        for i in range(len(names)):
            step = np.zeros_like(point)
            step[row, i] = 1e-4 * point[row, i]
            slope = (function(point + step)[0] - function(point - step)[0]) / (2 * step[row, i])
            assert gradient[row, i] == pytest.approx(slope, rel=1e-4, abs=1e-4)
