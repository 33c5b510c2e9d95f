"""Pointwise log-likelihood at the posterior draws, from the graph's own likelihood."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
import xarray as xr
from pytensor.graph.replace import graph_replace, vectorize_graph
from pytensor.graph.traversal import ancestors

from bayes_nlmem.translation.endpoints import asked_predictions
from bayes_nlmem.translation.graph import Translation


def pointwise(translation: Translation, posterior: xr.Dataset) -> xr.Dataset:
    """Log p(y_ij | draws) of every observation.

    Only the last step of the graph is evaluated: the likelihood given the predictions and the residual
    parameters that the draws hold, for all draws at once.

    Returns
    -------
    xarray.Dataset
        One variable `{out}_obs` per output, dims (chain, draw, `{out}_row`). Where the likelihood is averaged
        over classes or missing categories, single observations have none: one variable `subject_obs`, dims
        (chain, draw, subject).
    """
    graph = translation.graph
    if "subject_log_likelihood" in graph.named_vars:
        of_subjects = posterior["subject_log_likelihood"]
        return xr.Dataset({"subject_obs": of_subjects.drop_attrs()})
    found = {}
    for output in translation.observed:
        rv = graph[f"{output}_obs"]
        term = pm.logp(rv, graph.rvs_to_values[rv])
        seen = {graph[f"{o}_obs"]: graph.rvs_to_values[graph[f"{o}_obs"]] for o in translation.observed}
        if others := {obs: value for obs, value in seen.items() if obs is not rv}:
            [term] = graph_replace([term], others, strict=False)  # nothing upstream is copied
        known = _known(graph, translation, term)
        inputs = {var: pt.TensorType("float64", (None, *var.type.shape))(var.name) for var in known}
        function = pytensor.function(
            list(inputs.values()),
            vectorize_graph(term, inputs),
            mode="FAST_COMPILE",
            on_unused_input="ignore",
        )
        stacked = posterior[[var.name for var in known]].stack(sample=("chain", "draw"))
        columns = [stacked[var.name].transpose("sample", ...).values for var in known]
        shape = (posterior.sizes["chain"], posterior.sizes["draw"], -1)
        dims = ("chain", "draw", f"{output}_row")
        found[f"{output}_obs"] = (dims, np.asarray(function(*columns)).reshape(shape))
    coords = {
        name: posterior[name] for name in ("chain", "draw", *(f"{o}_row" for o in translation.observed))
    }
    return xr.Dataset(found, coords=coords)


def _known(graph: pm.Model, translation: Translation, term: Any) -> list[Any]:
    """What the draws hold of that on which the likelihood depends directly: predictions, free variables."""
    asked = asked_predictions(translation.model, translation.data, translation.observed, likelihood=True)
    held = [*(graph[name] for name in asked), *graph.free_RVs]
    found = set(ancestors([term], blockers=held))
    return [variable for variable in held if variable in found]
