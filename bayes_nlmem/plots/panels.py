"""Panels of a picture: a new figure, or the axes that the user brings."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bayes_nlmem.ground.messages import BayesNlmemError, explain
from bayes_nlmem.plots.style import new_figure


def panels(
    count: int, *, columns: int, width: float, height: float, axes: Any = None
) -> tuple[Any, list[Any]]:
    """As many axes as there are panels.

    Parameters
    ----------
    count : int
        Number of panels.
    columns : int
        At most that many in a row.
    width, height : float
        Of a panel, in inches.
    axes : matplotlib axes or array of them, optional
        Where to draw.

    Returns
    -------
    figure : matplotlib.figure.Figure
    panels : list of matplotlib Axes
        Unused ones of a new figure are switched off.

    Raises
    ------
    BayesNlmemError
        If too few axes are given.

    Examples
    --------
    >>> figure, shown = panels(3, columns=2, width=2, height=2)
    >>> len(figure.axes), len(shown)
    (4, 3)
    """
    if axes is not None:
        given = list(np.ravel(np.asarray(axes, dtype=object)))
        if len(given) < count:
            raise BayesNlmemError(explain(expected=f"{count} axes, one per panel", got=str(len(given))))
        return given[0].figure, given[:count]
    columns = max(1, min(columns, count))
    rows = math.ceil(count / columns) or 1
    figure = new_figure(width * columns + 0.4, height * rows + 0.4)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for unused in grid[count:]:
        unused.set_axis_off()
    return figure, list(grid[:count])
