"""`loo` and `waic` of a fit, by subject or by observation, with a way out where Pareto k is too large."""

from __future__ import annotations

import time
from concurrent.futures import Executor
from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.criteria.elpd import ELPD, OBSERVATION, SUBJECT
from bayes_nlmem.criteria.moment_matching import match_moments
from bayes_nlmem.criteria.predictive import loo_pointwise, waic_pointwise
from bayes_nlmem.criteria.refits import Settings, predict_left_out
from bayes_nlmem.criteria.smoothing import threshold
from bayes_nlmem.ground.messages import FitError, explain
from bayes_nlmem.learning.replay import thin
from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.marginal.likelihood import compiled_for
from bayes_nlmem.marginal.point import point_of, points_of_draws
from bayes_nlmem.marginal.subject_densities import SubjectDensities

_DRAWS = 400


def loo(
    fit: Any,
    *,
    by: str = SUBJECT,
    draws: int | None = None,
    method: str | None = None,
    repair: bool = True,
    refit: bool = False,
    executor: Executor | None = None,
    seed: int = 0,
) -> ELPD:
    r"""Leave-one-out cross-validation from one posterior, by Pareto-smoothed importance sampling.

    By subject: \sum_i log p(y_i | y_{-i}), the random effects of the left-out subject integrated out; the
    question of most studies, which generalise to new subjects. By observation: \sum_ij log p(y_ij | all
    others), the subject's other observations included; it asks about the profile's shape and the residual
    error more than about the population.

    Effects of levels above the subject (sites) count as known from the other subjects: a new subject of a
    known site. For new sites use `cross_validate` with the sites as groups.

    Where Pareto k is too large, subjects get moment matching and then, if asked for, exact refits;
    observations are computed again with the subject's random effects integrated out.

    Parameters
    ----------
    fit : Fit
        What was learnt.
    by : {"subject", "observation"}
        What is left out.
    draws : int, optional
        Posterior draws used, evenly thinned: 400 by subject (each needs an integral), all by observation.
    method : {"quadrature", "importance"}, optional
        How random effects are integrated out; by default quadrature where few nodes suffice.
    repair : bool
        Whether to improve values with a large Pareto k without refitting.
    refit : bool
        Whether subjects that still have one are left out in earnest: one more fit each.
    executor : concurrent.futures.Executor, optional
        Where the refits run; here, one after the other, by default.
    seed : int
        Of importance sampling and of refits.

    Returns
    -------
    ELPD

    Raises
    ------
    FitError
        An option without effect, or a fit that cannot be refitted.
    ModelError
        By subject: covariates with unknown values.

    References
    ----------
    Vehtari, Gelman & Gabry 2017, doi:10.1007/s11222-016-9696-4; Merkle, Furr & Rabe-Hesketh 2019,
    doi:10.1007/s11336-019-09679-0; Paananen, Piironen, Buerkner & Vehtari 2021,
    doi:10.1007/s11222-020-09982-2

    Examples
    --------
    >>> result = loo(fit, draws=50)
    >>> result.by, len(result.pointwise)
    ('subject', 12)
    """
    started = time.perf_counter()
    check_by(by)
    if executor is not None and not refit:
        raise FitError(
            explain(
                expected="refit=True with an executor",
                got="refit=False",
                remedy="Leave the executor out: nothing is refitted.",
            )
        )
    if by == SUBJECT:
        found, used, how = _by_subject(fit, draws or _DRAWS, method, repair, seed)
    else:
        found, used, how = _by_observation(fit, draws, method, repair, seed)
    bad = np.flatnonzero(found["K"].to_numpy() > threshold(used))
    if refit and len(bad):
        found = _refitted(fit, by, found, bad, executor, seed)
    return ELPD("loo", by, found, used, how, time.perf_counter() - started)


