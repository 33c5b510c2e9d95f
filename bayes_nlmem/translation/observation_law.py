"""The law of the observations of one output, given other errors and limits, as PyMC wants it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_nlmem.statistics.laws import Law
from bayes_nlmem.translation.censored_chains import chain_terms


@dataclass(frozen=True, eq=False)
class ObservationLaw:
    """Log-likelihood of every observation, given those before it, and joint draws of all.

    The arguments of the methods are f, s, the form of the law; then, if `correlated`, shift, shrink (of Z in
    the likelihood), draw_shift, draw_shrink (in simulations); if `previous` is given, r and sqrt(1 - r^2);
    if `truncated`, the limit above which an observation has to lie; if `censored`, lower and upper bounds.

    Parameters
    ----------
    law : Law
        The law of a single observation.
    correlated : bool
        Whether the errors are correlated with those of another output.
    previous : ndarray of int or None, shape (n_obs,)
        Position of the error before each one in its chain, -1 at the start of a chain.
    truncated : bool
        Whether only values above a limit are observed (M2).
    censored : bool
        Whether there are censored values.
    beyond : ndarray of bool or None, shape (n_obs,)
        Which values are censored; needed beside `previous`.
    """

    law: Law
    correlated: bool = False
    previous: np.ndarray | None = None
    truncated: bool = False
    censored: bool = False
    beyond: np.ndarray | None = None

    def log_probability(self, value: Any, *arguments: Any) -> Any:
        """Log-density, or log-probability, of every observation given those before it."""
        import pytensor.tensor as pt

        found = self._sorted(arguments)
        f, spread, form = found["f"], found["spread"], found["form"]
        given: dict[str, Any] = {}
        if self.correlated:
            given = {"shift": found["shift"], "shrink": found["shrink"]}
        if self.previous is not None and self.censored:
            return self._chained(value, found)
        if self.previous is not None:
            z = self.law.standardised(value, f, spread, *form)
            before = pt.switch(self.previous >= 0, z[..., np.maximum(self.previous, 0)], 0.0)
            given = {"shift": found["r"] * before, "shrink": found["rest"]}
        if self.censored:
            bounds = (found["lower"], found["upper"])
            term = self.law.log_probability(value, f, spread, *form, *bounds, **given)
        else:
            term = self.law.log_density(value, f, spread, *form, **given)
        if self.truncated:
            above = found["above"]
            term = term - self.law.log_between(above, pt.full_like(above, np.inf), f, spread, *form)
        return term

    def _chained(self, value: Any, found: dict[str, Any]) -> Any:
        """Terms of autocorrelated errors some of which are censored."""
        import pytensor.tensor as pt

        assert self.previous is not None and self.beyond is not None
        f, spread, form = found["f"], found["spread"], found["form"]
        z = self.law.standardised(value, f, spread, *form)
        bounds = self.law.standardised_bounds(found["lower"], found["upper"], f, spread, *form)
        r, rest = (pt.add(found[name], pt.zeros_like(z)) for name in ("r", "rest"))
        terms = chain_terms(self.law, z, *bounds, self.previous, self.beyond, r, rest)
        # a density of y, not of z, where it was quantified
        alone = self.law.log_density(value, f, spread, *form) - self.law.standard.log_density(z)
        return terms + pt.switch(self.beyond, pt.switch(pt.isinf(alone), alone, 0.0), alone)

    def draw(self, *arguments: Any, rng: Any, size: Any) -> np.ndarray:
        """Simulated observations as they were before any limit of quantification; under M2 above it."""
        found = self._sorted(arguments)
        f, spread, form = found["f"], found["spread"], found["form"]
        if size is None:
            size = np.broadcast_shapes(np.shape(f), np.shape(spread))
        shape = self.law.shape_of(form)
        if self.truncated:
            z = self.draw_above(f, spread, form, found["above"], rng, size)
        else:
            z = self.law.standard.draw(rng, size, *shape)
        if self.correlated:
            z = found["draw_shift"] + found["draw_shrink"] * z
        if self.previous is not None:
            z = chained(z, self.previous, found["r"], found["rest"])
        return self.law.observed(f, spread, z, *form)

    def draw_above(self, f: Any, spread: Any, form: Any, above: Any, rng: Any, size: Any) -> np.ndarray:
        """Standardised errors of observations that lie above a limit."""
        f, spread, above = (np.broadcast_to(np.asarray(x, float), size) for x in (f, spread, above))
        shape = tuple(np.broadcast_to(np.asarray(x, float), size) for x in self.law.shape_of(form))
        free = np.isinf(above)
        if self.law.positive:
            free = free | (above <= 0)
        bend = self.law.bend_of(form)
        inside = np.where(free, 1.0, above)
        bound = (self.law.scale.additive(inside, np, *bend) - self.law.scale.additive(f, np, *bend)) / spread
        unlimited = self.law.standard.draw(rng, size, *shape)
        limited = self.law.standard.draw_above(rng, np.where(free, 0.0, bound), *shape)
        return np.where(free, unlimited, limited)

    def _sorted(self, arguments: Any) -> dict[str, Any]:
        """The arguments by name."""
        f, spread, *rest = arguments
        count = len(self.law.suffixes)
        found: dict[str, Any] = {"f": f, "spread": spread, "form": tuple(rest[:count])}
        return found | dict(zip(self.names, rest[count:], strict=True))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the arguments after the form of the law."""
        found: tuple[str, ...] = ()
        if self.correlated:
            found += ("shift", "shrink", "draw_shift", "draw_shrink")
        if self.previous is not None:
            found += ("r", "rest")
        if self.truncated:
            found += ("above",)
        return found + (("lower", "upper") if self.censored else ())


def chained(z: np.ndarray, previous: np.ndarray, r: Any, rest: Any) -> np.ndarray:
    """Autocorrelated errors from independent ones, along the last axis.

    Examples
    --------
    >>> chained(np.ones(3), np.array([-1, 0, 1]), np.array([0.0, 0.6, 0.6]), np.array([1.0, 0.8, 0.8]))
    array([1.  , 1.4 , 1.64])
    """
    r, rest = np.broadcast_to(r, z.shape), np.broadcast_to(rest, z.shape)
    found = rest * z
    for k in np.flatnonzero(previous >= 0):
        found[..., k] += r[..., k] * found[..., previous[k]]
    return found
