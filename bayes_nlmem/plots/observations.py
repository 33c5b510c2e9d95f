"""The data before any model: observations over time."""

from __future__ import annotations

from typing import Any

import pandas as pd

from bayes_nlmem.plots.panels import panels
from bayes_nlmem.plots.pointing import observation_words, tell
from bayes_nlmem.plots.style import INDIVIDUAL, INK, labelled, plain_log, style


def plot_observations(data: Any, *, log_scale: bool | None = None, axes: Any = None) -> Any:
    """Observations over time, the points of a subject joined; one row of panels per kind of observation.

    Open triangles are observations beyond a limit of quantification, drawn at the limit. A logarithmic axis
    cannot show values at or below 0; the title says how many there are.

    Parameters
    ----------
    data : Dataset
        What was seen.
    log_scale : bool, optional
        Linear or logarithmic axis of the observations; by default both, side by side.
    axes : array of matplotlib axes, optional
        Where to draw, row by row; a new figure by default.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> figure = plot_observations(bn.zoo.load("theophylline").data)
    >>> len(figure.axes)
    2
    """
    seen = data.table[(data.table.EVID == 0) & (data.table.MDV == 0)]
    words = observation_words(seen, [], time_unit=data.units.get("TIME"), unit=data.units.get("DV"))
    seen = seen.assign(WORDS=words)
    kind = "DVID" if seen.DVID.nunique() > 1 else "CMT"
    kinds = list(dict.fromkeys(seen[kind]))
    scales = (False, True) if log_scale is None else (log_scale,)
    with style():
        wanted = [(which, log) for which in kinds for log in scales]
        width = 4.5 if len(scales) == 2 else 5.0
        figure, places = panels(len(wanted), columns=len(scales), width=width, height=2.8, axes=axes)
        for panel, (which, log) in zip(places, wanted, strict=True):
            own = seen[seen[kind] == which]
            _spaghetti(panel, own, log)
            panel.set_xlabel(labelled("Time", data.units.get("TIME")))
            name = f"DV, {kind} {which}" if len(kinds) > 1 else "DV"
            panel.set_ylabel(labelled(name, data.units.get("DV")))
            if log and (hidden := int((own.DV <= 0).sum())):
                panel.set_title(f"{hidden} at or below 0 not shown")
        if axes is None and (seen.CENS != 0).any():
            figure.legend(handles=_legend(), loc="outside upper left", ncols=2, fontsize=8)
    return figure


def _legend() -> list[Any]:
    from matplotlib.lines import Line2D

    open_triangle = {"marker": "v", "linestyle": "none", "markerfacecolor": "none", "markeredgecolor": INK}
    return [
        Line2D([], [], marker="o", color=INK, linestyle="none", markersize=3, label="observed"),
        Line2D([], [], label="beyond the limit of quantification", **open_triangle),  # type: ignore[arg-type]
    ]


def _spaghetti(axes: Any, seen: pd.DataFrame, log: bool) -> None:
    if log:
        seen = seen[seen.DV > 0]
        axes.set_yscale("log")
    for _, own in seen.groupby("SUBJECT", sort=False):
        axes.plot(own.TIME, own.DV, color=INDIVIDUAL, linewidth=0.8, alpha=0.5)
    inside = seen[seen.CENS == 0]
    points = axes.plot(inside.TIME, inside.DV, "o", color=INK, markersize=2.8, alpha=0.7, markeredgewidth=0)
    tell(points, inside.WORDS)
    for sign, marker in ((1, "v"), (-1, "^")):
        beyond = seen[seen.CENS == sign]
        points = axes.plot(
            beyond.TIME, beyond.DV, marker, markersize=4.5, markerfacecolor="none", markeredgecolor=INK
        )
        tell(points, beyond.WORDS)
    if log:
        plain_log(axes.yaxis)
