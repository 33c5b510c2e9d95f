"""The kernels under JAX, so that NumPyro and BlackJAX can sample the same graph on the processor.

JAX calls the numba kernel back and contracts its sensitivities itself. Importing this module registers the
Ops with PyTensor's JAX backend; it needs the extra `jax`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from pytensor.link.jax.dispatch import jax_funcify

from bayes_nlmem.engine.op import Contract, LinearWalk


def differentiable(solve: Callable[..., tuple[np.ndarray, ...]]) -> Callable[..., Any]:
    """A JAX function of (phi, tables) from a kernel that returns (answers, sensitivities, status).

    Parameters
    ----------
    solve : callable
        Takes numpy arrays phi (n_rows, P), floats, ints, subjects, sensitivities, requests, pairs.

    Returns
    -------
    callable
        With the same arguments and results; its derivative with respect to phi contracts the sensitivities.
    """

    def call(phi: Any, *tables: Any) -> Any:
        shapes = (
            jax.ShapeDtypeStruct((tables[4].shape[0],), jnp.float64),
            jax.ShapeDtypeStruct((tables[5].shape[0], phi.shape[1]), jnp.float64),
            jax.ShapeDtypeStruct((tables[2].shape[0],), jnp.int64),
        )
        return jax.pure_callback(_on_arrays(solve), shapes, phi, *tables, vmap_method="sequential")

    @jax.custom_vjp
    def walk(phi: Any, *tables: Any) -> Any:
        return call(phi, *tables)

    def forward(phi: Any, *tables: Any) -> Any:
        found = call(phi, *tables)
        return found, (found[1], tables, phi.shape)

    def backward(kept: Any, cotangents: Any) -> Any:
        sens, tables, shape = kept
        pairs = tables[5]
        slope = cotangents[0][pairs[:, 0]][:, None] * sens
        gradient = jnp.zeros(shape).at[pairs[:, 1]].add(slope)
        return (gradient, *(None for _ in tables))

    walk.defvjp(forward, backward)
    return walk


def _on_arrays(solve: Callable[..., tuple[np.ndarray, ...]]) -> Callable[..., tuple[np.ndarray, ...]]:
    def on_arrays(*arrays: Any) -> tuple[np.ndarray, ...]:
        return solve(*(np.ascontiguousarray(array) for array in arrays))

    return on_arrays


@jax_funcify.register(LinearWalk)
def _(op: LinearWalk, **kwargs: Any) -> Callable[..., Any]:
    from bayes_nlmem.engine.kernel import run_walk

    def solve(phi, floats, ints, subjects, sensitivities, requests, pairs):
        return run_walk(
            phi,
            floats,
            ints,
            subjects,
            sensitivities,
            requests,
            len(pairs),
            n=op.n,
            depot=op.depot,
            sensitive=True,
        )

    return differentiable(solve)


@jax_funcify.register(Contract)
def _(op: Contract, **kwargs: Any) -> Callable[..., Any]:
    def contract(g, sens, pairs, n_rows):
        return jnp.zeros((n_rows, sens.shape[1])).at[pairs[:, 1]].add(g[pairs[:, 0]][:, None] * sens)

    return contract
