"""The solver of a model, chosen once by timing both at the first parameters it is asked for."""

from __future__ import annotations

from time import perf_counter

import numpy as np

from bayes_nlmem.engine.ode.machine_code import Code, table_of
from bayes_nlmem.engine.ode.model_table import CHOSEN
from bayes_nlmem.engine.ode.schedule import ODEPlan
from bayes_nlmem.engine.ode.tolerances import Tolerances

# The stiff solver must be faster by this factor: its cost per step varies less with the model.
_MARGIN = 1.2


def solver_for(solver: str, phi: np.ndarray, plan: ODEPlan, tolerances: Tolerances) -> bool:
    """Whether a model is solved by the stiff method.

    Parameters
    ----------
    solver : {"auto", "explicit", "stiff"}
    phi : float array (n_rows, P)
        Parameters at which both are timed if nothing was chosen yet for the model in this process.
    plan : ODEPlan
    tolerances : Tolerances
    """
    if solver != "auto":
        return solver == "stiff"
    table = table_of(plan.code)
    if table[CHOSEN] < 0:
        if plan.n_requests == 0 or not np.isfinite(phi).all():
            return False
        table[CHOSEN] = int(_faster(phi, plan, tolerances))
    return bool(table[CHOSEN])


def chosen_solver(code: Code) -> str:
    """Name of the solver that was chosen for a model in this process, "undecided" before its first use."""
    return {1: "stiff", 0: "explicit"}.get(int(table_of(code)[CHOSEN]), "undecided")


def _faster(phi: np.ndarray, plan: ODEPlan, tolerances: Tolerances) -> bool:
    seconds = {}
    solved = {}
    for stiff in (False, True):
        best = np.inf
        for _ in range(3):
            begin = perf_counter()
            *_, status, _ = _solve(phi, plan, tolerances, stiff)
            best = min(best, perf_counter() - begin)
            if best > 0.2:
                break
        seconds[stiff], solved[stiff] = best, int((status == 0).sum())
    if solved[True] != solved[False]:
        return solved[True] > solved[False]
    return seconds[True] * _MARGIN < seconds[False]


def _solve(phi: np.ndarray, plan: ODEPlan, tolerances: Tolerances, stiff: bool):
    from bayes_nlmem.engine.ode.kernel import solve_equations

    return solve_equations(phi, plan, tolerances, sensitive=True, stiff=stiff)
