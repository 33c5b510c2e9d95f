"""From the unconstrained vector to the named population parameters, with their standard errors."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pytensor
from pytensor.graph.traversal import ancestors

from bayes_nlmem.marginal.conditional import Conditional

_STEP = 1e-5
_Z = 1.959963984540054


@dataclass(frozen=True, eq=False)
class NaturalScale:
    """Every quantity of the graph that depends on the population's variables alone.

    Parameters
    ----------
    conditional : Conditional
        The model's functions.
    """

    conditional: Conditional

    @cached_property
    def _variables(self) -> list[Any]:
        """Population variables and what is computed from them alone, partial correlations left out."""
        graph, population = self.conditional.graph, self.conditional.population.variables
        effects = set(self.conditional.effects.variables)
        data = set(graph.data_vars) | set(graph.observed_RVs)
        found = [rv for rv in population if not rv.name.startswith("partial_")]
        for quantity in graph.deterministics:
            above = set(ancestors([quantity]))
            if quantity.ndim <= 1 and not above & (effects | data) and above & set(population):
                found.append(quantity)
        return found

    @cached_property
    def _function(self) -> Any:
        graph = self.conditional.graph
        values = [graph.rvs_to_values[rv] for rv in self.conditional.population.variables]
        outputs = graph.replace_rvs_by_values(self._variables)
        return pytensor.function(values, outputs, mode="FAST_COMPILE", on_unused_input="ignore")

    @cached_property
    def names(self) -> list[str]:
        """Names of the elements of `values`."""
        point = self.conditional.population.start
        found = self._function(*[point[name] for name in self.conditional.population.values])
        names = []
        for variable, value in zip(self._variables, found, strict=True):
            indices = np.ndindex(np.shape(value))
            names += [
                variable.name if not index else f"{variable.name}[{', '.join(map(str, index))}]"
                for index in indices
            ]
        return names

    def values(self, theta: np.ndarray) -> np.ndarray:
        """The quantities at theta, natural scale."""
        point = self.conditional.population.split(theta)
        found = self._function(*[point[name] for name in self.conditional.population.values])
        return np.concatenate([np.ravel(value).astype(float) for value in found] or [np.zeros(0)])

    def deviations(
        self, theta: np.ndarray, at: np.ndarray, covariance: np.ndarray
    ) -> dict[str, tuple[float, float, float]]:
        """Standard error (delta method) and 95% limits of every quantity.

        The limits of a quantity that moves with one element of theta alone are symmetric on that element's
        scale (so they stay inside its range); of the others, on the natural scale.

        Parameters
        ----------
        theta : ndarray, shape (n_theta,)
        at : ndarray of int
            The estimated elements.
        covariance : ndarray, shape (n_estimated, n_estimated)
        """
        base = self.values(theta)
        jacobian = np.zeros((len(base), len(at)))
        for column, k in enumerate(at):
            up, down = theta.copy(), theta.copy()
            up[k] += _STEP
            down[k] -= _STEP
            jacobian[:, column] = (self.values(up) - self.values(down)) / (2 * _STEP)
        found = {}
        for row, name in enumerate(self.names):
            moves = np.flatnonzero(np.abs(jacobian[row]) > 1e-10 * max(abs(base[row]), 1e-10))
            if not len(moves):
                continue
            slope = jacobian[row, moves]
            variance = slope @ covariance[np.ix_(moves, moves)] @ slope
            se = float(np.sqrt(variance)) if variance >= 0 else float("nan")
            lower, upper = base[row] - _Z * se, base[row] + _Z * se
            if len(moves) == 1 and np.isfinite(se):
                k, column = at[moves[0]], moves[0]
                width = _Z * np.sqrt(covariance[column, column])
                ends = []
                for sign in (-1.0, 1.0):
                    moved = theta.copy()
                    moved[k] += sign * width
                    ends.append(self.values(moved)[row])
                lower, upper = min(ends), max(ends)
            found[name] = (se, float(lower), float(upper))
        return found
