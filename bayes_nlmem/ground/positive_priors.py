"""Priors on the positive numbers: typical values of positive parameters and standard deviations."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from bayes_nlmem.ground.messages import ModelError, explain
from bayes_nlmem.ground.prior import PositivePrior, check_fields


@dataclass(frozen=True)
class LogNormal(PositivePrior):
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
        check_fields(self, positive=("median", "cv", "sigma"), optional=("cv", "sigma"))
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
class HalfNormal(PositivePrior):
    """Absolute value of a normal variable of mean 0 and standard deviation `sd`.

    Parameters
    ----------
    sd : float
        Standard deviation before taking the absolute value, > 0; the median is 0.674 `sd`.

    Examples
    --------
    >>> [round(x, 3) for x in HalfNormal(0.5).interval()]
    [0.016, 1.121]
    """

    sd: float
    distribution: ClassVar[str] = "HalfNormal"
    words: ClassVar[Mapping[str, str]] = {"sd": "sigma"}


@dataclass(frozen=True)
class HalfCauchy(PositivePrior):
    """Absolute value of a Cauchy variable: very heavy upper tail.

    Parameters
    ----------
    scale : float
        Median, > 0.

    Examples
    --------
    >>> print(HalfCauchy(0.5))
    HalfCauchy(scale 0.5)
    """

    scale: float
    distribution: ClassVar[str] = "HalfCauchy"
    words: ClassVar[Mapping[str, str]] = {"scale": "beta"}


@dataclass(frozen=True)
class HalfStudentT(PositivePrior):
    """Absolute value of a Student-t variable centred at 0.

    Parameters
    ----------
    df : float
        Degrees of freedom, > 0.
    scale : float
        Scale, > 0.

    Examples
    --------
    >>> print(HalfStudentT(3, 0.5))
    HalfStudentT(df 3, scale 0.5)
    """

    df: float
    scale: float
    distribution: ClassVar[str] = "HalfStudentT"
    words: ClassVar[Mapping[str, str]] = {"df": "nu", "scale": "sigma"}


@dataclass(frozen=True)
class Gamma(PositivePrior):
    """Gamma prior; mean shape / rate, variance shape / rate^2.

    Parameters
    ----------
    shape, rate : float
        Both > 0.

    Examples
    --------
    >>> print(Gamma(2, 4))
    Gamma(shape 2, rate 4)
    """

    shape: float
    rate: float
    distribution: ClassVar[str] = "Gamma"
    words: ClassVar[Mapping[str, str]] = {"shape": "alpha", "rate": "beta"}


@dataclass(frozen=True)
class InverseGamma(PositivePrior):
    """Inverse-gamma prior; mean scale / (shape - 1) for shape > 1.

    Parameters
    ----------
    shape, scale : float
        Both > 0.

    Examples
    --------
    >>> print(InverseGamma(3, 0.5))
    InverseGamma(shape 3, scale 0.5)
    """

    shape: float
    scale: float
    distribution: ClassVar[str] = "InverseGamma"
    words: ClassVar[Mapping[str, str]] = {"shape": "alpha", "scale": "beta"}


@dataclass(frozen=True)
class ExponentialPrior(PositivePrior):
    """Exponential prior.

    `bayes_nlmem.Exponential` is the covariate effect, hence the longer name.

    Parameters
    ----------
    mean : float
        Expected value, > 0.

    Examples
    --------
    >>> print(ExponentialPrior(2))
    Exponential(mean 2)
    """

    mean: float
    distribution: ClassVar[str] = "Exponential"

    def arguments(self) -> dict[str, float]:
        """Keyword arguments of `pm.Exponential`."""
        return {"lam": 1 / self.mean}
