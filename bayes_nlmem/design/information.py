"""Fisher information of a planned study, and the shrinkage that it lets expect."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bayes_nlmem.data.planned import Design
from bayes_nlmem.design.candidates import Candidates, Planned, candidates, effects_covariance
from bayes_nlmem.marginal.conditional import Conditional


def information_of(
    found: Sequence[Candidates], *, block_diagonal: bool, chosen: Sequence[np.ndarray] | None = None
) -> np.ndarray:
    """Information of all subjects; of all candidates, or of those chosen in every arm."""
    chosen = chosen or [np.arange(len(one.time)) for one in found]
    parts = [
        one.subjects * one.information(samples, block_diagonal=block_diagonal)
        for one, samples in zip(found, chosen, strict=True)
    ]
    return np.sum(parts, axis=0)


def prior_information(conditional: Conditional, theta: np.ndarray) -> np.ndarray:
    """Negative curvature of the log-prior, on the unconstrained scale."""
    step = 1e-4
    rows = [
        (conditional.prior(theta - s)[1] - conditional.prior(theta + s)[1]) / (2 * step)
        for s in step * np.eye(len(theta))
    ]
    curvature = np.array(rows)
    return 0.5 * (curvature + curvature.T)


def predicted_shrinkage(found: Sequence[Candidates], planned: Planned, design: Design) -> pd.DataFrame:
    """Var(eta | y) / omega^2 under the linearised model, in percent: the share that the data leave open."""
    names = planned.conditional.translation.model.random_effects
    q = len(names)
    if not q:
        return pd.DataFrame()
    rows: dict[str, list[np.ndarray]] = {}
    for one, arm in zip(found, planned.arm, strict=True):
        slope = one.effect_slope
        inside = np.linalg.inv(one.omega) + slope.T @ (slope / one.variance[:, None])
        left = np.diag(np.linalg.inv(inside))[:q] / np.diag(one.omega)[:q]
        rows.setdefault(design.arms[arm].name or f"arm {arm + 1}", []).append(100 * left)
    return pd.DataFrame({name: np.mean(values, axis=0) for name, values in rows.items()}, index=names).T


def averaged_information(
    planned: Planned, theta: np.ndarray, draws: int, rng: np.random.Generator, block_diagonal: bool
) -> np.ndarray:
    """Information linearised around effects drawn from their distribution, averaged over the draws."""
    factors = np.linalg.cholesky(effects_covariance(planned.conditional, theta))
    total = np.zeros((len(theta), len(theta)))
    for _ in range(draws):
        effects = np.einsum("nij,nj->ni", factors, rng.normal(size=factors.shape[:2]))
        around = candidates(planned, theta, effects=effects)
        total += information_of(around, block_diagonal=block_diagonal)
    return total / draws
