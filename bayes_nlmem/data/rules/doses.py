"""Faults of dose records: AMT, RATE, DUR, ADDL, II, SS, CMT."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bayes_nlmem.data.cells import texts
from bayes_nlmem.data.draft import Draft, nonzero, numeric_codes, whole
from bayes_nlmem.ground.messages import Fault

DOSE_ITEMS = ("AMT", "RATE", "DUR", "ADDL", "II", "SS")


def dose_has_an_amount(draft: Draft) -> Iterator[Fault]:
    """A dose has AMT > 0, or is a constant infusion at steady state."""
    if not draft.has("AMT"):
        yield from draft.at.report(
            "E_AMT_COLUMN_ABSENT",
            draft.dose,
            expected="a column AMT because EVID says that there are doses",
            got="none",
            remedy="Add AMT, or say which column it is: columns={'AMT': '...'}.",
        )
        return
    empty = draft.dose & (draft.value("AMT") == 0) & ~_constant_infusion(draft)
    yield from draft.at.report(
        "E_DOSE_NO_AMT",
        empty,
        expected="AMT > 0 on a dose record (EVID 1 or 4)",
        got=texts(draft.number("AMT")[empty]),
        remedy="Fill AMT; use EVID=0 for an observation, EVID=2 for another event; "
        "AMT=0 is only for a constant infusion at steady state (SS=1, RATE>0, II=0).",
    )


def amount_is_not_negative(draft: Draft) -> Iterator[Fault]:
    """AMT is not negative."""
    yield from _not_negative(draft, "E_AMT_NEGATIVE", "AMT")


def interval_is_not_negative(draft: Draft) -> Iterator[Fault]:
    """II is not negative."""
    yield from _not_negative(draft, "E_II_NEGATIVE", "II")


def duration_is_not_negative(draft: Draft) -> Iterator[Fault]:
    """DUR is not negative."""
    yield from _not_negative(draft, "E_DUR_NEGATIVE", "DUR")


def _not_negative(draft: Draft, code: str, name: str) -> Iterator[Fault]:
    wrong = draft.number(name) < 0
    yield from draft.at.report(
        code,
        wrong,
        expected=f"{name} >= 0",
        got=texts(draft.number(name)[wrong]),
        remedy="Correct the sign, or set it to 0 if it does not apply.",
    )


def rate_is_known(draft: Draft) -> Iterator[Fault]:
    """RATE is >= 0, or -1 (modelled rate), or -2 (modelled duration)."""
    wrong = (draft.number("RATE") < 0) & ~np.isin(draft.number("RATE"), [-1, -2])
    yield from draft.at.report(
        "E_RATE_NEGATIVE",
        wrong,
        expected="RATE >= 0, or -1 (rate is a parameter R), or -2 (duration is a parameter D)",
        got=texts(draft.number("RATE")[wrong]),
        remedy="Correct RATE.",
    )


def observation_carries_no_amount(draft: Draft) -> Iterator[Fault]:
    """An observation gives no drug."""
    wrong = (draft.evid == 0) & nonzero(draft.value("AMT"))
    yield from draft.at.report(
        "E_AMT_ON_OBSERVATION",
        wrong,
        expected="AMT 0 or missing on an observation (EVID 0)",
        got=texts(draft.number("AMT")[wrong]),
        remedy="Make it a dose (EVID=1), or split it into an observation and a dose, or set AMT to 0.",
    )


def observation_has_no_steady_state(draft: Draft) -> Iterator[Fault]:
    """SS belongs to doses."""
    wrong = (draft.evid == 0) & nonzero(draft.value("SS"))
    yield from draft.at.report(
        "E_SS_ON_OBSERVATION",
        wrong,
        expected="SS 0 or missing on an observation (EVID 0)",
        got=texts(draft.number("SS")[wrong]),
        remedy="Put SS on the dose record that reaches the steady state, and 0 here.",
    )


def observation_has_no_dose_items(draft: Draft) -> Iterator[Fault]:
    """RATE, DUR, ADDL and II belong to doses."""
    wrong, names = _any_nonzero(draft, draft.evid == 0, ("RATE", "DUR", "ADDL", "II"))
    yield from draft.at.report(
        "E_DOSE_ITEM_ON_OBSERVATION",
        wrong,
        expected="RATE, DUR, ADDL and II 0 or missing on an observation (EVID 0)",
        got=f"values in {names}",
        remedy="Set them to 0 there; they describe doses only.",
    )


def other_event_carries_no_dose(draft: Draft) -> Iterator[Fault]:
    """EVID 2 and 3 give no drug."""
    wrong, names = _any_nonzero(draft, (draft.evid == 2) | (draft.evid == 3), DOSE_ITEMS)
    yield from draft.at.report(
        "E_DOSE_ITEM_ON_OTHER_EVENT",
        wrong,
        expected="no dose items on EVID 2 (other) and 3 (reset)",
        got=f"values in {names}",
        remedy="Use EVID=1 for a dose, EVID=4 for a reset with a dose, or set the items to 0.",
    )


def change_has_an_amount(draft: Draft) -> Iterator[Fault]:
    """EVID 5 and 6 say by AMT what replaces or multiplies an amount, and nothing else."""
    change = (draft.evid == 5) | (draft.evid == 6)
    missing = change & (draft.missing("AMT") if draft.has("AMT") else True)
    yield from draft.at.report(
        "E_CHANGE_NO_AMT",
        missing,
        expected="AMT on a record with EVID 5 (the new amount) or 6 (the factor)",
        got="none",
        remedy="Fill AMT.",
    )
    wrong, names = _any_nonzero(draft, change, tuple(name for name in DOSE_ITEMS if name != "AMT"))
    yield from draft.at.report(
        "E_DOSE_ITEM_ON_CHANGE",
        wrong,
        expected="no dose items but AMT on EVID 5 (replaced) and 6 (multiplied)",
        got=f"values in {names}",
        remedy="Set them to 0.",
    )


def _any_nonzero(draft: Draft, of: np.ndarray, names: tuple[str, ...]) -> tuple[np.ndarray, str]:
    found = {name: of & nonzero(draft.value(name)) for name in names}
    return np.logical_or.reduce(list(found.values())), ", ".join(name for name in names if found[name].any())


def additional_doses_have_an_interval(draft: Draft) -> Iterator[Fault]:
    """ADDL needs II."""
    wrong = draft.dose & (draft.value("ADDL") > 0) & (draft.value("II") == 0)
    yield from draft.at.report(
        "E_ADDL_NO_II",
        wrong & ~_constant_infusion(draft),
        expected="II > 0 on a dose record with ADDL > 0",
        got="II 0 or missing",
        remedy="Fill II, the time between the doses, or set ADDL to 0.",
    )


def additional_doses_are_counted(draft: Draft) -> Iterator[Fault]:
    """ADDL is a whole number >= 0."""
    addl = draft.number("ADDL")
    for code, wrong in (("E_ADDL_NEGATIVE", addl < 0), ("E_ADDL_NOT_INTEGER", ~whole(addl))):
        yield from draft.at.report(
            code,
            wrong,
            expected="ADDL as a whole number >= 0",
            got=texts(addl[wrong]),
            remedy="ADDL counts the doses after the one of the record, II apart.",
        )


def steady_state_code_is_known(draft: Draft) -> Iterator[Fault]:
    """SS is 0, 1, 2 or 3."""
    ss = draft.number("SS")
    wrong = ~np.isin(ss, [0, 1, 2, 3]) & ~np.isnan(ss)
    yield from draft.at.report(
        "E_SS_CODE",
        wrong,
        expected="SS 0, 1 (steady state), 2 (added to the present amounts) or 3",
        got=texts(ss[wrong]),
        remedy="Recode SS; 0 means no steady state.",
    )


def steady_state_has_an_interval(draft: Draft) -> Iterator[Fault]:
    """SS needs II, unless it is a constant infusion."""
    wrong = draft.dose & (draft.value("SS") > 0) & (draft.value("II") == 0) & (draft.value("AMT") > 0)
    yield from draft.at.report(
        "E_SS_NO_II",
        wrong,
        expected="II > 0 on a dose record with SS",
        got="II 0 or missing",
        remedy="Fill II, the dosing interval; a constant infusion to steady state has AMT=0, RATE>0.",
    )


def constant_infusion_stands_alone(draft: Draft) -> Iterator[Fault]:
    """A constant infusion at steady state ends at its record: neither ADDL nor II apply."""
    wrong = _constant_infusion(draft) & (nonzero(draft.value("ADDL")) | nonzero(draft.value("II")))
    yield from draft.at.report(
        "E_SS_INFUSION_ITEMS",
        wrong,
        expected="ADDL=0 and II=0 on a constant infusion at steady state (SS, AMT=0, RATE>0)",
        got="ADDL or II > 0",
        remedy="Set them to 0; the infusion ends at TIME. For intermittent infusions fill AMT.",
    )


def _constant_infusion(draft: Draft) -> np.ndarray:
    return draft.dose & (draft.value("SS") > 0) & (draft.value("AMT") == 0) & (draft.value("RATE") > 0)


def rate_and_duration_agree(draft: Draft) -> Iterator[Fault]:
    """RATE and DUR say the same if both are given."""
    amt, rate, dur = (draft.value(name) for name in ("AMT", "RATE", "DUR"))
    both = draft.dose & nonzero(rate) & (dur > 0)
    wrong = both & ~(np.abs(rate * dur - amt) <= 1e-3 * np.abs(amt)) & ~np.isnan(amt)
    yield from draft.at.report(
        "E_RATE_DUR_CONTRADICT",
        wrong,
        expected="RATE * DUR = AMT where both are given",
        got=f"RATE {texts(rate[wrong][:1])} and DUR {texts(dur[wrong][:1])} with AMT {texts(amt[wrong][:1])}",
        remedy="Keep one of them; RATE=-1 and -2 go without DUR.",
    )


def compartment_is_a_number_or_name(draft: Draft) -> Iterator[Fault]:
    """CMT is a whole number >= 0 or a name."""
    value = numeric_codes(draft.cmt)
    yield from draft.at.report(
        "E_CMT_NEGATIVE",
        value < 0,
        expected="CMT >= 0",
        got=texts(value[value < 0]),
        remedy="A negative CMT switches nothing off here; use EVID=3 to reset, or 0 for the default.",
    )
    yield from draft.at.report(
        "E_CMT_NOT_INTEGER",
        ~whole(value),
        expected="whole numbers or names in CMT",
        got=texts(value[~whole(value)]),
        remedy="Compartments are numbered 1, 2, 3, ...; 0 or missing is the default.",
    )


def every_subject_is_dosed(draft: Draft) -> Iterator[Fault]:
    """If there are doses, every subject has one."""
    if not draft.dose.any() or not draft.has("ID"):
        return
    without = ~np.isin(draft.at.subject, draft.at.subject[draft.dose])
    yield from draft.at.report(
        "E_SUBJECT_NO_DOSE",
        without & (draft.at.subject >= 0),
        expected="a dose in every subject, as other subjects have doses",
        got="none",
        remedy="Add the dose records, or accept it (placebo, baseline): allow=['E_SUBJECT_NO_DOSE'].",
    )


RULES = (
    dose_has_an_amount,
    amount_is_not_negative,
    rate_is_known,
    duration_is_not_negative,
    interval_is_not_negative,
    observation_carries_no_amount,
    observation_has_no_steady_state,
    observation_has_no_dose_items,
    other_event_carries_no_dose,
    change_has_an_amount,
    additional_doses_have_an_interval,
    additional_doses_are_counted,
    steady_state_code_is_known,
    steady_state_has_an_interval,
    constant_infusion_stands_alone,
    rate_and_duration_agree,
    compartment_is_a_number_or_name,
    every_subject_is_dosed,
)
