"""Sampling into a run's folder: from the start, or from where an earlier process was cut off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from bayes_nlmem.learning.on_nutpie import nutpie
from bayes_nlmem.learning.run_folder import RunFolder, join_parts

Run = Callable[..., Any]


def sample_into(
    folder: RunFolder, compiled: Any, run: Run, *, draws: int, chains: int, seed: int
) -> xr.DataTree:
    """Make the draws that are missing in a folder, and return all it has.

    Parameters
    ----------
    folder : RunFolder
        Where the draws go, in parts.
    compiled : nutpie model
        From `for_nutpie`.
    run : callable
        `nutpie.sample` with everything but draws, seed and store.
    draws, chains : int
        How many draws of how many chains there are to be in the end.
    seed : int
        Seed of the run; every part has its own.
    """
    zarr_store = nutpie().zarr_store

    before = join_parts(folder.part_paths, draws)
    missing, lasts = draws, {}
    if before is not None:
        points = before["posterior"].to_dataset()["unconstrained"].values
        done = np.isfinite(points).all(axis=2).sum(axis=1)
        missing = draws - int(done.min())
        lasts = {c: points[c, n - 1] for c, n in enumerate(done) if n}
    if missing:
        number = len(folder.part_paths)
        seed = int(np.random.SeedSequence([seed, number]).generate_state(1)[0]) if number else seed
        if lasts:
            compiled = _from_lasts(compiled, lasts, run, chains, seed)
        run(compiled, draws=missing, seed=seed, zarr_store=zarr_store.LocalStore(str(folder.new_part())))
    joined = join_parts(folder.part_paths, draws)
    return _nothing(compiled, chains) if joined is None else joined


def _from_lasts(compiled: Any, lasts: dict[int, np.ndarray], run: Run, chains: int, seed: int) -> Any:
    """The model with every chain beginning at its last draw.

    The sampler asks for a starting point with a seed that belongs to the chain, in any order; a first
    short run, one chain after the other, tells which seed is whose.
    """
    seeds: list[int] = []
    start = compiled.initial_point_func

    def listen(own: int) -> np.ndarray:
        seeds.append(int(own))
        return start(own)

    run(
        replace(compiled, initial_point_func=listen),
        draws=2 * chains,
        tune=1,
        cores=1,
        seed=seed,
        progress_bar=False,
    )
    chain = {own: c for c, own in enumerate(dict.fromkeys(seeds))}

    def go_on(own: int) -> np.ndarray:
        last = lasts.get(chain[int(own)])
        return start(own) if last is None else last.copy()

    return replace(compiled, initial_point_func=go_on)


def _nothing(compiled: Any, chains: int) -> xr.DataTree:
    """As many chains without a finished draw."""
    points = np.full((chains, 1, compiled.n_dim), np.nan)
    dims = ("chain", "draw", "unconstrained_parameter")
    return xr.DataTree.from_dict(
        {"posterior": xr.Dataset({"unconstrained": (dims, points)}), "sample_stats": xr.Dataset()}
    )
