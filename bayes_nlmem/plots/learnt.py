"""What the data taught: prior against posterior of every population parameter."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_nlmem.ground.priors import Prior
from bayes_nlmem.model.quantities import Quantity, quantities
from bayes_nlmem.plots.panels import panels
from bayes_nlmem.plots.style import INDIVIDUAL, INK, POPULATION, labelled, style


def plot_prior_posterior(fit: Any, *, axes: Any = None) -> Any:
    """Prior density and posterior histogram of every unknown population parameter.

    Parameters
    ----------
    fit : Fit
        What was learnt.
    axes : array of matplotlib axes, optional
        Where to draw, one per parameter; a new figure by default.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> figure = plot_prior_posterior(fit)
    >>> [axes.get_title(loc="left") for axes in figure.axes[:3]]
    ['KA_pop [1/h]', 'CL_pop [L/h]', 'V_pop [L]']
    """
    posterior = fit.draws["posterior"]
    shown = [quantity for quantity in quantities(fit.model) if quantity.name in posterior]
    with style():
        figure, places = panels(len(shown), columns=5, width=1.85, height=1.45, axes=axes)
        for panel, quantity in zip(places, shown, strict=True):
            _panel(panel, quantity, posterior[quantity.name].values.ravel())
        if axes is None:
            figure.legend(handles=_legend(), loc="outside upper left", ncols=3, fontsize=8)
    return figure


def _legend() -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    return [
        Patch(facecolor=POPULATION, alpha=0.3, edgecolor=POPULATION, label="prior"),
        Patch(color=INDIVIDUAL, alpha=0.55, linewidth=0, label="posterior"),
        Line2D([], [], color=INK, linewidth=0.9, linestyle=(0, (3, 2)), label="posterior median"),
    ]


def prior_density(prior: Prior, points: int = 150) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The density of a prior, from differences of its quantiles.

    Parameters
    ----------
    prior : Prior
        Any prior whose quantiles have a formula.
    points : int
        Number of quantiles.

    Returns
    -------
    x, density : ndarray
        Both empty if the prior has no quick quantiles.

    Examples
    --------
    >>> from bayes_nlmem.ground.priors import Normal
    >>> x, density = prior_density(Normal(0, 1))
    >>> round(float(density.max()), 2)
    0.4
    """
    # denser in the tails, where the quantiles are far apart
    probability = 0.5 * (1 - np.cos(np.linspace(0.02, np.pi - 0.02, points)))
    found = [prior.quantile(float(p)) for p in probability]
    if any(value is None for value in found):
        return np.empty(0), np.empty(0)
    x = np.array(found, float)
    distinct = np.concatenate([[True], np.diff(x) > 0])
    x, probability = x[distinct], probability[distinct]
    return (x[1:] + x[:-1]) / 2, np.diff(probability) / np.diff(x)


def _panel(axes: Any, quantity: Quantity, draws: NDArray[np.float64]) -> None:
    prior = quantity.marginal if quantity.marginal is not None else quantity.value
    lower, upper = np.quantile(draws, [0.0005, 0.9995])
    x, density = prior_density(prior) if isinstance(prior, Prior) else (np.empty(0), np.empty(0))
    if x.size:
        ends = np.interp([0.02, 0.98], np.linspace(0, 1, x.size), x)
        lower, upper = min(lower, ends[0]), max(upper, ends[1])
        axes.fill_between(x, density, color=POPULATION, alpha=0.18, linewidth=0)
        axes.plot(x, density, color=POPULATION, linewidth=1.2)
    bins = np.linspace(draws.min(), draws.max(), 36)
    axes.hist(draws, bins=bins, density=True, color=INDIVIDUAL, alpha=0.55)
    axes.axvline(np.median(draws), color=INK, linewidth=0.9, linestyle=(0, (3, 2)))
    axes.set(xlim=(lower, upper), yticks=[])
    axes.grid(visible=False)
    axes.set_title(labelled(quantity.name, quantity.unit), fontsize=8, pad=3)
