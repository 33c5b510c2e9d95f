"""Doubtful but legal: warnings that the summary shows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from bayes_nlmem.data.cells import texts
from bayes_nlmem.data.censoring import limits
from bayes_nlmem.data.draft import Draft, nonzero, whole
from bayes_nlmem.data.repeats import repeated
from bayes_nlmem.ground.messages import Fault

JUMP = 500.0


def observation_before_the_first_dose(draft: Draft) -> Iterator[Fault]:
    """A measurement before any drug was given."""
    if draft.dose.any():
        dosed = pd.Series(draft.dose).groupby(draft.block).cumsum().to_numpy() > 0
        treated = np.isin(draft.at.subject, draft.at.subject[draft.dose])
        yield from draft.at.report(
            "W_OBSERVATION_BEFORE_DOSE",
            draft.observation & ~dosed & treated,
            expected="observations after the first dose",
            got="observations before it (the model predicts 0 for a concentration)",
        )


def value_is_zero(draft: Draft) -> Iterator[Fault]:
    """A measured 0, unless DV are counts or codes."""
    dv = draft.number("DV")
    if not whole(dv[draft.observation]).all():
        yield from draft.at.report(
            "W_DV_ZERO",
            draft.observation & (dv == 0) & (draft.value("CENS") == 0) & np.isnan(limits(draft)),
            expected="DV other than 0 where it was measured",
            got="0",
            remedy="If it means below the limit, pass lloq= or use CENS.",
        )


def value_is_negative(draft: Draft) -> Iterator[Fault]:
    """A negative DV, if most are positive."""
    dv = draft.number("DV")
    negative = draft.observation & (dv < 0)
    if negative.sum() * 10 < draft.observation.sum():
        yield from draft.at.report(
            "W_DV_NEGATIVE", negative, expected="DV >= 0 as nearly everywhere else", got=texts(dv[negative])
        )


def value_is_not_written(draft: Draft) -> Iterator[Fault]:
    """An observation record without DV where nobody says MDV."""
    if draft.has("DV") and draft.question.observations_required:
        yield from draft.at.report(
            "W_DV_MISSING",
            (draft.evid == 0) & draft.missing("DV") & draft.missing("MDV") & (draft.mdv == 1),
            expected="DV or MDV=1 on an observation",
            got="neither; used as MDV=1 (prediction only)",
        )


def value_on_a_dose(draft: Draft) -> Iterator[Fault]:
    """DV on a record that is no observation."""
    yield from draft.at.report(
        "W_DV_ON_EVENT",
        (draft.evid > 0) & nonzero(draft.number("DV")),
        expected="DV only on observations",
        got="DV on records with EVID > 0, which are not used",
        remedy="An observation needs a record of its own.",
    )


def value_jumps(draft: Draft) -> Iterator[Fault]:
    """A single value hundreds of times above or below both its neighbours, no dose between them."""
    where = np.flatnonzero(draft.observation & (draft.number("DV") > 0))
    if where.size < 3:
        return
    dv = draft.number("DV")[where]
    group = np.cumsum(draft.dose | ~draft.follows | (draft.evid == 3))[where].astype(float)
    endpoint = pd.factorize(draft.dvid[where])[0]
    order = np.lexsort((np.arange(where.size), endpoint, group))
    same = np.diff(group[order] * (endpoint.max() + 1) + endpoint[order]) == 0
    step = np.where(same, np.diff(np.log(dv[order])), 0.0) / np.log(JUMP)
    spike = (np.abs(step[:-1]) > 1) & (np.abs(step[1:]) > 1) & (step[:-1] * step[1:] < 0)
    mask = np.zeros(draft.n, bool)
    mask[where[order[1:-1][spike]]] = True
    yield from draft.at.report(
        "W_DV_JUMP",
        mask,
        expected=f"neighbouring DV within a factor {JUMP:g}",
        got=texts(draft.number("DV")[mask]),
        remedy="Check the units of these values.",
    )


def subject_is_on_another_scale(draft: Draft) -> Iterator[Fault]:
    """All of a subject's values are hundreds of times those of the others."""
    for endpoint in pd.unique(draft.dvid[draft.observation]):
        where = draft.observation & (draft.dvid == endpoint) & (draft.number("DV") > 0)
        if not where.any():
            continue
        log = pd.Series(np.log(draft.number("DV")[where])).groupby(draft.at.subject[where]).median()
        far = log.index[(np.abs(log - log.median()) > np.log(JUMP)).to_numpy()]
        yield from draft.at.report(
            "W_DV_SCALE",
            where & np.isin(draft.at.subject, far),
            expected=f"subjects whose DV lie within a factor {JUMP:g} of the others",
            got="subjects beyond",
            remedy="Check the units of DV and AMT in these subjects.",
        )


