"""Limits of quantification: which observations are known only to lie beyond a limit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bayes_nlmem.data.draft import Draft


@dataclass(frozen=True)
class Censoring:
    """DV, CENS and LIMIT of every record once the limits are applied."""

    dv: np.ndarray
    cens: np.ndarray
    limit: np.ndarray
    notes: tuple[str, ...]


def limits(draft: Draft) -> np.ndarray:
    """Lower limit of quantification of each record, NaN where none is known.

    The column LLOQ comes before the argument `lloq`.
    """
    lloq = draft.question.lloq
    if lloq is None:
        argument = np.full(draft.n, np.nan)
    elif hasattr(lloq, "get"):
        argument = np.array([_number(lloq.get(name)) for name in draft.dvid])
    else:
        argument = np.full(draft.n, _number(lloq))
    column = draft.number("LLOQ")
    return np.where(np.isnan(column), argument, column)


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float, np.number)) and np.isfinite(value) else np.nan


def censor(draft: Draft) -> Censoring:
    """Apply the limits: an observation below its LLOQ becomes CENS = 1 with DV = LLOQ.

    Without a LLOQ the table is taken as it is: where CENS is 1, DV holds the limit.
    """
    limit = limits(draft)
    dv, cens = draft.number("DV").copy(), draft.value("CENS").astype(np.int64)
    below = draft.observation & (cens != -1) & ((dv < limit) | ((cens == 1) & ~np.isnan(limit)))
    changed = below & ((cens != 1) | (dv != limit))
    dv[below] = limit[below]
    cens[below] = 1
    notes: tuple[str, ...] = ()
    if changed.any():
        notes = (f"{changed.sum()} observations below the LLOQ are used as CENS = 1 with DV = LLOQ",)
    return Censoring(dv, np.where(draft.evid == 0, cens, 0), draft.number("LIMIT"), notes)
