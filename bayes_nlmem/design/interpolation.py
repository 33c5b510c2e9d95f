"""Candidates at any time, from candidates on a fine grid: cubic splines between the events of an arm."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from scipy.interpolate import CubicSpline

from bayes_nlmem.data.planned import Arm
from bayes_nlmem.design.candidates import Candidates

MOVING = ("prediction", "mean_slope", "variance", "variance_slope", "effect_slope", "effect_slope_slope")
_AFTER = 1e-7


def grid_of(arm: Arm, low: float, high: float, points: int) -> np.ndarray:
    """Times from low to high: as many between any two events of the arm, denser right after each event."""
    edges = edges_of(arm, low, high)
    pieces = []
    for start, stop in zip(edges[:-1], edges[1:], strict=True):
        length = stop - start
        even = np.linspace(0, 1, max(points // (len(edges) - 1), 8))
        pieces.append(start + length * np.maximum(even**2, _AFTER))
    return np.concatenate(pieces)


def edges_of(arm: Arm, low: float, high: float) -> np.ndarray:
    """Times between low and high at which curves may have kinks: doses, ends of infusions, both ends."""
    events = []
    if arm.regimen is not None:
        for part in arm.regimen.parts:
            doses = part.start + np.arange(part.count) * (part.every or 0.0)
            events += [*doses, *(doses + part.duration)]
    inside = [time for time in events if low < time < high]
    return np.unique([low, *inside, high])


@dataclass(frozen=True, eq=False)
class Smooth:
    """Candidates of one output of one arm as functions of time.

    Parameters
    ----------
    grid : Candidates
        On a grid from `grid_of`.
    edges : ndarray
        Times at which the curves may have kinks.
    """

    grid: Candidates
    edges: np.ndarray

    def at(self, times: np.ndarray) -> Candidates:
        """The candidates at some times."""
        moving: dict[str, Any] = {name: self._values(name, times) for name in MOVING}
        output = np.full(len(times), self.grid.output[0])
        return replace(self.grid, time=times, output=output, **moving)

    def _values(self, name: str, times: np.ndarray) -> np.ndarray:
        values = getattr(self.grid, name)
        found = np.empty((len(times), *values.shape[1:]))
        piece = np.clip(np.searchsorted(self.edges, times, side="left") - 1, 0, len(self.edges) - 2)
        for k in np.unique(piece):
            inside = (self.grid.time > self.edges[k]) & (self.grid.time <= self.edges[k + 1])
            # In the square root of the time since the event, in which the grid is even.
            x = np.sqrt(self.grid.time[inside] - self.edges[k])
            asked = np.sqrt(np.maximum(times[piece == k] - self.edges[k], x[0] ** 2))
            found[piece == k] = CubicSpline(x, values[inside])(asked)
        return found


def joined(parts: list[Candidates]) -> Candidates:
    """Candidates of several outputs of one arm in one."""
    together: dict[str, Any] = {
        field.name: np.concatenate([getattr(part, field.name) for part in parts])
        for field in fields(Candidates)
        if field.name in (*MOVING, "output", "time")
    }
    return replace(parts[0], **together)
