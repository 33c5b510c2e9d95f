"""Individual fits to look through: all subjects in one picture, a menu to select one."""

from __future__ import annotations

from typing import Any

from bayes_nlmem.checks.kinds import refuse_unranked
from bayes_nlmem.plots.individuals import chosen_output, dose_times
from bayes_nlmem.plots.interactive.canvas import add_subject_menu, empty, faded, line, plotly, points
from bayes_nlmem.plots.style import INDIVIDUAL, INK, MUTED, POPULATION, labelled


def explore_individual_fits(fit: Any, *, output: str | None = None, log_scale: bool = False) -> Any:
    """Individual fits, interactive: hover over a point for subject, time and value, select a subject.

    The same tables as `plot_individual_fits`: points are observations (open triangles at a limit of
    quantification), lines posterior medians with 90 % bands, dashed the typical subject, ticks doses. While
    all subjects are shown the bands are left out.

    Parameters
    ----------
    fit : Fit, or another learnt result
        What was learnt.
    output : str, optional
        Output of the structure, the first one by default.
    log_scale : bool
        Logarithmic axis; what lies at or below 0 is then not drawn.

    Returns
    -------
    plotly.graph_objects.Figure

    Raises
    ------
    BayesNlmemError
        If Plotly is not installed, or the output unknown.

    Examples
    --------
    >>> figure = bn.explore_individual_fits(fit)  # doctest: +SKIP
    >>> figure.write_html("fits.html")  # doctest: +SKIP
    """
    go = plotly()
    predictions, curves = fit.predictions(), fit.curves()
    output = chosen_output(predictions, output)
    refuse_unranked(fit.model.residuals[output], output)
    predictions, curves = predictions[predictions.OUTPUT == output], curves[curves.OUTPUT == output]
    units = fit.data.units
    doses = dose_times(fit.data.table)
    figure, owner = empty(height=520), []
    subjects = list(dict.fromkeys(predictions.ID))
    low = float(predictions.DV[predictions.DV > 0].min()) if (predictions.DV > 0).any() else 1.0
    for subject in subjects:
        seen, curve = predictions[predictions.ID == subject], curves[curves.ID == subject]
        if log_scale:
            curve = curve[curve.IPRED_LOWER > 0]
        band = faded(INDIVIDUAL, 0.15)
        edges = {"color": band, "width": 0}
        x = [*curve.TIME, *curve.TIME[::-1]]
        y = [*curve.IPRED_UPPER, *curve.IPRED_LOWER[::-1]]
        figure.add_trace(line(x, y, color=band, line=edges, fill="toself", fillcolor=band, visible=False))
        figure.add_trace(line(curve.TIME, curve.PRED, color=POPULATION, line={"dash": "dash", "width": 1}))
        hover = f"time %{{x:.4g}}<br>{output} %{{y:.4g}} (individual prediction)"
        figure.add_trace(
            go.Scatter(
                x=list(curve.TIME),
                y=list(curve.IPRED),
                mode="lines",
                line={"color": INDIVIDUAL, "width": 1.6},
                showlegend=False,
                hovertemplate=f"ID {subject}<br>{hover}<extra></extra>",
            )
        )
        symbols = [
            "circle" if c == 0 else ("triangle-down-open" if c > 0 else "triangle-up-open") for c in seen.CENS
        ]
        hover = f"time %{{x:.4g}}<br>{output} %{{y:.4g}}"
        figure.add_trace(
            points(seen.TIME, seen.DV, seen.ID, hover, color=INK, marker={"symbol": symbols, "size": 7})
        )
        times = list(doses.get(subject, ()))
        floor = [low / 2 if log_scale else 0.0] * len(times)
        marker = {"symbol": "line-ns-open", "size": 12, "color": MUTED}
        figure.add_trace(points(times, floor, [subject] * len(times), "dose at %{x:.4g}", marker=marker))
        owner += [subject] * 5
    add_subject_menu(figure, subjects, owner)
    bands = [trace.fill == "toself" for trace in figure.data]
    figure.layout.updatemenus[0].buttons[0].args[0]["visible"] = [not band for band in bands]
    figure.update_xaxes(title=labelled("Time", units.get("TIME")))
    figure.update_yaxes(title=labelled(output, units.get(output, units.get("DV"))))
    if log_scale:
        figure.update_yaxes(type="log")
    return figure
