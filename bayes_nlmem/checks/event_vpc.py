"""What a visual predictive check of events found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.ground.tables import notebook, printed

POINTS = 200  # times at which a curve is given


@dataclass(frozen=True, eq=False, repr=False)
class EventVPC:
    """A visual predictive check of the time to an event, or of repeated events.

    Parameters
    ----------
    table : DataFrame
        One row per stratum and time: share without event, `observed` (Kaplan-Meier), and `lower`, `median`,
        `upper` of the replicates. Of all events of repeated ones: mean number of events per subject.
    hazard : DataFrame
        One row per stratum and interval of time: `x_min`, `x_max`, `x`, events per time at risk, `observed`,
        `lower`, `median`, `upper`.
    subjects : DataFrame
        ID, `stratum`, `entry`, `time` of the event or of the end of follow-up, `event` (of all events: how
        many).
    settings : dict
        Level, number of simulations, end of follow-up, and which `events` ("first" or "all").
    x_label, y_label : str
        Labels.

    Examples
    --------
    See `vpc_events`.

    >>> import bayes_nlmem as bn
    >>> bn.EventVPC.__dataclass_fields__.keys() >= {"table", "hazard", "subjects"}
    True
    """

    table: pd.DataFrame
    hazard: pd.DataFrame
    subjects: pd.DataFrame
    settings: Mapping[str, Any]
    x_label: str = "Time"
    y_label: str = "Share without event"

    @property
    def outside(self) -> pd.DataFrame:
        """Rows of the table whose observed share lies outside of its simulated interval."""
        t = self.table
        return t[(t["observed"] < t["lower"]) | (t["observed"] > t["upper"])]

    def _repr_html_(self) -> str:
        return notebook(repr(self), "Events per time at risk:", printed(self.hazard, index=False))

    def __repr__(self) -> str:
        events = int(self.subjects["event"].sum())
        return (
            f"VPC of {self.y_label} against {self.x_label}: {len(self.subjects)} subjects, {events} events, "
            f"{self.settings['simulations']} simulations, {100 * self.settings['level']:g} % intervals\n"
            f"  observed curve outside at {len(self.outside)} of {len(self.table)} times"
        )


def band_of(curves: np.ndarray, tail: float) -> np.ndarray:
    """Quantiles over the replicates that have a value; NaN where most have none."""
    missing = np.isnan(curves).mean(axis=0) > 0.5
    filled = np.where(missing, 0.0, curves)
    found = np.nanquantile(filled, [tail, 0.5, 1 - tail], axis=0)
    return np.where(missing, np.nan, found)
