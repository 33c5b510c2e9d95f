"""Cross-validation in earnest: fit without some subjects or without the future, predict what was left out."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.criteria.elpd import ELPD, SUBJECT
from bayes_nlmem.criteria.predictive import log_mean
from bayes_nlmem.data.dataset import Dataset, subset
from bayes_nlmem.ground.messages import FitError, explain, names_text
from bayes_nlmem.learning.nuts import fit as run_nuts
from bayes_nlmem.learning.replay import thin
from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.marginal.groups import GroupEffects
from bayes_nlmem.marginal.point import point_of, points_of_draws
from bayes_nlmem.marginal.subject_densities import SubjectDensities
from bayes_nlmem.model.levels import groups_of
from bayes_nlmem.model.specification import Model
from bayes_nlmem.translation.graph import translate

_DRAWS = 400


@dataclass(frozen=True)
class Settings:
    """How the refits are made: as the fit itself was, unless said otherwise.

    Parameters
    ----------
    draws, tune, chains : int
        Draws, warm-up draws and chains.
    target_accept : float
        Acceptance rate aimed at.
    sampler : str
        Implementation of NUTS.
    seed : int
        Seed of every refit.
    cores : int
        Threads of every refit.
    """

    draws: int
    tune: int
    chains: int
    target_accept: float
    sampler: str
    seed: int
    cores: int | None = None

    @classmethod
    def of(cls, fit: Any, seed: int, draws: int | None = None, tune: int | None = None) -> Settings:
        """The settings of a fit by NUTS."""
        record = fit.record
        if not hasattr(record, "target_accept") or not hasattr(record, "chains"):
            raise FitError(
                explain(
                    expected="a fit by NUTS, which can be made again without some data",
                    got=type(fit).__name__,
                    remedy="Use bn.fit.",
                )
            )
        return cls(
            draws or record.draws,
            tune or record.tune,
            record.chains,
            record.target_accept,
            record.sampler,
            seed,
        )


def cross_validate(
    fit: Any,
    *,
    folds: int | None = 5,
    groups: Sequence[Iterable[object]] | None = None,
    executor: Executor | None = None,
    draws: int | None = None,
    tune: int | None = None,
    seed: int = 0,
) -> ELPD:
    """K-fold cross-validation by subject: exact where importance sampling is not to be trusted.

    Parameters
    ----------
    fit : Fit
        A fit by NUTS; the refits have its model and, unless said otherwise, its settings.
    folds : int or None
        Number of folds, subjects at random; None leaves every subject out once.
    groups : sequence of iterables of ID, optional
        The folds themselves, instead of a number; every subject in exactly one.
    executor : concurrent.futures.Executor, optional
        Where the refits run (process pool, Dask client's executor, ...); here by default.
    draws, tune : int, optional
        Draws and warm-up draws per chain of every refit.
    seed : int
        Of the folds and the refits.

    Returns
    -------
    ELPD
        Per subject log p(y_i | subjects of the other folds), random effects integrated out. Effects of
        levels above the subject are those of the fit where other subjects of the group are in it, and
        those of a new group elsewhere.

    Raises
    ------
    FitError
        Folds that are none.

    Examples
    --------
    >>> try:
    ...     cross_validate(fit, folds=1)
    ... except ValueError as error:
    ...     print(error)
    Expected 2 to 12 folds, the number of subjects, got 1. folds=None leaves every subject out once.
    """
    started = time.perf_counter()
    chosen = _folds(fit.data, folds if groups is None else None, groups, seed)
    found = pd.concat(
        predict_left_out(fit, chosen, Settings.of(fit, seed, draws, tune), executor), ignore_index=True
    )
    found = found.set_index("ID").loc[list(fit.data.subjects)].reset_index()
    found["P"], found["K"], found["METHOD"] = np.nan, np.nan, "refit"
    criterion = "exact" if all(len(fold) == 1 for fold in chosen) else "kfold"
    return ELPD(criterion, SUBJECT, found, _DRAWS, "", time.perf_counter() - started)


def leave_future_out(
    fit: Any,
    *,
    after: float,
    executor: Executor | None = None,
    draws: int | None = None,
    tune: int | None = None,
    seed: int = 0,
) -> ELPD:
    """Predict every subject's observations after a time from all observations before it.

    One refit without all observations later than `after`; the question of adaptive dosing.

    Parameters
    ----------
    fit : Fit
        A fit by NUTS.
    after : float
        Time in the unit of the data: later observations are predicted.
    executor : concurrent.futures.Executor, optional
        Where the refit runs.
    draws, tune, seed : optional
        As in `cross_validate`.

    Returns
    -------
    ELPD
        Per subject log p(its future | all pasts); subjects without a future are left out.

    Raises
    ------
    FitError
        No observation lies after the time, or none before.

    References
    ----------
    Buerkner, Gabry & Vehtari 2020, doi:10.1080/00949655.2020.1783262

    Examples
    --------
    >>> try:
    ...     leave_future_out(fit, after=1000)
    ... except ValueError as error:
    ...     print(error)
    Expected observations before and after the time, got 132 until 1000, 0 after it. Times of observations go
    from 0 to 24.65.
    """
    started = time.perf_counter()
    table = fit.data.table
    observed = (table["EVID"] == 0) & (table["MDV"] == 0)
    future = observed & (table["TIME"] > after)
    past = observed & ~future
    if not future.any() or not past.any():
        raise FitError(
            explain(
                expected="observations before and after the time",
                got=f"{int(past.sum())} until {after:g}, {int(future.sum())} after it",
                remedy=f"Times of observations go from {table['TIME'].min():g} to {table['TIME'].max():g}.",
            )
        )
    settings = Settings.of(fit, seed, draws, tune)
    arguments = (
        fit.model,
        fit.data,
        _earlier(fit.data, future.to_numpy()),
        settings,
        getattr(fit, "edit", None),
    )
    if executor is None:
        found = _predict_future(*arguments)
    else:
        found = executor.submit(_predict_future, *arguments).result()
    found["P"], found["K"], found["METHOD"] = np.nan, np.nan, "refit"
    return ELPD("future", SUBJECT, found, _DRAWS, "", time.perf_counter() - started)


def predict_left_out(
    fit: Any, folds: Sequence[Sequence[object]], settings: Settings, executor: Executor | None
) -> list[pd.DataFrame]:
    """Log p(y_i | the other folds) of every fold's subjects: ID, ELPD, MCSE."""
    edit = getattr(fit, "edit", None)
    jobs = [(fit.model, fit.data, tuple(fold), settings, edit) for fold in folds]
    if executor is None:
        return [_predict_fold(*job) for job in jobs]
    return [future.result() for future in [executor.submit(_predict_fold, *job) for job in jobs]]


def _predict_fold(
    model: Model, data: Dataset, left_out: tuple, settings: Settings, edit: Any
) -> pd.DataFrame:
    """In a worker: fit without some subjects, then their likelihood at every draw."""
    kept = [subject for subject in data.subjects if subject not in set(left_out)]
    fitted = _refit(model, subset(data, kept), settings, edit)
    if groups_of(model):
        return _predict_with_groups(fitted, data, left_out, settings.seed)
    outside = subset(data, left_out)
    conditional = Conditional(translate(model, outside, geometry="centred", edit=edit))
    densities = SubjectDensities(conditional, point_of(conditional, fitted), None, settings.seed)
    matrix, _ = densities.at(
        points_of_draws(conditional, thin(fitted.draws["posterior"].to_dataset(), _DRAWS))
    )
    return _averaged(matrix, list(outside.subjects))


def _predict_with_groups(fitted: Any, data: Dataset, left_out: tuple, seed: int) -> pd.DataFrame:
    """With the posterior of groups that were seen, and draws from the population for those that were not."""
    conditional = Conditional(translate(fitted.model, data, geometry="centred", edit=fitted.edit))
    draws = thin(fitted.draws["posterior"].to_dataset(), _DRAWS)
    for name in GroupEffects(conditional).names:
        level = conditional.graph.named_vars_to_dims[name][0]
        everywhere = draws[name].reindex({level: list(conditional.graph.coords[level])})
        draws = draws.drop_vars(name).drop_dims(level, errors="ignore").assign({name: everywhere})
    thetas = points_of_draws(conditional, draws)
    unseen = np.isnan(thetas)  # in units of their standard deviation
    thetas[unseen] = np.random.default_rng(seed).standard_normal(int(unseen.sum()))
    matrix, _ = SubjectDensities(conditional, thetas.mean(axis=0), None, seed).at(thetas)
    at = [list(data.subjects).index(subject) for subject in left_out]
    return _averaged(matrix[:, at], list(left_out))


def _predict_future(
    model: Model, data: Dataset, earlier: Dataset, settings: Settings, edit: Any
) -> pd.DataFrame:
    fitted = _refit(model, earlier, settings, edit)
    conditional = Conditional(translate(model, data, geometry="centred", edit=edit))
    draws = thin(fitted.draws["posterior"].to_dataset(), _DRAWS)
    thetas = points_of_draws(conditional, draws)
    records = np.concatenate([seen.record for seen in conditional.translation.observed.values()])
    is_future = earlier.table["MDV"].to_numpy()[records] == 1
    rows = []
    for k, theta in enumerate(thetas):
        effects = [draws[rv.name].isel(sample=k).values.ravel() for rv in conditional.effects.variables]
        _, terms = conditional.terms(theta, np.concatenate(effects) if effects else np.zeros(0))
        subject = conditional.subject_of_observation
        rows.append(np.bincount(subject, np.where(is_future, terms, 0.0), minlength=len(data.subjects)))
    has_future = np.bincount(conditional.subject_of_observation, is_future, minlength=len(data.subjects)) > 0
    ids = [subject for subject, there in zip(data.subjects, has_future, strict=True) if there]
    return _averaged(np.array(rows)[:, has_future], ids)


def _refit(model: Model, data: Dataset, settings: Settings, edit: Any) -> Any:
    return run_nuts(
        model,
        data,
        draws=settings.draws,
        tune=settings.tune,
        chains=settings.chains,
        cores=settings.cores,
        seed=settings.seed,
        sampler=settings.sampler,
        target_accept=settings.target_accept,
        edit=edit,
        progress=False,
    )


def _averaged(matrix: np.ndarray, ids: list) -> pd.DataFrame:
    elpd = log_mean(matrix)
    relative = np.exp(matrix - elpd)
    mcse = relative.std(axis=0, ddof=1) / np.sqrt(len(matrix))
    return pd.DataFrame({"ID": ids, "ELPD": elpd, "MCSE": mcse})


def _earlier(data: Dataset, future: np.ndarray) -> Dataset:
    """The same study in which the future has not been observed (MDV = 1)."""
    table = data.table.copy()
    table.loc[future, "MDV"] = 1
    return replace(data, table=table)


def _folds(
    data: Dataset, folds: int | None, groups: Sequence[Iterable[object]] | None, seed: int
) -> list[list[object]]:
    subjects = list(data.subjects)
    if groups is not None:
        chosen = [list(group) for group in groups]
        named = [subject for group in chosen for subject in group]
        if sorted(map(str, named)) != sorted(map(str, subjects)):
            raise FitError(
                explain(
                    expected=f"every subject in exactly one group ({names_text(subjects)})",
                    got=names_text(named),
                    remedy="Complete the groups.",
                )
            )
        return chosen
    if folds is None:
        return [[subject] for subject in subjects]
    if not 2 <= folds <= len(subjects):
        raise FitError(
            explain(
                expected=f"2 to {len(subjects)} folds, the number of subjects",
                got=str(folds),
                remedy="folds=None leaves every subject out once.",
            )
        )
    order = np.random.default_rng(seed).permutation(len(subjects))
    return [[subjects[k] for k in sorted(part)] for part in np.array_split(order, folds)]
