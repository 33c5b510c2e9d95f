"""From the canonical event table of a data set to the records of the engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_nlmem.engine.records import Records
from bayes_nlmem.ground.messages import DataError, Fault

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class RecordsWithColumns(Records):
    """Event records with columns of the data that the structure itself uses.

    Parameters
    ----------
    columns : mapping of str to ndarray (n,)
        Values at every record.
    """

    columns: Mapping[str, np.ndarray] = field(default_factory=dict)


def records_from_table(
    table: pd.DataFrame,
    structure: Any,
    row: np.ndarray,
    row_at: np.ndarray | None = None,
    columns: Mapping[str, np.ndarray] | None = None,
) -> Records:
    """Make the records of an event table for a structure whose compartments CMT names.

    Parameters
    ----------
    table : DataFrame
        Columns SUBJECT, TIME, EVID, AMT, RATE, II, ADDL, SS, CMT; ROW and ID if messages are to name them.
    structure : Structure
        Its `compartment_number` turns CMT into a number.
    row, row_at : int arrays (n_records,)
        Parameter rows, see :class:`bayes_nlmem.engine.records.Records`.
    columns : mapping of str to ndarray, optional
        Columns of the data that the structure uses by name, at every record.

    Returns
    -------
    Records

    Raises
    ------
    DataError
        E_CMT_UNKNOWN: a dose or an observation in a compartment that the structure does not have.
    """
    evid = table["EVID"].to_numpy(np.int64)
    subject = table["SUBJECT"].to_numpy(np.int64)
    return RecordsWithColumns(
        columns=columns or {},
        start=np.concatenate([[0], np.flatnonzero(np.diff(subject)) + 1, [len(table)]]),
        time=table["TIME"].to_numpy(float),
        evid=evid,
        amt=table["AMT"].to_numpy(float),
        rate=table["RATE"].to_numpy(float),
        ii=table["II"].to_numpy(float),
        addl=table["ADDL"].to_numpy(np.int64),
        ss=table["SS"].to_numpy(np.int64),
        cmt=_numbers(table, structure, np.isin(evid, (0, 1, 4, 5, 6))),
        row=row,
        row_at=row if row_at is None else row_at,
    )


def _numbers(table: pd.DataFrame, structure: Any, relevant: np.ndarray) -> np.ndarray:
    labels = table["CMT"].to_numpy()
    numbers = np.zeros(len(table), np.int64)
    faults = []
    for label in dict.fromkeys(labels[relevant].tolist()):
        where = relevant & (labels == label)
        try:
            numbers[where] = structure.compartment_number(label)
        except DataError as error:
            positions = np.flatnonzero(where)
            rows = table["ROW"].to_numpy()[positions] if "ROW" in table else positions + 1
            names = dict.fromkeys(table["ID"].to_numpy()[positions].tolist()) if "ID" in table else ()
            faults.append(Fault("E_CMT_UNKNOWN", str(error), tuple(map(int, rows)), tuple(names)))
    if faults:
        raise DataError(faults=faults)
    return numbers
