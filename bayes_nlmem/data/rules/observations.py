"""Faults of observations: DV, MDV, CENS, LIMIT, LLOQ, DVID, duplicates."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from bayes_nlmem.data.cells import texts
from bayes_nlmem.data.censoring import limits
from bayes_nlmem.data.draft import Draft, numeric_codes, whole
from bayes_nlmem.data.repeats import repeated
from bayes_nlmem.ground.messages import Fault


def mdv_is_known(draft: Draft) -> Iterator[Fault]:
    """MDV is 0, 1, 100 or 101."""
    mdv = draft.number("MDV")
    wrong = ~np.isin(mdv, [0, 1, 100, 101]) & ~np.isnan(mdv)
    yield from draft.at.report(
        "E_MDV_CODE",
        wrong,
        expected="MDV 0 (DV counts), 1 (DV is missing), 100 or 101 (as these, but not for estimation)",
        got=texts(mdv[wrong]),
        remedy="Recode MDV, or leave the column out: it is inferred.",
    )


def event_has_no_observation(draft: Draft) -> Iterator[Fault]:
    """A dose, reset or other event is no observation."""
    wrong = (draft.evid > 0) & (draft.number("MDV") == 0) & (draft.evid <= 6)
    yield from draft.at.report(
        "E_EVID_MDV_CONTRADICT",
        wrong,
        expected="MDV 1 on a record with EVID > 0",
        got=f"MDV 0 with EVID {texts(draft.evid[wrong])}",
        remedy="Set MDV to 1, or write the observation as a record of its own with EVID 0.",
    )


def observation_has_a_value(draft: Draft) -> Iterator[Fault]:
    """An observation has DV."""
    if not draft.question.observations_required or not draft.has("DV"):
        return
    yield from draft.at.report(
        "E_DV_MISSING",
        draft.observation & draft.missing("DV") & (draft.value("CENS") == 0),
        expected="DV on an observation (EVID 0 and MDV 0)",
        got="missing",
        remedy="Set MDV to 1 where nothing was measured; for a value below the limit DV = LLOQ and CENS = 1.",
    )


def there_are_observations(draft: Draft) -> Iterator[Fault]:
    """The table has an observation at all."""
    if draft.question.observations_required and draft.has("DV") and not draft.observation.any():
        yield Fault(
            "E_NO_OBSERVATIONS",
            f"Expected observations (EVID 0 and MDV 0), got none in {draft.n} records.",
            remedy="Check EVID and MDV; for a table of doses only pass observations_required=False.",
        )


def every_subject_is_observed(draft: Draft) -> Iterator[Fault]:
    """Every subject has an observation."""
    if not draft.question.observations_required or not draft.has("DV", "ID") or not draft.observation.any():
        return
    without = ~np.isin(draft.at.subject, draft.at.subject[draft.observation]) & (draft.at.subject >= 0)
    yield from draft.at.report(
        "E_SUBJECT_NO_OBSERVATION",
        without,
        expected="an observation in every subject",
        got="none",
        remedy="Leave the subject out, or accept it (uninformative): allow=['E_SUBJECT_NO_OBSERVATION'].",
    )


def censoring_code_is_known(draft: Draft) -> Iterator[Fault]:
    """CENS is -1, 0 or 1."""
    cens = draft.number("CENS")
    wrong = ~np.isin(cens, [-1, 0, 1]) & ~np.isnan(cens)
    yield from draft.at.report(
        "E_CENS_CODE",
        wrong,
        expected="CENS 0 (measured), 1 (below DV) or -1 (above DV)",
        got=texts(cens[wrong]),
        remedy="Recode CENS.",
    )


def censored_record_has_its_limit(draft: Draft) -> Iterator[Fault]:
    """A censored observation holds the limit in DV."""
    wrong = (
        (draft.evid == 0)
        & np.isin(draft.number("CENS"), [-1, 1])
        & draft.missing("DV")
        & ~((draft.value("CENS") == 1) & ~np.isnan(limits(draft)))
    )
    yield from draft.at.report(
        "E_CENS_NO_DV",
        wrong & draft.has("DV"),
        expected="the limit of quantification in DV where CENS is 1 or -1",
        got="DV missing",
        remedy="Write the limit in DV, or give it as a column LLOQ or lloq=.",
    )


def censored_value_is_below_the_limit(draft: Draft) -> Iterator[Fault]:
    """CENS = 1 does not go with a DV above the LLOQ that is given."""
    limit, dv = limits(draft), draft.number("DV")
    wrong = (draft.evid == 0) & (draft.number("CENS") == 1) & (dv > limit + 1e-9 * np.abs(limit))
    yield from draft.at.report(
        "E_CENS_ABOVE_LLOQ",
        wrong,
        expected="DV <= LLOQ where CENS is 1",
        got=f"DV {texts(dv[wrong])} with LLOQ {texts(limit[wrong])}",
        remedy="Set CENS to 0 where the value was measured, or correct the LLOQ.",
    )


def limit_lies_beyond_the_value(draft: Draft) -> Iterator[Fault]:
    """The other end of the censored interval lies on the right side of DV."""
    cens, limit, dv = draft.number("CENS"), draft.number("LIMIT"), draft.number("DV")
    wrong = (draft.evid == 0) & (((cens == 1) & (limit >= dv)) | ((cens == -1) & (limit <= dv)))
    yield from draft.at.report(
        "E_LIMIT_SIDE",
        wrong,
        expected="LIMIT < DV where CENS is 1, LIMIT > DV where CENS is -1",
        got=f"LIMIT {texts(limit[wrong])} with DV {texts(dv[wrong])}",
        remedy="LIMIT is the other end of the interval that holds the value (0 for a concentration).",
    )


def endpoint_is_written(draft: Draft) -> Iterator[Fault]:
    """DVID is given for every observation if it is given for any."""
    if not draft.has("DVID"):
        return
    value = numeric_codes(draft.dvid)
    yield from draft.at.report(
        "E_DVID_MISSING",
        draft.observation & (value == 0),
        expected="an endpoint (DVID) on every observation",
        got="missing or 0",
        remedy="Write the number or name of the endpoint, e.g. 1 and 2, or 'cp' and 'pca'.",
    )
    wrong = draft.observation & (~whole(value) | (value < 0))
    yield from draft.at.report(
        "E_DVID_NOT_INTEGER",
        wrong,
        expected="whole numbers >= 1 or names in DVID",
        got=texts(value[wrong]),
        remedy="Number the endpoints 1, 2, ... or name them.",
    )


def limit_of_quantification_is_sound(draft: Draft) -> Iterator[Fault]:
    """`lloq` is a number, or one number per endpoint."""
    lloq = draft.question.lloq
    if lloq is None:
        return
    given = lloq if hasattr(lloq, "items") else {None: lloq}
    endpoints = pd.unique(draft.dvid[draft.observation]).tolist()
    for name, value in given.items():
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float | np.number)
            or not np.isfinite(value)
        ):
            message = f"Expected a finite number for lloq, got {value!r}."
            yield Fault("E_LLOQ_INVALID", message, remedy="Give it in the unit of DV, e.g. lloq=0.05.")
        elif name is not None and name not in endpoints:
            message = f"Expected endpoints of DVID ({texts(endpoints)}) in lloq, got {name!r}."
            yield Fault("E_LLOQ_INVALID", message, remedy="Write e.g. lloq={1: 0.05}.")


def record_is_not_repeated(draft: Draft) -> Iterator[Fault]:
    """No observation stands in the table twice."""
    if draft.has("ID", "TIME"):
        yield from draft.at.report(
            "E_DUPLICATED_RECORD",
            repeated(draft, draft.observation, with_value=True),
            expected="each observation once",
            got="records with the same ID, TIME, EVID, CMT, DVID and DV as an earlier one",
            remedy="Remove the copies, or accept them as replicates: allow=['E_DUPLICATED_RECORD'].",
        )


RULES = (
    mdv_is_known,
    event_has_no_observation,
    observation_has_a_value,
    there_are_observations,
    every_subject_is_observed,
    censoring_code_is_known,
    censored_record_has_its_limit,
    censored_value_is_below_the_limit,
    limit_lies_beyond_the_value,
    endpoint_is_written,
    limit_of_quantification_is_sound,
    record_is_not_repeated,
)