def waic(fit: Any, *, by: str = SUBJECT, draws: int | None = None, method: str | None = None) -> ELPD:
    """Widely applicable information criterion, on the scale of `loo` (elpd, not -2 elpd).

    Parameters
    ----------
    fit : Fit
        What was learnt.
    by : {"subject", "observation"}
        Whether the terms are subjects, random effects integrated out, or observations given them.
    draws, method : optional
        As in `loo`.

    Returns
    -------
    ELPD

    References
    ----------
    Watanabe 2010, https://jmlr.org/papers/v11/watanabe10a.html

    Examples
    --------
    >>> len(waic(fit, by="observation").pointwise)
    132
    """
    started = time.perf_counter()
    check_by(by)
    if by == SUBJECT:
        matrix, labels, densities, _ = subject_matrix(fit, draws or _DRAWS, method, 0)
        how = densities.words
    else:
        matrix, labels, how = *observation_matrix(fit, draws)[:2], ""
        _no_integral(method)
    found = pd.concat([labels, waic_pointwise(matrix)], axis=1)
    found["K"], found["MCSE"], found["METHOD"] = np.nan, np.nan, "WAIC"
    return ELPD("waic", by, found, len(matrix), how, time.perf_counter() - started)


def subject_matrix(
    fit: Any, draws: int, method: str | None, seed: int
) -> tuple[np.ndarray, pd.DataFrame, SubjectDensities, np.ndarray]:
    """Log p(y_i | theta_s) of thinned draws, subjects' labels, the function, and the draws themselves."""
    check_posterior(fit)
    conditional = compiled_for(fit.model, fit.data, getattr(fit, "edit", None))
    densities = SubjectDensities(conditional, point_of(conditional, fit), method, seed)
    thetas = thinned_points(conditional, fit, draws)
    matrix, _ = densities.at(thetas)
    return matrix, pd.DataFrame({"ID": list(fit.data.subjects)}), densities, thetas


def thinned_points(conditional: Conditional, fit: Any, draws: int) -> np.ndarray:
    """At most so many posterior draws of the population parameters, unconstrained."""
    return points_of_draws(conditional, thin(fit.draws["posterior"].to_dataset(), draws))


def observation_matrix(fit: Any, draws: int | None) -> tuple[np.ndarray, pd.DataFrame, float]:
    """Log p(y_ij | draw), labels in the order of the columns, and the relative efficiency of the draws.

    Raises
    ------
    FitError
        No draws, or none of the pointwise log-likelihood.
    """
    check_posterior(fit)
    if "log_likelihood" not in fit.draws:
        raise FitError(
            explain(
                expected="a fit with pointwise log-likelihoods",
                got=f"groups {', '.join(fit.draws.children)}",
                remedy="Use by='subject', or a fit by NUTS with keep='all'.",
            )
        )
    tables, columns = [], []
    group = fit.draws["log_likelihood"].to_dataset()
    records = fit.data.table
    for name, values in group.data_vars.items():
        rows = np.asarray(group[values.dims[-1]].values, int)
        output = str(name).removesuffix("_obs")
        ids = records["ID"].to_numpy()[rows - 1]
        tables.append(pd.DataFrame({"ROW": rows, "ID": ids, "OUTPUT": output}))
        columns.append(values.transpose("chain", "draw", ...).values)
    stacked = np.concatenate(columns, axis=2)
    matrix = stacked.reshape(-1, stacked.shape[2])
    if draws is not None and draws < len(matrix):
        at = np.linspace(0, len(matrix) - 1, draws).round().astype(int)
        return matrix[at], pd.concat(tables, ignore_index=True), 1.0
    return matrix, pd.concat(tables, ignore_index=True), _efficiency(stacked)


def check_posterior(fit: Any) -> None:
    """Refuse results whose population parameters are a point: there is no posterior to average over."""
    if hasattr(fit.record, "estimate"):
        raise FitError(
            explain(
                expected="a posterior of the population parameters, from bn.fit",
                got=f"a {fit.record.estimate} estimate",
                remedy="At an estimate use bn.information_criteria(model, data, at=estimate).",
            )
        )


