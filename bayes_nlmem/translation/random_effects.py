"""The second layer: standard deviations, correlations, and the random effects themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayes_nlmem.ground.priors import LKJ
from bayes_nlmem.model.specification import Correlated, Model
from bayes_nlmem.translation.drawing import known_or_drawn
from bayes_nlmem.translation.geometry import NonCentredMvNormal, NonCentredNormal


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
    matrix: object

    def column(self, name: str):
        """The effects on one parameter, shape (n_groups,)."""
        return self.matrix[:, self.names.index(name)]


def draw_subject_effects(model: Model, geometry: str) -> Effects:
    """Draw `eta[subject, parameter]` with its standard deviations `omega_*` and correlations `corr_*`."""
    names = tuple(name for name, parameter in model.parameters.items() if parameter.iiv is not None)
    if not names:
        return Effects((), None)
    deviations = [known_or_drawn(f"omega_{name}", model.parameters[name].iiv) for name in names]
    return _draw("eta", names, deviations, model.correlated, ("subject", "parameter"), geometry)


def draw_occasion_effects(model: Model, geometry: str) -> Effects:
    """Draw `kappa[occasion, parameter_iov]` with its standard deviations `gamma_*`."""
    names = tuple(name for name, parameter in model.parameters.items() if parameter.iov is not None)
    if not names:
        return Effects((), None)
    deviations = [known_or_drawn(f"gamma_{name}", model.parameters[name].iov) for name in names]
    return _draw("kappa", names, deviations, (), ("occasion", "parameter_iov"), geometry)


def _draw(name, names, deviations, blocks, dims, geometry) -> Effects:
    standard_deviation = pt.stack([pt.as_tensor(sd, dtype="float64") for sd in deviations])
    if not blocks:
        transform = NonCentredNormal() if geometry == "noncentred" else None
        matrix = pm.Normal(name, 0.0, standard_deviation, dims=dims, default_transform=transform)
        return Effects(names, matrix)
    factor = standard_deviation[:, None] * _correlation_factor(names, blocks)
    transform = NonCentredMvNormal() if geometry == "noncentred" else None
    mean = np.zeros(len(names))
    matrix = pm.MvNormal(name, mean, chol=factor, dims=dims, default_transform=transform)
    return Effects(names, matrix)


def _correlation_factor(names: tuple[str, ...], blocks: tuple[Correlated, ...]):
    """Lower Cholesky factor of the correlation matrix, block by block, identity elsewhere."""
    n = len(names)
    entries: list[list[object]] = [[1.0 if i == j else 0.0 for j in range(n)] for i in range(n)]
    for block in blocks:
        members = [names.index(member) for member in sorted(block.names, key=names.index)]
        partial = _partial_correlations([names[k] for k in members], block)
        rows = _factor_from_partial(partial, len(members))
        for i, row in zip(members, rows, strict=True):
            for j, entry in zip(members, row, strict=True):
                entries[i][j] = entry
        _name_correlations(rows, [names[k] for k in members])
    return pt.stack([pt.stack([pt.as_tensor(e, dtype="float64") for e in row]) for row in entries])


def _partial_correlations(names: list[str], block: Correlated):
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


def _factor_from_partial(partial, n: int) -> list[list[object]]:
    rows: list[list[object]] = [[1.0] + [0.0] * (n - 1)]
    position = 0
    for i in range(1, n):
        row: list[object] = []
        rest = pt.constant(1.0)
        for _ in range(i):
            row.append(partial[position] * pt.sqrt(rest))
            rest = rest * (1.0 - partial[position] ** 2)
            position += 1
        rows.append([*row, pt.sqrt(rest), *[0.0] * (n - 1 - i)])
    return rows


def _name_correlations(rows, names: list[str]) -> None:
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
