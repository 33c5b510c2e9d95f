"""Normalised prediction distribution errors as pictures."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_nlmem.checks.prediction_errors import NPDE, npde
from bayes_nlmem.ground.messages import ModelError, explain
from bayes_nlmem.plots.finished import finished_or_made
from bayes_nlmem.plots.residual_marks import normal_histogram, normal_quantiles, trend
from bayes_nlmem.plots.style import labelled, new_figure, style

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
    if errors not in _ERRORS:
        raise ModelError(explain(expected=f"errors one of {', '.join(_ERRORS)}", got=repr(errors)))
    found = finished_or_made(learnt, NPDE, npde, options, what="an NPDE")
    table = found.table[found.table[errors].notna()]
    unit = found.units.get("DV") or None
    with style():
        figure = new_figure(8.2, 6.0) if axes is None else np.ravel(axes)[0].figure
        panels = np.ravel(figure.subplots(2, 2) if axes is None else axes)
        expected = "PRED" if "PRED" in table else "EPRED"
        words = "Population prediction" if expected == "PRED" else "Mean of the replicates"
        if "TIME" in table:
            trend(panels[0], table, "TIME", errors, labelled("Time", found.units.get("TIME")))
        else:
            panels[0].set_axis_off()
        trend(panels[1], table, expected, errors, labelled(words, unit))
        normal_quantiles(panels[2], table[errors].to_numpy(), errors)
        normal_histogram(panels[3], table[errors].to_numpy(), errors)
        tests = found.tests.xs(errors, level="errors")["p_adjusted"]
        said = ", ".join(f"{name} {value:.2g}" for name, value in tests.items())
        panels[2].set_title(f"adjusted p: {said}", fontsize=8)
    return figure
