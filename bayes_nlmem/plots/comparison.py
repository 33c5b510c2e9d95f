"""Models side by side: how well each predicts, and how sure the difference to the best is."""

from __future__ import annotations

from textwrap import fill
from typing import Any

import numpy as np

from bayes_nlmem.criteria.penalised import NAMES
from bayes_nlmem.plots.style import INDIVIDUAL, INK, MUTED, POPULATION, new_figure, style


def plot_comparison(comparison: Any) -> Any:
    """Differences in expected log predictive density or a penalised likelihood, and where they come from.

    Left: the difference of every model to the best one, with one and two standard errors. Right: the
    difference of the second model to the best, subject by subject (or observation by observation): a handful
    of points that decide everything is worth a look.

    Parameters
    ----------
    comparison : Comparison
        From `compare`.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> comparison = bn.compare({"one": fit, "two": fit}, by="observation")
    >>> len(plot_comparison(comparison).axes)
    2
    """
    table, pointwise = comparison.table, comparison.pointwise
    names = list(table.index)
    predictive = "difference_se" in table
    with style():
        figure = new_figure(8.0, max(2.2, 0.45 * len(names) + 1.4))
        left, right = figure.subplots(1, 2, width_ratios=[3, 2])
        places = np.arange(len(names))[::-1]
        size = table["difference"].to_numpy(float)
        error = table["difference_se" if predictive else "error"].to_numpy(float)
        left.axvline(0.0, color=MUTED, linewidth=0.8)
        left.hlines(places, size - 2 * error, size + 2 * error, color=INDIVIDUAL, linewidth=1.0)
        left.hlines(places, size - error, size + error, color=INDIVIDUAL, linewidth=3.0)
        left.plot(size, places, "o", color=INK, markersize=5)
        weights = {name: f"\nweight {table.loc[name, 'weight']:.2f}" for name in names if "weight" in table}
        left.set_ylim(-0.6, len(names) - 0.4)
        left.set_yticks(places, [f"{name}{weights.get(name, '')}" for name in names])
        measure = "elpd" if predictive else NAMES[comparison.criterion]
        spread = "± 1, 2 SE" if predictive else "± 1, 2 Monte Carlo SE"
        left.set_xlabel(f"difference in {measure} to the best ({spread})")
        left.set_title(f"by {comparison.by}" if predictive else "smaller is better")
        second = pointwise[names[1]] - pointwise[names[0]]
        right.axhline(0.0, color=MUTED, linewidth=0.8)
        colours = np.where(second < 0, INDIVIDUAL, POPULATION)
        right.vlines(np.arange(len(second)), 0, second, color=colours, linewidth=1.5)
        right.set_xlabel(comparison.by)
        right.set_ylabel("difference in elpd" if predictive else "difference in log-likelihood")
        right.set_title(fill(f"{names[1]} minus {names[0]}", 26))
        right.set_xticks([])
    return figure
