"""Read a study: from a table of events to a checked data set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from os import PathLike
from typing import IO

import numpy as np
import pandas as pd

from bayes_nlmem.data.censoring import Censoring, censor
from bayes_nlmem.data.covariates import read_covariates, settle
from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.data.draft import Draft, Question, make_draft
from bayes_nlmem.data.roles import RESERVED, assign_roles
from bayes_nlmem.data.rules import doses, doubts, observations, subjects, unusual_covariates
from bayes_nlmem.data.source import open_source
from bayes_nlmem.ground.mapping import FrozenMapping
from bayes_nlmem.ground.messages import DataError, Fault, closest

RULES = (*subjects.RULES, *doses.RULES, *observations.RULES)
ACCEPTABLE = (
    "E_SUBJECT_NO_DOSE",
    "E_SUBJECT_NO_OBSERVATION",
    "E_DUPLICATED_RECORD",
    "E_COVARIATE_MISSING",
)
ACCEPTED = "accepted by allow="  # the remedy of a fault that became a warning


def read(
    source: str | PathLike | IO | pd.DataFrame,
    *,
    columns: Mapping[str, str | None] | None = None,
    covariates: Iterable[str] | Mapping[str, str | None] = (),
    categorical: Iterable[str] = (),
    interpolation: str = "nocb",
    units: Mapping[str, str] | None = None,
    lloq: float | Mapping[object, float] | None = None,
    delimiter: str | None = None,
    decimal: str | None = None,
    comment: str | None = None,
    encoding: str = "utf-8",
    date_format: str | None = None,
    observations_required: bool = True,
    allow: Iterable[str] = (),
) -> Dataset:
    r"""Read a study from an event table and check it.

    Nothing is dropped, sorted or filled in silently: what is inferred is said in the summary of the data
    set, and all faults are reported at once with their rows, subjects and remedy.

    Reserved columns (case does not count): ID, TIME, DATE, AMT, RATE, DUR, ADDL, II, SS, EVID, CMT, DV,
    MDV, CENS, LIMIT, LLOQ, DVID, OCC, L2. Only ID, TIME and DV are needed. A cell that is empty, `.`,
    `NA` or `nan` is missing. Without EVID, a record with AMT, RATE or SS is a dose, one with MDV 1 another
    event, any other an observation. DUR becomes RATE = AMT / DUR. Observations with DV below a given LLOQ
    are used as censored (CENS = 1, DV = LLOQ).

    Parameters
    ----------
    source : path, text buffer or DataFrame
        A delimited text file with a header line, or a DataFrame.
    columns : mapping, optional
        Reserved (or covariate) name -> name in the source, e.g. `{"TIME": "hours", "DV": "conc"}`; None
        if a column that bears a reserved name means something else, e.g. `{"CENS": None}`. `{"TIME": None}`
        says that there is no time, as in a dose-response study: the records of each subject are counted.
    covariates : iterable of str or mapping, optional
        Names (case counts), or name -> method: `"constant"` (checked), `"nocb"` (the value of a record
        governs the time before it, as in NONMEM), `"locf"` (the time after it, as in rxode2 and Monolix),
        `"linear"` (the mean of both ends of each interval), None (found out).
    categorical : iterable of str, optional
        Covariates written as numbers that are categories. Text covariates always are.
    interpolation : str
        Method for time-varying covariates that name none.
    units : mapping, optional
        Unit labels by reserved or covariate name, e.g. `{"TIME": "h", "DV": "mg/L", "AMT": "mg"}`.
    lloq : float or mapping, optional
        Lower limit of quantification in the unit of DV, or one per endpoint (DVID).
    delimiter, decimal, comment, encoding : str, optional
        How a file is written. The delimiter is found out (tab, semicolon, comma, blanks). Rows that start
        with `comment` are left out, and the summary says how many.
    date_format : str, optional
        How DATE is written beside clock times, as in `datetime.strptime`, if it is not ISO or a day number.
    observations_required : bool
        Whether there must be observations; False for a table that is only to be simulated.
    allow : iterable of str, optional
        Codes of faults to accept as warnings: E_SUBJECT_NO_DOSE, E_SUBJECT_NO_OBSERVATION,
        E_DUPLICATED_RECORD, E_COVARIATE_MISSING (a model with `missing={...}` makes unknowns of them).

    Returns
    -------
    Dataset

    Raises
    ------
    DataError
        With every fault that was found, in its text and in `.faults`.

    Examples
    --------
    >>> import io
    >>> import bayes_nlmem as bn
    >>> text = "ID,TIME,AMT,DV,WT\n1,0,100,.,70\n1,2,.,4.1,70\n2,0,100,.,82\n2,2,.,3.5,82\n"
    >>> bn.read(io.StringIO(text), covariates=["WT"], units={"TIME": "h", "AMT": "mg", "DV": "mg/L"})
    Dataset the buffer: 2 subjects, 4 records
      observations  2, 1 per subject, DV 3.5 to 4.1 mg/L
      doses         2 bolus doses of 100 mg into the default compartment
      TIME          0 to 2 h
      covariates    WT 70 to 82, median 76, constant
      notes         EVID inferred from AMT, RATE, SS and MDV
    """
    accepted = _accepted(allow)
    counted = any(name.upper() == "TIME" and label is None for name, label in (columns or {}).items())
    question = Question(decimal, date_format, interpolation, lloq, observations_required, units, counted)
    raw = open_source(source, delimiter=delimiter, decimal=decimal, comment=comment, encoding=encoding)
    required = [
        name
        for name, wanted in (("ID", True), ("TIME", not counted), ("DV", observations_required))
        if wanted
    ]
    named = _named(covariates)
    roles, faults = assign_roles(
        raw.frame.columns,
        columns=columns or {},
        covariates=named,
        categorical=tuple(categorical),
        required=required,
    )
    with np.errstate(all="ignore"):  # a number beyond all bounds is judged by the rules, not by NumPy
        draft, cell_faults = make_draft(raw, roles, question)
        readings, covariate_faults = read_covariates(draft)
        ruled = [fault for rule in RULES for fault in rule(draft)]
    found = [*faults, *cell_faults, *ruled, *covariate_faults, *_unit_faults(units or {}, named)]
    errors = [fault for fault in found if fault.code not in accepted]
    if errors:
        raise DataError(faults=errors, source=raw.name)
    with np.errstate(all="ignore"):
        return _dataset(draft, readings, [fault for fault in found if fault.code in accepted])


def _accepted(allow: Iterable[str]) -> frozenset[str]:
    codes = frozenset([allow] if isinstance(allow, str) else allow)
    unknown = sorted(codes - frozenset(ACCEPTABLE))
    if unknown:
        message = f"Expected in allow {', '.join(ACCEPTABLE)}, got {', '.join(unknown)}."
        fault = Fault("E_ALLOW_UNKNOWN", message, remedy=closest(unknown[0], ACCEPTABLE))
        raise DataError(faults=[fault], source="the call")
    return codes


def _named(covariates: Iterable[str] | Mapping[str, str | None]) -> dict[str, str | None]:
    if isinstance(covariates, Mapping):
        return {str(name): method for name, method in covariates.items()}
    names = [covariates] if isinstance(covariates, str) else covariates
    return dict.fromkeys(map(str, names))


def _unit_faults(units: Mapping[str, str], covariates: Mapping[str, str | None]) -> Iterable[Fault]:
    for name in units:
        if name.upper() not in RESERVED and name not in covariates:
            message = f"Expected reserved or covariate names in units, got {name!r}."
            yield Fault("E_UNIT_UNKNOWN", message, remedy=closest(name, (*RESERVED, *covariates)))


def _dataset(draft: Draft, readings: tuple, accepted: list[Fault]) -> Dataset:
    censored = censor(draft)
    covariates = settle(draft, readings)
    doubts_found = [fault for doubt in doubts.DOUBTS for fault in doubt(draft)]
    for covariate in covariates.values():
        doubts_found += [fault for doubt in unusual_covariates.DOUBTS for fault in doubt(draft, covariate)]
    units = {n.upper() if n.upper() in RESERVED else n: u for n, u in (draft.question.units or {}).items()}
    if draft.time_unit and "TIME" not in units:
        units["TIME"] = draft.time_unit
    given_up = [Fault("W" + f.code[1:], f.message, f.rows, f.subjects, ACCEPTED) for f in accepted]
    turned = (
        ("DUR turned into RATE = AMT / DUR",) if draft.has("DUR") and (draft.value("DUR") > 0).any() else ()
    )
    return Dataset(
        frame=draft.raw.frame,
        table=_table(draft, censored),
        subjects=draft.at.ids,
        covariates=FrozenMapping(covariates),
        units=FrozenMapping(units),
        warnings=(*given_up, *doubts_found),
        source=draft.raw.name,
        columns=draft.roles.reserved,
        ignored=draft.roles.ignored,
        notes=(*draft.notes, *turned, *censored.notes),
    )


def _table(draft: Draft, censored: Censoring) -> pd.DataFrame:
    amt, rate, dur = (draft.value(name) for name in ("AMT", "RATE", "DUR"))
    lasting = draft.dose & (rate == 0) & (dur > 0)
    rate = np.where(lasting, amt / np.where(lasting, dur, 1.0), rate)
    ids = np.empty(len(draft.at.ids), object)
    ids[:] = draft.at.ids
    return pd.DataFrame(
        {
            "ROW": draft.raw.row.astype(np.int64),
            "ID": pd.Series(ids[draft.at.subject]).infer_objects(),
            "SUBJECT": draft.at.subject.astype(np.int64),
            "TIME": draft.time.astype(float),
            "EVID": draft.evid.astype(np.int64),
            "AMT": amt,
            "RATE": rate,
            "II": draft.value("II"),
            "ADDL": draft.value("ADDL").astype(np.int64),
            "SS": draft.value("SS").astype(np.int64),
            "CMT": _codes(draft.cmt),
            "DV": censored.dv,
            "MDV": draft.mdv.astype(np.int64),
            "CENS": censored.cens,
            "LIMIT": censored.limit,
            "DVID": _codes(draft.dvid) if draft.has("DVID") else np.ones(draft.n, np.int64),
            "OCC": draft.value("OCC").astype(np.int64) if draft.has("OCC") else np.ones(draft.n, np.int64),
            "L2": draft.value("L2"),
        }
    )


def _codes(values: np.ndarray) -> pd.Series:
    """Whole numbers as int64; names stay, with 0 where nothing was written."""
    return pd.Series(values, dtype=object if values.dtype == object else np.int64)
