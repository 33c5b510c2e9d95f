"""What was learnt of one patient, by name: a tree of draws, and a table of modes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_nlmem.dosing.reweighting import Weighted
from bayes_nlmem.marginal.conditional import Conditional


def no_modes() -> pd.DataFrame:
    """The table of modes of a patient without observations."""
    return pd.DataFrame({"EFFECT": [], "OCCASION": [], "MAP": [], "SD": []})


def modes_table(conditional: Conditional, modes: Any) -> pd.DataFrame:
    """EFFECT, OCCASION, MAP and SD of every random effect of the patient."""
    spread = np.sqrt(np.einsum("ij,ij->i", modes.factor[0], modes.factor[0]))
    by_position = {int(p): k for k, p in enumerate(conditional.slots[0]) if p >= 0}
    rows, at = [], 0
    for rv, shape in zip(conditional.effects.variables, conditional.effects.shapes, strict=True):
        names = conditional.translation.model
        columns = names.random_effects if rv.name == "eta" else names.occasion_effects
        for group in range(shape[0]):
            for name in range(shape[1]):
                slot = by_position[at]
                label = columns[name] if name < len(columns) else f"{rv.name} {name + 1}"
                occasion = None if rv.name == "eta" else group + 1
                rows.append((label, occasion, modes.table[0, slot], spread[slot]))
                at += 1
    return pd.DataFrame(rows, columns=["EFFECT", "OCCASION", "MAP", "SD"])


def tree_of(
    conditional: Conditional,
    weighted: Weighted,
    chosen: np.ndarray,
    points: np.ndarray,
    posterior: xr.Dataset | None,
    thinned: xr.Dataset | None,
) -> xr.DataTree:
    """The chosen draws by name: the population's from its own fit, the patient's from the graph."""
    graph = conditional.graph
    variables: dict[str, Any] = {}
    if thinned is not None:
        own = {"subject", "occasion", "interval", *(d for d in thinned.dims if str(d).endswith("_row"))}
        for name, values in thinned.data_vars.items():
            if not own & set(values.dims):
                kept = tuple(d for d in values.dims if d != "sample")
                picked = values.transpose("sample", ...).values[weighted.point[chosen]]
                variables[str(name)] = (("chain", "draw", *kept), picked[None])
    effects = weighted.effects[chosen]
    at = 0
    for rv, shape in zip(conditional.effects.variables, conditional.effects.shapes, strict=True):
        size = int(np.prod(shape))
        dims = graph.named_vars_to_dims[rv.name]
        variables[rv.name] = (
            ("chain", "draw", *dims),
            effects[None, :, at : at + size].reshape(1, -1, *shape),
        )
        at += size
    at_draws = np.concatenate([points[weighted.point[chosen]], effects], axis=1)
    for name, drawn in conditional.individuals_of(at_draws).items():
        variables[name] = (("chain", "draw", *graph.named_vars_to_dims[name]), drawn[None])
    used = {dim for dims, _ in variables.values() for dim in dims}
    coords: dict[str, Any] = {dim: np.asarray(v) for dim, v in graph.coords.items() if dim in used}
    if posterior is not None:
        rest = [d for d in used if d in posterior.coords and d not in coords]
        coords |= {d: posterior.coords[d].values for d in rest if d not in ("chain", "draw")}
    coords |= {"chain": [0], "draw": np.arange(len(chosen))}
    return xr.DataTree.from_dict({"posterior": xr.Dataset(variables, coords=coords)})
