"""Random effects against normal quantiles and against each other."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_nlmem.ground.messages import BayesNlmemError, explain
from bayes_nlmem.plots.effects import random_effect_means
from bayes_nlmem.plots.panels import panels
from bayes_nlmem.plots.style import INDIVIDUAL, INK, MUTED, POPULATION, new_figure, style

_DOT = {"linestyle": "none", "marker": "o", "markersize": 3.8, "alpha": 0.75, "color": INDIVIDUAL}


def plot_effect_quantiles(fit: Any, *, axes: Any = None) -> Any:
    """Posterior means of the random effects, in units of their own SD, against normal quantiles.

    A normal distribution gives the grey line; heavy tails bend away from it at both ends, an outlying
    subject stands off alone. The IDs of the three outermost subjects are written.

    Parameters
    ----------
    fit : Fit, or another learnt result
        What was learnt.
    axes : sequence of matplotlib axes, optional
        One per random effect; a new figure by default.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    BayesNlmemError
        If the model has no random effects, or too few axes are given.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> figure = bn.plot_effect_quantiles(fit)
    >>> [axes.get_title(loc="left") for axes in figure.axes]
    ['KA', 'CL', 'V']
    """
    effects = random_effect_means(fit)
    with style():
        figure, shown = panels(effects.shape[1], columns=4, width=2.5, height=2.5, axes=axes)
        for panel, name in zip(shown, effects, strict=True):
            _quantiles(panel, effects[name])
            panel.set_title(name)
            panel.set(xlabel="normal quantile", ylabel="η in SDs")
    return figure


def plot_effect_pairs(fit: Any) -> Any:
    """Random effects against each other, with the correlations that were learnt.

    Below the diagonal the subjects' posterior means; on it normal quantiles; above it the posterior median
    and 90 % interval of the correlation in the model, or, where the model has none, the correlation of the
    means (in grey): a large one asks for a `Correlated` block.

    Parameters
    ----------
    fit : Fit, or another learnt result
        What was learnt.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    BayesNlmemError
        If there are fewer than two random effects.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> figure = bn.plot_effect_pairs(fit)
    >>> len(figure.axes)
    9
    """
    effects = random_effect_means(fit)
    names = [str(name) for name in effects]
    if len(names) < 2:
        raise BayesNlmemError(explain(expected="at least two random effects", got=", ".join(names)))
    posterior = fit.draws["posterior"]
    with style():
        size = 1.75 * len(names) + 0.5
        figure = new_figure(size, size)
        grid = figure.subplots(len(names), len(names))
        for i, row in enumerate(names):
            for j, column in enumerate(names):
                axes = grid[i, j]
                if i == j:
                    _quantiles(axes, effects[row])
                    axes.set_title(row)
                elif i > j:
                    axes.axhline(0, color=MUTED, linewidth=0.8)
                    axes.axvline(0, color=MUTED, linewidth=0.8)
                    axes.plot(effects[column], effects[row], **_DOT)
                else:
                    _correlation(axes, posterior, effects, row, column)
                if i == len(names) - 1 and i != j:
                    axes.set_xlabel(f"η {column}")
                if j == 0 and i != j:
                    axes.set_ylabel(f"η {row}")
    return figure


def _quantiles(axes: Any, values: Any) -> None:
    from scipy.special import ndtri

    spread = float(values.std(ddof=1)) or 1.0
    ordered = (values / spread).sort_values()
    normal = ndtri((np.arange(len(ordered)) + 0.5) / len(ordered))
    ends = [min(normal[0], ordered.iloc[0]), max(normal[-1], ordered.iloc[-1])]
    axes.plot(ends, ends, color=MUTED, linewidth=1)
    axes.plot(normal, ordered, **_DOT)
    far = np.argsort(-np.abs(ordered.to_numpy()))[: min(3, len(ordered))]
    for k in far:
        place = (-4, 2) if normal[k] > 0 else (4, -2)
        axes.annotate(
            str(ordered.index[k]),
            (normal[k], ordered.iloc[k]),
            xytext=place,
            textcoords="offset points",
            fontsize=7,
            ha="right" if normal[k] > 0 else "left",
            va="bottom" if normal[k] > 0 else "top",
            color=INK,
        )


def _correlation(axes: Any, posterior: Any, effects: Any, one: str, other: str) -> None:
    learnt = next((n for n in (f"corr_{one}_{other}", f"corr_{other}_{one}") if n in posterior), None)
    if learnt is not None:
        low, middle, high = np.quantile(posterior[learnt].values, [0.05, 0.5, 0.95])
        text, color = f"{middle:.2f}\n({low:.2f} to {high:.2f})", POPULATION
    else:
        text, color = f"{effects[one].corr(effects[other]):.2f}", MUTED
    axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes, color=color, fontsize=10)
    axes.set_axis_off()
