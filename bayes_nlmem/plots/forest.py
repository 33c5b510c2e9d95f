"""Intervals side by side: covariate effects as ratios, exposure by subject."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from bayes_nlmem.checks.covariate_ratios import covariate_effects
from bayes_nlmem.plots.style import INDIVIDUAL, INK, MUTED, labelled, new_figure, style


def plot_covariate_effects(
    fit: Any, *, no_effect: tuple[float, float] = (0.8, 1.25), ax: Any = None, **options: Any
) -> Any:
    """Forest plot: ratio of each parameter to that of the reference subject, with its credible interval.

    The grey band is the range in which a change is taken to be of no consequence. Known coefficients have no
    interval. Beside each line stands the ratio in figures.

    Parameters
    ----------
    fit : Fit, or another learnt result
        What was learnt.
    no_effect : (float, float)
        Range of the grey band.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.
    **options
        `at`, `quantiles`, `level` of `bn.covariate_effects`.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> figure = bn.plot_covariate_effects(fit, at={"WT": [50, 90]})
    >>> figure.axes[0].get_xlabel()
    'Ratio to the reference subject'
    """
    table = covariate_effects(fit, **options)
    level = 100 * options.get("level", 0.9)
    groups = list(dict.fromkeys(zip(table.PARAMETER, table.COVARIATE, strict=True)))
    with style():
        figure = new_figure(6.4, 0.8 + 0.3 * (len(table) + len(groups))) if ax is None else ax.figure
        axes = figure.subplots() if ax is None else ax
        axes.axvspan(*no_effect, color=MUTED, alpha=0.14, linewidth=0)
        axes.axvline(1, color=MUTED, linewidth=1)
        ticks, names, y = [], [], 0.0
        for parameter, covariate in groups:
            own = table[(table.PARAMETER == parameter) & (table.COVARIATE == covariate)]
            axes.text(
                0.01,
                y,
                f"{parameter}: {covariate}",
                transform=axes.get_yaxis_transform(),
                va="center",
                fontsize=8.5,
            )
            y -= 1
            for row in own.itertuples():
                axes.plot([row.LOWER, row.UPPER], [y, y], color=INDIVIDUAL, linewidth=2)
                marker = "s" if row.KNOWN else "o"
                axes.plot(row.RATIO, y, marker, color=INDIVIDUAL, markersize=5.5)
                said = (
                    f"{row.RATIO:.2f}"
                    if row.KNOWN
                    else f"{row.RATIO:.2f} ({row.LOWER:.2f} to {row.UPPER:.2f})"
                )
                axes.annotate(
                    said, (1.01, y), xycoords=axes.get_yaxis_transform(), va="center", fontsize=8, color=INK
                )
                ticks.append(y)
                names.append(row.VALUE)
                y -= 1
        reach = np.array([*table.LOWER, *table.UPPER, *no_effect])
        low, high = reach.min(), reach.max()
        if low > 0:
            axes.set_xscale("log")
            axes.set_xlim(low / 1.5, high * 1.15)
            marks = [
                v for v in (0.1, 0.2, 0.25, 0.5, 0.8, 1, 1.25, 2, 4, 5, 10) if low / 1.5 <= v <= high * 1.15
            ]
            axes.set_xticks(marks, [f"{v:g}" for v in marks])
            axes.xaxis.minorticks_off()
        axes.set_yticks(ticks, names)
        axes.set_ylim(y + 0.4, 0.7)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("Ratio to the reference subject")
        if ax is None:
            figure.legend(
                handles=_legend(level, no_effect, table), loc="outside upper left", ncols=3, fontsize=8
            )
    return figure


def plot_exposure(exposure: Any, *, quantities: Sequence[str] | None = None, level: float = 0.9) -> Any:
    """Exposure of every subject with its credible interval, subjects in order of their medians.

    Parameters
    ----------
    exposure : Exposure
        From `bn.exposure`.
    quantities : sequence of str, optional
        Which ones; by default CMAX, AUC (to infinity where it is known), HALF_LIFE and CL_F, as far as there.
    level : float
        Mass of the intervals.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> figure = bn.plot_exposure(bn.exposure(fit, draws=20))
    >>> figure.axes[0].get_xlabel()
    'CMAX [mg/L]'
    """
    known = [name for name in exposure.draws.data_vars if bool(np.isfinite(exposure.draws[name]).any())]
    if quantities is None:
        area = "AUC_INF" if "AUC_INF" in known else "AUC"
        quantities = [name for name in ("CMAX", area, "HALF_LIFE", "CL_F") if name in known]
    columns = min(4, len(quantities))
    rows = math.ceil(len(quantities) / columns)
    with style():
        height = 0.9 + 0.15 * len(exposure.intervals)
        figure = new_figure(2.4 * columns + 0.5, min(height, 9.0) * rows + 0.3)
        grid = figure.subplots(rows, columns, squeeze=False)
        for axes, name in zip(grid.flat, quantities, strict=False):
            table = exposure.table(name, level=level).dropna().sort_values("MEDIAN", kind="stable")
            places = np.arange(len(table))
            axes.hlines(places, table.LOWER, table.UPPER, color=INDIVIDUAL, linewidth=1.6, alpha=0.6)
            axes.plot(table.MEDIAN, places, "o", color=INDIVIDUAL, markersize=3.8)
            middle = (
                float(np.exp(np.log(table.MEDIAN).mean()))
                if (table.MEDIAN > 0).all()
                else table.MEDIAN.mean()
            )
            axes.axvline(middle, color=INK, linewidth=0.9, linestyle=(0, (3, 2)))
            many = table.DOSE.nunique() > 1
            names = [f"{i}, dose {d}" if many else str(i) for i, d in zip(table.ID, table.DOSE, strict=True)]
            if len(names) <= 40:
                axes.set_yticks(places, names, fontsize=7)
            else:
                axes.set_yticks([])
            axes.set_xlabel(labelled(str(name), exposure.units.get(str(name))))
            axes.grid(visible=False, axis="y")
        for axes in grid.flat[len(quantities) :]:
            axes.set_axis_off()
        for axes in grid[:, 0]:
            axes.set_ylabel("ID")
        figure.legend(handles=_legend_of_exposure(level), loc="outside upper left", ncols=2, fontsize=8)
    return figure


def _legend(level: float, no_effect: tuple[float, float], table: Any) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    marks: list[Any] = []
    if not table.KNOWN.all():
        words = f"median, {level:g} % credible interval"
        marks.append(Line2D([], [], color=INDIVIDUAL, linewidth=2, marker="o", markersize=5, label=words))
    if table.KNOWN.any():
        dot: dict[str, Any] = {"linestyle": "none", "marker": "s", "markersize": 5}
        marks.append(Line2D([], [], color=INDIVIDUAL, label="known coefficient", **dot))
    low, high = no_effect
    return [*marks, Patch(color=MUTED, alpha=0.14, linewidth=0, label=f"{low:g} to {high:g}")]


def _legend_of_exposure(level: float) -> list[Any]:
    from matplotlib.lines import Line2D

    words = f"posterior median, {100 * level:g} % credible interval"
    return [
        Line2D([], [], color=INDIVIDUAL, linewidth=1.6, marker="o", markersize=4, label=words),
        Line2D([], [], color=INK, linewidth=0.9, linestyle=(0, (3, 2)), label="mean over subjects"),
    ]