def amount_is_on_another_scale(draft: Draft) -> Iterator[Fault]:
    """A dose hundreds of times the usual one."""
    amt = draft.value("AMT")
    given = draft.dose & (amt > 0)
    if given.any():
        far = given & (np.abs(np.log(np.where(given, amt, 1.0) / np.median(amt[given]))) > np.log(JUMP))
        yield from draft.at.report(
            "W_AMT_SCALE",
            far,
            expected=f"doses within a factor {JUMP:g} of the median",
            got=texts(amt[far]),
            remedy="Check the unit of AMT.",
        )


def censored_value_is_zero(draft: Draft) -> Iterator[Fault]:
    """CENS = 1 with DV 0: nothing lies below."""
    yield from draft.at.report(
        "W_CENS_DV_ZERO",
        draft.observation & (draft.number("CENS") == 1) & (draft.number("DV") == 0) & draft.missing("LLOQ")
        & (draft.question.lloq is None),
        expected="the limit of quantification in DV where CENS is 1",
        got="0",
        remedy="Pass lloq=, or write the limit in DV.",
    )  # fmt: skip


def single_observation(draft: Draft) -> Iterator[Fault]:
    """Subjects with one observation only."""
    count = np.bincount(draft.at.subject[draft.observation], minlength=len(draft.at.ids))
    if (count > 1).any():
        yield from draft.at.report(
            "W_SINGLE_OBSERVATION",
            draft.observation & np.isin(draft.at.subject, np.flatnonzero(count == 1)),
            expected="several observations per subject",
            got="one",
        )


def replicated_observation(draft: Draft) -> Iterator[Fault]:
    """Several values at one time."""
    copies = repeated(draft, draft.observation, with_value=True)
    yield from draft.at.report(
        "W_REPLICATED_OBSERVATION",
        repeated(draft, draft.observation, with_value=False) & ~copies,
        expected="one value per subject, TIME, CMT and DVID",
        got="several different ones, used as replicates",
    )


def duplicated_dose(draft: Draft) -> Iterator[Fault]:
    """The same dose twice at one time."""
    yield from draft.at.report(
        "W_DUPLICATED_DOSE",
        repeated(draft, draft.evid == 1, with_value=True),
        expected="one dose record per subject, TIME and CMT",
        got="equal ones; all are given",
    )


def no_doses(draft: Draft) -> Iterator[Fault]:
    """A column AMT without a dose."""
    if draft.has("AMT") and not draft.dose.any():
        yield Fault("W_NO_DOSES", "Expected doses as there is a column AMT, got none.")


def dose_after_the_last_observation(draft: Draft) -> Iterator[Fault]:
    """Doses that inform nothing."""
    if draft.observation.any():
        later = pd.Series(draft.observation[::-1]).groupby(draft.block[::-1]).cumsum().to_numpy()[::-1] == 0
        observed = np.isin(draft.at.subject, draft.at.subject[draft.observation])
        yield from draft.at.report(
            "W_DOSE_AFTER_LAST_OBSERVATION",
            draft.dose & later & observed,
            expected="doses before the last observation",
            got="doses after it, which change no prediction",
        )


def additional_doses_overlap(draft: Draft) -> Iterator[Fault]:
    """ADDL doses reach beyond the next dose record into the same compartment."""
    where = np.flatnonzero(draft.dose)
    if where.size < 2:
        return
    place = pd.factorize(draft.cmt[where])[0]
    order = np.lexsort((np.arange(where.size), place, draft.segment[where]))
    sorted_, here = where[order], draft.segment[where][order] * (place.max() + 1) + place[order]
    last = draft.time[sorted_] + draft.value("ADDL")[sorted_] * draft.value("II")[sorted_]
    late = (here[1:] == here[:-1]) & (draft.value("ADDL")[sorted_[:-1]] > 0)
    late &= last[:-1] >= draft.time[sorted_[1:]]
    mask = np.zeros(draft.n, bool)
    mask[sorted_[:-1][late]] = True
    yield from draft.at.report(
        "W_ADDL_OVERLAP",
        mask,
        expected="additional doses (ADDL, II) that end before the next dose record",
        got="doses that go on at or after it",
        remedy="Count the ADDL doses again: the record's own dose is not among them.",
    )


