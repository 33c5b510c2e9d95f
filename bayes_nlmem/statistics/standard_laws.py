"""Laws of a standardised error, symmetric about 0: density, distribution function, draws, printing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np

from bayes_nlmem.ground.formulas import Call, Constant, Formula, Raised

# Nodes and weights of exp-sinh quadrature on (0, inf), v = exp(x - exp(-x)) at equal steps of x: 48 of them
# give the tail of Student's t to a relative accuracy of 1e-10 for all z and for degrees of freedom from 0.2.
_STEPS = np.linspace(-3.6, 4.6, 48)
_NODES = np.exp(_STEPS - np.exp(-_STEPS))
_LOG_WEIGHTS = np.log((_STEPS[1] - _STEPS[0]) * _NODES * (1 + np.exp(-_STEPS)))


@runtime_checkable
class StandardLaw(Protocol):
    """The law of Z in h(y) = h(f) + s * Z, symmetric about 0.

    `spread` is the word for s, `suffixes` name those parameters of the residual error that give the law its
    form; the methods take them last, in this order.
    """

    spread: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]]

    def log_density(self, *args: Any, **kwargs: Any) -> Any:
        """(z, *form): log-density in a PyTensor graph."""
        ...

    def log_cdf(self, *args: Any, **kwargs: Any) -> Any:
        """(z, *form): log-probability below finite z in a PyTensor graph, accurate far out on the left."""
        ...

    def draw(self, *args: Any, **kwargs: Any) -> Any:
        """(rng, size, *form): random values."""
        ...

    def normal_score(self, *args: Any, **kwargs: Any) -> np.ndarray:
        """(z, *form): the standard normal values with the same probability below them, in numpy."""
        ...

    def draw_above(self, *args: Any, **kwargs: Any) -> Any:
        """(rng, bound, *form): random values above a bound, in numpy."""
        ...

    def formula(self, mean: Formula, spread: Formula, sigma: Callable[[str], Formula]) -> Formula:
        """The law around `mean`, for printing."""
        ...


@dataclass(frozen=True)
class StandardNormal:
    """Z ~ N(0, 1).

    Examples
    --------
    >>> float(StandardNormal().log_density(0.0).eval().round(4))
    -0.9189
    """

    spread: ClassVar[str] = "sd"
    suffixes: ClassVar[tuple[str, ...]] = ()

    def log_density(self, z: Any) -> Any:
        """-z^2/2 - log(2 pi)/2."""
        import pytensor.tensor as pt

        return -0.5 * pt.square(z) - 0.5 * np.log(2 * np.pi)

    def log_cdf(self, z: Any) -> Any:
        """Logarithm of Phi(z).

        PyMC's own loses half of the digits: it takes sqrt(2) in single precision.
        """
        import pytensor.tensor as pt

        far = pt.lt(z, -1.0)
        left, right = pt.switch(far, z, -1.0), pt.switch(far, -1.0, z)
        tail = pt.log(0.5 * pt.erfcx(-left * np.sqrt(0.5))) - 0.5 * left**2
        return pt.switch(far, tail, pt.log1p(-0.5 * pt.erfc(right * np.sqrt(0.5))))

    def draw(self, rng: Any, size: Any) -> Any:
        """Standard normal values."""
        return rng.standard_normal(size)

    def draw_above(self, rng: Any, bound: np.ndarray) -> np.ndarray:
        """Standard normal values above a bound, from the logarithm of their tail probability."""
        from scipy.special import log_ndtr, ndtri_exp

        return -ndtri_exp(log_ndtr(-bound) + np.log1p(-rng.random(np.shape(bound))))

    def normal_score(self, z: np.ndarray) -> np.ndarray:
        """`z` itself."""
        return z

    def formula(self, mean: Formula, spread: Formula, sigma: Callable[[str], Formula]) -> Formula:
        """N(mean, sd^2)."""
        return Call("N", (mean, Raised(spread, Constant(2))))


@dataclass(frozen=True)
class StandardT:
    """Z ~ Student's t with `df` degrees of freedom.

    Examples
    --------
    >>> float(StandardT().log_cdf(0.0, 4.0).exp().eval().round(6))
    0.5
    """

    spread: ClassVar[str] = "scale"
    suffixes: ClassVar[tuple[str, ...]] = ("df",)

    def log_density(self, z: Any, df: Any) -> Any:
        """-log B(df/2, 1/2) - log(df)/2 - (df + 1)/2 * log(1 + z^2/df)."""
        import pytensor.tensor as pt

        df = pt.cast(df, "float64")  # a constant such as 4.0 would be computed with in single precision
        return -_log_beta(df) - 0.5 * pt.log(df) - 0.5 * (df + 1) * pt.log1p(pt.square(z) / df)

    def log_cdf(self, z: Any, df: Any) -> Any:
        """Log-probability below `z`, by quadrature, so that the slope in `df` exists as well.

        With s = sqrt(df) * sinh(u) the tail beyond |z| = sqrt(df) * sinh(u_0) is
        1/B(df/2, 1/2) times the integral of cosh(u)^-df from u_0, and
        cosh(u_0 + w) = cosh(u_0) * (cosh(w) + tanh(u_0) * sinh(w)).
        """
        import pytensor.tensor as pt

        df = pt.cast(df, "float64")
        below = pt.lt(z, 0.0)
        ratio = pt.switch(below, -z, z) / pt.sqrt(df)
        root = pt.sqrt(1 + ratio**2)
        tanh = ratio / root
        step = 1 / (df * tanh + pt.sqrt(df))
        w = step[..., None] * _NODES
        rest = (1 - tanh)[..., None] / 2  # 1 - tanh(u_0) of the factor decays like exp(-2 w)
        power = w + pt.log1p(rest * pt.expm1(-2 * w))
        integral = pt.exp(_LOG_WEIGHTS - df[..., None] * power).sum(axis=-1)
        tail = pt.log(step * integral) - df * pt.log(root) - _log_beta(df)
        return pt.switch(below, tail, pt.log1p(-pt.exp(pt.switch(below, -1.0, tail))))

    def draw(self, rng: Any, size: Any, df: Any) -> Any:
        """Values of Student's t."""
        return rng.standard_t(df, size)

    def draw_above(self, rng: Any, bound: np.ndarray, df: Any) -> np.ndarray:
        """Values of Student's t above a bound."""
        from scipy.special import stdtr, stdtrit

        return -stdtrit(df, stdtr(df, -bound) * (1.0 - rng.random(np.shape(bound))))

    def normal_score(self, z: np.ndarray, df: float) -> np.ndarray:
        """The standard normal value with the same probability below it."""
        from scipy.special import ndtri, stdtr

        return -np.sign(z) * ndtri(stdtr(df, -np.abs(z)))

    def formula(self, mean: Formula, spread: Formula, sigma: Callable[[str], Formula]) -> Formula:
        """Student's t of df degrees of freedom around the mean."""
        return Call("t", (sigma("df"), mean, Raised(spread, Constant(2))))


def _log_beta(df: Any) -> Any:
    """Logarithm of B(df/2, 1/2)."""
    import pytensor.tensor as pt

    return pt.gammaln(df / 2) - pt.gammaln((df + 1) / 2) + 0.5 * np.log(np.pi)
