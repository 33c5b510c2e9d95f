"""Visual predictive check of measurements, with bands and points that speak under the pointer."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_nlmem.checks.visual_predictive import vpc
from bayes_nlmem.checks.vpc_arrays import VPC
from bayes_nlmem.plots.finished import finished_or_made
from bayes_nlmem.plots.interactive.canvas import empty, faded, line, plotly
from bayes_nlmem.plots.style import INDIVIDUAL, INK, MUTED, POPULATION


def explore_vpc(learnt: Any, *, log_scale: bool = False, **options: Any) -> Any:
    """Visual predictive check, interactive: hover over a bin for its observed and simulated percentiles.

    The same table as `plot_vpc`: dark lines are percentiles of the observations, bands the intervals that
    hold the same percentile of the simulated studies. What lies beyond a limit of quantification is left out.

    Parameters
    ----------
    learnt : Fit, another learnt result, Simulation or VPC
        What to check, or a check that was made already with `bn.vpc`.
    log_scale : bool
        Logarithmic axis; what lies at or below 0 is not drawn.
    **options
        For `bn.vpc`; refused beside a check that was made already.

    Returns
    -------
    plotly.graph_objects.Figure

    Raises
    ------
    BayesNlmemError
        If Plotly is not installed; options beside a finished check.

    Examples
    --------
    >>> bn.explore_vpc(fit, draws=500, seed=1).show()  # doctest: +SKIP
    """
    go = plotly()
    check = finished_or_made(learnt, VPC, vpc, options, what="a finished check")
    strata = list(check.bins)
    figure = empty(1, len(strata), height=460, titles=[name for name in strata if name], shared_yaxes=True)
    percentiles = sorted(check.settings["percentiles"])
    middle = percentiles[len(percentiles) // 2]
    for column, stratum in enumerate(strata, 1):
        at = {"row": 1, "col": column}
        seen = check.observations[check.observations.stratum == stratum]
        seen = seen[(seen.y > 0) | (not log_scale)]
        figure.add_trace(
            go.Scatter(
                x=list(seen.x),
                y=list(seen.y),
                mode="markers",
                marker={"color": MUTED, "size": 4, "opacity": 0.5},
                hovertemplate="%{x:.4g}, %{y:.4g}<extra></extra>",
                showlegend=False,
            ),
            **at,
        )
        for percentile in percentiles:
            own = check.table[(check.table.stratum == stratum) & (check.table.percentile == percentile)]
            own = own.replace([np.inf, -np.inf], np.nan).dropna(subset=["lower", "upper"])
            if log_scale:
                own = own[own.lower > 0]
            color = POPULATION if percentile == middle else INDIVIDUAL
            x, y = [*own.x, *own.x[::-1]], [*own.upper, *own.lower[::-1]]
            fill = {"fill": "toself", "fillcolor": faded(color, 0.25), "line": {"width": 0}}
            figure.add_trace(line(x, y, color=faded(color, 0.25), **fill), **at)
            words = "observed %{y:.4g}<br>simulated %{customdata[0]:.4g} to %{customdata[1]:.4g}"
            figure.add_trace(
                go.Scatter(
                    x=list(own.x),
                    y=list(own.observed),
                    mode="lines+markers",
                    line={"color": INK, "width": 1.5, "dash": "solid" if percentile == middle else "dash"},
                    marker={"size": 4},
                    customdata=own[["lower", "upper"]].to_numpy(),
                    hovertemplate=f"percentile {percentile:g}, %{{x:.4g}}<br>{words}<extra></extra>",
                    showlegend=False,
                ),
                **at,
            )
        if check.lloq is not None:
            figure.add_hline(check.lloq, line={"color": INK, "width": 1, "dash": "dot"}, **at)
        figure.update_xaxes(title=check.x_label, **at)
    figure.update_yaxes(title=check.y_label, row=1, col=1)
    if log_scale:
        figure.update_yaxes(type="log")
    return figure
