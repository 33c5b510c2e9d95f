"""The samplers: each takes a translated model, starting points and settings, and returns draws."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pymc as pm
import pytensor
import xarray as xr
from threadpoolctl import threadpool_limits

from bayes_nlmem.ground.messages import FitError, explain
from bayes_nlmem.learning.ahead import Ahead
from bayes_nlmem.learning.continuing import sample_into
from bayes_nlmem.learning.moves import Moves
from bayes_nlmem.learning.on_nutpie import for_nutpie, nutpie
from bayes_nlmem.learning.run_folder import RunFolder
from bayes_nlmem.learning.starts import Starts
from bayes_nlmem.marginal.compiled import Compiled, compile_density, named, population_of
from bayes_nlmem.translation.change import Change
from bayes_nlmem.translation.graph import Translation

# Shorter warm-ups are not divided.
_SHORTEST = 40
# Largest depth of a trajectory's tree while the coordinates are learnt.
_EARLY_DEPTH = 8

# The draws and the seconds of every stage.
Sampled = tuple[xr.DataTree, dict[str, float]]


@dataclass(frozen=True)
class Settings:
    """What every sampler needs to know."""

    draws: int
    tune: int
    chains: int
    cores: int
    seed: int
    target_accept: float
    progress: bool
    folder: RunFolder | None = None
    keep: str = "all"
    ahead: Ahead | None = None


def sample_nutpie(translation: Translation, starts: Starts, settings: Settings) -> Sampled:
    """NUTS by nutpie (Rust), with the graph compiled by numba; chains run in threads without the GIL.

    The first half of the warm-up learns the coordinates of the population, the second half and the draws
    move in them. An interrupt (Ctrl-C, stop button) returns the draws that all chains have.
    """
    began = time.perf_counter()
    say(settings.progress, "compiling the log-density (kept on disk for the next run)")
    moves = Moves(starts)
    if settings.ahead is not None:
        settings.ahead.wait()
    density = compile_density(translation.graph, moves.change)
    ready = time.perf_counter()
    say(settings.progress, f"sampling {settings.chains} chains")
    options = {
        "chains": settings.chains,
        "cores": settings.cores,
        "target_accept": settings.target_accept,
        "progress_bar": settings.progress,
        "save_warmup": False,
    }

    def run(model: Any, **more: Any) -> Any:
        return nutpie().sample(model, **{**options, **more})

    with threadpool_limits(1):
        tune, start = first_part(moves, density, run, settings)
        compiled = for_nutpie(density, start)
        if settings.folder is None:
            sampled = run(compiled, draws=settings.draws, tune=tune, seed=settings.seed)
        else:
            sampled = sample_into(
                settings.folder,
                compiled,
                partial(run, tune=tune),
                draws=settings.draws,
                chains=settings.chains,
                seed=settings.seed,
            )
    done = time.perf_counter()
    groups = expanded(translation, sampled, moves.change, settings)
    stages = {"compile": ready - began, "sample": done - ready, "expand": time.perf_counter() - done}
    return xr.DataTree.from_dict(groups), stages


def first_part(
    moves: Moves, density: Compiled, run: Callable[..., Any], settings: Settings
) -> tuple[int, Callable[[int], np.ndarray]]:
    """Learn the coordinates, or take them from the run's folder.

    Parameters
    ----------
    moves, density : Moves, Compiled
        The coordinates, and the log-density in them.
    run : callable
        `nutpie.sample` with everything but the length of a run.
    settings : Settings
        Of the whole run.

    Returns
    -------
    int
        What is left of the warm-up.
    callable
        Starting point of a chain from its seed.
    """
    folder, tune = settings.folder, settings.tune // 2

    def around_fit(seed: int) -> np.ndarray:
        return moves.start(density.flat, seed)

    known = folder.coordinates() if folder is not None else None
    if known is not None:
        moves.use(known)
        density.data.refresh()
        return settings.tune - tune, around_fit
    begun_before = folder is not None and folder.part_paths  # in straight coordinates
    if begun_before or settings.tune < _SHORTEST:
        return settings.tune, around_fit
    begun = for_nutpie(density, around_fit)
    few = settings.chains  # of the draws after this part, which are not used; fewer would be warned of
    first = run(begun, draws=few, tune=tune, seed=settings.seed, save_warmup=True, maxdepth=_EARLY_DEPTH)
    draws = first["warmup_posterior"].to_dataset()["unconstrained"].values
    if draws.shape[1] < tune or not np.all(np.isfinite(draws)):
        raise _nothing_kept()
    pool = moves.learn(draws, density)
    if pool is None:  # again from the fit, with a whole warm-up
        return settings.tune, around_fit
    if folder is not None:
        folder.keep_laplace(moves.starts.fit)
        folder.keep_coordinates(moves.coordinates)
    return settings.tune - tune, lambda seed: pool[np.random.default_rng(seed).integers(len(pool))].copy()


def expanded(
    translation: Translation, sampled: xr.DataTree, change: Change | None, settings: Settings
) -> dict[str, xr.Dataset]:
    """The finished ones of the unconstrained draws that were asked for, as values of the graph."""
    sampled = _complete(sampled, settings.draws)
    points = sampled["posterior"].to_dataset()["unconstrained"]
    wanted = population_of(translation.graph) if settings.keep == "population" else None
    if settings.ahead is not None:
        settings.ahead.wait()
    posterior = named(translation.graph, points, change, wanted)
    return {"posterior": posterior, "sample_stats": sampled["sample_stats"].to_dataset()}


def sample_pymc(translation: Translation, starts: Starts, settings: Settings) -> Sampled:
    """NUTS by PyMC itself, chains in processes."""
    options = {"init": "adapt_diag", "target_accept": settings.target_accept, "cores": settings.cores}
    return _by_pymc("pymc", translation, starts, settings, **options)


def sample_numpyro(translation: Translation, starts: Starts, settings: Settings) -> Sampled:
    """NUTS by NumPyro on JAX; needs the extra `jax`."""
    _require_jax("numpyro")
    options = {"target_accept": settings.target_accept, "jitter": False, "chain_method": "sequential"}
    return _by_pymc("numpyro", translation, starts, settings, nuts=options)


def sample_blackjax(translation: Translation, starts: Starts, settings: Settings) -> Sampled:
    """NUTS by BlackJAX on JAX; needs the extra `jax`."""
    _require_jax("blackjax")
    from bayes_nlmem.learning.on_blackjax import sample

    began = time.perf_counter()
    seeds = np.random.SeedSequence(settings.seed).generate_state(settings.chains)
    points = [starts.draw(int(seed)) for seed in seeds]
    sampled = sample(
        translation.graph,
        points,
        draws=settings.draws,
        tune=settings.tune,
        target_accept=settings.target_accept,
        seed=settings.seed,
    )
    return sampled, {"compile and sample": time.perf_counter() - began}


SAMPLERS = {
    "nutpie": sample_nutpie,
    "pymc": sample_pymc,
    "numpyro": sample_numpyro,
    "blackjax": sample_blackjax,
}


def say(progress: bool, stage: str) -> None:
    """Tell on the error stream which stage begins, if progress is to be shown."""
    if progress:
        print(f"bayes_nlmem: {stage} ...", file=sys.stderr, flush=True)


def _by_pymc(
    name: str, translation: Translation, starts: Starts, settings: Settings, **options: Any
) -> Sampled:
    began = time.perf_counter()
    with translation.graph, threadpool_limits(1):
        sampled = pm.sample(
            draws=settings.draws,
            tune=settings.tune,
            chains=settings.chains,
            random_seed=settings.seed,
            nuts_sampler=name,
            initvals=_constrained(translation, starts, settings),
            progressbar=settings.progress,
            quiet=not settings.progress,
            compute_convergence_checks=False,
            **options,
        )
    return sampled, {"compile and sample": time.perf_counter() - began}


def _require_jax(name: str) -> None:
    from importlib.util import find_spec

    missing = [package for package in ("jax", name) if find_spec(package) is None]
    if missing:
        raise FitError(
            explain(
                expected=f"{' and '.join(missing)} for sampler={name!r}",
                got="not installed",
                remedy='pip install "bayes-nlmem[jax]", or use sampler="nutpie".',
            )
        )
    import bayes_nlmem.engine.on_jax  # noqa: F401  (registers the kernels)


def _constrained(translation: Translation, starts: Starts, settings: Settings) -> list[dict[str, np.ndarray]]:
    """Starting points on the scale of the model, one per chain."""
    graph = translation.graph
    outputs = _backward(graph)
    function = pytensor.function(
        [graph.rvs_to_values[rv] for rv in graph.free_RVs],
        outputs,
        mode="FAST_COMPILE",
        on_unused_input="ignore",
    )
    points = []
    for seed in np.random.SeedSequence(settings.seed).generate_state(settings.chains):
        start = starts.draw(int(seed))
        values = function(*[start[graph.rvs_to_values[rv].name] for rv in graph.free_RVs])
        points.append({rv.name: value for rv, value in zip(graph.free_RVs, values, strict=True)})
    return points


def _backward(graph: pm.Model) -> list[Any]:
    by_name = {var.name: var for var in graph.unobserved_value_vars}
    return [by_name[rv.name] for rv in graph.free_RVs]


def _complete(sampled: xr.DataTree, asked: int) -> xr.DataTree:
    """Keep what an interrupt left finished: unfinished draws come back as NaN.

    Chains must be equally long, so those are kept that together hold the most draws.
    """
    points = sampled["posterior"].to_dataset()["unconstrained"].values
    finished = np.all(np.isfinite(points), axis=2).sum(axis=1)
    longest_first = np.argsort(-finished, kind="stable")
    held = finished[longest_first] * np.arange(1, len(finished) + 1)
    chains = np.sort(longest_first[: int(np.argmax(held)) + 1])
    draws = int(finished[chains].min())
    if draws == asked and len(chains) == len(finished):
        return sampled
    if draws == 0:
        raise _nothing_kept()
    warnings.warn(
        f"Interrupted: {draws} draws of {len(chains)} chains are kept, {asked} draws of "
        f"{len(finished)} chains were asked for.",
        stacklevel=2,
    )
    kept = {
        name: node.to_dataset()
        .isel(chain=chains, draw=slice(draws))
        .assign_coords(chain=np.arange(len(chains)))
        for name, node in sampled.children.items()
    }
    return xr.DataTree.from_dict(kept)


def _nothing_kept() -> FitError:
    return FitError(
        explain(
            expected="at least one draw after warm-up",
            got="none: the run was interrupted during warm-up",
            remedy="Let it run longer.",
        )
    )
