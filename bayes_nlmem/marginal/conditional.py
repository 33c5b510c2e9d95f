"""The graph as functions of the population parameters and the random effects, for all subjects at once.

Given the population parameters the subjects are independent, so one gradient of the graph holds every
subject's gradient, and one more per random effect gives every subject's Hessian.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt

from bayes_nlmem.marginal.compiled import Compiled, compile_flat
from bayes_nlmem.translation.flat import Flat
from bayes_nlmem.translation.graph import Translation

_SUBJECTS = ("eta", "eta_by_class")
_EFFECTS = (*_SUBJECTS, "kappa")


@dataclass(frozen=True, eq=False)
class Conditional:
    """log p(theta), log p(b | theta) and log p(y | b, theta) of a translated model, with gradients.

    `theta` is the flat vector of the population parameters on PyMC's unconstrained scale, `b` the flat
    vector of the random effects (`eta`, or `eta_by_class` in mixtures, row by row, then `kappa`).

    Parameters
    ----------
    translation : Translation
        A translation in the centred geometry, where the effects' values are the effects themselves.
    """

    translation: Translation

    # --- bookkeeping -----------------------------------------------------------------------------

    @property
    def graph(self) -> pm.Model:
        """The PyMC model."""
        return self.translation.graph

    @cached_property
    def population(self) -> Flat:
        """The population's variables in the order of `theta`."""
        return Flat(self.graph, tuple(rv for rv in self.graph.free_RVs if rv.name not in _EFFECTS))

    @cached_property
    def effects(self) -> Flat:
        """The random effects in the order of `b`."""
        found = {rv.name: rv for rv in self.graph.free_RVs}
        return Flat(self.graph, tuple(found[name] for name in _EFFECTS if name in found))

    @property
    def n_effects(self) -> int:
        """Length of `b`."""
        return self.effects.size

    @cached_property
    def slots(self) -> np.ndarray:
        """Position in `b` of every effect of every subject, shape (n_subjects, n_slots), -1 where none."""
        layout = self.translation.layout
        n = len(layout.subjects)
        shapes = {
            rv.name: shape for rv, shape in zip(self.effects.variables, self.effects.shapes, strict=True)
        }
        columns, offset = [], 0
        for shape in (shapes[name] for name in _SUBJECTS if name in shapes):
            offset = int(np.prod(shape))
            columns.append(np.arange(offset).reshape(shape))
        if "kappa" in shapes:
            width = shapes["kappa"][1]
            most = np.bincount(layout.occasion_subject, minlength=n).max()
            block = np.full((n, most * width), -1)
            rank = np.zeros(n, dtype=int)
            for k, subject in enumerate(layout.occasion_subject):
                at = rank[subject] * width
                block[subject, at : at + width] = offset + k * width + np.arange(width)
                rank[subject] += 1
            columns.append(block)
        return np.concatenate(columns, axis=1) if columns else np.zeros((n, 0), dtype=int)

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
        from bayes_nlmem.marginal.many import terms_at

        data = self._terms.data
        return terms_at(
            self._address,
            np.concatenate([theta, np.zeros(self.n_effects)]),
            len(theta),
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
        of_effects, of_observations = self.terms_at(theta, self.scatter_many(places))
        return of_effects, self.by_subject(of_observations)

    def by_subject(self, of_observations: np.ndarray) -> np.ndarray:
        """Sums over every subject's observations, shape (..., n_subjects)."""
        total = np.zeros((*of_observations.shape[:-1], len(self.slots)))
        np.add.at(total.T, self.subject_of_observation, of_observations.T)
        return total

    def scatter_many(self, tables: np.ndarray) -> np.ndarray:
        """Tables (..., n_subjects, n_slots) as flat vectors over `b`."""
        flat = np.zeros((*tables.shape[:-2], self.n_effects))
        present = self.slots >= 0
        flat[..., self.slots[present]] = tables[..., present]
        return flat

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
        return np.where(self.slots >= 0, flat[np.maximum(self.slots, 0)], 0.0)

    def scatter(self, table: np.ndarray) -> np.ndarray:
        """The inverse of `gather`."""
        flat = np.zeros(self.n_effects)
        present = self.slots >= 0
        flat[self.slots[present]] = table[present]
        return flat

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
        prior = _total(terms_population) + _total(graph.replace_rvs_by_values(graph.potentials))
        of_effects, of_data = _total(rest[: len(effects)]), _total(rest[len(effects) :])
        individual = graph.replace_rvs_by_values([graph[name] for name in self._individual_names])
        slopes = [self._slope(total, population) for total in (prior, of_effects, of_data)]
        outputs = [prior, *slopes, self._slope(of_effects + of_data, effects), *rest, *individual]
        return compile_flat(Flat(graph, (*population, *effects)), outputs)

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
        graph, population, effects = self.graph, self.population.variables, self.effects.variables
        terms = graph.logp(vars=[*effects, *graph.observed_RVs], sum=False)
        split = len(effects)
        joined = [
            pt.concatenate([pt.zeros(1), *(pt.cast(term, "float64").ravel() for term in some)])[1:]
            for some in (terms[:split], terms[split:])
        ]
        return compile_flat(Flat(graph, (*population, *effects)), joined)

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
        split = len(self.effects.variables)
        terms = self.graph.logp(vars=list(self.effects.variables), sum=False)
        found = [np.zeros(0, np.int64)]
        for group, term, shape in zip(self._groups[:split], terms, self.effects.shapes, strict=True):
            found.append(np.repeat(group, shape[1] if term.ndim == 2 else 1))
        return np.concatenate(found).astype(np.int64)

    def _slope(self, total: Any, variables: tuple) -> Any:
        values = [self.graph.rvs_to_values[rv] for rv in variables]
        if not values:
            return pt.zeros(0)
        gradients = pytensor.grad(total, values, disconnected_inputs="ignore")
        return pt.concatenate([gradient.ravel() for gradient in gradients])


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


def _total(terms: list) -> Any:
    return sum((term.sum() for term in terms), start=pt.constant(0.0))
