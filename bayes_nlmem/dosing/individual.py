"""`individualize(learnt, patient)`: the posterior of one patient's parameters."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.data.grid import stretches, with_records
from bayes_nlmem.data.reader import read
from bayes_nlmem.dosing.individual_draws import modes_table, no_modes, tree_of
from bayes_nlmem.dosing.readiness import of_outputs, population_draws, readiness
from bayes_nlmem.dosing.reweighting import around_mode, around_own_modes
from bayes_nlmem.ground.mapping import FrozenMapping
from bayes_nlmem.ground.messages import FitError, ModelError, explain, names_text
from bayes_nlmem.ground.tables import notebook, printed
from bayes_nlmem.learning.fitted_priors import priors_from
from bayes_nlmem.learning.nuts import fit
from bayes_nlmem.marginal.ebe import find_modes
from bayes_nlmem.model.specification import Model
from bayes_nlmem.simulation.replicates import simulate
from bayes_nlmem.translation.meeting import observed_records

METHODS = ("auto", "importance", "nuts")
GOOD_K = 0.7


@dataclass(frozen=True, eq=False, repr=False)
class Individual:
    """What is known of one patient.

    It has `model`, `data` and `draws` as a fit has, so that `simulate(individual, plan, subjects="same")`
    predicts this patient under any plan.

    Parameters
    ----------
    model : Model
        The population's model.
    data : Dataset
        The patient's records.
    draws : xarray.DataTree
        Group `posterior`: population parameters, the patient's effects and individual parameters.
    modes : DataFrame
        Maximum a posteriori (MAP) effects at the population's posterior mean: EFFECT, OCCASION, MAP, SD (from
        the curvature). Empty without observations.
    method : str
        "a priori" (no observations), "importance" or "nuts".
    pareto_k : float
        Shape of the tail of the importance weights: up to 0.7 is good. NaN for the other methods.
    effective : float
        Effective number of draws before resampling.
    seconds : dict of str to float
        Time to prepare (translate, compile) and to compute.
    record : object
        The record of the population's fit, if there was one.
    edit : callable, optional
        The change of the graph.
    log_evidence : float
        Logarithm of the density of the patient's observations under the population, with effects and
        population parameters integrated out: 0 without observations, NaN where NUTS was needed.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> study = bn.zoo.load("theophylline")
    >>> found = bn.individualize(fit, bn.subset(study.data, [1]), draws=50)
    >>> found.method, found.table()["PARAMETER"].tolist()
    ('importance', ['KA', 'CL', 'V'])
    """

    model: Model
    data: Dataset
    draws: xr.DataTree
    modes: pd.DataFrame
    method: str
    pareto_k: float
    effective: float
    seconds: Mapping[str, float]
    record: Any = None
    edit: Callable[[Any], Any] | None = None
    log_evidence: float = np.nan

    @property
    def id(self) -> Any:
        """The patient's ID."""
        return self.data.subjects[0]

    def table(self, level: float = 0.9) -> pd.DataFrame:
        """Individual parameters: posterior median and interval, and the typical patient's.

        Parameters
        ----------
        level : float
            Mass of the interval.

        Returns
        -------
        DataFrame
            PARAMETER, OCCASION (where it varies between occasions or records), MEDIAN, LOWER, UPPER.
        """
        tail = (1 - level) / 2
        posterior, rows = self.draws["posterior"].to_dataset(), []
        for name in self.model.parameters:
            if name not in posterior:
                continue
            values = posterior[name].stack(sample=("chain", "draw")).transpose(..., "sample").values
            values = values.reshape(-1, values.shape[-1])
            for k, own in enumerate(values):
                lower, median, upper = np.quantile(own, [tail, 0.5, 1 - tail])
                at = k + 1 if len(values) > 1 else None
                rows.append((name, at, median, lower, upper))
        return pd.DataFrame(rows, columns=["PARAMETER", "OCCASION", "MEDIAN", "LOWER", "UPPER"])

    def __repr__(self) -> str:
        return f"{self._head}\n{printed(self.table(), index=False).text()}"

    def _repr_html_(self) -> str:
        return notebook(self._head, printed(self.table(), index=False))

    @property
    def _head(self) -> str:
        seen = self.data.n_observations
        head = f"Patient {self.id}: {seen} observation{'s' if seen != 1 else ''}, {self.method}"
        if self.method == "importance":
            head += f" (Pareto k {self.pareto_k:.2f}, {self.effective:.0f} effective draws)"
        return head


