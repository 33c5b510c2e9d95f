"""Where the chains begin: around the Laplace-EM fit, so that all of them stand in the same mode."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pytensor
import pytensor.tensor as pt

from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.marginal.laplace_em import LaplaceFit
from bayes_nlmem.translation.graph import Translation

_JITTER = 0.05


@dataclass(frozen=True, eq=False)
class Starts:
    """Starting points of a graph, drawn around a Laplace-EM fit.

    Parameters
    ----------
    translation : Translation
        What will be sampled, in any geometry.
    conditional : Conditional
        The functions the fit was made with.
    fit : LaplaceFit
        The centre.
    whitened : bool
        Whether the effects are sampled in whitened coordinates, where they are standard normal.
    """

    translation: Translation
    conditional: Conditional
    fit: LaplaceFit
    whitened: bool = False

    def centre(self) -> dict[str, np.ndarray]:
        """The fit itself as values of the graph."""
        if self.whitened:
            return self._standard(self.fit.theta, 0.0, np.random.default_rng(0))
        return self._values(self.fit.theta, self.fit.effects)

    def draw(self, seed) -> dict[str, np.ndarray]:
        """One starting point: typical values slightly moved, effects drawn from their Laplace posterior."""
        rng = np.random.default_rng(seed)
        theta = self.fit.theta + _JITTER * rng.normal(size=len(self.fit.theta))
        if self.whitened:
            return self._standard(theta, 0.5, rng)
        covariance = self.fit.covariance
        noise = rng.normal(size=covariance.shape[:2])
        spread = np.einsum("nij,nj->ni", np.linalg.cholesky(covariance), noise)
        return self._values(theta, self.fit.effects + 0.5 * self.conditional.scatter(spread))

    def _standard(self, theta: np.ndarray, spread: float, rng: np.random.Generator) -> dict[str, np.ndarray]:
        effects = self.conditional.effects
        drawn = {
            name: spread * rng.normal(size=shape)
            for name, shape in zip(effects.values, effects.shapes, strict=True)
        }
        return {**self.conditional.population.split(theta), **drawn}

    def _values(self, theta: np.ndarray, effects: np.ndarray) -> dict[str, np.ndarray]:
        conditional = self.conditional
        point = {**conditional.population.split(theta), **conditional.effects.split(effects)}
        centred = conditional.graph
        graph = self.translation.graph
        values = {}
        for rv in graph.free_RVs:
            name = graph.rvs_to_values[rv].name
            if name in point:
                values[name] = point[name]
            else:
                original = point[centred.rvs_to_values[centred[rv.name]].name]
                values[name] = self._forward[rv.name](
                    original, *[point[n] for n in conditional.population.values]
                )
        return values

    @cached_property
    def _forward(self):
        """For every transformed effect the map from the effect to its value, given the population."""
        graph = self.translation.graph
        population = [graph.rvs_to_values[graph[rv.name]] for rv in self.conditional.population.variables]
        functions = {}
        for rv in graph.free_RVs:
            transform = graph.rvs_to_transforms[rv]
            if rv.name not in ("eta", "eta_by_class", "kappa") or transform is None:
                continue
            effect = pt.matrix("effect")
            [value] = graph.replace_rvs_by_values([transform.forward(effect, *rv.owner.inputs)])
            functions[rv.name] = pytensor.function(
                [effect, *population], value, mode="FAST_COMPILE", on_unused_input="ignore"
            )
        return functions
