"""All submodels of a covariate model from one compiled graph: a relation that is out is held at no effect."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.ground.messages import FitError, explain
from bayes_nlmem.learning.stochastic.densities import Densities
from bayes_nlmem.learning.stochastic.effect_law import EffectLaw
from bayes_nlmem.learning.stochastic.natural_scale import NaturalScale
from bayes_nlmem.learning.stochastic.roles import find_roles
from bayes_nlmem.learning.stochastic.run import Effort, Run
from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.marginal.ebe import find_modes
from bayes_nlmem.marginal.importance import importance
from bayes_nlmem.marginal.information import InformationCriteria, count_parameters
from bayes_nlmem.marginal.laplace import laplace
from bayes_nlmem.marginal.laplace_em import laplace_em
from bayes_nlmem.marginal.point import _forward_function
from bayes_nlmem.model.specification import Model
from bayes_nlmem.selection.laplace_maximum import climb_laplace
from bayes_nlmem.selection.relations import Relation, neutral, with_relations
from bayes_nlmem.translation.graph import translate

METHODS = ("saem", "laplace")


@dataclass(frozen=True)
class Submodel:
    """The maximum of one submodel's likelihood.

    Parameters
    ----------
    included : tuple of str
        Names of the relations in it.
    minus_twice, error : float
        -2 log-likelihood and its Monte Carlo error.
    parameters : int
        Number of estimated elements.
    bicc : float
        Corrected BIC.
    values : dict of str to float
        Estimates, natural scale.
    theta, effects : tuple of float
        The estimate on the unconstrained scale and the modes there: where the next submodel starts.
    """

    included: tuple[str, ...]
    minus_twice: float
    error: float
    parameters: int
    bicc: float
    values: dict[str, float]
    theta: tuple[float, ...]
    effects: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Submodels:
    """A base model with all candidate relations as one graph.

    Parameters
    ----------
    model : Model
        The base model.
    data : Dataset
        The study.
    candidates : tuple of Relation
        The relations.
    method : {"saem", "laplace"}
        SAEM with importance sampling, or the maximum of Laplace's approximation.
    seed : int
        Seed of SAEM and of importance sampling.
    """

    model: Model
    data: Dataset
    candidates: tuple[Relation, ...]
    method: str
    seed: int

    def __reduce__(self) -> tuple:
        """Only what it was made from travels to another process, nothing that was compiled."""
        return Submodels, (self.model, self.data, self.candidates, self.method, self.seed)

    @cached_property
    def _densities(self) -> Densities:
        full = with_relations(self.model, self.candidates)
        return Densities(Conditional(translate(full, self.data, geometry="centred")))

    @cached_property
    def _neutral(self) -> np.ndarray:
        """No effect, for every element of theta that is a candidate's coefficient; NaN elsewhere."""
        conditional = self._densities.conditional
        graph, variables = conditional.graph, conditional.population.variables
        natural = {
            name: neutral(self.model, self.data, relation)
            for relation in self.candidates
            for name in relation.coefficients
        }
        start = NaturalScale(conditional)
        known = dict(zip(start.names, start.values(self._priors_centre), strict=True))
        values = []
        for rv in variables:
            shape = np.shape(conditional.population.start[graph.rvs_to_values[rv].name])
            value = natural.get(rv.name)
            given = known.get(rv.name, np.nan) if value is None else value
            values.append(np.full(shape, given))
        with np.errstate(all="ignore"):
            found = [np.ravel(part) for part in _forward_function(conditional)(*values)]
        marked = [
            part if rv.name in natural else np.full_like(part, np.nan, dtype=float)
            for rv, part in zip(variables, found, strict=True)
        ]
        at = np.concatenate(marked)
        inside = np.concatenate(
            [np.full(np.size(part), rv.name in natural) for rv, part in zip(variables, found, strict=True)]
        )
        if np.any(inside & ~np.isfinite(at)):
            wrong = sorted(
                {conditional.population.elements[k] for k in np.flatnonzero(inside & ~np.isfinite(at))}
            )
            raise FitError(
                explain(
                    expected="coefficients whose priors have no effect strictly inside their range",
                    got=", ".join(wrong),
                    remedy="Use Normal(0, ...).",
                )
            )
        return at

    @cached_property
    def _priors_centre(self) -> np.ndarray:
        population = self._densities.conditional.population
        return population.join(population.start)

    def held(self, included: Iterable[str]) -> np.ndarray:
        """Which elements of theta are held at no effect."""
        chosen = set(included)
        out = {
            name
            for relation in self.candidates
            if relation.name not in chosen
            for name in relation.coefficients
        }
        population = self._densities.conditional.population
        marks = [
            np.full(int(np.prod(shape)), rv.name in out)
            for rv, shape in zip(population.variables, population.shapes, strict=True)
        ]
        return np.concatenate(marks)

    def start(self) -> tuple[np.ndarray, np.ndarray]:
        """The base model's Laplace-EM fit with every candidate at no effect."""
        found = laplace_em(self._densities.conditional)
        held = self.held(())
        theta = np.where(held, self._neutral, found.theta)
        return theta, found.effects

    def evaluate(
        self, included: Iterable[str], parent: Submodel | None = None, *, effort: int = 1
    ) -> Submodel:
        """The maximum of the likelihood with these relations, from the parent's estimate."""
        chosen = tuple(sorted(included))
        held = self.held(chosen)
        theta, b = self.start() if parent is None else (np.array(parent.theta), np.array(parent.effects))
        theta = np.where(held, self._neutral, theta)
        if self.method == "laplace":
            theta, modes, minus_twice, error = self._by_laplace(theta, b, held)
        else:
            theta, modes, minus_twice, error = self._by_saem(theta, b, held, effort, parent is None)
        conditional = self._densities.conditional
        count = count_parameters(with_relations(self.model, self.candidates), conditional, held)
        sizes = self._densities.n_subjects, sum(self._densities.sizes)
        priced = InformationCriteria("estimate", minus_twice, float("nan"), count, *sizes, error)
        scale = NaturalScale(conditional)
        out = {name for r in self.candidates if r.name not in chosen for name in r.coefficients}
        values = {
            name: float(value)
            for name, value in zip(scale.names, scale.values(theta), strict=True)
            if name not in out
        }
        return Submodel(
            chosen,
            minus_twice,
            error,
            count.total,
            priced.bicc,
            values,
            tuple(theta.tolist()),
            tuple(modes.b.tolist()),
        )

    def _by_saem(self, theta: np.ndarray, b: np.ndarray, held: np.ndarray, effort: int, first: bool) -> Any:
        densities = self._densities
        law = EffectLaw(densities, theta)
        roles = find_roles(densities, law, theta, held, closed=True)
        chains = max(1, round(60 / densities.n_subjects))
        plan = Effort(chains, (60 if first else 30, 300), 60 * effort, 0.15, 10)
        run = Run(densities, law, roles, plan, False, np.random.default_rng(self.seed))
        run.start(theta, b)
        run.explore()
        run.smooth()
        run.settle()
        modes = find_modes(densities.conditional, run.theta, run.mode, careful=False)
        found = importance(densities.conditional, modes, tolerance=0.1, seed=self.seed)
        error = 2.0 * float(np.sqrt(np.sum(found.error**2)))
        return run.theta, modes, -2.0 * float(found.log_likelihood.sum()), error

    def _by_laplace(self, theta: np.ndarray, b: np.ndarray, held: np.ndarray) -> Any:
        theta, b = climb_laplace(self._densities.conditional, theta, b, np.flatnonzero(~held))
        modes = find_modes(self._densities.conditional, theta, b)
        found = laplace(modes, self._densities.conditional.slots).log_likelihood
        return theta, modes, -2.0 * float(found.sum()), float("nan")


@dataclass(frozen=True, eq=False)
class _Keyed:
    """Submodels that are equal when their keys are, so that a process compiles one study once."""

    key: str
    content: Submodels

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Keyed) and other.key == self.key

    def __hash__(self) -> int:
        return hash(self.key)


@lru_cache(maxsize=4)
def _first_of(keyed: _Keyed) -> Submodels:
    return keyed.content


def evaluate_elsewhere(
    key: str, submodels: Submodels, included: tuple[str, ...], parent: Submodel | None
) -> Submodel:
    """`Submodels.evaluate` in another process, which keeps its compiled graph for the next call.

    Parameters
    ----------
    key : str
        What identifies the study, the model, the candidates and the settings.
    submodels : Submodels
        All of it.
    included : tuple of str
        The relations.
    parent : Submodel or None
        Where to start.
    """
    return _first_of(_Keyed(key, submodels)).evaluate(included, parent)
