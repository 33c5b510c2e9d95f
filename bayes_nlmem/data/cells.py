"""From cells to numbers: what is missing, what is a number, what is neither."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayes_nlmem.data.source import MISSING
from bayes_nlmem.ground.messages import Fault, explain

DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?")
_BELOW_LIMIT = re.compile(r"<.*|b[ql]{2}|lloq|nd|n\.d\.", re.IGNORECASE)


@dataclass(frozen=True)
class Cells:
    """One column as numbers.

    Parameters
    ----------
    values : ndarray of float
        The numbers, NaN where there is none.
    missing : ndarray of bool
        Nothing was written.
    bad : ndarray of bool
        Something was written that is not a number.
    text : ndarray of object
        What was written.
    """

    values: np.ndarray
    missing: np.ndarray
    bad: np.ndarray
    text: np.ndarray

    def finite(self) -> Cells:
        """The same with infinite numbers counted as bad."""
        infinite = np.isinf(self.values)
        if not infinite.any():
            return self
        return Cells(np.where(infinite, np.nan, self.values), self.missing, self.bad | infinite, self.text)

    def filled(self, default: float = 0.0) -> np.ndarray:
        """Numbers with `default` where nothing was written."""
        return np.where(self.missing, default, self.values)


def numbers(series: pd.Series, decimal: str | None = None) -> Cells:
    """Numbers of a column, of any dtype.

    Examples
    --------
    >>> numbers(pd.Series(["1.5", ".", "abc"])).values
    array([1.5, nan, nan])
    """
    if pd.api.types.is_numeric_dtype(series.dtype):
        missing = series.isna().to_numpy()
        values = series.to_numpy(dtype=float, na_value=np.nan)
        return Cells(values, missing, np.zeros(len(series), bool), values)
    text = series.astype(object).to_numpy()
    codes, distinct = pd.factorize(text)
    plain = pd.Series([str(value).strip() for value in distinct], dtype=object)
    blank = plain.isin(MISSING)
    if decimal == ",":
        plain = plain.str.replace(",", ".", regex=False)
    parsed = pd.to_numeric(plain.mask(blank), errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    values = np.append(parsed, np.nan)[codes]
    missing = np.append(blank.to_numpy(bool), True)[codes]
    return Cells(values, missing, np.isnan(values) & ~missing, text)


def absent(n: int) -> Cells:
    """A column that is not there: everything missing."""
    nothing = np.full(n, np.nan)
    return Cells(nothing, np.ones(n, bool), np.zeros(n, bool), nothing)


def is_text(cells: Cells) -> bool:
    """Whether the column is one of names rather than of numbers with slips: most cells are no numbers."""
    return bool(cells.bad.sum() * 2 > (~cells.missing).sum())


def cell_faults(name: str, cells: Cells, at: Placer) -> Iterator[Fault]:
    """Non-numeric, decimal-comma and infinite cells of a column that must be numeric."""
    if cells.bad.any():
        where = np.flatnonzero(cells.bad)
        comma = np.array([bool(DECIMAL_COMMA.fullmatch(str(cells.text[i]).strip())) for i in where])
        yield from at.report(
            "E_DECIMAL_COMMA",
            _mask(cells.bad, where[comma]),
            expected=f"numbers with a decimal point in {name}",
            got=texts(cells.text[where[comma]]),
            remedy="Pass decimal=','.",
        )
        words = cells.text[where[~comma]]
        remedy = "Correct the cells; a missing value is '.', empty or NA."
        if name == "DV" and any(_BELOW_LIMIT.fullmatch(str(word).strip()) for word in words[:1000]):
            remedy = "Write an observation below the limit as DV = the limit with CENS = 1."
        yield from at.report(
            "E_NOT_A_NUMBER",
            _mask(cells.bad, where[~comma]),
            expected=f"numbers in {name}",
            got=texts(words),
            remedy=remedy,
        )
    yield from at.report(
        "E_INFINITE",
        np.isinf(cells.values),
        expected=f"finite numbers in {name}",
        got=texts(cells.values[np.isinf(cells.values)]),
        remedy="Correct the cells, or write '.' if the value is not known.",
    )


@dataclass(frozen=True)
class Placer:
    """Makes faults out of masks over the records: it knows the row numbers and the subjects.

    Parameters
    ----------
    row : ndarray of int
        Row numbers as in the file.
    subject : ndarray of int
        Position in `ids`, -1 where the ID is missing.
    ids : tuple
        The IDs.
    """

    row: np.ndarray
    subject: np.ndarray
    ids: tuple

    def report(
        self, code: str, where: np.ndarray, *, expected: str, got: str = "", remedy: str = ""
    ) -> Iterator[Fault]:
        """Yield the fault if it occurs anywhere."""
        if where.any():
            yield self.fault(code, where, expected=expected, got=got, remedy=remedy)

    def fault(
        self, code: str, where: np.ndarray, *, expected: str = "", got: str = "", remedy: str = ""
    ) -> Fault:
        """Compose the fault of the records in the mask."""
        message = explain(expected=expected or None, got=got or None)
        found = self.subject[where]
        order = dict.fromkeys(found[found >= 0].tolist())
        subjects = tuple(self.ids[i] for i in order)
        return Fault(code, message, tuple(self.row[where].tolist()), subjects, remedy)


def texts(values: Iterable[object], most: int = 4) -> str:
    """Distinct values in one line, text in quotes.

    Examples
    --------
    >>> texts([0.0, 0.0, float("nan"), "a"])
    "0, missing, 'a'"
    """
    shown = list(dict.fromkeys(_text(value) for value in values))
    return ", ".join(shown[:most]) + (", ..." if len(shown) > most else "")


def _text(value: object) -> str:
    if isinstance(value, str):
        return repr(str(value))
    if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return "missing"
    return f"{value:.6g}" if isinstance(value, (int, float, np.number)) else str(value)


def _mask(like: np.ndarray, where: np.ndarray) -> np.ndarray:
    mask = np.zeros(like.size, bool)
    mask[where] = True
    return mask
