"""Goodness of fit: observations against predictions, and where the residuals lie."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.checks.kinds import refuse_panels
from bayes_nlmem.plots.individuals import chosen_output
from bayes_nlmem.plots.pointing import observation_words, tell
from bayes_nlmem.plots.smoother import lowess
from bayes_nlmem.plots.style import (
    DOT,
    MUTED,
    SMOOTH,
    labelled,
    new_figure,
    plain_log,
    style,
)


def plot_goodness_of_fit(
    fit: Any, *, output: str | None = None, log_scale: bool = False, axes: Any = None
) -> Any:
    """Six panels that show whether the predictions and the residual error describe the observations.

    Observations against population and individual predictions; standardised residuals IWRES against time,
    against the prediction, in absolute value, and against normal quantiles. Observations beyond a limit of
    quantification are left out. The red line is a local regression: it should follow the grey line.

    Parameters
    ----------
    fit : Fit
        What was learnt.
    output : str, optional
        Output of the structure, the first one by default.
    log_scale : bool
        Logarithmic axes in the two panels of observations against predictions.
    axes : array of 6 matplotlib axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ModelError
        Categories, times of events and states, whose panels would say nothing.

    Notes
    -----
    PRED is the prediction for the typical subject with the same doses and covariates, IPRED the individual
    one, both posterior medians; IWRES = (DV - IPRED) / sd(IPRED).

    Examples
    --------
    >>> figure = plot_goodness_of_fit(fit)
    >>> [axes.get_ylabel() for axes in figure.axes][:2]
    ['Observed [mg/L]', 'Observed [mg/L]']
    """
    predictions = fit.predictions()
    output = chosen_output(predictions, output)
    refuse_panels(fit.model.residuals[output], output, "a goodness-of-fit plot")
    units = fit.data.units
    return goodness_of_fit(
        predictions[predictions.OUTPUT == output],
        time_unit=units.get("TIME"),
        unit=units.get(output, units.get("DV")),
        log_scale=log_scale,
        axes=axes,
    )


def goodness_of_fit(
    predictions: pd.DataFrame,
    *,
    time_unit: str | None = None,
    unit: str | None = None,
    log_scale: bool = False,
    axes: Any = None,
) -> Any:
    """The picture of `plot_goodness_of_fit`, from a table.

    Parameters
    ----------
    predictions : DataFrame
        Columns TIME, DV, CENS, PRED, IPRED, IWRES, and ID if known; one row per observation.
    time_unit, unit : str, optional
        Units of the time and of the observations.
    log_scale, axes :
        As in `plot_goodness_of_fit`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    seen = predictions[predictions.CENS == 0]
    words = observation_words(seen, ["PRED", "IPRED", "IWRES"], time_unit=time_unit, unit=unit)
    seen = seen.assign(WORDS=words)
    observed, predicted = labelled("Observed", unit), "prediction" + (f" [{unit}]" if unit else "")
    with style():
        figure = new_figure(9.2, 6.1) if axes is None else np.ravel(axes)[0].figure
        panels = np.ravel(figure.subplots(2, 3) if axes is None else axes)
        for panel, draw in zip(panels, _PANELS, strict=True):
            draw(panel, seen, observed, predicted, labelled("Time", time_unit), log_scale)
        if axes is None:
            figure.legend(handles=_legend(), loc="outside upper left", ncols=4, fontsize=8)
    return figure


def _legend() -> list[Any]:
    from matplotlib.lines import Line2D

    return [
        Line2D([], [], **DOT, label="observation"),
        Line2D([], [], color=SMOOTH, linewidth=1.6, label="local regression"),
        Line2D([], [], color=MUTED, linewidth=1, label="identity, 0, or mean of |N(0, 1)|"),
        Line2D([], [], color=MUTED, linewidth=0.9, linestyle=(0, (2, 2)), label="±1.96"),
    ]


def _against_population(
    axes: Any, seen: pd.DataFrame, observed: str, predicted: str, _: str, log: bool
) -> None:
    _identity_panel(axes, seen.PRED, seen.DV, seen.WORDS, log)
    axes.set(xlabel=f"Population {predicted}", ylabel=observed)


