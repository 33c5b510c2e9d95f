"""How a SAEM run went: every parameter against the iterations, phase by phase."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bayes_nlmem.ground.messages import BayesNlmemError, explain
from bayes_nlmem.plots.style import INDIVIDUAL, INK, MUTED, POPULATION, labelled, new_figure, style

_ROUND = 40  # iterations behind one point of the phase `settle`


def plot_convergence(fit: Any) -> Any:
    """Every estimated parameter of a SAEM fit against the iterations.

    A run is sound when the traces of the first phase end level, and when the Newton steps at the end (dots,
    one for 40 iterations) stay where the averages of the second phase are. The band is the estimate with
    one standard error to either side: Monte Carlo noise should be small against it.

    Parameters
    ----------
    fit : SaemFit
        What `saem` returned.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    BayesNlmemError
        If the result has no trace of iterations.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> study = bn.zoo.load("theophylline")
    >>> result = bn.saem(study.model, study.data, seed=1)  # doctest: +SKIP
    >>> plot_convergence(result)  # doctest: +SKIP
    """
    if not hasattr(fit, "trace"):
        raise BayesNlmemError(
            explain(
                expected="the result of bn.saem",
                got=type(fit).__name__,
                remedy="For draws of NUTS look at fit.convergence().",
            )
        )
    table = fit.estimates
    shown = [name for name in table.index if name in fit.trace.columns and not table.loc[name, "known"]]
    columns = min(4, max(1, len(shown)))
    rows = math.ceil(len(shown) / columns) or 1
    phase = fit.trace["phase"].to_numpy()
    at = np.cumsum(np.where(phase == "settle", _ROUND, 1)) - 1
    edges = [at[np.flatnonzero(phase == name)[-1]] for name in ("explore", "smooth") if np.any(phase == name)]
    with style():
        figure = new_figure(2.5 * columns + 0.3, 1.6 * rows + 0.4)
        grid = figure.subplots(rows, columns, squeeze=False, sharex=True)
        for axes, name in zip(grid.flat, shown, strict=False):
            _trace(axes, at, fit.trace[name].to_numpy(), phase, table.loc[name])
            for edge in edges:
                axes.axvline(edge, color=MUTED, linewidth=0.8, linestyle=(0, (3, 2)))
            axes.set_title(labelled(name, table.loc[name, "unit"]), fontsize=8, pad=3)
        for axes in grid.flat[len(shown) :]:
            axes.set_axis_off()
        for axes in grid[-1]:
            axes.set_xlabel("iteration")
        figure.legend(handles=_legend(), loc="outside upper left", ncols=4, fontsize=8)
    return figure


def _legend() -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    return [
        Line2D([], [], color=INDIVIDUAL, linewidth=0.9, label="iterations"),
        Line2D([], [], color=INK, linestyle="none", marker="o", markersize=3.5, label="Newton steps"),
        Line2D([], [], color=POPULATION, linewidth=1.0, label="estimate"),
        Patch(color=POPULATION, alpha=0.15, linewidth=0, label="± one standard error"),
    ]


def _trace(axes: Any, at: np.ndarray, values: np.ndarray, phase: np.ndarray, row: Any) -> None:
    if np.isfinite(row["se"]):
        axes.axhspan(row["value"] - row["se"], row["value"] + row["se"], color=POPULATION, alpha=0.15)
    axes.axhline(row["value"], color=POPULATION, linewidth=1.0)
    moving = phase != "settle"
    axes.plot(at[moving], values[moving], color=INDIVIDUAL, linewidth=0.9)
    axes.plot(at[~moving], values[~moving], linestyle="none", marker="o", markersize=3.5, color=INK)
