"""What the priors say about exposure, as a picture."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_nlmem.plots.style import INK, MUTED, POPULATION, labelled, new_figure, plain_log, style


def plot_prior_predictive(predictive: Any) -> Any:
    """Distribution of exposure under the priors, on a logarithmic axis, with what was called plausible.

    Parameters
    ----------
    predictive : PriorPredictive
        From `prior_predictive`.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> study = bn.zoo.load("theophylline")
    >>> found = bn.prior_predictive(study.model, study.data, about=("Cmax", "AUC"), draws=20, seed=1)
    >>> len(plot_prior_predictive(found).axes)
    2
    """
    count = len(predictive.values)
    with style():
        figure = new_figure(2.6 * count + 0.3, 2.2)
        grid = figure.subplots(1, count, squeeze=False)[0]
        for axes, (name, values) in zip(grid, predictive.values.items(), strict=True):
            good = values[np.isfinite(values) & (values > 0)]
            low, high = np.quantile(good, [0.005, 0.995]) if good.size else (0.1, 10.0)
            if name in predictive.plausible:
                bounds = predictive.plausible[name]
                low, high = min(low, bounds[0] / 1.5), max(high, bounds[1] * 1.5)
                axes.axvspan(*bounds, color=MUTED, alpha=0.25, linewidth=0, zorder=0)
            axes.hist(good, bins=np.geomspace(low, high, 40), color=POPULATION, alpha=0.6)
            if good.size:
                axes.axvline(np.median(good), color=INK, linewidth=0.9, linestyle=(0, (3, 2)))
            axes.set(xscale="log", yticks=[], xlabel=labelled(name, predictive.units.get(name)))
            plain_log(axes.xaxis)
            axes.grid(visible=False, axis="y")
            if name in predictive.plausible:
                inside = predictive.table().loc[name, "inside"]
                axes.set_title(f"{100 * inside:.0f} % in the grey range", fontsize=8)
    return figure
