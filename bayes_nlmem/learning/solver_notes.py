"""What a run says about the solver of its structure: which one, how exactly, and where it failed."""

from __future__ import annotations

import sys
from typing import Any

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.engine.layout import MEANING
from bayes_nlmem.model.specification import Model

# Subjects named, at most.
_MOST = 10


def solver_of(structure: Any) -> dict[str, Any]:
    """Solver and tolerances of equations; "closed form" for a structure that has one.

    "exact" names the compartments that the explicit solver moves without error.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> solver_of(bn.OneCompartment())
    {'solver': 'closed form'}
    >>> solver_of(bn.ODE("d/dt(a) = -k * a * a", solver="stiff"))
    {'solver': 'stiff', 'relative': 1e-08, 'absolute': 1e-30}
    >>> solver_of(bn.ODE("d/dt(a) = -k * a; d/dt(b) = a - b * b", solver="explicit"))["exact"]
    ('a',)
    """
    if not by_equations(structure):
        return {"solver": "closed form"}
    from bayes_nlmem.engine.ode.choice import chosen_solver

    solver = chosen_solver(structure.code) if structure.solver == "auto" else structure.solver
    exact = tuple(structure.compartments[i] for i in structure.code.lead) if solver == "explicit" else ()
    return {
        "solver": solver,
        **({"exact": exact} if exact else {}),
        "relative": structure.tolerances.relative,
        "absolute": structure.tolerances.absolute,
    }


def forget_failures(structure: Any) -> None:
    """Begin to count failures anew."""
    if by_equations(structure):
        from bayes_nlmem.engine.ode.failures import forget

        forget(structure.code)


def failures_in(model: Model, data: Dataset) -> list[str]:
    """One sentence for each subject that could not be solved since failures were forgotten.

    Failed proposals of the warm-up count too; a sampler turns back at them, so that no draw contains one.
    Chains in other processes are not seen.
    """
    structure = model.structure
    if not by_equations(structure):
        return []
    from bayes_nlmem.engine.ode.failures import failures_of

    columns = structure.solver_columns(model.parameters)
    found = sorted(failures_of(structure.code).items(), key=lambda item: -item[1].count)
    sentences = []
    for subject, failures in found[:_MOST]:
        why = "; ".join(f"{MEANING[reason]} ({count})" for reason, count in failures.reasons.items())
        where = ", ".join(
            f"{name} {low:.3g} to {high:.3g}"
            for name, low, high in zip(columns, failures.low, failures.high, strict=True)
        )
        who = data.subjects[subject] if subject < len(data.subjects) else f"number {subject + 1}"
        times = f"{failures.count} time{'s'[: failures.count != 1]}"
        sentences.append(f"subject {who} could not be solved {times}: {why}; at {where}")
    if len(found) > _MOST:
        sentences.append(f"{len(found) - _MOST} more subjects")
    return sentences


def by_equations(structure: Any) -> bool:
    """Whether a structure is solved numerically; nothing of the solvers is imported for one that is not."""
    equations = sys.modules.get("bayes_nlmem.structures.ode")  # there if the structure is of its kind
    return equations is not None and isinstance(structure, equations.ODE)
