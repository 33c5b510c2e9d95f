"""Predictions at the observations and on a dense time grid, from the posterior draws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.data.dose_times import time_after_dose
from bayes_nlmem.data.grid import on_grid
from bayes_nlmem.learning.expectations import draws_first, expected, needed
from bayes_nlmem.learning.replay import replay, thin
from bayes_nlmem.model.specification import Model
from bayes_nlmem.statistics.endpoints import Rows, is_endpoint
from bayes_nlmem.translation.errors_at_draws import error_at
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
        Of endpoints that are no measurements PRED and IPRED are expected values of DV (a probability, a mean
        count, the expected number of events since the row before) and IWRES is Pearson's residual,
        (DV - E) / sqrt(Var), at the posterior means of both.
    """
    posterior = draws["posterior"].to_dataset()
    thinned = thin(posterior, _MOST_DRAWS)
    endpoints = [o for o in translation.observed if is_endpoint(translation.model.residuals[o])]
    further = dict.fromkeys(name for output in endpoints for name in needed(translation, output))
    outputs = list(dict.fromkeys([*translation.observed, *further]))
    population = replay(translation, thinned, outputs, typical=True)
    table = translation.data.table
    tad = time_after_dose(table)
    parts = []
    for output, seen in translation.observed.items():
        rows = table.iloc[seen.record]
        pred, individual = population[output], draws_first(posterior, [output])[output]
        if output in endpoints:
            pred, _ = expected(translation, population, output)
            own = draws_first(posterior, needed(translation, output))
            individual, variance = expected(translation, own, output)
        lower, ipred, upper = np.quantile(individual, [_BAND[0], 0.5, _BAND[1]], axis=0)
        residual = np.where(seen.censored, np.nan, seen.value - ipred)
        if output in endpoints:
            residual = seen.value - ipred
            with np.errstate(invalid="ignore", divide="ignore"):
                weighted = (seen.value - individual.mean(axis=0)) / np.sqrt(variance.mean(axis=0))
        else:
            weighted = _weighted_residual(translation, posterior, seen, output, ipred)
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
                    "PRED": np.median(pred, axis=0),
                    "IPRED": ipred,
                    "IPRED_LOWER": lower,
                    "IPRED_UPPER": upper,
                    "IRES": residual,
                    "IWRES": weighted,
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
        ID, TIME, OUTPUT, PRED, IPRED, IPRED_LOWER, IPRED_UPPER (90% credible interval). Probabilities and
        mean counts of endpoints that have them at every time; of events and states the output itself.
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
        if _follows_from_output(model.residuals[output]):
            names = [name for name in needed(translation, output) if name != output]
            known = draws_first(thinned, names)
            for values in (individual, population):
                values[output], _ = expected(translation, {**known, output: values[output]}, output)
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


def _follows_from_output(residual: Any) -> bool:
    """Whether it is an endpoint whose expected value is a function of its output and its parameters alone."""
    if not is_endpoint(residual) or residual.inputs():
        return False
    nobody = np.zeros(0)
    return not residual.constants(Rows(nobody.astype(int), nobody, nobody, nobody.astype(int), nobody))


def _weighted_residual(
    translation: Translation, posterior: xr.Dataset, seen: Observed, output: str, prediction: np.ndarray
) -> np.ndarray:
    names = [name for name in posterior if name == "eta" or str(name).startswith(f"sigma_{output}_")]
    centre = posterior[names].median(("chain", "draw")).expand_dims("sample")
    error = error_at(translation, output, prediction[None], centre)
    with np.errstate(divide="ignore", invalid="ignore"):  # censored values are not meant
        found = error.weighted_residual(seen.value, prediction)
    return np.where(seen.censored, np.nan, np.broadcast_to(found, (1, len(seen.value)))[0])
