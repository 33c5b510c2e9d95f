"""Predictions of a structure for given parameters, record by record."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.data.reader import read
from bayes_nlmem.engine.layout import FINE, MEANING
from bayes_nlmem.engine.records import Requests
from bayes_nlmem.ground.messages import ModelError, closest, explain, names_text
from bayes_nlmem.structures.records import records_from_table

if TYPE_CHECKING:
    from bayes_nlmem.structures.compartments import OneCompartment, ThreeCompartment, TwoCompartment
    from bayes_nlmem.structures.ode import ODE

# A table that is only to be solved needs no observations, and may ask twice for the same time.
_ALLOWED = ("E_SUBJECT_NO_DOSE", "E_SUBJECT_NO_OBSERVATION", "E_DUPLICATED_RECORD")


def solve(
    structure: OneCompartment | TwoCompartment | ThreeCompartment | ODE,
    data: Dataset | pd.DataFrame,
    parameters: Mapping[str, Any],
) -> pd.DataFrame:
    """Solve a structure for the events of a table: compartments exactly, equations within their tolerances.

    Event semantics are NONMEM's: the parameters of a record hold over the interval that ends at it; doses
    under way (additional or lagged ones) come before any record of the same time; steady states are the
    periodic solution, not a train of pulses. EVID 3 and 4 also cancel doses under way.

    Parameters
    ----------
    structure : OneCompartment, TwoCompartment, ThreeCompartment or ODE
    data : Dataset or DataFrame
        Event table; DV may be absent. A DataFrame is read with :func:`bayes_nlmem.read`.
    parameters : mapping
        Name -> a number, an array with one value per subject, an array with one value per record, or the
        name of a column of the table. `F`, `ALAG`, `D` (duration of doses with RATE = -2) and `R` (rate of
        doses with RATE = -1) belong to the dose, whichever compartment it enters, with the values of its own
        record for it and its additional doses; `F_depot`, `ALAG_central`, ... name one compartment.

    Returns
    -------
    DataFrame
        One row per record in the order of the table: ID, TIME and the outputs of the structure (`cp` and the
        amounts `A_depot`, `A_central`, ...) after the record. NaN, with a RuntimeWarning that names the
        subjects, where there is no finite solution.

    Raises
    ------
    ModelError
        Unknown or missing parameters (with the valid names), arrays of another length (with the lengths that
        are accepted), RATE = -1 or -2 without R or D.
    DataError
        A table that cannot be used, or a CMT that the structure does not have.

    Examples
    --------
    >>> import pandas as pd
    >>> import bayes_nlmem as bn
    >>> table = pd.DataFrame({"ID": 1, "TIME": [0.0, 1.0, 4.0], "AMT": [100, 0, 0]})
    >>> bn.solve(bn.OneCompartment(absorption="first-order"), table, {"CL": 2, "V": 20, "KA": 1}).round(3)
       ID  TIME     cp  A_depot  A_central
    0   1   0.0  0.000  100.000      0.000
    1   1   1.0  2.983   36.788     59.662
    2   1   4.0  3.622    1.832     72.445
    """
    if isinstance(data, pd.DataFrame):
        data = read(data, observations_required=False, allow=_ALLOWED)
    if not isinstance(data, Dataset):
        raise TypeError(explain(expected="a Dataset (bn.read) or a DataFrame", got=type(data).__name__))
    values: dict[str, np.ndarray] = {}
    for name, value in parameters.items():
        own = structure.canonical(name)
        if own in values:
            raise ModelError(explain(expected=f"{own} once", got=f"it again as {name!r}"))
        values[own] = _values(name, value, data)

    table, n = data.table, len(data.table)
    subject = table["SUBJECT"].to_numpy(np.int64)
    by_record = any(len(v) == n for v in values.values()) and n != data.n_subjects
    if by_record:
        values = {name: v[subject] if len(v) == data.n_subjects else v for name, v in values.items()}
    rows = {name: np.broadcast_to(v, n if by_record else data.n_subjects) for name, v in values.items()}
    records = records_from_table(table, structure, np.arange(n) if by_record else subject)
    m = len(structure.outputs)
    requests = Requests(np.tile(np.arange(n), m), np.repeat(np.arange(m), n))
    plan: Any = structure.plan(records, requests, tuple(rows))
    predicted, status = structure.solve(rows, plan)
    _warn(data, status)
    named = dict(zip(structure.outputs, predicted.reshape(m, n), strict=True))
    return pd.DataFrame({"ID": table["ID"].to_numpy(), "TIME": records.time, **named})


def _values(name: str, value: Any, data: Dataset) -> np.ndarray:
    """Values of a parameter: one, one per subject, or one per record."""
    n, n_subjects = len(data.table), data.n_subjects
    if isinstance(value, str):
        frame = data.frame if value in data.frame else data.table
        if value not in frame:
            columns = [str(c) for c in data.frame.columns]
            raise ModelError(
                explain(
                    expected=f"{name} to name a column of the table ({', '.join(columns)})",
                    got=repr(value),
                    remedy=closest(value, columns) or None,
                )
            )
        value = _numbers(name, frame[value])
    try:
        values = np.asarray(value, float)
    except (TypeError, ValueError):
        raise ModelError(explain(expected=f"numbers for {name}", got=repr(value)[:80])) from None
    if values.ndim == 0:
        return np.full(n_subjects, float(values))
    if values.ndim == 1 and len(values) in (n_subjects, n):
        return values
    raise ModelError(
        explain(
            expected=f"{name} to be a number, {n_subjects} values (one per subject) or {n} (one per record)",
            got=f"an array of shape {values.shape}",
        )
    )


def _numbers(name: str, column: pd.Series) -> np.ndarray:
    """A column of the table as floats; empty cells, `.` and NA are NaN."""
    empty = column.isna() | column.astype(str).str.strip().isin(["", ".", "NA", "nan"])
    numbers = pd.to_numeric(column.where(~empty), errors="coerce").to_numpy(float)
    if (wrong := np.flatnonzero(~empty & np.isnan(numbers))).size:
        got = f"{str(column.iloc[wrong[0]])!r} in row {wrong[0] + 1}"
        raise ModelError(explain(expected=f"numbers for {name} in column {column.name!r}", got=got))
    return numbers


def _warn(data: Dataset, status: np.ndarray) -> None:
    for code in sorted(set(status[status != FINE].tolist())):
        names = [data.subjects[i] for i in np.flatnonzero(status == code)]
        text = f"NaN for {names_text(names, noun='subject')}: {MEANING[code]}."
        warnings.warn(text, RuntimeWarning, stacklevel=3)
