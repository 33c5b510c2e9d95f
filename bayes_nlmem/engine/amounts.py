"""The kernel called from numpy."""

from __future__ import annotations

import numpy as np

from bayes_nlmem.engine.plan import Plan


def solve_amounts(
    phi: np.ndarray, plan: Plan, *, sensitive: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Solve a plan for one set of engine parameters.

    Parameters
    ----------
    phi : float array (n_rows, P)
        Engine parameters, columns as in ``plan.columns``.
    plan : Plan
    sensitive : bool
        Whether derivatives are wanted.

    Returns
    -------
    tuple of arrays
        Amounts at the requests (m,), sensitivities by pair (n_pairs, P) - (0, P) unless asked for - and
        status (n_subjects,), see ``layout.MEANING``.
    """
    from bayes_nlmem.engine.kernel import run_walk

    tables = plan.tables
    return run_walk(
        np.asarray(phi, float),
        tables["floats"],
        tables["ints"],
        tables["subjects"],
        tables["sensitivities"],
        tables["requests"],
        len(tables["pairs"]),
        n=plan.n,
        depot=plan.depot,
        sensitive=sensitive,
    )
