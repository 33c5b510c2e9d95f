"""Progress of a linear compartment system as array code for JAX, exact and with exact derivatives.

With K the matrix of the system (``x' = -K x``; depot last) everything here is a function of the dimensionless
matrix K t: the flow ``exp(-K t)``, its mean over ``[0, t]`` and the steady state ``(1 - exp(-K t))^-1``. They
are computed in the modes of the disposition (see `modes`); their derivatives are divided differences over
the modes, so coinciding rates (KA = k) are no singularity. Arrays carry the batch last: states (n + depot,
B), parameters (2 n - 1 + depot, B).
"""

from __future__ import annotations

from functools import partial
from math import factorial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bayes_nlmem.engine.exponentials import CLOSE
from bayes_nlmem.engine.modes import ONE_WAY

_SWEEPS = 12
_TERMS = 10


class Modes(NamedTuple):
    """Rates (n, B) of the disposition, `into` (n, n, B) modes from amounts, `back` amounts from modes."""

    rates: Any
    into: Any
    back: Any


@jax.jit
def divided(*nodes: Any) -> Any:
    """Divided difference of ``x -> exp(-x)`` at one to four nodes, up to sign (positive)."""
    ordered = _sorted([jnp.asarray(x) for x in nodes])
    return _divided(ordered, [jnp.exp(-x) for x in ordered])


def _sorted(nodes: list[Any]) -> list[Any]:
    nodes = list(nodes)
    for end in range(len(nodes) - 1, 0, -1):
        for i in range(end):
            low, high = jnp.minimum(nodes[i], nodes[i + 1]), jnp.maximum(nodes[i], nodes[i + 1])
            nodes[i], nodes[i + 1] = low, high
    return nodes


def _divided(nodes: list[Any], values: list[Any]) -> Any:
    """Recursion for far, series in complete homogeneous symmetric polynomials for close sorted nodes."""
    order = len(nodes) - 1
    if order == 0:
        return values[0]
    spread = nodes[-1] - nodes[0]
    far = spread > CLOSE
    lower = _divided(nodes[:-1], values[:-1]) - _divided(nodes[1:], values[1:])
    recursion = lower / jnp.where(far, spread, 1.0)
    near = [jnp.where(far, 0.0, node - nodes[0]) for node in nodes[1:]]
    powers = [jnp.ones_like(spread)] * order
    total = powers[0] / factorial(order)
    for k in range(1, _TERMS):
        sum_below = jnp.zeros_like(spread)
        for i, node in enumerate(near):  # powers[i]: complete homogeneous polynomial in the first i + 1 nodes
            powers[i] = node * powers[i] + sum_below
            sum_below = powers[i]
        total = total + (-1) ** k * sum_below / factorial(order + k)
    return jnp.where(far, recursion, values[0] * total)


def system(parameters: Any, n: int) -> list[list[Any]]:
    """K of the disposition, entry by entry, from k10, k12, k21, k13, k31."""
    zero = jnp.zeros_like(parameters[0])
    k = [[zero for _ in range(n)] for _ in range(n)]
    k[0][0] = parameters[0]
    for i in range(1, n):
        out, back = parameters[2 * i - 1], parameters[2 * i]
        k[0][0] = k[0][0] + out
        k[i][0], k[0][i], k[i][i] = -out, -back, back
    return k


def find_modes(parameters: Any, n: int) -> Modes:
    """Modes of the disposition for each parameter row, by Jacobi rotations of the symmetrised matrix."""
    one = jnp.ones_like(parameters[0])
    if n == 1:
        return Modes(parameters[:1], one[None, None], one[None, None])
    zero = jnp.zeros_like(one)
    outs, backs = [], []
    for i in range(1, n):
        out, back = parameters[2 * i - 1], parameters[2 * i]
        outs.append(jnp.maximum(out, ONE_WAY * back))
        backs.append(jnp.maximum(back, ONE_WAY * out))
    s = [[zero for _ in range(n)] for _ in range(n)]
    vectors = [[one if i == j else zero for j in range(n)] for i in range(n)]
    s[0][0], determinant = parameters[0], parameters[0]
    for i in range(1, n):
        s[0][0] = s[0][0] + outs[i - 1]
        s[i][i] = backs[i - 1]
        s[0][i] = s[i][0] = -_root(outs[i - 1] * backs[i - 1])
        determinant = determinant * backs[i - 1]
    if n == 2:
        s, vectors = _rotate(s, vectors, 0, 1)
    else:
        s, vectors = jax.lax.fori_loop(0, _SWEEPS, _sweep, (s, vectors))
    rates = jnp.stack([s[j][j] for j in range(n)])
    # The slowest rate from the determinant: exact to the last digits even when elimination is slow.
    slowest = jnp.arange(n)[:, None] == jnp.argmin(rates, axis=0)
    others = jnp.prod(jnp.where(slowest, 1.0, rates), axis=0)
    exact = determinant / jnp.where(others > 0.0, others, 1.0)
    rates = jnp.where(slowest & (others > 0.0), exact, rates)
    roots = [one]
    for out, back in zip(outs, backs, strict=True):
        roots.append(jnp.where(out > 0.0, _root(back / jnp.where(out > 0.0, out, 1.0)), 1.0))
    into = jnp.stack([jnp.stack([vectors[c][j] * roots[c] for c in range(n)]) for j in range(n)])
    back = jnp.stack([jnp.stack([vectors[c][j] / roots[c] for j in range(n)]) for c in range(n)])
    return Modes(rates, into, back)


