"""Normal effects with a triangular factor, written out entry by entry.

There are few effects per subject and many subjects, so plain elementwise arithmetic on whole columns beats
the general linear algebra of a multivariate normal: it compiles in seconds instead of minutes, and absent
correlations cost nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt


@dataclass(frozen=True)
class TriangularShape:
    """Which entries of a lower triangular factor there are.

    Parameters
    ----------
    n : int
        Number of effects.
    where : tuple of (int, int)
        Row and column of every entry that is not zero; a factor is given as the sequence of these entries.
    """

    n: int
    where: tuple[tuple[int, int], ...]

    def repeated(self, times: int) -> TriangularShape:
        """Several independent copies, one after the other."""
        copies = range(0, times * self.n, self.n)
        return TriangularShape(times * self.n, tuple((i + k, j + k) for k in copies for i, j in self.where))

    def entries(self, factor: Sequence[Any]) -> dict[tuple[int, int], Any]:
        """The entries by row and column."""
        return dict(zip(self.where, factor, strict=True))

    def times(self, factor: Sequence[Any], u: Any) -> Any:
        """Effects L u from their standardised form, shape (..., n)."""
        return pt.stack(self._product(factor, columns_of(u, self.n)), axis=-1)

    def _product(self, factor: Sequence[Any], columns: list[Any]) -> list[Any]:
        entry = self.entries(factor)
        return [sum(entry[i, j] * columns[j] for j in range(i + 1) if (i, j) in entry) for i in range(self.n)]

    def solved(self, factor: Sequence[Any], effects: Any) -> list[Any]:
        """Columns of the standardised form L^-1 effects."""
        entry = self.entries(factor)
        found: list[Any] = []
        for i, rest in enumerate(columns_of(effects, self.n)):
            for j in range(i):
                if (i, j) in entry:
                    rest = rest - entry[i, j] * found[j]
            found.append(rest / entry[i, i])
        return found

    def log_determinant(self, factor: Sequence[Any]) -> Any:
        """Logarithm of the determinant of L."""
        entry = self.entries(factor)
        return sum(pt.log(entry[i, i]) for i in range(self.n))

    def logp(self, value: Any, *factor: Any) -> Any:
        """Log-density of N(0, L L') at every group."""
        squares = sum(z**2 for z in self.solved(factor, value))
        return -0.5 * squares - self.log_determinant(factor) - 0.5 * self.n * np.log(2 * np.pi)

    def draw(self, *factor_and_size: Any) -> Any:
        """Draws of N(0, L L') as a graph; the last argument is the number of groups."""
        *factor, size = factor_and_size
        standard = [pm.Normal.dist(0.0, 1.0, size=size) for _ in range(self.n)]
        return pt.stack(self._product(factor, standard), axis=-1)


def columns_of(effects: Any, n: int) -> list[Any]:
    """The n columns of a matrix of effects; their gradients meet in one join."""
    if n == 1:
        return [effects[..., 0]]
    return [column.squeeze(-1) for column in pt.split(effects, [1] * n, axis=-1)]