def infusion_longer_than_interval(draft: Draft) -> Iterator[Fault]:
    """Infusions that run into one another."""
    amt, rate, dur, ii = (draft.value(name) for name in ("AMT", "RATE", "DUR", "II"))
    with np.errstate(divide="ignore", invalid="ignore"):
        lasting = np.where(rate > 0, amt / rate, dur)
    yield from draft.at.report(
        "W_INFUSION_LONGER_THAN_II",
        draft.dose & (ii > 0) & (lasting > ii * (1 + 1e-9)),
        expected="infusions shorter than II",
        got="longer ones, which overlap",
        remedy="Check the units of RATE, DUR and II.",
    )


def unused_interval(draft: Draft) -> Iterator[Fault]:
    """II that has no effect."""
    idle = draft.dose & (draft.value("II") > 0) & (draft.value("ADDL") == 0) & (draft.value("SS") == 0)
    yield from draft.at.report(
        "W_II_UNUSED",
        idle,
        expected="ADDL or SS on a dose record with II > 0",
        got="neither; II has no effect there",
        remedy="Write SS=1 if the dose is the last one of a regimen at steady state.",
    )


def time_starts_elsewhere(draft: Draft) -> Iterator[Fault]:
    """Subjects whose first TIME is not 0, if it is 0 in others."""
    start = ~draft.follows
    if draft.dose.any() and (draft.time[start] == 0).any():
        yield from draft.at.report(
            "W_TIME_ORIGIN",
            start & nonzero(draft.time),
            expected="TIME 0 at the first record, as in other subjects",
            got=texts(draft.time[start & nonzero(draft.time)]),
        )


def time_gap(draft: Draft) -> Iterator[Fault]:
    """A gap in time that looks like another unit."""
    step = np.diff(draft.time, prepend=np.nan)
    step = np.where(np.concatenate([[False], np.diff(draft.segment) == 0]), step, np.nan)
    positive = step[step > 0]
    if positive.size > 10:
        gap = step > 1000 * np.median(positive)
        yield from draft.at.report(
            "W_TIME_GAP",
            gap,
            expected="gaps in TIME of the usual size",
            got=f"more than 1000 times the median gap: {texts(step[gap])}",
            remedy="Check the unit of TIME.",
        )


def date_is_not_used(draft: Draft) -> Iterator[Fault]:
    """DATE beside a numeric TIME."""
    if draft.has("DATE") and not any("clock" in note for note in draft.notes):
        message = "Expected TIME as hh:mm beside DATE, got numbers; DATE is not used."
        yield Fault("W_DATE_UNUSED", message, remedy="Write TIME as hh:mm if it is a time of the day.")


def occasion_returns(draft: Draft) -> Iterator[Fault]:
    """An occasion that comes back after another one of the same subject."""
    if draft.has("OCC"):
        occ = draft.value("OCC")
        new = ~draft.follows | np.concatenate([[True], occ[1:] != occ[:-1]])
        runs = pd.DataFrame({"subject": draft.block[new], "occ": occ[new]})
        again = np.zeros(draft.n, bool)
        again[np.flatnonzero(new)[runs.duplicated().to_numpy()]] = True
        yield from draft.at.report(
            "W_OCC_RETURNS",
            again,
            expected="each occasion once per subject",
            got="occasions that come back; they share one set of random effects",
        )


DOUBTS = (
    observation_before_the_first_dose,
    value_is_zero,
    value_is_negative,
    value_is_not_written,
    value_on_a_dose,
    value_jumps,
    subject_is_on_another_scale,
    amount_is_on_another_scale,
    censored_value_is_zero,
    single_observation,
    replicated_observation,
    duplicated_dose,
    no_doses,
    dose_after_the_last_observation,
    additional_doses_overlap,
    infusion_longer_than_interval,
    unused_interval,
    time_starts_elsewhere,
    time_gap,
    date_is_not_used,
    occasion_returns,
)
