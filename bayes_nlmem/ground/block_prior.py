"""Priors of several numbers at once: their root, and what stands where one of the numbers is meant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bayes_nlmem.ground.prior import POSITIVE, Prior, Support


class BlockPrior(Prior):
    """A prior of several numbers at once; it stands where a whole block is meant."""

    where: ClassVar[str]

    def arguments(self) -> dict[str, float]:
        """Nothing: the translation writes the block out."""
        return {}

    def quantile(self, probability: float) -> float | None:
        """None: it is not a prior of one number."""
        return None


@dataclass(frozen=True)
class Joint(BlockPrior):
    """The standard deviation of this random effect is part of a block: see `Correlated`.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> clearance = bn.Parameter(bn.about(3.0), iiv=bn.Joint())
    >>> block = bn.Correlated("CL", "V", prior=bn.InverseWishart(df=5, scale=[[0.2, 0.0], [0.0, 0.2]]))
    """

    distribution: ClassVar[str] = "Joint"
    where: ClassVar[str] = "Parameter(iiv=Joint()) of parameters in a Correlated block"

    @property
    def support(self) -> Support:
        """A standard deviation is positive."""
        return POSITIVE

    def __str__(self) -> str:
        return "in a block"
