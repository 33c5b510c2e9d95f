"""What a user sees of the compartment structures."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from bayes_nlmem.engine.records import Records, Requests
from bayes_nlmem.ground.messages import DataError, ModelError
from bayes_nlmem.structures.compartments import OneCompartment, ThreeCompartment, TwoCompartment
from bayes_nlmem.structures.parameterisation import ALIASES


def records(time, **columns):
    size = len(time)
    full = {name: np.zeros(size) for name in ("evid", "amt", "rate", "ii", "addl", "ss", "cmt", "row")}
    return Records(
        start=np.array([0, size]),
        time=np.array(time),
        **(full | {k: np.array(v) for k, v in columns.items()}),
    )


def test_names_of_parameters_compartments_and_outputs():
    assert OneCompartment().parameters == ("CL", "V")
    assert TwoCompartment(absorption="first-order").parameters == ("CL", "V1", "Q", "V2", "KA")
    assert ThreeCompartment(absorption="zero-order").parameters == ("CL", "V1", "Q2", "V2", "Q3", "V3", "D")
    assert ThreeCompartment().outputs == ("cp", "A_central", "A_peripheral1", "A_peripheral2")
    oral = TwoCompartment(absorption="first-order")
    assert oral.compartments == ("depot", "central", "peripheral")
    assert (oral.default_dose, oral.default_observation) == ("depot", "central")
    assert oral.accepts("ALAG_depot") and oral.accepts("F") and not oral.accepts("V")
    assert "D" not in OneCompartment(absorption="zero-order").optional


def test_structures_are_values():
    assert OneCompartment(absorption="first-order") == OneCompartment(absorption="first-order")
    assert len({TwoCompartment(), TwoCompartment(), TwoCompartment(absorption="zero-order")}) == 2
    assert repr(OneCompartment(absorption="first-order")) == "OneCompartment(absorption='first-order')"
    assert repr(TwoCompartment()) == "TwoCompartment()"


@pytest.mark.parametrize("words", [{"absorption": "oral"}, {"parameterisation": "macro"}])
def test_an_unknown_word_lists_the_known_ones(words):
    with pytest.raises(ModelError, match="first-order|rate constants"):
        OneCompartment(**words)


def test_usual_names_are_understood():
    assert OneCompartment().canonical("VC") == "V"
    assert TwoCompartment().canonical("Q2") == "Q"
    assert OneCompartment(absorption="first-order").canonical("TLAG") == "ALAG"
    assert TwoCompartment(parameterisation="rate constants").canonical("K12") == "k12"
    for n, structure in ((1, OneCompartment), (2, TwoCompartment), (3, ThreeCompartment)):
        kinds = [structure(parameterisation=p) for p in ("clearances", "rate constants")]
        for name, own in ALIASES[n].items():
            assert any(kind.accepts(own) for kind in kinds)
            assert not any(kind.accepts(name) and kind.accepts(own) for kind in kinds), name


def test_an_unknown_parameter_lists_the_valid_ones():
    with pytest.raises(ModelError, match=r"CL, V; optional: F, F_central, ALAG.*got 'VMAX'"):
        OneCompartment().canonical("VMAX")


@pytest.mark.parametrize(
    ("value", "number"), [(0, 0), ("0", 0), (2, 2), (2.0, 2), ("Central", 2), (" 1 ", 1)]
)
def test_compartment_numbers(value, number):
    assert OneCompartment(absorption="first-order").compartment_number(value) == number


@pytest.mark.parametrize("value", [3, -1, 1.5, "gut", np.nan])
def test_an_unknown_compartment_lists_the_known_ones(value):
    with pytest.raises(DataError, match=r"1 = depot, 2 = central|negative"):
        OneCompartment(absorption="first-order").compartment_number(value)


DOSE = {"evid": [1, 0], "amt": [100.0, 0]}


def plan_of(structure, names=None, **columns):
    table = records([0.0, 2.0], **(DOSE | columns))
    return structure.plan(table, Requests([1], [0]), structure.parameters if names is None else names)


def test_missing_parameters_are_named():
    with pytest.raises(ModelError, match="no Q, no V2"):
        plan_of(TwoCompartment(), ("CL", "V1"))


@pytest.mark.parametrize(("rate", "letter"), [(-1.0, "R"), (-2.0, "D")])
def test_modelled_infusions_need_their_parameter(rate, letter):
    with pytest.raises(ModelError, match=rf"a parameter {letter} .*RATE = {rate:g}.*record 1"):
        plan_of(OneCompartment(), rate=[rate, 0])
    plan_of(OneCompartment(), ("CL", "V", f"{letter}_central"), rate=[rate, 0])
    with pytest.raises(ModelError):
        plan_of(
            OneCompartment(absorption="first-order"), ("CL", "V", "KA", f"{letter}_central"), rate=[rate, 0]
        )


@pytest.mark.parametrize(
    ("code", "columns"),
    [
        ("E_CMT", {"cmt": [2, 0]}),
        ("E_CMT", {"cmt": [-1, 0]}),
        ("E_RATE", {"rate": [-3.0, 0]}),
        ("E_ADDL_NO_II", {"addl": [2, 0]}),
        ("E_SS_NO_II", {"ss": [1, 0]}),
        ("E_SS_CONSTANT_AMT", {"ss": [1, 0], "amt": [0.0, 0], "rate": [5.0, 0], "ii": [6.0, 0]}),
        ("E_NOT_FINITE", {"amt": [np.nan, 0]}),
    ],
)
def test_records_that_make_no_sense_are_refused(code, columns):
    with pytest.raises(DataError) as error:
        plan_of(OneCompartment(), **columns)
    assert error.value.codes == (code,)
    assert error.value.faults[0].rows == (1,)


def test_time_must_not_decrease_without_a_reset():
    structure = OneCompartment()
    with pytest.raises(DataError, match="E_TIME_ORDER"):
        structure.plan(records([1.0, 0.0]), Requests([1], [0]), ("CL", "V"))
    structure.plan(records([1.0, 0.0], evid=[0, 3]), Requests([1], [0]), ("CL", "V"))


def test_a_compartments_own_input_goes_before_the_general_one():
    structure = OneCompartment()
    given = {"CL": 0.0, "V": 1.0, "F": 0.5, "F_central": 0.25}
    assert structure.evaluate(given, plan_of(structure, tuple(given))) == pytest.approx([25.0])


def test_zero_order_absorption_is_an_infusion_over_d():
    zero, plain = OneCompartment(absorption="zero-order"), OneCompartment()
    values = {"CL": 2.0, "V": 10.0, "D": 1.5}
    got = zero.evaluate(values, plan_of(zero))
    assert got == pytest.approx(plain.evaluate(values, plan_of(plain, tuple(values), rate=[-2.0, 0])))


def test_rate_constants_and_clearances_say_the_same():
    clearances, constants = ThreeCompartment(), ThreeCompartment(parameterisation="rate constants")
    p = {"CL": 2.0, "V1": 10.0, "Q2": 3.0, "V2": 20.0, "Q3": 0.5, "V3": 50.0}
    k = {"k": 0.2, "k12": 0.3, "k21": 0.15, "k13": 0.05, "k31": 0.01, "V1": 10.0}
    assert_allclose(
        clearances.evaluate(p, plan_of(clearances)), constants.evaluate(k, plan_of(constants)), rtol=1e-14
    )
