"""Log-density of the priors at the draws, for power-scaling and bridge-like uses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
import xarray as xr
from pytensor.graph.replace import vectorize_graph

from bayes_nlmem.translation.graph import Translation


def prior_density(translation: Translation, posterior: xr.Dataset) -> xr.Dataset:
    """Log p(theta | prior) of every unknown of the population at the draws, on its own scale.

    The random effects are not among them: their law, given the population, is part of the model, and
    power-scaling it would change the model rather than what was believed of it.

    Returns
    -------
    xarray.Dataset
        One variable per free variable of the population, dims (chain, draw).
    """
    graph = translation.graph
    population = [rv for rv in graph.free_RVs if not graph.named_vars_to_dims.get(rv.name)]
    population = [rv for rv in population if rv.name in posterior]
    if not population:
        return xr.Dataset()
    stacked = posterior[[rv.name for rv in population]].stack(sample=("chain", "draw"))
    inputs: dict[Any, Any] = {
        rv: pt.TensorType("float64", (None, *rv.type.shape))(rv.name) for rv in population
    }
    # a value per variable, since the law of one may depend on another
    terms = []
    for rv in population:
        value = rv.type(f"{rv.name}_value")
        terms.append(vectorize_graph(pm.logp(rv, value), {**inputs, value: inputs[rv]}))
    function = pytensor.function(list(inputs.values()), terms, mode="FAST_COMPILE", on_unused_input="ignore")
    columns = [stacked[rv.name].transpose("sample", ...).values for rv in population]
    shape = (posterior.sizes["chain"], posterior.sizes["draw"])
    found = {}
    for rv, term in zip(population, function(*columns), strict=True):
        flat = np.asarray(term).reshape(shape[0] * shape[1], -1).sum(axis=1)
        found[rv.name] = (("chain", "draw"), flat.reshape(shape))
    return xr.Dataset(found, coords={name: posterior[name] for name in ("chain", "draw")})
