"""Population parameters of a simulation: posterior draws, known values, or draws of their priors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pymc as pm
import xarray as xr

from bayes_nlmem.ground.messages import ModelError, closest, explain
from bayes_nlmem.ground.prior import Prior
from bayes_nlmem.model.levels import levels_of
from bayes_nlmem.model.quantities import quantities
from bayes_nlmem.simulation.evaluation import evaluate
from bayes_nlmem.translation.graph import Translation

Columns = dict[str, np.ndarray]


def effects_in(graph: pm.Model) -> list[Any]:
    """Random variables of single subjects, occasions or other groups; all others are the population's."""

    def of_single_ones(rv: Any) -> bool:
        dims = graph.named_vars_to_dims.get(rv.name) or ()
        return any(dim in ("subject", "occasion") or dim.endswith("_subject") for dim in dims)

    return [rv for rv in graph.free_RVs if rv.name.startswith(("eta", "kappa")) or of_single_ones(rv)]


def population_in(graph: pm.Model) -> list[Any]:
    """Free random variables that do not belong to single subjects, occasions or other groups."""
    effects = {rv.name for rv in effects_in(graph)}
    return [rv for rv in graph.free_RVs if rv.name not in effects]


def chosen_draws(posterior: xr.Dataset, draws: int) -> xr.Dataset:
    """As many draws as asked for, evenly spaced over all chains; again from the first where there are fewer.

    Returns
    -------
    Dataset
        With one dimension `sample`.
    """
    stacked = posterior.stack(sample=("chain", "draw"))
    total = stacked.sizes["sample"]
    if draws <= total:
        return stacked.isel(sample=np.linspace(0, total - 1, draws).round().astype(int))
    return stacked.isel(sample=np.arange(draws) % total)


def centre(posterior: xr.Dataset, draws: int) -> xr.Dataset:
    """The posterior medians, repeated."""
    median = posterior.stack(sample=("chain", "draw")).median("sample")
    return median.expand_dims(sample=draws)


def columns_of(drawn: xr.Dataset, names: list[str]) -> Columns:
    """Arrays with the draws in front, of the named variables."""
    return {name: drawn[name].transpose("sample", ...).values for name in names}


def known_population(
    translation: Translation, values: Mapping[str, Any] | None, draws: int, seed: int
) -> Columns:
    """Known values of population parameters, draws of the priors of the others.

    Parameters
    ----------
    translation : Translation
        The graph.
    values : mapping or None
        Name in the graph -> number, or one number per draw. Correlations by their name `corr_{p}_{q}`.
    draws, seed : int
        Number of draws and seed of the priors' draws.

    Raises
    ------
    ModelError
        A name that is not an unknown of the model (with those that are), a wrong number of values, or
        correlations that no covariance matrix has.
    """
    graph = translation.graph
    free = population_in(graph)
    values = dict(values or {})
    correlations = {name: values.pop(name) for name in list(values) if _is_correlation(graph, name)}
    names = [rv.name for rv in free]
    if unknown := [name for name in values if name not in names]:
        shown = [name for name in names if not name.startswith("partial_")] + _correlation_names(graph)
        residual = [q for q in quantities(translation.model) if q.block == "residual"]
        idle = [q.name for q in residual if q.name in unknown and isinstance(q.value, Prior)]
        if idle:
            raise ModelError(
                explain(
                    expected="values of parameters that what is simulated depends on",
                    got=f"{', '.join(idle)}, of a residual error that is left out",
                    remedy="Leave them out, or simulate with residual_error=True.",
                )
            )
        typical = f"{unknown[0]}_pop"
        meant = f"Did you mean {typical!r}?" if typical in shown else closest(unknown[0], shown)
        raise ModelError(
            explain(
                expected=f"unknown population parameters of the model ({', '.join(shown)})",
                got=", ".join(map(repr, unknown)),
                remedy=meant or "What the model knows cannot be given again.",
            )
        )
    given = {name: _repeated(name, value, graph[name].ndim, draws) for name, value in values.items()}
    given |= _partial(translation, correlations, draws)
    rest = [rv for rv in free if rv.name not in given]
    drawn = evaluate(graph, rest, given, draws, seed)
    return given | {rv.name: value for rv, value in zip(rest, drawn, strict=True)}


def _repeated(name: str, value: Any, ndim: int, draws: int) -> np.ndarray:
    array = np.asarray(value, float)
    if array.ndim == ndim:
        return np.repeat(array[None], draws, axis=0)
    if array.ndim == ndim + 1 and len(array) == draws:
        return array
    raise ModelError(
        explain(
            expected=f"{name}: a number, or {draws} (one per draw)",
            got=f"an array of shape {array.shape}",
        )
    )


def _correlation_names(graph: pm.Model) -> list[str]:
    return [name for name in graph.named_vars if name.startswith("corr_")]


def _is_correlation(graph: pm.Model, name: str) -> bool:
    return name in _correlation_names(graph) and name not in {rv.name for rv in graph.free_RVs}


def _partial(translation: Translation, correlations: dict[str, Any], draws: int) -> Columns:
    """Correlations in the coordinates that the graph draws: Betas of canonical partial correlations."""
    graph, found = translation.graph, {}
    left = dict(correlations)
    model = translation.model
    blocks = [(level, level.members(block)) for level in levels_of(model) for block in level.blocks]
    for level, names in blocks:
        label = level.latent("partial", names)
        if label not in graph.named_vars:
            continue
        pairs = [(i, j) for i in range(len(names)) for j in range(i)]
        called = {(i, j): level.correlation(names[j], names[i]) for i, j in pairs}
        wanted = {pair: left.pop(name, None) for pair, name in called.items()}
        if all(value is None for value in wanted.values()):
            continue
        if missing := [called[pair] for pair, value in wanted.items() if value is None]:
            raise ModelError(explain(expected="all correlations of a block", got=f"no {', '.join(missing)}"))
        matrix = np.eye(len(names))
        for (i, j), value in wanted.items():
            matrix[i, j] = matrix[j, i] = float(value)
        found[label] = np.repeat((_canonical_partial(matrix, list(names))[None] + 1) / 2, draws, axis=0)
    for pair in model.correlated_residuals:
        label, name = f"partial_{pair.first}_{pair.second}", f"corr_{pair.first}_{pair.second}"
        if label in graph.named_vars and name in left:
            found[label] = np.full(draws, (float(left.pop(name)) + 1) / 2)
    if left:
        raise ModelError(
            explain(
                expected="correlations with an LKJ prior",
                got=", ".join(left),
                remedy="Write them as known numbers into the model, or leave them to their prior.",
            )
        )
    return found


def _canonical_partial(correlation: np.ndarray, names: list[str]) -> np.ndarray:
    """Row by row: correlation of i and j given the members before j."""
    try:
        factor = np.linalg.cholesky(correlation)
    except np.linalg.LinAlgError:
        raise ModelError(
            explain(
                expected=f"correlations of {', '.join(names)} that a covariance matrix can have",
                got="a matrix that is not positive definite",
            )
        ) from None
    n = len(correlation)
    rest = [np.sqrt(1 - np.concatenate([[0.0], np.cumsum(factor[i, :-1] ** 2)])) for i in range(n)]
    return np.array([factor[i, j] / rest[i][j] for i in range(n) for j in range(i)])
