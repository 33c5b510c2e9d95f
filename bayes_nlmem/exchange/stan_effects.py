"""Random effects of subjects and occasions in a program of Stan: non-centred, correlated in blocks."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_nlmem.model.levels import SUBJECT, Level


def standard(level: Level) -> str:
    """Name of the matrix of standard normals of a level."""
    return "z" if level.name == SUBJECT else "z_iov"


def size(level: Level) -> str:
    """Name of the number of subjects or occasions."""
    return "n_subjects" if level.name == SUBJECT else "n_occasions"


def factor(level: Level, block: Any) -> str:
    """Name of the Cholesky factor of a block of correlations."""
    return level.latent("L", level.members(block))


def pairs(level: Level, block: Any) -> list[str]:
    """Names of the correlations of a block."""
    names = level.members(block)
    return [level.correlation(a, b) for k, a in enumerate(names) for b in names[k + 1 :]]


def known_factor(level: Level, block: Any) -> list[str]:
    """The Cholesky factor of known correlations, as numbers."""
    order = [block.names.index(name) for name in level.members(block)]
    matrix = np.asarray(block.correlation_matrix, float)[np.ix_(order, order)]
    rows = ", ".join(f"[{', '.join(map(repr, row))}]" for row in np.linalg.cholesky(matrix).tolist())
    n = len(order)
    return [f"matrix[{n}, {n}] {factor(level, block)} = [{rows}];"]


def effects(level: Level) -> list[str]:
    """The random effects: columns of standard normals, correlated and scaled."""
    if not level.names:
        return []
    matrix, z = level.effects, standard(level)
    lines = [f"matrix[{size(level)}, {len(level.names)}] {matrix};"]
    blocked = {name for block in level.blocks for name in block.names}
    for k, name in enumerate(level.names, 1):
        if name not in blocked:
            lines.append(f"{matrix}[, {k}] = {level.deviation(name)} * {z}[, {k}];")
    for block in level.blocks:
        names = level.members(block)
        at = "{" + ", ".join(str(level.names.index(name) + 1) for name in names) + "}"
        sds = ", ".join(level.deviation(name) for name in names)
        scaled = f"diag_pre_multiply([{sds}]', {factor(level, block)})"
        lines.append(f"{matrix}[, {at}] = {z}[, {at}] * {scaled}';")
    return lines


def correlations(level: Level) -> list[str]:
    """The correlations of the blocks whose factors are drawn."""
    lines = []
    for block in level.blocks:
        if not block.known:
            names = level.members(block)
            for i, one in enumerate(names, 1):
                for j, other in enumerate(names[i:], i + 1):
                    lower = factor(level, block)
                    name = level.correlation(one, other)
                    lines.append(f"real {name} = dot_product({lower}[{i}], {lower}[{j}]);")
    return lines
