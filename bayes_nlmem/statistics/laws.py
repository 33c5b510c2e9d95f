"""The law of an observation around its prediction: a scale on which a symmetric error is added."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bayes_nlmem.ground.formulas import Equation, Formula
from bayes_nlmem.ground.scales import Log, Natural
from bayes_nlmem.statistics.standard_laws import StandardLaw, StandardNormal, form


@dataclass(frozen=True)
class Law:
    """h(y) = h(f) + s * Z: likelihood, censoring, simulation, residuals and printing follow from it.

    Parameters
    ----------
    scale : Natural or Log
        h, the scale on which the error is added.
    standard : StandardLaw
        The law of Z.

    Examples
    --------
    >>> float(Law().log_density(1.0, 1.0, 1.0).eval().round(4))
    -0.9189
    """

    scale: Natural | Log = field(default_factory=Natural)
    standard: StandardLaw = field(default_factory=StandardNormal)

    @property
    def positive(self) -> bool:
        """Whether observations and predictions have to be positive."""
        return isinstance(self.scale, Log)

    def log_density(self, value: Any, f: Any, spread: Any, *shape: Any) -> Any:
        """Log-density of y at `value`, on its own scale; -inf where f must be positive and is not."""
        import pytensor.tensor as pt

        # PyTensor would compute with a constant such as 2.0 in single precision.
        f, spread = pt.cast(f, "float64"), pt.cast(spread, "float64")
        if not self.positive:
            return self.standard.log_density((value - f) / spread, *shape) - pt.log(spread)
        possible = pt.gt(f, 0.0)
        value = pt.switch(pt.gt(value, 0.0), value, 1.0)
        z = (self._on_scale(value) - self.scale.additive(pt.switch(possible, f, 1.0), pt)) / spread
        density = self.standard.log_density(z, *shape) - pt.log(spread) - pt.log(value)
        return pt.switch(possible, density, -np.inf)

    def log_probability(self, value: Any, f: Any, spread: Any, *shape_and_bounds: Any) -> Any:
        """Log-density of y at `value` where lower = upper, log-probability of the interval elsewhere.

        The interval's probability is computed in the tail that is the smaller one, so that it keeps its
        relative accuracy far from the prediction. The bounds come last, after the form of the law.
        """
        import pytensor.tensor as pt

        *shape, lower, upper = shape_and_bounds
        f, spread = pt.cast(f, "float64"), pt.cast(spread, "float64")
        quantified = pt.eq(lower, upper)
        possible = pt.gt(f, 0.0)
        centre = self.scale.additive(pt.switch(possible, f, 1.0), pt) if self.positive else f
        low, high = self._on_scale(lower), self._on_scale(upper)
        interval = self._log_interval(quantified, low, high, centre, spread, tuple(shape))
        if self.positive:
            interval = pt.switch(possible, interval, -np.inf)
        return pt.switch(quantified, self.log_density(value, f, spread, *shape), interval)

    def draw(self, f: Any, spread: Any, *shape_and_bounds: Any, rng: Any, size: Any) -> Any:
        """Simulated values as they were before any limit of quantification."""
        shape = shape_and_bounds[: len(self.standard.suffixes)]
        if size is None:
            size = np.broadcast_shapes(np.shape(f), np.shape(spread))
        z = self.standard.draw(rng, size, *shape)
        return self.scale.natural(self.scale.additive(f, np) + spread * z, np)

    def weighted_residual(
        self, value: np.ndarray, f: np.ndarray, spread: np.ndarray, sigmas: Mapping[str, float]
    ) -> np.ndarray:
        """(h(y) - h(f)) / s as the standard normal value of the same probability."""
        z = (self.scale.additive(value, np) - self.scale.additive(f, np)) / spread
        return self.standard.normal_score(z, *form(self.standard, sigmas))

    def equation(
        self, observed: Formula, f: Formula, spread: Formula, sigma: Callable[[str], Formula]
    ) -> Equation:
        """The law for printing."""
        law = self.standard.formula(self.scale.formula(f), spread, sigma)
        return Equation(self.scale.formula(observed), law, "~")

    def _on_scale(self, bound: Any) -> Any:
        """h(bound), without the logarithm of 0."""
        import pytensor.tensor as pt

        if not self.positive:
            return bound
        inside = pt.gt(bound, 0.0)
        return pt.switch(inside, self.scale.additive(pt.switch(inside, bound, 1.0), pt), -np.inf)

    def _log_interval(
        self, quantified: Any, low: Any, high: Any, centre: Any, spread: Any, shape: tuple[Any, ...]
    ) -> Any:
        import pytensor.tensor as pt

        a, b = _standardised(low, centre, spread, -np.inf), _standardised(high, centre, spread, np.inf)
        flip = pt.gt(a + b, 0.0)
        left, right = pt.switch(flip, -b, a), pt.switch(flip, -a, b)
        left = pt.switch(quantified, -1.0, left)
        right = pt.switch(quantified, 0.0, right)
        unbounded = pt.isinf(left)
        log_right = self.standard.log_cdf(right, *shape)
        log_left = self.standard.log_cdf(pt.switch(unbounded, -1.0, left), *shape)
        between = log_right + pt.log1p(-pt.exp(pt.minimum(log_left - log_right, -1e-300)))
        return pt.switch(unbounded, log_right, between)


NORMAL = Law()


def _standardised(bound: Any, centre: Any, spread: Any, infinity: float) -> Any:
    """(bound - centre) / spread; infinite bounds are kept out of the division, whose gradient is inf * 0."""
    import pytensor.tensor as pt

    infinite = pt.isinf(bound)
    return pt.switch(infinite, infinity, (pt.switch(infinite, 0.0, bound) - centre) / spread)
