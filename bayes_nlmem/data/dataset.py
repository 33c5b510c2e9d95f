"""What was seen: the frame as it was read, the event table, covariates, units, warnings."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd

from bayes_nlmem.data.covariates import Covariate, governing
from bayes_nlmem.ground.mapping import FrozenMapping
from bayes_nlmem.ground.messages import DataError, Fault, explain, names_text


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    r"""Observations, doses and covariates of the subjects of a study, as they were read.

    Made by :func:`bayes_nlmem.read`. Two data sets are equal if their event tables, covariates and units
    are (equal `digest`), whatever they were read from.

    Parameters
    ----------
    frame : DataFrame
        Exactly what was read.
    table : DataFrame
        The event table, one row per record in the order of `frame`: ROW (as in the file, from 1), ID,
        SUBJECT (from 0), TIME, EVID, AMT, RATE, II, ADDL, SS, CMT (number or name, 0 is the default),
        DV, MDV, CENS, LIMIT, DVID, OCC, L2; ABOVE after `censored(data, "M2")`, the limit above which the
        value of an observation had to lie.
    subjects : tuple
        The IDs in the order of the table.
    covariates : FrozenMapping of str to Covariate
        The covariates by name.
    units : FrozenMapping of str to str
        Unit labels by column.
    warnings : tuple of Fault
        What is doubtful but legal.
    source : str
        What was read, for titles.
    columns : FrozenMapping of str to str
        Reserved name -> label in `frame`.
    ignored : tuple of str
        Labels of `frame` that are not used.
    notes : tuple of str
        How the table was interpreted.
    choices : tuple of str
        What was decided after reading, such as the treatment of values below the limit of quantification.

    Examples
    --------
    >>> import io
    >>> import bayes_nlmem as bn
    >>> text = "ID,TIME,DV,WT\n1,0,4.2,70\n1,1,2.1,70\n2,0,5.1,82\n2,1,2.6,82"
    >>> data = bn.read(io.StringIO(text), covariates=["WT"])
    >>> data.subjects, data.n_observations
    ((1, 2), 4)
    >>> data.covariate("WT")
    array([70., 70., 82., 82.])
    """

    frame: pd.DataFrame
    table: pd.DataFrame
    subjects: tuple
    covariates: FrozenMapping[str, Covariate] = field(default_factory=FrozenMapping)
    units: FrozenMapping[str, str] = field(default_factory=FrozenMapping)
    warnings: tuple[Fault, ...] = ()
    source: str = "the DataFrame"
    columns: FrozenMapping[str, str] = field(default_factory=FrozenMapping)
    ignored: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.table)

    @property
    def n_subjects(self) -> int:
        """Number of subjects."""
        return len(self.subjects)

    @property
    def n_observations(self) -> int:
        """Number of observations (EVID 0 and MDV 0)."""
        return int(self.is_observation.sum())

    @cached_property
    def is_observation(self) -> np.ndarray:
        """Records with EVID 0 and MDV 0."""
        return ((self.table["EVID"] == 0) & (self.table["MDV"] == 0)).to_numpy()

    @cached_property
    def is_dose(self) -> np.ndarray:
        """Records with EVID 1 or 4."""
        return self.table["EVID"].isin([1, 4]).to_numpy()

    @cached_property
    def start(self) -> np.ndarray:
        """Position of the first record of each subject, and the number of records at the end."""
        counts = np.bincount(self.table["SUBJECT"].to_numpy(), minlength=self.n_subjects)
        return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)

    @cached_property
    def follows(self) -> np.ndarray:
        """Records that have a record of the same subject directly before them."""
        follows = np.ones(len(self), bool)
        follows[self.start[:-1]] = False
        return follows

    def covariate(self, name: str) -> np.ndarray:
        """Value of a covariate at each record.

        Raises
        ------
        DataError
            If there is no such covariate; lists those that there are.
        """
        return self._covariate(name).values

    def governing(self, name: str) -> np.ndarray:
        """Value of a covariate that governs the interval which ends at each record.

        nocb and constant: the record's own value; locf: the previous record's; linear: the mean of both.
        The first record of a subject has its own value.

        Raises
        ------
        DataError
            If there is no such covariate; lists those that there are.
        """
        return governing(self._covariate(name), self.follows)

    def _covariate(self, name: str) -> Covariate:
        if name not in self.covariates:
            known = ", ".join(self.covariates) or "none"
            remedy = f"Name it when reading: bn.read(..., covariates=[{name!r}])."
            expected = f"a covariate of the data ({known})"
            raise DataError(explain(expected=expected, got=repr(name), remedy=remedy))
        return self.covariates[name]

    def to_frame(self) -> pd.DataFrame:
        """What was read, as a DataFrame of its own."""
        return self.frame.copy()

    @cached_property
    def digest(self) -> str:
        """Hash of the content: event table, covariates and units, the same on every machine."""
        content = hashlib.sha256()
        for name in (column for column in self.table.columns if column != "ROW"):
            _add(content, name, self.table[name].to_numpy())
        for name, covariate in self.covariates.items():
            _add(content, f"{name} {covariate.method} {covariate.categories}", covariate.values)
        content.update(repr(sorted(self.units.items())).encode())
        return content.hexdigest()

    def __eq__(self, other: object) -> bool:
        return self.digest == other.digest if isinstance(other, Dataset) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        from bayes_nlmem.data.summary import as_text

        return as_text(self)

    def _repr_html_(self) -> str:
        from bayes_nlmem.data.summary import as_html

        return as_html(self)


def _add(content: hashlib._Hash, name: str, values: np.ndarray) -> None:
    content.update(name.encode())
    if values.dtype == object or values.dtype.kind not in "fiub":
        content.update("\x1f".join(f"{type(value).__name__}:{value}" for value in values.tolist()).encode())
    else:
        plain = np.asarray(values, "<f8")
        content.update(np.where(np.isnan(plain), np.nan, plain + 0.0).tobytes())


def subset(data: Dataset, subjects: Iterable[object]) -> Dataset:
    """Keep only some subjects, e.g. for leaving one out.

    Parameters
    ----------
    data : Dataset
        The data set; it is not changed.
    subjects : iterable
        IDs to keep; the order of the table is kept.

    Returns
    -------
    Dataset

    Raises
    ------
    DataError
        If an ID does not occur, or none is left.

    Examples
    --------
    >>> import pandas as pd
    >>> import bayes_nlmem as bn
    >>> data = bn.read(pd.DataFrame({"ID": [1, 1, 2, 2], "TIME": [0, 1, 0, 1], "DV": [4.0, 2.0, 5.0, 3.0]}))
    >>> bn.subset(data, [2]).subjects
    (2,)
    """
    wanted = set(subjects)
    known = f"IDs of the data ({names_text(data.subjects)})"
    unknown = wanted - set(data.subjects)
    if unknown or not wanted:
        remedy = "IDs are kept as they are written: 7 is not '7'."
        raise DataError(explain(expected=known, got=names_text(map(repr, unknown)) or "none", remedy=remedy))
    kept_subjects = tuple(subject for subject in data.subjects if subject in wanted)
    keep = np.array([subject in wanted for subject in data.subjects])[data.table["SUBJECT"].to_numpy()]
    table = data.table[keep].reset_index(drop=True)
    table["SUBJECT"] = pd.factorize(table["SUBJECT"])[0].astype(np.int64)
    rows = set(table["ROW"].tolist())
    about = [(tuple(filter(rows.__contains__, w.rows)), w) for w in data.warnings]
    return replace(
        data,
        frame=data.frame[keep],
        table=table,
        subjects=kept_subjects,
        covariates=FrozenMapping({n: replace(c, values=c.values[keep]) for n, c in data.covariates.items()}),
        warnings=tuple(
            replace(w, rows=kept, subjects=tuple(filter(wanted.__contains__, w.subjects)))
            for kept, w in about
            if kept or not w.rows
        ),
        notes=(*data.notes, f"{len(kept_subjects)} of {data.n_subjects} subjects kept"),
    )
