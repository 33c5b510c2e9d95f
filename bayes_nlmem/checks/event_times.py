"""Times of events and hazards of simulated subjects."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.checks.event_vpc import POINTS
from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.data.grid import on_grid
from bayes_nlmem.ground.mapping import FrozenMapping
from bayes_nlmem.simulation.replicates import simulate
from bayes_nlmem.simulation.simulated import GROUP, Simulation
from bayes_nlmem.translation.endpoints import input_name, law_of


def simulated_times(simulation: Simulation, output: str, end: float, seed: int) -> np.ndarray:
    """Times of the first event of new subjects, shape (draws, n_subjects); inf where after all records.

    A closed hazard goes on after a subject's last record with the values there; a hazard that is an output of
    the structure is followed on a dense grid until `end`.
    """
    rng = np.random.default_rng([seed, 7])
    endpoint: Any = simulation.model.residuals[output]
    if endpoint.hazard is None:
        return _from_cumulative(simulation, output, end, seed, rng)
    data, record = simulation.data, simulation.records(output)
    f, shape, given = closed_hazard(simulation, output)
    start = np.broadcast_to(endpoint.hazard.cumulative(given["since"], f, shape, np), f.shape)
    stop = np.broadcast_to(endpoint.hazard.cumulative(given["until"], f, shape, np), f.shape)
    subject = data.table["SUBJECT"].to_numpy(np.int64)[record]
    found = np.full((len(f), data.n_subjects), np.inf)
    left = rng.standard_exponential(found.shape)
    for j in range(len(record)):
        who = subject[j]
        last = j + 1 == len(record) or subject[j + 1] != who
        risk = stop[:, j] - start[:, j]
        here = np.isinf(found[:, who]) & ((left[:, who] < risk) | last)
        passed = start[here, j] + left[here, who]
        found[here, who] = endpoint.hazard.time(passed, f[here, j], shape[here, j])
        left[:, who] -= risk
    return found


def closed_hazard(
    simulation: Simulation, output: str
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Characteristic time and shape of a closed hazard, (draws, n_rows), and what its law is given."""
    record = simulation.records(output)
    law = law_of(simulation.model, simulation.data, output, record)
    population, group = simulation.draws["posterior"].to_dataset(), simulation.draws[GROUP].to_dataset()
    draws = {}
    for name in law.in_graph.values():
        source = group if name in group else population
        values = source[name].transpose("chain", "draw", ...).values
        draws[name] = values.reshape(-1, *values.shape[2:])
    given = law.given(draws)
    f = simulation.predictions(output)
    return f, np.broadcast_to(np.nan if given.get("shape") is None else given["shape"], f.shape), given


def cumulative_hazard(
    simulation: Simulation, output: str, end: float, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cumulative hazard (draws, n_times) on a dense grid, and subject and time of its columns."""
    grid = _followed_until(simulation.data, end, simulation.model, output)
    finer = simulate(simulation, grid, draws=simulation.settings["draws"], seed=seed)
    values = finer.draws[GROUP].to_dataset()[input_name(output, "cumulative")]
    cumulative = values.transpose("chain", "draw", ...).values
    record = finer.records(output)
    table = grid.table.iloc[record]
    subject, time = table["SUBJECT"].to_numpy(np.int64), table["TIME"].to_numpy(float)
    return cumulative.reshape(-1, cumulative.shape[-1]), subject, time


def _from_cumulative(
    simulation: Simulation, output: str, end: float, seed: int, rng: np.random.Generator
) -> np.ndarray:
    data = simulation.data
    cumulative, subject, time = cumulative_hazard(simulation, output, end, seed)
    found = np.full((len(cumulative), data.n_subjects), np.inf)
    for who in range(data.n_subjects):
        own = np.flatnonzero(subject == who)
        h = cumulative[:, own] - cumulative[:, own[:1]]
        wanted = rng.standard_exponential(len(h))
        for k in np.flatnonzero(h[:, -1] > wanted):
            found[k, who] = np.interp(wanted[k], h[k], time[own])
    return found


def _followed_until(data: Dataset, end: float, model: Any, output: str) -> Dataset:
    """The study without its observations, every subject followed until `end`, on a dense grid of times."""
    table = data.table.copy()
    last = data.start[1:] - 1
    extra = table.iloc[last].copy()
    extra["TIME"] = np.maximum(end, extra["TIME"])
    order = np.argsort(np.concatenate([np.arange(len(table)), last + 0.5]), kind="stable")
    origin = np.concatenate([np.arange(len(table)), last])[order]
    merged = pd.concat([table, extra], ignore_index=True).iloc[order].reset_index(drop=True)
    is_extra = order >= len(table)
    silent = is_extra | (merged["EVID"] == 0).to_numpy()
    blank = {"EVID": 2, "MDV": 1, "AMT": 0.0, "RATE": 0.0, "II": 0.0, "ADDL": 0, "SS": 0, "CENS": 0}
    for column, value in {**blank, "DV": np.nan}.items():
        merged.loc[silent, column] = value
    if model.endpoints_in in merged:
        merged[model.endpoints_in] = model.endpoints.get(output, output) if len(model.residuals) > 1 else 0
    covariates = {name: replace(c, values=c.values[origin]) for name, c in data.covariates.items()}
    longer = replace(data, table=merged, covariates=FrozenMapping(covariates))
    return on_grid(longer, POINTS)[0]
