"""The law of an observation around its prediction: a scale on which a symmetric error is added."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bayes_nlmem.ground.formulas import Equation, Formula
from bayes_nlmem.statistics.standard_laws import StandardLaw, StandardNormal
from bayes_nlmem.statistics.transformations import Transformation, Untransformed


@dataclass(frozen=True)
class Law:
    """h(y) = h(f) + s * Z: likelihood, censoring, simulation, residuals and printing follow from it.

    The methods take the parameters of the residual error that give h and the law of Z their form after f and
    s, in the order of `suffixes`.

    Parameters
    ----------
    scale : Transformation
        h, the scale on which the error is added.
    standard : StandardLaw
        The law of Z.

    Examples
    --------
    >>> float(Law().log_density(1.0, 1.0, 1.0).eval().round(4))
    -0.9189
    """

    scale: Transformation = field(default_factory=Untransformed)
    standard: StandardLaw = field(default_factory=StandardNormal)

    @property
    def positive(self) -> bool:
        """Whether observations and predictions have to be positive."""
        return self.scale.positive

    @property
    def normal(self) -> bool:
        """Whether Z is normal."""
        return isinstance(self.standard, StandardNormal)

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Parameters of the residual error that give the law its form: those of h, then those of Z."""
        return (*self.scale.suffixes, *self.standard.suffixes)

    def form(self, sigmas: Mapping[str, Any]) -> tuple[Any, ...]:
        """Their values, in this order."""
        return tuple(sigmas[suffix] for suffix in self.suffixes)

    def bend_of(self, form: Any) -> tuple[Any, ...]:
        """The parameters of h among those that `form` gives."""
        return self._split(form)[0]

    def shape_of(self, form: Any) -> tuple[Any, ...]:
        """The parameters of the law of Z among those that `form` gives."""
        return self._split(form)[1]

    def standardised(self, value: Any, f: Any, spread: Any, *form: Any) -> Any:
        """(h(y) - h(f)) / s in a graph; finite where y or f lies outside the range of h."""
        import pytensor.tensor as pt

        f, spread = pt.cast(f, "float64"), pt.cast(spread, "float64")
        bend, _ = self._split(form)
        return (self._inner(value, bend) - self._inner(f, bend)) / spread

    def log_density(
        self, value: Any, f: Any, spread: Any, *form: Any, shift: Any = 0.0, shrink: Any = 1.0
    ) -> Any:
        """Log-density of y at `value`, on its own scale; -inf where f must be positive and is not.

        Given other residuals, Z is `shift` + `shrink` * Z' with the same law for Z'; both are variables then.
        """
        import pytensor.tensor as pt

        # PyTensor would compute with a constant such as 2.0 in single precision.
        f, spread = pt.cast(f, "float64"), pt.cast(spread, "float64")
        bend, shape = self._split(form)
        z = self.standardised(value, f, spread, *form)
        z = z if isinstance(shrink, float) else (z - shift) / shrink
        density = self.standard.log_density(z, *shape) - pt.log(spread)
        if not isinstance(shrink, float):
            density = density - pt.log(shrink)
        if not isinstance(self.scale, Untransformed):
            inside = pt.switch(pt.gt(value, 0.0), value, 1.0) if self.positive else value
            density = density + self.scale.log_slope(pt.cast(inside, "float64"), pt, *bend)
        return pt.switch(pt.gt(f, 0.0), density, -np.inf) if self.positive else density

    def log_probability(
        self, value: Any, f: Any, spread: Any, *form_and_bounds: Any, shift: Any = 0.0, shrink: Any = 1.0
    ) -> Any:
        """Log-density of y at `value` where lower = upper, log-probability of the interval elsewhere.

        The interval's probability is computed in the tail that is the smaller one, so that it keeps its
        relative accuracy far from the prediction. The bounds come last, after the form of the law.
        """
        import pytensor.tensor as pt

        *form, lower, upper = form_and_bounds
        quantified = pt.eq(lower, upper)
        density = self.log_density(value, f, spread, *form, shift=shift, shrink=shrink)
        interval = self.log_between(lower, upper, f, spread, *form, shift=shift, shrink=shrink)
        return pt.switch(quantified, density, interval)

    def log_between(
        self, lower: Any, upper: Any, f: Any, spread: Any, *form: Any, shift: Any = 0.0, shrink: Any = 1.0
    ) -> Any:
        """Log-probability that y lies between two bounds; any finite number where they are equal."""
        import pytensor.tensor as pt

        f = pt.cast(f, "float64")
        _, shape = self._split(form)
        left, right = self.standardised_bounds(lower, upper, f, spread, *form)
        if not isinstance(shrink, float):
            left, right = (_standardised(side, shift, shrink, side) for side in (left, right))
        found = self.log_interval(left, right, *shape)
        return pt.switch(pt.gt(f, 0.0), found, -np.inf) if self.positive else found

    def standardised_bounds(self, lower: Any, upper: Any, f: Any, spread: Any, *form: Any) -> tuple[Any, Any]:
        """The bounds of y as bounds of Z, infinite where y has no bound."""
        import pytensor.tensor as pt

        f, spread = pt.cast(f, "float64"), pt.cast(spread, "float64")
        bend, _ = self._split(form)
        centre = self._inner(f, bend)
        low, high = self._bound(lower, bend, -np.inf), self._bound(upper, bend, np.inf)
        return _standardised(low, centre, spread, -np.inf), _standardised(high, centre, spread, np.inf)

    def log_interval(self, left: Any, right: Any, *shape: Any) -> Any:
        """Log-probability that Z lies between two numbers; any finite number where they are equal."""
        import pytensor.tensor as pt

        empty = pt.eq(left, right)
        everything = pt.isinf(left) & pt.isinf(right)
        a = pt.switch(everything, -np.inf, left)
        b = pt.switch(everything, 0.0, right)
        flip = pt.gt(a + b, 0.0)
        left, right = pt.switch(flip, -b, a), pt.switch(flip, -a, b)
        left = pt.switch(empty, -1.0, left)
        right = pt.switch(empty, 0.0, right)
        unbounded = pt.isinf(left)
        log_right = self.standard.log_cdf(right, *shape)
        log_left = self.standard.log_cdf(pt.switch(unbounded, -1.0, left), *shape)
        between = log_right + pt.log1p(-pt.exp(pt.minimum(log_left - log_right, -1e-300)))
        return pt.switch(everything, 0.0, pt.switch(unbounded, log_right, between))

    def draw(self, f: Any, spread: Any, *form_and_bounds: Any, rng: Any, size: Any) -> Any:
        """Simulated values as they were before any limit of quantification."""
        form = form_and_bounds[: len(self.suffixes)]
        if size is None:
            size = np.broadcast_shapes(np.shape(f), np.shape(spread))
        _, shape = self._split(form)
        return self.observed(f, spread, self.standard.draw(rng, size, *shape), *form)

    def observed(self, f: Any, spread: Any, z: Any, *form: Any) -> np.ndarray:
        """The observation that has the standardised error z, in numpy."""
        bend, _ = self._split(form)
        return self.scale.natural(self.scale.additive(f, np, *bend) + spread * z, *bend)

    def weighted_residual(
        self, value: np.ndarray, f: np.ndarray, spread: np.ndarray, *form: Any
    ) -> np.ndarray:
        """(h(y) - h(f)) / s as the standard normal value of the same probability."""
        bend, shape = self._split(form)
        z = (self.scale.additive(value, np, *bend) - self.scale.additive(f, np, *bend)) / spread
        return self.standard.normal_score(z, *shape)

    def equation(
        self, observed: Formula, f: Formula, spread: Formula, sigma: Callable[[str], Formula]
    ) -> Equation:
        """The law for printing."""
        law = self.standard.formula(self.scale.formula(f, sigma), spread, sigma)
        return Equation(self.scale.formula(observed, sigma), law, "~")

    def _split(self, form: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """Parameters of h, parameters of the law of Z."""
        cut = len(self.scale.suffixes)
        return tuple(form[:cut]), tuple(form[cut:])

    def _inner(self, value: Any, bend: tuple[Any, ...]) -> Any:
        """h(value), h(1) where the value is not positive and has to be."""
        import pytensor.tensor as pt

        value = pt.cast(value, "float64")
        if self.positive:
            value = pt.switch(pt.gt(value, 0.0), value, 1.0)
        return self.scale.additive(value, pt, *bend)

    def _bound(self, bound: Any, bend: tuple[Any, ...], infinity: float) -> Any:
        """h(bound), -inf at and below 0 where y is positive, without infinite intermediate values."""
        import pytensor.tensor as pt

        if isinstance(self.scale, Untransformed):
            return bound
        infinite = pt.isinf(bound)
        found = self._inner(pt.switch(infinite, 1.0, bound), bend)
        if self.positive:
            found = pt.switch(pt.gt(bound, 0.0), found, -np.inf)
        return pt.switch(infinite, infinity, found)


NORMAL = Law()


def _standardised(bound: Any, centre: Any, spread: Any, infinity: Any) -> Any:
    """(bound - centre) / spread; infinite bounds are kept out of the division, whose gradient is inf * 0."""
    import pytensor.tensor as pt

    infinite = pt.isinf(bound)
    return pt.switch(infinite, infinity, (pt.switch(infinite, 0.0, bound) - centre) / spread)
