"""The walk called from numpy."""

from __future__ import annotations

import numpy as np

from bayes_nlmem.engine.plan import Plan


def solve_amounts(phi: np.ndarray, plan: Plan, *, sensitive: bool = False) -> tuple[np.ndarray, ...]:
    """Amounts at the requests (m,), sensitivities (n_pairs, P) - empty unless asked for - and status (n_subjects,).

    Parameters
    ----------
    phi : float array (n_rows, P)
        Engine parameters, columns as in ``plan.columns``.
    plan : Plan
    sensitive : bool
        Whether derivatives are wanted.
    """
    from bayes_nlmem.engine.walk import walk

    tables = plan.tables
    return walk(
        np.ascontiguousarray(phi, float),
        tables["floats"],
        tables["ints"],
        tables["subjects"],
        tables["sensitivities"],
        tables["requests"],
        len(tables["pairs"]),
        plan.depot,
        sensitive,
        (0.0,) * plan.n,
    )
