"""Machine code is found by what a graph computes, not by its data, and computes the same when loaded."""

from dataclasses import replace

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from numpy.testing import assert_array_equal

import bayes_nlmem as bn
from bayes_nlmem.marginal.by_address import ARGUMENTS
from bayes_nlmem.marginal.compiled import compile_flat
from bayes_nlmem.marginal.fingerprint import fingerprint
from bayes_nlmem.marginal.machine_code import (
    _note,
    _Operation,
    machine_code,
)
from bayes_nlmem.translation.flat import Flat, bundle
from bayes_nlmem.translation.graph import translate


def key(model, data):
    graph = translate(model, data, geometry="centred").graph
    flat = Flat(graph, tuple(graph.free_RVs))
    held = bundle(flat.of_vector([graph.logp()]))
    return fingerprint([flat.joined, held.floats, held.ints], held.outputs)


@pytest.fixture(scope="module")
def study():
    return bn.zoo.load("theophylline")


def test_other_data_of_the_same_shape_need_no_other_code(study):
    rows = study.data.table
    first = key(study.model, study.data)
    changed = rows.assign(DV=np.where(rows["EVID"] == 0, rows["DV"] * 1.1, rows["DV"]))
    assert first is not None
    assert key(study.model, replace(study.data, table=changed)) == first


def test_another_model_needs_other_code(study):
    one = study.model
    other = one.with_residual("cp", bn.Additive(bn.HalfNormal(1.0)))
    assert key(one, study.data) != key(other, study.data)


@pytest.mark.parametrize(
    "other",
    [
        lambda x: [x[0] * 2.0],
        lambda x: [x[0] * 3.0 + 1.0],
        lambda x: [pt.log(x[0]) + 1.0],
        lambda x: [x[1] * 2.0 + 1.0],
        lambda x: [x[0] * 2.0 + 1.0, x[1]],
    ],
)
def test_every_difference_counts(other):
    x = [pt.dvector(), pt.dvector()]
    assert fingerprint(x, [x[0] * 2.0 + 1.0]) != fingerprint(x, other(x))
    assert fingerprint(x, [x[0] * 2.0 + 1.0]) == fingerprint(x, [x[0] * 2.0 + 1.0])


def test_code_from_disk_computes_the_same():
    import pymc as pm

    inputs = [pt.TensorType("float64", shape=(3,))("point"), pt.dvector("floats"), pt.lvector("ints")]
    outputs = [pt.exp(inputs[0]).sum() * 1.25 + inputs[1][0], inputs[0] ** 2]
    values = (np.array([0.1, 0.2, 0.3]), np.array([2.0]), np.array([1], np.int64))
    compiled = []

    def compile_it():
        compiled.append(True)
        return pm.pytensorf.compile(inputs, outputs, mode="NUMBA", on_unused_input="ignore")

    first = machine_code(inputs, outputs, compile_it)
    before = [np.array(found) for found in first(*values)]
    compiled.clear()
    second = machine_code(inputs, outputs, compile_it)
    assert not compiled
    assert (ARGUMENTS,) in second.overloads
    for found, expected in zip(second(*values), before, strict=True):
        assert_array_equal(found, expected)


def test_code_that_is_gone_is_made_again():
    """The note says where the code was; an emptied cache or another processor has none there."""
    import pymc as pm

    inputs = [pt.TensorType("float64", shape=(2,))("point"), pt.dvector("floats"), pt.lvector("ints")]
    outputs = [pt.exp(inputs[0]).sum() * 1.375 + inputs[1][0], inputs[0] ** 2]
    values = (np.array([0.1, 0.2]), np.array([2.0]), np.array([1], np.int64))
    compiled = []

    def compile_it():
        compiled.append(True)
        return pm.pytensorf.compile(inputs, outputs, mode="NUMBA", on_unused_input="ignore")

    first = machine_code(inputs, outputs, compile_it)(*values)
    with pytensor.config.change_flags(numba__fastmath=False):
        note = _note(inputs, outputs)
    assert note is not None and note.exists()
    note.write_text("numba_funcified_fgraph no_such_key")
    compiled.clear()
    second = machine_code(inputs, outputs, compile_it)(*values)
    assert compiled
    for found, expected in zip(second, first, strict=True):
        assert_array_equal(found, expected)


def test_derivatives_are_made_only_where_the_code_is_not_there():
    """They are told apart by name, and not mistaken for the expressions they come from."""
    import pymc as pm

    with pm.Model() as graph:
        pm.Normal("x", shape=2)
    flat = Flat(graph, tuple(graph.free_RVs))
    [x] = flat.inputs
    value = (x**3).sum() * 1.4375
    asked = []

    def slope():
        asked.append("slope")
        return [pytensor.grad(value, x)]

    def curvature():
        asked.append("curvature")
        return [pytensor.grad(pytensor.grad(value, x).sum(), x)]

    point = np.array([1.0, 2.0])
    for _ in range(2):
        [found] = compile_flat(flat, [value], slope, about="slope")(point)
        assert_array_equal(found, 3 * 1.4375 * point**2)
        [found] = compile_flat(flat, [value], curvature, about="curvature")(point)
        assert_array_equal(found, 6 * 1.4375 * point)
    assert asked in ([], ["slope", "curvature"])  # none where an earlier run has left the code on disk
    assert_array_equal(compile_flat(flat, [value])(point), [9 * 1.4375])
    asked.clear()
    compile_flat(flat, [value], slope, about="slope")
    assert not asked


def test_an_operation_that_was_typed_in_has_no_fingerprint():
    """Its lines are in no file, so that nobody could tell when they change."""
    from pytensor.graph.basic import Apply
    from pytensor.graph.op import Op

    def own(module):
        def make_node(self, x):
            return Apply(self, [x], [x.type()])

        def perform(self, node, inputs, storage):
            storage[0][0] = inputs[0]

        held = {"__props__": (), "__module__": module, "__qualname__": "Own"}
        return type("Own", (Op,), {**held, "make_node": make_node, "perform": perform})()

    x = pt.dvector()
    assert fingerprint([x], [own(__name__)(x)]) is not None
    assert fingerprint([x], [own("module_without_a_file")(x)]) is None


def test_a_translation_has_an_entry_for_every_function_that_takes_it_over():
    """Numba forgets an entry when the function goes that had it, while others may be compiled with it."""
    from numba import njit, types
    from numba.core.registry import cpu_target

    signature = (types.float64,)
    first = njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)(lambda x: x + 1.0)
    first._cache = _Operation("one that is tested")
    first.compile(signature)
    found = [first._cache.load_overload(signature, cpu_target.target_context) for _ in range(2)]
    entries = [one.entry_point for one in (first.overloads[signature], *found)]
    assert len({id(entry) for entry in entries}) == 3
