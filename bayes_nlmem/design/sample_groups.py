"""From what is asked of a design to groups of samples that are chosen together, and back to a design."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bayes_nlmem.data.planned import Arm, Design
from bayes_nlmem.design.interpolation import grid_of
from bayes_nlmem.design.search import Group
from bayes_nlmem.ground.messages import FitError, explain
from bayes_nlmem.model.specification import Model

_GRID = 240


_COARSE = 60


def groups_of(
    model: Model,
    design: Design,
    windows: Any,
    allowed: Any,
    samples: int | None,
    fixed: tuple[float, ...],
    spacing: float,
    shared: bool,
) -> tuple[list[Group], Design]:
    """The groups, and the design with a fine grid of times in every arm.

    Raises
    ------
    FitError
        Options that contradict each other, or windows without room for the samples.
    """
    if windows is not None and allowed is not None:
        raise FitError(explain(expected="either windows= or allowed=", got="both"))
    if shared and len(design.arms) == 1:
        raise FitError(
            explain(expected="several arms for shared=True", got="one", remedy="Leave shared out.")
        )
    if spacing < 0:
        raise FitError(explain(expected="spacing >= 0", got=f"{spacing:g}"))
    groups, dense = [], []
    for k, arm in enumerate(design.arms):
        grids: dict[str, Any] = {}
        for endpoint, times in _times(arm).items():
            own = _windows(windows, endpoint, arm)
            listed = None if allowed is None else _listed(allowed, endpoint)
            low, high = (min(listed), max(listed)) if listed else (own[0][0], own[-1][1])
            grid = np.unique(np.concatenate([grid_of(arm, low, high, _GRID), listed or [], fixed]))
            coarse = grid[:: max(len(grid) // _COARSE, 1)] if listed is None else np.asarray(listed, float)
            inside = [t for t in coarse if any(a <= t <= b for a, b in own)] if listed is None else coarse
            edges = [t for pair in own for t in pair] if listed is None else []
            free = (samples if samples is not None else len(times)) - len(fixed)
            group = Group(
                arms=tuple(range(len(design.arms))) if shared else (k,),
                endpoint=endpoint,
                output=_output(model, endpoint),
                allowed=np.unique(np.concatenate([inside, edges])),
                fixed=fixed,
                free=free,
                windows=own if listed is None else ((low, high),),
                spacing=spacing,
                discrete=listed is not None,
            )
            _check_group(group)
            grids[endpoint] = np.unique(np.concatenate([grid, edges]))
            if not shared or k == 0:
                groups.append(group)
        dense.append(arm.at(grids if "*" not in grids else grids["*"]))
    return groups, replace(design, arms=tuple(dense))


def _output(model: Model, endpoint: str) -> str:
    if endpoint == "*":
        return next(iter(model.residuals))
    labels = {str(label): output for output, label in model.endpoints.items()}
    return labels.get(endpoint, endpoint)


def _check_group(group: Group) -> None:
    where = "" if group.endpoint == "*" else f" of {group.endpoint!r}"
    if group.free < 1:
        raise FitError(
            explain(
                expected=f"at least one free sample{where}",
                got=f"{group.free + len(group.fixed)} samples, {len(group.fixed)} of them fixed",
            )
        )
    room = sum(
        1 + int((high - low) / group.spacing + 1e-9) if group.spacing else 10**6
        for low, high in group.windows
    )
    if group.discrete and group.spacing:
        room = min(room, len(group.allowed))
    if room < group.free + len(group.fixed):
        raise FitError(
            explain(
                expected=f"windows{where} with room for {group.free + len(group.fixed)} samples "
                f"{group.spacing:g} apart",
                got=f"room for {room}",
                remedy="Ask for fewer samples, less spacing or wider windows.",
            )
        )


def _times(arm: Arm) -> Mapping[str, Sequence[float]]:
    assert isinstance(arm.times, Mapping)
    return arm.times


def _windows(windows: Any, endpoint: str, arm: Arm) -> tuple[tuple[float, float], ...]:
    if windows is None:
        times = _times(arm)[endpoint]
        windows = (min(times), max(times))
    if isinstance(windows, Mapping):
        if endpoint not in windows:
            raise FitError(
                explain(expected=f"windows for {endpoint!r}", got=f"windows for {', '.join(windows)}")
            )
        windows = windows[endpoint]
    pairs = [windows] if np.ndim(windows) == 1 and len(windows) else list(windows)
    found = tuple(sorted((float(low), float(high)) for low, high in pairs))
    if not found or any(not low < high for low, high in found):
        raise FitError(
            explain(
                expected="windows (low, high) with low < high",
                got=repr(windows),
                remedy="windows=(0, 24), or windows=[(0, 4), (8, 24)].",
            )
        )
    return found


def _listed(allowed: Any, endpoint: str) -> list[float]:
    found = allowed[endpoint] if isinstance(allowed, Mapping) else allowed
    if not len(found):
        raise FitError(explain(expected="times in allowed=", got="none"))
    return sorted(float(t) for t in found)


def span_of(arm: Arm) -> tuple[float, float]:
    """First and last time of an arm, over all endpoints."""
    every = [t for times in _times(arm).values() for t in times]
    return min(every), max(every)


def own_times(groups: list[Group], design: Design) -> list[np.ndarray]:
    """The free times of the design that was given."""
    own = [np.asarray(_times(design.arms[group.arms[0]])[group.endpoint], float) for group in groups]
    return [np.setdiff1d(times, group.fixed) for times, group in zip(own, groups, strict=True)]


def starts_of(groups: list[Group], design: Design, restarts: int, seed: int | None) -> list[list[np.ndarray]]:
    """Times to begin from: the design's own (nearest allowed), then `restarts` random ones."""
    rng = np.random.default_rng(seed)
    own = []
    for group in groups:
        wanted = np.asarray(_times(design.arms[group.arms[0]])[group.endpoint], float)
        wanted = np.resize(np.setdiff1d(wanted, group.fixed), group.free)
        own.append(group.allowed[np.abs(group.allowed[:, None] - wanted[None, :]).argmin(axis=0)])
    starts = [own] if not any(group.spacing for group in groups) else []
    while len(starts) < restarts + 1:
        starts.append([_spread(group, rng) for group in groups])
    return starts


def _spread(group: Group, rng: np.random.Generator) -> np.ndarray:
    """A random choice that keeps the spacing."""
    if not group.spacing:
        return rng.choice(group.allowed, size=group.free)
    for _ in range(200):
        chosen = list(group.fixed)
        for t in rng.permutation(group.allowed):
            if all(abs(t - other) >= group.spacing - 1e-12 for other in chosen):
                chosen.append(float(t))
            if len(chosen) == len(group.fixed) + group.free:
                return np.array(chosen[len(group.fixed) :])
    raise FitError(
        explain(
            expected=f"times {group.spacing:g} apart for {group.free} samples",
            got=f"{len(group.allowed)} allowed times that do not have them",
            remedy="Ask for fewer samples, or less spacing.",
        )
    )


def with_times(design: Design, groups: list[Group], times: list[np.ndarray]) -> Design:
    """The design with the times that were chosen in every group."""
    arms = []
    for k, arm in enumerate(design.arms):
        own = {
            group.endpoint: tuple(sorted([*group.fixed, *map(float, chosen)]))
            for group, chosen in zip(groups, times, strict=True)
            if k in group.arms
        }
        arms.append(arm.at(own["*"] if "*" in own else own))
    return replace(design, arms=tuple(arms))
