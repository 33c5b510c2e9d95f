"""Figures as text that stands inside a page."""

from __future__ import annotations

import base64
from io import BytesIO
from typing import Any

from bayes_nlmem.plots.style import style


def data_uri(figure: Any) -> str:
    """The figure as a `data:` address: PNG with a palette, which for these figures is far smaller than SVG.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Drawn with the resolution of the style, enough for print.

    Returns
    -------
    str

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> data_uri(Figure(figsize=(1, 1)))[:22]
    'data:image/png;base64,'
    """
    from PIL import Image

    with style(), BytesIO() as drawn, BytesIO() as small:
        figure.savefig(drawn, format="png", metadata={"Software": None})
        picture = Image.open(drawn).convert("RGB").quantize(128, dither=Image.Dither.NONE)
        picture.save(small, "png", optimize=True)
        return f"data:image/png;base64,{base64.b64encode(small.getvalue()).decode('ascii')}"
