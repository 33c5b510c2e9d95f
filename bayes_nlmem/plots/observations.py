"""The data before any model: observations over time."""

from __future__ import annotations

from typing import Any

import pandas as pd

from bayes_nlmem.plots.style import INDIVIDUAL, INK, labelled, new_figure, plain_log, style


def plot_observations(data: Any, *, log_scale: bool | None = None) -> Any:
    """Observations over time, the points of a subject joined; one row of panels per kind of observation.

    Open triangles are observations beyond a limit of quantification, drawn at the limit.

    Parameters
    ----------
    data : Dataset
        What was seen.
    log_scale : bool, optional
        Linear or logarithmic axis of the observations; by default both, side by side.

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
    kind = "DVID" if seen.DVID.nunique() > 1 else "CMT"
    kinds = list(dict.fromkeys(seen[kind]))
    scales = (False, True) if log_scale is None else (log_scale,)
    with style():
        figure = new_figure(9.2 if len(scales) == 2 else 5.2, 2.9 * len(kinds))
        grid = figure.subplots(len(kinds), len(scales), squeeze=False)
        for line, which in zip(grid, kinds, strict=True):
            for axes, log in zip(line, scales, strict=True):
                _spaghetti(axes, seen[seen[kind] == which], log)
                axes.set_xlabel(labelled("Time", data.units.get("TIME")))
                name = f"DV, {kind} {which}" if len(kinds) > 1 else "DV"
                axes.set_ylabel(labelled(name, data.units.get("DV")))
    return figure


def _spaghetti(axes: Any, seen: pd.DataFrame, log: bool) -> None:
    if log:
        seen = seen[seen.DV > 0]
        axes.set_yscale("log")
    for _, own in seen.groupby("SUBJECT", sort=False):
        axes.plot(own.TIME, own.DV, color=INDIVIDUAL, linewidth=0.8, alpha=0.5)
    inside = seen[seen.CENS == 0]
    axes.plot(inside.TIME, inside.DV, "o", color=INK, markersize=2.8, alpha=0.7, markeredgewidth=0)
    for sign, marker in ((1, "v"), (-1, "^")):
        beyond = seen[seen.CENS == sign]
        axes.plot(beyond.TIME, beyond.DV, marker, markersize=4.5, markerfacecolor="none", markeredgecolor=INK)
    if log:
        plain_log(axes.yaxis)
