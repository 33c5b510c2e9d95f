"""What every possible sample of an arm would tell: predictions, their slopes, and how both move.

Evaluated once for all candidate times of an arm; the information of any choice among them is algebra.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from bayes_nlmem.data.planned import Design
from bayes_nlmem.ground.messages import FitError, ModelError, explain
from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.marginal.first_order import effects_precision
from bayes_nlmem.marginal.linearised import Linearisation
from bayes_nlmem.model.specification import Model
from bayes_nlmem.translation.graph import translate

_STEP = 1e-4


@dataclass(frozen=True, eq=False)
class Candidates:
    """One arm's candidate samples, linearised around one value of the random effects.

    Parameters
    ----------
    subjects : int
        Number of subjects of the arm.
    output : ndarray of str, shape (m,)
        Output of every candidate.
    time : ndarray, shape (m,)
        Its time.
    prediction : ndarray, shape (m,)
        h(f), on the scale of the residual error.
    mean_slope : ndarray, shape (m, p)
        Derivatives of the mean in the population parameters (unconstrained).
    variance : ndarray, shape (m,)
        Residual variances.
    variance_slope : ndarray, shape (m, p)
        Their derivatives.
    effect_slope : ndarray, shape (m, q)
        Derivatives of the prediction in the subject's random effects.
    effect_slope_slope : ndarray, shape (m, q, p)
        How these move with the population parameters.
    omega : ndarray, shape (q, q)
        Covariance of the random effects.
    omega_slope : ndarray, shape (q, q, p)
        Its derivatives.
    """

    subjects: int
    output: np.ndarray
    time: np.ndarray
    prediction: np.ndarray
    mean_slope: np.ndarray
    variance: np.ndarray
    variance_slope: np.ndarray
    effect_slope: np.ndarray
    effect_slope_slope: np.ndarray
    omega: np.ndarray
    omega_slope: np.ndarray

    def covariance(self, chosen: np.ndarray) -> np.ndarray:
        """Covariance of the observations of a choice, shape (..., k, k) for chosen (..., k)."""
        slope = self.effect_slope[chosen]
        found = slope @ self.omega @ np.swapaxes(slope, -1, -2)
        k = np.arange(chosen.shape[-1])
        found[..., k, k] += self.variance[chosen]
        return found

    def information(self, chosen: np.ndarray, *, block_diagonal: bool) -> np.ndarray:
        r"""Fisher information of one subject for a choice of candidates.

        .. math:: M_{ab} = \partial_a\mu^T V^{-1} \partial_b\mu
            + \tfrac12 tr(V^{-1}\partial_a V\, V^{-1}\partial_b V)

        Block-diagonal: the parameters that move the mean, by the first term alone; all others, by the second.

        Parameters
        ----------
        chosen : ndarray of int, shape (..., k)
            Positions of the samples; one position may be taken several times.
        block_diagonal : bool
            Whether the parts are kept apart.

        Returns
        -------
        ndarray, shape (..., p, p)
        """
        precision = np.linalg.inv(self.covariance(chosen))
        mean = self.mean_slope[chosen]
        by_mean = np.swapaxes(mean, -1, -2) @ precision @ mean
        slope, moved = self.effect_slope[chosen], self.effect_slope_slope[chosen]
        half = np.einsum("...iap,ab,...jb->...pij", moved, self.omega, slope, optimize=True)
        change = half + np.swapaxes(half, -1, -2)
        change += np.einsum("...ia,abp,...jb->...pij", slope, self.omega_slope, slope, optimize=True)
        k = np.arange(chosen.shape[-1])
        change[..., k, k] += np.swapaxes(self.variance_slope[chosen], -1, -2)
        relative = precision[..., None, :, :] @ change
        flat = relative.reshape(*relative.shape[:-2], -1)
        turned = np.swapaxes(relative, -1, -2).reshape(flat.shape)
        by_variance = 0.5 * flat @ np.swapaxes(turned, -1, -2)
        if not block_diagonal:
            return by_mean + by_variance
        means = np.abs(self.mean_slope).max(axis=0) > 0
        return np.where(np.outer(means, means), by_mean, by_variance * np.outer(~means, ~means))


@dataclass(frozen=True, eq=False)
class Planned:
    """A model on a planned study, compiled once for any values of the parameters.

    Parameters
    ----------
    conditional : Conditional
        Log-densities of the planned study (its observations have placeholders).
    linearisation : Linearisation
        Predictions and slopes.
    subjects : list of int
        For how many subjects each subject of the graph stands: arms whose covariates are constant have one.
    arm : ndarray of int
        Arm of each subject of the graph.
    """

    conditional: Conditional
    linearisation: Linearisation
    subjects: list[int]
    arm: np.ndarray


def plan(model: Model, design: Design, *, seed: int | None = None) -> Planned:
    """Put a model on a design.

    Parameters
    ----------
    model : Model
    design : Design
    seed : int, optional
        For covariates that are drawn.

    Raises
    ------
    ModelError
        The design lacks what the model needs, the model has levels above the subject, or an endpoint that
        is no prediction plus error.
    """
    thinned, subjects, arm = _representatives(design)
    conditional, linearisation = _compiled(model, thinned, seed)
    return Planned(conditional, linearisation, subjects, arm)


@lru_cache(maxsize=8)
def _compiled(model: Model, design: Design, seed: int | None) -> tuple[Conditional, Linearisation]:
    data = design.dataset(seed)
    planned = replace(data, table=data.table.assign(DV=data.table["DV"].where(~data.is_observation, 1.0)))
    conditional = Conditional(translate(model, planned, geometry="centred"))
    _check_levels(conditional)
    return conditional, Linearisation(conditional)


def candidates(planned: Planned, theta: np.ndarray, *, effects: np.ndarray | None = None) -> list[Candidates]:
    """Linearise at all sampling times of a planned study, one `Candidates` per subject of the graph.

    Parameters
    ----------
    planned : Planned
    theta : ndarray, shape (p,)
        The population parameters on the unconstrained scale.
    effects : ndarray, shape (n_subjects, n_slots), optional
        Random effects around which to linearise; zeros by default.
    """
    conditional, linear = planned.conditional, planned.linearisation
    b = np.zeros(conditional.n_effects) if effects is None else conditional.scatter(effects)
    centre = linear.at(theta, b, population=True)
    assert centre.by_population is not None and centre.sd_by_population is not None
    slopes, spreads = [], []
    for step in _STEP * np.eye(len(theta)):
        up, down = linear.at(theta + step, b), linear.at(theta - step, b)
        slopes.append((up.by_effect - down.by_effect) / (2 * _STEP))
        above, below = (effects_covariance(conditional, theta + s) for s in (step, -step))
        spreads.append((above - below) / (2 * _STEP))
    moved = np.stack(slopes, axis=-1)
    mean_slope = centre.by_population
    if effects is not None:
        mean_slope = mean_slope - np.einsum("mqp,mq->mp", moved, effects[centre.subject])
    omega, omega_slope = effects_covariance(conditional, theta), np.stack(spreads, axis=-1)
    time = conditional.translation.data.table["TIME"].to_numpy(float)[centre.record]
    _check_spread(centre.output, time, centre.sd)
    found = []
    for i, subjects in enumerate(planned.subjects):
        own = centre.subject == i
        present = conditional.slots[i] >= 0
        found.append(
            Candidates(
                subjects=subjects,
                output=centre.output[own],
                time=time[own],
                prediction=centre.prediction[own],
                mean_slope=mean_slope[own],
                variance=centre.sd[own] ** 2,
                variance_slope=2 * centre.sd[own, None] * centre.sd_by_population[own],
                effect_slope=centre.by_effect[own][:, present],
                effect_slope_slope=moved[own][:, present],
                omega=omega[i][np.ix_(present, present)],
                omega_slope=omega_slope[i][np.ix_(present, present)],
            )
        )
    return found


def _check_spread(output: np.ndarray, time: np.ndarray, sd: np.ndarray) -> None:
    without = np.flatnonzero(~(sd > 0))
    if len(without):
        k = without[0]
        raise FitError(
            explain(
                expected="samples with a residual error",
                got=f"a standard deviation of {sd[k]:g} of {output[k]} at TIME {time[k]:g}, where the "
                "prediction is 0 and the error proportional to it",
                remedy="Sample later (windows=(0.5, 24)), or add an additive part: bn.Combined(...).",
            )
        )


def effects_covariance(conditional: Conditional, theta: np.ndarray) -> np.ndarray:
    """Covariance of every subject's effects, shape (n_subjects, n_slots, n_slots); identity where absent."""
    return np.linalg.inv(effects_precision(conditional, theta, np.zeros(conditional.n_effects)))


def _representatives(design: Design) -> tuple[Design, list[int], np.ndarray]:
    """One subject for all of an arm whose covariates are constant; how many each stands for; their arms."""
    arms, subjects, of = [], [], []
    for k, arm in enumerate(design.arms):
        alike = not any(_varies(value) for value in arm.covariates.values())
        arms.append(replace(arm, subjects=1) if alike else arm)
        subjects += [arm.subjects] if alike else [1] * arm.subjects
        of += [k] * arms[-1].subjects
    return replace(design, arms=tuple(arms)), subjects, np.array(of)


def _varies(value: Any) -> bool:
    return not isinstance(value, int | float | str | np.number)


def _check_levels(conditional: Conditional) -> None:
    above = [rv.name for rv in conditional.population.variables if rv.name.startswith("eta_")]
    if above:
        raise ModelError(
            explain(
                expected="subjects that are independent of each other",
                got=f"a level above the subject ({', '.join(above)})",
                remedy="Leave the level out for designing: model.with_parameter(..., varies={}).",
            )
        )
