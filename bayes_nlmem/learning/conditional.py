"""The graph as functions of the population parameters and the random effects, for all subjects at once.

Given the population parameters the subjects are independent, so one gradient of the graph holds every
subject's gradient, and one more per random effect gives every subject's Hessian.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
from pytensor.graph.replace import clone_replace

from bayes_nlmem.translation.graph import Translation

_EFFECTS = ("eta", "kappa")


@dataclass(frozen=True, eq=False)
class Conditional:
    """log p(theta), log p(b | theta) and log p(y | b, theta) of a translated model, with gradients.

    `theta` is the flat vector of the population parameters on PyMC's unconstrained scale, `b` the flat
    vector of the random effects (`eta` row by row, then `kappa`).

    Parameters
    ----------
    translation : Translation
        A translation in the centred geometry, where the effects' values are the effects themselves.
    mode : str
        PyTensor mode; "FAST_COMPILE" starts at once, "NUMBA" is faster per call.
    """

    translation: Translation
    mode: str = "FAST_COMPILE"

    # --- bookkeeping -----------------------------------------------------------------------------

    @cached_property
    def population(self) -> list:
        """The population's random variables in the order of `theta`."""
        return [rv for rv in self.graph.free_RVs if rv.name not in _EFFECTS]

    @cached_property
    def effects(self) -> list:
        """The random effects' variables in the order of `b`."""
        found = {rv.name: rv for rv in self.graph.free_RVs}
        return [found[name] for name in _EFFECTS if name in found]

    @property
    def graph(self) -> pm.Model:
        """The PyMC model."""
        return self.translation.graph

    @cached_property
    def start(self) -> dict[str, np.ndarray]:
        """PyMC's own initial point, on the unconstrained scale."""
        return self.graph.initial_point()

    @cached_property
    def theta_names(self) -> list[str]:
        """Name of every element of `theta`, those of the values (`CL_pop_log__`)."""
        names = []
        for rv in self.population:
            value = self.graph.rvs_to_values[rv].name
            size = int(np.size(self.start[value]))
            names += [value] if np.ndim(self.start[value]) == 0 else [f"{value}[{k}]" for k in range(size)]
        return names

    @cached_property
    def theta_start(self) -> np.ndarray:
        """The population part of the initial point."""
        return self._join(self.population, self.start)

    @cached_property
    def slots(self) -> np.ndarray:
        """Position in `b` of every effect of every subject, shape (n_subjects, n_slots), -1 where none."""
        layout = self.translation.layout
        n = len(layout.subjects)
        sizes = {rv.name: np.shape(self.start[self.graph.rvs_to_values[rv].name]) for rv in self.effects}
        columns = []
        if "eta" in sizes:
            columns.append(np.arange(np.prod(sizes["eta"])).reshape(sizes["eta"]))
        if "kappa" in sizes:
            offset = int(np.prod(sizes.get("eta", (0,))))
            width = sizes["kappa"][1]
            most = np.bincount(layout.occasion_subject, minlength=n).max()
            block = np.full((n, most * width), -1)
            rank = np.zeros(n, dtype=int)
            for k, subject in enumerate(layout.occasion_subject):
                at = rank[subject] * width
                block[subject, at : at + width] = offset + k * width + np.arange(width)
                rank[subject] += 1
            columns.append(block)
        return np.concatenate(columns, axis=1) if columns else np.zeros((n, 0), dtype=int)

    @property
    def n_effects(self) -> int:
        """Length of `b`."""
        return int(sum(np.size(self.start[self.graph.rvs_to_values[rv].name]) for rv in self.effects))

    @cached_property
    def _observed_subject(self) -> list[np.ndarray]:
        subject = self.translation.data.table["SUBJECT"].to_numpy(np.int64)
        return [subject[seen.record] for seen in self.translation.observed.values()]

    @cached_property
    def _effect_subject(self) -> dict[str, np.ndarray]:
        layout = self.translation.layout
        return {"eta": np.arange(len(layout.subjects)), "kappa": layout.occasion_subject}

    def point(self, theta: np.ndarray, b: np.ndarray) -> dict[str, np.ndarray]:
        """The values of all free variables by name, as PyMC's functions take them."""
        point = {}
        for variables, flat in ((self.population, theta), (self.effects, b)):
            at = 0
            for rv in variables:
                name = self.graph.rvs_to_values[rv].name
                size = int(np.size(self.start[name]))
                point[name] = np.reshape(flat[at : at + size], np.shape(self.start[name]))
                at += size
        return point

    def _join(self, variables, point) -> np.ndarray:
        parts = [np.ravel(point[self.graph.rvs_to_values[rv].name]) for rv in variables]
        return np.concatenate(parts) if parts else np.zeros(0)

    # --- functions -------------------------------------------------------------------------------

    def joint(self, theta: np.ndarray, b: np.ndarray):
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
        n = len(self.translation.layout.subjects)
        *terms, gradient_theta, gradient_b = self._joint(np.concatenate([theta, b]))
        value = np.zeros(n)
        groups = [*(self._effect_subject[rv.name] for rv in self.effects), *self._observed_subject]
        for group, term in zip(groups, terms, strict=True):
            value += np.bincount(group, term.reshape(len(group), -1).sum(axis=1), minlength=n)
        return value, gradient_b, gradient_theta

    def prior(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Log p(theta) and its gradient, on the unconstrained scale."""
        value, gradient = self._prior(theta)
        return float(value), gradient

    def effects_density(self, theta: np.ndarray, b: np.ndarray) -> tuple[float, np.ndarray]:
        """Log p(theta) + log p(b | theta) and its gradient in `theta`."""
        value, gradient = self._effects_density(np.concatenate([theta, b]))
        return float(value), gradient

    def individual(self, theta: np.ndarray, b: np.ndarray) -> dict[str, np.ndarray]:
        """The individual parameters that have a random effect, each with its own dimension."""
        names = [name for name in self.translation.model.parameters if name in self.graph.named_vars]
        return dict(zip(names, self._individual(np.concatenate([theta, b])), strict=True))

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
    def _variables(self):
        """The flat input and its parts in place of the value variables."""
        size = len(self.theta_start) + self.n_effects
        joined = pt.TensorType("float64", shape=(size,))("theta_and_effects")
        replacements, at = {}, 0
        for rv in [*self.population, *self.effects]:
            value = self.graph.rvs_to_values[rv]
            shape = np.shape(self.start[value.name])
            length = int(np.prod(shape))
            replacements[value] = joined[at : at + length].reshape(shape)
            at += length
        return joined, replacements

    def _compile(self, outputs, inputs=None):
        joined, replacements = self._variables
        outputs = clone_replace(outputs, replacements)
        with self.graph:
            function = pm.pytensorf.compile([joined], outputs, mode=self.mode, on_unused_input="ignore")
        function.trust_input = True
        return function

    @cached_property
    def _joint(self):
        terms = self.graph.logp(vars=[*self.effects, *self.graph.observed_RVs], sum=False)
        total = sum(term.sum() for term in terms) + self._log_prior
        return self._compile(
            [*terms, self._gradient(total, self.population), self._gradient(total, self.effects)]
        )

    @cached_property
    def _log_prior(self):
        return self.graph.logp(vars=self.population) if self.population else pt.constant(0.0)

    @cached_property
    def _prior(self):
        compiled = self._compile([self._log_prior, self._gradient(self._log_prior, self.population)])
        rest = np.zeros(self.n_effects)
        return lambda theta: compiled(np.concatenate([theta, rest]))

    @cached_property
    def _effects_density(self):
        total = self._log_prior + sum(t.sum() for t in self.graph.logp(vars=self.effects, sum=False))
        return self._compile([total, self._gradient(total, self.population)])

    @cached_property
    def _individual(self):
        names = [name for name in self.translation.model.parameters if name in self.graph.named_vars]
        return self._compile(self.graph.replace_rvs_by_values([self.graph[name] for name in names]))

    def _gradient(self, total, variables):
        values = [self.graph.rvs_to_values[rv] for rv in variables]
        if not values:
            return pt.zeros(0)
        gradients = pytensor.grad(total, values, disconnected_inputs="ignore")
        return pt.concatenate([gradient.ravel() for gradient in gradients])
