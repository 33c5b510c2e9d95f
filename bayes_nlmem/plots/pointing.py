"""What the points of a picture stand for: words that a page shows under the pointer."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd


class Pointer(NamedTuple):
    """A place in a picture, from its left and upper edge as shares of its size, and what stands there."""

    left: float
    top: float
    words: str


def tell(drawn: Sequence[Any], words: Iterable[str]) -> None:
    """Say what each point of a matplotlib line stands for; the picture itself stays as it is.

    Parameters
    ----------
    drawn : list of matplotlib.lines.Line2D
        What `axes.plot` returned: one line.
    words : iterable of str
        One text per point.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> figure = Figure()
    >>> tell(figure.subplots().plot([0, 1], [0, 1], "o"), ["ID 1", "ID 2"])
    >>> [pointer.words for pointer in pointers(figure, figure.bbox_inches)]
    ['ID 1', 'ID 2']
    """
    (line,) = drawn
    line.words = tuple(words)


def pointers(figure: Any, box: Any) -> list[Pointer]:
    """Where the points with words lie in a picture that has been laid out.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        After `draw_without_rendering`, so that its axes have their places.
    box : matplotlib.transforms.Bbox
        The part of the figure that is kept, in inches.

    Returns
    -------
    list of Pointer
        Points outside of their axes are left out.
    """
    found: list[Pointer] = []
    for axes in figure.axes:
        for line in axes.lines:
            words = getattr(line, "words", None)
            if words is None:
                continue
            data = np.column_stack([np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)])
            places = line.get_transform().transform(data)
            frame = axes.bbox.padded(1)  # a point on the edge is drawn, too
            left, top = places[:, 0] / figure.dpi - box.x0, box.y1 - places[:, 1] / figure.dpi
            for place, x, y, text in zip(places, left / box.width, top / box.height, words, strict=True):
                if np.isfinite(place).all() and frame.contains(*place):
                    found.append(Pointer(float(x), float(y), text))
    return found


def observation_words(
    table: pd.DataFrame, columns: Collection[str], *, time_unit: str | None = None, unit: str | None = None
) -> list[str]:
    r"""The words of observations: subject and time, the value, then other columns of the table.

    Parameters
    ----------
    table : DataFrame
        Columns TIME, DV and CENS (1 below, -1 above a limit), ID if known, and those named.
    columns : collection of str
        Shown with their names, with the unit of the observations but for weighted residuals.
    time_unit, unit : str, optional
        Written after the numbers.

    Returns
    -------
    list of str

    Examples
    --------
    >>> table = pd.DataFrame({"ID": [7], "TIME": [1.5], "DV": [0.1], "CENS": [1], "PRED": [0.0523]})
    >>> observation_words(table, ["PRED"], time_unit="h", unit="mg/L")
    ['ID 7, 1.5 h\nobserved < 0.1 mg/L\nPRED 0.0523 mg/L']
    """
    of_time, of_value = (f" {one}" if one else "" for one in (time_unit, unit))
    words = []
    for row in table.to_dict(orient="records"):
        who = f"ID {row['ID']}, " if "ID" in row else ""
        value = f"{_BEYOND.get(row['CENS'], '')}{row['DV']:g}{of_value}"
        lines = [f"{who}{row['TIME']:g}{of_time}", f"observed {value}"]
        for name in columns:
            if np.isfinite(row[name]):
                lines.append(f"{name} {row[name]:.3g}{'' if name == 'IWRES' else of_value}")
        words.append("\n".join(lines))
    return words


_BEYOND = {1: "< ", -1: "> "}
