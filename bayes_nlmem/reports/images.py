"""Figures as they stand inside a page: the picture as text, and what its points say under the pointer."""

from __future__ import annotations

import base64
from io import BytesIO
from typing import Any, NamedTuple

from bayes_nlmem.plots.pointing import Pointer, pointers
from bayes_nlmem.plots.style import style

MOST_POINTS = 3000  # a denser cloud cannot be pointed at, and each point takes a hundred characters


class Image(NamedTuple):
    """A picture as a `data:` address, and the places in it that say something."""

    address: str
    points: list[Pointer]


def image(figure: Any) -> Image:
    """The figure as a PNG with a palette, which for these figures is far smaller than SVG.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Drawn with the resolution of the style, enough for print.

    Returns
    -------
    Image
        Without points where there are more than `MOST_POINTS`.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> image(Figure(figsize=(1, 1))).address[:22]
    'data:image/png;base64,'
    """
    import matplotlib as mpl
    from PIL import Image as Raster

    shown, layout = figure.dpi, figure.get_layout_engine()
    with style(), BytesIO() as drawn, BytesIO() as small:
        try:
            figure.set_dpi(mpl.rcParams["savefig.dpi"])  # the layout depends on it, if little
            figure.draw_without_rendering()
            figure.set_layout_engine("none")  # it is laid out, and that is the slow part
            box = figure.get_tightbbox().padded(mpl.rcParams["savefig.pad_inches"])
            found = pointers(figure, box)
            figure.savefig(drawn, format="png", bbox_inches=box, metadata={"Software": None})
        finally:
            figure.set_dpi(shown)
            figure.set_layout_engine(layout)
        picture = Raster.open(drawn).convert("RGB").quantize(128, dither=Raster.Dither.NONE)
        picture.save(small, "png", optimize=True)
        text = base64.b64encode(small.getvalue()).decode("ascii")
    return Image(f"data:image/png;base64,{text}", found if len(found) <= MOST_POINTS else [])
