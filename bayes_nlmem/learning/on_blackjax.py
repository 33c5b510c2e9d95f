"""NUTS by BlackJAX, called directly: PyMC 6.4 hands it a keyword that BlackJAX 1.7 no longer takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from bayes_nlmem.marginal.compiled import named
from bayes_nlmem.translation.flat import Flat


def sample(
    graph: Any, starts: list[dict[str, np.ndarray]], *, draws: int, tune: int, target_accept: float, seed: int
) -> xr.DataTree:
    """Sample a graph with window adaptation, one chain after another.

    Parameters
    ----------
    graph : pm.Model
        The graph.
    starts : list of dict
        A starting point per chain, on the unconstrained scale.
    draws, tune : int
        Draws kept and warm-up draws per chain.
    target_accept : float
        Acceptance rate aimed at.
    seed : int
        Seed of the run.

    Returns
    -------
    xarray.DataTree
        Groups `posterior` and `sample_stats`.
    """
    import blackjax
    import jax
    import jax.numpy as jnp
    from pymc.sampling.jax import get_jaxified_logp

    jax.config.update("jax_enable_x64", True)
    flat = Flat(graph, tuple(graph.free_RVs))
    order = [value.name for value in graph.value_vars]
    log_density = get_jaxified_logp(graph)

    def run(key: Any, start: list[Any]) -> Any:
        warm, sampling = jax.random.split(key)
        adaptation = blackjax.window_adaptation(
            blackjax.nuts, log_density, target_acceptance_rate=target_accept
        )
        (state, parameters), _ = adaptation.run(warm, start, num_steps=tune)
        step = blackjax.nuts(log_density, **parameters).step

        def one(state: Any, key: Any) -> Any:
            state, info = step(key, state)
            return state, (state.position, info, parameters["step_size"])

        return jax.lax.scan(one, state, jax.random.split(sampling, draws))[1]

    chains = []
    for key, start in zip(jax.random.split(jax.random.key(seed), len(starts)), starts, strict=True):
        chains.append(jax.jit(run)(key, [jnp.asarray(start[name], float) for name in order]))
    points = np.stack([_flat_draws(flat, order, positions) for positions, _, _ in chains])
    stats = {
        "diverging": np.stack([np.asarray(info.is_divergent) for _, info, _ in chains]),
        "energy": np.stack([np.asarray(info.energy) for _, info, _ in chains]),
        "n_steps": np.stack([np.asarray(info.num_integration_steps) for _, info, _ in chains]),
        "acceptance_rate": np.stack([np.asarray(info.acceptance_rate) for _, info, _ in chains]),
        "step_size": np.stack([np.broadcast_to(np.asarray(size), draws) for _, _, size in chains]),
    }
    coords = {"chain": np.arange(len(chains)), "draw": np.arange(draws)}
    return xr.DataTree.from_dict(
        {
            "posterior": named(graph, xr.DataArray(points, dims=("chain", "draw", "element"))),
            "sample_stats": xr.Dataset({k: (("chain", "draw"), v) for k, v in stats.items()}, coords=coords),
        }
    )


def _flat_draws(flat: Flat, order: list[str], positions: list[Any]) -> np.ndarray:
    by_name = dict(zip(order, positions, strict=True))
    columns = [np.asarray(by_name[name]) for name in flat.values]
    return np.concatenate([column.reshape(len(column), -1) for column in columns], axis=1)
