"""Doses and observations as the steps that a Stan program walks along."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.data.dataset import Dataset


@dataclass
class Steps:
    """One step per event: time passes, then amounts are reset, a dose is given, a record is noted.

    Parameters
    ----------
    compartments : int
    rows : list of dict
        `subject` (from 1), `time` at its end, `dt`, `start` (amounts as at the beginning), `amount` into
        compartment `into` (from 1), `rate` of infusions during the step, `record` (from 1; 0 for none).
    records : list of int
        Position in the table of every record that is noted.
    """

    compartments: int
    rows: list[dict[str, Any]] = field(default_factory=list)
    records: list[int] = field(default_factory=list)

    def as_data(self) -> dict[str, Any]:
        """The columns under the names that the program reads."""
        kinds = {"subject": int, "time": float, "dt": float, "start": int, "amount": float, "into": int,
                 "record": int}  # fmt: skip
        columns = {name: [kind(row[name]) for row in self.rows] for name, kind in kinds.items()}
        return {
            "n_steps": len(self.rows),
            **{f"step_{name}": values for name, values in columns.items()},
            "step_rate": [row["rate"].tolist() for row in self.rows],
            "n_records": len(self.records),
        }


def steps_of(data: Dataset, structure: Any, noted: np.ndarray) -> Steps:
    """The steps of all subjects.

    Parameters
    ----------
    data : Dataset
        Doses without steady state and without modelled rates.
    structure : Structure
        Whose compartments are counted.
    noted : ndarray of int
        Positions of the observations in the table.
    """
    default = structure.compartments.index(structure.default_dose) + 1
    found = Steps(len(structure.compartments))
    wanted = set(noted.tolist())
    for subject, own in data.table.reset_index(drop=True).groupby("SUBJECT", sort=True):
        _Walk(found, int(subject) + 1).along(own, structure, default, wanted)  # type: ignore[arg-type]
    return found


@dataclass
class _Walk:
    """One subject: what is still to come of repeated doses and running infusions."""

    steps: Steps
    subject: int
    now: float = 0.0
    started: bool = False
    coming: list[tuple[float, float, int, float]] = field(default_factory=list)  # time, amount, into, rate
    ends: list[tuple[float, int, float]] = field(default_factory=list)  # time, into, rate

    def along(self, own: pd.DataFrame, structure: Any, default: int, wanted: set[int]) -> None:
        """All records of the subject, in their order."""
        for place, row in zip(own.index, own.to_dict(orient="records"), strict=True):
            at, evid = float(row["TIME"]), int(row["EVID"])
            if not self.started or evid in (3, 4):
                self.coming, self.ends, self.now, self.started = [], [], at, True
                self._step(at, start=1)
            else:
                self._until(at)
            if evid in (1, 4):
                into = structure.compartment_number(row["CMT"]) or default
                self._dose(at, float(row["AMT"]), into, float(row["RATE"]))
                for k in range(int(row["ADDL"])):
                    repeat = at + (k + 1) * float(row["II"])
                    self.coming.append((repeat, float(row["AMT"]), into, float(row["RATE"])))
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
                self._dose(*first)
        if at > self.now:
            self._step(at)

    def _dose(self, at: float, amount: float, into: int, rate: float) -> None:
        if rate > 0:
            self.ends.append((at + amount / rate, into, rate))
        else:
            self._step(at, amount=amount, into=into)

    def _step(self, at: float, **what: Any) -> None:
        rate = np.zeros(self.steps.compartments)
        for _, into, speed in self.ends:
            rate[into - 1] += speed
        row = {"start": 0, "amount": 0.0, "into": 1, "record": 0} | what
        self.steps.rows.append({"subject": self.subject, "time": at, "dt": at - self.now, "rate": rate} | row)
        self.now = at
