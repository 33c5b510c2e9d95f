"""A study with extra records on a dense time grid, for drawing profiles."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from bayes_nlmem.data.covariates import Covariate
from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.ground.mapping import FrozenMapping


def on_grid(data: Dataset, points: int = 120) -> tuple[Dataset, np.ndarray]:
    """Add records without dose or observation (EVID 2) at evenly spaced times of every subject.

    Every stretch between resets (EVID 3, 4) gets its own grid; a record is also added right after every
    dose, so that the jump of a bolus is seen. A new record has the covariates and the occasion that govern
    its time under each covariate's method.

    Parameters
    ----------
    data : Dataset
        The study; it is not changed.
    points : int
        Times per subject and stretch.

    Returns
    -------
    data : Dataset
        The study with the extra records; its `frame` stays as it was read.
    added : ndarray of int
        Positions of the extra records.
    """
    stretch = stretches(data)
    time = data.table["TIME"].to_numpy(float)
    times, of = [], []
    for which in np.unique(stretch):
        own = stretch == which
        grid = np.linspace(time[own].min(), time[own].max(), points)
        times.append(np.sort(np.concatenate([grid, time[own & data.is_dose]])))
        of.append(np.full(len(times[-1]), which))
    return with_records(data, np.concatenate(times), np.concatenate(of))


def stretches(data: Dataset) -> np.ndarray:
    """Number of the stretch of every record: a subject's records between two resets (EVID 3, 4).

    Parameters
    ----------
    data : Dataset
        The study.

    Returns
    -------
    ndarray of int, shape (n_records,)
        Increasing from 1.
    """
    return np.cumsum(~data.follows | data.table["EVID"].isin([3, 4]).to_numpy())


def with_records(data: Dataset, new_time: np.ndarray, new_stretch: np.ndarray) -> tuple[Dataset, np.ndarray]:
    """Add records without dose or observation (EVID 2) at given times, after the records of the same time.

    A new record has the covariates and the occasion that govern its time under each covariate's method;
    beyond a stretch's last record those of the last record.

    Parameters
    ----------
    data : Dataset
        The study; it is not changed.
    new_time : ndarray, shape (n_new,)
        Their times.
    new_stretch : ndarray of int, shape (n_new,)
        The stretches they belong to, see `stretches`.

    Returns
    -------
    data : Dataset
        The study with the extra records; its `frame` stays as it was read.
    added : ndarray of int, shape (n_new,)
        Positions of the extra records, ordered by stretch and time.
    """
    table, stretch = data.table, stretches(data)
    time = table["TIME"].to_numpy(float)
    order = np.lexsort(
        (
            np.concatenate([np.zeros(len(time)), np.ones(len(new_time))]),
            np.concatenate([time, new_time]),
            np.concatenate([stretch, new_stretch]),
        )
    )
    is_new = order >= len(time)
    before, after = _neighbours(is_new, order, np.concatenate([stretch, new_stretch])[order])
    merged = table.iloc[after].reset_index(drop=True)
    merged["TIME"] = np.concatenate([time, new_time])[order]
    blank = {"ROW": 0, "EVID": 2, "AMT": 0.0, "RATE": 0.0, "II": 0.0, "ADDL": 0, "SS": 0, "CMT": 0}
    for column, value in {**blank, "DV": np.nan, "MDV": 1, "CENS": 0, "LIMIT": np.nan}.items():
        merged.loc[is_new, column] = value
    covariates = {
        name: replace(covariate, values=_values(covariate, before, after, time, merged["TIME"].to_numpy()))
        for name, covariate in data.covariates.items()
    }
    return replace(data, table=merged, covariates=FrozenMapping(covariates)), np.flatnonzero(is_new)


def _neighbours(is_new: np.ndarray, order: np.ndarray, stretch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the original records before and after each record; the nearest one at the ends."""
    original = np.where(is_new, -1, order)
    position = pd.Series(np.where(is_new, np.nan, original))
    groups = position.groupby(stretch)
    forward, backward = groups.ffill(), groups.bfill()
    before = forward.fillna(backward).to_numpy(np.int64)
    after = backward.fillna(forward).to_numpy(np.int64)
    return before, after


def _values(covariate: Covariate, before, after, time: np.ndarray, new_time: np.ndarray) -> np.ndarray:
    if covariate.method == "locf":
        return covariate.values[before]
    if covariate.method != "linear":
        return covariate.values[after]
    gap = time[after] - time[before]
    weight = np.where(gap > 0, (new_time - time[before]) / np.where(gap > 0, gap, 1.0), 1.0)
    return (1 - weight) * covariate.values[before] + weight * covariate.values[after]
