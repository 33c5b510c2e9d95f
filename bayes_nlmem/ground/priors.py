"""Priors: what is believed of an unknown before the data are seen. A number is known, a prior is unknown."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from numbers import Real
from typing import ClassVar

from bayes_nlmem.ground.messages import ModelError, explain

Support = tuple[float, float]
_LINE: Support = (-math.inf, math.inf)
_POSITIVE: Support = (0.0, math.inf)


class Prior:
    """An unknown, described by a distribution of PyMC: the root of all priors."""

    distribution: ClassVar[str]

    def arguments(self) -> dict[str, float]:
        """Keyword arguments of the PyMC distribution."""
        raise NotImplementedError

    @property
    def support(self) -> Support | None:
        """Smallest interval that holds all values, None if it is not known."""
        return _LINE

    def quantile(self, probability: float) -> float | None:
        """Value below which the unknown lies with `probability`, None if it has no quick formula."""
        from bayes_nlmem.ground.quantiles import quantile

        return quantile(self.distribution, self.arguments(), probability)

    def interval(self, mass: float = 0.95) -> tuple[float, float] | None:
        """Central interval that holds `mass` of the prior."""
        tail = (1 - mass) / 2
        lower, upper = self.quantile(tail), self.quantile(1 - tail)
        return None if lower is None or upper is None else (lower, upper)

    def __str__(self) -> str:
        described = ", ".join(f"{field.name} {_shown(getattr(self, field.name))}" for field in fields(self))  # type: ignore[arg-type]
        return f"{type(self).__name__.removesuffix('Prior')}({described})"


@dataclass(frozen=True)
class LogNormal(Prior):
    r"""Log-normal prior, given by its median and its coefficient of variation.

    The logarithm is normal with mean :math:`\log(\mathrm{median})` and standard deviation `sigma`;
    :math:`\mathrm{cv} = \sqrt{\exp(\sigma^2) - 1}`.

    Parameters
    ----------
    median : float
        Median, > 0.
    cv : float, optional
        Coefficient of variation as a fraction (0.5 is 50%), > 0.
    sigma : float, optional
        Standard deviation of the logarithm, > 0. Give either `cv` or `sigma`.

    Raises
    ------
    ModelError
        If neither or both of `cv` and `sigma` are given, or a value is not positive.

    Examples
    --------
    >>> print(LogNormal(1.5, cv=0.5))
    LogNormal(median 1.5, CV 50%)
    >>> round(LogNormal(1.5, cv=0.5).log_sd, 4)
    0.4724
    """

    median: float
    cv: float | None = None
    sigma: float | None = None
    distribution: ClassVar[str] = "LogNormal"

    def __post_init__(self) -> None:
        _check(self, positive=("median", "cv", "sigma"), optional=("cv", "sigma"))
        if (self.cv is None) == (self.sigma is None):
            raise ModelError(
                explain(
                    expected="one of `cv` and `sigma` for a LogNormal prior",
                    got="neither" if self.cv is None else f"cv={self.cv:g} and sigma={self.sigma:g}",
                    remedy="Write for example LogNormal(1.5, cv=0.5).",
                )
            )

    @property
    def log_sd(self) -> float:
        """Standard deviation of the logarithm."""
        return self.sigma if self.sigma is not None else math.sqrt(math.log1p(self.cv**2))  # type: ignore[operator]

    @property
    def mean(self) -> float:
        """Expected value, median * exp(sigma^2 / 2)."""
        return self.median * math.exp(self.log_sd**2 / 2)

    @property
    def support(self) -> Support:
        """All positive numbers."""
        return _POSITIVE

    def arguments(self) -> dict[str, float]:
        """Keyword arguments of `pm.LogNormal`."""
        return {"mu": math.log(self.median), "sigma": self.log_sd}

    def __repr__(self) -> str:
        spread = f"cv={self.cv!r}" if self.cv is not None else f"sigma={self.sigma!r}"
        return f"LogNormal({self.median!r}, {spread})"

    def __str__(self) -> str:
        cv = self.cv if self.cv is not None else math.sqrt(math.expm1(self.log_sd**2))
        return f"LogNormal(median {self.median:g}, CV {100 * cv:.3g}%)"


@dataclass(frozen=True)
class Normal(Prior):
    """Normal prior with `mean` and standard deviation `sd`.

    Examples
    --------
    >>> print(Normal(0.75, 0.2))
    Normal(mean 0.75, sd 0.2)
    """

    mean: float
    sd: float
    distribution: ClassVar[str] = "Normal"

    def __post_init__(self) -> None:
        _check(self, positive=("sd",))

    def arguments(self) -> dict[str, float]:
        """Keyword arguments of `pm.Normal`."""
        return {"mu": self.mean, "sigma": self.sd}


@dataclass(frozen=True)
class HalfNormal(Prior):
    """Absolute value of a normal variable of mean 0 and standard deviation `sd`.

    Examples
    --------
    >>> prior = HalfNormal(0.5)
    >>> [round(x, 3) for x in prior.interval()]
    [0.016, 1.121]
    """

    sd: float
    distribution: ClassVar[str] = "HalfNormal"

    def __post_init__(self) -> None:
        _check(self, positive=("sd",))

    @property
    def support(self) -> Support:
        """All positive numbers."""
        return _POSITIVE

    def arguments(self) -> dict[str, float]:
        """Keyword arguments of `pm.HalfNormal`."""
        return {"sigma": self.sd}


@dataclass(frozen=True)
class HalfCauchy(Prior):
    """Absolute value of a Cauchy variable of median `scale`: very heavy upper tail."""

    scale: float
    distribution: ClassVar[str] = "HalfCauchy"

    def __post_init__(self) -> None:
        _check(self, positive=("scale",))

    @property
    def support(self) -> Support:
        """All positive numbers."""
        return _POSITIVE

    def arguments(self) -> dict[str, float]:
        """Keyword arguments of `pm.HalfCauchy`."""
        return {"beta": self.scale}


@dataclass(frozen=True)
class StudentT(Prior):
    """Student-t prior with `df` degrees of freedom, centre `mean` and `scale`."""

    df: float
    mean: float
    scale: float
    distribution: ClassVar[str] = "StudentT"

    def __post_init__(self) -> None:
        _check(self, positive=("df", "scale"))

    def arguments(self) -> dict[str, float]:
        """Keyword arguments of `pm.StudentT`."""
        return {"nu": self.df, "mu": self.mean, "sigma": self.scale}


@dataclass(frozen=True)
class HalfStudentT(Prior):
    """Absolute value of a Student-t variable with `df` degrees of freedom and `scale`."""

    df: float
    scale: float
    distribution: ClassVar[str] = "HalfStudentT"

    def __post_init__(self) -> None:
        _check(self, positive=("df", "scale"))

    @property
    def support(self) -> Support:
        """All positive numbers."""
        return _POSITIVE

    def arguments(self) -> dict[str, float]:
        """Keyword arguments of `pm.HalfStudentT`."""
        return {"nu": self.df, "sigma": self.scale}


@dataclass(frozen=True)
class Gamma(Prior):
    """Gamma prior with `shape` and `rate`; mean shape / rate."""

    shape: float
    rate: float
    distribution: ClassVar[str] = "Gamma"

    def __post_init__(self) -> None:
        _check(self, positive=("shape", "rate"))

    @property
    def support(self) -> Support:
        """All positive numbers."""
        return _POSITIVE

    def arguments(self) -> dict[str, float]:
        """Keyword arguments of `pm.Gamma`."""
        return {"alpha": self.shape, "beta": self.rate}


@dataclass(frozen=True)
class InverseGamma(Prior):
    """Inverse-gamma prior with `shape` and `scale`; mean scale / (shape - 1) for shape > 1."""

    shape: float
    scale: float
    distribution: ClassVar[str] = "InverseGamma"

    def __post_init__(self) -> None:
        _check(self, positive=("shape", "scale"))

    @property
    def support(self) -> Support:
        """All positive numbers."""
        return _POSITIVE

    def arguments(self) -> dict[str, float]:
        """Keyword arguments of `pm.InverseGamma`."""
        return {"alpha": self.shape, "beta": self.scale}


@dataclass(frozen=True)
class ExponentialPrior(Prior):
    """Exponential prior with expected value `mean`.

    The covariate effect that is exponential in the covariate is `bayes_nlmem.Exponential`.
    """

    mean: float
    distribution: ClassVar[str] = "Exponential"

    def __post_init__(self) -> None:
        _check(self, positive=("mean",))

    @property
    def support(self) -> Support:
        """All positive numbers."""
        return _POSITIVE

    def arguments(self) -> dict[str, float]:
        """Keyword arguments of `pm.Exponential`."""
        return {"lam": 1 / self.mean}


@dataclass(frozen=True)
class Uniform(Prior):
    """Every value between `lower` and `upper` equally probable, none outside."""

    lower: float
    upper: float
    distribution: ClassVar[str] = "Uniform"

    def __post_init__(self) -> None:
        _check(self)
        _check_bounds(self, self.lower, self.upper)

    @property
    def support(self) -> Support:
        """The interval from `lower` to `upper`."""
        return (self.lower, self.upper)

    def arguments(self) -> dict[str, float]:
        """Keyword arguments of `pm.Uniform`."""
        return {"lower": self.lower, "upper": self.upper}


@dataclass(frozen=True)
class Beta(Prior):
    """Beta prior on (0, 1) with shapes `a` and `b`; mean a / (a + b)."""

    a: float
    b: float
    distribution: ClassVar[str] = "Beta"

    def __post_init__(self) -> None:
        _check(self, positive=("a", "b"))

    @property
    def support(self) -> Support:
        """The interval from 0 to 1."""
        return (0.0, 1.0)

    def arguments(self) -> dict[str, float]:
        """Keyword arguments of `pm.Beta`."""
        return {"alpha": self.a, "beta": self.b}


@dataclass(frozen=True)
class TruncatedNormal(Prior):
    """Normal prior cut off below `lower` and above `upper`; `mean` and `sd` are those before the cut.

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
        _check(self, positive=("sd",), infinite=("lower", "upper"))
        _check_bounds(self, self.lower, self.upper)

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
class LKJ(Prior):
    """Prior of a correlation matrix, density proportional to det(R)^(eta - 1).

    `eta` = 1 makes all correlation matrices equally probable, larger values favour weak correlations.
    For `bayes_nlmem.Correlated` only. Lewandowski, Kurowicka & Joe 2009, doi:10.1016/j.jmva.2009.04.008.
    """

    eta: float
    distribution: ClassVar[str] = "LKJCorr"

    def __post_init__(self) -> None:
        _check(self, positive=("eta",))

    @property
    def support(self) -> Support:
        """Each correlation lies between -1 and 1."""
        return (-1.0, 1.0)

    def arguments(self) -> dict[str, float]:
        """The argument `eta`."""
        return {"eta": self.eta}

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
        Its keyword arguments, numbers only.

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
            return _POSITIVE
        return _LINE if self.name in _LINE_NAMES else None

    def arguments(self) -> dict[str, float]:
        """Keyword arguments of the PyMC distribution."""
        return dict(self.items)

    def __repr__(self) -> str:
        return f"Distribution({', '.join([repr(self.name), *(f'{k}={v!r}' for k, v in self.items)])})"

    def __str__(self) -> str:
        return f"{self.name}({', '.join(f'{key} {_shown(value)}' for key, value in self.items)})"


