"""The Op in PyTensor graphs."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from numpy.testing import assert_allclose

from bayes_nlmem.engine.kernel import SOURCE_KEY
from bayes_nlmem.engine.op import LinearWalk, contract, shared_tables, symbolic_amounts
from bayes_nlmem.engine.records import Records, Requests
from bayes_nlmem.structures.compartments import OneCompartment

N_SUBJECTS, N_RECORDS = 3, 5


@pytest.fixture(scope="module")
def study():
    """(structure, plan, parameters) of three subjects with one oral dose."""
    structure = OneCompartment(absorption="first-order")
    time = np.tile([0.0, 0.5, 1.5, 6.0, 24.0], N_SUBJECTS)
    evid = np.tile([1, 0, 0, 0, 0], N_SUBJECTS)
    zero = np.zeros_like(time)
    records = Records(
        start=np.arange(N_SUBJECTS + 1) * N_RECORDS, time=time, evid=evid, amt=100.0 * evid, rate=zero,
        ii=zero, addl=zero, ss=zero, cmt=zero, row=np.repeat(np.arange(N_SUBJECTS), N_RECORDS),
    )  # fmt: skip
    asked = np.flatnonzero(evid == 0)
    names = ("CL", "V", "KA", "ALAG")
    plan = structure.plan(records, Requests(asked, np.zeros_like(asked)), names)
    values = {
        "CL": np.array([2.0, 3.0, 1.5]), "V": np.array([30.0, 20.0, 25.0]), "KA": np.array([1.0, 0.15, 2.0]),
        "ALAG": np.array([0.2, 0.1, 0.3]),
    }  # fmt: skip
    return structure, plan, values


def ops(function):
    return [node.op for node in function.maker.fgraph.toposort()]


@pytest.mark.parametrize("mode", ["NUMBA", "FAST_COMPILE"])
def test_predictions_and_gradient_in_every_backend(study, mode):
    structure, plan, values = study
    inputs = {name: pt.dvector(name) for name in values}
    prediction = structure.predict(inputs, plan)
    weights = np.linspace(1, 2, plan.n_requests)
    gradient = pt.grad((weights * prediction).sum(), list(inputs.values()))
    function = pytensor.function(list(inputs.values()), [prediction, *gradient], mode=mode)
    got, *slopes = function(*values.values())
    assert_allclose(got, structure.evaluate(values, plan), rtol=1e-13)
    for name, slope in zip(values, slopes, strict=True):
        for subject in range(N_SUBJECTS):
            step = np.zeros(N_SUBJECTS)
            step[subject] = 1e-5 * values[name][subject]
            up, down = (structure.evaluate(values | {name: values[name] + s}, plan) for s in (step, -step))
            assert slope[subject] == pytest.approx(
                weights @ (up - down) / (2 * step[subject]), rel=1e-6, abs=1e-9
            )
    assert sum(isinstance(op, LinearWalk) for op in ops(function)) == 1


def test_gradient_by_pytensors_own_check(study):
    structure, plan, values = study
    tables = {name: pt.constant(table) for name, table in plan.tables.items()}

    def predict(*arguments):
        return structure.predict(dict(zip(values, arguments, strict=True)), plan, tables)

    rng = np.random.default_rng(1)
    pytensor.gradient.verify_grad(predict, list(values.values()), rng=rng, mode="FAST_COMPILE")


def test_the_contraction_is_linear_in_its_cotangent(study):
    rng = np.random.default_rng(2)
    sens, pairs = rng.normal(size=(4, 2)), np.array([[0, 0], [1, 0], [1, 1], [2, 2]])
    pytensor.gradient.verify_grad(
        lambda g: contract(g, sens, pairs, np.int64(3)), [rng.normal(size=3)], rng=rng, mode="FAST_COMPILE"
    )


def test_sensitivities_are_dropped_where_nobody_uses_them(study):
    structure, plan, values = study
    inputs = {name: pt.dvector(name) for name in values}
    function = pytensor.function(list(inputs.values()), structure.predict(inputs, plan), mode="NUMBA")
    assert [op.sensitive for op in ops(function) if isinstance(op, LinearWalk)] == [False]
    assert_allclose(function(*values.values()), structure.evaluate(values, plan), rtol=1e-13)


def test_the_compiled_graph_can_be_cached(study):
    """No object mode, no constants of the data in the code, and a key made of the sources."""
    from pytensor.link.numba.dispatch.basic import numba_funcify_and_cache_key

    for op in (LinearWalk(1, True), LinearWalk(3, False, sensitive=False), contract):
        _, key = numba_funcify_and_cache_key(op)
        assert key is not None and SOURCE_KEY in str(key)


def test_tables_are_shared_variables_with_names_of_their_own(study):
    _, plan, _ = study
    one, other = shared_tables(plan), shared_tables(plan)
    names = [table.name for tables in (one, other) for table in tables.values()]
    assert len(set(names)) == len(names)


def test_new_data_need_no_new_graph(study):
    structure, plan, values = study
    tables = shared_tables(plan)
    inputs = {name: pt.dvector(name) for name in values}
    function = pytensor.function(list(inputs.values()), structure.predict(inputs, plan, tables), mode="NUMBA")
    before = function(*values.values())
    floats = plan.tables["floats"].copy()
    floats[:, 1] *= 3  # AMT
    tables["floats"].set_value(floats)
    assert_allclose(function(*values.values()), 3 * before, rtol=1e-13)


def test_too_few_rows_of_parameters_are_a_status_and_nothing_worse(study):
    structure, plan, values = study
    phi = pt.dmatrix()
    amounts, status = symbolic_amounts(phi, plan, shared_tables(plan))
    function = pytensor.function([phi], [amounts, status, pt.grad(amounts[:4].sum(), phi)], mode="NUMBA")
    got, code, slopes = function(np.column_stack(structure.engine_columns(values, plan))[:2])
    assert code.tolist() == [0, 0, 1]
    assert np.isfinite(got[:8]).all() and np.isnan(got[8:]).all() and np.isfinite(slopes[:1]).all()


def test_a_status_per_subject(study):
    structure, plan, values = study
    phi = np.column_stack(structure.engine_columns(values, plan))
    phi[1, 0] = np.nan
    amounts, status = symbolic_amounts(pt.constant(phi), plan, shared_tables(plan))
    a, s = pytensor.function([], [amounts, status], mode="NUMBA")()
    assert s.tolist() == [0, 1, 0]
    assert np.isnan(a[4:8]).all() and np.isfinite(np.delete(a, range(4, 8))).all()
