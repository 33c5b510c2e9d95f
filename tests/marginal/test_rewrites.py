"""Splits become slices, without a change of what is computed."""

import numpy as np
import pytensor
import pytensor.tensor as pt
from numpy.testing import assert_allclose
from pytensor.tensor.basic import Split

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
