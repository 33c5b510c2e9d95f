"""Covariates: their values per record, and which value governs the time between two records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayes_nlmem.data.cells import Cells, cell_faults, is_text, numbers, texts
from bayes_nlmem.data.draft import Draft
from bayes_nlmem.data.roles import METHODS
from bayes_nlmem.ground.messages import Fault


@dataclass(frozen=True, eq=False)
class Covariate:
    """A property of the subjects that may explain differences between them.

    Parameters
    ----------
    name : str
        As in the data, case counts.
    values : ndarray
        One per record; float, or text for a text covariate; NaN or None where it is missing.
    method : {"constant", "nocb", "locf", "linear"}
        How the value between two records follows from the values at the records.
    categories : tuple or None
        The levels of a categorical covariate.
    """

    name: str
    values: np.ndarray
    method: str
    categories: tuple | None = None


@dataclass(frozen=True)
class Reading:
    """A covariate while it is being judged."""

    name: str
    cells: Cells
    declared: str | None
    categories: tuple | None
    codes: np.ndarray


def is_missing(values: np.ndarray) -> np.ndarray:
    """Where a covariate has no value.

    Examples
    --------
    >>> is_missing(np.array([70.0, np.nan])), is_missing(np.array(["F", None], object))
    (array([False,  True]), array([False,  True]))
    """
    return np.asarray(pd.isna(values), bool)


def read_covariates(draft: Draft) -> tuple[tuple[Reading, ...], tuple[Fault, ...]]:
    """Read the covariates of the table and report what is wrong with them.

    Returns
    -------
    readings : tuple of Reading
    faults : tuple of Fault
    """
    readings = tuple(_reading(draft, name, label) for name, label in draft.roles.covariates.items())
    faults = [fault for reading in readings for rule in RULES for fault in rule(draft, reading)]
    return readings, tuple(faults) + tuple(_method_faults(draft))


def _reading(draft: Draft, name: str, label: str) -> Reading:
    position = [str(column) for column in draft.raw.frame.columns].index(label)
    series = draft.raw.frame.iloc[:, position]
    levels = series.cat.categories.tolist() if isinstance(series.dtype, pd.CategoricalDtype) else None
    cells = numbers(series.astype(object) if levels is not None else series, draft.question.decimal)
    declared = draft.roles.methods.get(name)
    if levels is None and name not in draft.roles.categorical and not is_text(cells):
        return Reading(name, cells, declared, None, cells.values)
    numeric = not cells.bad.any()
    written = pd.Series(cells.values if numeric else cells.text, dtype=object).mask(cells.missing)
    codes, distinct = pd.factorize(written)
    found = [_level(value) for value in distinct]
    levels = sorted(set(found), key=_rank) if levels is None else [_level(level) for level in levels]
    place = np.array([*(levels.index(level) for level in found), np.nan])
    return Reading(name, cells, declared, tuple(levels), place[codes])


def _rank(level: object) -> tuple[str, object]:
    return type(level).__name__, level


def _level(value: object) -> object:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, (bool, np.bool_)):
        return int(value)
    if isinstance(value, (int, float, np.number)):
        number = float(value)
        return int(number) if number.is_integer() else number
    return str(value)


def settle(draft: Draft, readings: tuple[Reading, ...]) -> dict[str, Covariate]:
    """Make the covariates of a table without faults; one that never changes is constant."""
    settled = {}
    for reading in readings:
        values = reading.cells.values.copy()
        if reading.categories is not None and any(isinstance(level, str) for level in reading.categories):
            levels = np.array([str(level) for level in reading.categories], object)
            there = ~np.isnan(reading.codes)
            values = np.full(len(reading.codes), None, object)
            values[there] = levels[reading.codes[there].astype(int)]
        values.flags.writeable = False
        changing = _varies(draft, reading).any()
        method = (reading.declared or draft.question.interpolation) if changing else "constant"
        settled[reading.name] = Covariate(reading.name, values, method, reading.categories)
    return settled


def governing(covariate: Covariate, follows: np.ndarray) -> np.ndarray:
    """Value that governs the interval that ends at each record.

    Parameters
    ----------
    covariate : Covariate
        What is known at the records.
    follows : ndarray of bool
        Records that have a record of the same subject directly before them.

    Returns
    -------
    ndarray
        nocb, constant: the value at the record. locf: the value at the previous record of the subject.
        linear: the mean of the two. At a subject's first record always the record's own value.
    """
    own = covariate.values
    if covariate.method in ("constant", "nocb"):
        return own
    before = np.where(follows, np.roll(own, 1), own)
    return before if covariate.method == "locf" else (own + before) / 2


def _varies(draft: Draft, reading: Reading) -> np.ndarray:
    """Records whose value differs from the first value of the subject."""
    own = reading.codes
    reference = own[draft.first]
    if np.isnan(own).any():
        reference = pd.Series(own).groupby(draft.block).transform("first").to_numpy()
    return ~np.isnan(own) & ~np.isnan(reference) & (own != reference)


def numbers_are_numbers(draft: Draft, reading: Reading) -> Iterator[Fault]:
    """A numeric covariate holds finite numbers."""
    if reading.categories is None:
        yield from cell_faults(reading.name, reading.cells, draft.at)


def values_are_written(draft: Draft, reading: Reading) -> Iterator[Fault]:
    """A covariate has a value in every record."""
    yield from draft.at.report(
        "E_COVARIATE_MISSING",
        reading.cells.missing,
        expected=f"a value of {reading.name} in every record",
        got="missing",
        remedy=f"Fill in what is known, e.g. frame['{reading.name}'] = "
        f"frame.groupby('ID')['{reading.name}'].ffill().bfill(), or leave the covariate out. Where subjects "
        "lack it: bn.read(..., allow=['E_COVARIATE_MISSING']) and Model(..., missing={...: Imputed(...)}).",
    )


def constants_are_constant(draft: Draft, reading: Reading) -> Iterator[Fault]:
    """A covariate declared constant does not change within a subject."""
    if reading.declared == "constant":
        varies = _varies(draft, reading)
        where = np.flatnonzero(varies)[:1]
        shown = reading.cells.text
        yield from draft.at.report(
            "E_COVARIATE_VARIES",
            varies,
            expected=f"one value of {reading.name} per subject, as it is declared constant",
            got=f"{texts(shown[where])} after {texts(shown[draft.first[where]])}",
            remedy=f"Correct the values, or declare how it changes: covariates={{'{reading.name}': 'nocb'}}.",
        )


def names_are_not_interpolated(draft: Draft, reading: Reading) -> Iterator[Fault]:
    """Only numbers can be interpolated."""
    method = reading.declared or draft.question.interpolation
    changing = reading.categories is not None and (reading.declared or _varies(draft, reading).any())
    if method == "linear" and changing:
        levels = ", ".join(map(str, reading.categories or ()))
        message = f"Expected nocb or locf for the categories of {reading.name} ({levels}), got linear."
        remedy = f"Write covariates={{'{reading.name}': 'nocb'}}."
        yield Fault("E_COVARIATE_TEXT_LINEAR", message, remedy=remedy)


RULES = (
    numbers_are_numbers,
    values_are_written,
    constants_are_constant,
    names_are_not_interpolated,
)


def _method_faults(draft: Draft) -> Iterator[Fault]:
    asked = [(f"the covariate {name}", method) for name, method in draft.roles.methods.items() if method]
    for what, method in [*asked, ("interpolation", draft.question.interpolation)]:
        if method not in METHODS:
            message = f"Expected one of {', '.join(METHODS)} for {what}, got {method!r}."
            yield Fault("E_INTERPOLATION", message, remedy="NONMEM does nocb; rxode2 and Monolix do locf.")
