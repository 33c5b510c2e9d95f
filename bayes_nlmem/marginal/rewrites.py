"""What PyTensor's own rewrites leave in graphs with many small parts, as additions to a compilation mode."""

from __future__ import annotations

from typing import Any

import numpy as np
from pytensor.compile.mode import Mode, get_mode
from pytensor.graph.rewriting.basic import dfs_rewriter, node_rewriter
from pytensor.tensor.basic import Split
from pytensor.tensor.elemwise import Elemwise
from pytensor.tensor.rewriting.elemwise import local_dimshuffle_merge
from pytensor.tensor.variable import TensorConstant


@node_rewriter([Split])
def slices_of_split(fgraph: Any, node: Any) -> Any:
    """Slices in the place of a split: numba's split costs more than what is done to its parts."""
    x, sizes = node.inputs
    if not isinstance(sizes, TensorConstant):
        return False
    before, ends = (slice(None),) * (node.op.axis % x.ndim), np.cumsum(sizes.data)
    return [
        x[(*before, slice(int(end - size), int(end)))] for end, size in zip(ends, sizes.data, strict=True)
    ]


@node_rewriter([Elemwise])
def numbers_beside_themselves(fgraph: Any, node: Any) -> Any:
    """A new number where one is written over its argument: only a new one is given on without an array."""
    if not node.op.inplace_pattern or not all(all(out.type.broadcastable) for out in node.outputs):
        return False
    return Elemwise(node.op.scalar_op)(*node.inputs, return_list=True)


def mode_for_numba() -> Mode:
    """Numba's mode with splits as slices, and without arrays around numbers.

    Splits are looked for when their sizes are known as numbers, before slices of slices become one; numbers
    after they were fused, before those between fused operations are given on without an array around them.
    """
    return get_mode("NUMBA").register(
        (dfs_rewriter(slices_of_split), 1.05),
        (dfs_rewriter(local_dimshuffle_merge, numbers_beside_themselves), 99.0),
    )
