"""The second layer: standard deviations, correlations, and the random effects themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayes_nlmem.ground.priors import LKJ, Prior
from bayes_nlmem.model.specification import Correlated, Model
from bayes_nlmem.translation.drawing import known_or_drawn
from bayes_nlmem.translation.geometry import NonCentredNormal, NonCentredTriangular
from bayes_nlmem.translation.triangular import TriangularShape


@dataclass(frozen=True, eq=False)
class Effects:
    """Random effects of one level: a matrix (groups x names) in the graph.

    Parameters
    ----------
    names : tuple of str
        The parameters that vary, in the order of the columns.
    matrix : TensorVariable or None, shape (n_groups, n_names)
        `eta` or `kappa`; None if nothing varies at this level.
    """

    names: tuple[str, ...]
    matrix: Any

    def column(self, name: str) -> Any:
        """The effects on one parameter, shape (n_groups,)."""
        return self.matrix[:, self.names.index(name)]


def draw_subject_effects(model: Model, geometry: str) -> Effects:
    """Draw `eta[subject, parameter]` with its standard deviations `omega_*` and correlations `corr_*`."""
    names = tuple(name for name, parameter in model.parameters.items() if parameter.iiv is not None)
    if not names:
        return Effects((), None)
    deviations = [_deviation("omega", name, model.parameters[name].iiv) for name in names]
    return _draw("eta", names, deviations, model.correlated, ("subject", "parameter"), geometry)


def draw_occasion_effects(model: Model, geometry: str) -> Effects:
    """Draw `kappa[occasion, parameter_iov]` with its standard deviations `gamma_*`."""
    names = tuple(name for name, parameter in model.parameters.items() if parameter.iov is not None)
    if not names:
        return Effects((), None)
    deviations = [_deviation("gamma", name, model.parameters[name].iov) for name in names]
    return _draw("kappa", names, deviations, (), ("occasion", "parameter_iov"), geometry)


def _deviation(kind: str, name: str, value: float | Prior | None) -> Any:
    assert value is not None
    return known_or_drawn(f"{kind}_{name}", value)


def _draw(
    name: str,
    names: tuple[str, ...],
    deviations: list[Any],
    blocks: Sequence[Correlated],
    dims: tuple[str, str],
    geometry: str,
) -> Effects:
    noncentred = geometry == "noncentred"
    if not blocks:
        standard_deviation = pt.stack([pt.as_tensor(sd, dtype="float64") for sd in deviations])
        transform = NonCentredNormal() if noncentred else None
        matrix = pm.Normal(name, 0.0, standard_deviation, dims=dims, default_transform=transform)
        return Effects(names, matrix)
    rows = _correlation_factor(names, blocks)
    shape = factor_shape(names, blocks)
    factor = [pt.as_tensor(deviations[i] * rows[i][j], dtype="float64") for i, j in shape.where]
    matrix = pm.CustomDist(
        name,
        *factor,
        logp=shape.logp,
        dist=shape.draw,
        signature=f"{','.join(['()'] * len(factor))}->({len(names)})",
        dims=dims,
        default_transform=NonCentredTriangular(shape) if noncentred else None,
    )
    return Effects(names, matrix)


def factor_shape(names: tuple[str, ...], blocks: Sequence[Correlated]) -> TriangularShape:
    """Where the factor of the effects' covariance has entries: the diagonal and the correlated blocks."""
    together = [set(block.names) for block in blocks]
    where = tuple(
        (i, j)
        for i in range(len(names))
        for j in range(i + 1)
        if i == j or any({names[i], names[j]} <= block for block in together)
    )
    return TriangularShape(len(names), where)


def _correlation_factor(names: tuple[str, ...], blocks: Sequence[Correlated]) -> list[list[Any]]:
    """Lower Cholesky factor of the correlation matrix, None where it is zero."""
    n = len(names)
    entries: list[list[Any]] = [[1.0 if i == j else None for j in range(n)] for i in range(n)]
    for block in blocks:
        members = [names.index(member) for member in sorted(block.names, key=names.index)]
        partial = _partial_correlations([names[k] for k in members], block)
        rows = _factor_from_partial(partial, len(members))
        for a, i in enumerate(members):
            for b, j in enumerate(members[: a + 1]):
                entries[i][j] = rows[a][b]
        _name_correlations(rows, [names[k] for k in members])
    return entries


def _partial_correlations(names: list[str], block: Correlated) -> list[Any]:
    """Canonical partial correlations, independent Betas on (-1, 1) under LKJ(eta).

    Lewandowski, Kurowicka & Joe 2009, doi:10.1016/j.jmva.2009.04.008: the partial correlation of
    variable i with j given the j first has exponent eta + (n - 2 - j)/2.
    """
    n = len(names)
    if not isinstance(block.prior, LKJ):
        return [float(block.prior)]
    shape = np.array([block.prior.eta + (n - 2 - j) / 2 for i in range(1, n) for j in range(i)])
    label = "partial_" + "_".join(names)
    draws = pm.Beta(label, shape, shape, shape=comb(n, 2))
    return [2.0 * draws[k] - 1.0 for k in range(comb(n, 2))]


def _factor_from_partial(partial: list[Any], n: int) -> list[list[Any]]:
    rows: list[list[Any]] = [[1.0]]
    position = 0
    for i in range(1, n):
        row: list[Any] = []
        rest: Any = 1.0
        for _ in range(i):
            row.append(partial[position] * pt.sqrt(rest))
            rest = rest * (1.0 - partial[position] ** 2)
            position += 1
        rows.append([*row, pt.sqrt(rest)])
    return rows


def _name_correlations(rows: list[list[Any]], names: list[str]) -> None:
    for i, j in combinations(range(len(names)), 2):
        correlation = sum(rows[i][k] * rows[j][k] for k in range(i + 1))
        pm.Deterministic(f"corr_{names[i]}_{names[j]}", pt.as_tensor(correlation, dtype="float64"))


def coordinates(model: Model) -> Mapping[str, list[str]]:
    """Coordinates `parameter` and `parameter_iov` of the random effects."""
    found = {
        "parameter": [name for name, p in model.parameters.items() if p.iiv is not None],
        "parameter_iov": [name for name, p in model.parameters.items() if p.iov is not None],
    }
    return {dim: names for dim, names in found.items() if names}
