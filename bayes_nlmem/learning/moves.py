"""The coordinates in which nutpie moves: effects whitened by the Laplace-EM fit, the population as learnt."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from pytensor.compile.sharedvalue import SharedVariable
from pytensor.graph.traversal import graph_inputs

from bayes_nlmem.learning.conditional_moments import with_moments
from bayes_nlmem.learning.population_coordinates import (
    Coordinates,
    learnt,
    logarithms,
    population_change,
    renew,
    straight,
)
from bayes_nlmem.learning.starts import Starts
from bayes_nlmem.learning.whitening import can_whiten, renew_whitening, whitening
from bayes_nlmem.marginal.compiled import Compiled
from bayes_nlmem.marginal.laplace_em import quick_modes
from bayes_nlmem.translation.change import Change, following
from bayes_nlmem.translation.flat import Flat
from bayes_nlmem.translation.graph import Translation

# Of the draws of the first part of the warm-up, the share that is not used.
_FORGOTTEN = 0.4
# Variance of the means of the chains' halves over that within them above which they have not met.
_APART = 1.5
# Standard deviation of whitened effects where chains begin.
_SPREAD = 0.5


@dataclass(eq=False)
class Moves:
    """A change of variables whose part for the population is learnt while sampling.

    Parameters
    ----------
    starts : Starts
        Where the chains begin.
    """

    starts: Starts
    change: Change = field(init=False)
    coordinates: Coordinates = field(init=False)
    population: Flat = field(init=False, repr=False)
    _shared: tuple[Any, ...] = field(init=False, repr=False)
    _whitening: list[Any] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        starts = self.starts
        inner = whitening(starts.conditional, starts.fit) if starts.whitened else None
        self.change, self.population, self._shared = change_of(starts.translation, inner)
        self.coordinates = straight(self.population.size)
        self._whitening = _shared_of(self.change)

    def use(self, coordinates: Coordinates) -> None:
        """Move in these coordinates; functions that were compiled before must be refreshed."""
        self.coordinates = coordinates
        renew(self._shared, coordinates)

    def begin(self, starts: Starts) -> None:
        """Move as at first, from other starts of the same graph; functions must be refreshed."""
        self.starts = starts
        self.use(straight(self.population.size))
        if starts.whitened:
            renew_whitening(self._whitening, starts.conditional, starts.fit)

    def learn(self, draws: np.ndarray, density: Compiled) -> np.ndarray | None:
        """Learn the coordinates from a warm-up in straight ones, and use them.

        Effects are whitened anew around their modes at the median of the draws: where the Laplace-EM stopped,
        a variance that the data say little about may be far from its posterior, and whitened effects then
        depend on it.

        Parameters
        ----------
        draws : ndarray, shape (n_chains, n_draws, n_elements)
            Of a warm-up.
        density : Compiled
            Refreshed here.

        Returns
        -------
        ndarray, shape (n_kept, n_elements), or None
            Where chains may begin: the draws of the population that were used, in the new coordinates, and
            whitened effects near 0. None, and nothing changes, where the chains have not met yet.
        """
        where = self._where(density.flat)
        if not _mixed(draws[:, draws.shape[1] // 2 :, where]):
            return None
        kept = draws[:, int(_FORGOTTEN * draws.shape[1]) :].reshape(-1, draws.shape[2])
        theta = kept[:, where]
        self.use(learnt(theta, logarithms(self.population)))
        moved = kept.copy()
        moved[:, where] = self.coordinates.at(theta)
        if self.starts.whitened:
            self._recentre(np.median(theta, axis=0))
            rng = np.random.default_rng(0)
            others = np.setdiff1d(np.arange(kept.shape[1]), where)
            moved[:, others] = _SPREAD * rng.normal(size=(len(kept), len(others)))
        density.data.refresh()
        return moved

    def _recentre(self, theta: np.ndarray) -> None:
        """Whiten by means and covariances at other population parameters, else by modes and curvatures."""
        conditional, fit = self.starts.conditional, self.starts.fit
        modes = quick_modes(conditional, theta, fit.effects)
        found = replace(
            fit,
            theta=theta,
            effects=modes.b,
            covariance=modes.covariance,
            failed=np.flatnonzero(~np.isfinite(modes.log_joint)),
        )
        if can_whiten(conditional, found):
            found = with_moments(conditional, modes, found)
            self.starts = replace(self.starts, fit=found)
            renew_whitening(self._whitening, conditional, found)

    def start(self, flat: Flat, seed: int) -> np.ndarray:
        """One starting point around the Laplace-EM fit."""
        point, where = flat.join(self.starts.draw(seed)), self._where(flat)
        point[where] = self.coordinates.at(point[None, where])[0]
        return point

    def _where(self, flat: Flat) -> np.ndarray:
        """Positions of the population in the vector."""
        place = {name: k for k, name in enumerate(flat.elements)}
        return np.array([place[name] for name in self.population.elements], dtype=int)


def change_of(translation: Translation, inner: Change | None) -> tuple[Change, Flat, tuple[Any, ...]]:
    """The population's coordinates and then, if there is one, the change of the effects.

    Returns
    -------
    Change, Flat, tuple
        The change of variables; the population in the order of theta; the shared variables for `renew`.
    """
    outer, population, shared = population_change(translation.graph)
    return (outer if inner is None else following(outer, inner)), population, shared


def _mixed(draws: np.ndarray) -> bool:
    """Whether the halves of the chains, shape (n_chains, n_draws, n), are in the same place, roughly."""
    half = draws.shape[1] // 2
    halves = np.concatenate([draws[:, :half], draws[:, half : 2 * half]])
    within = halves.var(axis=1).mean(axis=0)
    between = halves.mean(axis=1).var(axis=0)
    return bool(np.all(between < _APART * within + 1e-12))


def _shared_of(change: Change) -> list[Any]:
    found = graph_inputs([*change.expressions.values(), change.log_determinant])
    return [variable for variable in dict.fromkeys(found) if isinstance(variable, SharedVariable)]
