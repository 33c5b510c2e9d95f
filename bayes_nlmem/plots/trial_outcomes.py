"""Endpoints of simulated trials."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_nlmem.dosing.trials import Trials
from bayes_nlmem.plots.style import INDIVIDUAL, MUTED, new_figure, style

_OTHERS = ("SUCCESS", "DROPPED_OUT", "DOSE")


def plot_trials(found: Trials, *, bins: int = 20) -> Any:
    """Histogram of every endpoint over the simulated trials, successes in colour.

    Parameters
    ----------
    found : Trials
        What `simulate_trial` returned.
    bins : int
        Of each histogram.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> import pandas as pd
    >>> from bayes_nlmem.dosing.trials import Trials
    >>> table = pd.DataFrame({"response": [0.2, 0.5, 0.6], "SUCCESS": [False, True, True]})
    >>> figure = bn.plot_trials(Trials(table, table))
    >>> figure.axes[0].get_xlabel()
    'response'
    """
    names = [name for name in found.table.columns if name not in _OTHERS]
    won = found.table["SUCCESS"].to_numpy(bool)
    with style():
        figure = new_figure(3.6 * len(names), 2.9)
        for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
            values = found.table[name].to_numpy(float)
            edges = np.histogram_bin_edges(values[np.isfinite(values)], bins)
            axes.hist(
                [values[won], values[~won]],
                edges,
                stacked=True,
                color=[INDIVIDUAL, MUTED],
                label=["success", "no success"],
            )
            axes.set_xlabel(name)
            axes.set_ylabel("Trials")
        figure.axes[0].legend()
        words = found.conclusion.replace(" (95 %", "\n(95 %")
        figure.suptitle(words, fontsize=9, x=0.01, ha="left")
    return figure
