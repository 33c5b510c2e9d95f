"""Binary endpoints: something is there or not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_nlmem.ground.formulas import Call, Equation, Formula
from bayes_nlmem.ground.prior import Prior
from bayes_nlmem.statistics.endpoints import Independent, Rows, Trouble, choose, not_censored, one_of
from bayes_nlmem.statistics.standard_laws import StandardNormal

LINKS = ("logit", "probit", "probability")


@dataclass(frozen=True)
class Bernoulli(Independent):
    r"""Binary endpoint, DV 0 or 1.

    .. math:: P(y_{ij} = 1) = g^{-1}(f_{ij})

    NONMEM: a likelihood with `$EST LIKE LAPLACE`, Monolix: `type=categorical`, categories 0 and 1,
    nlmixr2: `ll(y) ~ ...` or `dbinom(1, p)`.

    Parameters
    ----------
    link : {"logit", "probit", "probability"}
        What the output of the structure is: log(p/(1 - p)), the standard normal quantile of p, or p itself.

    Raises
    ------
    ModelError
        If `link` is none of these.

    References
    ----------
    Lesaffre & Spiessens 2001, doi:10.1111/1467-9876.00237 (logistic random-effects model, toenail trial).

    Examples
    --------
    >>> import numpy as np
    >>> import bayes_nlmem as bn
    >>> bn.Bernoulli().moments(np.array([0.0]), {})
    (array([0.5]), array([0.25]))
    """

    link: str = "logit"

    def __post_init__(self) -> None:
        choose(self, "link", LINKS)

    def unknowns(self) -> dict[str, float | Prior]:
        """None."""
        return {}

    def troubles(self, rows: Rows) -> Iterator[Trouble]:
        """DV other than 0 and 1; censoring."""
        yield from one_of(rows, (0, 1), "a binary DV")
        yield from not_censored(rows, "categories")

    def log_density(self, value: Any, f: Any, given: Mapping[str, Any]) -> Any:
        """Log-probability of 0 or 1, accurate for probabilities next to 0 and 1."""
        import pytensor.tensor as pt

        f = pt.cast(f, "float64")
        if self.link == "logit":
            return -pt.softplus(pt.switch(pt.eq(value, 1), -f, f))
        if self.link == "probit":
            return StandardNormal().log_cdf(pt.switch(pt.eq(value, 1), f, -f))
        possible = pt.ge(f, 0) & pt.le(f, 1)
        p = pt.switch(pt.eq(value, 1), f, 1.0 - f)
        inside = possible & pt.gt(p, 0)
        return pt.switch(inside, pt.log(pt.switch(inside, p, 1.0)), -np.inf)

    def draw(self, rng: Any, f: Any, given: Mapping[str, Any], size: Any = None) -> Any:
        """Zeros and ones."""
        p = self.probability(f)
        return (rng.random(np.shape(p) if size is None else size) < p).astype(float)

    def moments(self, f: Any, given: Mapping[str, Any]) -> tuple[Any, Any]:
        """P and p (1 - p)."""
        p = self.probability(f)
        return p, p * (1.0 - p)

    def probability(self, f: Any) -> Any:
        """P(y = 1) in numpy."""
        from scipy.special import expit, ndtr

        return {"logit": expit, "probit": ndtr, "probability": np.asarray}[self.link](f)

    def equations(
        self,
        observed: Formula,
        f: Formula,
        parameter: Callable[[str], Formula],
        other: Callable[[str], Formula],
    ) -> Sequence[Equation]:
        """The law for printing."""
        p = {"logit": Call("logit⁻¹", (f,)), "probit": Call("Φ", (f,)), "probability": f}[self.link]
        return [Equation(observed, Call("Bernoulli", (p,)), "~")]
