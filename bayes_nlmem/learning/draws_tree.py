"""The groups of a learnt result's draws: what was learnt, what it says of the data, and the data."""

from __future__ import annotations

import numpy as np
import xarray as xr

from bayes_nlmem.learning.likelihood import pointwise
from bayes_nlmem.learning.prior_density import prior_density
from bayes_nlmem.translation.graph import Translation


def draws_tree(translation: Translation, sampled: xr.DataTree) -> xr.DataTree:
    """The draws without sampler-internal variables, with the pointwise log-likelihood and the data."""
    graph = translation.graph
    public = [var.name for var in [*graph.free_RVs, *graph.deterministics]]
    posterior = sampled["posterior"].to_dataset()
    posterior = posterior[[name for name in public if name in posterior]]
    groups = {
        "posterior": posterior,
        "sample_stats": sampled["sample_stats"].to_dataset(),
        "log_prior": prior_density(translation, posterior),
        "observed_data": _observed(translation),
        "constant_data": _constant(translation),
    }
    if all(name in posterior for name in translation.observed):  # else only the population was kept
        groups["log_likelihood"] = pointwise(translation, posterior)
    for name in ("warmup_posterior", "warmup_sample_stats"):
        if name in sampled.children:
            groups[name] = sampled[name].to_dataset()
    return xr.DataTree.from_dict(groups)


def _observed(translation: Translation) -> xr.Dataset:
    return xr.Dataset(
        {
            f"{output}_obs": (f"{output}_row", seen.value, {"description": "DV"})
            for output, seen in translation.observed.items()
        },
        coords={f"{output}_row": seen.record + 1 for output, seen in translation.observed.items()},
    )


def _constant(translation: Translation) -> xr.Dataset:
    table, layout = translation.data.table, translation.layout
    variables: dict[str, object] = {}
    for output, seen in translation.observed.items():
        rows = table.iloc[seen.record]
        variables[f"{output}_time"] = (f"{output}_row", rows["TIME"].to_numpy(float))
        variables[f"{output}_subject"] = (f"{output}_row", rows["ID"].to_numpy())
        variables[f"{output}_censored"] = (f"{output}_row", rows["CENS"].to_numpy(int))
    for name, values in layout.subject_covariates.items():
        values = np.asarray(values)
        if values.dtype == object:
            values = np.array(["" if value is None else str(value) for value in values])
        variables[name] = ("subject", values)
    coords = {f"{output}_row": seen.record + 1 for output, seen in translation.observed.items()}
    return xr.Dataset(variables, coords={**coords, "subject": layout.subjects})
