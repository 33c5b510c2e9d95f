"""Predictions at the observations and on a dense time grid, from the posterior draws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.data.grid import on_grid
from bayes_nlmem.ground.priors import Prior
from bayes_nlmem.learning.replay import replay, thin
from bayes_nlmem.model.specification import Model
from bayes_nlmem.translation.graph import Translation, translate
from bayes_nlmem.translation.likelihood import Observed

_MOST_DRAWS = 400
_BAND = (0.05, 0.95)


def predictions(translation: Translation, draws: xr.DataTree) -> pd.DataFrame:
    """Observed and predicted values, one row per observation in the order of the data.

    Returns
    -------
    DataFrame
        ID, TIME, TAD (time after the last dose record), OUTPUT, DV, CENS, LIMIT; PRED (population
        prediction: random effects zero, posterior median), IPRED (individual prediction, posterior median)
        with IPRED_LOWER and IPRED_UPPER (90% credible interval), IRES = DV - IPRED, IWRES = IRES / SD at the
        posterior median of the residual parameters (NaN for censored values). With errors on the log scale
        IWRES = (log DV - log IPRED) / SD, with Student's t it is the standard normal value that has the same
        probability: if the model is right, IWRES is standard normal with every residual error.
    """
    posterior = draws["posterior"].to_dataset()
    thinned = thin(posterior, _MOST_DRAWS)
    outputs = list(translation.observed)
    population = replay(translation, thinned, outputs, typical=True)
    table = translation.data.table
    tad = time_after_dose(table)
    parts = []
    for output, seen in translation.observed.items():
        rows = table.iloc[seen.record]
        individual = posterior[output].stack(sample=("chain", "draw")).transpose("sample", ...).values
        lower, ipred, upper = np.quantile(individual, [_BAND[0], 0.5, _BAND[1]], axis=0)
        residual = np.where(seen.censored, np.nan, seen.value - ipred)
        parts.append(
            pd.DataFrame(
                {
                    "ROW": seen.record + 1,
                    "ID": rows["ID"].to_numpy(),
                    "TIME": rows["TIME"].to_numpy(float),
                    "TAD": tad[seen.record],
                    "OUTPUT": output,
                    "DV": seen.value,
                    "CENS": rows["CENS"].to_numpy(int),
                    "LIMIT": rows["LIMIT"].to_numpy(float),
                    "PRED": np.median(population[output], axis=0),
                    "IPRED": ipred,
                    "IPRED_LOWER": lower,
                    "IPRED_UPPER": upper,
                    "IRES": residual,
                    "IWRES": _weighted_residual(translation.model, posterior, seen, output, ipred),
                }
            )
        )
    return pd.concat(parts).sort_values("ROW", kind="stable").reset_index(drop=True)


def curves(
    model: Model,
    data: Dataset,
    draws: xr.DataTree,
    *,
    points: int = 120,
    edit: Callable[[Any], Any] | None = None,
) -> pd.DataFrame:
    """Predicted profiles of every subject on a dense time grid.

    Parameters
    ----------
    model, data : Model, Dataset
        What was fitted.
    draws : xarray.DataTree
        The draws; at most 400 are used.
    points : int
        Times per subject between its first and last record, besides the recorded ones.
    edit : callable, optional
        The change of the graph that `fit` was given.

    Returns
    -------
    DataFrame
        ID, TIME, OUTPUT, PRED, IPRED, IPRED_LOWER, IPRED_UPPER (90% credible interval).
    """
    grid, added = on_grid(data, points)
    translation = translate(model, grid, edit=edit, predict_at=dict.fromkeys(model.residuals, added))
    thinned = thin(draws["posterior"].to_dataset(), _MOST_DRAWS)
    outputs = list(translation.observed)
    individual = replay(translation, thinned, outputs)
    population = replay(translation, thinned, outputs, typical=True)
    parts = []
    for output, seen in translation.observed.items():
        rows = grid.table.iloc[seen.record]
        lower, ipred, upper = np.quantile(individual[output], [_BAND[0], 0.5, _BAND[1]], axis=0)
        columns = {
            "ID": rows["ID"].to_numpy(),
            "TIME": rows["TIME"].to_numpy(float),
            "OUTPUT": output,
            "PRED": np.median(population[output], axis=0),
            "IPRED": ipred,
            "IPRED_LOWER": lower,
            "IPRED_UPPER": upper,
        }
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


def time_after_dose(table: pd.DataFrame) -> np.ndarray:
    """Time since the subject's last dose, additional doses (ADDL) included; NaN before the first.

    Parameters
    ----------
    table : DataFrame
        The canonical table of a `Dataset`.

    Returns
    -------
    ndarray, shape (n_records,)
    """
    time, evid = table["TIME"].to_numpy(float), table["EVID"].to_numpy(int)
    addl, ii = table["ADDL"].to_numpy(float), table["II"].to_numpy(float)
    subject = table["SUBJECT"].to_numpy(int)
    found = np.full(len(table), np.nan)
    current, last = -1, None
    for k in range(len(table)):
        if subject[k] != current:
            current, last = subject[k], None
        if evid[k] in (1, 4):
            last = (time[k], addl[k], ii[k])
        elif evid[k] == 3:
            last = None
        if last is not None:
            start, more, interval = last
            passed = (
                min(more, np.floor((time[k] - start) / interval + 1e-9)) if more > 0 and interval > 0 else 0
            )
            found[k] = time[k] - start - max(passed, 0) * interval
    return found


def _weighted_residual(
    model: Model, posterior: xr.Dataset, seen: Observed, output: str, prediction: np.ndarray
) -> np.ndarray:
    residual = model.residuals[output]
    sigmas = {}
    for suffix, value in residual.unknowns().items():
        name = f"sigma_{output}_{suffix}"
        known = not isinstance(value, Prior)
        sigmas[suffix] = float(value) if known else float(posterior[name].median())  # type: ignore[arg-type]
    sd = residual.sd(prediction, sigmas, np)
    found = np.full(len(seen.value), np.nan)
    at = ~seen.censored
    found[at] = residual.law.weighted_residual(seen.value[at], prediction[at], sd[at], sigmas)
    return found
