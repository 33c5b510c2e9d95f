"""What a section of a report is made of: paragraphs, notices, tables, figures. Plain records, no layout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Paragraph:
    """Text, escaped when it is written; `small` for footnotes."""

    text: str
    small: bool = False


@dataclass(frozen=True)
class Markup:
    """HTML that is trusted: equations, symbols; `text` says the same where there is no HTML."""

    html: str
    text: str = ""


@dataclass(frozen=True)
class Notice:
    """A sentence that must not be overlooked; `kind` is "good", "warning" or "bad"."""

    kind: str
    text: str
    points: tuple[str, ...] = ()


@dataclass(frozen=True)
class Numbers:
    """A row of large figures, each with what it counts."""

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Table:
    """Rows of cells with a caption; text is escaped, `Markup` is not.

    A row with one cell is a heading that spans the table. `align` has one letter per column: l, r or c.
    """

    caption: str
    header: Sequence[str | Markup]
    rows: Sequence[Sequence[str | Markup]]
    align: str = ""
    note: str = ""


@dataclass(frozen=True)
class Figure:
    """A matplotlib figure with a caption; `alternative` says in a few words what it shows."""

    caption: str
    picture: Any
    alternative: str


Block = Paragraph | Markup | Notice | Numbers | Table | Figure


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it.

    Parameters
    ----------
    title : str
        The heading.
    blocks : tuple of Block
        In the order in which they are read.
    cites : tuple of str
        Methods that were used, by their keys in `chapters.references`; the methods section cites them.
    """

    title: str
    blocks: tuple[Block, ...]
    cites: tuple[str, ...] = ()
