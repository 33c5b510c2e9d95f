"""Normalised prediction distribution errors as pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.checks.prediction_errors import NPDE, npde
from bayes_nlmem.ground.messages import ModelError, explain
from bayes_nlmem.plots.smoother import lowess
from bayes_nlmem.plots.style import INDIVIDUAL, INK, MUTED, SMOOTH, labelled, new_figure, style

_ERRORS = ("NPDE", "NPD")


def plot_npde(learnt: Any, *, errors: str = "NPDE", axes: Any = None, **options: Any) -> Any:
    """Prediction distribution errors over time and prediction, their quantiles and their histogram.

    If the model is right the points are independent draws of N(0, 1): a cloud without trend, 95 % of it
    between the dotted lines, on the diagonal of the quantile plot (its band holds 95 % of such samples) and
    under the curve of the histogram. Open triangles are values drawn for observations beyond a limit of
    quantification.

    Parameters
    ----------
    learnt : Fit, another learnt result, Simulation, or NPDE
        What to check, or errors that were computed already with `bn.npde`.
    errors : {"NPDE", "NPD"}
        With or without decorrelation within subjects. Trends over time are plainer to read from NPD.
    axes : array of 4 matplotlib axes, optional
        Where to draw; a new figure by default.
    **options
        For `bn.npde`: output, decorrelation, censoring, draws, seed, ...; refused beside an NPDE.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ModelError
        An unknown word, or options beside an NPDE.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> figure = bn.plot_npde(fit, draws=150, seed=1)
    >>> [axes.get_ylabel() for axes in figure.axes][:2]
    ['NPDE', 'NPDE']
    """
    if isinstance(learnt, NPDE) and options:
        raise ModelError(explain(expected="no options beside an NPDE", got=", ".join(options)))
    if errors not in _ERRORS:
        raise ModelError(explain(expected=f"errors one of {', '.join(_ERRORS)}", got=repr(errors)))
    found = learnt if isinstance(learnt, NPDE) else npde(learnt, **options)
    table = found.table[found.table[errors].notna()]
    unit = found.units.get("DV") or None
    with style():
        figure = new_figure(8.2, 6.0) if axes is None else np.ravel(axes)[0].figure
        panels = np.ravel(figure.subplots(2, 2) if axes is None else axes)
        expected = "PRED" if "PRED" in table else "EPRED"
        words = "Population prediction" if expected == "PRED" else "Mean of the replicates"
        if "TIME" in table:
            _cloud(panels[0], table, "TIME", errors, labelled("Time", found.units.get("TIME")))
        else:
            panels[0].set_axis_off()
        _cloud(panels[1], table, expected, errors, labelled(words, unit))
        normal_quantiles(panels[2], table[errors].to_numpy(), errors)
        normal_histogram(panels[3], table[errors].to_numpy(), errors)
        tests = found.tests.xs(errors, level="errors")["p_adjusted"]
        said = ", ".join(f"{name} {value:.2g}" for name, value in tests.items())
        panels[2].set_title(f"adjusted p: {said}", fontsize=8)
    return figure


def _cloud(axes: Any, table: pd.DataFrame, x: str, y: str, label: str) -> None:
    axes.axhline(0, color=MUTED, linewidth=1)
    for bound in (-1.96, 1.96):
        axes.axhline(bound, color=MUTED, linewidth=0.9, linestyle=(0, (2, 2)))
    quantified = table[table.CENS == 0]
    axes.plot(quantified[x], quantified[y], **_DOT)
    for code, marker in ((1, "v"), (-1, "^")):
        beyond = table[table.CENS == code]
        axes.plot(beyond[x], beyond[y], marker=marker, **_TRIANGLE)
    axes.plot(*lowess(table[x], table[y]), color=SMOOTH, linewidth=1.6)
    reach = max(2.7, float(table[y].abs().max()) * 1.08)
    axes.set(xlabel=label, ylabel=y, ylim=(-reach, reach))


def normal_quantiles(axes: Any, values: np.ndarray, name: str) -> None:
    """Quantiles of a sample against those of N(0, 1), with the band of 95 % of such samples, point by point.

    Parameters
    ----------
    axes : matplotlib axes
    values : ndarray
        The sample; NaN are left out.
    name : str
        What they are.
    """
    from scipy.special import betaincinv, ndtri

    ordered = np.sort(values[np.isfinite(values)])
    n = len(ordered)
    if not n:
        return
    rank = np.arange(1, n + 1)
    normal = ndtri((rank - 0.5) / n)
    low, high = (ndtri(betaincinv(rank, n + 1 - rank, p)) for p in (0.025, 0.975))
    axes.fill_between(normal, low, high, color=MUTED, alpha=0.2, linewidth=0)
    ends = [min(normal[0], ordered[0]), max(normal[-1], ordered[-1])]
    axes.plot(ends, ends, color=MUTED, linewidth=1)
    axes.plot(normal, ordered, **_DOT)
    axes.set(xlabel="Quantiles of N(0, 1)", ylabel=f"{name} quantiles")


def normal_histogram(axes: Any, values: np.ndarray, name: str) -> None:
    """Histogram of a sample with the density of N(0, 1).

    Parameters
    ----------
    axes : matplotlib axes
    values : ndarray
        The sample; NaN are left out.
    name : str
        What they are.
    """
    seen = values[np.isfinite(values)]
    reach = max(3.2, float(np.abs(seen).max()) if len(seen) else 0)
    edges = np.linspace(-reach, reach, 2 * int(np.clip(np.sqrt(len(seen)) * 0.8, 6, 20)) + 1)
    axes.hist(seen, bins=edges, density=True, color=INDIVIDUAL, alpha=0.35, edgecolor="white", linewidth=0.8)
    x = np.linspace(-reach, reach, 200)
    axes.plot(x, np.exp(-0.5 * x**2) / np.sqrt(2 * np.pi), color=INK, linewidth=1.4, label="N(0, 1)")
    axes.set(xlabel=name, ylabel="density")
    axes.set_yticks([])
    axes.grid(visible=False, axis="y")
    axes.legend(loc="upper left", fontsize=8)


_DOT: dict[str, Any] = {
    "linestyle": "none",
    "marker": "o",
    "markersize": 3.6,
    "markerfacecolor": INDIVIDUAL,
    "markeredgecolor": INK,
    "markeredgewidth": 0.3,
    "alpha": 0.65,
}
_TRIANGLE: dict[str, Any] = {
    "linestyle": "none",
    "markersize": 4.6,
    "markerfacecolor": "none",
    "markeredgecolor": INK,
    "markeredgewidth": 0.8,
}
