"""The search for sampling times: exchange on a grid from several starts, then a continuous polish."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize

from bayes_nlmem.design.candidates import Candidates
from bayes_nlmem.design.criteria import Criterion
from bayes_nlmem.design.interpolation import MOVING, Smooth, joined

_SWEEPS = 30
_BETTER = 1e-9


@dataclass(frozen=True)
class Group:
    """Samples that are chosen together: one output of one arm, or of several arms that share times.

    Parameters
    ----------
    arms : tuple of int
        The arms.
    endpoint : str
        Its name in the design.
    output : str
        Its name in the model.
    allowed : ndarray, shape (m,)
        Times on the grid that may be chosen.
    fixed : tuple of float
        Times that stay.
    free : int
        Number of samples to choose.
    windows : tuple of (low, high)
        Where they may lie.
    spacing : float
        Least time between two samples.
    discrete : bool
        Whether only the grid may be chosen.
    """

    arms: tuple[int, ...]
    endpoint: str
    output: str
    allowed: np.ndarray
    fixed: tuple[float, ...]
    free: int
    windows: tuple[tuple[float, float], ...]
    spacing: float
    discrete: bool


@dataclass(frozen=True, eq=False)
class Situation:
    """One value of the parameters: the arms' candidates and the criterion there.

    Parameters
    ----------
    arms : list of list of dict of str to Smooth
        For every arm its subjects, for each of them the outputs.
    criterion : Criterion
    added : ndarray, shape (p, p)
        Information from elsewhere (priors).
    """

    arms: list[list[dict[str, Smooth]]]
    criterion: Criterion
    added: np.ndarray


@dataclass(frozen=True, eq=False)
class Search:
    """All that is needed to judge a choice of times.

    Parameters
    ----------
    situations : sequence of Situation
        Values of the parameters over which the criterion is averaged.
    groups : sequence of Group
    block_diagonal : bool
    """

    situations: Sequence[Situation]
    groups: Sequence[Group]
    block_diagonal: bool

    def value(self, times: Sequence[np.ndarray]) -> float:
        """The criterion, averaged over the situations, for the free times of every group."""
        return float(np.mean(self.values(times)))

    def values(self, times: Sequence[np.ndarray]) -> np.ndarray:
        """The criterion in every situation."""
        found = []
        for situation in self.situations:
            total = situation.added.copy()
            for arm in range(len(situation.arms)):
                total += self._arm(situation, arm, times, None)[0]
            found.append(float(situation.criterion(total)))
        return np.array(found)

    def replaced(self, times: Sequence[np.ndarray], group: int, position: int) -> np.ndarray:
        """The criterion for every allowed time in the place of one sample, shape (m,)."""
        found = np.zeros(len(self.groups[group].allowed))
        for situation in self.situations:
            total = situation.added.copy()
            for arm in range(len(situation.arms)):
                swap = (group, position) if arm in self.groups[group].arms else None
                total = total + self._arm(situation, arm, times, swap)
            found += situation.criterion(total)
        return found / len(self.situations)

    def _arm(
        self,
        situation: Situation,
        arm: int,
        times: Sequence[np.ndarray],
        swap: tuple[int, int] | None,
    ) -> np.ndarray:
        """Information of one arm, shape (1 or m, p, p)."""
        chosen = [
            (g, group, np.concatenate([np.asarray(group.fixed, float), times[g]]))
            for g, group in enumerate(self.groups)
            if arm in group.arms
        ]
        total = np.zeros(())
        for subject in situation.arms[arm]:
            parts, index, at = [], [], 0
            for g, group, own in chosen:
                smooth = subject[group.output]
                candidates = smooth.at(own)
                positions = at + np.arange(len(own))
                if swap is not None and swap[0] == g:
                    candidates = joined([candidates, smooth.at(group.allowed)])
                    here = np.tile(positions, (len(group.allowed), 1))
                    here[:, len(group.fixed) + swap[1]] = at + len(own) + np.arange(len(group.allowed))
                    positions = here
                parts.append(candidates)
                index.append(positions)
                at += len(candidates.time)
            rows = max((len(i) for i in index if i.ndim == 2), default=1)
            whole = np.concatenate([np.broadcast_to(i, (rows, i.shape[-1])) for i in index], axis=1)
            candidates = joined(parts) if len(parts) > 1 else parts[0]
            total = total + candidates.subjects * candidates.information(
                whole, block_diagonal=self.block_diagonal
            )
        return np.asarray(total)

    # --- the two stages --------------------------------------------------------------------------

    def exchange(self, times: list[np.ndarray]) -> tuple[list[np.ndarray], float]:
        """Move one sample at a time to the best allowed time, until nothing improves."""
        times, best = [own.copy() for own in times], self.value(times)
        for _ in range(_SWEEPS):
            before = best
            for g, group in enumerate(self.groups):
                for k in range(group.free):
                    values = self.replaced(times, g, k)
                    others = np.concatenate([np.delete(times[g], k), np.asarray(group.fixed, float)])
                    if group.spacing and len(others):
                        gap = np.abs(group.allowed[:, None] - others[None, :]).min(axis=1)
                        values = np.where(gap >= group.spacing - 1e-12, values, -np.inf)
                    j = int(np.argmax(values))
                    if values[j] > best + _BETTER:
                        times[g][k], best = group.allowed[j], float(values[j])
            if best <= before + _BETTER:
                break
        return times, best

    def polish(self, times: list[np.ndarray]) -> tuple[list[np.ndarray], float]:
        """Move all samples together, each within its window; discrete ones and spacings stay as they are."""
        free = [
            (g, k)
            for g, group in enumerate(self.groups)
            for k in range(group.free)
            if not (group.discrete or group.spacing)
        ]
        best = self.value(times)
        if not free:
            return times, best
        bounds = [_window(self.groups[g], times[g][k]) for g, k in free]

        def placed(x: np.ndarray) -> list[np.ndarray]:
            moved = [own.copy() for own in times]
            for (g, k), value, (low, high) in zip(free, x, bounds, strict=True):
                moved[g][k] = low + (high - low) * value**2
            return moved

        def loss(x: np.ndarray) -> float:
            value = self.value(placed(x))
            return -value if np.isfinite(value) else 1e10

        # Square roots: early times need small steps.
        now = [times[g][k] for g, k in free]
        start = [np.sqrt((t - low) / (high - low)) for t, (low, high) in zip(now, bounds, strict=True)]
        found = minimize(loss, start, method="L-BFGS-B", bounds=[(0.0, 1.0)] * len(free))
        if -found.fun <= best:
            return times, best
        return placed(found.x), float(-found.fun)


def _window(group: Group, time: float) -> tuple[float, float]:
    return next((low, high) for low, high in group.windows if low <= time <= high)


def grid_candidates(candidates: Candidates, edges: np.ndarray) -> dict[str, Smooth]:
    """Smooth curves of every output from candidates on a grid."""
    found = {}
    for output in dict.fromkeys(candidates.output.tolist()):
        own = candidates.output == output
        moving = {name: getattr(candidates, name)[own] for name in (*MOVING, "output", "time")}
        part = replace(candidates, **moving)
        found[output] = Smooth(part, edges)
    return found
