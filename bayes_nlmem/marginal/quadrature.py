"""Adaptive Gauss-Hermite quadrature: the exact answer where a subject has few random effects."""

from __future__ import annotations

from functools import lru_cache
from itertools import product

import numpy as np

from bayes_nlmem.ground.messages import FitError, explain
from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.marginal.ebe import CONVERGED, NOT_FINITE, Modes
from bayes_nlmem.marginal.integral import Integral

_NODES = (3, 5, 7, 9, 11, 15, 19, 25, 33, 45, 61, 91, 121)
_LEAST_NODES = 5


def quadrature(
    conditional: Conditional,
    modes: Modes,
    *,
    tolerance: float = 0.01,
    most: int = 20_000,
    nodes: int | None = None,
) -> Integral:
    """Integrate the effects out over a grid that is centred and scaled by every subject's own curvature.

    The number of nodes per effect grows until the total of -2 log p(y_i) changes by less than `tolerance`.

    Parameters
    ----------
    conditional : Conditional
        The model's functions.
    modes : Modes
        Centre and scale of the grids.
    tolerance : float
        Change of the total -2LL that counts as none.
    most : int
        Largest number of nodes per subject in one grid.
    nodes : int, optional
        A fixed number of nodes per effect: no search, no error.

    Returns
    -------
    Integral
        `error` is each subject's last change.

    Raises
    ------
    FitError
        Too many effects per subject for a grid of `most` nodes.

    References
    ----------
    Pinheiro & Bates 1995, doi:10.1080/10618600.1995.10474663
    """
    n, width = conditional.slots.shape
    if nodes is not None:
        return _on_grid(conditional, modes, nodes)
    counts = affordable(width, most)
    if len(counts) < 2:
        raise FitError(
            explain(
                expected=f"few enough random effects per subject for {_LEAST_NODES} nodes each",
                got=f"{width} effects, {_LEAST_NODES**width} nodes, more than {most}",
                remedy="Use method='importance', whose price does not grow so fast.",
            )
        )
    before = _on_grid(conditional, modes, counts[0])
    change = np.full(n, np.inf)
    for count in counts[1:]:
        found = _on_grid(conditional, modes, count)
        change = np.abs(found.log_likelihood - before.log_likelihood)
        before = found
        if 2 * np.nansum(change) < tolerance:
            break
    share = max(tolerance / (2 * n), 1e-12)
    settled = (2 * np.nansum(change) < tolerance) | (change < share)
    status = np.select(
        [~np.isfinite(before.log_likelihood), ~settled], [NOT_FINITE, "more nodes needed"], CONVERGED
    )
    return Integral(before.log_likelihood, change, status.astype(str), before.effort, before.mean, before.sd)


def grid(modes: Modes, slots: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Places and log-weights with which sums over the grid stand for integrals over the effects.

    Returns
    -------
    places : ndarray, shape (n_nodes, n_subjects, n_slots)
    log_weights : ndarray, shape (n_nodes, n_subjects)
        The integral of g is the sum of exp(log_weight) g(place); absent slots integrate to 1.
    """
    width = slots.shape[1]
    abscissae, weights = _rule(count)
    # The weight function exp(-x^2) is divided out; abscissae are scaled to a standard normal.
    each = np.log(weights) + abscissae**2 + 0.5 * np.log(2.0)
    index = np.array(list(product(range(count), repeat=width)), dtype=int).reshape(-1, width)
    z = np.sqrt(2.0) * abscissae[index]
    absent = slots < 0
    places = modes.table + np.einsum("sij,kj->ksi", modes.factor, z)
    scale = np.log(np.einsum("nii->ni", modes.factor)).sum(axis=1)
    empty = -0.5 * (z**2 + np.log(2 * np.pi)) @ absent.T
    return np.where(absent, 0.0, places), each[index].sum(axis=1)[:, None] + scale + empty


@lru_cache
def _rule(count: int) -> tuple[np.ndarray, np.ndarray]:
    return np.polynomial.hermite.hermgauss(count)


def affordable(width: int, most: int) -> list[int]:
    """Numbers of nodes per effect whose grids have at most `most` nodes."""
    return [count for count in _NODES if count**width <= most]


def _on_grid(conditional: Conditional, modes: Modes, count: int) -> Integral:
    n, width = conditional.slots.shape
    places, log_weights = grid(modes, conditional.slots, count)
    of_effects, of_data = conditional.densities_at(modes.theta, places)
    terms = (of_effects + of_data + log_weights).T
    terms = np.where(np.isfinite(terms), terms, -np.inf)
    top = terms.max(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = np.exp(terms - top)
        total = shares.sum(axis=1)
        value = top[:, 0] + np.log(total)
        shares = shares / total[:, None]
    mean = np.einsum("nk,kns->ns", shares, places)
    variance = np.einsum("nk,kns->ns", shares, (places - mean) ** 2)
    status = np.where(np.isfinite(value), CONVERGED, NOT_FINITE)
    value = np.where(np.isfinite(value), value, np.nan)
    return Integral(value, np.full(n, np.nan), status, count**width, mean, np.sqrt(variance))
