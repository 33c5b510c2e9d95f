"""Effects of levels above the subject (sites, studies) integrated out, outside the subjects' own integrals.

Given theta and the effects u of the groups, subjects are independent; given theta, blocks of subjects that
share no group are. So p(y_block | theta) is the integral over u of p(u | theta) prod_i p(y_i | theta, u),
with the subjects' integrals inside.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from bayes_nlmem.ground.messages import FitError, ModelError, explain
from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.marginal.ebe import CONVERGED, NOT_CONVERGED, Modes, factor_of, find_modes, positive
from bayes_nlmem.marginal.importance import averaged, proposals
from bayes_nlmem.marginal.integral import Integral
from bayes_nlmem.marginal.laplace import laplace
from bayes_nlmem.marginal.quadrature import affordable, grid
from bayes_nlmem.marginal.subject_densities import SubjectDensities

_STEP = 0.05
_MOST_STEPS = 25
_BATCH = 50
_MOST_PLACES = 2000  # each has all subjects' integrals inside
_FEW = 50


@dataclass(frozen=True, eq=False)
class GroupEffects:
    """Where the effects above the subject stand in theta, and which subjects they tie together.

    Parameters
    ----------
    conditional : Conditional
        The model's functions; these effects are among its `population`, in units of their standard deviation.
    """

    conditional: Conditional

    @cached_property
    def names(self) -> tuple[str, ...]:
        """`eta_SITE`, ... of the model's levels above the subject."""
        drawn = {rv.name for rv in self.conditional.population.variables}
        levels = self.conditional.translation.layout.groups
        return tuple(f"eta_{level}" for level in levels if f"eta_{level}" in drawn)

    @cached_property
    def block_of_subject(self) -> np.ndarray:
        """Block of every subject: two subjects share one if a chain of common groups joins them."""
        levels = [groups.index for groups in self.conditional.translation.layout.groups.values()]
        block = np.arange(len(self.conditional.slots))
        while True:
            before = block.copy()
            for index in levels:
                least = np.full(index.max() + 1, len(block))
                np.minimum.at(least, index, block)
                block = least[index]
            if np.array_equal(block, before):
                return np.unique(block, return_inverse=True)[1]

    @cached_property
    def labels(self) -> list[str]:
        """What a block is called: its groups of the level that has fewest."""
        groups = self.conditional.translation.layout.groups
        level = min(groups, key=lambda name: len(groups[name].labels))
        found: list[str] = []
        for block in range(self.block_of_subject.max() + 1):
            index = groups[level].index[self.block_of_subject == block]
            named = dict.fromkeys(groups[level].labels[index].tolist())
            found.append(f"{level} {', '.join(map(str, named))}")
        return found

    @cached_property
    def slots(self) -> np.ndarray:
        """Position in theta of every effect of every block, shape (n_blocks, n_slots), -1 where none."""
        layout, population = self.conditional.translation.layout, self.conditional.population
        ends = np.cumsum([int(np.prod(shape)) for shape in population.shapes])
        offsets = {rv.name: end for rv, end in zip(population.variables, [0, *ends[:-1]], strict=True)}
        shapes = {rv.name: shape for rv, shape in zip(population.variables, population.shapes, strict=True)}
        own: list[list[int]] = [[] for _ in range(self.block_of_subject.max() + 1)]
        for name in self.names:
            index = layout.groups[name.removeprefix("eta_")].index
            width = int(shapes[name][1])
            for group in range(int(shapes[name][0])):
                block = self.block_of_subject[np.flatnonzero(index == group)[0]]
                own[block] += (offsets[name] + group * width + np.arange(width)).tolist()
        table = np.full((len(own), max(map(len, own))), -1)
        for row, positions in zip(table, own, strict=True):
            row[: len(positions)] = positions
        return table

    def at(self, theta: np.ndarray, table: np.ndarray) -> np.ndarray:
        """Theta with the effects of the blocks, (n_blocks, n_slots), put in their places."""
        moved = theta.copy()
        present = self.slots >= 0
        moved[self.slots[present]] = table[present]
        return moved

    def check(self, theta: np.ndarray) -> None:
        """Refuse laws of the effects other than the normal one, which the integrals assume."""
        present = self.slots >= 0
        values = [self.conditional.prior(self.at(theta, size * present))[0] for size in (0.0, 1.0, 2.0)]
        expected = -0.5 * present.sum()
        if not np.allclose([values[1] - values[0], values[2] - values[0]], [expected, 4 * expected]):
            raise ModelError(
                explain(
                    expected=f"normal effects above the subject ({', '.join(self.names)})",
                    got="another law",
                    remedy="Their integrals are not available: compare such models by observation.",
                )
            )

    def of_blocks(self, of_subjects: np.ndarray, table: np.ndarray) -> np.ndarray:
        """Log p(y_block, u | theta) from the subjects' log-likelihoods, shape (n_blocks,)."""
        present = self.slots >= 0
        total = np.bincount(self.block_of_subject, of_subjects, minlength=len(self.slots))
        return total - 0.5 * np.sum(np.where(present, table**2 + np.log(2 * np.pi), 0.0), axis=1)


