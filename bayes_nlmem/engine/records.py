"""The event records of all subjects, and what is asked of them, as plain arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Records:
    """Event records of all subjects in file order.

    Parameters
    ----------
    start : int array (n_subjects + 1,)
        Subject i owns the records ``start[i]:start[i + 1]``.
    time, amt, rate, ii : float arrays (n,)
        Time, amount, rate (> 0 given; 0 bolus; -1 modelled rate R; -2 modelled duration D), dosing interval.
    evid, addl, ss, cmt : int arrays (n,)
        Event (0-4), additional doses, steady state (0-3), compartment number (from 1; 0 = the structure's
        default).
    row : int array (n,)
        Parameter row that governs the interval ending at the record.
    row_at : int array (n,), optional
        Parameter row in force at the record: inputs of its dose and scaling of its outputs. By default `row`.
    """

    start: np.ndarray
    time: np.ndarray
    evid: np.ndarray
    amt: np.ndarray
    rate: np.ndarray
    ii: np.ndarray
    addl: np.ndarray
    ss: np.ndarray
    cmt: np.ndarray
    row: np.ndarray
    row_at: np.ndarray = None  # type: ignore[assignment]  # filled in below

    def __post_init__(self) -> None:
        for name in ("time", "amt", "rate", "ii"):
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), float))
        if self.row_at is None:
            object.__setattr__(self, "row_at", self.row)
        for name in ("start", "evid", "addl", "ss", "cmt", "row", "row_at"):
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), np.int64))
        if min(self.row.min(initial=0), self.row_at.min(initial=0)) < 0:
            raise ValueError("Expected parameter rows numbered from 0, got a negative one.")

    @property
    def n(self) -> int:
        """Number of records."""
        return len(self.time)

    @property
    def n_subjects(self) -> int:
        """Number of subjects."""
        return len(self.start) - 1

    @property
    def n_rows(self) -> int:
        """Number of parameter rows."""
        return int(max(self.row.max(initial=-1), self.row_at.max(initial=-1))) + 1

    @property
    def subject(self) -> np.ndarray:
        """Subject (from 0) of every record."""
        return np.repeat(np.arange(self.n_subjects), np.diff(self.start))


@dataclass(frozen=True, eq=False)
class Requests:
    """What is asked: output `output[i]` of the structure at record `record[i]`, int arrays (m,)."""

    record: np.ndarray
    output: np.ndarray

    def __post_init__(self) -> None:
        for name in ("record", "output"):
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), np.int64))
