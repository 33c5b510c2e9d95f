"""Clock times and dates, turned into time since the subject's first record."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayes_nlmem.data.cells import Cells, numbers

_CLOCK = r"(\d{1,3}):(\d{2})(?::(\d{2}(?:\.\d*)?))?"
_DATETIME = r"\d{4}-\d{2}-\d{2}[ T]\d{1,2}:\d{2}.*"
PER_HOUR = {
    "h": 1.0, "hr": 1.0, "hour": 1.0, "hours": 1.0,
    "min": 60.0, "minute": 60.0, "minutes": 60.0,
    "s": 3600.0, "sec": 3600.0, "second": 3600.0, "seconds": 3600.0,
    "d": 1 / 24, "day": 1 / 24, "days": 1 / 24,
}  # fmt: skip


@dataclass(frozen=True)
class Clock:
    """Times in `unit` on a calendar, with the cells that could not be read."""

    time: Cells
    date: Cells | None
    note: str
    unit: str


def is_clock(series: pd.Series) -> bool:
    """Whether the column holds clock times (hh:mm), date-times or a date-time dtype."""
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        return True
    if pd.api.types.is_numeric_dtype(series.dtype):
        return False
    text = series.astype(str).str.strip()
    return bool((text.str.fullmatch(_CLOCK) | text.str.fullmatch(_DATETIME)).any())


def read_clock(
    time: pd.Series, date: pd.Series | None, *, unit: str | None, date_format: str | None, first: np.ndarray
) -> Clock:
    """Time since the subject's first record.

    Parameters
    ----------
    time : Series
        `hh:mm`, `hh:mm:ss`, ISO date-times or datetime64.
    date : Series or None
        ISO dates, day numbers, or text in `date_format`.
    unit : str or None
        Unit of the result (h, min, s, d); hours if None.
    date_format : str or None
        As in `datetime.strptime`.
    first : ndarray of int
        Position of the first record of each record's subject.

    Returns
    -------
    Clock
    """
    hours = _date_time_hours(time) if _is_date_time(time) else _clock_hours(time)
    days = None if date is None or _is_date_time(time) else _days(date, date_format)
    total = hours.values + (0.0 if days is None else 24.0 * days.values)
    relative = (total - total[first]) * PER_HOUR.get(unit or "h", 1.0)
    note = (
        f"TIME: clock times{' and DATE' if days else ''} in {unit or 'h'} since each subject's first record"
    )
    cells = Cells(relative, hours.missing, hours.bad, hours.text)
    return Clock(cells, days, note, unit or "h")


def _is_date_time(time: pd.Series) -> bool:
    if pd.api.types.is_datetime64_any_dtype(time.dtype):
        return True
    return bool(time.astype(str).str.strip().str.fullmatch(_DATETIME).any())


def _clock_hours(time: pd.Series) -> Cells:
    plain = numbers(time)
    parts = pd.Series(plain.text).astype(str).str.strip().str.extract(f"^{_CLOCK}$")
    parts = parts.apply(pd.to_numeric)
    hours = parts[0] + parts[1] / 60 + parts[2].fillna(0) / 3600
    hours = hours.mask(parts[1] >= 60).to_numpy(dtype=float)
    return Cells(hours, plain.missing, np.isnan(hours) & ~plain.missing, plain.text)


def _date_time_hours(time: pd.Series) -> Cells:
    plain = numbers(time) if not pd.api.types.is_datetime64_any_dtype(time.dtype) else None
    stamps = pd.to_datetime(time, errors="coerce", format=None if plain is None else "ISO8601")
    missing = time.isna().to_numpy() if plain is None else plain.missing
    return _since_epoch(stamps, missing, time, pd.Timedelta(hours=1))


def _days(date: pd.Series, date_format: str | None) -> Cells:
    plain = numbers(date) if not pd.api.types.is_datetime64_any_dtype(date.dtype) else None
    if plain is not None and not plain.bad.any() and date_format is None:
        return plain
    missing = date.isna().to_numpy() if plain is None else plain.missing
    stamps = pd.to_datetime(date.astype(str), errors="coerce", format=date_format or "ISO8601")
    return _since_epoch(stamps, missing, date, pd.Timedelta(days=1))


def _since_epoch(stamps: pd.Series, missing: np.ndarray, written: pd.Series, unit: pd.Timedelta) -> Cells:
    if stamps.dt.tz is not None:
        stamps = stamps.dt.tz_convert("UTC").dt.tz_localize(None)
    values = ((stamps - pd.Timestamp("1970-01-01")) / unit).to_numpy(dtype=float, na_value=np.nan)
    return Cells(values, missing, np.isnan(values) & ~missing, written.astype(object).to_numpy())
