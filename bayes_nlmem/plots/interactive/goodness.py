"""Goodness of fit with points that say whose they are."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_nlmem.checks.kinds import refuse_panels
from bayes_nlmem.plots.individuals import chosen_output
from bayes_nlmem.plots.interactive.canvas import empty, line, points
from bayes_nlmem.plots.smoother import lowess
from bayes_nlmem.plots.style import MUTED, SMOOTH, labelled


def explore_goodness_of_fit(fit: Any, *, output: str | None = None, log_scale: bool = False) -> Any:
    """Goodness of fit, interactive: hover over a point for its subject, time and value.

    Observations against population and individual predictions, IWRES against time and against the
    individual prediction; the red line is a local regression. Observations beyond a limit of quantification
    are left out. Select points with the lasso to see their subjects.

    Parameters
    ----------
    fit : Fit, or another learnt result
        What was learnt.
    output : str, optional
        Output of the structure, the first one by default.
    log_scale : bool
        Logarithmic axes of observations against predictions; what lies at or below 0 is not drawn.

    Returns
    -------
    plotly.graph_objects.Figure

    Raises
    ------
    BayesNlmemError
        If Plotly is not installed, or the output unknown, or one of categories, times of events or states.

    Examples
    --------
    >>> bn.explore_goodness_of_fit(fit).show()  # doctest: +SKIP
    """
    table = fit.predictions()
    output = chosen_output(table, output)
    refuse_panels(fit.model.residuals[output], output, "a goodness-of-fit plot")
    seen = table[(table.OUTPUT == output) & (table.CENS == 0)]
    units = fit.data.units
    unit = units.get(output, units.get("DV"))
    figure = empty(2, 2, height=720, horizontal_spacing=0.1, vertical_spacing=0.12)
    hover = "time %{customdata[1]:.4g}<br>observed %{customdata[2]:.4g}<br>predicted %{customdata[3]:.4g}"
    panels = [
        (seen.PRED, seen.DV, labelled("Population prediction", unit), labelled("Observed", unit)),
        (seen.IPRED, seen.DV, labelled("Individual prediction", unit), labelled("Observed", unit)),
        (seen.TIME, seen.IWRES, labelled("Time", units.get("TIME")), "IWRES"),
        (seen.IPRED, seen.IWRES, labelled("Individual prediction", unit), "IWRES"),
    ]
    for k, (x, y, x_label, y_label) in enumerate(panels):
        at = {"row": k // 2 + 1, "col": k % 2 + 1}
        keep = np.isfinite(x) & np.isfinite(y)
        if log_scale and k < 2:
            keep &= (x > 0) & (y > 0)
        if k < 2:
            both = np.concatenate([x[keep], y[keep]])
            ends = [both.min(), both.max()] if both.size else [0, 1]
            figure.add_trace(line(ends, ends, color=MUTED, line={"width": 1}), **at)
        else:
            ends = [x[keep].min(), x[keep].max()] if keep.any() else [0, 1]
            for level in (-1.96, 0, 1.96):
                dash = {"width": 1, "dash": "dot" if level else "solid"}
                figure.add_trace(line(ends, [level] * 2, color=MUTED, line=dash), **at)
        cloud = points(x[keep], y[keep], seen.ID[keep], hover)
        details = seen[keep][["ID", "TIME", "DV", "IPRED"]]
        cloud.customdata = [[str(i), t, d, p] for i, t, d, p in details.itertuples(index=False)]
        figure.add_trace(cloud, **at)
        if keep.sum() > 3:
            figure.add_trace(line(*lowess(x[keep], y[keep], robust=3), color=SMOOTH), **at)
        kind = "log" if log_scale and k < 2 else "linear"
        figure.update_xaxes(title=x_label, type=kind, **at)
        figure.update_yaxes(title=y_label, type=kind, **at)
    return figure
