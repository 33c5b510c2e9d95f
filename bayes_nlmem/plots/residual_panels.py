"""A page of residuals of one kind: over time, time after dose and prediction, their size and distribution."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.checks.kinds import refuse_panels, refuse_unranked
from bayes_nlmem.checks.weighted import residuals
from bayes_nlmem.ground.messages import ModelError, explain
from bayes_nlmem.plots.individuals import chosen_output
from bayes_nlmem.plots.residual_marks import normal_histogram, normal_quantiles, trend
from bayes_nlmem.plots.smoother import lowess
from bayes_nlmem.plots.style import DOT, MUTED, SMOOTH, labelled, new_figure, style

KINDS = ("IWRES", "CWRES", "WRES", "EWRES", "NPD", "NPDE")
# What a residual belongs to: individual ones to the individual prediction, the others to the population's.
_PREDICTED = {
    "IWRES": "IPRED",
    "CWRES": "PRED",
    "WRES": "PRED",
    "EWRES": "EPRED",
    "NPD": "PRED",
    "NPDE": "PRED",
}
_WORDS = {
    "IPRED": "Individual prediction",
    "PRED": "Population prediction",
    "EPRED": "Mean of the replicates",
}


def plot_residuals(
    learnt: Any,
    *,
    residual: str = "NPDE",
    output: str | None = None,
    table: pd.DataFrame | None = None,
    axes: Any = None,
    **options: Any,
) -> Any:
    """Six panels of one kind of residual: against time, time after dose, prediction; size, quantiles, shape.

    If the model is right the points are a cloud without trend around 0, 95 % of them between the dotted
    lines; |residual| has no trend; the quantiles follow the diagonal, within the band that holds 95 % of such
    samples; the bars follow the curve. Red lines are local regressions.

    Parameters
    ----------
    learnt : Fit or another learnt result
        What was learnt.
    residual : {"IWRES", "CWRES", "WRES", "EWRES", "NPD", "NPDE"}
        Which residual. Where shrinkage is high, IWRES look better than they are; NPDE do not.
    output : str, optional
        Output of the structure, the first one by default.
    table : DataFrame, optional
        The table of `bn.residuals`, if it was made already.
    axes : array of 6 matplotlib axes, optional
        Where to draw; a new figure by default.
    **options
        For `bn.residuals`: draws, seed, decorrelation, ...; refused beside a table.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ModelError
        An unknown word, or options beside a table; residuals that an output does not have, or that are not
        normal however right the model (IWRES of categories and events).

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> figure = bn.plot_residuals(fit, residual="IWRES", table=fit.predictions())
    >>> [axes.get_xlabel() for axes in figure.axes][:3]
    ['Time [h]', 'Time after dose [h]', 'Individual prediction [mg/L]']
    """
    if residual not in KINDS:
        raise ModelError(explain(expected=f"residual one of {', '.join(KINDS)}", got=repr(residual)))
    if table is not None and options:
        raise ModelError(explain(expected="no options beside a table", got=", ".join(options)))
    whole = residuals(learnt, **options) if table is None else table
    if residual not in whole:
        raise ModelError(
            explain(
                expected=f"a table with {residual}",
                got=", ".join(map(str, whole)),
                remedy="bn.residuals makes it.",
            )
        )
    output = chosen_output(whole, output)
    if residual in ("NPDE", "NPD", "EWRES"):
        refuse_unranked(learnt.model.residuals[output], output)
    else:
        refuse_panels(learnt.model.residuals[output], output, f"panels of {residual}")
    own = whole[(whole.OUTPUT == output) & whole[residual].notna()]
    units = learnt.data.units
    unit, time = units.get(output, units.get("DV")), units.get("TIME")
    predicted = _PREDICTED[residual]
    with style():
        figure = new_figure(9.2, 5.7) if axes is None else np.ravel(axes)[0].figure
        panels = np.ravel(figure.subplots(2, 3) if axes is None else axes)
        trend(panels[0], own, "TIME", residual, labelled("Time", time))
        trend(panels[1], own[own.TAD.notna()], "TAD", residual, labelled("Time after dose", time))
        trend(panels[2], own, predicted, residual, labelled(_WORDS[predicted], unit))
        _size(panels[3], own, predicted, residual, labelled(_WORDS[predicted], unit))
        normal_quantiles(panels[4], own[residual].to_numpy(float), residual)
        normal_histogram(panels[5], own[residual].to_numpy(float), residual)
    return figure


def _size(axes: Any, own: pd.DataFrame, x: str, y: str, label: str) -> None:
    size = own[y].abs()
    axes.axhline(np.sqrt(2 / np.pi), color=MUTED, linewidth=1)  # E|N(0, 1)|
    axes.plot(own[x], size, **DOT)
    axes.plot(*lowess(own[x], size, robust=0), color=SMOOTH, linewidth=1.6)
    axes.set(xlabel=label, ylabel=f"|{y}|")
    axes.set_ylim(bottom=0)
