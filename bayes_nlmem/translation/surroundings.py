"""What residual errors depend on besides the prediction: covariates, clocks, the subject, other errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.data.dose_times import time_after_dose
from bayes_nlmem.ground.mapping import FrozenMapping
from bayes_nlmem.ground.messages import explain, rows_text
from bayes_nlmem.model.specification import Model
from bayes_nlmem.statistics.surroundings import CLOCKS, inherited, needed


@dataclass(frozen=True, eq=False)
class Surroundings:
    """Where the observations of one output stand.

    Parameters
    ----------
    subject : ndarray of int, shape (n_obs,)
        The subject of every observation.
    at : FrozenMapping of str to ndarray, shape (n_obs,)
        What the magnitude of the error depends on: covariates at the observations, TIME, TAD.
    previous : ndarray of int, shape (n_obs,)
        Position of the previous observation of the same output, subject, occasion and stretch without a
        reset, -1 where there is none.
    elapsed : ndarray, shape (n_obs,)
        Time since then, infinite where there is none.
    partner : FrozenMapping of str to ndarray of int, shape (n_obs,)
        Position of the observation of another output whose error is correlated, -1 where there is none.
    """

    subject: np.ndarray
    at: FrozenMapping[str, np.ndarray]
    previous: np.ndarray
    elapsed: np.ndarray
    partner: FrozenMapping[str, np.ndarray]


def surroundings(model: Model, data: Dataset, records: Mapping[str, np.ndarray]) -> dict[str, Surroundings]:
    """Find what stands around the observations of every output.

    Parameters
    ----------
    model : Model
        Its residual errors say what they need.
    data : Dataset
        The study.
    records : mapping of output to ndarray of int
        Positions of the observations.

    Returns
    -------
    dict of str to Surroundings
    """
    table = data.table
    subject = table["SUBJECT"].to_numpy(np.int64)
    stretch = stretches(data)
    found = {}
    for output, record in records.items():
        record = np.asarray(record, np.int64)
        previous, elapsed = _chain(table, stretch, record)
        residual = model.residuals[output]
        found[output] = Surroundings(
            subject=subject[record],
            at=FrozenMapping({name: at_records(data, name)[record] for name in needed(residual)}),
            previous=previous,
            elapsed=elapsed,
            partner=FrozenMapping(
                {
                    other: _partners(data, stretch, record, np.asarray(records[other], np.int64))
                    for other in _correlated_with(model, output)
                    if other in records
                }
            ),
        )
    return found


def at_records(data: Dataset, name: str) -> np.ndarray:
    """A covariate, TIME or TAD (time after the last dose) at every record."""
    if name == "TAD" and name not in data.covariates:
        return time_after_dose(data.table)
    if name == "TIME" and name not in data.covariates:
        return data.table["TIME"].to_numpy(float)
    return data.covariate(name)


def surrounding_problems(model: Model, data: Dataset, records: Mapping[str, np.ndarray]):
    """What speaks against the residual errors once the data are seen."""
    table = data.table
    for output, record in records.items():
        residual = model.residuals[output]
        yield from _covariate_problems(output, residual, data, record)
        paired = any(output in pair.names for pair in model.correlated_residuals)
        remembers = inherited(residual, "autocorrelation") is not None
        above = table["ABOVE"].iloc[record].notna().to_numpy() if "ABOVE" in table else np.zeros(1, bool)
        if above.any() and (remembers or paired):
            yield explain(
                expected=f"independent errors of {output!r} for M2, which conditions each observation alone",
                got="correlated ones",
                remedy='Use M3: bn.censored(data, "M3").',
            )
        if remembers:
            _, elapsed = _chain(table, stretches(data), record)
            if len(same := record[elapsed <= 0]):
                yield explain(
                    expected=f"one observation of {output!r} at a time, since its errors are autocorrelated",
                    got=f"a second one in {rows_text(table['ROW'].iloc[same])}",
                    remedy="Average them, take one out (MDV = 1), or use an error without autocorrelation.",
                )
    for pair in model.correlated_residuals:
        first, second = (np.asarray(records.get(name, ()), np.int64) for name in pair.names)
        there, back = (_partners(data, stretches(data), one, two) for one, two in
                       ((first, second), (second, first)))  # fmt: skip
        if not len(first) or not len(second):
            continue
        if not (there >= 0).any():
            yield explain(
                expected=f"observations of {pair.first!r} and {pair.second!r} at the same time",
                got="none, so that the correlation of their errors would have no effect",
                remedy="Leave CorrelatedResiduals out.",
            )
        cens = table["CENS"].to_numpy() != 0
        both = first[(there >= 0) & cens[first] & cens[second[np.maximum(there, 0)]]]
        if len(both):
            yield explain(
                expected=f"at least one quantified value of {pair.first!r} and {pair.second!r} at a time, "
                "since their errors are correlated",
                got=f"both beyond their limits in {rows_text(table['ROW'].iloc[both])}",
                remedy="Take one of each pair out (MDV = 1), or leave CorrelatedResiduals out.",
            )
        twice = [record[k] for record, partner in ((first, there), (second, back))
                 for k in np.flatnonzero(partner >= 0) if (partner == partner[k]).sum() > 1]  # fmt: skip
        if twice:
            yield explain(
                expected=f"pairs of one observation of {pair.first!r} and one of {pair.second!r}",
                got=f"several at the same time in {rows_text(table['ROW'].iloc[sorted(set(twice))])}",
                remedy="Say in the column L2 which belong together.",
            )


def _covariate_problems(output: str, residual, data: Dataset, record: np.ndarray):
    from bayes_nlmem.ground.messages import ModelError
    from bayes_nlmem.ground.scales import Log
    from bayes_nlmem.statistics.covariate_names import each, members, spoken

    for key, effect in (inherited(residual, "covariates") or {}).items():
        missing = [n for n in members(key) if n not in data.covariates and n not in CLOCKS]
        for name in missing:
            yield explain(
                expected=f"covariate {name!r} (used by the error of {output}) among those read: "
                f"{', '.join([*data.covariates, *CLOCKS])}",
                got="nothing of that name",
                remedy=f'Read it: bn.read(..., covariates=["{name}"]).',
            )
        if missing:
            continue
        values = each(key, lambda name: at_records(data, name)[record])
        if "TAD" in members(key) and (early := np.isnan(at_records(data, "TAD")[record])).any():
            yield explain(
                expected=f"a dose before every observation of {output!r}, since its error depends on TAD",
                got=f"none before {rows_text(data.table['ROW'].iloc[record[early]])}",
                remedy="Take these observations out (MDV = 1), or use TIME.",
            )
            continue
        try:
            effect.check(values, Log())
        except ModelError as error:
            yield f"{spoken(key)} on the error of {output}: {error}"


def stretches(data: Dataset) -> np.ndarray:
    """Number of the stretch of each record: one subject, one occasion, no reset (EVID 3 or 4) inside."""
    table = data.table
    subject, occasion = table["SUBJECT"].to_numpy(np.int64), table["OCC"].to_numpy(np.int64)
    new = table["EVID"].isin([3, 4]).to_numpy(copy=True)
    new[1:] |= (subject[1:] != subject[:-1]) | (occasion[1:] != occasion[:-1])
    return np.cumsum(new)


def _chain(table: pd.DataFrame, stretch: np.ndarray, record: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    time = table["TIME"].to_numpy(float)[record]
    n = len(record)
    follows = np.zeros(n, bool)
    follows[1:] = stretch[record[1:]] == stretch[record[:-1]]
    previous = np.where(follows, np.arange(n) - 1, -1)
    elapsed = np.where(follows, time - time[previous], np.inf)
    return previous, elapsed


def _correlated_with(model: Model, output: str) -> list[str]:
    pairs = model.correlated_residuals
    return [other for pair in pairs if output in pair.names for other in pair.names if other != output]


def _partners(data: Dataset, stretch: np.ndarray, record: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Position in `others` of the observation that belongs to each of `record`, -1 where there is none."""
    table = data.table
    if "L2" in data.columns:
        l2, subject = table["L2"].to_numpy(float), table["SUBJECT"].to_numpy(np.int64)
        seen = np.flatnonzero(data.is_observation)
        change = np.r_[True, (l2[seen][1:] != l2[seen][:-1]) | (subject[seen][1:] != subject[seen][:-1])]
        run = np.full(len(table), -1)
        run[seen] = np.cumsum(change)
        keys = [(int(run[k]), 0.0) for k in range(len(table))]
    else:
        time = table["TIME"].to_numpy(float)
        keys = [(int(stretch[k]), float(time[k])) for k in range(len(table))]
    at = {keys[k]: position for position, k in enumerate(others)}
    return np.array([at.get(keys[k], -1) for k in record], dtype=np.int64)
