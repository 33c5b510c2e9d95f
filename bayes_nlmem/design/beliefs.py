"""What is believed of the parameters before a study: draws, and the precision that belongs to them."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from bayes_nlmem.ground.messages import FitError, explain
from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.marginal.point import natural, point_of, points_of_draws
from bayes_nlmem.simulation.population import known_population

PRIORS = "priors"
GAIN = "EIG"
_MANY = 2000
_ED_DRAWS = 20


def situations_of(
    conditional: Conditional, at: Any, *, criterion: str, draws: int | None, seed: int | None
) -> tuple[list[np.ndarray], np.ndarray | None]:
    """Points at which a design is judged, and for the information gain the precision before the study.

    Parameters
    ----------
    conditional : Conditional
    at : mapping, learnt result, or "priors"
        Values; the draws of a fit; or the model's own priors (for the information gain).
    criterion : str
    draws : int or None
        Number of points; 1 by default, 20 for the information gain.
    seed : int or None

    Returns
    -------
    points : list of ndarray, shape (p,)
        Unconstrained.
    precision : ndarray, shape (p, p), or None
        Inverse covariance of all draws.

    Raises
    ------
    FitError
        Values where draws are needed, draws where they would have no effect.
    """
    gain = criterion == GAIN
    count = (_ED_DRAWS if gain else 1) if draws is None else draws
    from_priors = isinstance(at, str)
    if from_priors and at != PRIORS:
        raise FitError(explain(expected=f"values, a fit or {PRIORS!r} for at=", got=repr(at)))
    if from_priors and not gain:
        raise FitError(
            explain(
                expected=f"values or a fit for criterion {criterion!r}",
                got=f"at={PRIORS!r}",
                remedy=f'Give values, or judge by criterion="{GAIN}".',
            )
        )
    if not gain and count == 1:
        return [point_of(conditional, at)], None
    if not (from_priors or hasattr(at, "draws")) or count < 2:
        raise FitError(
            explain(
                expected="a fit and draws > 1, to average over what is uncertain"
                + (f", or at={PRIORS!r}" if gain else ""),
                got=f"draws={count} with values of {type(at).__name__}",
                remedy="Leave draws out, or give a fit.",
            )
        )
    every = (
        _of_priors(conditional, seed) if from_priors else points_of_draws(conditional, at.draws["posterior"])
    )
    rng = np.random.default_rng(seed)
    picked = rng.choice(len(every), size=min(count, len(every)), replace=False)
    precision = np.linalg.inv(np.atleast_2d(np.cov(every.T))) if gain else None
    return [every[k] for k in picked], precision


def _of_priors(conditional: Conditional, seed: int | None) -> np.ndarray:
    number = int(np.random.SeedSequence(seed).generate_state(1)[0])
    drawn = known_population(conditional.translation, None, _MANY, number)
    variables = {
        name: (("sample", *(f"{name}_{k}" for k in range(values.ndim - 1))), values)
        for name, values in drawn.items()
    }
    return points_of_draws(conditional, xr.Dataset(variables))


def centre_of(conditional: Conditional, points: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Values of the population's variables in the middle of some points."""
    return natural(conditional, np.mean(points, axis=0))
