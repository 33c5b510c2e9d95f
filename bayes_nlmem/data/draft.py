"""The event table while it is being judged: every column as numbers, EVID and MDV inferred."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayes_nlmem.data.cells import Cells, Placer, absent, cell_faults, is_text, numbers, texts
from bayes_nlmem.data.clock import PER_HOUR, is_clock, read_clock
from bayes_nlmem.data.roles import Roles
from bayes_nlmem.data.source import MISSING, Raw
from bayes_nlmem.ground.messages import Fault

_EVENT = ("EVID", "AMT", "RATE", "DUR", "ADDL", "II", "SS")
_NUMERIC = (*_EVENT, "DV", "MDV", "CENS", "LIMIT", "LLOQ", "OCC", "L2")


@dataclass(frozen=True)
class Question:
    """How the caller asked to read."""

    decimal: str | None = None
    date_format: str | None = None
    interpolation: str = "nocb"
    lloq: float | Mapping[object, float] | None = None
    observations_required: bool = True
    units: Mapping[str, str] | None = None
    counted: bool = False


@dataclass(frozen=True)
class Draft:
    """Everything a rule may look at. Arrays have one element per record.

    A cell that is not a number is NaN (it is reported already, and comparisons with it are false).

    Parameters
    ----------
    raw, roles, question
        What was read, which column is what, how it was asked.
    at : Placer
        Makes faults out of masks.
    cells : mapping of str to Cells
        TIME and every other reserved numeric column, absent ones all missing.
    block : ndarray of int
        Number of the contiguous block of one ID.
    first : ndarray of int
        Position of the first record of the block.
    time, evid, mdv : ndarray of float
        Time, and the codes after inference.
    cmt, dvid : ndarray of float, or of object if there are names
        Numbers or names; 0 where missing.
    """

    raw: Raw
    roles: Roles
    question: Question
    at: Placer
    cells: Mapping[str, Cells]
    block: np.ndarray
    first: np.ndarray
    time: np.ndarray
    evid: np.ndarray
    mdv: np.ndarray
    cmt: np.ndarray
    dvid: np.ndarray
    notes: tuple[str, ...]
    time_unit: str | None

    def has(self, *names: str) -> bool:
        """Whether all these reserved columns are there."""
        return all(name in self.roles.reserved for name in names)

    def value(self, name: str) -> np.ndarray:
        """Numbers of a column, 0 where nothing was written, NaN where something else was written."""
        return self.cells[name].filled(0.0)

    def number(self, name: str) -> np.ndarray:
        """Numbers of a column, NaN where there is none."""
        return self.cells[name].values

    def missing(self, name: str) -> np.ndarray:
        """Where nothing was written in a column."""
        return self.cells[name].missing

    @property
    def n(self) -> int:
        """Number of records."""
        return self.block.size

    @property
    def dose(self) -> np.ndarray:
        """Dose records."""
        return (self.evid == 1) | (self.evid == 4)

    @property
    def observation(self) -> np.ndarray:
        """Observations: EVID 0 and MDV 0."""
        return (self.evid == 0) & (self.mdv == 0)

    @property
    def follows(self) -> np.ndarray:
        """Records that have a record of the same subject directly before them."""
        return np.concatenate([[False], self.block[1:] == self.block[:-1]])

    @property
    def segment(self) -> np.ndarray:
        """Number of the stretch of time without a reset; a reset starts a new one."""
        reset = (self.evid == 3) | (self.evid == 4)
        return np.cumsum(reset | ~self.follows)


def nonzero(values: np.ndarray) -> np.ndarray:
    """Where there is a number other than 0."""
    return (values != 0) & ~np.isnan(values)


def numeric_codes(codes: np.ndarray) -> np.ndarray:
    """Numbers among codes (CMT, DVID), names counted as 1."""
    if codes.dtype != object:
        return codes
    return np.array([1.0 if isinstance(code, str) else float(code) for code in codes])


def whole(values: np.ndarray) -> np.ndarray:
    """Where there is a whole number that a computer can count to, or nothing to judge."""
    return np.isnan(values) | ((values == np.floor(values)) & (np.abs(values) < 2**53))


def make_draft(raw: Raw, roles: Roles, question: Question) -> tuple[Draft, tuple[Fault, ...]]:
    """Turn the frame into numbers and infer what is not written.

    Returns
    -------
    draft : Draft
    faults : tuple of Fault
        Cells that cannot be read.
    """
    frame, n = raw.frame, len(raw.frame)
    series = {name: _column(frame, label) for name, label in roles.reserved.items()}
    nobody = np.arange(n), (), np.ones(n, bool)
    subject, ids, written = identify(series["ID"]) if "ID" in series else nobody
    at = Placer(raw.row, np.where(written, subject, -1) if ids else np.full(n, -1), ids)
    change = np.concatenate([[True], subject[1:] != subject[:-1]])
    block = np.cumsum(change) - 1
    first = np.flatnonzero(change)[block]
    cells = {
        name: numbers(series[name], question.decimal) if name in series else absent(n) for name in _NUMERIC
    }
    time, date, notes, unit = _times(series, question, first, n)
    faults = [
        fault for name, column in {"TIME": time, **cells}.items() for fault in cell_faults(name, column, at)
    ]
    time, cells = time.finite(), {name: column.finite() for name, column in cells.items()}
    if date is not None:
        faults += _date_faults(date, at)
    cmt, cmt_faults = _names("CMT", series, question, at, n)
    dvid, dvid_faults = _names("DVID", series, question, at, n)
    evid, evid_note = _infer_evid(cells)
    mdv = _infer_mdv(cells, evid, question)
    draft = Draft(
        raw, roles, question, at, {"TIME": time, **cells}, block, first, time.values, evid, mdv, cmt, dvid,
        (*raw.notes, *roles.notes, *notes, *evid_note), unit,
    )  # fmt: skip
    return draft, (*faults, *cmt_faults, *dvid_faults)


def _column(frame: pd.DataFrame, label: str) -> pd.Series:
    position = [str(name) for name in frame.columns].index(label)
    return frame.iloc[:, position]


def identify(series: pd.Series) -> tuple[np.ndarray, tuple, np.ndarray]:
    """Number the subjects in the order of their first record, IDs kept as they are written.

    Returns
    -------
    subject : ndarray of int
        Number of the subject of each record; a record without ID continues the previous one.
    ids : tuple
        int where the column holds whole numbers, else float or text.
    written : ndarray of bool
        Where there is an ID.
    """
    text = not pd.api.types.is_numeric_dtype(series.dtype)
    cells = series.astype(object).to_numpy()
    blank = series.isna().to_numpy()
    if text:
        blank = blank | pd.Series(cells).astype(str).str.strip().isin(MISSING).to_numpy()
    codes, levels = pd.factorize(pd.Series(cells, dtype=object).mask(blank))
    carried = pd.Series(codes).mask(blank).ffill().fillna(0).to_numpy(dtype=int) if blank.any() else codes
    return carried, tuple(_plain(level) for level in levels), ~blank


def _plain(value: object) -> object:
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, float, np.number)):
        number = float(value)
        return int(number) if number.is_integer() else number
    return value


def _times(
    series: Mapping[str, pd.Series], question: Question, first: np.ndarray, n: int
) -> tuple[Cells, Cells | None, tuple[str, ...], str | None]:
    unit = (question.units or {}).get("TIME")
    if "TIME" not in series and question.counted:
        count = np.arange(n, dtype=float) - first
        here = np.zeros(n, bool)
        note = "no TIME: the records of each subject are counted, 0, 1, 2, ..."
        return Cells(count, here, here, count.astype(object)), None, (note,), unit
    if "TIME" not in series:
        return absent(n), None, (), unit
    if not is_clock(series["TIME"]):
        return numbers(series["TIME"], question.decimal), None, (), unit
    unit = unit if unit in PER_HOUR else None
    clock = read_clock(
        series["TIME"], series.get("DATE"), unit=unit, date_format=question.date_format, first=first
    )
    return clock.time, clock.date, (clock.note,), clock.unit


def _date_faults(date: Cells, at: Placer) -> Iterator[Fault]:
    wrong = date.bad | date.missing
    yield from at.report(
        "E_DATE_FORMAT",
        wrong,
        expected="dates as 2026-01-31 or day numbers in DATE",
        got=texts(date.text[wrong]),
        remedy="Say how they are written, e.g. date_format='%d.%m.%Y' or '%m/%d/%Y'.",
    )


def _names(
    role: str, series: Mapping[str, pd.Series], question: Question, at: Placer, n: int
) -> tuple[np.ndarray, tuple[Fault, ...]]:
    """Numbers or names of a column, 0 where missing; a slip among numbers is a fault."""
    if role not in series:
        return np.zeros(n), ()
    cells = numbers(series[role], question.decimal)
    if not is_text(cells):
        return np.nan_to_num(cells.filled(0.0), posinf=0, neginf=0), tuple(cell_faults(role, cells, at))
    names = np.array([str(word).strip() for word in cells.text], object)
    names[cells.missing] = 0
    return names, ()


def _infer_evid(cells: Mapping[str, Cells]) -> tuple[np.ndarray, tuple[str, ...]]:
    written = cells["EVID"]
    dosed = nonzero(cells["AMT"].filled()) | nonzero(cells["RATE"].filled()) | nonzero(cells["SS"].filled())
    other = cells["MDV"].filled() == 1
    inferred = np.where(dosed, 1.0, np.where(other, 2.0, 0.0))
    evid = np.where(written.missing, inferred, written.values)
    if not written.missing.any():
        return evid, ()
    if not inferred.any():
        return evid, ("no EVID: every record is an observation",)
    how = "EVID inferred from AMT, RATE, SS and MDV"
    return evid, (how if written.missing.all() else f"{how} in {written.missing.sum()} records without it",)


def _infer_mdv(cells: Mapping[str, Cells], evid: np.ndarray, question: Question) -> np.ndarray:
    written, dv = cells["MDV"], cells["DV"]
    limited = (cells["CENS"].filled() == 1) & (~cells["LLOQ"].missing | (question.lloq is not None))
    inferred = np.where((evid != 0) | (dv.missing & ~limited), 1.0, 0.0)
    return np.where(written.missing, inferred, written.values)
