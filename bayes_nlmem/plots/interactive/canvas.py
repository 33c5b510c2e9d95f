"""What all interactive pictures share: Plotly itself, the style, hover texts, a menu of subjects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bayes_nlmem.ground.messages import BayesNlmemError, explain
from bayes_nlmem.plots.style import GRID, INDIVIDUAL, INK, MUTED


def plotly() -> Any:
    """The module `plotly.graph_objects`.

    Raises
    ------
    BayesNlmemError
        If Plotly is not installed.
    """
    try:
        import plotly.graph_objects as graph_objects
    except ModuleNotFoundError as error:
        raise BayesNlmemError(
            explain(
                expected="Plotly for an interactive picture",
                got="it is not installed",
                remedy='pip install "bayes-nlmem[plotly]", or use the plot_... function of the same picture.',
            )
        ) from error
    return graph_objects


def empty(rows: int = 1, columns: int = 1, *, height: int, titles: Sequence[str] = (), **options: Any) -> Any:
    """An empty figure in the style of this package.

    Parameters
    ----------
    rows, columns : int
        Panels.
    height : int
        In pixels; the width follows the page.
    titles : sequence of str
        Of the panels.
    **options
        For `plotly.subplots.make_subplots`.
    """
    plotly()
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=rows, cols=columns, subplot_titles=list(titles) or None, **options)
    axis = {"gridcolor": GRID, "linecolor": MUTED, "zeroline": False, "ticks": "outside", "tickcolor": MUTED}
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis)
    figure.update_layout(
        height=height,
        template="none",
        paper_bgcolor="white",
        plot_bgcolor="white",
        font={"family": "sans-serif", "size": 12, "color": INK},
        margin={"l": 60, "r": 20, "t": 60, "b": 50},
        hoverlabel={"font": {"size": 12}},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    )
    return figure


def faded(color: str, opacity: float = 0.2) -> str:
    """A colour of the style with an opacity, as Plotly writes it.

    Examples
    --------
    >>> faded("#1F6FA8")
    'rgba(31, 111, 168, 0.2)'
    """
    red, green, blue = (int(color[k : k + 2], 16) for k in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {opacity:g})"


def add_subject_menu(figure: Any, subjects: Sequence[Any], of_trace: Sequence[Any]) -> None:
    """A menu that shows one subject, or all.

    Parameters
    ----------
    figure : plotly Figure
        With all its traces.
    subjects : sequence
        The IDs.
    of_trace : sequence
        The ID that each trace belongs to; None is always shown.
    """
    buttons = [{"label": "all subjects", "method": "update", "args": [{"visible": [True] * len(of_trace)}]}]
    for subject in subjects:
        visible = [owner is None or owner == subject for owner in of_trace]
        buttons.append({"label": f"ID {subject}", "method": "update", "args": [{"visible": visible}]})
    menu = {"buttons": buttons, "x": 1.0, "xanchor": "right", "y": 1.02, "yanchor": "bottom"}
    figure.update_layout(updatemenus=[{**menu, "bgcolor": "white", "bordercolor": MUTED, "showactive": True}])


def points(x: Any, y: Any, ids: Any, hover: str, *, color: str = INDIVIDUAL, **options: Any) -> Any:
    """A cloud of points that name their subject under the pointer."""
    go = plotly()
    marker = {"color": color, "size": 6, "opacity": 0.7, "line": {"width": 0.5, "color": INK}}
    return go.Scatter(
        x=list(x),
        y=list(y),
        mode="markers",
        marker={**marker, **options.pop("marker", {})},
        customdata=[[str(one)] for one in ids],
        hovertemplate=f"ID %{{customdata[0]}}<br>{hover}<extra></extra>",
        **{"showlegend": False} | options,
    )


def line(x: Any, y: Any, *, color: str, **options: Any) -> Any:
    """A line without hover."""
    go = plotly()
    style = {"color": color, "width": 1.5} | options.pop("line", {})
    defaults = {"mode": "lines", "hoverinfo": "skip", "showlegend": False}
    return go.Scatter(x=list(x), y=list(y), line=style, **defaults | options)
