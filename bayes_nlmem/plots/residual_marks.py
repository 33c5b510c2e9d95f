"""What pictures of residuals share: trends with a local regression, and comparisons with N(0, 1)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.plots.smoother import lowess
from bayes_nlmem.plots.style import DOT, INDIVIDUAL, INK, MUTED, SMOOTH


def trend(axes: Any, table: pd.DataFrame, x: str, y: str, label: str) -> None:
    """Residuals against something, with 0, +-1.96 and a local regression; triangles are beyond a limit.

    Parameters
    ----------
    axes : matplotlib axes
    table : DataFrame
        With the columns `x`, `y` and CENS.
    x, y : str
        Columns to draw.
    label : str
        Of the horizontal axis.
    """
    axes.axhline(0, color=MUTED, linewidth=1)
    for bound in (-1.96, 1.96):
        axes.axhline(bound, color=MUTED, linewidth=0.9, linestyle=(0, (2, 2)))
    quantified = table[table.CENS == 0]
    axes.plot(quantified[x], quantified[y], **DOT)
    for code, marker in ((1, "v"), (-1, "^")):
        beyond = table[table.CENS == code]
        axes.plot(beyond[x], beyond[y], marker=marker, **_TRIANGLE)
    axes.plot(*lowess(table[x], table[y]), color=SMOOTH, linewidth=1.6)
    reach = max(2.7, float(table[y].abs().max()) * 1.08) if len(table) else 2.7
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
    axes.plot(normal, ordered, **DOT)
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


_TRIANGLE: dict[str, Any] = {
    "linestyle": "none",
    "markersize": 4.6,
    "markerfacecolor": "none",
    "markeredgecolor": INK,
    "markeredgewidth": 0.8,
}
