"""`SaemFit`: estimates with their standard errors, and draws of the effects at the estimate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.ground.messages import FitError, explain
from bayes_nlmem.ground.tables import notebook
from bayes_nlmem.learning.convergence import Finding, Verdict
from bayes_nlmem.learning.draws_tree import draws_tree
from bayes_nlmem.learning.fitted import Fitted
from bayes_nlmem.learning.parameter_table import printed_table
from bayes_nlmem.learning.record import RunRecord
from bayes_nlmem.learning.stochastic.linearised_information import linearised_information
from bayes_nlmem.learning.stochastic.natural_scale import NaturalScale
from bayes_nlmem.marginal.compiled import named
from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.model.specification import Model
from bayes_nlmem.translation.graph import Translation

MAXIMUM_LIKELIHOOD, POSTERIOR_MODE = "maximum likelihood", "posterior mode"


@dataclass(frozen=True)
class SaemRecord(RunRecord):
    """How a SAEM fit was made: what `RunRecord` holds, and how the phases went.

    Parameters
    ----------
    estimate : str
        "maximum likelihood" (priors only gave the start) or "posterior mode" (priors count).
    iterations : dict of str to int
        Iterations per phase: `explore`, `smooth`, `settle` (rounds of 40).
    stationary, settled, interrupted : bool
        Whether exploring ended because nothing drifted, whether the Newton steps settled, whether the
        keyboard stopped the run.
    distance, monte_carlo_error : dict of str to float
        Per estimated element: the last Newton step towards the maximum and the Monte Carlo error of the
        estimate, both in standard errors of the estimate.
    accepted : dict of str to float
        Share of accepted proposals by kind.
    problem : str
        What is wrong with the information matrix, if anything.
    vanishing : list of str
        Standard deviations of effects that go to zero, and blocks whose correlations go to 1 or -1 (by their
        partial correlations): they stand where the run left them.
    seed, sampler, geometry, chains, draws, tune, target_accept, edited, start, start_converged : object
        As in `RunRecord`.
    timings, versions, data_digest, parts, data_choices, structure, failures : object
        As in `RunRecord`.

    Examples
    --------
    >>> record = SaemRecord(
    ...     seed=1, sampler="saem", geometry="centred", chains=4, draws=0, tune=0, target_accept=0.3,
    ...     edited=False,
    ... )
    >>> record.estimate
    'maximum likelihood'
    """

    estimate: str = MAXIMUM_LIKELIHOOD
    iterations: dict[str, int] = field(default_factory=dict)
    stationary: bool = True
    settled: bool = True
    interrupted: bool = False
    distance: dict[str, float] = field(default_factory=dict)
    monte_carlo_error: dict[str, float] = field(default_factory=dict)
    accepted: dict[str, float] = field(default_factory=dict)
    problem: str = ""
    vanishing: list[str] = field(default_factory=list)


@dataclass(frozen=True, eq=False, repr=False)
class SaemFit(Fitted):
    """A model fitted to a study by stochastic approximation EM.

    Parameters
    ----------
    model, data : Model, Dataset
        What was assumed and what was seen.
    estimates : DataFrame
        One row per population parameter, known ones included. Index: names in the graph. Columns: `block`,
        `parameter`, `meaning`, `unit`, `value`, `se` (observed information by Louis' identity), `rse` (%),
        `lower`, `upper` (95% confidence interval, symmetric on the scale of estimation), `cv` (%, of
        log-normal effects 100 sqrt(exp(omega^2) - 1); of proportional errors 100 sigma), `shrinkage` (%,
        100 (1 - SD_i(E[eta_i]) / omega)), `mc_error` (Monte Carlo error of the value in standard
        errors), `known`.
    individuals : DataFrame
        One row per effect of a subject: ID, LEVEL, OCCASION, PARAMETER, MEAN and SD over p(b_i | y_i) at the
        estimate, MODE and MODE_SD (from the curvature there).
    trace : DataFrame
        Population parameters at every iteration, natural scale, with the column `phase`.
    likelihood : dict of str to float
        `minus_twice` (-2 log-likelihood by importance sampling, all constants included), its Monte Carlo
        `error`, `aic`, `bic` (log of the number of subjects), `bicc` and `bic_mixed` (see
        `InformationCriteria`); empty if it was not asked for.
    covariance : DataFrame
        Covariance of the estimates on the unconstrained scale.
    theta, effects : ndarray
        The estimate on the unconstrained scale; draws of the effects, (n_chains, n_draws, n_effects).
    translation : Translation
        The graph that was used.
    record : SaemRecord
        How it was made; says whether priors counted.
    edit : callable, optional
        The change of the graph that `saem` was given.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> study = bn.zoo.load("theophylline")
    >>> result = bn.saem(study.model, study.data, seed=1)  # doctest: +SKIP
    >>> result.estimates  # doctest: +SKIP
    """

    model: Model
    data: Dataset
    estimates: pd.DataFrame
    individuals: pd.DataFrame
    trace: pd.DataFrame
    likelihood: dict[str, float]
    covariance: pd.DataFrame
    theta: np.ndarray
    effects: np.ndarray
    translation: Translation
    record: SaemRecord
    edit: Callable[[Any], Any] | None = None

    @cached_property
    def draws(self) -> xr.DataTree:
        """Draws of the effects at the estimate and all that follows from them, as `Fit.draws`.

        The population parameters are the same in every draw: what follows shows the uncertainty about the
        individuals given the population, not that about the population.
        """
        graph = self.translation.graph
        chains, draws, _ = self.effects.shape
        order = [rv.name for rv in graph.free_RVs]
        theta = np.broadcast_to(self.theta, (chains, draws, len(self.theta)))
        population = [name for name in order if name not in ("eta", "kappa")]
        pieces = _split(graph, population, theta) | _split(
            graph, [name for name in ("eta", "kappa") if name in order], self.effects
        )
        points = np.concatenate([pieces[name] for name in order], axis=-1)
        posterior = named(graph, xr.DataArray(points, dims=("chain", "draw", "element")))
        log_density = np.zeros((chains, draws))
        stats = xr.Dataset(
            {"diverging": (("chain", "draw"), log_density.astype(bool))},
            coords={"chain": posterior["chain"], "draw": posterior["draw"]},
        )
        return draws_tree(
            self.translation, xr.DataTree.from_dict({"posterior": posterior, "sample_stats": stats})
        )

    def population_draws(self, draws: int = 1000, seed: int = 1) -> dict[str, np.ndarray]:
        """Draws of the population parameters from the normal law of their estimates, by name.

        Normal on the scale of estimation, with the covariance of the estimates; known numbers are left out.

        Raises
        ------
        FitError
            There are no standard errors for some parameters.
        """
        covariance = self.covariance.to_numpy()
        if not np.all(np.isfinite(covariance)):
            raise FitError(
                explain(
                    expected="standard errors of all parameters",
                    got=self.record.problem or "none",
                    remedy="Take out what the data do not identify, or use bn.fit.",
                )
            )
        scale = self._scale
        elements = scale.conditional.population.elements
        at = [elements.index(name) for name in self.covariance.index]
        rng = np.random.default_rng(seed)
        points = np.tile(self.theta, (draws, 1))
        points[:, at] += rng.multivariate_normal(np.zeros(len(at)), covariance, size=draws, method="eigh")
        values = np.array([scale.values(point) for point in points])
        return dict(zip(scale.names, values.T, strict=True))

    @cached_property
    def _conditional(self) -> Conditional:
        return Conditional(self.translation)

    @cached_property
    def _scale(self) -> NaturalScale:
        return NaturalScale(self._conditional)

    def standard_errors(self) -> pd.DataFrame:
        """Standard errors by Louis' identity and by linearisation, side by side.

        The table's `se` is by simulation and assumes nothing about the model's shape; linearising around the
        subjects' modes (as NONMEM's and Monolix's linearised information does) needs no simulation and still
        exists where the simulated information is not positive. Where they differ much the model is far from
        linear within the subjects' uncertainty, or the simulation was too short.

        Returns
        -------
        DataFrame
            Index: names of the parameters. Columns: `value`, `louis`, `linearised`, `ratio` (linearised to
            Louis).

        Raises
        ------
        ModelError, FitError
            The model cannot be linearised: the reason is named.
        """
        conditional = self._conditional
        positions = conditional.population.elements
        at = np.array([positions.index(name) for name in self.covariance.index], int)
        information = linearised_information(
            conditional,
            self.theta,
            self.individuals["MODE"].to_numpy(float),
            at,
            priors=self.record.estimate == POSTERIOR_MODE,
        )
        found = self._scale.deviations(self.theta, at, np.linalg.pinv(information, hermitian=True))
        table = self.estimates.loc[~self.estimates["known"], ["value", "se"]]
        table = table.rename(columns={"se": "louis"})
        table["linearised"] = [found[name][0] if name in found else np.nan for name in table.index]
        table["ratio"] = table["linearised"] / table["louis"]
        return table

    def summary(self) -> pd.DataFrame:
        """The estimates with the columns of `Fit.summary`: the value stands for median and mean."""
        table = self.estimates
        found = table[["block", "parameter", "meaning", "unit"]].copy()
        found["median"] = found["mean"] = table["value"]
        found["sd"] = table["se"]
        for column in ("lower", "upper", "rse", "cv", "shrinkage"):
            found[column] = table[column]
        for column in ("r_hat", "ess_bulk", "ess_tail"):
            found[column] = np.nan
        found["known"] = table["known"]
        return found

    @property
    def _table(self) -> pd.DataFrame:
        return self.estimates

    @cached_property
    def _verdict(self) -> Verdict:
        record = self.record
        worst = max(record.monte_carlo_error.values(), default=float("nan"))
        counts = ", ".join(f"{phase} {count}" for phase, count in record.iterations.items())
        evidence = f"Iterations: {counts}; Monte Carlo error at most {worst:.2f} standard errors."
        return Verdict(tuple(_findings(record)), evidence)

    def _head(self) -> str:
        return (
            f"SAEM fit ({self.record.estimate}; priors "
            + ("count" if self.record.estimate == POSTERIOR_MODE else "gave the start only")
            + f") of {self.model.name or 'a model'}: {len(self.data.subjects)} subjects, "
            f"{self.record.chains} chains, seed {self.record.seed}"
        )

    def _likelihood_line(self) -> str:
        if not self.likelihood:
            return "-2 log-likelihood not computed (likelihood=False)"
        values = self.likelihood
        return (
            f"-2 log-likelihood {values['minus_twice']:.2f} (importance sampling, SE {values['error']:.2f}), "
            f"AIC {values['aic']:.2f}, BIC {values['bic']:.2f}, BICc {values['bicc']:.2f}"
        )

    def __repr__(self) -> str:
        verdict = self._verdict_text()
        return "\n\n".join(
            [self._head(), printed_table(self.estimates).text(), self._likelihood_line(), verdict]
        )

    def _repr_html_(self) -> str:
        table = printed_table(self.estimates)
        return notebook(self._head(), table, self._likelihood_line(), self._verdict_text())

    def _verdict_text(self) -> str:
        return str(self._verdict).replace("the draws", "the estimates")


def _split(graph, names: list[str], points: np.ndarray) -> dict[str, np.ndarray]:
    start, found, at = graph.initial_point(), {}, 0
    for name in names:
        size = int(np.size(start[graph.rvs_to_values[graph[name]].name]))
        found[name] = points[..., at : at + size]
        at += size
    return found


def _findings(record: SaemRecord):
    if record.interrupted:
        yield Finding(
            "the run was stopped by hand",
            "Ctrl-C",
            "Run it again for estimates; what is here is where it stood.",
        )
    if not record.stationary and not record.interrupted:
        yield Finding(
            "parameters still drifted when exploring ended",
            "a start far away, a variance that goes to zero, or a parameter the data know little about",
            "Look at plot_convergence; give more iterations (explore=...), a better start (priors), or a "
            "simpler model.",
        )
    if not record.settled and not record.interrupted:
        far = {k: v for k, v in record.distance.items() if v > 0.3}
        named_ = ", ".join(f"{name} ({value:.1f} SE)" for name, value in far.items()) or "none far off"
        yield Finding(
            f"the Newton steps on the likelihood did not settle; last step: {named_}",
            "a likelihood that is flat or still rising there, or much Monte Carlo noise",
            "Look at plot_convergence and the standard errors; fix a parameter or use more chains.",
        )
    for name in record.vanishing:
        if name.startswith("partial_"):
            block = name.removeprefix("partial_").partition("[")[0].replace("_", ", ")
            yield Finding(
                f"the correlation of {block} goes to 1 or -1: the effects cannot be told apart",
                "too few subjects, or too little seen of these parameters, for a correlation",
                "Take the correlation out, or use priors (priors=True, or bn.fit). Estimates of the others "
                "can be used; they hold at the present correlation.",
            )
            continue
        yield Finding(
            f"{name} goes to zero: its size now, and whether it is there at all, means nothing",
            "the data show no variability of it, or do not tell it from the residual error",
            "Take it out (iiv=None or iov=None) and compare: -2LL hardly changes. Estimates of the others "
            f"can be used; they hold at the present {name}.",
        )
    if record.problem:
        yield Finding(
            f"no standard errors for some parameters: {record.problem}",
            "the data do not identify them, or a variance is zero at the maximum",
            "Take the parameter (or its iiv) out, or make it known; standard_errors() has those by "
            "linearisation, where the model admits it.",
        )
