"""Figures as text that stands inside a page: SVG or PNG, whichever is smaller."""

from __future__ import annotations

import base64
from io import BytesIO
from typing import Any

from bayes_nlmem.plots.style import style


def data_uri(figure: Any) -> str:
    """The figure as a `data:` address.

    Parameters
    ----------
    figure : matplotlib.figure.Figure

    Returns
    -------
    str

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> data_uri(Figure(figsize=(1, 1)))[:16]
    'data:image/svg+x'
    """
    kinds = {"image/png": _png(figure), "image/svg+xml": _svg(figure)}
    kind = min(kinds, key=lambda kind: len(kinds[kind]))
    return f"data:{kind};base64,{base64.b64encode(kinds[kind]).decode('ascii')}"


def _svg(figure: Any) -> bytes:
    with style(), BytesIO() as file:
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
        return file.getvalue()


def _png(figure: Any) -> bytes:
    from PIL import Image

    with style(), BytesIO() as file, BytesIO() as small:
        figure.savefig(file, format="png", metadata={"Software": None})
        # the few colours of a diagram fit in a palette, which makes the file about three times smaller
        Image.open(file).convert("RGB").quantize(128, dither=Image.Dither.NONE).save(
            small, "png", optimize=True
        )
        return small.getvalue()
