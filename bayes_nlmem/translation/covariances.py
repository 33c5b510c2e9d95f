"""Covariance matrices of random effects: standard deviations, correlations and their Cholesky factor.

Everything is written out entry by entry from independent variables, so that forward draws are right, absent
correlations cost nothing, and every value of the variables is a positive definite matrix.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayes_nlmem.ground.block_prior import Joint
from bayes_nlmem.ground.matrix_priors import InverseWishart, ScaledInverseWishart
from bayes_nlmem.ground.priors import LKJ
from bayes_nlmem.model.correlations import Correlated, elimination_order
from bayes_nlmem.model.levels import Level
from bayes_nlmem.translation.drawing import known_or_drawn
from bayes_nlmem.translation.triangular import TriangularShape

Rows = list[list[Any]]


@dataclass(frozen=True, eq=False)
class Covariance:
    """Covariance of the effects of one level.

    Parameters
    ----------
    deviations : mapping of str to float or TensorVariable
        Standard deviation of every effect.
    shape : TriangularShape
        Where the lower Cholesky factor has entries.
    entries : list
        These entries.
    """

    deviations: Mapping[str, Any]
    shape: TriangularShape
    entries: list[Any]


def draw_covariance(level: Level) -> Covariance:
    """Put the standard deviations and correlations of a level into the graph."""
    deviations: dict[str, Any] = {
        name: known_or_drawn(level.deviation(name), value)
        for name, value in level.deviations.items()
        if not isinstance(value, Joint)
    }
    blocks = [(block, level.members(block)) for block in level.blocks]
    lower: dict[tuple[int, int], Any] = {}
    position = {name: k for k, name in enumerate(level.names)}
    for block, members in blocks:
        rows = _block_factor(level, block, members, deviations)
        for a, one in enumerate(members):
            for b, other in enumerate(members[: a + 1]):
                if rows[a][b] is not None:
                    lower[position[one], position[other]] = rows[a][b]
    for name, k in position.items():
        lower.setdefault((k, k), deviations.get(name))
    shape = factor_shape(level)
    return Covariance(
        {name: deviations[name] for name in level.names}, shape, [lower[at] for at in shape.where]
    )


def factor_shape(level: Level) -> TriangularShape:
    """Where the Cholesky factor of a level has entries: on the diagonal and in the correlated blocks."""
    names = level.names
    where = {(k, k) for k in range(len(names))}
    for block in level.blocks:
        at = [names.index(name) for name in level.members(block)]
        pattern = _pattern([names[k] for k in at], block)
        where |= {(at[a], at[b]) for a, b in pattern}
    return TriangularShape(len(names), tuple(sorted(where)))


def _pattern(members: Sequence[str], block: Correlated) -> set[tuple[int, int]]:
    """Entries of the block's factor that are not zero, those that elimination fills in included."""
    n = len(members)
    found: set[tuple[int, int]] = set()
    for i in range(n):
        for j in range(i):
            linked = not block.apart(members[i], members[j])
            if linked or any((i, k) in found and (j, k) in found for k in range(j)):
                found.add((i, j))
        found.add((i, i))
    return found


def _block_factor(
    level: Level, block: Correlated, members: tuple[str, ...], deviations: dict[str, Any]
) -> Rows:
    """Lower factor of a block's covariance in the order of `members`; its quantities enter the graph."""
    if isinstance(block.prior, InverseWishart):
        rows = _inverse_wishart(level, members, _ordered(block, members, block.prior.scale), block.prior.df)
        return _named(level, members, rows, deviations)
    if isinstance(block.prior, ScaledInverseWishart):
        df = block.prior.settled(len(members))
        rows = _inverse_wishart(level, members, np.eye(len(members)), df)
        scale = known_or_drawn(level.latent("scaling", members), block.prior.scale, shape=len(members))
        scales = (
            [scale] * len(members) if isinstance(scale, float) else [scale[k] for k in range(len(members))]
        )
        rows = [[scales[a] * entry for entry in row] for a, row in enumerate(rows)]
        return _named(level, members, rows, deviations)
    matrix = block.correlation_matrix
    if matrix is not None:
        for name in members:
            if (known := block.known_deviation(name)) is not None:
                deviations[name] = known
        factor = np.linalg.cholesky(_ordered(block, members, matrix))
        pattern = factor.tolist()
    else:
        pattern = _lkj(level, block, members)
        _name_correlations(level, members, pattern, block)
    return [
        [None if entry is None else deviations[name] * entry for entry in row]
        for name, row in zip(members, pattern, strict=True)
    ]


def _ordered(block: Correlated, members: Sequence[str], matrix: Any) -> np.ndarray:
    """A matrix given in the order of the block's names, in the order of the effects."""
    order = [block.names.index(name) for name in members]
    return np.asarray(matrix, float)[np.ix_(order, order)]


# --- inverse-Wishart -----------------------------------------------------------------------------


