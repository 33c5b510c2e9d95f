"""The graph's densities without their derivatives, for the steps that need many values and no slope.

Markov chains on the random effects need log p(y_i | b_i, theta) alone: the solver then carries no
sensitivities. The population's share, log p(theta) + log p(b | theta) and the individual parameters, needs
no solver at all. Both are compiled from the same graph as everything else.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt

from bayes_nlmem.marginal.compiled import Compiled, compile_flat
from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.translation.flat import Flat


@dataclass(frozen=True, eq=False)
class Densities:
    """Values of a translated model's densities at (theta, b); see `Conditional` for both vectors.

    Parameters
    ----------
    conditional : Conditional
        The same model with gradients.
    """

    conditional: Conditional

    @cached_property
    def _flat(self) -> Flat:
        both = (*self.conditional.population.variables, *self.conditional.effects.variables)
        return Flat(self.conditional.graph, both)

    @cached_property
    def _light(self) -> Compiled:
        """What needs no solver: prior and its slope, terms of the effects and their slope, parameters."""
        graph = self.conditional.graph
        population, effects = self.conditional.population.variables, self.conditional.effects.variables
        terms = graph.logp(vars=[*population, *effects], sum=False)
        prior = _total(terms[: len(population)]) + _total(graph.replace_rvs_by_values(graph.potentials))
        of_effects = terms[len(population) :]
        slopes = [_slope(graph, total, population) for total in (prior, _total(of_effects))]
        individual = graph.replace_rvs_by_values([graph[name] for name in self.individual_names])
        return compile_flat(self._flat, [prior, *slopes, *of_effects, *individual])

    @cached_property
    def individual_names(self) -> list[str]:
        """Parameters with a value per subject or row, in the model's order."""
        conditional = self.conditional
        return [
            name for name in conditional.translation.model.parameters if name in conditional.graph.named_vars
        ]

    @cached_property
    def n_subjects(self) -> int:
        """Number of subjects."""
        return len(self.conditional.translation.layout.subjects)

    def subjects(self, theta: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Log p(y_i | b_i, theta), -inf where a solve failed, and log p(b_i | theta); shape (n_subjects,)."""
        effects, data = self.conditional.densities(theta, b)
        return np.where(np.isfinite(data), data, -np.inf), effects

    def outputs(self, theta: np.ndarray, b: np.ndarray) -> list[np.ndarray]:
        """Log-density of every observation, one array per output."""
        _, terms = self.conditional.terms(theta, b)
        return np.split(terms, np.cumsum(self.sizes)[:-1])

    @cached_property
    def sizes(self) -> list[int]:
        """Number of observations of every output."""
        return [len(seen.record) for seen in self.conditional.translation.observed.values()]

    def light(self, theta: np.ndarray, b: np.ndarray) -> Light:
        """The population's share; no solver runs."""
        prior, slope_prior, slope_effects, *rest = self._light(np.concatenate([theta, b]))
        cut = len(self.conditional.effects.variables)
        individual = dict(zip(self.individual_names, rest[cut:], strict=True))
        return Light(float(prior), slope_prior, slope_effects, rest[:cut], individual)


@dataclass(frozen=True, eq=False)
class Light:
    """The population's share of the log-density at one point.

    Parameters
    ----------
    prior : float
        Log p(theta) on the unconstrained scale, potentials included.
    slope_prior, slope_effects : ndarray, shape (n_theta,)
        Gradients of log p(theta) and of log p(b | theta) in theta.
    terms : list of ndarray
        Log p(b | theta) of every subject (`eta`) and every occasion (`kappa`).
    individual : dict of str to ndarray
        Individual parameters.
    """

    prior: float
    slope_prior: np.ndarray
    slope_effects: np.ndarray
    terms: list[np.ndarray]
    individual: dict[str, np.ndarray]

    @property
    def effects(self) -> float:
        """Log p(b | theta)."""
        return float(sum(term.sum() for term in self.terms))


def _total(terms: list) -> Any:
    return sum((term.sum() for term in terms), start=pt.constant(0.0))


def _slope(graph, total, variables: tuple) -> object:
    values = [graph.rvs_to_values[rv] for rv in variables]
    if not values:
        return pt.zeros(0)
    gradients = pytensor.grad(total, values, disconnected_inputs="ignore")
    return pt.concatenate([gradient.ravel() for gradient in gradients])
