"""Visual predictive checks of times to events: Kaplan-Meier curves and hazards, seen and simulated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.checks.event_times import simulated_times
from bayes_nlmem.checks.event_vpc import POINTS, EventVPC, band_of
from bayes_nlmem.checks.repeated_events import vpc_of_all_events
from bayes_nlmem.checks.replicated import Replicated, levels
from bayes_nlmem.checks.survival import event_rates, kaplan_meier
from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.ground.messages import ModelError, explain, names_text
from bayes_nlmem.simulation.replicates import simulate
from bayes_nlmem.simulation.simulated import Simulation
from bayes_nlmem.statistics.time_to_event import TimeToEvent


def vpc_events(
    learnt: Any,
    *,
    output: str | None = None,
    events: str = "first",
    stratify: str | Sequence[str] | Mapping[str, Sequence[float]] | None = None,
    end: float | None = None,
    intervals: int = 8,
    level: float = 0.95,
    draws: int = 1000,
    seed: int | None = None,
    uncertainty: bool = True,
) -> EventVPC:
    """Visual predictive check of a time to event: Kaplan-Meier curve and hazard, on bands of replicates.

    Every replicate has new subjects with the covariates of the study. Who was censored is followed as long
    as in the study; who had an event would have been followed until `end`. Of repeated events the first one
    is taken, or all of them: then the mean number of events per subject (Nelson and Aalen's estimate) takes
    the place of the Kaplan-Meier curve, and every subject is followed from its first to its last record.

    Parameters
    ----------
    learnt : Fit, another learnt result, or Simulation
        What was learnt; of a simulation its population parameters are used.
    output : str, optional
        The output with a `TimeToEvent`, the first one by default.
    events : {"first", "all"}
        The time to the first event, or the numbers of all events of a `TimeToEvent(repeated=True)`.
    stratify : str, sequence of str, or mapping of str to breaks, optional
        Covariates, as in `vpc`.
    end : float, optional
        End of the study for those who had an event; by default the last time in the data.
    intervals : int
        Number of intervals of the hazard, with about equally many observed events in each.
    level : float
        Level of the simulated intervals.
    draws, seed, uncertainty :
        As in `simulate`.

    Returns
    -------
    EventVPC

    Raises
    ------
    ModelError
        No such output, events known only to lie in an interval (CENS = 1), an end before the last event, or
        with events="all" a single event, or an end.

    References
    ----------
    Nelson 1995, Confidence limits for recurrence data, doi:10.1080/00401706.1995.10484299

    Examples
    --------
    >>> import pandas as pd
    >>> import bayes_nlmem as bn
    >>> def scale(Te):
    ...     return Te
    >>> model = bn.Model(
    ...     structure=bn.Function(scale),
    ...     parameters={"Te": bn.Parameter(bn.LogNormal(5, cv=1))},
    ...     residuals={"scale": bn.TimeToEvent(bn.ExponentialHazard())},
    ... )
    >>> table = pd.DataFrame({"ID": [1, 1, 2, 2, 3, 3], "TIME": [0, 2, 0, 5, 0, 9], "DV": [0, 1, 0, 1, 0, 0]})
    >>> data = bn.read(table, allow=["E_SUBJECT_NO_DOSE"])
    >>> simulation = bn.simulate(model, data, parameters={"Te_pop": 6.0}, draws=50, seed=1)
    >>> bn.vpc_events(simulation, seed=1).subjects["event"].tolist()
    [True, True, False]
    """
    output = _event_output(learnt, output)
    data: Dataset = learnt.data
    _check_events(events, learnt.model.residuals[output], end)
    if not 0 < level < 1:
        raise ModelError(explain(expected="level between 0 and 1", got=repr(level)))
    if isinstance(learnt, Simulation):
        simulation, draws = learnt, learnt.settings["draws"]
        seed = learnt.settings["seed"] if seed is None else seed
    else:
        simulation = simulate(learnt, subjects="new", draws=draws, seed=seed, uncertainty=uncertainty)
    subjects = _seen(data, simulation.records(output), learnt.model.residuals[output])
    subjects["stratum"] = _strata(data, stratify)
    if events == "all":
        return vpc_of_all_events(simulation, output, subjects, intervals, level)
    last = float(subjects["time"].max())
    end = last if end is None else float(end)
    if end < float(subjects.loc[subjects["event"], "time"].max()):
        raise ModelError(explain(expected="an end after the last event", got=f"{end:g}"))
    times = simulated_times(simulation, output, end, seed=simulation.settings["seed"])
    followed = np.where(subjects["event"], end, subjects["time"].to_numpy(float))
    happened, until = times <= followed, np.minimum(times, followed)

    grid = np.linspace(0.0 if subjects["entry"].min() >= 0 else subjects["entry"].min(), last, POINTS)
    tail = (1 - level) / 2
    rows, rates = [], []
    for stratum, own in subjects.groupby("stratum", sort=True):
        at = own.index.to_numpy()
        entry = own["entry"].to_numpy(float)
        seen = kaplan_meier(own["time"], own["event"], grid, entry)
        curves = np.array([kaplan_meier(until[k, at], happened[k, at], grid, entry) for k in range(draws)])
        band = band_of(curves, tail)
        columns = dict(zip(("lower", "median", "upper"), band, strict=True))
        rows.append(pd.DataFrame({"stratum": stratum, "x": grid, "observed": seen, **columns}))
        edges = _edges(own, intervals, grid[0], last)
        hazards = np.array([event_rates(until[k, at], happened[k, at], edges, entry) for k in range(draws)])
        columns = dict(zip(("lower", "median", "upper"), band_of(hazards, tail), strict=True))
        rates.append(
            pd.DataFrame(
                {
                    "stratum": stratum,
                    "x_min": edges[:-1],
                    "x_max": edges[1:],
                    "x": (edges[1:] + edges[:-1]) / 2,
                    "observed": event_rates(own["time"], own["event"], edges, entry),
                    **columns,
                }
            )
        )
    unit = data.units.get("TIME")
    return EventVPC(
        pd.concat(rows, ignore_index=True),
        pd.concat(rates, ignore_index=True),
        subjects,
        {"level": level, "simulations": draws, "end": end, "events": "first"},
        f"Time [{unit}]" if unit else "Time",
        f"Share without event ({output})",
    )


def _check_events(events: str, endpoint: TimeToEvent, end: float | None) -> None:
    if events not in ("first", "all"):
        raise ModelError(explain(expected="events='first' or 'all'", got=repr(events)))
    if events == "all" and not endpoint.repeated:
        raise ModelError(
            explain(expected="TimeToEvent(repeated=True) for events='all'", got="a single event per subject")
        )
    if events == "all" and end is not None:
        raise ModelError(
            explain(
                expected="no end= with events='all', where everybody is followed as in the study",
                got=f"{end:g}",
            )
        )


def _event_output(learnt: Any, output: str | None) -> str:
    names = [name for name, r in learnt.model.residuals.items() if isinstance(r, TimeToEvent)]
    if not names or (output is not None and output not in names):
        raise ModelError(
            explain(
                expected=f"an output with TimeToEvent ({', '.join(names) or 'none in this model'})",
                got=repr(output),
                remedy=""
                if names
                else "bn.vpc and bn.vpc_categories are for the other kinds of observations.",
            )
        )
    return names[0] if output is None else output


def _seen(data: Dataset, record: np.ndarray, endpoint: TimeToEvent) -> pd.DataFrame:
    """Entry, time and event of every subject."""
    rows = data.table.iloc[record]
    if (rows["CENS"] == 1).any():
        raise ModelError(
            explain(
                expected="exact times of events",
                got=f"events within an interval in {names_text(rows.loc[rows['CENS'] == 1, 'ID'].unique())}",
                remedy="Compare the indicators of the rows instead: bn.vpc_categories.",
            )
        )
    first = data.table.groupby("SUBJECT")["TIME"].first()
    found = []
    for subject, own in rows.groupby("SUBJECT", sort=True):
        events = own[own["DV"] == 1]
        chosen = events.iloc[0] if len(events) else own.iloc[-1]
        entry = float(first[subject]) if endpoint.entry is None else float(endpoint.entry)
        found.append((own["ID"].iloc[0], subject, entry, float(chosen["TIME"]), bool(len(events))))
    return pd.DataFrame(found, columns=["ID", "SUBJECT", "entry", "time", "event"])


def _strata(data: Dataset, by: Any) -> np.ndarray:
    """Label of the stratum of every subject, by the values at its first record."""
    record = data.start[:-1]
    if by is None:
        return np.full(len(record), "")
    breaks = dict(by) if isinstance(by, Mapping) else dict.fromkeys([by] if isinstance(by, str) else by)
    labels = [levels(name, Replicated.values_of(data, name, record), cuts) for name, cuts in breaks.items()]
    return np.array([", ".join(parts) for parts in zip(*labels, strict=True)])


def _edges(own: pd.DataFrame, intervals: int, first: float, last: float) -> np.ndarray:
    events = own.loc[own["event"], "time"].to_numpy(float)
    if not len(events):
        return np.array([first, last])
    inner = np.quantile(events, np.linspace(0, 1, intervals + 1)[1:-1])
    return np.unique(np.concatenate([[first], inner, [last]]))
