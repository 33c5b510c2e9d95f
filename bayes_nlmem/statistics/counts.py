"""Counts: Poisson, negative binomial, and either with more zeros than they have by themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_nlmem.ground.formulas import Call, Constant, Equation, Formula, Product, Raised, Sum
from bayes_nlmem.ground.messages import explain
from bayes_nlmem.ground.prior import POSITIVE, Prior
from bayes_nlmem.ground.values import admit, refusal
from bayes_nlmem.statistics.endpoints import Independent, Rows, Trouble, choose, not_censored, whole_numbers

LINKS = ("log", "rate")


class _Count(Independent):
    """What the laws of counts share: the mean is the output or its exponential."""

    link: str

    def troubles(self, rows: Rows) -> Iterator[Trouble]:
        """Negative or broken numbers; censoring."""
        yield from whole_numbers(rows, "counts")
        yield from not_censored(rows, "counts")

    def mean(self, f: Any, xp: Any = np) -> Any:
        """Expected count."""
        return xp.exp(f) if self.link == "log" else f

    def _possible(self, f: Any) -> tuple[Any, Any]:
        """Where the mean is positive, and its logarithm there."""
        import pytensor.tensor as pt

        f = pt.cast(f, "float64")
        if self.link == "log":
            return pt.ones_like(f) > 0, f
        positive = pt.gt(f, 0.0)
        return positive, pt.log(pt.switch(positive, f, 1.0))

    def _mean_formula(self, f: Formula) -> Formula:
        return Call("exp", (f,)) if self.link == "log" else f


@dataclass(frozen=True)
class Poisson(_Count):
    r"""Counts whose variance is their mean.

    .. math:: P(y = k) = e^{-\lambda} \lambda^k / k!, \qquad \log \lambda_{ij} = f_{ij}

    NONMEM: `Y = -2*(-LAM + DV*LOG(LAM) - LOG(FAC))` with `-2LL`, Monolix: `type=count`, nlmixr2:
    `dpois(lam)`.

    Parameters
    ----------
    link : {"log", "rate"}
        What the output of the structure is: log(lambda), or lambda itself (positive).

    Raises
    ------
    ModelError
        If `link` is neither.

    Examples
    --------
    >>> import numpy as np
    >>> import bayes_nlmem as bn
    >>> bn.Poisson(link="rate").moments(np.array([2.0]), {})
    (array([2.]), array([2.]))
    """

    link: str = "log"

    def __post_init__(self) -> None:
        choose(self, "link", LINKS)

    def unknowns(self) -> dict[str, float | Prior]:
        """None."""
        return {}

    def log_density(self, value: Any, f: Any, given: Mapping[str, Any]) -> Any:
        """Log-probability of a count; a rate of 0 has no counts but 0."""
        import pytensor.tensor as pt

        possible, log_mean = self._possible(f)
        density = value * log_mean - pt.exp(log_mean) - pt.gammaln(value + 1.0)
        return pt.switch(possible, density, _nothing(value, f))

    def draw(self, rng: Any, f: Any, given: Mapping[str, Any], size: Any = None) -> Any:
        """Counts."""
        return rng.poisson(_drawable(self.mean(f)), size).astype(float)

    def moments(self, f: Any, given: Mapping[str, Any]) -> tuple[Any, Any]:
        """Both are the rate."""
        mean = self.mean(f)
        return mean, mean

    def equations(
        self,
        observed: Formula,
        f: Formula,
        parameter: Callable[[str], Formula],
        other: Callable[[str], Formula],
    ) -> Sequence[Equation]:
        """The law for printing."""
        return [Equation(observed, Call("Poisson", (self._mean_formula(f),)), "~")]


@dataclass(frozen=True)
class NegativeBinomial(_Count):
    r"""Counts with more spread than Poisson: Var(y) = mu + dispersion * mu^2.

    .. math:: P(y = k) = \frac{\Gamma(k + r)}{k!\,\Gamma(r)} \left(\frac{r}{r + \mu}\right)^r
              \left(\frac{\mu}{r + \mu}\right)^k, \qquad r = 1/\mathrm{dispersion}

    Monolix: `type=count` with these formulas, nlmixr2: `dnbinomMu(size=1/dispersion, mu)`, NONMEM: the
    overdispersion `OVDP` of its count models. A dispersion of 0 would be `Poisson`.

    Parameters
    ----------
    dispersion : float or Prior
        > 0; in the graph `{output}_dispersion`.
    link : {"log", "rate"}
        What the output of the structure is: log(mu), or mu itself (positive).

    Raises
    ------
    ModelError
        If the dispersion is not a positive number or a prior of positive support, or `link` is neither.

    Examples
    --------
    >>> import numpy as np
    >>> import bayes_nlmem as bn
    >>> bn.NegativeBinomial(0.5, link="rate").moments(np.array([2.0]), {"dispersion": 0.5})
    (array([2.]), array([4.]))
    """

    dispersion: float | Prior
    link: str = "log"

    def __post_init__(self) -> None:
        choose(self, "link", LINKS)
        admit(self, {"dispersion": POSITIVE})

    def unknowns(self) -> dict[str, float | Prior]:
        """The dispersion."""
        return {"dispersion": self.dispersion}

    def log_density(self, value: Any, f: Any, given: Mapping[str, Any]) -> Any:
        """Log-probability of a count; a mean of 0 has no counts but 0."""
        import pytensor.tensor as pt

        possible, log_mean = self._possible(f)
        dispersion = pt.cast(given["dispersion"], "float64")
        size = 1.0 / dispersion
        log_ratio = log_mean + pt.log(dispersion)  # log(mu / r)
        density = (
            pt.gammaln(value + size)
            - pt.gammaln(size)
            - pt.gammaln(value + 1.0)
            - size * pt.softplus(log_ratio)
            - value * pt.softplus(-log_ratio)
        )
        return pt.switch(possible, density, _nothing(value, f))

    def draw(self, rng: Any, f: Any, given: Mapping[str, Any], size: Any = None) -> Any:
        """Counts: Poisson whose rate has a gamma distribution."""
        dispersion = np.asarray(given["dispersion"], float)
        mean = self.mean(f)
        if size is None:
            size = np.broadcast_shapes(np.shape(mean), dispersion.shape)
        return rng.poisson(_drawable(rng.gamma(1.0 / dispersion, dispersion * mean, size))).astype(float)

    def moments(self, f: Any, given: Mapping[str, Any]) -> tuple[Any, Any]:
        """Mu and mu + dispersion * mu^2."""
        mean = self.mean(f)
        return mean, mean + given["dispersion"] * mean**2

    def equations(
        self,
        observed: Formula,
        f: Formula,
        parameter: Callable[[str], Formula],
        other: Callable[[str], Formula],
    ) -> Sequence[Equation]:
        """The law for printing."""
        mean, square = self._mean_formula(f), Constant(2)
        variance = Sum((mean, Product((parameter("dispersion"), Raised(mean, square)))))
        law = Equation(observed, Call("NegativeBinomial", (mean, parameter("dispersion"))), "~")
        return [law, Equation(Call("Var", (observed,)), variance)]

    def meaning(self, suffix: str) -> str:
        """Words for the tables."""
        return "dispersion, (variance - mean)/mean²"


@dataclass(frozen=True)
class ZeroInflated:
    r"""Counts with an extra share of zeros.

    .. math:: P(y = 0) = \pi + (1 - \pi) P_c(0), \qquad P(y = k) = (1 - \pi) P_c(k)

    Parameters
    ----------
    count : Poisson or NegativeBinomial
        The law P_c of the counts.
    probability : float, Prior or str
        pi, between 0 and 1; in the graph `{output}_zero`. A name is an output of the structure that gives pi,
        so that it may depend on time, covariates and the individual.

    Raises
    ------
    ModelError
        If `count` is no law of counts, or `probability` lies outside (0, 1).

    References
    ----------
    Lambert 1992, doi:10.2307/1269547

    Examples
    --------
    >>> import numpy as np
    >>> import bayes_nlmem as bn
    >>> law = bn.ZeroInflated(bn.Poisson(link="rate"), bn.Beta(1, 3))
    >>> law.moments(np.array([2.0]), {"zero": 0.25})
    (array([1.5]), array([2.25]))
    """

    count: Poisson | NegativeBinomial
    probability: float | Prior | str

    def __post_init__(self) -> None:
        if not isinstance(self.count, _Count):
            got, remedy = repr(self.count), "Write ZeroInflated(Poisson(), Beta(1, 3))."
            problem = explain(expected="Poisson(...) or NegativeBinomial(...)", got=got, remedy=remedy)
            raise refusal([problem], "ZeroInflated is not well stated")
        if not isinstance(self.probability, str):
            admit(self, {"probability": (0.0, 1.0)})

    def unknowns(self) -> dict[str, float | Prior]:
        """Those of the counts, and the share of extra zeros unless the structure gives it."""
        own = {} if isinstance(self.probability, str) else {"zero": self.probability}
        return {**self.count.unknowns(), **own}

    def inputs(self) -> dict[str, tuple[str, bool]]:
        """The output that gives the share of extra zeros."""
        return {"zero": (self.probability, False)} if isinstance(self.probability, str) else {}

    def constants(self, rows: Rows) -> dict[str, np.ndarray]:
        """None."""
        return {}

    def troubles(self, rows: Rows) -> Iterator[Trouble]:
        """As the counts."""
        return self.count.troubles(rows)

    def log_density(self, value: Any, f: Any, given: Mapping[str, Any]) -> Any:
        """Log-probability of a count."""
        import pytensor.tensor as pt

        zero = pt.cast(given["zero"], "float64")
        possible = pt.ge(zero, 0.0) & pt.lt(zero, 1.0)
        positive = possible & pt.gt(zero, 0.0)
        count = self.count.log_density(value, f, given) + pt.log1p(-pt.switch(possible, zero, 0.0))
        extra = pt.log(pt.switch(positive, zero, 1.0))
        with_extra = pt.switch(positive, count + pt.softplus(extra - count), count)
        return pt.switch(possible, pt.switch(pt.eq(value, 0), with_extra, count), -np.inf)

    def draw(self, rng: Any, f: Any, given: Mapping[str, Any], size: Any = None) -> Any:
        """Counts."""
        if size is None:
            size = np.broadcast_shapes(np.shape(f), *(np.shape(x) for x in given.values()))
        count = self.count.draw(rng, f, given, size)
        return np.where(rng.random(size) < given["zero"], 0.0, count)

    def moments(self, f: Any, given: Mapping[str, Any]) -> tuple[Any, Any]:
        """(1 - pi) m and (1 - pi) (v + pi m^2)."""
        mean, variance = self.count.moments(f, given)
        rest = 1.0 - given["zero"]
        return rest * mean, rest * (variance + given["zero"] * mean**2)

    def equations(
        self,
        observed: Formula,
        f: Formula,
        parameter: Callable[[str], Formula],
        other: Callable[[str], Formula],
    ) -> Sequence[Equation]:
        """The law for printing."""
        zero = other("zero") if isinstance(self.probability, str) else parameter("zero")
        law, *_ = self.count.equations(observed, f, parameter, other)
        return [Equation(observed, Call("ZeroInflated", (zero, law.right)), "~")]

    def meaning(self, suffix: str) -> str:
        """Words for the tables."""
        return "share of extra zeros" if suffix == "zero" else self.count.meaning(suffix)  # type: ignore[union-attr]


def _nothing(value: Any, f: Any) -> Any:
    """Log-probability where the mean is 0: certain for a count of 0, else impossible; NaN stays NaN."""
    import pytensor.tensor as pt

    return pt.switch(pt.eq(value, 0) & pt.eq(f, 0.0), 0.0, -np.inf)


def _drawable(mean: Any) -> Any:
    """Means that a Poisson generator takes; impossible ones give an error of its own."""
    return np.minimum(mean, 1e15)