def _root(x: Any) -> Any:
    return jnp.where(x > 0.0, jnp.sqrt(jnp.where(x > 0.0, x, 1.0)), 0.0)


def _sweep(_: Any, both: Any) -> Any:
    s, vectors = both
    for p, q in ((0, 1), (0, 2), (1, 2)):
        s, vectors = _rotate(s, vectors, p, q)
    return s, vectors


def _rotate(s: Any, vectors: Any, p: int, q: int) -> Any:
    """One Jacobi rotation that makes s[p][q] zero."""
    n = len(s)
    s, vectors = [list(row) for row in s], [list(row) for row in vectors]
    b = s[p][q]
    there = b != 0.0
    tau = (s[q][q] - s[p][p]) / (2.0 * jnp.where(there, b, 1.0))
    size = jnp.where(jnp.abs(tau) < 1e150, jnp.abs(tau), 1e150)
    t = jnp.where(tau < 0.0, -1.0, 1.0) / (size + jnp.sqrt(1.0 + size * size))
    t = jnp.where(there, t, 0.0)
    cosine = 1.0 / jnp.sqrt(1.0 + t * t)
    sine = t * cosine
    s[p][p], s[q][q] = s[p][p] - t * b, s[q][q] + t * b
    s[p][q] = s[q][p] = jnp.zeros_like(b)
    for k in range(n):
        if k not in (p, q):
            x, y = s[k][p], s[k][q]
            s[k][p] = s[p][k] = cosine * x - sine * y
            s[k][q] = s[q][k] = sine * x + cosine * y
        x, y = vectors[k][p], vectors[k][q]
        vectors[k][p], vectors[k][q] = cosine * x - sine * y, sine * x + cosine * y
    return s, vectors


def flow(mean: bool, parameters: Any, modes: Modes, time: Any, state: Any) -> Any:
    """State after `time` without input, or its mean over that time.

    Parameters
    ----------
    mean : bool
        Whether the mean is wanted: a constant input u for a time t leaves t times the mean flow of u.
    parameters : array (2 n - 1 + depot, B)
        Kinetic parameters; `modes` are theirs.
    modes : Modes
    time : array (B,)
    state : array (n + depot, B)
    """
    return _flow(mean, parameters * time, modes._replace(rates=modes.rates * time), state)


def periodic(parameters: Any, modes: Modes, interval: Any, cycle: Any) -> Any:
    """Steady state x of ``x = exp(-K II) x + cycle``; what nothing entered stays 0."""
    return _periodic(parameters * interval, modes._replace(rates=modes.rates * interval), cycle)


def constant(parameters: Any, comp: Any, rate: Any, n: int, depot: bool) -> Any:
    """State under an input that has flown at `rate` into compartments `comp` for ever."""
    central = rate / parameters[0]
    amounts = [central]
    for i in range(1, n):
        into = parameters[2 * i - 1] * central + jnp.where(comp == i, rate, 0.0)
        amounts.append(into / parameters[2 * i])
    if depot:
        into = comp == n
        ka = parameters[2 * n - 1]
        amounts.append(jnp.where(into, rate / jnp.where(into, ka, 1.0), 0.0))
    return jnp.stack(amounts)


# The functions below take parameters and rates times the time. Their derivatives follow the parameters
# alone: the modes are functions of them, and their own derivatives would be singular where rates coincide.


