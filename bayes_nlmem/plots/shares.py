"""Visual predictive checks of categories, counts and events as pictures."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_nlmem.checks.categories import CategoryVPC
from bayes_nlmem.checks.event_vpc import EventVPC
from bayes_nlmem.ground.messages import ModelError, explain
from bayes_nlmem.plots.style import INDIVIDUAL, INK, MUTED, SMOOTH, new_figure, style

_LINE: dict[str, Any] = {"color": INK, "linewidth": 1.4}
_RING: dict[str, Any] = {
    "linestyle": "none",
    "marker": "o",
    "markersize": 8,
    "markerfacecolor": "none",
    "markeredgecolor": SMOOTH,
    "markeredgewidth": 1.5,
}


def draw_categories(check: CategoryVPC, axes: Any = None) -> Any:
    """One panel per category and stratum: its share over the horizontal axis.

    Parameters
    ----------
    check : CategoryVPC
        What to draw.
    axes : array of matplotlib axes, optional
        One per stratum and category, row by row.

    Returns
    -------
    matplotlib.figure.Figure
    """
    names = list(dict.fromkeys(check.table["category"]))
    strata = list(check.bins)
    with style():
        figure, grid = _grid(len(strata), len(names), axes)
        for line, stratum in zip(grid, strata, strict=True):
            for panel, name in zip(line, names, strict=True):
                chosen = (check.table.stratum == stratum) & (check.table.category == name)
                _band(panel, check.table[chosen], 100)
                title = f"{check.y_label} {name if name.startswith('>') else f'= {name}'}"
                panel.set_title(", ".join(filter(None, (title, stratum))))
                panel.set(xlabel=check.x_label, ylim=(-4, 104))
            line[0].set_ylabel("share of the observations [%]")
        if axes is None:
            _legend(figure, check, "observed share")
    return figure


def draw_events(check: EventVPC, axes: Any = None) -> Any:
    """Kaplan-Meier curve (of all events: their mean number) and hazard, one row of panels per stratum.

    Parameters
    ----------
    check : EventVPC
        What to draw.
    axes : array of matplotlib axes, optional
        Two per stratum.

    Returns
    -------
    matplotlib.figure.Figure
    """
    strata = list(dict.fromkeys(check.table["stratum"]))
    every = check.settings["events"] == "all"
    factor = 1 if every else 100
    with style():
        figure, grid = _grid(len(strata), 2, axes)
        for (left, right), stratum in zip(grid, strata, strict=True):
            own = check.table[check.table.stratum == stratum]
            left.fill_between(
                own.x, factor * own.lower, factor * own.upper, color=INDIVIDUAL, alpha=0.25, linewidth=0
            )
            left.plot(own.x, factor * own["median"], color=INDIVIDUAL, linewidth=1.1)
            left.step(own.x, factor * own.observed, where="post", **_LINE)
            people = check.subjects[check.subjects.stratum == stratum]
            people = people if every else people[~people.event]
            height = np.interp(people.time, own.x, factor * own.observed)
            left.plot(people.time, height, "|", color=INK, markersize=5, markeredgewidth=0.8)
            left.set(xlabel=check.x_label, title=stratum)
            if every:
                left.set(ylabel="events per subject")
                left.set_ylim(bottom=0)
            else:
                left.set(ylabel="without event [%]", ylim=(-3, 103))
            rates = check.hazard[check.hazard.stratum == stratum]
            for _, row in rates.iterrows():
                ends = [row.x_min, row.x_max]
                right.fill_between(ends, row.lower, row.upper, color=INDIVIDUAL, alpha=0.25, linewidth=0)
                right.plot(ends, [row["median"]] * 2, color=INDIVIDUAL, linewidth=1.1)
                right.plot(ends, [row.observed] * 2, **_LINE)
            out = rates[(rates.observed < rates.lower) | (rates.observed > rates.upper)]
            right.plot(out.x, out.observed, **_RING)
            _, _, unit = check.x_label.partition(" [")
            word = "rate of events" if every else "hazard"
            per = f"{word} [1/{unit}" if unit else word
            right.set(xlabel=check.x_label, ylabel=per, title=stratum)
            right.set_ylim(bottom=0)
        if axes is None:
            _legend(figure, check, "observed (ticks: end of follow-up)", median=True)
    return figure


def _grid(rows: int, columns: int, axes: Any) -> tuple[Any, Any]:
    if axes is None:
        figure = new_figure(max(2.9 * columns, 6.2), 2.7 * rows + 0.6)
        return figure, figure.subplots(rows, columns, squeeze=False)
    given = np.ravel(axes)
    if len(given) < rows * columns:
        raise ModelError(explain(expected=f"{rows * columns} axes", got=str(len(given))))
    return given[0].figure, given[: rows * columns].reshape(rows, columns)


def _band(axes: Any, own: Any, factor: float) -> None:
    if len(own) > 1:
        low, high = factor * own.lower, factor * own.upper
        axes.fill_between(own.x, low, high, color=INDIVIDUAL, alpha=0.25, linewidth=0)
    else:
        axes.vlines(own.x, factor * own.lower, factor * own.upper, color=INDIVIDUAL, alpha=0.35, linewidth=9)
    axes.plot(own.x, factor * own.observed, marker="o", markersize=3.2, **_LINE)
    outside = (own.observed < own.lower) | (own.observed > own.upper)
    axes.plot(own.x[outside], factor * own.observed[outside], **_RING)
    axes.axhline(0, color=MUTED, linewidth=0.6)


def _legend(figure: Any, check: Any, observed: str, median: bool = False) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    level = f"{100 * check.settings['level']:g} % interval of {check.settings['simulations']} simulations"
    marks: list[Any] = [
        Line2D([], [], label=observed, **_LINE),
        Patch(color=INDIVIDUAL, alpha=0.25, linewidth=0, label=level),
    ]
    if median:
        marks.append(Line2D([], [], color=INDIVIDUAL, linewidth=1.1, label="its median"))
    marks.append(Line2D([], [], label="outside of the interval", **{**_RING, "markersize": 6}))
    figure.legend(
        handles=marks,
        loc="outside upper left",
        ncols=len(marks) if figure.get_figwidth() > 7.5 else 2,
        fontsize=8,
        columnspacing=1.2,
    )
