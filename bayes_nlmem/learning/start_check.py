"""Refuse to start where the log-density is not finite, and say which records make it so."""

from __future__ import annotations

import numpy as np
import pymc as pm

from bayes_nlmem.ground.messages import FitError, explain
from bayes_nlmem.marginal.conditional import Conditional


def check_start(conditional: Conditional) -> None:
    """Refuse to start where the log-density is not finite, and say which records make it so."""
    theta = conditional.population.join(conditional.population.start)
    value, _, gradient = conditional.joint(theta, np.zeros(conditional.n_effects))
    if np.all(np.isfinite(value)) and np.all(np.isfinite(gradient)):
        return
    raise FitError(_why_not_finite(conditional, value))


def _why_not_finite(conditional: Conditional, value: np.ndarray) -> str:
    translation = conditional.translation
    graph = translation.graph
    point = graph.initial_point()
    logp = graph.compile_logp(vars=graph.observed_RVs, sum=False, mode="FAST_COMPILE")(point)
    table = translation.data.table
    found = []
    for (output, seen), terms in zip(translation.observed.items(), logp, strict=True):
        wrong = ~np.isfinite(np.ravel(terms))
        if wrong.all():  # one spread of 0 makes PyMC refuse all records of an output together
            wrong = _unexplained(graph, output, point, wrong)
        bad = seen.record[wrong]
        if len(bad):
            ids = list(dict.fromkeys(table["ID"].iloc[bad]))
            found.append(f"{output}: rows {_some(bad + 1)} of subjects {_some(ids)}")
    remedy = (
        "If the prediction is 0 there (before the first dose) and the residual error is proportional, give "
        "it an additive part (Combined), or mark these records MDV = 1; else look at the priors' centres."
    )
    ids = [translation.layout.subjects[k] for k in np.flatnonzero(~np.isfinite(value))]
    got = "; ".join(found) or (f"subjects {_some(ids)}" if ids else "a gradient that is not finite")
    return explain(expected="a finite log-density at the priors' centres", got=got, remedy=remedy)


def _unexplained(
    graph: pm.Model, output: str, point: dict[str, np.ndarray], otherwise: np.ndarray
) -> np.ndarray:
    """Where the prediction is 0 or not finite; `otherwise` where there is no such record."""
    [expression] = graph.replace_rvs_by_values([graph[output]])
    function = graph.compile_fn(
        expression, inputs=graph.value_vars, mode="FAST_COMPILE", on_unused_input="ignore"
    )
    predicted = np.ravel(function(point))
    odd = ~np.isfinite(predicted) | (predicted == 0)
    return odd if odd.any() else otherwise


def _some(items, most: int = 10) -> str:
    items = [str(item) for item in items]
    return ", ".join(items[:most]) + (f" and {len(items) - most} more" if len(items) > most else "")
