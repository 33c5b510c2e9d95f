"""What to do with observations below the limit of quantification, as a choice that the data set remembers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.ground.messages import DataError, explain, names_text, rows_text

METHODS = {
    "M1": "taken out (MDV = 1)",
    "M2": "taken out, the others conditioned to lie above the limit",
    "M3": "kept as lying below the limit (CENS = 1, DV = LLOQ)",
    "M4": "kept as lying between 0 and the limit (CENS = 1, DV = LLOQ, LIMIT = 0)",
    "M5": "replaced by half the limit",
    "M6": "the first of each run replaced by half the limit, the others taken out",
    "M7": "replaced by 0",
}


def censored(data: Dataset, method: str, *, lloq: float | Mapping[object, float] | None = None) -> Dataset:
    r"""Treat observations below the lower limit of quantification by one of Beal's methods.

    ======  ================================================================================================
    M1      take them out: MDV = 1, the record stays
    M2      take them out, and condition the others on being above the limit: their density is divided by
            :math:`P(y > \mathrm{LLOQ})`
    M3      their likelihood is :math:`P(y < \mathrm{LLOQ})`: CENS = 1, DV = LLOQ
    M4      their likelihood is :math:`P(0 < y < \mathrm{LLOQ})`: M3 with LIMIT = 0
    M5      DV = LLOQ/2, as if measured
    M6      DV = LLOQ/2 in the first of a run of consecutive ones of a subject and endpoint, the others out
    M7      DV = 0, as if measured
    ======  ================================================================================================

    M3 and M4 use all the information there is. The others are kept for comparison with older analyses; what
    was changed stands in the summary of the data set, in the record of every fit, and in reports. In M4 the
    observations above the limit keep their density: Beal's conditioning on y > 0 of every observation is
    not applied. Values above an upper limit (CENS = -1) are left as they are.

    Parameters
    ----------
    data : Dataset
        The study; it is not changed.
    method : {"M1", "M2", "M3", "M4", "M5", "M6", "M7"}
        What to do.
    lloq : float or mapping, optional
        The limit, in the unit of DV, or one per endpoint (DVID). Without it the limits of the data are used:
        the DV of its records with CENS = 1.

    Returns
    -------
    Dataset
        With the choice in `choices`.

    Raises
    ------
    DataError
        An unknown method, no observation below the limit (the choice would have no effect), no limit known,
        or a choice made before.

    References
    ----------
    Beal 2001, doi:10.1023/A:1012299115260. Bergstrand and Karlsson 2009, doi:10.1208/s12248-009-9112-5.

    Examples
    --------
    >>> import pandas as pd
    >>> import bayes_nlmem as bn
    >>> data = bn.read(pd.DataFrame({"ID": 1, "TIME": [0, 1, 2, 3], "DV": [4.0, 1.0, 0.2, 0.1]}))
    >>> bn.censored(data, "M6", lloq=0.5).table[["DV", "MDV"]].to_numpy().tolist()
    [[4.0, 0.0], [1.0, 0.0], [0.25, 0.0], [0.1, 1.0]]
    >>> bn.censored(data, "M6", lloq=0.5).choices
    ('M6: 2 observations below the LLOQ (0.5), the first of each run replaced by half the limit, ...',)
    """
    if method not in METHODS:
        raise DataError(
            explain(
                expected=f"method one of {', '.join(METHODS)}",
                got=repr(method),
                remedy="; ".join(f"{name}: {words}" for name, words in METHODS.items()) + ".",
            )
        )
    if data.choices:
        raise DataError(
            explain(
                expected="data as they were read",
                got=f"data with the choice {data.choices[0]!r}",
                remedy="Start from the data set that bn.read gave.",
            )
        )
    limit = _limits(data, lloq)
    table = data.table.copy()
    dv, cens = table["DV"].to_numpy(float, copy=True), table["CENS"].to_numpy(np.int64, copy=True)
    mdv, bound = table["MDV"].to_numpy(np.int64, copy=True), table["LIMIT"].to_numpy(float, copy=True)
    seen = data.is_observation
    below = seen & ((cens == 1) | ((cens == 0) & (dv < limit)))
    unknown = below & np.isnan(limit)
    if unknown.any():
        raise DataError(
            explain(
                expected="a limit for every endpoint with values below it",
                got=f"none for {rows_text(table['ROW'][unknown])}",
                remedy="Give lloq={DVID: limit, ...}.",
            )
        )
    if not below.any():
        raise DataError(
            explain(
                expected="observations below the limit of quantification",
                got="none, so that the method would have no effect",
                remedy="Give lloq=..., or leave censored out.",
            )
        )
    replaced, out = below.copy(), np.zeros(len(table), bool)
    if method in ("M1", "M2"):
        replaced, out = np.zeros(len(table), bool), below
    elif method == "M6":
        first = _first_of_runs(data, below)
        replaced, out = first, below & ~first
    if method in ("M3", "M4"):
        dv[below], cens[below] = limit[below], 1
        bound[below] = 0.0 if method == "M4" else np.nan
    else:
        mdv[out] = 1
        cens[below], bound[below] = 0, np.nan
        dv[replaced] = 0.0 if method == "M7" else limit[replaced] / 2
    table = table.assign(DV=dv, MDV=mdv, CENS=cens, LIMIT=bound)
    if method == "M2":
        table["ABOVE"] = np.where(seen & ~below, limit, np.nan)
    used = names_text(sorted({f"{value:g}" for value in limit[below]}))
    count = f"{below.sum()} observation{'s' if below.sum() > 1 else ''}"
    said = f"{method}: {count} below the LLOQ ({used}), {METHODS[method]}"
    return replace(data, table=table, choices=(said,))


def _limits(data: Dataset, lloq: float | Mapping[object, float] | None) -> np.ndarray:
    """The limit at every record, NaN where none is known."""
    table = data.table
    dvid = table["DVID"].astype(object)
    if lloq is None:
        known = table["CENS"].to_numpy() == 1
        limit = np.full(len(table), np.nan)
        for label in dict.fromkeys(dvid):
            own = (dvid == label).to_numpy()
            values = sorted(set(table["DV"].to_numpy(float)[own & known & data.is_observation]))
            if len(values) > 1:
                raise DataError(
                    explain(
                        expected="one limit of quantification per endpoint in the records with CENS = 1",
                        got=f"{names_text([f'{value:g}' for value in values])} for DVID {label}",
                        remedy="Give lloq=..., one number, or one per endpoint.",
                    )
                )
            if values:
                limit[own] = values[0]
        return limit
    if isinstance(lloq, Mapping):
        if unknown := [label for label in lloq if str(label) not in set(map(str, dvid))]:
            raise DataError(
                explain(
                    expected=f"endpoints of the data ({names_text(dict.fromkeys(map(str, dvid)))}) in lloq",
                    got=names_text(map(repr, unknown)),
                    remedy="Write them as they stand in DVID.",
                )
            )
        by_label = {str(label): float(value) for label, value in lloq.items()}
        limit = np.array([by_label.get(str(label), np.nan) for label in dvid])
    else:
        limit = np.full(len(table), float(lloq))
    if not np.all(np.isnan(limit) | (np.isfinite(limit) & (limit > 0))):
        remedy = "It is in the unit of DV."
        raise DataError(explain(expected="lloq a number > 0", got=repr(lloq), remedy=remedy))
    return limit


def _first_of_runs(data: Dataset, below: np.ndarray) -> np.ndarray:
    """The first of every run of consecutive observations of a subject and endpoint that are below."""
    subject, dvid = data.table["SUBJECT"].to_numpy(), data.table["DVID"].astype(str).to_numpy()
    first = np.zeros(len(below), bool)
    previous: dict[tuple, bool] = {}
    for k in np.flatnonzero(data.is_observation):
        key = (subject[k], dvid[k])
        first[k] = below[k] and not previous.get(key, False)
        previous[key] = bool(below[k])
    return first
