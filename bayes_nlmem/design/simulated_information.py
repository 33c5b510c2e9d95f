"""Fisher information from simulated data: for counts, categories, events, and limits of quantification."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from bayes_nlmem.data.planned import Design
from bayes_nlmem.design.arms import covariates_for
from bayes_nlmem.ground.messages import FitError, explain
from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.marginal.ebe import find_modes
from bayes_nlmem.marginal.likelihood import compiled_for
from bayes_nlmem.marginal.point import natural, point_of
from bayes_nlmem.marginal.quadrature import quadrature
from bayes_nlmem.marginal.separable import check_separable
from bayes_nlmem.model.specification import Model
from bayes_nlmem.simulation.as_data import replicate_as_data
from bayes_nlmem.simulation.limits import Limit
from bayes_nlmem.simulation.replicates import simulate
from bayes_nlmem.translation.graph import translate

_STEP = 1e-3
_MOST_NODES = 1000


def simulated_information(
    model: Model, design: Design, at: Any, *, subjects: int, lloq: Limit = None, seed: int | None = None
) -> tuple[np.ndarray, Conditional, np.ndarray]:
    r"""Expected outer product of the subjects' scores, over data simulated at the parameters.

    .. math:: M = \sum_{arms} n_k\, E[s_i s_i^T], \quad s_i = \partial \log p(y_i | \theta) / \partial \theta

    with the effects integrated out by adaptive quadrature, and scores by central differences.

    Parameters
    ----------
    model, design, at
        As in `expected_precision`.
    subjects : int
        Subjects to simulate per arm.
    lloq : float or mapping, optional
        Limit of quantification, as in `simulate`.
    seed : int, optional
        For the data.

    Returns
    -------
    information : ndarray, shape (p, p)
        On the unconstrained scale.
    conditional : Conditional
        The functions of the simulated study.
    theta : ndarray, shape (p,)
        The parameters.

    Raises
    ------
    FitError
        A likelihood that is not finite.
    """
    arms = [replace(arm, subjects=subjects, covariates=covariates_for(arm, subjects)) for arm in design.arms]
    large = replace(design, arms=tuple(arms))
    seeds = [int(s) for s in np.random.SeedSequence(seed).generate_state(2)]
    data = large.dataset(seeds[0])
    blank = replace(data, table=data.table.assign(DV=data.table["DV"].where(~data.is_observation, 1.0)))
    values = natural_values(model, blank, at)
    made = simulate(model, data, parameters=values, draws=1, seed=seeds[1], lloq=lloq)
    conditional = compiled_for(model, replicate_as_data(made, 0))
    check_separable(conditional)
    theta = point_of(conditional, at)
    scores = _scores(conditional, theta)
    of_arm = large.arm_of_subject
    total = np.zeros((len(theta), len(theta)))
    for k, arm in enumerate(design.arms):
        own = scores[of_arm == k]
        total += arm.subjects * own.T @ own / len(own)
    return total, conditional, theta


def natural_values(model: Model, data: Any, at: Any) -> dict[str, np.ndarray]:
    """Values of all population variables of a graph, as `simulate` takes them."""
    conditional = Conditional(translate(model, data, geometry="centred"))
    return natural(conditional, point_of(conditional, at))


def _scores(conditional: Conditional, theta: np.ndarray) -> np.ndarray:
    """Derivatives of every subject's marginal log-likelihood, shape (n_subjects, p)."""
    width = conditional.slots.shape[1]
    nodes = next((k for k in (11, 9, 7, 5, 3) if k**width <= _MOST_NODES), 1)
    centre = find_modes(conditional, theta)

    def value(point: np.ndarray) -> np.ndarray:
        modes = find_modes(conditional, point, centre.b, careful=False)
        return quadrature(conditional, modes, nodes=nodes).log_likelihood

    steps = _STEP * np.eye(len(theta))
    scores = np.column_stack([(value(theta + s) - value(theta - s)) / (2 * _STEP) for s in steps])
    if not np.isfinite(scores).all():
        raise FitError(
            explain(
                expected="finite likelihoods of simulated subjects",
                got=f"{int((~np.isfinite(scores).all(axis=1)).sum())} of {len(scores)} that are not",
                remedy="Look at simulated data: bn.simulate(model, design, parameters=...).",
            )
        )
    return scores
