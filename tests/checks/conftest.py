"""A stand-in for a learnt result: draws from the prior of a model, so that nothing is sampled."""

from types import SimpleNamespace

import numpy as np
import pymc as pm
import pytest
import xarray as xr

import bayes_nlmem as bn


@pytest.fixture
def learnt():
    """Make a learnt result of a model and data whose draws are from the prior."""

    def make(model, data, draws=20, seed=1):
        graph = bn.build(model, data, geometry="centred")
        with graph:
            names = [v.name for v in (*graph.free_RVs, *graph.deterministics)]
            variables = [graph[name] for name in names]
            values = pm.draw(variables, draws=draws, random_seed=seed, mode="FAST_COMPILE")
        found = {}
        for name, value in zip(names, values, strict=True):
            dims = graph.named_vars_to_dims.get(name) or [f"{name}_dim_{k}" for k in range(value.ndim - 1)]
            found[name] = (("chain", "draw", *dims), value[None])
        dims = {dim for of, _ in found.values() for dim in of}
        coords = {dim: np.asarray(values) for dim, values in graph.coords.items() if dim in dims}
        tree = xr.DataTree.from_dict({"posterior": xr.Dataset(found, coords=coords)})
        return SimpleNamespace(model=model, data=data, draws=tree, record=None, edit=None)

    return make
