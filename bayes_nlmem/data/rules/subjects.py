"""Faults of the frame of the table: ID, TIME, EVID, OCC."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from bayes_nlmem.data.cells import texts
from bayes_nlmem.data.draft import Draft, whole
from bayes_nlmem.ground.messages import Fault


def id_is_written(draft: Draft) -> Iterator[Fault]:
    """Each record belongs to a subject."""
    if draft.has("ID"):
        yield from draft.at.report(
            "E_ID_MISSING",
            draft.at.subject < 0,
            expected="an ID in every record",
            got="missing",
            remedy="Write the ID in every row; it is not carried down from the row above.",
        )


def id_is_contiguous(draft: Draft) -> Iterator[Fault]:
    """The records of a subject stand together."""
    if not draft.has("ID"):
        return
    owner = draft.at.subject[~draft.follows]
    again = pd.Series(owner).duplicated().to_numpy() & (owner >= 0)
    returned = again[draft.block] & (draft.at.subject >= 0)
    yield from draft.at.report(
        "E_ID_NOT_CONTIGUOUS",
        returned,
        expected="the records of one ID in one contiguous block",
        got="IDs that come back after another ID",
        remedy="Sort the table by ID and TIME, or give distinct IDs if these are different subjects.",
    )


def time_is_written(draft: Draft) -> Iterator[Fault]:
    """Each record has a time."""
    if draft.has("TIME"):
        yield from draft.at.report(
            "E_TIME_MISSING",
            draft.missing("TIME"),
            expected="TIME in every record",
            got="missing",
            remedy="Write the time, or leave the record out of the table.",
        )


def time_does_not_decrease(draft: Draft) -> Iterator[Fault]:
    """TIME goes back only at a reset."""
    before = np.concatenate([[np.nan], draft.time[:-1]])
    reset = (draft.evid == 3) | (draft.evid == 4)
    back = draft.follows & (draft.time < before) & ~reset
    remedy = "Sort the records of each subject by TIME, or start a new occasion with EVID=3 (reset) or 4."
    if any("clock" in note for note in draft.notes) and not draft.has("DATE"):
        remedy = "If the clock passed midnight, add a column DATE."
    elif back.any() and draft.dose[back].all():
        remedy = "All of these are doses: if the clock restarts there, write EVID=4 (reset, then dose); "
        remedy += "else sort the records of each subject by TIME."
    if draft.has("DATE"):
        remedy += " DATE counts only if TIME is written as hh:mm."
    where = np.flatnonzero(back)
    got = f"{texts(draft.time[where][:1])} after {texts(before[where][:1])}" if where.size else ""
    yield from draft.at.report(
        "E_TIME_DECREASES", back, expected="non-decreasing TIME within a subject", got=got, remedy=remedy
    )


def evid_is_known(draft: Draft) -> Iterator[Fault]:
    """EVID is one of the seven codes."""
    wrong = ~np.isin(draft.evid, range(7)) & ~np.isnan(draft.evid)
    yield from draft.at.report(
        "E_EVID_CODE",
        wrong,
        expected="EVID 0 (observation), 1 (dose), 2 (other), 3 (reset), 4 (reset and dose), 5 (an amount is "
        "replaced) or 6 (multiplied)",
        got=texts(draft.evid[wrong]),
        remedy="Recode EVID; rxode2's codes above 100 are CMT and RATE here.",
    )


def occasion_is_an_integer(draft: Draft) -> Iterator[Fault]:
    """OCC is a whole number in every record."""
    if not draft.has("OCC"):
        return
    yield from draft.at.report(
        "E_OCC_MISSING",
        draft.missing("OCC"),
        expected="an occasion in every record of OCC",
        got="missing",
        remedy="Fill OCC in dose and covariate records too.",
    )
    fraction = ~whole(draft.number("OCC"))
    yield from draft.at.report(
        "E_OCC_NOT_INTEGER",
        fraction,
        expected="whole numbers in OCC",
        got=texts(draft.number("OCC")[fraction]),
        remedy="Number the occasions 1, 2, 3, ...",
    )


RULES = (
    id_is_written,
    id_is_contiguous,
    time_is_written,
    time_does_not_decrease,
    evid_is_known,
    occasion_is_an_integer,
)
