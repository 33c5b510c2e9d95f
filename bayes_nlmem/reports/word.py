"""Sections to a Word document (extra `word`): the same text, tables and figures as on the page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import unescape
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any

from bayes_nlmem.ground.messages import BayesNlmemError, explain
from bayes_nlmem.plots.style import style
from bayes_nlmem.reports.blocks import Block, Figure, Markup, Notice, Numbers, Paragraph, Section, Table

_WIDTH = 6.3  # inches between the margins
_SMALL, _TINY = 9, 7.5  # points


def save_document(title: str, subtitle: str, sections: Sequence[Section], path: str | Path) -> Path:
    """Write sections as a Word document.

    Parameters
    ----------
    title, subtitle : str
        The heading and the line below it.
    sections : sequence of Section
        In order.
    path : str or pathlib.Path
        File to write.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    BayesNlmemError
        python-docx is not installed.
    """
    try:
        from docx import Document
        from docx.shared import Cm
    except ModuleNotFoundError:
        raise BayesNlmemError(
            explain(
                expected="python-docx, to write a Word document",
                got="no such package",
                remedy="pip install 'bayes-nlmem[word]'",
            )
        ) from None
    document = Document()
    for page in document.sections:
        page.page_width, page.page_height = Cm(21.0), Cm(29.7)
        page.left_margin = page.right_margin = Cm(2.5)
    document.add_heading(title, level=0)
    document.add_paragraph(subtitle)
    number = {Table: count(1), Figure: count(1)}
    for section in sections:
        document.add_heading(section.title, level=1)
        for block in section.blocks:
            _write(document, block, number)
    document.save(str(path))
    return Path(path)


def _write(document: Any, block: Block, number: dict[type, count]) -> None:
    match block:
        case Paragraph(text, small):
            _text(document, text, size=_SMALL if small else None)
        case Markup():
            for line in _plain(block).split("\n"):
                _text(document, line, size=_SMALL, mono=True, tight=True)
        case Notice(_, text, points):
            _text(document, text, bold=True)
            for point in points:
                document.add_paragraph(point, style="List Bullet")
        case Numbers(pairs):
            _text(document, "; ".join(f"{value} {name}" for value, name in pairs), bold=True)
        case Table():
            _text(document, f"Table {next(number[Table])}. {block.caption}", size=_SMALL, keep=True)
            _table(document, block)
            if block.note:
                _text(document, block.note, size=_TINY)
        case Figure(caption, picture, _):
            _picture(document, picture)
            _text(document, f"Figure {next(number[Figure])}. {caption}", size=_SMALL)


def _text(
    document: Any,
    text: str,
    *,
    size: float | None = None,
    bold: bool = False,
    mono: bool = False,
    keep: bool = False,
    tight: bool = False,
) -> None:
    from docx.shared import Pt

    paragraph = document.add_paragraph()
    run = paragraph.add_run(text)
    run.bold = bold
    if size:
        run.font.size = Pt(size)
    if mono:
        run.font.name = "Consolas"
    if tight:
        paragraph.paragraph_format.space_after = Pt(0)
    paragraph.paragraph_format.keep_with_next = keep


def _table(document: Any, table: Table) -> None:
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.shared import Pt

    sides = {"r": WD_ALIGN_PARAGRAPH.RIGHT, "c": WD_ALIGN_PARAGRAPH.CENTER}
    columns = len(table.header)
    align = table.align or "l" * columns
    headed = any(_plain(cell) for cell in table.header)
    made = document.add_table(rows=0, cols=columns, style="Light List" if headed else "Table Grid")
    rows = [*([table.header] if headed else []), *table.rows]
    for row in rows:
        cells = made.add_row().cells
        if len(row) == 1 < columns:
            cells[0].merge(cells[-1])
            _fill(cells[0], _plain(row[0]), Pt(_TINY), None, bold=True)
            continue
        for cell, content, side in zip(cells, row, align, strict=True):
            _fill(cell, _plain(content), Pt(_TINY), sides.get(side), bold=headed and row is table.header)


def _fill(cell: Any, text: str, size: Any, side: Any, *, bold: bool) -> None:
    paragraph = cell.paragraphs[0]
    run = paragraph.add_run(text)
    run.font.size, run.bold = size, bold
    if side is not None:
        paragraph.alignment = side


def _picture(document: Any, picture: Any) -> None:
    from docx.shared import Inches

    with style(), BytesIO() as drawn:
        picture.savefig(drawn, format="png", metadata={"Software": None})
        drawn.seek(0)
        document.add_picture(drawn, width=Inches(min(_WIDTH, picture.get_size_inches()[0])))


def _plain(cell: str | Markup) -> str:
    if isinstance(cell, str):
        return cell
    return cell.text or unescape(re.sub(r"<[^>]+>", "", cell.html))