def integrate_groups(
    groups: GroupEffects,
    theta: np.ndarray,
    method: str,
    *,
    tolerance: float | None = None,
    most: int | None = None,
    seed: int | None = None,
) -> tuple[np.ndarray, Modes, Integral]:
    """Integrate all effects out, those of subjects inside those of the levels above.

    Parameters
    ----------
    groups : GroupEffects
        Which effects there are.
    theta : ndarray, shape (n_theta,)
        Population parameters; the places of the effects above are filled in.
    method : {"laplace", "quadrature", "importance"}
        For the effects above. Inside, the subjects' integrals are Laplace's for "laplace", else by quadrature
        where few nodes suffice and by importance sampling elsewhere.
    tolerance, most, seed : optional
        As in `log_likelihood`; `most` counts places of the effects above (2000).

    Returns
    -------
    theta : ndarray
        With the modes of the effects above.
    modes : Modes
        Of the subjects' effects there.
    integral : Integral
        One entry per block.
    """
    groups.check(theta)
    at_mode, of_blocks = _block_modes(groups, theta)
    moved = groups.at(theta, of_blocks.table)
    if method == "laplace":
        return moved, at_mode, laplace(of_blocks, groups.slots)
    first, most = seed or 0, most or _MOST_PLACES
    inside = SubjectDensities(groups.conditional, moved, seed=first)
    if method == "quadrature":
        found = _quadrature(groups, inside, moved, of_blocks, tolerance or 0.01, most)
    else:
        found = _importance(groups, inside, moved, of_blocks, tolerance or 0.1, most, first)
    return moved, at_mode, found


def _block_modes(groups: GroupEffects, theta: np.ndarray) -> tuple[Modes, Modes]:
    """Modes of u under Laplace's approximation of the subjects, by Newton steps from differences."""
    conditional, slots = groups.conditional, groups.slots
    present = slots >= 0
    n, width = slots.shape
    state = {"b": find_modes(conditional, theta).b}

    def value(table: np.ndarray) -> np.ndarray:
        modes = find_modes(conditional, groups.at(theta, table), state["b"], careful=False, tolerance=1e-6)
        return groups.of_blocks(laplace(modes, conditional.slots).log_likelihood, table)

    table, status = np.zeros((n, width)), np.full(n, NOT_CONVERGED, dtype=object)
    here = value(table)
    for _ in range(_MOST_STEPS):
        slope, precision = _derivatives(value, table, here, present)
        step = np.linalg.solve(positive(precision), slope[:, :, None])[:, :, 0]
        step = np.clip(step, -1.0, 1.0) * present
        size = np.ones(n)
        for _ in range(6):
            after = value(table + size[:, None] * step)
            worse = ~(after >= here - 1e-6)
            if not worse.any():
                break
            size = np.where(worse, size / 4, size)
        kept = after >= here - 1e-6
        table = np.where(kept[:, None], table + size[:, None] * step, table)
        here = np.where(kept, after, here)
        small = np.abs(step).max(axis=1) < 5e-3
        state["b"] = find_modes(conditional, groups.at(theta, table), state["b"], careful=False).b
        if small.all():
            break
    status[small] = CONVERGED
    _, precision = _derivatives(value, table, here, present)
    inner = find_modes(conditional, groups.at(theta, table), state["b"])
    here = groups.of_blocks(laplace(inner, conditional.slots).log_likelihood, table)
    length = np.abs(step).max(axis=1)
    factor = factor_of(positive(precision))
    return inner, Modes(theta, table.ravel(), table, here, precision, factor, length, status.astype(str))


