"""Prediction discrepancies (npd) and normalised prediction distribution errors (npde)."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from bayes_nlmem.checks.decorrelation import (
    decorrelated,
    imputed,
    normal_scores,
    positions_by_subject,
    shares,
)
from bayes_nlmem.checks.kinds import refuse_unranked
from bayes_nlmem.checks.normality import normality_tests
from bayes_nlmem.checks.replicated import replicated
from bayes_nlmem.ground.messages import ModelError, explain, names_text
from bayes_nlmem.ground.tables import notebook, printed
from bayes_nlmem.simulation.limits import Limit
from bayes_nlmem.statistics.endpoints import is_endpoint

DECORRELATIONS = ("cholesky", "inverse", "polar")
CDF, OMIT, IPRED, EPRED = "cdf", "omit", "ipred", "epred"
CENSORINGS = (CDF, OMIT, IPRED, EPRED)
COUNT, RANDOM = "count", "random"
TIES = (COUNT, RANDOM)
_DIGITS = 9  # of decorrelated values, whose SD is 1


@dataclass(frozen=True, eq=False, repr=False)
class NPDE:
    """Normalised prediction distribution errors: N(0, 1) and independent if the model is right.

    Parameters
    ----------
    table : DataFrame
        One row per observation: ROW, ID, TIME, TAD, DV, CENS, PRED, EPRED (mean of the replicates), EWRES
        (decorrelated residual), NPD (not decorrelated), NPDE; NaN where an observation was left out.
    tests : DataFrame
        Index `errors` (NPDE, NPD) and `test`: mean (Student's t), variance (Fisher), normality
        (Shapiro-Wilk) and global; statistic, p and Bonferroni-adjusted p.
    settings : dict
        Decorrelation, treatment of censored observations and ties, number of simulations.
    units : mapping
        Units by column.
    output : str
        The output.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> errors = bn.npde(fit, draws=150, seed=1)
    >>> errors.tests.index.get_level_values("test").unique().tolist()
    ['mean', 'variance', 'normality', 'global']
    """

    table: pd.DataFrame
    tests: pd.DataFrame
    settings: Mapping[str, Any]
    units: Mapping[str, str]
    output: str

    def _head(self) -> str:
        s = self.settings
        x = self.table["NPDE"].dropna()
        return (
            f"NPDE of {self.output}: {len(x)} observations, {s['simulations']} simulations, "
            f"decorrelation {s['decorrelation']}, mean {x.mean():.3f}, variance {x.var(ddof=1):.3f}"
        )

    def __repr__(self) -> str:
        return f"{self._head()}\n{printed(self.tests).text()}"

    def _repr_html_(self) -> str:
        return notebook(self._head(), self.tests)


def npde(
    learnt: Any,
    *,
    output: str | None = None,
    decorrelation: str = "cholesky",
    censoring: str = CDF,
    ties: str | None = None,
    lloq: Limit = "as observed",
    uloq: Limit = "as observed",
    draws: int = 1000,
    seed: int | None = None,
    uncertainty: bool = True,
) -> NPDE:
    """Normalised prediction distribution errors of a fit, from replicates with new subjects.

    The replicates of a subject give the mean E and covariance C of its observations; y* = W (y - E) with
    W C W' = 1, and npde = Phi^-1 of the share of replicates with y*_sim < y*. npd is the same without W.

    Parameters
    ----------
    learnt : Fit, another learnt result, or Simulation
        What was learnt, or replicates of a study (`bn.simulate`).
    output : str, optional
        Output of the structure, the first one by default.
    decorrelation : {"cholesky", "inverse", "polar"}
        W: inverse of the lower Cholesky factor of C (depends on the order of the observations), or the
        inverse of the symmetric square root of C ("polar" is the same matrix from a polar decomposition).
    censoring : {"cdf", "omit", "ipred", "epred"}
        Observations beyond a limit of quantification: drawn from the distribution function beyond it, left
        out, or replaced by the individual or the mean prediction.
    ties : {"count", "random"}, optional
        "count": share of replicates strictly below, at the ends 1/(2K) and 1 - 1/(2K). "random": a uniform
        value within the step (randomised quantile residuals), which is right for categories and counts as
        well, and the default and only choice there.
    lloq, uloq : float, mapping, "as observed" or None
        Limits of quantification.
    draws, seed, uncertainty :
        As in `simulate`; 1000 replicates or more are usual. The seed serves the draws of "cdf" and "random"
        as well.

    Returns
    -------
    NPDE

    Raises
    ------
    ModelError
        An unknown word; "ipred" with a simulation; fewer replicates than a subject has observations; times of
        events and states, which have no place among replicates; ties="count" of categories or counts.

    References
    ----------
    Brendel, Comets, Laffont, Laveille & Mentre 2006, doi:10.1007/s11095-006-9067-5
    Nguyen, Comets & Mentre 2012, doi:10.1007/s10928-012-9264-2
    Dunn & Smyth 1996, doi:10.1080/10618600.1996.10474708

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> errors = bn.npde(fit, draws=200, seed=1)
    >>> errors.table[["EPRED", "NPD", "NPDE"]].shape
    (132, 3)
    """
    both = replicated(
        learnt,
        admits=refuse_unranked,
        output=output,
        draws=draws,
        seed=seed,
        uncertainty=uncertainty,
        lloq=lloq,
        uloq=uloq,
    )
    ties = _suitable_ties(both.simulation.model.residuals[both.output], both.output, ties)
    seen = both.observations
    individual = None
    if censoring == IPRED:
        if not hasattr(learnt, "predictions") or hasattr(learnt, "settings"):
            raise ModelError(explain(expected="a fit for censoring='ipred'", got=type(learnt).__name__))
        predicted = learnt.predictions()
        individual = predicted.set_index("ROW").loc[seen["ROW"], "IPRED"].to_numpy()
    found = npde_of_arrays(
        seen["DV"],
        both.simulated,
        seen["SUBJECT"],
        decorrelation=decorrelation,
        censoring=censoring,
        ties=ties,
        censored=seen["CENS"],
        lloq=seen["LLOQ"],
        uloq=seen["ULOQ"],
        individual=individual,
        seed=both.simulation.settings["seed"],
    )
    columns = ["ROW", "ID", "TIME", "TAD", "DV", "CENS", "PRED"]
    table = pd.concat([seen[columns], found.table[["EPRED", "EWRES", "NPD", "NPDE"]]], axis=1)
    return NPDE(table, found.tests, found.settings, {**both.units, "DV": both.unit or ""}, both.output)


def npde_of_arrays(
    observed: ArrayLike,
    simulated: ArrayLike,
    subject: ArrayLike,
    *,
    decorrelation: str = "cholesky",
    censoring: str = CDF,
    ties: str = "count",
    censored: ArrayLike | None = None,
    lloq: ArrayLike | None = None,
    uloq: ArrayLike | None = None,
    individual: ArrayLike | None = None,
    seed: int | None = None,
) -> NPDE:
    """The prediction distribution errors of `npde`, from arrays, such as simulations of another program.

    Parameters
    ----------
    observed : array_like, shape (n,)
        Observations.
    simulated : array_like, shape (n_simulations, n)
        Their replicates.
    subject : array_like, shape (n,)
        Whose they are.
    decorrelation, censoring, ties :
        As in `npde`.
    censored : array_like, shape (n,), optional
        CENS: 1 below, -1 above a limit, 0 quantified.
    lloq, uloq : array_like, scalar or shape (n,), optional
        Limits of quantification, for "cdf".
    individual : array_like, shape (n,), optional
        Individual predictions, for "ipred".
    seed : int, optional
        Of the random parts of "cdf" and "random".

    Returns
    -------
    NPDE
        With the columns ID, DV, CENS, EPRED, EWRES, NPD and NPDE.

    Raises
    ------
    ModelError
        An unknown word, arrays of different lengths, too few replicates.

    Examples
    --------
    >>> import numpy as np
    >>> import bayes_nlmem as bn
    >>> rng = np.random.default_rng(1)
    >>> errors = bn.npde_of_arrays(rng.normal(size=40), rng.normal(size=(500, 40)), np.repeat(range(10), 4))
    >>> bool(errors.tests.loc[("NPDE", "global"), "p_adjusted"] > 0.01)
    True
    """
    y, ys = np.array(observed, float), np.array(simulated, float)
    who, n = np.asarray(subject), len(y)
    flags = np.zeros(n, int) if censored is None else np.asarray(censored, int)
    lower = np.broadcast_to(np.asarray(-np.inf if lloq is None else lloq, float), n)
    upper = np.broadcast_to(np.asarray(np.inf if uloq is None else uloq, float), n)
    _check(y, ys, who, flags, decorrelation, censoring, ties, individual)
    rng = np.random.default_rng(seed)
    beyond = flags != 0
    expected = ys.mean(axis=0)
    at = ~beyond if censoring == OMIT else np.ones(n, bool)
    discrepancy = None
    if beyond.any() and censoring == CDF:
        discrepancy = shares(y, ys, ties, rng)
        y, ys, discrepancy = imputed(y, ys, flags, lower, upper, discrepancy, rng)
    elif beyond.any() and censoring in (IPRED, EPRED):
        y = np.where(beyond, expected if censoring == EPRED else np.asarray(individual, float), y)
    if discrepancy is None:
        discrepancy = shares(y, ys, ties, rng)
    table = pd.DataFrame({"ID": who, "DV": np.asarray(observed, float), "CENS": flags, "EPRED": expected})
    table["EWRES"], table["NPD"], table["NPDE"] = np.nan, np.nan, np.nan
    table.loc[at, "NPD"] = normal_scores(discrepancy[at], len(ys))
    singular: list[Any] = []
    for own in positions_by_subject(who, at):
        residual, replicates, fine = decorrelated(y[own], ys[:, own], decorrelation)
        if not fine:
            singular.append(who[own[0]])
        table.loc[own, "EWRES"] = residual
        if ties == RANDOM:  # equal values differ by rounding after decorrelation
            residual, replicates = residual.round(_DIGITS), replicates.round(_DIGITS)
        table.loc[own, "NPDE"] = normal_scores(shares(residual, replicates, ties, rng), len(ys))
    if singular:
        warnings.warn(
            f"The covariance of the replicates is singular for {names_text(singular, noun='subject')}, as "
            "from observations without any variability: a generalised inverse was used.",
            RuntimeWarning,
            stacklevel=2,
        )
    tests = pd.concat({name: normality_tests(table[name].dropna()) for name in ("NPDE", "NPD")})
    tests.index.names = ["errors", "test"]
    settings = {
        "decorrelation": decorrelation,
        "censoring": censoring if beyond.any() else None,
        "ties": ties,
        "simulations": len(ys),
    }
    return NPDE(table, tests, settings, {}, "DV")


def _suitable_ties(residual: Any, output: str, ties: str | None) -> str:
    discrete = is_endpoint(residual)
    if discrete and ties == COUNT:
        raise ModelError(
            explain(
                expected=f"ties='random' for {output!r}, whose values many replicates share",
                got="ties='count'",
                remedy="Leave ties out.",
            )
        )
    return (RANDOM if discrete else COUNT) if ties is None else ties


def _check(y, ys, who, flags, decorrelation, censoring, ties, individual) -> None:
    n = len(y)
    for name, value, valid in (
        ("decorrelation", decorrelation, DECORRELATIONS),
        ("censoring", censoring, CENSORINGS),
        ("ties", ties, TIES),
    ):
        if value not in valid:
            raise ModelError(explain(expected=f"{name} one of {', '.join(valid)}", got=repr(value)))
    if ys.ndim != 2 or ys.shape[1] != n or who.shape != (n,) or flags.shape != (n,):
        raise ModelError(
            explain(
                expected=f"subjects of shape ({n},) and simulations of shape (n_simulations, {n})",
                got=f"{who.shape} and {ys.shape}",
            )
        )
    if not (np.isfinite(y).all() and np.isfinite(ys).all()):
        raise ModelError(explain(expected="finite observations and replicates", got="NaN or infinity"))
    most = int(pd.Series(who).value_counts().max()) if n else 0
    if len(ys) <= most:
        raise ModelError(
            explain(
                expected=f"more than {most} replicates, as a subject has so many observations",
                got=str(len(ys)),
                remedy="1000 or more are usual: draws=1000.",
            )
        )
    if censoring == IPRED and individual is None and (flags != 0).any():
        raise ModelError(explain(expected="individual predictions for censoring='ipred'", got="none"))
