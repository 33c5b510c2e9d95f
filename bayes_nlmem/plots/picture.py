"""A matplotlib figure that a notebook shows by itself, without pyplot keeping it alive."""

from __future__ import annotations

from io import BytesIO

from matplotlib.figure import Figure


class Picture(Figure):
    """A figure that belongs to nobody: shown at the end of a notebook cell, saved with `savefig`.

    Examples
    --------
    >>> Picture(figsize=(1, 1))._repr_png_()[1:4]
    b'PNG'
    """

    def _repr_png_(self) -> bytes:
        with BytesIO() as file:
            self.savefig(file, format="png", dpi=110)
            return file.getvalue()
