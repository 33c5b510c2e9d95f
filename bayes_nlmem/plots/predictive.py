"""Visual predictive checks as pictures: observed percentiles on the bands of simulated ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.checks.categories import CategoryVPC, vpc_categories
from bayes_nlmem.checks.event_vpc import EventVPC
from bayes_nlmem.checks.events import vpc_events
from bayes_nlmem.checks.visual_predictive import vpc
from bayes_nlmem.checks.vpc_arrays import VPC
from bayes_nlmem.ground.messages import ModelError, explain
from bayes_nlmem.plots.shares import draw_categories, draw_events
from bayes_nlmem.plots.style import INDIVIDUAL, INK, MUTED, POPULATION, SMOOTH, new_figure, plain_log, style
from bayes_nlmem.statistics.endpoints import is_endpoint
from bayes_nlmem.statistics.time_to_event import TimeToEvent

_OUTER, _MIDDLE = INDIVIDUAL, POPULATION
_BANDS = ("ribbon", "boxes")


def plot_vpc(
    learnt: Any,
    *,
    log_scale: bool = False,
    log_x: bool = False,
    points: bool = True,
    bands: str = "ribbon",
    columns: int = 3,
    axes: Any = None,
    **options: Any,
) -> Any:
    """Visual predictive check: if the model is right, the dark lines stay inside of the bands.

    The picture follows the kind of observations: percentiles of measurements, shares of categories and
    counts, Kaplan-Meier curve and hazard of events.

    Lines are percentiles of the observations in every bin, bands the intervals that hold the same percentile
    of 95 % of the simulated studies. A ring marks an observed percentile outside of its interval. Where
    there is a lower limit of quantification (dotted), a second row shows the share of observations below it.

    Parameters
    ----------
    learnt : Fit, another learnt result, Simulation, or a check
        What to check, or a check that was made already with `bn.vpc`, `bn.vpc_categories`, `bn.vpc_events`.
    log_scale, log_x : bool
        Logarithmic axes (of measurements); what lies at or below 0 is not drawn.
    points : bool
        Show the observations (of measurements).
    bands : {"ribbon", "boxes"}
        Bands from bin to bin, or one box over the width of every bin (of measurements).
    columns : int
        Panels in a row, one panel per stratum (of measurements).
    axes : array of matplotlib axes, optional
        Where to draw: one per stratum, then, with a limit of quantification, one more per stratum.
    **options
        For `bn.vpc`, `bn.vpc_categories` or `bn.vpc_events`: x, bins, stratify, correction, draws, seed, ...;
        refused beside a check that was made already.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ModelError
        An unknown word, options beside a finished check, too few axes, or what has no effect on this kind.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> figure = bn.plot_vpc(fit, draws=50, seed=1)
    >>> figure.axes[0].get_xlabel()
    'Time [h]'
    """
    made = isinstance(learnt, VPC | CategoryVPC | EventVPC)
    if made and options:
        raise ModelError(explain(expected="no options beside a finished check", got=", ".join(options)))
    if bands not in _BANDS:
        raise ModelError(explain(expected=f"bands one of {', '.join(_BANDS)}", got=repr(bands)))
    check: VPC | CategoryVPC | EventVPC = learnt if made else check_of(learnt, options)
    if not isinstance(check, VPC):
        if log_scale or log_x or not points or bands != "ribbon" or columns != 3:
            raise ModelError(
                explain(
                    expected="log_scale, log_x, points, bands and columns only with measurements",
                    got=type(check).__name__,
                )
            )
        return draw_categories(check, axes) if isinstance(check, CategoryVPC) else draw_events(check, axes)
    strata = list(check.bins)
    shares = not check.censored.empty
    with style():
        figure, upper, lower = _panels(len(strata), shares, columns, axes)
        for panel, stratum in zip(upper, strata, strict=True):
            boxes = bands == "boxes"
            _percentiles(panel, check, stratum, points=points, boxes=boxes, log=log_scale, log_x=log_x)
            panel.set_title(stratum)
            panel.set(xlabel=check.x_label, ylabel=_label(check))
            if log_x:
                _logarithmic(panel)
        for panel, stratum in zip(lower, strata, strict=True) if shares else ():
            _share(panel, check, stratum)
            panel.set(xlabel=check.x_label, ylabel="Below the LLOQ [%]")
            if log_x:
                _logarithmic(panel)
        if axes is None:
            _legend(figure, check, points)
    return figure


def _logarithmic(panel: Any) -> None:
    """The horizontal axis; nothing at or below 0 is seen."""
    panel.set_xscale("log")
    plain_log(panel.xaxis)


def check_of(learnt: Any, options: dict[str, Any]) -> VPC | CategoryVPC | EventVPC:
    """The check that suits the kind of observations."""
    output = options.get("output")
    observation = learnt.model.residuals.get(next(iter(learnt.model.residuals)) if output is None else output)
    if isinstance(observation, TimeToEvent):
        return vpc_events(learnt, **options)
    if observation is not None and is_endpoint(observation):
        return vpc_categories(learnt, **options)
    return vpc(learnt, **options)


def _panels(count: int, shares: bool, columns: int, axes: Any) -> tuple[Any, list[Any], list[Any]]:
    needed = count * (2 if shares else 1)
    if axes is not None:
        given = list(np.ravel(axes))
        if len(given) < needed:
            raise ModelError(explain(expected=f"{needed} axes", got=str(len(given))))
        return given[0].figure, given[:count], given[count:needed]
    wide = min(columns, count)
    rows = -(-count // wide)
    heights = [3.1, 1.35] if shares else [3.1]
    figure = new_figure(max(4.1 * wide, 6.2), sum(heights) * rows + 0.75)
    grid = figure.subplots(
        rows * len(heights), wide, squeeze=False, height_ratios=heights * rows, sharex=False
    )
    upper = [grid[len(heights) * (k // wide), k % wide] for k in range(rows * wide)]
    lower = [grid[len(heights) * (k // wide) + 1, k % wide] for k in range(rows * wide)] if shares else []
    for unused in [*upper[count:], *lower[count:]]:
        unused.set_axis_off()
    return figure, upper[:count], lower[:count]


def _label(check: VPC) -> str:
    words = {None: "", "prediction": ", prediction-corrected", "variance": ", variance-corrected"}
    name, _, unit = check.y_label.partition(" [")
    return f"{name}{words[check.settings['correction']]}" + (f" [{unit}" if unit else "")


def _percentiles(
    axes: Any, check: VPC, stratum: str, *, points: bool, boxes: bool, log: bool, log_x: bool
) -> None:
    table = check.table[check.table.stratum == stratum]
    seen = check.observations[(check.observations.stratum == stratum) & (check.observations.bin >= 0)]
    finite = seen[np.isfinite(seen.y)]
    every = np.concatenate([finite.y, table[["lower", "upper"]].to_numpy().ravel()])
    every = every[np.isfinite(every) & ((every > 0) | (not log))]
    if log:  # bands may come close to 0: the picture ends a little below the observations
        every = every[every >= 0.5 * finite.y[finite.y > 0].min()]
    floor = float(every.min()) if check.lloq is None else min(float(every.min()), check.lloq)
    floor = floor if log else min(floor, 0.0)
    if points:
        axes.plot(finite.x, finite.y, **_DOT)
    median = _middle(check)
    for percentile, own in table.groupby("percentile", sort=True):
        color = _MIDDLE if percentile == median else _OUTER
        low, high = (_drawable(own[name], floor, float(every.max()), log) for name in ("lower", "upper"))
        if boxes:
            edges = check.bins[stratum].edges
            for k, a, b in zip(own.bin, low, high, strict=True):
                axes.fill_between(edges[[k, k + 1]], a, b, color=color, alpha=0.25, linewidth=0)
        elif len(own) > 1:
            axes.fill_between(own.x, low, high, color=color, alpha=0.25, linewidth=0)
        else:
            axes.vlines(own.x, low, high, color=color, alpha=0.35, linewidth=9)
        observed = own.observed.where(np.isfinite(own.observed) & ((own.observed > 0) | (not log)))
        axes.plot(own.x, observed, **_LINE, linestyle="-" if percentile == median else (0, (4, 2)))
        outside = (own.observed < own.lower) | (own.observed > own.upper)
        axes.plot(own.x[outside], observed[outside], **_RING)
    for limit in (check.lloq, check.uloq):
        if limit is not None:
            axes.axhline(limit, color=INK, linewidth=0.9, linestyle=(0, (1, 2)))
    if log:
        axes.set_yscale("log")
        axes.set_ylim(0.8 * floor, 1.25 * float(every.max()))
        plain_log(axes.yaxis)
    edges = np.asarray(check.bins[stratum].edges)
    edges = edges[edges > 0] if log_x else edges  # a tick at 0 would stand at minus infinity
    axes.plot(edges, np.ones_like(edges), **_TICK, transform=axes.get_xaxis_transform())
    axes.grid(visible=False, axis="x")


def _middle(check: VPC) -> float:
    percentiles = sorted(check.settings["percentiles"])
    return percentiles[len(percentiles) // 2]


def _drawable(values: pd.Series, floor: float, ceiling: float, log: bool) -> pd.Series:
    """Ends of a band; what lies beyond a limit is drawn to the edge of the picture."""
    shown = values.replace({-np.inf: floor, np.inf: ceiling})
    return shown.clip(lower=floor) if log else shown


def _share(axes: Any, check: VPC, stratum: str) -> None:
    own = check.censored[check.censored.stratum == stratum]
    if len(own) > 1:
        axes.fill_between(own.x, 100 * own.lower, 100 * own.upper, color=SMOOTH, alpha=0.22, linewidth=0)
    else:
        axes.vlines(own.x, 100 * own.lower, 100 * own.upper, color=SMOOTH, alpha=0.35, linewidth=9)
    axes.plot(own.x, 100 * own.observed, **_LINE, linestyle="-", marker="o", markersize=3)
    outside = (own.observed < own.lower) | (own.observed > own.upper)
    axes.plot(own.x[outside], 100 * own.observed[outside], **_RING)
    axes.set_ylim(-3, max(12.0, 112 * float(own[["observed", "upper"]].to_numpy().max())))
    axes.grid(visible=False, axis="x")


_DOT: dict[str, Any] = {
    "linestyle": "none",
    "marker": "o",
    "markersize": 2.6,
    "markerfacecolor": MUTED,
    "markeredgewidth": 0,
    "alpha": 0.6,
}
_LINE: dict[str, Any] = {"color": INK, "linewidth": 1.4}
_RING: dict[str, Any] = {
    "linestyle": "none",
    "marker": "o",
    "markersize": 8,
    "markerfacecolor": "none",
    "markeredgecolor": SMOOTH,
    "markeredgewidth": 1.5,
}
_TICK: dict[str, Any] = {
    "linestyle": "none",
    "marker": "|",
    "markersize": 5,
    "color": MUTED,
    "clip_on": False,
}


def _legend(figure: Any, check: VPC, points: bool) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    median = _middle(check)
    outer = [f"{p:g}" for p in check.settings["percentiles"] if p != median]
    named = " and ".join(outer)
    level = f"{100 * check.settings['level']:g} %"
    marks: list[Any] = [
        Line2D([], [], label=f"observed {_ordinal(median)}", **_LINE),
        Patch(
            color=_MIDDLE,
            alpha=0.25,
            linewidth=0,
            label=f"{level} interval of the simulated {_ordinal(median)}",
        ),
    ]
    if outer:
        marks += [
            Line2D([], [], linestyle=(0, (4, 2)), label=f"observed percentiles {named}", **_LINE),
            Patch(
                color=_OUTER,
                alpha=0.25,
                linewidth=0,
                label=f"{level} intervals of the simulated percentiles {named}",
            ),
        ]
    marks.append(Line2D([], [], label="outside of its interval", **{**_RING, "markersize": 6}))
    if points:
        marks.append(Line2D([], [], label="observation", **_DOT))
    if check.lloq is not None or check.uloq is not None:
        marks.append(
            Line2D([], [], color=INK, linewidth=0.9, linestyle=(0, (1, 2)), label="limit of quantification")
        )
    figure.legend(
        handles=marks,
        loc="outside upper left",
        ncols=2 if figure.get_figwidth() < 8 else 3,
        fontsize=8,
        handlelength=1.8,
        columnspacing=1.2,
    )


def _ordinal(percentile: float) -> str:
    return "median" if percentile == 50 else f"percentile {percentile:g}"
