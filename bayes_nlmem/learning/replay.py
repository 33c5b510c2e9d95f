"""Evaluate the graph for posterior draws: on the study itself, on a dense grid, or without random effects."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytensor
import xarray as xr
from pytensor.graph.replace import clone_replace

from bayes_nlmem.translation.graph import Translation


def replay(
    translation: Translation,
    posterior: xr.Dataset,
    names: Sequence[str],
    *,
    typical: bool = False,
    mode: str = "FAST_COMPILE",
) -> dict[str, np.ndarray]:
    """Values of named quantities of the graph at every draw of its free variables.

    Parameters
    ----------
    translation : Translation
        A graph with the same population and the same subjects as the one that was sampled; its records
        may differ.
    posterior : xarray.Dataset
        The draws, dims (chain, draw, ...) or (sample, ...).
    names : sequence of str
        Names in the graph.
    typical : bool
        Set all random effects to zero (population predictions).
    mode : str
        PyTensor mode.

    Returns
    -------
    dict of str to ndarray, shape (n_draws, ...)
    """
    graph = translation.graph
    inputs = [rv.clone() for rv in graph.free_RVs]
    outputs = clone_replace([graph[name] for name in names], dict(zip(graph.free_RVs, inputs, strict=True)))
    function = pytensor.function(inputs, outputs, mode=mode, on_unused_input="ignore")
    draws = posterior if "sample" in posterior.dims else posterior.stack(sample=("chain", "draw"))
    columns = []
    for rv in graph.free_RVs:
        values = np.moveaxis(draws[rv.name].values, draws[rv.name].dims.index("sample"), 0)
        is_effect = rv.name in ("eta", "eta_by_class", "kappa")
        columns.append(np.zeros_like(values) if typical and is_effect else values)
    results = [function(*point) for point in zip(*columns, strict=True)]
    return {name: np.stack([result[k] for result in results]) for k, name in enumerate(names)}


def thin(posterior: xr.Dataset, count: int) -> xr.Dataset:
    """At most `count` draws, evenly spaced over all chains, with one dimension `sample`."""
    stacked = posterior.stack(sample=("chain", "draw"))
    total = stacked.sizes["sample"]
    if total <= count:
        return stacked
    return stacked.isel(sample=np.linspace(0, total - 1, count).round().astype(int))