def _derivatives(value, table: np.ndarray, here: np.ndarray, present: np.ndarray):
    """Slope and negative Hessian of every block's value in its effects, by central differences."""
    n, width = table.shape
    slope, precision = np.zeros((n, width)), np.zeros((n, width, width))
    steps = np.eye(width) * _STEP
    bend = np.zeros((n, width, width))
    for i in range(width):
        up, down = value(table + steps[i] * present), value(table - steps[i] * present)
        slope[:, i] = (up - down) / (2 * _STEP)
        bend[:, i, i] = (up + down - 2 * here) / _STEP**2
    for i in range(width):
        for j in range(i):
            up = value(table + (steps[i] + steps[j]) * present)
            down = value(table - (steps[i] + steps[j]) * present)
            both = (up + down - 2 * here) / _STEP**2
            bend[:, i, j] = bend[:, j, i] = 0.5 * (both - bend[:, i, i] - bend[:, j, j])
    own = present[:, :, None] & present[:, None, :]
    precision = np.where(own, -bend, 0.0)
    precision[:, np.arange(width), np.arange(width)] += ~present
    return np.where(present, slope, 0.0), precision


def _values(groups: GroupEffects, inside: SubjectDensities, theta: np.ndarray, places: np.ndarray):
    points = np.array([groups.at(theta, table) for table in places])
    found, _ = inside.at(points)
    return np.array([groups.of_blocks(one, table) for one, table in zip(found, places, strict=True)])


def _quadrature(groups, inside, theta, modes: Modes, tolerance: float, most: int) -> Integral:
    slots = groups.slots
    counts = affordable(slots.shape[1], most)
    if len(counts) < 2:
        raise FitError(
            explain(
                expected="few enough effects above the subject for 5 nodes each",
                got=f"{slots.shape[1]} in one block of subjects that share groups",
                remedy="Use method='importance' or 'laplace'.",
            )
        )
    before: np.ndarray | None = None
    change = np.full(len(slots), np.inf)
    for count in counts:
        places, log_weights = grid(modes, slots, count)
        terms = _values(groups, inside, theta, places) + log_weights
        value = np.logaddexp.reduce(terms, axis=0)
        if before is not None:
            change = np.abs(value - before)
        before = value
        if 2 * change.sum() < tolerance:
            break
    assert before is not None  # at least one grid
    status = np.where(2 * change.sum() < tolerance, CONVERGED, "more nodes needed")
    status = np.where(modes.converged, status, modes.status)
    return Integral(before, change, np.broadcast_to(status, change.shape).astype(str), len(places))


def _importance(groups, inside, theta, modes: Modes, tolerance, most: int, seed: int) -> Integral:
    slots, rng = groups.slots, np.random.default_rng(seed)
    logs: list[np.ndarray] = []
    while True:
        places, log_weights = proposals(modes, slots, 5.0, _BATCH, rng)
        logs.extend(_values(groups, inside, theta, places) + log_weights)
        value, error, effective, _ = averaged(np.array(logs))
        if (len(logs) >= 2 * _BATCH and 2 * np.sqrt(np.nansum(error**2)) < tolerance) or len(logs) >= most:
            break
        inside = replace(inside, seed=inside.seed + 1)  # noise inside is new for every batch
    status = np.where(effective < _FEW, "few effective draws", CONVERGED)
    return Integral(value, error, status.astype(str), len(logs), effective=effective)
