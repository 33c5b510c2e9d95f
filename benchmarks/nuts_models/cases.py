"""Four simulated studies with the same priors for every sampler.

A  one compartment, oral, one dose, 12 subjects x 11 observations (like theophylline)
B  two compartments, oral, 10 doses, 120 subjects x 10 observations
C  one compartment, oral, 10 doses, 1000 subjects x 3 observations
R  B with 25 observations per subject and a smaller error
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

NAMES = {3: ("CL", "V", "KA"), 5: ("CL", "V1", "Q", "V2", "KA")}


@dataclass(frozen=True)
class Case:
    """A study and what is known beforehand.

    Parameters
    ----------
    table : DataFrame
        NONMEM-style records, sorted.
    names : tuple of str
        Parameters.
    centre : ndarray
        Medians of the priors of the typical values (log-normal with sd 0.5).
    additive : float
        Scale of the half-normal prior of the additive error; that of the proportional one is 0.3, those of
        the standard deviations between subjects 0.5; correlations have an LKJ(2) prior.
    """

    table: pd.DataFrame
    names: tuple[str, ...]
    centre: np.ndarray
    additive: float


def case(name: str, n_subjects: int | None = None) -> Case:
    """Simulate a case; `n_subjects` changes the size of C."""
    rng = np.random.default_rng("ABCR".index(name) + 1)
    if name == "A":
        n, typical, spread, doses, amount = 12, [2.8, 32.0, 1.5], [0.25, 0.15, 0.6], [0.0], 320.0
        times = [[0.25, 0.5, 1, 2, 3.5, 5, 7, 9, 12, 18, 24]] * n
        proportional, additive = 0.1, 0.3
    elif name == "C":
        n, typical, spread, amount = n_subjects or 1000, [4.0, 40.0, 1.0], [0.3, 0.25, 0.5], 100.0
        doses = list(np.arange(10) * 24.0)
        times = [np.sort(rng.uniform(0.5, 240, 3)) for _ in range(n)]
        proportional, additive = 0.2, 0.05
    else:
        n, typical, spread = 120, [5.0, 50.0, 5.0, 80.0, 1.5], [0.3, 0.25, 0.3, 0.3, 0.5]
        doses, amount = list(np.arange(10) * 12.0), 200.0
        base = np.array([0.5, 1.5, 4, 11.5, 47.5, 107.9, 108.75, 110, 114, 130])
        proportional, additive = 0.15, 0.05
        if name == "R":
            early = [0.25, 0.5, 1, 1.5, 2, 4, 6, 8, 11.5, 23.5, 47.5, 71.5]
            late = 107.9 + np.array([0, 0.35, 0.6, 1.1, 1.6, 2.1, 4.1, 6.1, 8.1, 12.1, 18, 24, 36])
            base, proportional, additive = np.concatenate([early, late]), 0.08, 0.02
        times = [base + rng.uniform(-0.1, 0.1, base.size) * np.minimum(base, 1) for _ in range(n)]
    width = len(typical)
    correlation = np.full((width, width), 0.3) + 0.7 * np.eye(width)
    factor = np.diag(spread) @ np.linalg.cholesky(correlation)
    individual = np.asarray(typical) * np.exp(rng.normal(size=(n, width)) @ factor.T)
    concentration = one_compartment if width == 3 else two_compartments
    rows = []
    for i in range(n):
        rows += [(i + 1, dose, amount, 1, np.nan) for dose in doses]
        for t in times[i]:
            after = t - np.asarray(doses)
            f = concentration(individual[i], after[after > 0], amount).sum()
            y = f + rng.normal() * np.hypot(additive, proportional * f)
            rows.append((i + 1, t, 0.0, 0, y))
    table = pd.DataFrame(rows, columns=["ID", "TIME", "AMT", "EVID", "DV"])
    table = table.sort_values(["ID", "TIME", "EVID"], ascending=[True, True, False], kind="stable")
    centre = np.asarray(typical) * np.exp(np.array([0.1, -0.1, 0.1, -0.1, 0.1])[:width])
    return Case(table.reset_index(drop=True), NAMES[width], centre, 3 * additive)


def one_compartment(p, t, dose):
    """Concentration after one oral dose; p = CL, V, KA."""
    cl, v, ka = p
    k = cl / v
    return dose * ka / v / (ka - k) * (np.exp(-k * t) - np.exp(-ka * t))


def two_compartments(p, t, dose):
    """Concentration after one oral dose; p = CL, V1, Q, V2, KA."""
    cl, v1, q, v2, ka = p
    k10, k12, k21 = cl / v1, q / v1, q / v2
    s = k10 + k12 + k21
    a = (s + np.sqrt(s * s - 4 * k10 * k21)) / 2
    b = k10 * k21 / a
    fast = (k21 - a) / ((ka - a) * (b - a)) * np.exp(-a * t)
    slow = (k21 - b) / ((ka - b) * (a - b)) * np.exp(-b * t)
    absorption = (k21 - ka) / ((a - ka) * (b - ka)) * np.exp(-ka * t)
    return dose * ka / v1 * (fast + slow + absorption)
