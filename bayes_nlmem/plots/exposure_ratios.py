"""What covariates do to exposure, beside the range that is clinically the same."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_nlmem.plots.style import INDIVIDUAL, INK, MUTED, POPULATION, SMOOTH, new_figure, style
from bayes_nlmem.selection.exposure_ratios import exposure_ratios

_COLOURS = {"equivalent": INDIVIDUAL, "relevant": SMOOTH, "uncertain": MUTED}


_WORDS = {"equivalent": "within the band", "relevant": "outside of it", "uncertain": "uncertain"}


def plot_exposure_ratios(fit: Any, *, equivalence: tuple[float, float] = (0.8, 1.25), **options: Any) -> Any:
    """Forest plot: exposure of unusual subjects as a ratio to the reference subject.

    Points are medians, bars 90% intervals, the band is the range of clinical equivalence; blue lies inside,
    red outside, grey is uncertain. See `exposure_ratios` for the numbers.

    Parameters
    ----------
    fit : Fit or SaemFit
        What was learnt.
    equivalence : (float, float)
        Ratios without clinical meaning.
    **options
        For `exposure_ratios`: exposure, at, mass, draws, seed.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> figure = plot_exposure_ratios(fit)
    >>> [axes.get_title(loc="left") for axes in figure.axes]
    ['CL', 'V', 'AUC']
    """
    table = exposure_ratios(fit, equivalence=equivalence, **options)
    quantities = list(dict.fromkeys(table["quantity"]))
    heights = [int((table["quantity"] == quantity).sum()) for quantity in quantities]
    with style():
        figure = new_figure(6.2, 0.75 * len(quantities) + 0.3 * sum(heights) + 0.4)
        grid = figure.subplots(
            len(quantities), 1, squeeze=False, sharex=True, gridspec_kw={"height_ratios": heights}
        )
        for axes, quantity in zip(grid[:, 0], quantities, strict=True):
            rows = table[table["quantity"] == quantity].iloc[::-1]
            axes.axvspan(*equivalence, color=POPULATION, alpha=0.12, linewidth=0)
            axes.axvline(1.0, color=INK, linewidth=0.8)
            for place, row in enumerate(rows.itertuples()):
                colour = _COLOURS[row.verdict]
                axes.plot([row.lower, row.upper], [place, place], color=colour, linewidth=2)
                axes.plot(row.ratio, place, marker="o", markersize=5, color=colour)
                text = f"{row.ratio:.2f} ({row.lower:.2f} to {row.upper:.2f})"
                axes.annotate(
                    text,
                    (1.01, place),
                    xycoords=("axes fraction", "data"),
                    va="center",
                    fontsize=8,
                    color=INK,
                )
            axes.set_yticks(np.arange(len(rows)), rows["label"])
            axes.set_ylim(-0.6, len(rows) - 0.4)
            axes.set_title(quantity)
            axes.set_xscale("log")
            ticks = [0.25, 0.5, 0.8, 1, 1.25, 2, 4]
            axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
            axes.minorticks_off()
        low, high = float(table["lower"].min()), float(table["upper"].max())
        grid[-1, 0].set_xlim(min(0.7, 0.9 * low), max(1.4, 1.1 * high))
        grid[-1, 0].set_xlabel("ratio to the reference subject")
        figure.legend(handles=_legend(table["verdict"]), loc="outside upper left", ncols=3, fontsize=8)
    return figure


def _legend(verdicts: Any) -> list[Any]:
    from matplotlib.lines import Line2D

    given = set(verdicts)
    return [
        Line2D([], [], color=colour, marker="o", markersize=5, linewidth=2, label=_WORDS[verdict])
        for verdict, colour in _COLOURS.items()
        if verdict in given
    ]
