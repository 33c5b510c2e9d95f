"""A patient's course as it is understood now: what was, and what is to come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.data.grid import stretches, with_records
from bayes_nlmem.data.regimen import Regimen
from bayes_nlmem.dosing.averaging import members_of
from bayes_nlmem.dosing.plans import check_nothing_pending, planned
from bayes_nlmem.ground.messages import FitError, ModelError, explain
from bayes_nlmem.simulation.courses import courses
from bayes_nlmem.simulation.subjects import NEW, SAME, TYPICAL
from bayes_nlmem.statistics.endpoints import is_endpoint
from bayes_nlmem.translation.errors_at_draws import error_at
from bayes_nlmem.translation.meeting import observed_records

_POINTS = 160
_BEFORE = 1e-6


@dataclass(frozen=True, eq=False)
class Outlook:
    """Curves of one output of a patient.

    Parameters
    ----------
    table : DataFrame
        TIME; IPRED, LOWER and UPPER of the patient's own course; SEEN_LOWER and SEEN_UPPER, between which an
        observation would lie; PRED, POPULATION_LOWER and POPULATION_UPPER of a new subject with these doses.
    observations : DataFrame
        TIME, DV, CENS of what was seen.
    doses : ndarray
        Times of all doses, given and planned.
    now : float
        Time of the patient's last record: what comes after it is a forecast.
    output : str
    level : float
        Mass of the intervals.
    """

    table: pd.DataFrame
    observations: pd.DataFrame
    doses: np.ndarray
    now: float
    output: str
    level: float


def outlook(
    individual: Any,
    *,
    output: str | None = None,
    until: float | None = None,
    regimen: Regimen | None = None,
    start: float | None = None,
    covariates: Mapping[str, float | str] | None = None,
    draws: int = 400,
    level: float = 0.9,
    seed: int = 1,
) -> Outlook:
    """The course of a patient's output from the first record on.

    Parameters
    ----------
    individual : Individual or AveragedIndividual
        The patient.
    output : str, optional
        Output of the model, the first one by default.
    until : float, optional
        Time at which the curves end; by default the last record's, or the end of the regimen.
    regimen : Regimen, optional
        Doses to come, from `start` on.
    start : float, optional
        Time at which the regimen begins, by default the last record's.
    covariates : mapping, optional
        Values of covariates from then on.
    draws, level, seed :
        Draws of the patient's posterior; mass of the intervals; of residual errors and new occasions.

    Returns
    -------
    Outlook

    Raises
    ------
    FitError
        An end or a start before the last record, a start or covariates without a regimen, doses in the
        records that are still to come beside a regimen, an output that the model does not have.
    """
    output = _output(individual.model, output)
    data = individual.data
    last = float(data.table["TIME"].iloc[-1])
    if regimen is None and (start is not None or covariates is not None):
        raise FitError(explain(expected="start= and covariates= only with a regimen", got="no regimen"))
    begin = last if start is None else float(start)
    if begin < last:
        raise FitError(
            explain(expected=f"a start at or after the last record (TIME {last:g})", got=f"{begin:g}")
        )
    plan = data
    if regimen is not None:
        check_nothing_pending(data.table, begin)
        plan = planned(individual, regimen, output, begin, np.zeros(1), covariates)
    doses = _doses(plan.table)
    end = _end(until, last, regimen, begin)
    grid = _grid(float(data.table["TIME"].iloc[0]), end, doses)
    longer, added = with_records(plan, grid, np.repeat(stretches(plan)[-1], len(grid)))
    parts = [
        _curves(member, longer, output, added, count, seed) for member, count in members_of(individual, draws)
    ]
    own, seen, new, typical = (np.concatenate(each) for each in zip(*parts, strict=True))
    tail = (1 - level) / 2
    columns = {"TIME": longer.table["TIME"].to_numpy(float)[added]}
    columns |= dict(
        zip(("LOWER", "IPRED", "UPPER"), np.quantile(own, [tail, 0.5, 1 - tail], axis=0), strict=True)
    )
    columns |= dict(
        zip(("SEEN_LOWER", "SEEN_UPPER"), np.quantile(seen, [tail, 1 - tail], axis=0), strict=True)
    )
    bands = ("POPULATION_LOWER", "POPULATION_UPPER")
    columns |= dict(zip(bands, np.quantile(new, [tail, 1 - tail], axis=0), strict=True))
    columns["PRED"] = np.median(typical, axis=0)
    observed = data.table.iloc[observed_records(individual.model, data)[output]]
    observed = observed[["TIME", "DV", "CENS"]].reset_index(drop=True)
    return Outlook(pd.DataFrame(columns), observed, doses[doses <= end], last, output, level)


def _output(model: Any, output: str | None) -> str:
    known = [name for name, residual in model.residuals.items() if not is_endpoint(residual)]
    if output is None and known:
        return known[0]
    if output is None or output not in known:
        raise FitError(
            explain(expected=f"a measured output among {', '.join(known) or 'none'}", got=repr(output))
        )
    return output


def _end(until: float | None, last: float, regimen: Regimen | None, begin: float) -> float:
    if until is None:
        if regimen is None:
            return last
        spaced = [part.every for part in regimen.parts if part.every]
        return begin + regimen.last + float(max(spaced, default=max(last, 1.0)))
    if until < last:
        raise FitError(explain(expected=f"until= at or after the last record ({last:g})", got=f"{until:g}"))
    return float(until)


def _doses(table: pd.DataFrame) -> np.ndarray:
    """Times of all doses, additional ones written out."""
    given = table[table["EVID"].isin([1, 4])]
    repeats = given["ADDL"].to_numpy(int) + 1
    number = np.concatenate([np.zeros(0), *(np.arange(n) for n in repeats)])
    start, gap = (given[name].to_numpy(float) for name in ("TIME", "II"))
    return np.sort(np.repeat(start, repeats) + number * np.repeat(gap, repeats))


def _grid(begin: float, end: float, doses: np.ndarray) -> np.ndarray:
    """Even times, and both sides of every dose: the trough before it, and the jump of a bolus."""
    inside = doses[(doses >= begin) & (doses <= end)]
    step = _BEFORE * max(end - begin, 1.0)
    before = inside[inside - step > begin] - step
    return np.unique(np.concatenate([np.linspace(begin, end, _POINTS), inside + step, before]))


def _curves(
    individual: Any, data: Dataset, output: str, added: np.ndarray, draws: int, seed: int
) -> tuple[np.ndarray, ...]:
    """Own course, simulated observations of it, a new subject's and the typical course, (draws, n_times)."""
    found, translation, drawn = courses(
        individual, data, output, added, (SAME, NEW, TYPICAL), draws=draws, seed=seed
    )
    error = error_at(translation, output, found[0], drawn)
    if error.memory is not None:
        raise ModelError(explain(expected=f"independent errors of {output!r}", got="autocorrelated ones"))
    rng = np.random.default_rng(seed)
    # One error for all times: the bands are those of single observations, and smooth.
    z = error.law.standard.draw(rng, (len(found[0]), 1), *error.law.shape_of(error.form))
    seen = error.law.observed(found[0], error.spread, z, *error.form)
    return found[0], seen, found[1], found[2]
