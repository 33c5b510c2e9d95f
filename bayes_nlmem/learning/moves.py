"""The coordinates in which nutpie moves: effects whitened by the Laplace-EM fit, the population as learnt."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bayes_nlmem.learning.population_coordinates import (
    Coordinates,
    learnt,
    logarithms,
    population_change,
    renew,
    straight,
)
from bayes_nlmem.learning.starts import Starts
from bayes_nlmem.learning.whitening import whitening
from bayes_nlmem.marginal.compiled import Compiled
from bayes_nlmem.translation.change import Change, following
from bayes_nlmem.translation.flat import Flat

# Of the draws of the first part of the warm-up, the share that is not used.
_FORGOTTEN = 0.4


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

    def __post_init__(self) -> None:
        starts = self.starts
        outer, self.population, self._shared = population_change(starts.translation.graph)
        inner = whitening(starts.conditional, starts.fit) if starts.whitened else None
        self.change = outer if inner is None else following(outer, inner)
        self.coordinates = straight(self.population.size)

    def use(self, coordinates: Coordinates) -> None:
        """Move in these coordinates; functions that were compiled before must be refreshed."""
        self.coordinates = coordinates
        renew(self._shared, coordinates)

    def learn(self, draws: np.ndarray, density: Compiled) -> np.ndarray:
        """Learn the coordinates from a warm-up in straight ones, and use them.

        Parameters
        ----------
        draws : ndarray, shape (n_chains, n_draws, n_elements)
            Of a warm-up.
        density : Compiled
            Refreshed here.

        Returns
        -------
        ndarray, shape (n_kept, n_elements)
            The draws that were used, in the new coordinates.
        """
        where = self._where(density.flat)
        kept = draws[:, int(_FORGOTTEN * draws.shape[1]) :].reshape(-1, draws.shape[2])
        self.use(learnt(kept[:, where], logarithms(self.population)))
        density.data.refresh()
        moved = kept.copy()
        moved[:, where] = self.coordinates.at(kept[:, where])
        return moved

    def start(self, flat: Flat, seed: int) -> np.ndarray:
        """One starting point around the Laplace-EM fit."""
        point, where = flat.join(self.starts.draw(seed)), self._where(flat)
        point[where] = self.coordinates.at(point[None, where])[0]
        return point

    def _where(self, flat: Flat) -> np.ndarray:
        """Positions of the population in the vector."""
        place = {name: k for k, name in enumerate(flat.elements)}
        return np.array([place[name] for name in self.population.elements], dtype=int)
