"""What structures ask of the events before they solve them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from bayes_nlmem.engine.records import Records
from bayes_nlmem.ground.messages import DataError, Fault, ModelError, explain


def number_of_compartment(value: object, compartments: tuple[str, ...], structure: str) -> int:
    """Number of a compartment (from 1; 0 stands for the default) from a CMT: number, text or name.

    Raises
    ------
    DataError
        With the valid numbers and names.
    """
    text = str(value).strip()
    lowered = [c.lower() for c in compartments]
    if text.lower() in lowered:
        return lowered.index(text.lower()) + 1
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if number == int(number) if np.isfinite(number) else False:
        if 0 <= number <= len(compartments):
            return int(number)
        if number < 0:
            raise DataError(
                explain(
                    expected=f"CMT of {structure} to be 0 to {len(compartments)}",
                    got=text,
                    remedy="A negative CMT (compartment off) is not supported; use EVID 3 to reset.",
                )
            )
    valid = ", ".join(f"{i} = {c}" for i, c in enumerate(compartments, 1))
    raise DataError(
        explain(expected=f"CMT to name a compartment of {structure} ({valid}, 0 = default)", got=repr(value))
    )


def check_modelled(
    records: Records, rate: np.ndarray, comp: np.ndarray, dose_inputs: Sequence[Mapping[str, str]]
) -> None:
    """Refuse modelled rates and durations without a parameter for them; `comp`: dosed compartments."""
    dosing = (records.evid == 1) | (records.evid == 4)
    for code, letter, what in ((-1.0, "R", "rate"), (-2.0, "D", "duration")):
        without = np.array([letter not in names for names in dose_inputs])
        rows = np.flatnonzero(dosing & (rate == code) & without[comp])
        if rows.size:
            raise ModelError(
                explain(
                    expected=f"a parameter {letter} (modelled {what}) for the doses with RATE = {code:g}",
                    got=f"none (record {rows[0] + 1}{' and others' if rows.size > 1 else ''})",
                    remedy=f"Add {letter} to the parameters, or give RATE > 0.",
                )
            )


def check_input_rates(
    records: Records, door: np.ndarray, by_rate: Sequence[int], doors: Sequence[str]
) -> None:
    """Refuse infusions into what has an input rate of its own."""
    dosing = (records.evid == 1) | (records.evid == 4)
    spread = np.array(by_rate)[door] >= 0
    rows = np.flatnonzero(dosing & spread & (records.rate != 0))
    if rows.size:
        raise DataError(
            explain(
                expected=f"RATE 0 for doses into {doors[door[rows[0]]]}, which has an input rate",
                got=f"RATE {records.rate[rows[0]]:g} (record {rows[0] + 1})",
                remedy="Give infusions another compartment, by CMT.",
            )
        )


def check_records(records: Records, n_compartments: int, *, replacing: bool = False) -> None:
    """Refuse records that no parameters could make sense of; the data reader has said more by then."""
    changed = np.isin(records.evid, (5, 6))
    if changed.any() and not replacing:
        raise DataError(
            explain(
                expected="EVID 0 to 4 for a structure of compartments",
                got=f"EVID {records.evid[changed][0]} (record {np.flatnonzero(changed)[0] + 1})",
                remedy="Write it as equations, structures.as_equations(...): there an amount can be replaced "
                "(EVID 5) or multiplied (EVID 6).",
            )
        )
    dosing = (records.evid == 1) | (records.evid == 4)
    later = np.diff(records.time, prepend=-np.inf) < 0
    later[records.start[:-1][np.diff(records.start) > 0]] = False
    steady = dosing & (records.ss > 0)
    usual = np.isin(records.rate, (0.0, -1.0, -2.0)) | (records.rate > 0)
    checks = (
        ("E_CMT", (records.cmt < 0) | (records.cmt > n_compartments), f"CMT must be 0 to {n_compartments}"),
        (
            "E_TIME_ORDER",
            later & ~np.isin(records.evid, (3, 4)),
            "TIME must not decrease within a subject without EVID 3 or 4",
        ),
        ("E_RATE", dosing & ~usual, "RATE must be > 0, 0, -1 or -2"),
        ("E_ADDL_NO_II", dosing & (records.addl > 0) & ~(records.ii > 0), "ADDL > 0 needs II > 0"),
        (
            "E_SS_NO_II",
            steady & ~(records.ii > 0) & ((records.amt > 0) | (records.rate == 0) | (records.rate == -2)),
            "SS needs II > 0, or AMT = 0 and RATE > 0 for a constant infusion",
        ),
        (
            "E_SS_CONSTANT_AMT",
            steady & (records.ii > 0) & ~(records.amt > 0),
            "SS with II > 0 needs AMT > 0",
        ),
        (
            "E_CHANGE_ITEMS",
            changed & ((records.rate != 0) | (records.addl != 0) | (records.ss != 0)),
            "a replacement (EVID 5) or multiplication (EVID 6) has AMT and CMT only",
        ),
        (
            "E_NOT_FINITE",
            ~np.isfinite(records.time + records.amt + records.rate + records.ii),
            "not a finite number",
        ),
    )
    faults = [
        Fault(code, message, tuple((np.flatnonzero(bad) + 1).tolist()))
        for code, bad, message in checks
        if bad.any()
    ]
    if faults:
        raise DataError(faults=faults, source="the records")
