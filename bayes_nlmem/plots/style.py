"""The one visual style: colours that colour-blind readers tell apart, quiet axes, sizes fit for print."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

INK = "#24303C"  # text, axes, observed points
INDIVIDUAL = "#1F6FA8"  # blue: the subject
POPULATION = "#C4622D"  # orange: the typical subject, the prior
SMOOTH = "#B03A5B"  # red-purple: what a smoother says
MUTED = "#8A96A3"  # reference lines, doses
GRID = "#E4E8EC"
BAND = 0.20  # opacity of a 90 % band

_PARAMETERS: Mapping[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": MUTED,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.labelsize": 9,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 9,
    "figure.dpi": 110,
    "figure.facecolor": "white",
    "font.family": "sans-serif",
    "font.size": 9,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "savefig.bbox": "tight",
    "savefig.dpi": 160,
    "text.color": INK,
    "text.parse_math": False,  # names of subjects and columns are shown as they are, with $ and _
    "xtick.color": MUTED,
    "xtick.labelcolor": INK,
    "xtick.labelsize": 8,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
    "ytick.labelsize": 8,
}

DOT: dict[str, Any] = {
    "linestyle": "none",
    "marker": "o",
    "markersize": 3.6,
    "markerfacecolor": INDIVIDUAL,
    "markeredgecolor": INK,
    "markeredgewidth": 0.3,
    "alpha": 0.65,
}


@contextmanager
def style() -> Iterator[None]:
    """Draw in the style of this package inside the block, whatever the user's settings are.

    Examples
    --------
    >>> import matplotlib as mpl
    >>> with style():
    ...     mpl.rcParams["axes.grid"]
    True
    """
    import matplotlib as mpl

    with mpl.rc_context(dict(_PARAMETERS)):
        yield


def labelled(name: str, unit: str | None) -> str:
    """Axis label: the name, and the unit in brackets where there is one.

    Examples
    --------
    >>> labelled("Time", "h")
    'Time [h]'
    >>> labelled("IWRES", None)
    'IWRES'
    """
    return f"{name} [{unit}]" if unit else name


def new_figure(width: float, height: float) -> Any:
    """An empty figure that pyplot does not hold, so that many can be made without closing them.

    Parameters
    ----------
    width, height : float
        In inches.

    Returns
    -------
    Picture
        A `matplotlib.figure.Figure`.
    """
    from bayes_nlmem.plots.picture import Picture

    return Picture(figsize=(width, height), layout="constrained")


def plain_log(axis: Any) -> None:
    """Write the ticks of a logarithmic axis as plain numbers; 2 and 5 as well where it spans few decades.

    Call it when everything is drawn, since it looks at the range of the axis.

    Parameters
    ----------
    axis : matplotlib axis
        `axes.xaxis` or `axes.yaxis`.
    """
    from math import log10

    from matplotlib.ticker import LogLocator, NullFormatter

    low, high = sorted(axis.get_view_interval())
    few = low > 0 and log10(high / low) < 2.5
    axis.set_major_locator(LogLocator(base=10, subs=(1.0, 2.0, 5.0) if few else (1.0,)))
    axis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.set_minor_formatter(NullFormatter())
