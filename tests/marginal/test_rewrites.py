"""Splits become slices and numbers stay numbers, without a change of what is computed."""

import numpy as np
import pytensor
import pytensor.tensor as pt
from numpy.testing import assert_allclose
from pytensor.tensor.basic import Split
from pytensor.tensor.rewriting.scalarize import ScalarizedElemwise

from bayes_nlmem.marginal.rewrites import mode_for_numba


def test_splits_become_slices():
    x, y, matrix = pt.dvector(), pt.dvector(), pt.dmatrix()
    first, second = pt.split(x, [1, 3], n_splits=2, axis=0)
    left, right = pt.split(matrix, [1, 2], n_splits=2, axis=-1)
    joined = pt.concatenate([first, y])
    outputs = [first, second, left, right, pytensor.grad((joined**2).sum(), y)]
    function = pytensor.function([x, y, matrix], outputs, mode=mode_for_numba())
    known = [node for node in function.maker.fgraph.apply_nodes if isinstance(node.op, Split)]
    assert all(node.inputs[1].owner is not None for node in known)  # sizes that are not known stay
    values, rows = np.arange(4.0), np.arange(6.0).reshape(2, 3)
    expected = [values[:1], values[1:], rows[:, :1], rows[:, 1:], 2 * np.ones(5)]
    for found, wanted in zip(function(values, np.ones(5), rows), expected, strict=True):
        assert_allclose(found, wanted)


def test_numbers_between_operations_have_no_array():
    x = pt.dvector()
    length = pt.cumsum(x * x)[:1].reshape(())  # nothing is fused with it
    value = pt.switch(length > 1, length**2, -length) + x[1]
    outputs = [value * 2, pt.stack([pt.sin(value), x[0]])]

    def with_an_array(mode):
        function = pytensor.function([x], outputs, mode=mode)
        assert_allclose(np.hstack(function(np.arange(3.0))), [2, np.sin(1), 0], atol=1e-15)
        return sum(isinstance(node.op, ScalarizedElemwise) for node in function.maker.fgraph.apply_nodes)

    assert with_an_array("NUMBA") == 1  # else PyTensor does it by itself now
    assert with_an_array(mode_for_numba()) == 0
