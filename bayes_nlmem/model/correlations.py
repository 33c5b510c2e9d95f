"""Blocks of random effects that are not independent: correlations or a whole covariance matrix."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from bayes_nlmem.ground.matrix_priors import (
    InverseWishart,
    Matrix,
    ScaledInverseWishart,
    matrix_text,
    positive_definite,
    square,
)
from bayes_nlmem.ground.messages import ModelError, explain
from bayes_nlmem.ground.priors import LKJ, Prior, is_number
from bayes_nlmem.ground.values import refusal

BlockLaw = LKJ | InverseWishart | ScaledInverseWishart | float | Matrix


@dataclass(frozen=True, init=False, repr=False)
class Correlated:
    """A block of parameters whose random effects are correlated.

    NONMEM `$OMEGA BLOCK(n)`; Monolix: correlation; nlmixr2 `eta.cl + eta.v ~ c(...)`.

    Parameters
    ----------
    *names : str
        Two or more parameters that vary at the level.
    prior : LKJ, InverseWishart, ScaledInverseWishart, float or matrix
        LKJ is a prior of the correlation matrix alone, beside the priors of the standard deviations.
        The two inverse-Wishart priors are priors of the whole covariance matrix: there the parameters say
        ``iiv=Joint()``. A number is the known correlation of two parameters; a matrix of numbers is known:
        with 1 on the diagonal the correlations, otherwise variances and covariances (``iiv=Joint()``).
    level : str
        "subject" (between individuals), "occasion" (between occasions) or the name of a level above.
    zeros : sequence of (str, str)
        Pairs within the block that are not correlated, for a banded matrix; with LKJ only, which is then the
        LKJ density of the matrices with these zeros.

    Raises
    ------
    ModelError
        If there are fewer than two names, one is named twice, the prior is none of these, a matrix is not
        positive definite, or the zeros do not hold for every value of the other correlations.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> bn.Correlated("CL", "V", prior=bn.LKJ(2)).names
    ('CL', 'V')
    >>> bn.Correlated("CL", "V", "KA", zeros=[("CL", "KA")])
    Correlated('CL', 'V', 'KA', prior=LKJ(eta=2), zeros=(('CL', 'KA'),))
    """

    names: tuple[str, ...]
    prior: BlockLaw
    level: str = "subject"
    zeros: tuple[tuple[str, str], ...] = ()

    def __init__(
        self,
        *names: str,
        prior: Any = LKJ(2),  # noqa: B008 (frozen)
        level: str = "subject",
        zeros: Iterable[tuple[str, str]] = (),
    ) -> None:
        pairs: Any = tuple(tuple(pair) if isinstance(pair, (tuple, list)) else pair for pair in zeros)
        for field, value in (("names", names), ("prior", prior), ("level", level), ("zeros", pairs)):
            object.__setattr__(self, field, value)
        problems = _name_problems(names)
        if not isinstance(level, str) or not level:
            remedy = 'Write level="subject", level="occasion" or the name of a level such as "SITE".'
            problems.append(explain(expected="the name of a level", got=repr(level), remedy=remedy))
        if not problems:
            problems = [*self._prior_problems(), *self._zero_problems()]
        if problems:
            raise refusal(problems, "Correlated is not well stated")

    @property
    def known(self) -> bool:
        """Whether all correlations are known numbers."""
        return not isinstance(self.prior, Prior)

    @property
    def joint(self) -> bool:
        """Whether the block settles the standard deviations too."""
        return isinstance(self.prior, (InverseWishart, ScaledInverseWishart)) or self.known_covariance

    @property
    def known_covariance(self) -> bool:
        """Whether a whole covariance matrix is known."""
        return isinstance(self.prior, tuple) and any(row[k] != 1 for k, row in enumerate(self.prior))

    @property
    def correlation_matrix(self) -> Matrix | None:
        """The known correlations in the order of `names`, None if they are not known."""
        if isinstance(self.prior, tuple):
            sds = [row[k] ** 0.5 for k, row in enumerate(self.prior)]
            n = len(sds)
            return tuple(tuple(self.prior[i][j] / (sds[i] * sds[j]) for j in range(n)) for i in range(n))
        if self.known:
            r = float(self.prior)  # type: ignore[arg-type]
            return ((1.0, r), (r, 1.0))
        return None

    def known_deviation(self, name: str) -> float | None:
        """The known standard deviation of an effect, None unless the covariance matrix is known."""
        if not self.known_covariance:
            return None
        k = self.names.index(name)
        return self.prior[k][k] ** 0.5  # type: ignore[index]

    def deviation_prior(self, name: str) -> Prior | None:
        """Prior of one standard deviation alone, where the block has one with a quick formula."""
        if isinstance(self.prior, InverseWishart):
            return self.prior.deviation(self.names.index(name))
        return None

    def correlation_prior(self) -> Prior | None:
        """Prior of one correlation alone, where there is a quick formula."""
        if isinstance(self.prior, LKJ):
            return None if self.zeros else self.prior.marginal(len(self.names))
        if isinstance(self.prior, InverseWishart):
            return self.prior.correlation()
        if isinstance(self.prior, ScaledInverseWishart):
            return self.prior.correlation(len(self.names))
        return None

    def apart(self, one: str, other: str) -> bool:
        """Whether two parameters of the block are declared not to be correlated."""
        return (one, other) in self.zeros or (other, one) in self.zeros

    def _prior_problems(self) -> list[str]:
        n, prior = len(self.names), self.prior
        if isinstance(prior, LKJ):
            return []
        try:
            if isinstance(prior, ScaledInverseWishart):
                prior.settled(n)
                return []
            if isinstance(prior, InverseWishart) or (
                isinstance(prior, (Sequence)) and not isinstance(prior, str)
            ):
                return self._matrix_problems()
        except ModelError as error:
            return [str(error)]
        if hasattr(prior, "tolist") and getattr(prior, "ndim", 0) == 2:
            object.__setattr__(self, "prior", prior.tolist())
            return self._prior_problems()
        if is_number(prior) and n == 2 and -1 < prior < 1:
            return []
        remedy = "Write prior=LKJ(2); eta = 1 is flat, larger values favour weak correlations."
        expected = (
            "an LKJ prior (or, for two parameters, a known correlation between -1 and 1; or InverseWishart, "
            "ScaledInverseWishart or a known matrix)"
        )
        got = str(prior) if isinstance(prior, Prior) else repr(prior)
        return [explain(expected=expected, got=got, remedy=remedy)]

    def _matrix_problems(self) -> list[str]:
        n = len(self.names)
        matrix: Any = self.prior.scale if isinstance(self.prior, InverseWishart) else self.prior
        if not isinstance(self.prior, InverseWishart):
            matrix = square(matrix, "a known matrix")
            object.__setattr__(self, "prior", matrix)
        if len(matrix) != n:
            remedy = "One row and one column per parameter, in the order of the names."
            got = f"{len(matrix)} x {len(matrix)}"
            return [
                explain(expected=f"a {n} x {n} matrix for {', '.join(self.names)}", got=got, remedy=remedy)
            ]
        if not positive_definite(matrix):
            remedy = "No data can have these correlations at the same time: bring them nearer to 0."
            return [explain(expected="a positive definite matrix", got=matrix_text(matrix), remedy=remedy)]
        return []

    def _zero_problems(self) -> list[str]:
        if not self.zeros:
            return []
        if not isinstance(self.prior, LKJ):
            remedy = "Use prior=LKJ(...); a known matrix holds its zeros itself."
            return [explain(expected="an LKJ prior beside `zeros`", got=repr(self.prior), remedy=remedy)]
        wrong = [
            pair
            for pair in self.zeros
            if not (isinstance(pair, tuple) and len(set(pair)) == 2 and set(pair) <= set(self.names))
        ]
        if wrong:
            remedy = f"Name two of {', '.join(self.names)}."
            return [explain(expected="pairs of the block in `zeros`", got=repr(wrong[0]), remedy=remedy)]
        linked = {
            name: {o for o in self.names if o != name and not self.apart(name, o)} for name in self.names
        }
        if alone := [name for name, others in linked.items() if not others]:
            remedy = f"Take {alone[0]} out of the block."
            got = f"none for {alone[0]}"
            return [explain(expected="at least one correlation for every parameter", got=got, remedy=remedy)]
        if elimination_order(self.names, self.zeros) is None:
            remedy = "Set one more of them to zero, or leave one zero out."
            got = f"zeros {', '.join('-'.join(pair) for pair in self.zeros)} in {', '.join(self.names)}"
            expected = (
                "zeros that leave no ring of four or more parameters, where the matrix would be positive "
                "definite for some values of the other correlations only"
            )
            return [explain(expected=expected, got=got, remedy=remedy)]
        return []

    def __repr__(self) -> str:
        parts = [*map(repr, self.names), f"prior={self.prior!r}"]
        if self.level != "subject":
            parts.append(f"level={self.level!r}")
        if self.zeros:
            parts.append(f"zeros={self.zeros!r}")
        return f"Correlated({', '.join(parts)})"


def elimination_order(names: Sequence[str], zeros: Iterable[tuple[str, str]]) -> tuple[str, ...] | None:
    """Order in which a Cholesky factor has the zeros of the matrix, None if there is none.

    Each parameter's correlated successors must be correlated among themselves.

    Examples
    --------
    >>> elimination_order(("A", "B", "C"), [("A", "C")])
    ('A', 'B', 'C')
    >>> elimination_order(("A", "B", "C", "D"), [("A", "C"), ("B", "D")]) is None
    True
    """
    apart = {frozenset(pair) for pair in zeros}
    left, order = list(names), []
    while left:
        for name in left:
            near = [o for o in left if o != name and frozenset((name, o)) not in apart]
            if all(frozenset(pair) not in apart for pair in combinations(near, 2)):
                break
        else:
            return None
        order.append(name)
        left.remove(name)
    return tuple(order)


def without(block: Correlated, removed: set[str]) -> Correlated | None:
    """A block without some parameters: the prior that it implies for the rest; None if fewer than two stay.

    Examples
    --------
    >>> without(Correlated("CL", "V", "KA", prior=LKJ(2)), {"KA"})
    Correlated('CL', 'V', prior=LKJ(eta=2))
    """
    kept = [k for k, name in enumerate(block.names) if name not in removed]
    names = [block.names[k] for k in kept]
    if len(kept) == len(block.names):
        return block
    if len(kept) < 2:
        return None
    prior: Any = block.prior
    if isinstance(prior, InverseWishart):
        prior = InverseWishart(prior.df - len(block.names) + len(kept), _part(prior.scale, kept))
    elif isinstance(prior, tuple):
        prior = _part(prior, kept)
    zeros = [pair for pair in block.zeros if set(pair) <= set(names)]
    return Correlated(*names, prior=prior, level=block.level, zeros=zeros)


def _part(matrix: Matrix, kept: Sequence[int]) -> Matrix:
    return tuple(tuple(matrix[i][j] for j in kept) for i in kept)


def _name_problems(names: tuple[Any, ...]) -> list[str]:
    if not all(isinstance(name, str) for name in names):
        remedy = 'Write Correlated("CL", "V"), the names one by one.'
        return [explain(expected="names of parameters", got=repr(names), remedy=remedy)]
    if len(names) < 2:
        got = f"only {names[0]!r}" if names else "none"
        remedy = 'Write Correlated("CL", "V").'
        return [explain(expected="two or more parameters in Correlated", got=got, remedy=remedy)]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        remedy = "Name each once."
        got = f"{', '.join(repeated)} more than once"
        return [explain(expected="different parameters in Correlated", got=got, remedy=remedy)]
    return []
