"""Are forecasts calibrated: their PIT histogram, coverage by number of earlier observations, accuracy."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_nlmem.dosing.forecasts import ForecastCheck
from bayes_nlmem.plots.style import BAND, INDIVIDUAL, INK, MUTED, POPULATION, labelled, new_figure, style


def plot_forecasts(check: ForecastCheck, *, bins: int = 10) -> Any:
    """Calibration of forecasts.

    Left: histogram of the probabilities of a smaller value (PIT), flat if the model is right; the band holds
    95 % of the counts of independent uniform values. Middle: share of the observations inside their 50 % and
    90 % intervals by the number of earlier observations, with 95 % intervals of chance around the lines
    where they belong. Right: observations against forecasts.

    Parameters
    ----------
    check : ForecastCheck
        What `forecast_check` returned.
    bins : int
        Of the histogram.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> check = bn.forecast_check(fit, bn.subset(fit.data, [1, 2]), population=10, particles=40)
    >>> [axes.get_xlabel() for axes in bn.plot_forecasts(check).axes]
    ['Forecast probability of a smaller value', 'Earlier observations', 'Forecast [mg/L]']
    """
    from scipy.stats import binom

    table = check.table
    n = len(table)
    with style():
        figure = new_figure(10.0, 3.1)
        left, middle, right = figure.subplots(1, 3)
        low, high = binom.ppf([0.025, 0.975], n, 1 / bins)
        left.axhspan(low, high, color=MUTED, alpha=BAND, linewidth=0)
        left.axhline(n / bins, color=MUTED, linewidth=1)
        left.hist(table["PIT"], np.linspace(0, 1, bins + 1), color=INDIVIDUAL, alpha=0.75, edgecolor="white")
        left.set_xlabel("Forecast probability of a smaller value")
        left.set_ylabel("Observations")

        summary = check.summary().iloc[:-1]
        at = np.arange(len(summary))
        for column, share, colour in (("COVERED_50", 0.5, POPULATION), ("COVERED_90", 0.9, INDIVIDUAL)):
            chance = [100 * binom.ppf(q, summary["N"], share) / summary["N"] for q in (0.025, 0.975)]
            middle.vlines(at, *chance, color=colour, alpha=0.35, linewidth=6)
            middle.axhline(100 * share, color=colour, linewidth=0.8)
            middle.plot(at, summary[column], color=colour, marker="o", markersize=4.5, linestyle="none")
            middle.annotate(
                f"{100 * share:g} %",
                (len(at) - 0.1, 100 * share),
                (0, 3),
                textcoords="offset points",
                color=colour,
                ha="right",
                fontsize=7.5,
            )
        middle.set_xticks(at, summary["PREVIOUS"])
        middle.set_xlim(-0.5, len(at) - 0.1)
        middle.set_ylim(0, 104)
        middle.set_xlabel("Earlier observations")
        middle.set_ylabel("Inside the interval [%]")

        seen = table[table["CENS"] == 0]
        first = seen["PREVIOUS"] == 0
        for own, colour, label in ((first, POPULATION, "first"), (~first, INDIVIDUAL, "with earlier ones")):
            right.plot(
                seen["FORECAST"][own],
                seen["DV"][own],
                linestyle="none",
                marker="o",
                markersize=3,
                color=colour,
                alpha=0.7,
                label=label,
            )
        ends = [0, float(max(seen["FORECAST"].max(), seen["DV"].max()))]
        right.plot(ends, ends, color=INK, linewidth=0.8)
        right.set_xlabel(labelled("Forecast", check.unit))
        right.set_ylabel(labelled("Observed", check.unit))
        right.legend()
    return figure
