"""The solver of a model, chosen once by timing all at the first parameters it is asked for."""

from __future__ import annotations

from time import thread_time

import numpy as np

from bayes_nlmem.engine.ode.machine_code import Code, table_of
from bayes_nlmem.engine.ode.model_table import CHOSEN, LINEAR
from bayes_nlmem.engine.ode.schedule import ODEPlan
from bayes_nlmem.engine.ode.tolerances import Tolerances

_METHODS = ("explicit", "stiff", "exponential")
# The stiff solver must be faster by this factor: its cost per step varies less with the model.
_MARGIN = 1.2


def solver_for(solver: str, phi: np.ndarray, plan: ODEPlan, tolerances: Tolerances) -> str:
    """The method by which a model is solved.

    Parameters
    ----------
    solver : {"auto", "explicit", "stiff", "exponential"}
    phi : float array (n_rows, P)
        Parameters at which all that can be used are timed if nothing was chosen yet for the model in this
        process.
    plan : ODEPlan
    tolerances : Tolerances
    """
    if solver != "auto":
        return solver
    table = table_of(plan.code)
    if table[CHOSEN] < 0:
        if plan.n_requests == 0 or not np.isfinite(phi).all():
            return "explicit"
        table[CHOSEN] = _METHODS.index(_fastest(phi, plan, tolerances))
    return _METHODS[table[CHOSEN]]


def chosen_solver(code: Code) -> str:
    """Name of the solver that was chosen for a model in this process, "undecided" before its first use."""
    chosen = int(table_of(code)[CHOSEN])
    return _METHODS[chosen] if chosen >= 0 else "undecided"


def _fastest(phi: np.ndarray, plan: ODEPlan, tolerances: Tolerances) -> str:
    """The method that solves most subjects, and of these the fastest."""
    from bayes_nlmem.engine.ode.kernel import kernel, solve_equations

    kernel()  # what is loaded or compiled once must not count against the first
    ranks = {}
    for method in _METHODS if table_of(plan.code)[LINEAR] else _METHODS[:2]:
        best = np.inf
        for _ in range(3):
            begin = thread_time()  # of this thread: other work on the machine does not count
            *_, status, _ = solve_equations(phi, plan, tolerances, sensitive=True, solver=method)
            best = min(best, thread_time() - begin)
            if best > 0.2:
                break
        ranks[method] = (int((status != 0).sum()), best * (_MARGIN if method == "stiff" else 1.0))
    return min(ranks, key=lambda method: ranks[method])
