"""Doses and observations as the steps that a Stan program walks along."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.translation.layout import Layout


@dataclass
class Steps:
    """One step per event: time passes, then amounts are reset or steady, a dose is given, a record is noted.

    Parameters
    ----------
    compartments : int
    rows : list of dict
        `row` of parameters (from 1), `time` at its end, `dt`, `start` (amounts as at the beginning),
        `amount` into compartment `into` (from 1), `rate` of infusions during the step, `record` (from 1; 0
        for none); `steady` (1: the amounts of the steady state, 2: added to those there), of a dose repeated
        every `every`, infused over `lasting` (0 for a bolus).
    records : list of int
        Position in the table of every record that is noted.
    bounds : list of (int, int)
        First and last step (from 1) of every subject.
    """

    compartments: int
    rows: list[dict[str, Any]] = field(default_factory=list)
    records: list[int] = field(default_factory=list)
    bounds: list[tuple[int, int]] = field(default_factory=list)

    @property
    def has_steady(self) -> bool:
        """Whether there are doses at steady state."""
        return any(row["steady"] for row in self.rows)

    def as_data(self) -> dict[str, Any]:
        """The columns under the names that the program reads."""
        kinds = {"row": int, "time": float, "dt": float, "start": int, "amount": float, "into": int,
                 "record": int}  # fmt: skip
        if self.has_steady:
            kinds |= {"steady": int, "every": float, "lasting": float}
        columns = {name: [kind(row[name]) for row in self.rows] for name, kind in kinds.items()}
        return {
            "n_steps": len(self.rows),
            **{f"step_{name}": values for name, values in columns.items()},
            "step_rate": [row["rate"].tolist() for row in self.rows],
            "n_records": len(self.records),
        }


def steps_of(data: Dataset, structure: Any, noted: np.ndarray, layout: Layout) -> Steps:
    """The steps of all subjects.

    Parameters
    ----------
    data : Dataset
        Doses without modelled rates.
    structure : Structure
        Whose compartments are counted.
    noted : ndarray of int
        Positions of the observations in the table.
    layout : Layout
        Which row of parameters governs the time before a record, and which is in force at it.
    """
    default = structure.compartments.index(structure.default_dose) + 1
    found = Steps(len(structure.compartments))
    wanted = set(noted.tolist())
    for _, own in data.table.reset_index(drop=True).groupby("SUBJECT", sort=True):
        begin = len(found.rows) + 1
        _Walk(found, layout).along(own, structure, default, wanted)
        found.bounds.append((begin, len(found.rows)))
    return found


@dataclass
class _Walk:
    """One subject: what is still to come of repeated doses and running infusions.

    `coming` has the time of a repeated dose, its amount, compartment and rate, and the row in force at its
    record, which decides on its bioavailability.
    """

    steps: Steps
    layout: Layout
    row: int = 0
    now: float = 0.0
    started: bool = False
    coming: list[tuple[float, float, int, float, int]] = field(default_factory=list)
    ends: list[tuple[float, int, float]] = field(default_factory=list)  # time, into, rate

    def along(self, own: pd.DataFrame, structure: Any, default: int, wanted: set[int]) -> None:
        """All records of the subject, in their order."""
        for place, row in zip(own.index, own.to_dict(orient="records"), strict=True):
            at, evid = float(row["TIME"]), int(row["EVID"])
            self.row = int(self.layout.record_row[place])
            if self.started and evid not in (3, 4):
                self._until(at)
            self.row = int(self.layout.record_row_at[place])
            if not self.started or evid in (3, 4):
                self.coming, self.ends, self.now, self.started = [], [], at, True
                self._step(at, start=1)
            if evid in (1, 4):
                into = structure.compartment_number(row["CMT"]) or default
                if row["SS"] > 0:
                    self._become_steady(row, into)
                else:
                    self._dose(at, float(row["AMT"]), into, float(row["RATE"]))
                for k in range(int(row["ADDL"])):
                    repeat = at + (k + 1) * float(row["II"])
                    self.coming.append((repeat, float(row["AMT"]), into, float(row["RATE"]), self.row))
            if place in wanted:
                self.steps.records.append(int(place))
                self._step(at, record=len(self.steps.records))

    def _until(self, at: float) -> None:
        """Repeated doses and ends of infusions before a time or at it, then the time itself."""
        while True:
            dose = min((one[0] for one in self.coming), default=np.inf)
            end = min((one[0] for one in self.ends), default=np.inf)
            if min(dose, end) > at:
                break
            if end <= dose:
                self._step(end)
                self.ends.remove(min(self.ends))
            else:
                self._step(dose)
                first = min(self.coming)
                self.coming.remove(first)
                between, self.row = self.row, first[-1]
                self._dose(*first[:-1])
                self.row = between
        if at > self.now:
            self._step(at)

    def _become_steady(self, row: Any, into: int) -> None:
        """The amounts of the steady state, after a bolus or where an infusion begins, which then runs."""
        at, amount, rate = float(row["TIME"]), float(row["AMT"]), float(row["RATE"])
        if row["SS"] == 1:
            self.coming, self.ends = [], []
        given = rate if rate > 0 else amount
        lasting = amount / rate if rate > 0 else 0.0
        what = {"steady": int(row["SS"]), "every": float(row["II"]), "lasting": lasting}
        self._step(at, amount=given, into=into, **what)
        if rate > 0:
            self.ends.append((at + lasting, into, rate))

    def _dose(self, at: float, amount: float, into: int, rate: float) -> None:
        if rate > 0:
            self.ends.append((at + amount / rate, into, rate))
        else:
            self._step(at, amount=amount, into=into)

    def _step(self, at: float, **what: Any) -> None:
        rate = np.zeros(self.steps.compartments)
        for _, into, speed in self.ends:
            rate[into - 1] += speed
        none = {"start": 0, "amount": 0.0, "into": 1, "record": 0, "steady": 0, "every": 0.0, "lasting": 0.0}
        begin = {"row": self.row + 1, "time": at, "dt": at - self.now, "rate": rate}
        self.steps.rows.append(begin | none | what)
        self.now = at
