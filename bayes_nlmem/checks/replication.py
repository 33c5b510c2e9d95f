"""One replicate of a calibration: parameters from their priors, a study simulated, learnt, ranked."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from threading import Lock
from typing import Any

import numpy as np
import xarray as xr

from bayes_nlmem.checks.event_times import simulated_times
from bayes_nlmem.checks.simulated_events import ends_of_follow_up, timed_output, with_times
from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.ground.messages import BayesNlmemError
from bayes_nlmem.learning.diagnostics import mixing
from bayes_nlmem.learning.refitting import Refitter
from bayes_nlmem.model.quantities import quantities
from bayes_nlmem.model.specification import Model
from bayes_nlmem.simulation.as_data import replicate_as_data
from bayes_nlmem.simulation.evaluation import evaluate
from bayes_nlmem.simulation.replicates import simulate
from bayes_nlmem.simulation.simulated import GROUP, Simulation

BLOCK = 50  # replicates that are simulated together
PROBABILITIES = (0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975)
LIKELIHOOD = "log-likelihood"
_ONE_AT_A_TIME = Lock()  # of threads: a refitter's data are changed in place


@dataclass(frozen=True)
class Plan:
    """What all replicates of a calibration have in common.

    Parameters
    ----------
    key : str
        What identifies it.
    model, data : Model, Dataset
        The model, and the doses, times and covariates.
    seed, draws, tune, chains, target_accept : number
        Settings of the simulation and of the sampler.
    ranks : int
        Number of draws that every true value is ranked among.
    edit : callable, optional
        As in `fit`.
    """

    key: str
    model: Model = field(compare=False)
    data: Dataset = field(compare=False)
    seed: int = 1
    draws: int = 300
    tune: int = 300
    chains: int = 1
    target_accept: float = 0.9
    ranks: int = 99
    edit: Any = field(default=None, compare=False)


def replicate(plan: Plan, number: int) -> dict[str, Any]:
    """Simulate replicate `number`, learn the model from it and rank the truth among the draws.

    Returns
    -------
    dict
        `replicate`, `status` ("ok" or what went wrong), `seconds`; if it is ok `quantities` (name -> truth,
        rank, mean, sd, quantiles at `PROBABILITIES`), `divergences`, `ess` (smallest bulk ESS), `r_hat`.
    """
    with _ONE_AT_A_TIME:
        began = time.perf_counter()
        found: dict[str, Any] = {"replicate": number, "status": "ok"}
        try:
            found |= _replicated(plan, number)
        except (BayesNlmemError, ArithmeticError, ValueError, RuntimeError, np.linalg.LinAlgError) as error:
            found["status"] = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        return found | {"seconds": round(time.perf_counter() - began, 2)}


def _replicated(plan: Plan, number: int) -> dict[str, Any]:
    simulation = _simulated(plan, number // BLOCK)
    k = number % BLOCK
    data = _study(plan, number)
    observed = data.table["DV"].to_numpy(float)[data.is_observation]
    if not np.all(np.isfinite(observed)):
        raise ArithmeticError("a draw of the priors for which the predictions are not finite")
    learnt = _refitter(plan).learn(
        data,
        draws=plan.draws,
        tune=plan.tune,
        chains=plan.chains,
        seed=_seed(plan.seed, 1, number),
        target_accept=plan.target_accept,
    )
    truth = {name: float(values[k]) for name, values in _true_values(plan, number // BLOCK).items()}
    rng = np.random.default_rng(_seed(plan.seed, 2, number))
    posterior = learnt["posterior"].to_dataset()
    found = {
        name: _ranked(value, _draws_of(posterior, name), plan.ranks, rng)
        for name, value in truth.items()
        if _base(name) in posterior
    }
    found[LIKELIHOOD] = _ranked(_true_likelihood(plan, data, simulation, k), _total(learnt), plan.ranks, rng)
    population = posterior[[name for name in found if name in posterior]]
    r_hat, bulk, _ = mixing(population)
    return {
        "quantities": found,
        "divergences": int(learnt["sample_stats"]["diverging"].sum()),
        "ess": _extreme(bulk, min),
        "r_hat": _extreme(r_hat, max) if plan.chains > 1 else None,
    }


def _study(plan: Plan, number: int) -> Dataset:
    """What was seen in a replicate."""
    simulation, k = _simulated(plan, number // BLOCK), number % BLOCK
    data, output = replicate_as_data(simulation, k), timed_output(plan.model)
    if output is None:
        return data
    times = _event_times(plan, number // BLOCK, output)[k]
    return with_times(data, simulation.records(output), times, ends_of_follow_up(plan.data))


@lru_cache(maxsize=2)
def _event_times(plan: Plan, block: int, output: str) -> np.ndarray:
    """Times of the events of a block of replicates, shape (BLOCK, n_subjects)."""
    end = float(ends_of_follow_up(plan.data).max())
    return simulated_times(_simulated(plan, block), output, end, _seed(plan.seed, 3, block))


@lru_cache(maxsize=1)
def _refitter(plan: Plan) -> Refitter:
    """The study without its observations: those of all replicates have the same records."""
    study = _study(plan, 0)
    if timed_output(plan.model) is not None:  # its times are seen, and no two replicates have the same
        return Refitter(plan.model, study, plan.edit)
    at = study.is_observation
    table = study.table.assign(CENS=0, DV=np.where(at, 1.0, study.table["DV"]), LIMIT=np.nan)
    return Refitter(plan.model, replace(study, table=table), plan.edit)


@lru_cache(maxsize=2)
def _simulated(plan: Plan, block: int) -> Simulation:
    """A block of replicates: what a replicate is depends on its number only, not on how many there are."""
    censored = bool((plan.data.table["CENS"] == 1).any())
    above = bool((plan.data.table["CENS"] == -1).any())
    return simulate(
        plan.model,
        plan.data,
        draws=BLOCK,
        seed=_seed(plan.seed, 0, block),
        lloq="as observed" if censored else None,
        uloq="as observed" if above else None,
        edit=plan.edit,
    )


def _seed(*numbers: int) -> int:
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


@lru_cache(maxsize=2)
def _true_values(plan: Plan, block: int) -> dict[str, np.ndarray]:
    """True values, one per replicate: unknown numbers of the model, the first subject's parameters."""
    simulation = _simulated(plan, block)
    population = simulation.draws["posterior"].to_dataset().stack(sample=("chain", "draw"))
    individual = simulation.draws[GROUP].to_dataset().stack(sample=("chain", "draw"))
    found, derived = {}, []
    graph = _refitter(plan).translation.graph
    for quantity in quantities(plan.model):
        if quantity.name in population and population[quantity.name].ndim == 1:
            found[quantity.name] = population[quantity.name].values
        elif not quantity.known and quantity.name in graph.named_vars and graph[quantity.name].ndim == 0:
            derived.append(quantity.name)  # correlations, which the graph computes
    given = {str(name): values.transpose("sample", ...).values for name, values in population.items()}
    values = evaluate(graph, [graph[name] for name in derived], given, BLOCK, 0)
    found |= dict(zip(derived, values, strict=True))
    for name in plan.model.random_effects:
        if name in individual and "subject" in individual[name].dims:
            first = individual[name].transpose("sample", "subject").values[:, 0]
            found[f"{name}[{individual['subject'].values[0]}]"] = first
    return found


