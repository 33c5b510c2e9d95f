"""Visual predictive checks of all events of a subject: mean number of events and their rate."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.checks.event_times import closed_hazard, cumulative_hazard
from bayes_nlmem.checks.event_vpc import POINTS, EventVPC, band_of
from bayes_nlmem.simulation.simulated import Simulation


def vpc_of_all_events(
    simulation: Simulation, output: str, subjects: pd.DataFrame, intervals: int, level: float
) -> EventVPC:
    """The check of `vpc_events` for all events.

    Parameters
    ----------
    simulation : Simulation
        New subjects with the records of the study.
    output : str
    subjects : DataFrame
        SUBJECT, ID, entry, stratum.
    intervals : int
    level : float

    Returns
    -------
    EventVPC
    """
    data = simulation.data
    table = data.table.iloc[simulation.records(output)]
    happened = table[table["DV"] == 1]
    who, when = happened["SUBJECT"].to_numpy(np.int64), happened["TIME"].to_numpy(float)
    subjects = subjects.assign(
        time=table.groupby("SUBJECT")["TIME"].max().loc[subjects["SUBJECT"]].to_numpy(float),
        event=np.bincount(who, minlength=data.n_subjects)[subjects["SUBJECT"]],
    )
    seed, draws = simulation.settings["seed"], simulation.settings["draws"]
    replicate, by, at = all_event_times(simulation, output, subjects, seed)
    first, last = min(0.0, float(subjects["entry"].min())), float(subjects["time"].max())
    grid, tail = np.linspace(first, last, POINTS), (1 - level) / 2
    rows, rates = [], []
    for stratum, own in subjects.groupby("stratum", sort=True):
        inside = np.isin(who, own["SUBJECT"])
        simulated = np.isin(by, own["SUBJECT"])
        entry, end = own["entry"].to_numpy(float), own["time"].to_numpy(float)
        edges = np.unique(
            np.concatenate([[first, last], np.quantile(when[inside], np.linspace(0, 1, intervals + 1)[1:-1])])
            if inside.any()
            else [first, last]
        )
        at_risk = np.array(
            [
                np.clip(np.minimum(end, b) - np.maximum(entry, a), 0, None).sum()
                for a, b in zip(edges[:-1], edges[1:], strict=True)
            ]
        )
        curves, hazards = np.empty((draws, len(grid))), np.empty((draws, len(edges) - 1))
        for k in range(draws):
            times = at[simulated & (replicate == k)]
            curves[k] = mean_number(times, entry, end, grid)
            hazards[k] = _rates(times, edges, at_risk)
        columns = dict(zip(("lower", "median", "upper"), band_of(curves, tail), strict=True))
        seen = mean_number(when[inside], entry, end, grid)
        rows.append(pd.DataFrame({"stratum": stratum, "x": grid, "observed": seen, **columns}))
        columns = dict(zip(("lower", "median", "upper"), band_of(hazards, tail), strict=True))
        ends = {"x_min": edges[:-1], "x_max": edges[1:], "x": (edges[1:] + edges[:-1]) / 2}
        observed = _rates(when[inside], edges, at_risk)
        rates.append(pd.DataFrame({"stratum": stratum, **ends, "observed": observed, **columns}))
    unit = data.units.get("TIME")
    return EventVPC(
        pd.concat(rows, ignore_index=True),
        pd.concat(rates, ignore_index=True),
        subjects,
        {"level": level, "simulations": draws, "end": last, "events": "all"},
        f"Time [{unit}]" if unit else "Time",
        f"Events per subject ({output})",
    )


def mean_number(times: np.ndarray, entry: np.ndarray, end: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Mean number of events per subject, sum of 1 / n(t_j) over the events t_j <= t (Nelson and Aalen).

    Parameters
    ----------
    times : ndarray
        Of all events of all subjects.
    entry, end : ndarray, shape (n_subjects,)
        Follow-up.
    at : ndarray, shape (m,)

    Returns
    -------
    ndarray, shape (m,)

    Examples
    --------
    Three events; two subjects are followed until 2, one until 5:

    >>> mean_number(np.array([1.0, 1.5, 4.0]), np.zeros(2), np.array([2.0, 5.0]), np.array([0.5, 2, 5]))
    array([0., 1., 2.])
    """
    moments = np.sort(times)
    starts, ends = np.sort(entry), np.sort(end)
    at_risk = np.searchsorted(starts, moments, side="left") - np.searchsorted(ends, moments, side="left")
    total = np.cumsum(1.0 / np.maximum(at_risk, 1))
    return np.concatenate([[0.0], total])[np.searchsorted(moments, at, side="right")]


def _rates(times: np.ndarray, edges: np.ndarray, at_risk: np.ndarray) -> np.ndarray:
    """Events per time at risk, NaN where nobody is."""
    counts = np.searchsorted(np.sort(times), edges, side="right")
    return np.where(at_risk > 0, np.diff(counts) / np.where(at_risk > 0, at_risk, 1.0), np.nan)


def all_event_times(
    simulation: Simulation, output: str, subjects: pd.DataFrame, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Replicate, subject and time of all events of new subjects, each followed as in the study."""
    rng = np.random.default_rng([seed, 11])
    endpoint: Any = simulation.model.residuals[output]
    if endpoint.hazard is None:
        return _by_cumulative(simulation, output, seed, rng)
    f, shape, _ = closed_hazard(simulation, output)
    table = simulation.data.table.iloc[simulation.records(output)]
    subject, time = table["SUBJECT"].to_numpy(np.int64), table["TIME"].to_numpy(float)
    entry = subjects.set_index("SUBJECT")["entry"]
    found: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for who in np.unique(subject):
        begin = np.full(len(f), float(entry[who]))
        origin = begin.copy() if endpoint.clock == "event" else np.zeros(len(f))
        left = rng.standard_exponential(len(f))
        for j in np.flatnonzero(subject == who):
            if time[j] <= begin.max() and time[j] <= float(entry[who]):
                continue
            now = begin
            while True:
                passed = endpoint.hazard.cumulative(now - origin, f[:, j], shape[:, j], np)
                until = endpoint.hazard.cumulative(time[j] - origin, f[:, j], shape[:, j], np)
                hit = np.flatnonzero(until - passed > left)
                if not len(hit):
                    break
                at = origin[hit] + endpoint.hazard.time(passed[hit] + left[hit], f[hit, j], shape[hit, j])
                found.append((hit, np.full(len(hit), who), at))
                now = now.copy()
                now[hit] = at
                if endpoint.clock == "event":
                    origin[hit] = at
                left[hit] = rng.standard_exponential(len(hit))
            left = left - (until - passed)
            begin = np.full(len(f), time[j])
    return _joined(found)


def _by_cumulative(
    simulation: Simulation, output: str, seed: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    cumulative, subject, time = cumulative_hazard(simulation, output, -np.inf, seed)
    found = []
    for who in np.unique(subject):
        own = np.flatnonzero(subject == who)
        h = cumulative[:, own] - cumulative[:, own[:1]]
        wanted = rng.standard_exponential(len(h))
        while len(hit := np.flatnonzero(h[:, -1] > wanted)):
            at = np.array([np.interp(wanted[k], h[k], time[own]) for k in hit])
            found.append((hit, np.full(len(hit), who), at))
            wanted[hit] += rng.standard_exponential(len(hit))
    return _joined(found)


def _joined(found: list) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if not found:
        nothing = np.zeros(0, np.int64)
        return nothing, nothing, np.zeros(0)
    replicate, who, at = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return replicate, who, at
