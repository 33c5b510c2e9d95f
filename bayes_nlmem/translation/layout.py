"""Which parameter row governs which record: subjects, occasions, covariate intervals."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.ground.mapping import FrozenMapping
from bayes_nlmem.model.levels import groups_of
from bayes_nlmem.model.specification import Model


@dataclass(frozen=True, eq=False)
class Groups:
    """A level above the subject.

    Parameters
    ----------
    labels : ndarray of str, shape (n_groups,)
        The groups in order of appearance.
    index : ndarray of int, shape (n_subjects,)
        The group of every subject.
    """

    labels: np.ndarray
    index: np.ndarray


@dataclass(frozen=True, eq=False)
class Layout:
    """The bookkeeping between a study's records and a model's individual parameters.

    A *row* is a stretch of one subject's records with the same occasion and the same covariates; the
    structural model takes one value of each parameter per row.

    Parameters
    ----------
    subjects : ndarray, shape (n_subjects,)
        IDs in the order of the data.
    occasions : ndarray of str, shape (n_occasions,)
        Labels `ID:OCC` of every (subject, occasion) pair; empty without inter-occasion variability.
    row_subject, row_occasion : ndarray of int, shape (n_rows,)
        The subject and the occasion (0 without IOV) that a row belongs to.
    record_row, record_row_at : ndarray of int, shape (n_records,)
        The row that governs the interval ending at a record, and the row in force at the record.
    subject_covariates, row_covariates : FrozenMapping
        Covariate name to values per subject (constant ones) or per row (time-varying ones).
    groups : FrozenMapping of str to Groups
        The levels above the subject.
    """

    subjects: np.ndarray
    occasions: np.ndarray
    occasion_subject: np.ndarray
    row_subject: np.ndarray
    row_occasion: np.ndarray
    record_row: np.ndarray
    record_row_at: np.ndarray
    subject_covariates: FrozenMapping
    row_covariates: FrozenMapping
    groups: FrozenMapping = FrozenMapping()

    @property
    def n_rows(self) -> int:
        """Number of parameter rows."""
        return len(self.row_subject)

    @cached_property
    def subject_of_row(self) -> Any:
        """`row_subject` as data of a graph, so that other records make no other graph."""
        return as_data("row_subject", self.row_subject)

    @cached_property
    def occasion_of_row(self) -> Any:
        """`row_occasion` as data of a graph."""
        return as_data("row_occasion", self.row_occasion)

    @property
    def rows_are_subjects(self) -> bool:
        """Whether every subject has exactly one row."""
        return self.n_rows == len(self.subjects)

    @property
    def rows_are_occasions(self) -> bool:
        """Whether every (subject, occasion) has exactly one row."""
        return len(self.occasions) > 0 and self.n_rows == len(self.occasions)

    @property
    def row_labels(self) -> np.ndarray:
        """Labels `ID:k`, k counting the rows of a subject from 1."""
        count = np.zeros(len(self.subjects), dtype=int)
        labels = []
        for subject in self.row_subject:
            count[subject] += 1
            labels.append(f"{self.subjects[subject]}:{count[subject]}")
        return np.asarray(labels)


def as_data(name: str, values: np.ndarray) -> Any:
    """What depends on the records, as a shared variable of a graph (a constant would be part of its code)."""
    import pytensor

    return pytensor.shared(np.asarray(values), name=name)


def lay_out(model: Model, data: Dataset) -> Layout:
    """Find the parameter rows of a study under a model.

    Parameters
    ----------
    model : Model
        Says which covariates act and whether any parameter varies between occasions.
    data : Dataset
        The study.

    Returns
    -------
    Layout
    """
    table = data.table
    subject = table["SUBJECT"].to_numpy(np.int64)
    has_iov = any(parameter.iov is not None for parameter in model.parameters.values())
    given = [name for law in model.missing.values() for name in getattr(law, "given", ())]
    names = list(dict.fromkeys([*model.covariates, *given]))
    varying = [name for name in names if data.covariates[name].method != "constant"]

    if has_iov:
        occasion_keys = list(zip(subject, table["OCC"], strict=True))
        occasions = list(dict.fromkeys(occasion_keys))
        occasion_index = {key: k for k, key in enumerate(occasions)}
        occasion = np.array([occasion_index[key] for key in occasion_keys], dtype=np.int64)
    else:
        occasions, occasion = [], np.zeros(len(table), dtype=np.int64)

    between = [data.governing(name) for name in varying]
    at = [data.covariate(name) for name in varying]
    keys = list(zip(subject, occasion, *between, strict=True))
    keys_at = list(zip(subject, occasion, *at, strict=True)) if varying else keys
    in_order: dict[tuple, None] = {}
    for key, key_at in zip(keys, keys_at, strict=True):
        in_order.setdefault(key)
        in_order.setdefault(key_at)
    index = {key: row for row, key in enumerate(in_order)}

    first = np.flatnonzero(np.r_[True, np.diff(subject) != 0])
    rows = list(in_order)
    return Layout(
        subjects=np.asarray(data.subjects),
        occasions=np.array([f"{data.subjects[s]}:{o}" for s, o in occasions], dtype=str),
        occasion_subject=np.array([s for s, _ in occasions], dtype=np.int64),
        row_subject=np.array([key[0] for key in rows], dtype=np.int64),
        row_occasion=np.array([key[1] for key in rows], dtype=np.int64),
        record_row=np.array([index[key] for key in keys], dtype=np.int64),
        record_row_at=np.array([index[key] for key in keys_at], dtype=np.int64),
        subject_covariates=FrozenMapping(
            {name: data.covariate(name)[first] for name in names if name not in varying}
        ),
        row_covariates=FrozenMapping(
            {name: np.asarray([key[2 + k] for key in rows]) for k, name in enumerate(varying)}
        ),
        groups=FrozenMapping({name: groups_in(data, name) for name in groups_of(model)}),
    )


def groups_in(data: Dataset, name: str) -> Groups:
    """The groups of a level above the subject, from a column that is constant within every subject."""
    first = data.start[:-1]
    written = [_label(value) for value in data.covariate(name)[first].tolist()]
    labels = list(dict.fromkeys(written))
    position = {label: k for k, label in enumerate(labels)}
    return Groups(
        np.array(labels, dtype=str), np.array([position[label] for label in written], dtype=np.int64)
    )


def _label(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