def _weight(mean: bool, *nodes: Any) -> Any:
    return divided(jnp.zeros_like(nodes[0]), *nodes) if mean else divided(*nodes)


def _times(matrix: Any, vector: Any) -> Any:
    return (matrix * vector[None]).sum(axis=1)


def _linear(mean: bool, parameters: Any, modes: Modes, state: Any) -> Any:
    n = len(modes.rates)
    modal = _times(modes.into, state[:n]) * _weight(mean, modes.rates)
    if len(state) == n:
        return _times(modes.back, modal)
    ka, amount = parameters[-1], state[n]
    slow = jnp.broadcast_to(ka, modes.rates.shape)
    modal = modal + ka * amount * modes.into[:, 0] * _weight(mean, modes.rates, slow)
    return jnp.concatenate([_times(modes.back, modal), (amount * _weight(mean, ka))[None]])


def _forced(mean: bool, parameters: Any, modes: Modes, state: Any, change: Any) -> Any:
    """Derivative of the flow of a fixed state in the direction `change` of the parameters."""
    n = len(modes.rates)
    depot = len(state) > n
    rates, into, back = modes
    seen = _times(into, state[:n])
    k = system(change, n)
    turned = jnp.zeros_like(into)
    for a in range(n):
        for b in range(n):
            turned = turned + into[:, a][:, None] * back[b][None, :] * k[a][b]
    if depot:
        ka, amount = parameters[-1], state[n]
    first, second = np.triu_indices(n)
    both = _weight(mean, rates[first], rates[second])
    seen_by = np.zeros((n, n), int)
    seen_by[first, second] = seen_by[second, first] = np.arange(len(first))
    felt = seen[None] * both[seen_by]
    if depot:
        slow = jnp.broadcast_to(ka, both.shape)
        three = ka * amount * _weight(mean, rates[first], rates[second], slow)
        felt = felt + into[:, 0][None] * three[seen_by]
    modal = -(turned * felt).sum(axis=1)
    if not depot:
        return _times(back, modal)
    slow = jnp.broadcast_to(ka, rates.shape)
    gain = _weight(mean, rates, slow) - ka * _weight(mean, rates, slow, slow)
    modal = modal + change[-1] * amount * into[:, 0] * gain
    lost = -change[-1] * amount * _weight(mean, ka, ka)
    return jnp.concatenate([_times(back, modal), lost[None]])


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _flow(mean: bool, parameters: Any, modes: Modes, state: Any) -> Any:
    return _linear(mean, parameters, modes, state)


@_flow.defjvp
def _(mean: bool, primals: tuple, tangents: tuple) -> tuple[Any, Any]:
    parameters, modes, state = primals
    change, _, moved = tangents
    slope = _linear(mean, parameters, modes, moved) + _forced(mean, parameters, modes, state, change)
    return _linear(mean, parameters, modes, state), slope


def _closed(parameters: Any, modes: Modes, cycle: Any, over: Any) -> Any:
    n = len(modes.rates)
    modal = _times(modes.into, cycle[:n])
    if len(cycle) > n:
        ka = parameters[-1]
        depot = over(cycle[n], -jnp.expm1(-ka))
        slow = jnp.broadcast_to(ka, modes.rates.shape)
        modal = modal + ka * depot * modes.into[:, 0] * divided(modes.rates, slow)
    amounts = _times(modes.back, over(modal, -jnp.expm1(-modes.rates)))
    return jnp.concatenate([amounts, depot[None]]) if len(cycle) > n else amounts


def _over(content: Any, lost: Any) -> Any:
    """`content / lost`, and nothing from nothing."""
    empty = (content == 0.0) & (lost == 0.0)
    return content / jnp.where(empty, 1.0, lost)


def _change_over(content: Any, lost: Any) -> Any:
    """Linear in `content`: a place that loses nothing has a steady state only if nothing ever enters."""
    return content * jnp.where(lost == 0.0, 0.0, 1.0 / jnp.where(lost == 0.0, 1.0, lost))


@jax.custom_jvp
def _periodic(parameters: Any, modes: Modes, cycle: Any) -> Any:
    return _closed(parameters, modes, cycle, _over)


@_periodic.defjvp
def _(primals: tuple, tangents: tuple) -> tuple[Any, Any]:
    parameters, modes, cycle = primals
    change, _, moved = tangents
    steady = _closed(parameters, modes, cycle, _over)
    more = moved + _forced(False, parameters, modes, steady, change)
    return steady, _closed(parameters, modes, more, _change_over)
