"""Calibration: ranks of true values against uniform ones, and true values against what was learnt."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from bayes_nlmem.ground.messages import BayesNlmemError, explain
from bayes_nlmem.plots.style import BAND, INDIVIDUAL, INK, MUTED, SMOOTH, new_figure, plain_log, style


def plot_calibration(calibration: Any, *, names: Sequence[str] | None = None, level: float = 0.95) -> Any:
    """Distribution function of the ranks less the uniform one, with its simultaneous band.

    The line stays inside the band (in red where it leaves it) if the posterior is right. A line above zero
    on the left and below on the right: posteriors too narrow; the opposite: too wide; above (below)
    everywhere: the parameter is learnt too large (too small).

    Parameters
    ----------
    calibration : Calibration
        From `sbc`.
    names : sequence of str, optional
        Quantities to show, all by default.
    level : float
        Probability that a right posterior stays inside everywhere.

    Returns
    -------
    matplotlib.figure.Figure

    References
    ----------
    Säilynoja, Bürkner & Vehtari 2022, doi:10.1007/s11222-022-10090-6

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> one = {"truth": 1.0, "rank": 3, "mean": 1.1, "sd": 0.2, "quantiles": [1.1] * 9}
    >>> done = [{"replicate": k, "status": "ok", "quantities": {"CL_pop": one}} for k in range(9)]
    >>> figure = bn.plot_calibration(bn.Calibration({"model": "m", "ranks": 9}, tuple(done)))
    >>> figure.axes[0].get_title(loc="left")
    'CL_pop'
    """
    chosen = _chosen(calibration, names)
    levels = calibration.levels
    at = np.arange(1, levels) / levels
    lower, upper = calibration.band(level)
    columns = min(4, len(chosen))
    rows = math.ceil(len(chosen) / columns)
    with style():
        figure = new_figure(2.3 * columns + 0.5, 1.65 * rows + 0.8)
        grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
        for axes, name in zip(grid.flat, chosen, strict=False):
            ranks = calibration.ranks(name)
            share = np.cumsum(np.bincount(ranks, minlength=levels))[:-1] / len(ranks)
            axes.fill_between(at, lower - at, upper - at, color=MUTED, alpha=BAND + 0.05, linewidth=0)
            axes.axhline(0, color=MUTED, linewidth=0.8)
            outside = bool(((share < lower - 1e-12) | (share > upper + 1e-12)).any())
            axes.step(at, share - at, where="mid", color=SMOOTH if outside else INDIVIDUAL, linewidth=1.3)
            axes.set_title(name, pad=3)
        for axes in grid.flat[len(chosen) :]:
            axes.set_axis_off()
        figure.supxlabel("rank of the true value, as a fraction", fontsize=9.5, color=INK)
        figure.supylabel("observed less uniform", fontsize=9.5, color=INK)
        figure.legend(handles=_legend(level), loc="outside upper left", ncols=3, fontsize=8)
    return figure


def plot_recovery(calibration: Any, *, names: Sequence[str] | None = None) -> Any:
    """What was learnt in every replicate against the true value.

    Points are posterior medians, bars central 90 % intervals, red where they miss the true value (one in
    ten should); the grey line is identity. Axes are logarithmic where true values span a wide range.

    Parameters
    ----------
    calibration : Calibration
        From `sbc`.
    names : sequence of str, optional
        Quantities to show, all by default.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> one = {"truth": 1.0, "rank": 3, "mean": 1.1, "sd": 0.2, "quantiles": [1.1] * 9}
    >>> done = [{"replicate": k, "status": "ok", "quantities": {"CL_pop": one}} for k in range(9)]
    >>> figure = bn.plot_recovery(bn.Calibration({"model": "m", "ranks": 9}, tuple(done)))
    >>> len(figure.axes)
    1
    """
    chosen = _chosen(calibration, names)
    columns = min(4, len(chosen))
    rows = math.ceil(len(chosen) / columns)
    with style():
        figure = new_figure(2.3 * columns + 0.5, 2.1 * rows + 0.7)
        grid = figure.subplots(rows, columns, squeeze=False)
        for axes, name in zip(grid.flat, chosen, strict=False):
            found = calibration.estimates(name)
            missed = ((found.TRUTH < found.LOWER) | (found.TRUTH > found.UPPER)).to_numpy()
            for which, color in ((~missed, INDIVIDUAL), (missed, SMOOTH)):
                part = found[which]
                axes.vlines(part.TRUTH, part.LOWER, part.UPPER, color=color, linewidth=0.8, alpha=0.45)
                axes.plot(part.TRUTH, part.MEDIAN, "o", color=color, markersize=2.6, markeredgewidth=0)
            ends = [found.TRUTH.min(), found.TRUTH.max()]
            axes.plot(ends, ends, color=MUTED, linewidth=1)
            if found.TRUTH.min() > 0 and found.TRUTH.max() > 30 * found.TRUTH.min() and found.LOWER.min() > 0:
                axes.set(xscale="log", yscale="log")
                plain_log(axes.xaxis)
                plain_log(axes.yaxis)
            axes.set_title(f"{name}: {100 * (1 - missed.mean()):.0f} % hold it", pad=3, fontsize=8.5)
        for axes in grid.flat[len(chosen) :]:
            axes.set_axis_off()
        figure.supxlabel("true value; the titles say how many intervals hold it", fontsize=9.5, color=INK)
        figure.supylabel("posterior median and 90 % interval", fontsize=9.5, color=INK)
    return figure


def _chosen(calibration: Any, names: Sequence[str] | None) -> list[str]:
    known = list(calibration.names)
    chosen = known if names is None else list(names)
    unknown = [name for name in chosen if name not in known]
    if unknown or not chosen:
        raise BayesNlmemError(
            explain(
                expected=f"quantities that were ranked ({', '.join(known) or 'all replicates failed'})",
                got=", ".join(map(repr, unknown)) or "none of them",
            )
        )
    return chosen


def _legend(level: float) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    band = f"holds all of a right line with {100 * level:g} %"
    return [
        Line2D([], [], color=INDIVIDUAL, linewidth=1.3, label="ranks"),
        Line2D([], [], color=SMOOTH, linewidth=1.3, label="ranks that leave the band"),
        Patch(color=MUTED, alpha=BAND + 0.05, linewidth=0, label=band),
    ]
