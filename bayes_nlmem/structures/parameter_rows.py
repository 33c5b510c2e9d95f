"""Parameters by row as the matrices that solvers take: numbers are spread over the rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pytensor.graph.basic import Variable


def values_by_row(p: Mapping[str, Any], names: Iterable[str], n_rows: int) -> dict[str, np.ndarray]:
    """The parameters `names` as arrays (n_rows,)."""
    return {name: np.broadcast_to(np.asarray(p[name], float), (n_rows,)) for name in names}


def symbolic_values(p: Mapping[str, Any], names: Iterable[str]) -> dict[str, Variable]:
    """The parameters `names` as tensors, scalars or (n_rows,)."""
    import pytensor.tensor as pt

    return {name: pt.as_tensor_variable(p[name]) for name in names}


def symbolic_matrix(columns: Sequence[Any], values: Mapping[str, Variable], n_rows: int) -> Variable:
    """Columns that follow from the `values` as a matrix (n_rows, n_columns)."""
    import pytensor.tensor as pt

    columns = [pt.as_tensor_variable(column) for column in columns]
    spread = next((0.0 * value for value in values.values() if value.ndim == 1), pt.zeros(n_rows))
    return pt.stack([column + spread if column.ndim == 0 else column for column in columns], axis=1)