def individualize(
    learnt: Any,
    patient: Dataset | pd.DataFrame,
    *,
    draws: int = 1000,
    method: str = "auto",
    seed: int = 1,
) -> Individual:
    r"""Posterior of one patient's parameters, with the uncertainty of the population kept.

    The target is p(b | y, theta) averaged over the draws of theta. Effects are proposed from a Student t at
    the patient's mode, p(y, b | theta) / q(b) weights them (importance sampling, Pareto-smoothed); where the
    weights' tail is too heavy (k > 0.7) every theta gets a proposal of its own, and after that NUTS decides,
    with the population's posterior as its prior.

    Parameters
    ----------
    learnt : Fit, SaemFit, or Model
        What is known of the population; a bare model must have no unknowns (all parameters known numbers).
    patient : Dataset or DataFrame
        The records of one subject: doses, observations (there may be none), covariates. A DataFrame is read
        with the covariates of the model.
    draws : int
        Draws to return.
    method : {"auto", "importance", "nuts"}
        "auto" takes NUTS only if importance sampling fails.
    seed : int
        Same seed, same draws.

    Returns
    -------
    Individual

    Raises
    ------
    ModelError, DataError
        More than one subject, or what the model needs (a covariate, OCC) is missing.
    FitError
        A bare model with unknowns, or importance sampling that failed although it was asked for.

    References
    ----------
    Vehtari et al. 2024, Pareto smoothed importance sampling, https://jmlr.org/papers/v25/19-556.html

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> study = bn.zoo.load("theophylline")
    >>> found = bn.individualize(fit, bn.subset(study.data, [1]), draws=50)
    >>> found.draws["posterior"]["CL"].sizes["draw"]
    50
    """
    if method not in METHODS:
        raise FitError(explain(expected=f"method one of {', '.join(METHODS)}", got=repr(method)))
    began = time.perf_counter()
    model = learnt if isinstance(learnt, Model) else learnt.model
    data = _patient(model, patient)
    posterior = population_draws(learnt)
    edit = getattr(learnt, "edit", None)
    record = getattr(learnt, "record", None)
    found = Individual(model, data, xr.DataTree(), no_modes(), "a priori", np.nan, draws, {}, record, edit)
    seen = {output: record for output, record in observed_records(model, data).items() if len(record)}
    if not seen:
        made = _a_priori(learnt, model, data, draws, seed)
        now = FrozenMapping({"all": time.perf_counter() - began})
        return replace(found, draws=made, seconds=now, log_evidence=0.0)
    ready = readiness(learnt).of(data, list(seen))
    conditional, points, of_draw = ready.conditional, ready.points, ready.of_draw
    for function in (conditional.densities, conditional.joint):  # compiled at their first call
        function(points[0], np.zeros(conditional.n_effects))
    prepared = time.perf_counter()
    modes = find_modes(conditional, ready.centre)
    table = modes_table(conditional, modes)
    weighted = around_mode(conditional, modes, points, np.random.default_rng(seed), most=4 * draws)
    if weighted.pareto_k > GOOD_K and method != "nuts":
        weighted = around_own_modes(conditional, modes, points, np.random.default_rng(seed + 1))
    if method == "nuts" or (method == "auto" and weighted.pareto_k > GOOD_K):
        drawn = _by_nuts(learnt, model, data, posterior, draws, seed, edit)
        now = FrozenMapping({"prepare": prepared - began, "compute": time.perf_counter() - prepared})
        return replace(found, draws=drawn, modes=table, method="nuts", seconds=now)
    if weighted.pareto_k > GOOD_K:
        raise FitError(
            explain(
                expected=f"importance weights with Pareto k <= {GOOD_K}",
                got=f"k = {weighted.pareto_k:.2f}: the population's draws do not cover this patient",
                remedy='Use method="nuts", and look whether the model describes this patient.',
            )
        )
    chosen = weighted.resample(draws, np.random.default_rng(seed + 2))
    tree = tree_of(conditional, weighted, chosen, points, posterior, of_draw)
    now = FrozenMapping({"prepare": prepared - began, "compute": time.perf_counter() - prepared})
    return replace(
        found,
        draws=tree,
        modes=table,
        method="importance",
        pareto_k=weighted.pareto_k,
        effective=weighted.effective,
        seconds=now,
        log_evidence=weighted.log_evidence,
    )


# --- what is given -------------------------------------------------------------------------------------


def _patient(model: Model, patient: Dataset | pd.DataFrame) -> Dataset:
    if isinstance(patient, pd.DataFrame):
        missing = [name for name in model.covariates if name not in patient]
        if missing:
            raise ModelError(
                explain(
                    expected=f"the model's covariates in the patient's table ({', '.join(model.covariates)})",
                    got=f"no {names_text(missing)}",
                    remedy="Add the columns.",
                )
            )
        allow = ("E_SUBJECT_NO_OBSERVATION", "E_SUBJECT_NO_DOSE")
        required = "DV" in patient and pd.to_numeric(patient["DV"], errors="coerce").notna().any()
        patient = read(
            patient, covariates=model.covariates, observations_required=bool(required), allow=allow
        )
    if patient.n_subjects != 1:
        raise ModelError(
            explain(
                expected="the records of one patient",
                got=f"{patient.n_subjects} subjects",
                remedy="Take one: bn.subset(data, [id]).",
            )
        )
    return patient


# --- the ways ------------------------------------------------------------------------------------------


def _a_priori(learnt: Any, model: Model, data: Dataset, draws: int, seed: int) -> xr.DataTree:
    if not data.table["EVID"].isin([0, 2]).any():  # something to predict: the time of the last record
        data, _ = with_records(data, data.table["TIME"].to_numpy(float)[-1:], stretches(data)[-1:])
    made = simulate(learnt, data, draws=draws, seed=seed, residual_error=False)
    groups = made.draws
    names = [n for n in groups["posterior_predictive"].data_vars if f"{n}_row" not in groups.dims]
    inside = groups["posterior_predictive"].to_dataset()[[n for n in names if n not in model.residuals]]
    population = groups["posterior"].to_dataset()
    return xr.DataTree.from_dict({"posterior": xr.merge([population, inside])})


def _by_nuts(
    learnt: Any,
    model: Model,
    data: Dataset,
    posterior: xr.Dataset | None,
    draws: int,
    seed: int,
    edit: Callable[[Any], Any] | None,
) -> xr.DataTree:
    informed = model if posterior is None else model.with_priors(priors_from(learnt))
    seen = [output for output, record in observed_records(model, data).items() if len(record)]
    chains = 2
    made = fit(
        of_outputs(informed, seen),
        data,
        draws=max(draws // chains, 1),
        chains=chains,
        seed=seed,
        target_accept=0.95,
        edit=edit,
        progress=False,
    )
    return xr.DataTree.from_dict({"posterior": made.draws["posterior"].to_dataset()})
