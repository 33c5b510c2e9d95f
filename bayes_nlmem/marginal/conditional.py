"""The graph as functions of the population parameters and the random effects, for all subjects at once.

Given the population parameters the subjects are independent, so one gradient of the graph holds every
subject's gradient, and one more per random effect gives every subject's Hessian.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayes_nlmem.ground.messages import ModelError, explain
from bayes_nlmem.marginal import expressions
from bayes_nlmem.marginal.compiled import Compiled, compile_flat
from bayes_nlmem.marginal.effect_slots import EFFECTS, gathered, scattered, slot_table
from bayes_nlmem.marginal.expressions import joined, slope, total
from bayes_nlmem.translation.flat import Flat
from bayes_nlmem.translation.graph import Translation

# What is derived from a graph changes with these lines.
_SOURCE_KEY = hashlib.sha256(
    b"".join(Path(file).read_bytes() for file in (__file__, expressions.__file__))
).hexdigest()[:16]


@dataclass(frozen=True, eq=False)
class Conditional:
    """log p(theta), log p(b | theta) and log p(y | b, theta) of a translated model, with gradients.

    `theta` is the flat vector of the population parameters on PyMC's unconstrained scale, `b` the flat
    vector of the random effects (`eta`, or `eta_by_class` in mixtures, row by row, then `kappa`).

    Parameters
    ----------
    translation : Translation
        A translation in the centred geometry, where the effects' values are the effects themselves.
    any_size : bool
        Compile functions that serve other data of the same form as well, see `same_form.with_code_of`.
    on_compiling : callable, optional
        Called before `joint` and its derivatives are compiled, where they are not on disk.
    """

    translation: Translation
    any_size: bool = False
    on_compiling: Callable[[], None] | None = None

    # --- bookkeeping -----------------------------------------------------------------------------

    @property
    def graph(self) -> pm.Model:
        """The PyMC model."""
        return self.translation.graph

    @cached_property
    def population(self) -> Flat:
        """The population's variables in the order of `theta`."""
        return Flat(self.graph, tuple(rv for rv in self.graph.free_RVs if rv.name not in EFFECTS))

    @cached_property
    def effects(self) -> Flat:
        """The random effects in the order of `b`."""
        found = {rv.name: rv for rv in self.graph.free_RVs}
        return Flat(self.graph, tuple(found[name] for name in EFFECTS if name in found))

    @property
    def n_effects(self) -> int:
        """Length of `b`."""
        return self.effects.size

    @cached_property
    def slots(self) -> np.ndarray:
        """Position in `b` of every effect of every subject, shape (n_subjects, n_slots), -1 where none."""
        named = zip(self.effects.variables, self.effects.shapes, strict=True)
        return slot_table({rv.name: shape for rv, shape in named}, self.translation.layout)

    @cached_property
    def _added_groups(self) -> list[np.ndarray]:
        """Subjects of the observed variables that an edit of the graph added."""
        added = self.graph.observed_RVs[len(self.translation.observed) :]
        for variable in added:
            dims = self.graph.named_vars_to_dims.get(variable.name)
            if dims is None or tuple(dims) != ("subject",):
                raise ModelError(
                    explain(
                        expected=f'dims="subject" for the observed variable {variable.name!r} of the edit',
                        got=f"dims={dims!r}",
                        remedy="Observe one value per subject, or add the density as a pm.Potential.",
                    )
                )
        return [np.arange(len(self.translation.layout.subjects)) for _ in added]

    @cached_property
    def _groups(self) -> list[np.ndarray]:
        """Subject of every element of the terms that `_everything` returns: effects, then observations."""
        layout = self.translation.layout
        subject = self.translation.data.table["SUBJECT"].to_numpy(np.int64)
        each = np.arange(len(layout.subjects))
        of_effects = {"eta": each, "eta_by_class": each, "kappa": layout.occasion_subject}
        return [
            *(of_effects[rv.name] for rv in self.effects.variables),
            *(subject[seen.record] for seen in self.translation.observed.values()),
            *self._added_groups,
        ]

    # --- functions -------------------------------------------------------------------------------

    def joint(self, theta: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Log p(y_i, b_i | theta) for every subject, with gradients.

        Returns
        -------
        value : ndarray, shape (n_subjects,)
            NaN where a prediction failed.
        gradient_b : ndarray, shape (n_effects,)
            Of the sum over the subjects; subjects do not mix, so this is each subject's own.
        gradient_theta : ndarray, shape (n_theta,)
            Of the sum over the subjects plus log p(theta).
        """
        found = self._everything(np.concatenate([theta, b]))
        n = len(self.translation.layout.subjects)
        value = np.zeros(n)
        for group, term in zip(self._groups, found.terms, strict=True):
            value += np.bincount(group, term.reshape(len(group), -1).sum(axis=1), minlength=n)
        return value, found.slope_b, found.slope_prior + found.slope_effects + found.slope_data

    def densities(self, theta: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Log p(b_i | theta) and log p(y_i | b_i, theta) for every subject, without derivatives.

        A third of the price of `joint`: for quadrature and sampling, where many points are asked for.

        Returns
        -------
        of_effects, of_data : ndarray, shape (n_subjects,)
        """
        of_effects, of_observations = self.terms(theta, b)
        n = len(of_effects)
        return of_effects, np.bincount(self.subject_of_observation, of_observations, minlength=n)

    def terms(self, theta: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Log p(b_i | theta) for every subject, and log p(y_ij | b_i, theta) for every observation.

        Returns
        -------
        of_effects : ndarray, shape (n_subjects,)
        of_observations : ndarray, shape (n_obs,)
            Output after output; see `subject_of_observation`.
        """
        of_effects, of_observations = self.terms_at(theta, b[None, :])
        return of_effects[0], of_observations[0]

    def terms_at(self, theta: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The same at many places in one call of machine code.

        Parameters
        ----------
        theta : ndarray, shape (n_theta,)
        places : ndarray, shape (n_places, n_effects)

        Returns
        -------
        of_effects : ndarray, shape (n_places, n_subjects)
        of_observations : ndarray, shape (n_places, n_obs)
        """
        return self._terms_at(np.concatenate([theta, np.zeros(self.n_effects)]), len(theta), places)

    def terms_of(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The same, each at its own population parameters.

        Parameters
        ----------
        points : ndarray, shape (n_points, n_theta + n_effects)
        """
        return self._terms_at(np.zeros(points.shape[1]), 0, points)

    def _terms_at(self, point: np.ndarray, start: int, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        from bayes_nlmem.marginal.many import terms_at

        data = self._terms.data
        return terms_at(
            self._address,
            point,
            start,
            np.ascontiguousarray(places, float),
            data.float_values,
            data.int_values,
            self._subject_of_effect_term,
            len(self.translation.layout.subjects),
            len(self.subject_of_observation),
        )

    def densities_at(self, theta: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Log p(b_i | theta) and log p(y_i | b_i, theta) at many places.

        Parameters
        ----------
        theta : ndarray, shape (n_theta,)
        places : ndarray, shape (n_places, n_subjects, n_slots)
            Effects as tables.

        Returns
        -------
        of_effects, of_data : ndarray, shape (n_places, n_subjects)
        """
        of_effects, of_observations = self.terms_at(theta, self.scatter(places))
        return of_effects, self.by_subject(of_observations)

    def by_subject(self, of_observations: np.ndarray) -> np.ndarray:
        """Sums over every subject's observations, shape (..., n_subjects)."""
        total = np.zeros((*of_observations.shape[:-1], len(self.slots)))
        order, starts, seen = self._runs
        if len(order):
            total[..., seen] = np.add.reduceat(of_observations[..., order], starts, axis=-1)
        return total

    @cached_property
    def _runs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Observations subject by subject, where each subject begins, and which subjects have any."""
        order = np.argsort(self.subject_of_observation, kind="stable")
        seen, starts = np.unique(self.subject_of_observation[order], return_index=True)
        return order, starts, seen

    @cached_property
    def subject_of_observation(self) -> np.ndarray:
        """Position of every observation's subject, output after output."""
        return np.concatenate(self._groups[len(self.effects.variables) :])

    def prior(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Log p(theta) and its gradient, on the unconstrained scale."""
        found = self._everything(np.concatenate([theta, np.zeros(self.n_effects)]))
        return float(found.prior), found.slope_prior

    def effects_density(self, theta: np.ndarray, b: np.ndarray) -> tuple[float, np.ndarray]:
        """Log p(theta) + log p(b | theta) and its gradient in `theta`."""
        found = self._everything(np.concatenate([theta, b]))
        terms = found.terms[: len(self.effects.variables)]
        return float(found.prior) + sum(
            float(t.sum()) for t in terms
        ), found.slope_prior + found.slope_effects

    def individual(self, theta: np.ndarray, b: np.ndarray) -> dict[str, np.ndarray]:
        """The individual parameters, each with its own dimension."""
        found = self._everything(np.concatenate([theta, b]))
        return dict(zip(self._individual_names, found.individual, strict=True))

    def individuals_of(self, points: np.ndarray) -> dict[str, np.ndarray]:
        """The individual parameters at many points in one call, points in the first dimension.

        Parameters
        ----------
        points : ndarray, shape (n_points, n_theta + n_effects)
        """
        from bayes_nlmem.marginal.by_address import address_of
        from bayes_nlmem.marginal.many import terms_at

        if not self._individual_names:
            return {}
        compiled = self._individuals
        shapes, values = self._individual_shapes
        _, found = terms_at(
            address_of(compiled.jitted),
            np.zeros(points.shape[1]),
            0,
            np.ascontiguousarray(points, float),
            compiled.data.float_values,
            compiled.data.int_values,
            np.zeros(0, np.int64),
            0,
            values,
        )
        pieces = np.split(found, np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1], axis=1)
        named = zip(self._individual_names, pieces, shapes, strict=True)
        return {name: piece.reshape(len(points), *shape) for name, piece, shape in named}

    def hessian(self, theta: np.ndarray, b: np.ndarray, step: float = 1e-4) -> np.ndarray:
        """Second derivatives of every subject's joint log-density in its own effects.

        Central differences of the exact gradient, 2 n_slots evaluations for all subjects together.

        Returns
        -------
        ndarray, shape (n_subjects, n_slots, n_slots)
            Symmetric; rows and columns of absent slots are those of -identity.
        """
        n, width = self.slots.shape
        hessian = np.zeros((n, width, width))
        present = self.slots >= 0
        for k in range(width):
            shift = np.zeros(self.n_effects)
            shift[self.slots[present[:, k], k]] = step
            difference = (self.joint(theta, b + shift)[1] - self.joint(theta, b - shift)[1]) / (2 * step)
            hessian[:, :, k] = np.where(present & present[:, [k]], self.gather(difference), 0.0)
        hessian = 0.5 * (hessian + hessian.transpose(0, 2, 1))
        hessian[:, np.arange(width), np.arange(width)] -= ~present
        return hessian

    def gather(self, flat: np.ndarray) -> np.ndarray:
        """A flat vector over `b` as a table (n_subjects, n_slots), zero in absent slots."""
        return gathered(flat, self.slots)

    def scatter(self, tables: np.ndarray) -> np.ndarray:
        """The inverse of `gather`: tables (..., n_subjects, n_slots) as flat vectors over `b`."""
        return scattered(tables, self.slots, self.n_effects)

    # --- compilation -----------------------------------------------------------------------------

    @cached_property
    def _individual_names(self) -> list[str]:
        return [name for name in self.translation.model.parameters if name in self.graph.named_vars]

    @cached_property
    def _compiled(self) -> Compiled:
        """One compiled function for all of it: the graph is derived, compiled and loaded once."""
        graph, population, effects = self.graph, self.population.variables, self.effects.variables
        terms = graph.logp(vars=[*population, *effects, *graph.observed_RVs], sum=False)
        terms_population, rest = terms[: len(population)], terms[len(population) :]
        prior = total(terms_population) + total(graph.replace_rvs_by_values(graph.potentials))
        of_effects, of_data = total(rest[: len(effects)]), total(rest[len(effects) :])
        individual = self.symbolic_individuals

        def derived() -> list[Any]:
            if self.on_compiling is not None:
                self.on_compiling()
            slopes = [slope(part, population, graph) for part in (prior, of_effects, of_data)]
            return [prior, *slopes, slope(of_effects + of_data, effects, graph), *rest, *individual]

        known = [prior, of_effects, of_data, *rest, *individual]
        about = f"slopes in the first {self.population.size} and in the others {_SOURCE_KEY}"
        return compile_flat(self.flat, known, derived, about=about, any_size=self.any_size)

    def _everything(self, point: np.ndarray) -> _Everything:
        prior, slope_prior, slope_effects, slope_data, slope_b, *others = self._compiled(point)
        slopes = (slope_prior, slope_effects, slope_data, slope_b)
        n_terms = len(self.effects.variables) + len(self.graph.observed_RVs)
        return _Everything(prior, *slopes, others[:n_terms], others[n_terms:])

    def refresh(self) -> None:
        """Take over data that were changed in the graph (`pm.set_data`); nothing is compiled again."""
        self._compiled.data.refresh()
        if "_terms" in self.__dict__:
            self._terms.data.refresh()

    @cached_property
    def _terms(self) -> Compiled:
        """The terms of the effects and of the observations at a point."""
        terms, split = self.symbolic_terms, len(self.effects.variables)
        return compile_flat(self.flat, [joined(terms[:split]), joined(terms[split:])], any_size=self.any_size)

    @cached_property
    def _individuals(self) -> Compiled:
        """The individual parameters, one after the other."""
        nothing = pt.zeros(1)[1:]
        return compile_flat(self.flat, [nothing, joined(self.symbolic_individuals)], any_size=self.any_size)

    @cached_property
    def flat(self) -> Flat:
        """All variables: the population's, then the effects."""
        return Flat(self.graph, (*self.population.variables, *self.effects.variables))

    @cached_property
    def symbolic_terms(self) -> list[Any]:
        """Log-densities of the effects and of the observations, as expressions of the graph's values."""
        return self.graph.logp(vars=[*self.effects.variables, *self.graph.observed_RVs], sum=False)

    @property
    def symbolic_individuals(self) -> list[Any]:
        """The individual parameters as expressions of the graph's values."""
        return self.graph.replace_rvs_by_values(self.individual_variables)

    @property
    def individual_variables(self) -> list[Any]:
        """The individual parameters in the graph."""
        return [self.graph[name] for name in self._individual_names]

    @cached_property
    def _individual_shapes(self) -> tuple[list[tuple[int, ...]], int]:
        """Shape of every individual parameter, and the number of values of all."""
        length = {dim: len(np.asarray(labels)) for dim, labels in self.graph.coords.items()}
        dims = [self.graph.named_vars_to_dims[name] for name in self._individual_names]
        shapes = [tuple(length[dim] for dim in own) for own in dims]
        total = int(sum(np.prod(shape) for shape in shapes))
        # Machine code checks no bounds.
        found = self._individuals(np.zeros(self.population.size + self.n_effects))[1]
        assert len(found) == total, "one value per individual parameter and subject, occasion or interval"
        return shapes, total

    @cached_property
    def _address(self) -> int:
        """Of the machine code of `_terms`, kept alive by it."""
        from bayes_nlmem.marginal.by_address import address_of

        effects, observations = self._terms(np.zeros(self.population.size + self.n_effects))
        # Machine code checks no bounds.
        assert len(effects) == len(self._subject_of_effect_term), "one group per term of the effects"
        assert len(observations) == len(self.subject_of_observation), "one subject per observation"
        return address_of(self._terms.jitted)

    @cached_property
    def _subject_of_effect_term(self) -> np.ndarray:
        """Subject of every element of the effects' terms, one or several per subject or occasion."""
        found = [np.zeros(0, np.int64)]
        split = len(self.effects.variables)
        for group, width in zip(self._groups[:split], self._terms_per_group, strict=True):
            found.append(np.repeat(group, width))
        return np.concatenate(found).astype(np.int64)

    @cached_property
    def _terms_per_group(self) -> list[int]:
        """Terms of each effects' variable per subject or occasion: one, or one per effect."""
        terms = self.symbolic_terms[: len(self.effects.variables)]
        return [
            shape[1] if term.ndim == 2 else 1 for term, shape in zip(terms, self.effects.shapes, strict=True)
        ]


@dataclass(frozen=True, eq=False)
class _Everything:
    """What the compiled function returns, in its order."""

    prior: np.ndarray
    slope_prior: np.ndarray
    slope_effects: np.ndarray
    slope_data: np.ndarray
    slope_b: np.ndarray
    terms: list[np.ndarray]
    individual: list[np.ndarray]
