"""What was learnt from one study, as priors for the next."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bayes_nlmem.ground.mapping import FrozenMapping
from bayes_nlmem.ground.matrix_priors import InverseWishart
from bayes_nlmem.ground.messages import ModelError, explain
from bayes_nlmem.ground.prior import LINE, POSITIVE, Prior, is_number
from bayes_nlmem.ground.priors import LKJ, Distribution, LogNormal, Normal, TruncatedNormal
from bayes_nlmem.ground.truncated import Truncated
from bayes_nlmem.model.levels import SUBJECT, level_of
from bayes_nlmem.model.quantities import CORRELATIONS, quantities


def priors_from(fit: Any, *, widen: float = 1.0) -> FrozenMapping[Any, Prior]:
    r"""Priors for the next study from the posterior of this one.

    Each prior has the mean and the standard deviation of the draws on the unconstrained scale: log-normal for
    what is positive, normal for any number, logit-normal between 0 and 1, (truncated) normal between other
    bounds. Blocks of correlated random effects get an inverse-Wishart prior with the posterior mean of the
    covariance matrix and the degrees of freedom with which its variances are as uncertain as the least
    certain of them. Otherwise the unknowns are taken to be independent: their posterior correlations are not
    kept.

    Parameters
    ----------
    fit : Fit
        What was learnt.
    widen : float
        Factor of the standard deviations: above 1 where the next population is not quite the same (the
        relative standard errors of variances are widened likewise).

    Returns
    -------
    FrozenMapping
        Name in the graph (of a block: the tuple of its parameters) -> Prior, for `model.with_priors`.

    Raises
    ------
    ModelError
        If `widen` is not positive, or nothing was learnt.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> priors = bn.priors_from(fit)
    >>> type(priors["CL_pop"]).__name__, type(priors["CL", "V"]).__name__
    ('LogNormal', 'InverseWishart')
    >>> next_model = fit.model.with_priors(priors)
    """
    if not (is_number(widen) and widen > 0):
        raise ModelError(explain(expected="widen a number > 0", got=repr(widen), remedy="1 widens nothing."))
    posterior = fit.draws["posterior"]
    found: dict[Any, Prior] = {}
    within = _blocks(fit.model, posterior, widen, found)
    for quantity in quantities(fit.model):
        known = quantity.known or quantity.name not in posterior or quantity.name in within
        if known or quantity.block == CORRELATIONS:
            continue
        draws = posterior[quantity.name].values.ravel()
        prior: Any = quantity.value
        support = POSITIVE if quantity.marginal is not None and not isinstance(prior, LKJ) else prior.support
        found[quantity.name] = matched(draws, support or LINE, widen)
    if not found:
        raise ModelError(explain(expected="a fit of unknown quantities", got="none", remedy="Fit a model."))
    return FrozenMapping(found)


def matched(draws: np.ndarray, support: tuple[float, float], widen: float = 1.0) -> Prior:
    """The prior on a support with the mean and (widened) standard deviation of draws where it is a line.

    Examples
    --------
    >>> print(matched(np.exp([0.9, 1.0, 1.1]), (0.0, np.inf)))
    LogNormal(median 2.71828, CV 10%)
    """
    lower, upper = support
    if support == LINE:
        return Normal(float(draws.mean()), float(draws.std(ddof=1)) * widen)
    if lower >= 0 and math.isinf(upper):
        logarithm = np.log(draws)
        fitted = LogNormal(math.exp(logarithm.mean()), sigma=float(logarithm.std(ddof=1)) * widen)
        return fitted if lower == 0 else Truncated(fitted, lower=lower)
    if support == (0.0, 1.0):
        logit = np.log(draws) - np.log1p(-draws)
        return Distribution("LogitNormal", mu=float(logit.mean()), sigma=float(logit.std(ddof=1)) * widen)
    return TruncatedNormal(
        float(draws.mean()), float(draws.std(ddof=1)) * widen, lower=float(lower), upper=float(upper)
    )


def _blocks(model: Any, posterior: Any, widen: float, found: dict[Any, Prior]) -> set[str]:
    """Inverse-Wishart priors of the blocks between subjects; returns the names that they cover."""
    level, covered = level_of(model, SUBJECT), set()
    for block in level.blocks:
        members = level.members(block)
        names = [level.deviation(name) for name in members]
        if block.known or not all(name in posterior for name in names) or block.zeros:
            continue
        sds = np.stack([posterior[name].values.ravel() for name in names])
        p = len(members)
        correlation = np.ones((p, p, sds.shape[1]))
        for i in range(p):
            for j in range(i + 1, p):
                name = level.correlation(members[i], members[j])
                correlation[i, j] = correlation[j, i] = posterior[name].values.ravel()
        covariance = correlation * sds[:, None] * sds[None]
        mean = covariance.mean(axis=-1)
        variances = covariance[np.arange(p), np.arange(p)]
        rse = float((variances.std(axis=-1, ddof=1) / variances.mean(axis=-1)).max()) * widen
        df = p + 3 + 2 / rse**2
        found[members] = InverseWishart(df, ((df - p - 1) * mean).tolist())
        covered |= {*names, *(level.correlation(a, b) for a in members for b in members if a != b)}
    return covered
