"""Errors on the log scale need predictions above 0; where there is none by design, the model is refused."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pymc as pm
import pytensor

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.ground.messages import ModelError, explain, rows_text
from bayes_nlmem.model.specification import Model
from bayes_nlmem.statistics.endpoints import is_endpoint
from bayes_nlmem.translation.likelihood import Observed


def check_signs(model: Model, data: Dataset, graph: pm.Model, observed: Mapping[str, Observed]) -> None:
    """Refuse observations with an error on the log scale whose prediction at the initial point is not > 0.

    Models without such an error cost nothing; the others one evaluation of the predictions.

    Raises
    ------
    ModelError
        Names the output and the rows.
    """
    outputs = [
        output
        for output in observed
        if not is_endpoint(model.residuals[output]) and model.residuals[output].law.positive
    ]
    if not outputs:
        return
    values = [graph.rvs_to_values[rv] for rv in graph.free_RVs]
    predictions = graph.replace_rvs_by_values([graph[output] for output in outputs])
    function = pytensor.function(values, predictions, mode="FAST_COMPILE", on_unused_input="ignore")
    start = graph.initial_point()
    for output, f in zip(outputs, function(*(start[value.name] for value in values)), strict=True):
        wrong = observed[output].record[~(f > 0)]
        if len(wrong):
            kind = type(model.residuals[output]).__name__
            raise ModelError(
                explain(
                    expected=f"predictions of {output!r} above 0: {kind} is an error of their logarithm",
                    got=f"{np.min(f):g} in {rows_text(data.table['ROW'].iloc[wrong])}",
                    remedy="Before the first dose a concentration is 0: take these records out (MDV = 1), "
                    "or use an additive or combined error.",
                )
            )
