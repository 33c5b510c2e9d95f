"""Markov chains on the random effects of all subjects at once, given the population.

Subjects are independent given the population, so every subject accepts or refuses on its own: one
evaluation of the graph is one step of every subject's chain.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from bayes_nlmem.learning.stochastic.densities import Densities

_WISHED_BLOCK, _WISHED_SINGLE = 0.3, 0.44
_FREEDOM = 5.0  # degrees of freedom of the independence proposal


@dataclass(frozen=True, eq=False)
class Normals:
    """One normal law per subject on its slots.

    Parameters
    ----------
    mean : ndarray, shape (n_subjects, n_slots)
    factor : ndarray, shape (n_subjects, n_slots, n_slots)
        Lower factor of the covariance.
    inverse : ndarray, shape (n_subjects, n_slots, n_slots)
        Its inverse.
    """

    mean: np.ndarray
    factor: np.ndarray
    inverse: np.ndarray

    @classmethod
    def of_precision(cls, mean: np.ndarray, precision: np.ndarray) -> Normals:
        """From the mean and the precision matrix."""
        width = precision.shape[-1]
        covariance = np.linalg.inv(precision)
        factor = np.linalg.cholesky(covariance + 1e-14 * np.eye(width))
        return cls(mean, factor, np.linalg.inv(factor))


@dataclass(eq=False)
class Chains:
    """The state of several chains, and the steps it can make.

    Parameters
    ----------
    densities : Densities
        The model.
    theta : ndarray, shape (n_theta,)
        The population parameters in force.
    tables : ndarray, shape (n_chains, n_subjects, n_slots)
        The effects.
    rng : numpy.random.Generator
        The source of chance.
    """

    densities: Densities
    theta: np.ndarray
    tables: np.ndarray
    rng: np.random.Generator
    data: np.ndarray = field(init=False)
    effects: np.ndarray = field(init=False)
    block_size: np.ndarray = field(init=False)
    single_size: np.ndarray = field(init=False)
    accepted: dict[str, list[float]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        conditional = self.densities.conditional
        slots = conditional.slots
        self._present = slots >= 0
        self._slot_of = np.maximum(slots, 0)
        self._positions = slots[self._present]
        self._some_absent = not self._present.all()
        n, width = slots.shape
        self._count = self._present.sum(axis=1)
        self.block_size = np.full(n, 2.38 / np.sqrt(max(width, 1)))
        self.single_size = np.full((n, width), 2.4)
        self.move_to(self.theta)

    @property
    def n_chains(self) -> int:
        """Number of chains."""
        return len(self.tables)

    def flat(self, table: np.ndarray) -> np.ndarray:
        """A table of effects as the vector `b`."""
        b = np.zeros(self.densities.conditional.n_effects)
        b[self._positions] = table[self._present]
        return b

    def flats(self) -> np.ndarray:
        """The effects of every chain as vectors, (n_chains, n_effects)."""
        return np.stack([self.flat(table) for table in self.tables])

    def move_to(self, theta: np.ndarray, tables: np.ndarray | None = None) -> None:
        """Take other population parameters (and effects), and evaluate there."""
        self.theta = theta
        if tables is not None:
            self.tables = tables
        self.data, self.effects = self._evaluate(self.tables)

    def _evaluate(self, tables: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found = [self.densities.subjects(self.theta, self.flat(table)) for table in tables]
        return np.stack([data for data, _ in found]), np.stack([effects for _, effects in found])

    # --- steps -----------------------------------------------------------------------------------

    def independent(self, proposal: Normals) -> float:
        """Propose from a Student t around a normal law, whatever the state is; the share accepted."""
        chains, (n, width) = self.n_chains, self._present.shape
        z = self.rng.normal(size=(chains, n, width)) * self._present
        z = z / np.sqrt(self.rng.chisquare(_FREEDOM, size=(chains, n, 1)) / _FREEDOM)
        proposed = proposal.mean + np.einsum("nij,cnj->cni", proposal.factor, z)
        own = np.einsum("nij,cnj->cni", proposal.inverse, self.tables - proposal.mean) * self._present
        return float(self._decide("independent", proposed, self._log_t(own) - self._log_t(z)).mean())

    def _log_t(self, z: np.ndarray) -> np.ndarray:
        squares = np.einsum("cni,cni->cn", z, z)
        return -0.5 * (_FREEDOM + self._count) * np.log1p(squares / _FREEDOM)

    def from_population(self, factor: np.ndarray) -> None:
        """Propose from the population's law; `factor` is that of its covariance, per subject."""
        z = self.rng.normal(size=self.tables.shape)
        proposed = np.einsum("nij,cnj->cni", factor, z)
        self._decide("population", proposed, None)

    def walk(self, scale: Normals) -> None:
        """Random walk of all effects of a subject together."""
        z = self.rng.normal(size=self.tables.shape) * self._present
        step = np.einsum("nij,cnj->cni", scale.factor, z)
        accepted = self._decide("walk", self.tables + self.block_size[:, None] * step, 0.0)
        self.block_size *= np.exp(0.2 * (accepted.mean(axis=0) - _WISHED_BLOCK))

    def walk_single(self, scale: Normals, slot: int) -> None:
        """Random walk of one effect of every subject."""
        size = self.single_size[:, slot] * np.linalg.norm(scale.factor[:, slot, :], axis=1)
        proposed = self.tables.copy()
        proposed[:, :, slot] += size * self._present[:, slot] * self.rng.normal(size=self.data.shape)
        accepted = self._decide("single", proposed, 0.0)
        self.single_size[:, slot] *= np.exp(0.2 * (accepted.mean(axis=0) - _WISHED_SINGLE))

    def _decide(self, kind: str, proposed: np.ndarray, correction: np.ndarray | float | None) -> np.ndarray:
        """Accept or refuse, subject by subject; without a correction the data alone decide."""
        data, effects = self._evaluate(proposed)
        gain = data - self.data
        if correction is not None:
            gain = gain + effects - self.effects + correction
        gain = np.where(np.isfinite(data), gain, -np.inf)
        gain = np.where(np.isfinite(self.data), gain, np.where(np.isfinite(data), np.inf, -np.inf))
        accepted = np.log(self.rng.uniform(size=gain.shape)) < gain
        self.tables = np.where(accepted[:, :, None], proposed, self.tables)
        self.data = np.where(accepted, data, self.data)
        self.effects = np.where(accepted, effects, self.effects)
        self.accepted.setdefault(kind, []).append(float(accepted.mean()))
        return accepted

    def redistribute(self, precision_eta: np.ndarray, precision_kappa: np.ndarray, pairs, occasions) -> None:
        """Draw `eta` anew where the individual parameters of all occasions stay as they are.

        eta + d with kappa - d changes no prediction, so d is drawn from its normal law given the sums; no
        evaluation of the data. It is what lets the two levels share their variance freely.

        Parameters
        ----------
        precision_eta, precision_kappa : ndarray
            Precisions of one subject's and of one occasion's effects.
        pairs : list of (int, int)
            Columns of `eta` and `kappa` that belong to the same parameter.
        occasions : ndarray of int, shape (n_subjects, most_occasions)
            First slot of every occasion, -1 where absent.
        """
        own = [column for column, _ in pairs]
        other = [column for _, column in pairs]
        a = precision_eta[np.ix_(own, own)]
        c = precision_kappa[np.ix_(other, other)]
        n_eta = len(precision_eta)
        n_kappa = len(precision_kappa)
        there = occasions >= 0
        slots = np.maximum(occasions, 0)[:, :, None] + np.arange(n_kappa)
        subject = np.arange(len(occasions))[:, None, None]
        kappa = self.tables[:, subject, slots] * there[None, :, :, None]
        eta = self.tables[:, :, :n_eta]
        # d minimises (eta + d)' A (eta + d) + sum_k (kappa_k - d)' C (kappa_k - d)
        pull = np.einsum("cnoj,ij->cni", kappa, precision_kappa[other]) - np.einsum(
            "cnj,ij->cni", eta, precision_eta[own]
        )
        matrix = a + there.sum(axis=1)[:, None, None] * c
        mean = np.linalg.solve(matrix[None], pull[..., None])[..., 0]
        noise = self.rng.normal(size=mean.shape)
        lower = np.linalg.cholesky(matrix)
        d = mean + np.linalg.solve(lower.transpose(0, 2, 1)[None], noise[..., None])[..., 0]
        tables = self.tables.copy()
        tables[:, :, own] += d
        for place in range(occasions.shape[1]):
            rows = there[:, place]
            for k, column in enumerate(other):
                tables[:, rows, occasions[rows, place] + column] -= d[:, rows, k]
        self.tables = tables
