"""Random effects against covariates with points that say whose they are."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_nlmem.ground.messages import BayesNlmemError, explain
from bayes_nlmem.plots.effects import random_effect_means
from bayes_nlmem.plots.interactive.canvas import empty, line, points
from bayes_nlmem.plots.smoother import lowess
from bayes_nlmem.plots.style import MUTED, SMOOTH, labelled


def explore_random_effects(fit: Any) -> Any:
    """Random effects against every covariate, interactive: hover over a point for its subject.

    Points are the subjects' posterior means, the red line is a local regression.

    Parameters
    ----------
    fit : Fit, or another learnt result
        What was learnt.

    Returns
    -------
    plotly.graph_objects.Figure

    Raises
    ------
    BayesNlmemError
        If Plotly is not installed, the model has no random effects or the data no covariates.

    Examples
    --------
    >>> bn.explore_random_effects(fit).show()  # doctest: +SKIP
    """
    effects = random_effect_means(fit)
    covariates = list(fit.data.covariates)
    if not covariates:
        raise BayesNlmemError(explain(expected="at least one covariate in the data", got="none"))
    first = fit.data.table.groupby("SUBJECT", sort=True).head(1).index
    rows, columns = len(covariates), effects.shape[1]
    figure = empty(rows, columns, height=120 + 260 * rows, vertical_spacing=0.18 / rows)
    for i, name in enumerate(covariates, 1):
        values = np.asarray(fit.data.covariate(name))[np.asarray(first)]
        numeric = values.dtype.kind in "fiub" and fit.data.covariates[name].categories is None
        for j, parameter in enumerate(effects, 1):
            y = effects[parameter].to_numpy()
            x = values if numeric else [str(value) for value in values]
            shown = f"{name} %{{x}}<br>η {parameter} %{{y:.3f}}"
            figure.add_trace(points(x, y, effects.index, shown), row=i, col=j)
            figure.add_hline(0, line={"color": MUTED, "width": 1}, row=i, col=j)
            if numeric and np.ptp(values) > 0:
                near = min(1.0, max(2 / 3, 20 / values.size))
                figure.add_trace(line(*lowess(values, y, fraction=near), color=SMOOTH), row=i, col=j)
            figure.update_xaxes(title=labelled(name, fit.data.units.get(name)), row=i, col=j)
            figure.update_yaxes(title=f"η {parameter}", row=i, col=j)
    return figure
