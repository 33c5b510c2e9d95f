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


TABLE = pd.DataFrame({"ID": [1, 1, 2, 2], "TIME": [0.0, 3, 1, 2], "DV": [1.0, 2, 3, 4], "dose": [0, 10, 0, 90]})


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
    graph = bn.build(bn.Model(structure=structure, parameters=parameters, residuals=residuals), bn.read(table))
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
