"""Correlated errors of two outputs that are measured at the same time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bayes_nlmem.ground.messages import explain
from bayes_nlmem.ground.priors import LKJ, Prior, is_number
from bayes_nlmem.ground.values import refusal


@dataclass(frozen=True)
class CorrelatedResiduals:
    r"""The errors of two outputs at the same time of the same subject are correlated.

    :math:`\mathrm{corr}(z_{first}, z_{second}) = \rho` for the standardised errors z = (h(y) - h(f)) / s(f)
    of observations of the two outputs that belong together: those with the same value of L2 in consecutive
    records, if the data have the column L2, else those at the same TIME (without a reset between them).
    Observations without a partner are independent.

    NONMEM L2 with `$SIGMA BLOCK(2)`; not in Monolix and nlmixr2.

    Parameters
    ----------
    first, second : str
        Two outputs with residual errors whose laws are normal (on their scales).
    prior : LKJ, Prior or float
        Prior of the correlation: LKJ(eta), any prior between -1 and 1, or the known correlation. It is
        `corr_{first}_{second}` in the graph.

    Raises
    ------
    ModelError
        If the names are not two different ones, or `prior` may lie outside -1 to 1.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> bn.CorrelatedResiduals("cp", "pca").prior
    LKJ(eta=2)
    """

    first: str
    second: str
    prior: LKJ | Prior | float = LKJ(2)

    def __post_init__(self) -> None:
        problems = []
        names: tuple[Any, Any] = (self.first, self.second)
        if not all(isinstance(name, str) for name in names) or names[0] == names[1]:
            remedy = 'Write CorrelatedResiduals("cp", "pca").'
            problems.append(explain(expected="two different outputs", got=repr(names), remedy=remedy))
        prior: Any = self.prior
        if isinstance(prior, Prior):
            support = prior.support
            inside = isinstance(prior, LKJ) or (support is not None and support[0] >= -1 and support[1] <= 1)
        else:
            inside = is_number(prior) and -1 < prior < 1
        if not inside:
            got = str(prior) if isinstance(prior, Prior) else repr(prior)
            remedy = "Write LKJ(2), Uniform(-1, 1) or a known correlation."
            expected = "a prior between -1 and 1, or a known correlation in it"
            problems.append(explain(expected=expected, got=got, remedy=remedy))
        if problems:
            raise refusal(problems, "CorrelatedResiduals is not well stated")

    @property
    def names(self) -> tuple[str, str]:
        """Both outputs."""
        return (self.first, self.second)