_POSITIVE_NAMES = frozenset(
    "LogNormal HalfNormal HalfCauchy HalfStudentT HalfFlat Gamma InverseGamma Exponential Weibull Wald "
    "ChiSquared Pareto Rice".split()
)
_LINE_NAMES = frozenset(
    "Normal StudentT Cauchy Laplace AsymmetricLaplace Logistic Gumbel SkewNormal ExGaussian Flat Moyal "
    "SkewStudentT".split()
)


def is_number(value: object) -> bool:
    """Whether `value` is a finite number (a truth value is not).

    Examples
    --------
    >>> is_number(0.3), is_number(True), is_number("0.3"), is_number(float("nan"))
    (True, False, False, False)
    """
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, Real) else str(value)


def _check(
    prior: Prior,
    *,
    positive: tuple[str, ...] = (),
    optional: tuple[str, ...] = (),
    infinite: tuple[str, ...] = (),
) -> None:
    for field in fields(prior):  # type: ignore[arg-type]
        value = getattr(prior, field.name)
        if value is None and field.name in optional:
            continue
        if field.name in infinite and isinstance(value, Real) and math.isinf(value):
            continue
        if not is_number(value) or (field.name in positive and value <= 0):
            wanted = "a number > 0" if field.name in positive else "a finite number"
            raise ModelError(
                explain(
                    expected=f"{wanted} for `{field.name}` of {type(prior).__name__}",
                    got=repr(value),
                    remedy="The arguments of a prior are known numbers.",
                )
            )


def _check_bounds(prior: Prior, lower: float, upper: float) -> None:
    if not lower < upper:
        raise ModelError(
            explain(
                expected=f"lower < upper for {type(prior).__name__}",
                got=f"lower {lower:g}, upper {upper:g}",
                remedy="Exchange the two.",
            )
        )