def _against_individual(
    axes: Any, seen: pd.DataFrame, observed: str, predicted: str, _: str, log: bool
) -> None:
    _identity_panel(axes, seen.IPRED, seen.DV, seen.WORDS, log)
    axes.set(xlabel=f"Individual {predicted}", ylabel=observed)


def _absolute_residuals(axes: Any, seen: pd.DataFrame, _: str, predicted: str, __: str, ___: bool) -> None:
    size = seen.IWRES.abs()
    axes.axhline(np.sqrt(2 / np.pi), color=MUTED, linewidth=1)  # E|N(0, 1)|
    _cloud(axes, seen.IPRED, size, seen.WORDS, robust=0)  # the mean is wanted, and |N(0, 1)| is skewed
    axes.set(xlabel=f"Individual {predicted}", ylabel="|IWRES|", ylim=(0, None))


def _residuals_over_time(axes: Any, seen: pd.DataFrame, _: str, __: str, time: str, ___: bool) -> None:
    _residual_panel(axes, seen.TIME, seen.IWRES, seen.WORDS)
    axes.set(xlabel=time, ylabel="IWRES")


def _residuals_over_prediction(
    axes: Any, seen: pd.DataFrame, _: str, predicted: str, __: str, ___: bool
) -> None:
    _residual_panel(axes, seen.PRED, seen.IWRES, seen.WORDS)
    axes.set(xlabel=f"Population {predicted}", ylabel="IWRES")


def _normal_quantiles(axes: Any, seen: pd.DataFrame, _: str, __: str, ___: str, ____: bool) -> None:
    from scipy.special import ndtri

    known = seen.dropna(subset="IWRES").sort_values("IWRES", kind="stable")
    ordered = known.IWRES.to_numpy()
    normal = ndtri((np.arange(ordered.size) + 0.5) / max(1, ordered.size))
    if ordered.size:
        ends = [min(normal[0], ordered[0]), max(normal[-1], ordered[-1])]
        axes.plot(ends, ends, color=MUTED, linewidth=1)
    tell(axes.plot(normal, ordered, **DOT), known.WORDS)
    axes.set(xlabel="Normal quantiles", ylabel="IWRES quantiles")


_PANELS: tuple[Callable[..., None], ...] = (
    _against_population,
    _against_individual,
    _absolute_residuals,
    _residuals_over_time,
    _residuals_over_prediction,
    _normal_quantiles,
)


def _cloud(axes: Any, x: pd.Series, y: pd.Series, words: pd.Series, robust: int = 3) -> None:
    tell(axes.plot(x, y, **DOT), words)
    axes.plot(*lowess(x, y, robust=robust), color=SMOOTH, linewidth=1.6)


def _identity_panel(
    axes: Any, predicted: pd.Series, observed: pd.Series, words: pd.Series, log: bool
) -> None:
    if log:
        positive = (predicted > 0) & (observed > 0)
        predicted, observed, words = predicted[positive], observed[positive], words[positive]
        axes.set(xscale="log", yscale="log")
    both = np.concatenate([predicted, observed])
    both = both[np.isfinite(both)]
    if both.size:
        ends = [both.min(), both.max()]
        axes.plot(ends, ends, color=MUTED, linewidth=1)
    if not log:
        _cloud(axes, predicted, observed, words)
        return
    tell(axes.plot(predicted, observed, **DOT), words)
    place, height = lowess(np.log(predicted), np.log(observed))  # the smoother sees what the eye sees
    axes.plot(np.exp(place), np.exp(height), color=SMOOTH, linewidth=1.6)
    plain_log(axes.xaxis)
    plain_log(axes.yaxis)


def _residual_panel(axes: Any, x: pd.Series, residual: pd.Series, words: pd.Series) -> None:
    axes.axhline(0, color=MUTED, linewidth=1)
    for bound in (-1.96, 1.96):
        axes.axhline(bound, color=MUTED, linewidth=0.9, linestyle=(0, (2, 2)))
    _cloud(axes, x, residual, words)
    reach = max(2.5, float(residual.abs().max()) * 1.08) if residual.notna().any() else 2.5
    axes.set_ylim(-reach, reach)
