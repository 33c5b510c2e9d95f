"""What a design is expected to tell about the population parameters, before any observation is made."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.marginal.first_order import effects_precision
from bayes_nlmem.marginal.linearised import Linearisation, Linearised
from bayes_nlmem.marginal.point import points_of_draws
from bayes_nlmem.model.specification import Model
from bayes_nlmem.simulation.evaluation import evaluate
from bayes_nlmem.simulation.population import population_in
from bayes_nlmem.translation.graph import translate

_STEP = 1e-4
_SUFFIXES = ("_log__", "_logodds__", "_interval__", "_lowerbound__", "_upperbound__")


@dataclass(frozen=True, eq=False)
class Information:
    """Information about the population parameters on their unconstrained scales.

    Parameters
    ----------
    model, data : Model, Dataset
        The model and the design; its observations are not used.
    """

    model: Model
    data: Dataset

    @cached_property
    def conditional(self) -> Conditional:
        """The functions of the graph."""
        return Conditional(translate(self.model, self.data, geometry="centred"))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the elements of theta, as in the model."""
        return tuple(_plain(name) for name in self.conditional.population.elements)

    def of_design(self, theta: np.ndarray) -> np.ndarray:
        r"""Fisher information of the observations, first-order approximation.

        .. math:: I_{ab} = \sum_i \partial_a f_i^T V_i^{-1} \partial_b f_i
            + \tfrac12 \mathrm{tr}(V_i^{-1} \partial_a V_i V_i^{-1} \partial_b V_i), \qquad
            V_i = G_i \Omega G_i^T + S_i^2,

        G the slopes of the predictions in the random effects, S the residual SDs, both at zero effects.

        Parameters
        ----------
        theta : ndarray, shape (n_theta,)
            Population parameters, unconstrained.

        Returns
        -------
        ndarray, shape (n_theta, n_theta)

        References
        ----------
        Retout, Mentré & Bruno 2002, doi:10.1002/sim.1041
        """
        at = self._linear(theta, population=True)
        assert at.by_population is not None
        variances = self._variances(theta, at)
        n = len(theta)
        moved = []
        for k in range(n):
            up, down = theta.copy(), theta.copy()
            up[k] += _STEP
            down[k] -= _STEP
            high, low = (self._variances(t, self._linear(t)) for t in (up, down))
            moved.append([(h - w) / (2 * _STEP) for h, w in zip(high, low, strict=True)])
        information = np.zeros((n, n))
        for i, variance in enumerate(variances):
            own = at.subject == i
            if not own.any():
                continue
            slopes = at.by_population[own]
            information += slopes.T @ np.linalg.solve(variance, slopes)
            scaled = np.stack([np.linalg.solve(variance, moved[k][i]) for k in range(n)])
            information += 0.5 * np.einsum("aij,bji->ab", scaled, scaled)
        return 0.5 * (information + information.T)

    def prior_draws(self, draws: int = 400, seed: int = 0) -> np.ndarray:
        """Unconstrained population parameters drawn from their priors, shape (draws, n_theta)."""
        graph = self.conditional.graph
        variables = population_in(graph)
        values = evaluate(graph, variables, {}, draws, seed)
        columns: dict[str, Any] = {}
        for variable, value in zip(variables, values, strict=True):
            dims = [f"{variable.name}_{k}" for k in range(value.ndim - 1)]
            columns[variable.name] = (("sample", *dims), value)
        return points_of_draws(self.conditional, xr.Dataset(columns))

    @cached_property
    def _linearisation(self) -> Linearisation:
        return Linearisation(self.conditional)

    def _linear(self, theta: np.ndarray, *, population: bool = False) -> Linearised:
        return self._linearisation.at(theta, np.zeros(self.conditional.n_effects), population=population)

    def _variances(self, theta: np.ndarray, linear: Linearised) -> list[np.ndarray]:
        """Covariance of every subject's observations."""
        nothing = np.zeros(self.conditional.n_effects)
        precision = effects_precision(self.conditional, theta, nothing)
        covariance = np.linalg.inv(precision) if precision.shape[1] else precision
        found = []
        for i in range(len(covariance)):
            own = linear.subject == i
            slopes = linear.by_effect[own]
            found.append(slopes @ covariance[i] @ slopes.T + np.diag(linear.sd[own] ** 2))
        return found


def _plain(element: str) -> str:
    """`CL_pop` of `CL_pop_log__`; `corr_CL_V` of the coordinate that draws it."""
    name, bracket, index = element.partition("[")
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    if name.startswith("partial_") and name.count("_") == 2:
        return f"corr_{name.removeprefix('partial_')}"
    return f"{name}{bracket}{index}"
