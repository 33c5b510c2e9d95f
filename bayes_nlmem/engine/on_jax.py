"""The kernels under JAX, so that NumPyro and BlackJAX can sample the same graph.

The linear kernels are array code there (`jax_walk`), which JAX differentiates and compiles for any device,
where the tables of the plan are constants, as they are when PyMC hands a graph to a sampler. JAX calls the
numba kernel back on the processor and contracts its sensitivities itself for equations, where the tables are
inputs of the compiled function, where PyTensor took the gradient, and where the sums over doses would be too
long (`MOST_VISITS`). Importing this module registers the Ops with PyTensor's JAX backend; it needs the extra
`jax`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from pytensor.link.jax.dispatch import jax_funcify

from bayes_nlmem.engine.jax_walk import plan_arrays, walk_arrays
from bayes_nlmem.engine.op import Contract, LinearWalk

# Arrivals (pairs of a dose and a later record) beyond which the numba kernel is called back: it follows the
# records once, while the arrays hold a dozen numbers for each arrival.
MOST_VISITS = 1_000_000


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

    called_back = differentiable(solve)
    laid_out: dict[str, Any] = {}

    def walk(phi, *tables):
        if op.sensitive or any(isinstance(table, jax.core.Tracer) for table in tables):
            return called_back(phi, *tables)
        if not (laid_out and all(map(_same, laid_out["tables"], tables))):
            laid_out.update(tables=tables, plan=plan_arrays(*(np.asarray(table) for table in tables)))
        plan = laid_out["plan"]
        if plan.schedule.n_visits > MOST_VISITS:
            return called_back(phi, *tables)

        def otherwise(phi):
            answer, _, status = called_back(phi, *tables)
            return answer, status

        answer, status = walk_arrays(phi, plan, n=op.n, depot=op.depot, otherwise=otherwise)
        return answer, jnp.zeros((0, phi.shape[1])), status

    return walk


def _same(one: Any, other: Any) -> bool:
    return one is other


@jax_funcify.register(Contract)
def _(op: Contract, **kwargs: Any) -> Callable[..., Any]:
    def contract(g, sens, pairs, n_rows):
        return jnp.zeros((n_rows, sens.shape[1])).at[pairs[:, 1]].add(g[pairs[:, 0]][:, None] * sens)

    return contract
