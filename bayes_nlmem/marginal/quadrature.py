"""Adaptive Gauss-Hermite quadrature: the exact answer where a subject has few random effects."""

from __future__ import annotations

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

    References
    ----------
    Pinheiro & Bates 1995, doi:10.1080/10618600.1995.10474663
    """
    n, width = conditional.slots.shape
    if nodes is not None:
        return _on_grid(conditional, modes, nodes)
    affordable = [count for count in _NODES if count**width <= most]
    if len(affordable) < 2:
        raise FitError(
            explain(
                expected=f"few enough random effects per subject for {_LEAST_NODES} nodes each",
                got=f"{width} effects, {_LEAST_NODES**width} nodes, more than {most}",
                remedy="Use method='importance', whose price does not grow so fast.",
            )
        )
    before = _on_grid(conditional, modes, affordable[0])
    change = np.full(n, np.inf)
    for count in affordable[1:]:
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


def _on_grid(conditional: Conditional, modes: Modes, count: int) -> Integral:
    n, width = conditional.slots.shape
    abscissae, weights = np.polynomial.hermite.hermgauss(count)
    # The weight function exp(-x^2) is divided out; abscissae are scaled to a standard normal.
    log_weights = np.log(weights) + abscissae**2 + 0.5 * np.log(2.0)
    absent = conditional.slots < 0
    log_terms, places = [], []
    for index in product(range(count), repeat=width):
        z = np.sqrt(2.0) * abscissae[list(index)]
        place = modes.table + modes.factor @ z
        place = np.where(absent, 0.0, place)
        of_effects, of_data = conditional.densities(modes.theta, conditional.scatter(place))
        empty = -0.5 * (absent * (z**2 + np.log(2 * np.pi))).sum(axis=1)
        log_terms.append(of_effects + of_data + empty + log_weights[list(index)].sum())
        places.append(place)
    terms = np.array(log_terms).T
    terms = np.where(np.isfinite(terms), terms, -np.inf)
    top = terms.max(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        shares = np.exp(terms - top)
        total = shares.sum(axis=1)
        scale = np.log(np.abs(np.einsum("nii->ni", modes.factor))).sum(axis=1)
        value = top[:, 0] + np.log(total) + scale
        shares = shares / total[:, None]
    grid = np.array(places)  # (nodes, subjects, slots)
    mean = np.einsum("nk,kns->ns", shares, grid)
    variance = np.einsum("nk,kns->ns", shares, (grid - mean) ** 2)
    status = np.where(np.isfinite(value), CONVERGED, NOT_FINITE)
    value = np.where(np.isfinite(value), value, np.nan)
    return Integral(value, np.full(n, np.nan), status, count**width, mean, np.sqrt(variance))