def _base(name: str) -> str:
    return name.partition("[")[0]


def _draws_of(posterior: xr.Dataset, name: str) -> np.ndarray:
    values = posterior[_base(name)]
    if "[" in name:
        values = values.isel(subject=0)
    return values.transpose("chain", "draw").values.ravel()


def _ranked(truth: float, draws: np.ndarray, ranks: int, rng: np.random.Generator) -> dict[str, Any]:
    thinned = draws[np.linspace(0, draws.size - 1, min(ranks, draws.size)).round().astype(int)]
    ties = int((thinned == truth).sum())
    rank = int((thinned < truth).sum()) + (int(rng.integers(0, ties + 1)) if ties else 0)
    return {
        "truth": truth,
        "rank": rank,
        "mean": float(draws.mean()),
        "sd": float(draws.std(ddof=1)),
        "quantiles": [float(q) for q in np.quantile(draws, PROBABILITIES)],
    }


def _total(learnt: xr.DataTree) -> np.ndarray:
    """Log-likelihood of all observations at every draw."""
    terms = learnt["log_likelihood"].to_dataset()
    by_output = [terms[name].transpose("chain", "draw", ...).values.sum(axis=-1) for name in terms.data_vars]
    return np.sum(by_output, axis=0).ravel()


def _true_likelihood(plan: Plan, data: Dataset, simulation: Simulation, k: int) -> float:
    """Log-likelihood of the simulated observations at the true values."""
    from bayes_nlmem.learning.likelihood import pointwise

    translation = _refitter(plan).translation_of(data)
    groups = [simulation.draws["posterior"].to_dataset(), simulation.draws[GROUP].to_dataset()]
    both = {str(n): v for group in groups for n, v in group.data_vars.items() if not str(n).endswith("_obs")}
    true = xr.Dataset(both).isel(draw=[k])
    terms = pointwise(translation, true)
    return float(sum(float(terms[name].sum()) for name in terms.data_vars))


def _extreme(dataset: Mapping[Any, Any], which: Any) -> float | None:
    values = [float(v) for variable in dataset.values() for v in np.ravel(variable.values)]
    finite = [value for value in values if np.isfinite(value)]
    return round(which(finite), 4) if finite else None
