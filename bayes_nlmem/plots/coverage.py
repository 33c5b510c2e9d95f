"""Pictures of the numerical predictive check and of the ranking of subjects."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.checks.numerical_predictive import numerical_predictive_check
from bayes_nlmem.checks.outlying import outliers
from bayes_nlmem.plots.finished import finished_or_made
from bayes_nlmem.plots.style import INDIVIDUAL, INK, MUTED, POPULATION, SMOOTH, new_figure, style


def plot_numerical_predictive_check(learnt: Any, *, axes: Any = None, **options: Any) -> Any:
    """Observed over expected number of observations below and above their prediction intervals.

    At 1 (grey line) as many observations lie outside of the interval as the model expects; the band holds
    95 % of the replicates. A ring marks a ratio outside of it.

    Parameters
    ----------
    learnt : Fit, another learnt result, Simulation, or DataFrame
        What to check, or the table of `bn.numerical_predictive_check`.
    axes : array of 2 matplotlib axes per stratum, optional
        Where to draw; a new figure by default.
    **options
        For `bn.numerical_predictive_check`; refused beside a table.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ModelError
        Options beside a table.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> figure = bn.plot_numerical_predictive_check(fit, draws=100, seed=1)
    >>> figure.axes[0].get_xlabel()
    'Prediction interval [%]'
    """
    table = finished_or_made(learnt, pd.DataFrame, numerical_predictive_check, options, what="a table")
    strata = list(dict.fromkeys(table.stratum))
    with style():
        figure = new_figure(8.0, 2.9 * len(strata)) if axes is None else np.ravel(axes)[0].figure
        grid = figure.subplots(len(strata), 2, squeeze=False, sharey=True) if axes is None else axes
        for line, stratum in zip(np.reshape(grid, (len(strata), 2)), strata, strict=True):
            for panel, side in zip(line, ("below", "above"), strict=True):
                own = table[(table.stratum == stratum) & (table.side == side)]
                low, high = own.lower / own.expected, own.upper / own.expected
                panel.fill_between(own.interval, low, high, color=INDIVIDUAL, alpha=0.25, linewidth=0)
                panel.axhline(1, color=MUTED, linewidth=1)
                panel.plot(own.interval, own.ratio, color=INK, linewidth=1.4, marker="o", markersize=3.2)
                out = own[own.outside]
                panel.plot(
                    out.interval,
                    out.ratio,
                    linestyle="none",
                    marker="o",
                    markersize=8,
                    markerfacecolor="none",
                    markeredgecolor=SMOOTH,
                    markeredgewidth=1.5,
                )
                panel.set_title(", ".join(filter(None, (f"{side} the interval", stratum))))
                panel.set(xlabel="Prediction interval [%]", xlim=(-3, 100))
            line[0].set_ylabel("observed / expected number")
            line[0].set_ylim(bottom=0)
        if axes is None:
            _explain_band(figure)
    return figure


def _explain_band(figure: Any) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    ring: dict[str, Any] = {
        "marker": "o",
        "markersize": 6,
        "markerfacecolor": "none",
        "markeredgecolor": SMOOTH,
    }
    marks = [
        Line2D([], [], color=INK, linewidth=1.4, marker="o", markersize=3.2, label="observed"),
        Patch(color=INDIVIDUAL, alpha=0.25, linewidth=0, label="interval of the replicates"),
        Line2D([], [], linestyle="none", label="outside of it", **ring),
    ]
    figure.legend(handles=marks, loc="outside upper left", ncols=3, fontsize=8)


def plot_outliers(learnt: Any, *, most: int = 15, axes: Any = None, **options: Any) -> Any:
    """The most unusual subjects: how unlikely their effects, residuals and observations are.

    Each dot is -log10 of a tail probability, 2 is one in a hundred; the dotted line is where the most
    unusual of so many subjects of a right model lies with a chance of 5 % (Bonferroni, over three measures).

    Parameters
    ----------
    learnt : Fit, another learnt result, or DataFrame
        What was learnt, or the table of `bn.outliers`.
    most : int
        Number of subjects to show.
    axes : matplotlib axes, optional
        Where to draw; a new figure by default.
    **options
        For `bn.outliers`; refused beside a table.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ModelError
        Options beside a table.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> figure = bn.plot_outliers(fit, draws=100, seed=1)
    >>> len(figure.axes[0].get_yticks())
    12
    """
    table = finished_or_made(learnt, pd.DataFrame, outliers, options, what="a table")
    shown = table.head(most).iloc[::-1]
    place = np.arange(len(shown))
    own = axes is None
    with style():
        if axes is None:
            figure = new_figure(6.4, 0.24 * len(shown) + 1.5)
            axes = figure.subplots()
        else:
            figure = axes.figure
        for column, label, color, marker in (
            ("effects_p", "random effects", POPULATION, "D"),
            ("residuals_p", "residuals (IWRES)", INDIVIDUAL, "o"),
            ("npde_p", "observations (NPDE)", INK, "s"),
        ):
            size = -np.log10(np.maximum(shown[column].to_numpy(float), 1e-300))
            axes.plot(size, place, linestyle="none", marker=marker, markersize=5, color=color, label=label)
        axes.axvline(-np.log10(0.05 / (3 * len(table))), color=MUTED, linestyle=(0, (2, 2)))
        axes.set_yticks(place, [f"ID {subject}" for subject in shown.ID])
        axes.set_xlabel("−log10 of the tail probability")
        axes.set_xlim(left=0)
        if own:
            figure.legend(loc="outside upper left", ncols=3, fontsize=8)
        else:
            axes.legend(loc="lower right", fontsize=8)
    return figure