def _inverse_wishart(level: Level, members: tuple[str, ...], scale: np.ndarray, df: float) -> Rows:
    """Factor C B^-T of Sigma ~ InverseWishart(df, C C'), B B' ~ Wishart(df, I) with B upper triangular.

    Bartlett 1933: independent entries, normal above the diagonal of B, roots of chi-squares on it.
    """
    n = len(members)
    degrees = df - n + 1.0 + np.arange(n)
    squares = pm.ChiSquared(level.latent("bartlett_squares", members), degrees, shape=n)
    normals = pm.Normal(level.latent("bartlett_normals", members), 0.0, 1.0, shape=comb(n, 2))
    at = {pair: k for k, pair in enumerate((i, j) for i in range(n) for j in range(i))}
    transposed = [
        [pt.sqrt(squares[i]) if i == j else normals[at[i, j]] for j in range(i + 1)] for i in range(n)
    ]
    inverse = _inverted(transposed)
    lower = np.linalg.cholesky(scale)
    return [
        [sum(lower[i, k] * inverse[k][j] for k in range(j, i + 1) if lower[i, k] != 0) for j in range(i + 1)]
        for i in range(n)
    ]


def _inverted(lower: Rows) -> Rows:
    """Inverse of a lower triangular matrix."""
    n = len(lower)
    inverse: Rows = [[0.0] * (i + 1) for i in range(n)]
    for j in range(n):
        inverse[j][j] = 1.0 / lower[j][j]
        for i in range(j + 1, n):
            inverse[i][j] = -sum(lower[i][k] * inverse[k][j] for k in range(j, i)) / lower[i][i]
    return inverse


def _named(level: Level, members: tuple[str, ...], rows: Rows, deviations: dict[str, Any]) -> Rows:
    """Standard deviations and correlations of a covariance factor, by name in the graph."""
    for name, row in zip(members, rows, strict=True):
        deviations[name] = pm.Deterministic(level.deviation(name), pt.sqrt(sum(entry**2 for entry in row)))
    for i, j in combinations(range(len(members)), 2):
        covariance = sum(rows[i][k] * rows[j][k] for k in range(i + 1))
        one, other = members[i], members[j]
        pm.Deterministic(level.correlation(one, other), covariance / (deviations[one] * deviations[other]))
    return rows


# --- LKJ -----------------------------------------------------------------------------------------


def _lkj(level: Level, block: Correlated, members: tuple[str, ...]) -> Rows:
    """Factor of a correlation matrix from canonical partial correlations, independent Betas under LKJ(eta).

    Lewandowski, Kurowicka & Joe 2009, doi:10.1016/j.jmva.2009.04.008: the partial correlation of variable i
    with j given the j first has exponent eta + (n - 2 - j)/2. With zeros the density restricted to them
    keeps this form, with the number of correlations that depend on the partial one in the exponent.
    """
    assert isinstance(block.prior, LKJ)
    order = elimination_order(members, block.zeros)
    assert order is not None  # checked when the block was stated
    n = len(order)
    free = [(i, j) for i in range(n) for j in range(i) if not block.apart(order[i], order[j])]
    # entries whose Jacobian or determinant holds 1 - partial^2
    held = [
        sum((i, m) in free for m in range(j + 1, i)) + sum((m, i) in free for m in range(i + 1, n))
        for i, j in free
    ]
    shape = np.array([block.prior.eta + count / 2 for count in held])
    draws = pm.Beta(level.latent("partial", members), shape, shape, shape=len(free))
    partial = {pair: 2.0 * draws[k] - 1.0 for k, pair in enumerate(free)}
    rows: Rows = []
    for i in range(n):
        row: list[Any] = []
        rest: Any = 1.0
        for j in range(i):
            if (i, j) in partial:
                row.append(partial[i, j] * pt.sqrt(rest))
                rest = rest * (1.0 - partial[i, j] ** 2)
            else:
                row.append(None)
        rows.append([*row, pt.sqrt(rest) if i else 1.0])
    return rows if order == tuple(members) else _reordered(rows, order, members, block)


def _reordered(rows: Rows, order: Sequence[str], members: Sequence[str], block: Correlated) -> Rows:
    """The factor of the same correlation matrix in another order."""
    at = [order.index(name) for name in members]
    n, pattern = len(members), _pattern(members, block)
    found: Rows = [[None] * (i + 1) for i in range(n)]
    for i in range(n):
        for j in range(i + 1):
            if (i, j) not in pattern:
                continue
            correlation = 1.0 if i == j else _inner(rows, at[i], at[j])
            known = [k for k in range(j) if (i, k) in pattern and (j, k) in pattern]
            rest = correlation - sum(found[i][k] * found[j][k] for k in known)
            found[i][j] = pt.sqrt(rest) if i == j else rest / found[j][j]
    return found


def _inner(rows: Rows, i: int, j: int) -> Any:
    """Correlation of two variables from the rows of the factor."""
    shared = range(min(i, j) + 1)
    terms = [rows[i][k] * rows[j][k] for k in shared if rows[i][k] is not None and rows[j][k] is not None]
    return sum(terms) if terms else 0.0


def _name_correlations(level: Level, members: Sequence[str], rows: Rows, block: Correlated) -> None:
    for i, j in combinations(range(len(members)), 2):
        if not block.apart(members[i], members[j]):
            correlation = pt.as_tensor(_inner(rows, i, j), dtype="float64")
            pm.Deterministic(level.correlation(members[i], members[j]), correlation)
