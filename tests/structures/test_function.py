"""Structures given by a plain function."""

import json
import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn
from bayes_nlmem.model.serialise import from_dict, to_dict


def weight(t, A, B, k):
    return A * (1 - B * np.exp(-k * t))


def emax(dose, *, E0, EMAX, ED50):
    return E0 + EMAX * dose / (ED50 + dose)


TABLE = pd.DataFrame(
    {"ID": [1, 1, 2, 2], "TIME": [0.0, 3, 1, 2], "DV": [1.0, 2, 3, 4], "dose": [0, 10, 0, 90]}
)


def test_it_is_a_value():
    one, two = bn.Function(weight), bn.Function(weight)
    assert one == two and hash(one) == hash(two) and one.parameters == ("A", "B", "k")
    assert pickle.loads(pickle.dumps(one)) == one
    assert from_dict(json.loads(json.dumps(to_dict(one)))) == one


def test_text_and_function_are_the_same():
    text = bn.Function("weight = A * (1 - B * exp(-k * t))")
    assert text == bn.Function(weight)
    assert bn.Function(str(text)) == text


def test_parameters_by_attribute():
    assert bn.Function(lambda t, p: {"weight": p.A * (1 - p.B * np.exp(-p.k * t))}) == bn.Function(weight)


def graph_of(structure, values, table=TABLE, columns=()):
    data = bn.read(table, covariates=list(columns))
    parameters = {name: bn.Parameter(v, scale=bn.Natural()) for name, v in values.items()}
    residuals = {structure.outputs[0]: bn.Additive(bn.about(1.0))}
    return bn.build(bn.Model(structure=structure, parameters=parameters, residuals=residuals), data)


def test_the_graph_predicts_what_the_function_says():
    values = {"A": 100.0, "B": 0.9, "k": 0.3}
    found = graph_of(bn.Function(weight), values)["weight"].eval(mode="FAST_COMPILE")
    assert_allclose(found, weight(TABLE.TIME, **values), rtol=1e-12)


def test_columns_of_the_data_enter():
    values = {"E0": 5.0, "EMAX": 100.0, "ED50": 20.0}
    structure = bn.Function(emax, columns=("dose",))
    assert structure.parameters == ("E0", "EMAX", "ED50")
    found = graph_of(structure, values, columns=["dose"])["emax"].eval(mode="FAST_COMPILE")
    assert_allclose(found, emax(TABLE.dose, **values), rtol=1e-12)


def test_several_outputs_by_endpoint():
    structure = bn.Function(lambda t, a, b: {"one": a + b * t, "two": a - b * t})
    table = TABLE.assign(DVID=["one", "two", "two", "one"])
    parameters = {"a": bn.Parameter(2.0), "b": bn.Parameter(0.5)}
    residuals = {"one": bn.Additive(bn.about(1.0)), "two": bn.Additive(bn.about(1.0))}
    graph = bn.build(
        bn.Model(structure=structure, parameters=parameters, residuals=residuals), bn.read(table)
    )
    assert_allclose(graph["one"].eval(mode="FAST_COMPILE"), [2.0, 3.0])
    assert_allclose(graph["two"].eval(mode="FAST_COMPILE"), [0.5, 1.5])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: bn.Function(lambda t, a: a if t > 1 else 0.0), "np.where"),
        (lambda: bn.Function(lambda t, a, b: a * t), "'b'"),
        (lambda: bn.Function(lambda t, a=1.0: a * t), "defaults"),
        (lambda: bn.Function(lambda t, *a: t), r"\*a"),
        (lambda: bn.Function(lambda t, a: {"a": a * t}), "different names"),
        (lambda: bn.Function(weight, parameters=("A", "B")), "k"),
        (lambda: bn.Function(weight, columns=("dose",)), "dose"),
        (lambda: bn.Function(3.0), "a function or text"),
        (lambda: bn.Function("y = a * t", outputs="z"), "z"),
    ],
)
def test_what_cannot_be_traced_is_said(make, words):
    with pytest.raises(bn.ModelError, match=words):
        make()


def test_doses_are_not_ignored():
    table = TABLE.assign(AMT=[100.0, 0, 0, 0], EVID=[1, 0, 0, 0])
    with pytest.raises(bn.DataError, match="E_DOSE_UNUSED"):
        graph_of(bn.Function(weight), {"A": 1.0, "B": 0.5, "k": 0.1}, table.iloc[:2])


def test_a_column_that_was_not_read_is_named():
    with pytest.raises(bn.ModelError, match="dose"):
        graph_of(bn.Function(emax, columns=("dose",)), {"E0": 5.0, "EMAX": 100.0, "ED50": 20.0})


# --- driven by a closed form -------------------------------------------------------------------------------

PK = pd.DataFrame(
    {"ID": 1, "TIME": [0.0, 1, 4, 12], "EVID": [1, 0, 0, 0], "AMT": [100.0, 0, 0, 0],
     "DV": [0, 2.0, 1.0, 0.0],
     "DVID": ["cp", "cp", "logit", "cp"]}
)  # fmt: skip
DRIVEN = bn.OneCompartment().drives(bn.Function("logit = A + B * cp - t"))


def test_a_concentration_in_closed_form_drives_a_function():
    values = {"CL": 2.0, "V": 20.0, "A": -1.0, "B": 0.4}
    parameters = {name: bn.Parameter(v, scale=bn.Natural()) for name, v in values.items()}
    residuals = {"cp": bn.Additive(bn.about(1.0)), "logit": bn.Bernoulli()}
    graph = bn.build(bn.Model(structure=DRIVEN, parameters=parameters, residuals=residuals), bn.read(PK))
    cp = 5 * np.exp(-0.1 * np.array([1.0, 4, 12]))
    assert_allclose(graph["cp"].eval(mode="FAST_COMPILE"), cp[[0, 2]], rtol=1e-9)
    assert_allclose(graph["logit"].eval(mode="FAST_COMPILE"), -1 + 0.4 * cp[1] - 4, rtol=1e-9)


def test_a_driven_function_is_a_value():
    assert from_dict(json.loads(json.dumps(to_dict(DRIVEN)))) == DRIVEN
    assert DRIVEN.accepts("F") and not DRIVEN.accepts("cp")


def test_numbers_and_graph_agree():
    found = bn.solve(DRIVEN, PK, {"CL": 2.0, "V": 20.0, "A": -1.0, "B": 0.4})
    assert_allclose(found["logit"].iloc[1:], -1 + 0.4 * found["cp"].iloc[1:] - PK.TIME[1:], rtol=1e-9)


def test_what_drives_nothing_is_refused():
    with pytest.raises(bn.ModelError, match="cp"):
        bn.OneCompartment().drives(bn.Function("logit = A + B * t"))


def test_the_function_stands_in_the_equations():
    parameters = {"A": bn.Parameter(bn.about(100.0), iiv=0.1), "B": bn.Parameter(0.9), "k": bn.Parameter(0.1)}
    model = bn.Model(
        structure=bn.Function(weight), parameters=parameters, residuals={"weight": bn.Additive(1.0)}
    )
    assert "weight_ij = A_i · (1 - B · exp(-k · t_ij))" in bn.equations(model)