def check_by(by: str) -> None:
    """Refuse anything but "subject" and "observation"."""
    if by not in (SUBJECT, OBSERVATION):
        raise FitError(
            explain(expected=f"by {SUBJECT!r} or {OBSERVATION!r}", got=repr(by), remedy="Choose one.")
        )


def _no_integral(method: str | None) -> None:
    if method is not None:
        raise FitError(
            explain(
                expected="no method by observation, where nothing is integrated",
                got=f"method={method!r}",
                remedy="Leave it out.",
            )
        )


def _efficiency(stacked: np.ndarray) -> float:
    """Effective over actual number of draws, median over the observations' likelihoods."""
    import arviz_stats.base as base

    with np.errstate(over="ignore"):
        likelihood = np.exp(stacked - stacked.max(axis=(0, 1)))
    effective = base.array_stats.ess(likelihood, chain_axis=0, draw_axis=1, method="mean")
    total = stacked.shape[0] * stacked.shape[1]
    return float(min(1.0, np.nanmedian(effective) / total))


def _by_subject(
    fit: Any, draws: int, method: str | None, repair: bool, seed: int
) -> tuple[pd.DataFrame, int, str]:
    matrix, labels, densities, thetas = subject_matrix(fit, draws, method, seed)
    found = pd.concat([labels, loo_pointwise(matrix)], axis=1)
    found["METHOD"] = "PSIS"
    if repair:
        for k in np.flatnonzero(found["K"].to_numpy() > threshold(len(matrix))):
            elpd, mcse, pareto = match_moments(densities, thetas, matrix, int(k))
            if pareto < found["K"].to_numpy()[k]:
                _improve(found, int(k), elpd, mcse, pareto, "moment matching")
    return found, len(matrix), densities.words


def _by_observation(
    fit: Any, draws: int | None, method: str | None, repair: bool, seed: int
) -> tuple[pd.DataFrame, int, str]:
    matrix, labels, r_eff = observation_matrix(fit, draws)
    found = pd.concat([labels, loo_pointwise(matrix, r_eff)], axis=1)
    found["METHOD"] = "PSIS"
    bad = np.flatnonzero(found["K"].to_numpy() > threshold(len(matrix)))
    if not repair or not len(bad):
        _no_integral(method)
        return found, len(matrix), ""
    conditional = compiled_for(fit.model, fit.data, getattr(fit, "edit", None))
    densities = SubjectDensities(conditional, point_of(conditional, fit), method, seed)
    integrated = densities.without_each_observation(thinned_points(conditional, fit, _DRAWS))
    better = loo_pointwise(integrated[:, bad])
    for k, (elpd, pareto, mcse) in zip(bad, better[["ELPD", "K", "MCSE"]].to_numpy(), strict=True):
        if pareto < found["K"].to_numpy()[k]:
            _improve(found, int(k), elpd, mcse, pareto, "effects integrated out")
    return found, len(matrix), f"where needed, {densities.words}"


def _refitted(
    fit: Any, by: str, found: pd.DataFrame, bad: np.ndarray, executor: Executor | None, seed: int
) -> pd.DataFrame:
    if by != SUBJECT:
        raise FitError(
            explain(
                expected="by='subject' with refit=True",
                got="by='observation'",
                remedy="Leave refit out, and look at the observations that are named.",
            )
        )
    folds = [[found["ID"].tolist()[k]] for k in bad]
    results = predict_left_out(fit, folds, Settings.of(fit, seed), executor)
    for k, result in zip(bad, results, strict=True):
        [(elpd, mcse)] = result[["ELPD", "MCSE"]].to_numpy()
        _improve(found, int(k), elpd, mcse, 0.0, "refit")
    return found


def _improve(found: Any, k: int, elpd: float, mcse: float, pareto: float, method: str) -> None:
    """Put a better value in place of row k; what it says of the data within stays."""
    within = found.loc[k, "P"] + found.loc[k, "ELPD"]
    found.loc[k, ["ELPD", "P", "K", "MCSE"]] = [elpd, within - elpd, pareto, mcse]
    found.loc[k, "METHOD"] = method
