"""A simulated study whose events have the times that were drawn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.ground.messages import ModelError, explain, names_text
from bayes_nlmem.model.specification import Model
from bayes_nlmem.simulation.asked import asked
from bayes_nlmem.statistics.time_to_event import TimeToEvent


def timed_output(model: Model) -> str | None:
    """The output whose times are what is seen; it ends the records of a subject, so there is one at most."""
    timed = (output for output, law in model.residuals.items() if isinstance(law, TimeToEvent))
    return next(timed, None)


def check_events(model: Model, data: Dataset) -> None:
    """Whether times of events can be drawn: a single event, which ends the records of its subject.

    Raises
    ------
    ModelError
        Naming the subjects whose records are others.
    """
    for output, law in model.residuals.items():
        if not isinstance(law, TimeToEvent):
            continue
        if law.repeated:
            raise _refused(f"repeated events ({output})")
        record = asked(model, data)[output]
        rows = data.table.iloc[record]
        last = np.isin(data.start[1:] - 1, record)
        counts = np.bincount(rows["SUBJECT"], minlength=data.n_subjects)
        within = np.isin(np.arange(data.n_subjects), rows.loc[rows["CENS"] != 0, "SUBJECT"])
        unfit = ~last | (counts > 2) | within
        if unfit.any():
            names = names_text(np.asarray(data.subjects, object)[unfit], noun="subject")
            raise _refused(f"other records of {output} in {names}")


def with_times(data: Dataset, records: np.ndarray, times: np.ndarray, ends: np.ndarray) -> Dataset:
    """A study whose last rows are the events, or the ends of the follow-up where they come first.

    Parameters
    ----------
    data : Dataset
        The study.
    records : ndarray of int
        Positions of the rows that speak of events.
    times, ends : ndarray, shape (n_subjects,)
        Times of the events, ends of the follow-up.
    """
    last, table = data.start[1:] - 1, data.table
    time, dv = table["TIME"].to_numpy(float).copy(), table["DV"].to_numpy(float).copy()
    dv[records] = 0.0
    time[last], dv[last] = np.minimum(times, ends), times <= ends
    return replace(data, table=table.assign(TIME=time, DV=dv))


def ends_of_follow_up(data: Dataset) -> np.ndarray:
    """A subject without event was followed until its last row, one with an event until the study's end."""
    last = data.table.iloc[data.start[1:] - 1]
    time = last["TIME"].to_numpy(float)
    return np.where(last["DV"] == 0, time, time.max())


def _refused(got: str) -> ModelError:
    return ModelError(
        explain(
            expected="one event per subject at exactly known times, in the last of at most two rows",
            got=got,
            remedy="Simulate times yourself, fit them with bn.fit, and rank the true values.",
        )
    )
