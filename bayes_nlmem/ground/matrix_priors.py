"""Priors of whole blocks: covariance matrices of random effects, and shares that add up to 1."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from bayes_nlmem.ground.block_prior import BlockPrior
from bayes_nlmem.ground.messages import ModelError, explain
from bayes_nlmem.ground.prior import POSITIVE, Prior, Support, is_number, shown
from bayes_nlmem.ground.priors import Beta, ScaledBeta
from bayes_nlmem.ground.values import admit

Matrix = tuple[tuple[float, ...], ...]


@dataclass(frozen=True, init=False)
class InverseWishart(BlockPrior):
    r"""Inverse-Wishart prior of the covariance matrix of a block of random effects.

    Density proportional to :math:`|\Sigma|^{-(\nu + p + 1)/2} \exp(-\mathrm{tr}(\Psi \Sigma^{-1})/2)`;
    mean :math:`\Psi / (\nu - p - 1)`, mode :math:`\Psi / (\nu + p + 1)`. NONMEM's `$PRIOR NWPRI` with
    degrees of freedom d and prior matrix M in `$OMEGAP` is ``InverseWishart(d, d * M)``.

    Parameters
    ----------
    df : float
        Degrees of freedom, > p - 1 for a block of p parameters; small values say little.
    scale : matrix
        Positive definite, p x p, in the order in which the block names its parameters.

    Raises
    ------
    ModelError
        If the matrix is not square, symmetric and positive definite, or `df` too small.

    References
    ----------
    Gelman et al. 2013, Bayesian Data Analysis, 3rd ed., section 3.6.

    Examples
    --------
    >>> print(InverseWishart(5, [[0.2, 0.0], [0.0, 0.1]]))
    InverseWishart(df 5, scale [[0.2, 0], [0, 0.1]])
    """

    df: float
    scale: Matrix
    distribution: ClassVar[str] = "InverseWishart"
    where: ClassVar[str] = "Correlated(..., prior=...)"

    def __init__(self, df: float, scale: Any) -> None:
        object.__setattr__(self, "df", df)
        object.__setattr__(self, "scale", square(scale, "scale of InverseWishart"))
        _check_df(df, len(self.scale), "InverseWishart")
        if not positive_definite(self.scale):
            remedy = "Variances on the diagonal; each covariance smaller than the root of their product."
            got = matrix_text(self.scale)
            raise ModelError(explain(expected="a positive definite scale", got=got, remedy=remedy))

    @property
    def size(self) -> int:
        """Number of parameters in the block."""
        return len(self.scale)

    def deviation(self, k: int) -> Prior:
        """Prior of the k-th standard deviation alone: its square is inverse-gamma."""
        return RootInverseGamma((self.df - self.size + 1) / 2, self.scale[k][k] / 2)

    def correlation(self) -> Prior | None:
        """Prior of one correlation alone, where the scale is diagonal."""
        n = self.size
        if any(self.scale[i][j] for i in range(n) for j in range(i)):
            return None
        return ScaledBeta((self.df - n + 1) / 2)

    def __str__(self) -> str:
        return f"InverseWishart(df {shown(self.df)}, scale {matrix_text(self.scale)})"


@dataclass(frozen=True)
class ScaledInverseWishart(BlockPrior):
    r"""Scaled inverse-Wishart prior: the standard deviations have scales of their own.

    :math:`\Sigma = \mathrm{diag}(\xi)\, Q\, \mathrm{diag}(\xi)` with :math:`Q \sim
    \mathrm{InverseWishart}(\nu, I)` and independent :math:`\xi_k`. It takes away the tie between size and
    correlation that a plain inverse-Wishart prior has; with ``df = p + 1`` every correlation is uniform.

    Parameters
    ----------
    scale : float or Prior
        Of every xi, > 0.
    df : float, optional
        Degrees of freedom, p + 1 by default for a block of p parameters.

    Raises
    ------
    ModelError
        If the scale is not positive or `df` is not a number.

    References
    ----------
    O'Malley & Zaslavsky 2008, doi:10.1198/016214508000000724.

    Examples
    --------
    >>> from bayes_nlmem.ground.positive_priors import LogNormal
    >>> print(ScaledInverseWishart(LogNormal(0.3, cv=1.0)))
    ScaledInverseWishart(scale LogNormal(median 0.3, CV 100%))
    """

    scale: float | Prior
    df: float | None = None
    distribution: ClassVar[str] = "ScaledInverseWishart"
    where: ClassVar[str] = "Correlated(..., prior=...)"

    def __post_init__(self) -> None:
        problems = []
        if self.df is not None and not is_number(self.df):
            remedy = "Leave it out for uniform correlations; the prior of the sizes is `scale`."
            problems.append(explain(expected="a number for `df`", got=repr(self.df), remedy=remedy))
        admit(self, {"scale": POSITIVE}, problems=problems)

    def settled(self, size: int) -> float:
        """Degrees of freedom for a block of `size`, checked."""
        df = size + 1 if self.df is None else self.df
        _check_df(df, size, "ScaledInverseWishart")
        return float(df)

    def correlation(self, size: int) -> Prior:
        """Prior of one correlation alone."""
        return ScaledBeta((self.settled(size) - size + 1) / 2)

    def __str__(self) -> str:
        df = "" if self.df is None else f", df {shown(self.df)}"
        return f"ScaledInverseWishart(scale {shown(self.scale)}{df})"


@dataclass(frozen=True)
class RootInverseGamma(Prior):
    """Prior of a standard deviation whose square is inverse-gamma."""

    shape: float
    scale: float
    distribution: ClassVar[str] = "RootInverseGamma"

    @property
    def support(self) -> Support:
        """The positive numbers."""
        return POSITIVE

    def arguments(self) -> dict[str, float]:
        """Arguments of the inverse-gamma distribution of the square."""
        return {"alpha": self.shape, "beta": self.scale}

    def quantile(self, probability: float) -> float | None:
        """Root of the quantile of the square."""
        from bayes_nlmem.ground.quantiles import quantile

        square = quantile("InverseGamma", self.arguments(), probability)
        return None if square is None else math.sqrt(square)


@dataclass(frozen=True, init=False)
class Dirichlet(BlockPrior):
    """Prior of shares that add up to 1, such as the probabilities of classes.

    Parameters
    ----------
    *concentration : float
        One number > 0 per class; all 1 makes all shares equally probable, their sum counts like subjects.

    Examples
    --------
    >>> print(Dirichlet(2, 2))
    Dirichlet(2, 2)
    >>> [round(x, 2) for x in Dirichlet(2, 2).share(0).interval()]
    [0.09, 0.91]
    """

    concentration: tuple[float, ...]
    distribution: ClassVar[str] = "Dirichlet"
    where: ClassVar[str] = "the probabilities of classes"

    def __init__(self, *concentration: float) -> None:
        object.__setattr__(self, "concentration", concentration)
        if len(concentration) < 2 or not all(is_number(a) and a > 0 for a in concentration):
            got = ", ".join(map(repr, concentration)) or "none"
            remedy = "Write Dirichlet(1, 1) for two classes."
            raise ModelError(explain(expected="two or more numbers > 0", got=got, remedy=remedy))

    def share(self, k: int) -> Prior:
        """Prior of one share alone."""
        return Beta(self.concentration[k], sum(self.concentration) - self.concentration[k])

    def __repr__(self) -> str:
        return f"Dirichlet({', '.join(map(repr, self.concentration))})"

    def __str__(self) -> str:
        return f"Dirichlet({', '.join(map(shown, self.concentration))})"


def square(matrix: Any, what: str) -> Matrix:
    """A symmetric matrix of numbers as nested tuples, or ModelError.

    Examples
    --------
    >>> square([[1, 0.5], [0.5, 1]], "correlations")
    ((1.0, 0.5), (0.5, 1.0))
    """
    rows = [list(row) if isinstance(row, Sequence) or hasattr(row, "__len__") else [row] for row in matrix]
    n = len(rows)
    numbers = all(len(row) == n and all(is_number(x) for x in row) for row in rows)
    if not numbers or any(abs(rows[i][j] - rows[j][i]) > 1e-12 for i in range(n) for j in range(i)):
        remedy = "Write it row by row, [[0.1, 0.02], [0.02, 0.1]]."
        raise ModelError(
            explain(
                expected=f"a square symmetric matrix of numbers for {what}", got=repr(matrix), remedy=remedy
            )
        )
    return tuple(tuple(float(x) for x in row) for row in rows)


def positive_definite(matrix: Matrix) -> bool:
    """Whether a symmetric matrix is positive definite (its Cholesky factor exists).

    Examples
    --------
    >>> positive_definite(((1.0, 0.5), (0.5, 1.0))), positive_definite(((1.0, 2.0), (2.0, 1.0)))
    (True, False)
    """
    n = len(matrix)
    lower = [[0.0] * n for _ in range(n)]
    for i in range(n):
        for j in range(i + 1):
            rest = matrix[i][j] - sum(lower[i][k] * lower[j][k] for k in range(j))
            if i == j and rest <= 1e-12 * max(matrix[i][i], 1e-300):
                return False
            lower[i][j] = math.sqrt(rest) if i == j else rest / lower[j][j]
    return True


def matrix_text(matrix: Matrix) -> str:
    """A matrix in one line.

    Examples
    --------
    >>> matrix_text(((1.0, 0.25), (0.25, 1.0)))
    '[[1, 0.25], [0.25, 1]]'
    """
    return "[" + ", ".join(f"[{', '.join(f'{x:g}' for x in row)}]" for row in matrix) + "]"


def _check_df(df: Any, size: int, what: str) -> None:
    if not is_number(df) or df <= size - 1:
        expected = f"degrees of freedom > {size - 1} in {what} of a block of {size}"
        remedy = f"{size + 1} says little; more say that the scale is well known."
        raise ModelError(explain(expected=expected, got=repr(df), remedy=remedy))
