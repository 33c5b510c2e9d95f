"""Priors: what is believed of an unknown before the data are seen. A number is known, a prior is unknown."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from bayes_nlmem.ground.messages import ModelError, explain
from bayes_nlmem.ground.positive_priors import (
    ExponentialPrior,
    Gamma,
    HalfCauchy,
    HalfNormal,
    HalfStudentT,
    InverseGamma,
    LogNormal,
)
from bayes_nlmem.ground.prior import (
    LINE,
    POSITIVE,
    Prior,
    Support,
    WordedPrior,
    check_bounds,
    check_fields,
    is_number,
    shown,
)

__all__ = [
    "LKJ",
    "Beta",
    "Distribution",
    "ExponentialPrior",
    "Gamma",
    "HalfCauchy",
    "HalfNormal",
    "HalfStudentT",
    "InverseGamma",
    "LogNormal",
    "Normal",
    "Prior",
    "ScaledBeta",
    "StudentT",
    "Support",
    "TruncatedNormal",
    "Uniform",
    "is_number",
]


@dataclass(frozen=True)
class Normal(WordedPrior):
    """Normal prior with `mean` and standard deviation `sd`.

    Parameters
    ----------
    mean, sd : float
        Expected value, and standard deviation > 0.

    Examples
    --------
    >>> print(Normal(0.75, 0.2))
    Normal(mean 0.75, sd 0.2)
    """

    mean: float
    sd: float
    distribution: ClassVar[str] = "Normal"
    words: ClassVar[Mapping[str, str]] = {"mean": "mu", "sd": "sigma"}
    positive: ClassVar[tuple[str, ...]] = ("sd",)


@dataclass(frozen=True)
class StudentT(WordedPrior):
    """Student-t prior: normal-like with heavier tails.

    Parameters
    ----------
    df : float
        Degrees of freedom, > 0.
    mean, scale : float
        Centre, and scale > 0.

    Examples
    --------
    >>> print(StudentT(3, 0, 1))
    StudentT(df 3, mean 0, scale 1)
    """

    df: float
    mean: float
    scale: float
    distribution: ClassVar[str] = "StudentT"
    words: ClassVar[Mapping[str, str]] = {"df": "nu", "mean": "mu", "scale": "sigma"}
    positive: ClassVar[tuple[str, ...]] = ("df", "scale")


@dataclass(frozen=True)
class Uniform(WordedPrior):
    """Every value between `lower` and `upper` equally probable, none outside.

    Parameters
    ----------
    lower, upper : float
        The bounds.

    Examples
    --------
    >>> Uniform(0, 10).support
    (0, 10)
    """

    lower: float
    upper: float
    distribution: ClassVar[str] = "Uniform"
    words: ClassVar[Mapping[str, str]] = {"lower": "lower", "upper": "upper"}

    def __post_init__(self) -> None:
        super().__post_init__()
        check_bounds(self, self.lower, self.upper)

    @property
    def support(self) -> Support:
        """The interval from `lower` to `upper`."""
        return (self.lower, self.upper)


@dataclass(frozen=True)
class Beta(WordedPrior):
    """Beta prior on (0, 1); mean a / (a + b).

    Parameters
    ----------
    a, b : float
        Shapes, both > 0.

    Examples
    --------
    >>> print(Beta(2, 3))
    Beta(a 2, b 3)
    """

    a: float
    b: float
    distribution: ClassVar[str] = "Beta"
    words: ClassVar[Mapping[str, str]] = {"a": "alpha", "b": "beta"}
    positive: ClassVar[tuple[str, ...]] = ("a", "b")

    @property
    def support(self) -> Support:
        """The interval from 0 to 1."""
        return (0.0, 1.0)


@dataclass(frozen=True)
class TruncatedNormal(Prior):
    """Normal prior cut off below `lower` and above `upper`.

    Parameters
    ----------
    mean, sd : float
        Expected value, and standard deviation > 0, before the cut.
    lower, upper : float
        The bounds; infinite if there is none.

    Examples
    --------
    >>> print(TruncatedNormal(0.8, 0.2, lower=0, upper=1))
    TruncatedNormal(mean 0.8, sd 0.2, lower 0, upper 1)
    """

    mean: float
    sd: float
    lower: float = -math.inf
    upper: float = math.inf
    distribution: ClassVar[str] = "TruncatedNormal"

    def __post_init__(self) -> None:
        check_fields(self, positive=("sd",), infinite=("lower", "upper"))
        check_bounds(self, self.lower, self.upper)

    @property
    def support(self) -> Support:
        """The interval from `lower` to `upper`."""
        return (self.lower, self.upper)

    def arguments(self) -> dict[str, float]:
        """Keyword arguments of `pm.TruncatedNormal`."""
        bounds = {"lower": self.lower, "upper": self.upper}
        finite = {name: value for name, value in bounds.items() if math.isfinite(value)}
        return {"mu": self.mean, "sigma": self.sd, **finite}


@dataclass(frozen=True)
class LKJ(WordedPrior):
    """Prior of a correlation matrix R, density proportional to det(R)^(eta - 1).

    For `bayes_nlmem.Correlated` only.

    Parameters
    ----------
    eta : float
        > 0; 1 makes all correlation matrices equally probable, larger values favour weak correlations.

    References
    ----------
    Lewandowski, Kurowicka & Joe 2009, doi:10.1016/j.jmva.2009.04.008

    Examples
    --------
    >>> [round(x, 2) for x in LKJ(2).marginal(2).interval()]  # one correlation in a pair
    [-0.81, 0.81]
    """

    eta: float
    distribution: ClassVar[str] = "LKJCorr"
    words: ClassVar[Mapping[str, str]] = {"eta": "eta"}
    positive: ClassVar[tuple[str, ...]] = ("eta",)

    @property
    def support(self) -> Support:
        """Each correlation lies between -1 and 1."""
        return (-1.0, 1.0)

    def marginal(self, size: int) -> ScaledBeta:
        """Prior of a single correlation in a block of `size` parameters."""
        return ScaledBeta(self.eta - 1 + size / 2)


@dataclass(frozen=True)
class ScaledBeta(Prior):
    """Prior of one correlation r: (r + 1) / 2 is Beta(shape, shape)."""

    shape: float
    distribution: ClassVar[str] = "ScaledBeta"

    @property
    def support(self) -> Support:
        """The interval from -1 to 1."""
        return (-1.0, 1.0)

    def arguments(self) -> dict[str, float]:
        """The argument `shape`."""
        return {"shape": self.shape}


@dataclass(frozen=True, init=False)
class Distribution(Prior):
    """Any distribution of PyMC by its name and keyword arguments.

    Parameters
    ----------
    name : str
        Name of the class in PyMC, for example "SkewNormal".
    **arguments : float
        Its keyword arguments, numbers only; kept in `items`.

    Examples
    --------
    >>> prior = Distribution("SkewNormal", mu=0.0, sigma=1.0, alpha=3.0)
    >>> prior.distribution, prior.arguments()
    ('SkewNormal', {'mu': 0.0, 'sigma': 1.0, 'alpha': 3.0})
    """

    name: str
    items: tuple[tuple[str, float], ...]

    def __init__(self, name: str, /, **arguments: float) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "items", tuple(arguments.items()))
        for key, value in arguments.items():
            if not is_number(value):
                raise ModelError(
                    explain(
                        expected=f"a number for {key} of Distribution({name!r})",
                        got=repr(value),
                        remedy="A prior takes numbers only.",
                    )
                )

    @property
    def distribution(self) -> str:  # type: ignore[override]
        """Name of the PyMC class."""
        return self.name

    @property
    def support(self) -> Support | None:
        """The interval of all values where it is known from the name, else None."""
        if self.name in _POSITIVE_NAMES:
            return POSITIVE
        return LINE if self.name in _LINE_NAMES else None

    def arguments(self) -> dict[str, float]:
        """Keyword arguments of the PyMC distribution."""
        return dict(self.items)

    def __repr__(self) -> str:
        return f"Distribution({', '.join([repr(self.name), *(f'{k}={v!r}' for k, v in self.items)])})"

    def __str__(self) -> str:
        return f"{self.name}({', '.join(f'{key} {shown(value)}' for key, value in self.items)})"


_POSITIVE_NAMES = frozenset(
    "LogNormal HalfNormal HalfCauchy HalfStudentT HalfFlat Gamma InverseGamma Exponential Weibull Wald "
    "ChiSquared Pareto Rice".split()
)
_LINE_NAMES = frozenset(
    "Normal StudentT Cauchy Laplace AsymmetricLaplace Logistic Gumbel SkewNormal ExGaussian Flat Moyal "
    "SkewStudentT".split()
)
