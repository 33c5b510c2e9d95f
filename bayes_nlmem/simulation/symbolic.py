"""Predictions of a structure as an expression, for a PyMC model written by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.engine.records import Requests
from bayes_nlmem.ground.messages import ModelError, closest, explain
from bayes_nlmem.structures.records import records_from_table

if TYPE_CHECKING:
    from pytensor.graph.basic import Variable


def predict(
    structure: Any,
    data: Dataset,
    parameters: Mapping[str, Any],
    *,
    output: str | None = None,
    at: Sequence[int] | None = None,
) -> Variable:
    """Predictions of a structure as a PyTensor expression, with exact derivatives in its parameters.

    The events (doses, infusions, steady states, resets) are those of the data, the semantics those of
    :func:`solve`, which gives the same numbers for known parameters. Everything else, random effects,
    covariates, residual error, is yours.

    Parameters
    ----------
    structure : structure
        Compartments, an `ODE`, or one driven by the other.
    data : Dataset
        Event table; see :func:`read`.
    parameters : mapping
        Name -> a number, or a tensor or array with one value per subject in the order of `data.subjects`.
    output : str, optional
        Output of the structure, by default its first.
    at : sequence of int, optional
        Positions of records in `data.table`, by default those of the observations.

    Returns
    -------
    TensorVariable, shape (n_records,)
        One prediction per record asked for.

    Raises
    ------
    ModelError
        Unknown or missing parameters or outputs (with the valid names), values that are neither one nor one
        per subject, records that the table does not have.

    Examples
    --------
    >>> import pymc as pm
    >>> import bayes_nlmem as bn
    >>> data = bn.zoo.load("theophylline").data
    >>> with pm.Model():
    ...     CL = pm.LogNormal("CL", 1, 0.5, shape=data.n_subjects)
    ...     cp = bn.predict(bn.OneCompartment(absorption="first-order"), data, {"CL": CL, "V": 32, "KA": 1.5})
    ...     y = pm.Normal("y", cp, 1, observed=data.table.DV[data.is_observation])
    >>> cp.eval({CL: [2.8] * 12}).shape
    (132,)
    """
    import pytensor.tensor as pt

    n, table = data.n_subjects, data.table
    values: dict[str, Any] = {}
    for name, value in parameters.items():
        own = structure.canonical(name)
        if own in values:
            raise ModelError(explain(expected=f"{own} once", got=f"it again as {name!r}"))
        values[own] = _one_or_each(name, pt.as_tensor_variable(value, dtype="float64"), n)
    named = output or structure.outputs[0]
    if named not in structure.outputs:
        known = list(structure.outputs)
        expected = f"one of the outputs {', '.join(known)}"
        raise ModelError(explain(expected=expected, got=repr(named), remedy=closest(named, known) or None))
    asked = np.flatnonzero(data.is_observation) if at is None else np.asarray(at, np.int64)
    if asked.ndim != 1 or not ((asked >= 0) & (asked < len(table))).all():
        raise ModelError(
            explain(expected=f"positions of records from 0 to {len(table) - 1}", got=f"at={at!r}"[:80])
        )
    records = records_from_table(table, structure, table["SUBJECT"].to_numpy(np.int64))
    requests = Requests(asked, np.full(len(asked), structure.outputs.index(named)))
    plan = structure.plan(records, requests, tuple(values))
    spread = {name: value if value.ndim else pt.full((n,), value) for name, value in values.items()}
    return structure.predict(spread, plan)


def _one_or_each(name: str, value: Variable, n: int) -> Variable:
    """A scalar, or one value per subject; refused if its shape is known to be another one."""
    length = value.type.shape[0] if value.ndim == 1 else None
    if value.ndim > 1 or (length is not None and length != n):
        shape = tuple("?" if size is None else size for size in value.type.shape)
        raise ModelError(
            explain(
                expected=f"{name} to be a number or {n} values, one per subject",
                got=f"shape ({', '.join(map(str, shape))})",
            )
        )
    return value
