"""Sections to HTML: escaping, numbering of tables and figures, the frame of the page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files
from itertools import count

from bayes_nlmem.plots.pointing import Pointer
from bayes_nlmem.reports.blocks import Block, Figure, Markup, Notice, Numbers, Paragraph, Section, Table
from bayes_nlmem.reports.images import image


def page(title: str, subtitle: str, sections: Sequence[Section]) -> str:
    """A complete HTML document that needs nothing from outside.

    Parameters
    ----------
    title, subtitle : str
        Escaped here.
    sections : sequence of Section
        In order.

    Returns
    -------
    str

    Examples
    --------
    >>> "<h1>A &amp; B</h1>" in page("A & B", "", [Section("Data", (Paragraph("x < y"),))])
    True
    """
    css = files("bayes_nlmem.reports").joinpath("page.css").read_text(encoding="utf-8")
    number = {Table: count(1), Figure: count(1)}
    anchors = _anchors(section.title for section in sections)
    contents = "".join(
        f'<li><a href="#{anchor}">{escape(section.title)}</a></li>'
        for anchor, section in zip(anchors, sections, strict=True)
    )
    body = "\n".join(
        f'<section id="{anchor}"><h2>{escape(section.title)}</h2>\n'
        + "\n".join(_block(block, number) for block in section.blocks)
        + "\n</section>"
        for anchor, section in zip(anchors, sections, strict=True)
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{css}</style>\n</head>\n<body>\n"
        f'<nav aria-label="Contents"><p>Contents</p><ol>{contents}</ol></nav>\n<main>\n'
        f'<header><h1>{escape(title)}</h1><p class="subtitle">{escape(subtitle)}</p></header>\n'
        f"{body}\n</main>\n</body>\n</html>\n"
    )


def _anchors(titles: Iterable[str]) -> list[str]:
    taken: list[str] = []
    for title in titles:
        anchor = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "section"
        taken.append(anchor if anchor not in taken else f"{anchor}-{len(taken)}")
    return taken


def _block(block: Block, number: dict[type, count]) -> str:
    match block:
        case Paragraph(text, small):
            return f'<p class="small">{escape(text)}</p>' if small else f"<p>{escape(text)}</p>"
        case Markup(html):
            return html
        case Notice(kind, text, points):
            listed = "".join(f"<li>{escape(point)}</li>" for point in points)
            listed = f"<ul>{listed}</ul>" if listed else ""
            return f'<div class="notice {escape(kind)}" role="note"><p>{escape(text)}</p>{listed}</div>'
        case Numbers(pairs):
            tiles = "".join(
                f"<div><dd>{escape(value)}</dd><dt>{escape(name)}</dt></div>" for value, name in pairs
            )
            return f'<dl class="numbers">{tiles}</dl>'
        case Table():
            return _table(block, next(number[Table]))
        case Figure(caption, picture, alternative):
            width = picture.get_size_inches()[0]
            made = image(picture)
            shown = f'<img src="{made.address}" alt="{escape(alternative)}">{_points(made.points)}'
            said = f"<b>Figure {next(number[Figure])}.</b> {escape(caption)}"
            return (
                f'<figure><div class="picture" style="width:{width:.1f}in">{shown}</div>'
                f"<figcaption>{said}</figcaption></figure>"
            )
    raise TypeError(f"not a block of a report: {block!r}")


def _points(points: Sequence[Pointer]) -> str:
    """Invisible places that show their words under the pointer or the finger, without a script.

    The class says where the words go, towards the middle of the picture: right or left, up or down.
    """
    if not points:
        return ""
    places = "".join(
        f'<i class="{"rl"[x > 0.5]}{"ud"[y < 0.5]}" style="left:{100 * x:.2f}%;top:{100 * y:.2f}%" '
        f'data-w="{escape(words).replace(chr(10), "&#10;")}"></i>'
        for x, y, words in points
    )
    return f'<div class="points" aria-hidden="true">{places}</div>'


def _table(table: Table, number: int) -> str:
    columns = len(table.header)
    align = table.align or "l" * columns
    head = "".join(_cell("th", cell, side) for cell, side in zip(table.header, align, strict=True))
    head = f"<thead><tr>{head}</tr></thead>" if any(table.header) else "<thead></thead>"
    lines = []
    for row in table.rows:
        if len(row) == 1 < columns:
            lines.append(f'<tr class="block"><th colspan="{columns}">{_inner(row[0])}</th></tr>')
        else:
            cells = zip(row, align, strict=True)
            lines.append("<tr>" + "".join(_cell("td", cell, side) for cell, side in cells) + "</tr>")
    note = f'<p class="small">{escape(table.note)}</p>' if table.note else ""
    return (
        f'<p class="caption" id="table-{number}"><b>Table {number}.</b> {escape(table.caption)}</p>'
        f'<div class="table"><table aria-labelledby="table-{number}">'
        f"{head}<tbody>{''.join(lines)}</tbody></table></div>{note}"
    )


def _cell(tag: str, cell: str | Markup, side: str) -> str:
    return f'<{tag} class="{side}">{_inner(cell)}</{tag}>'


def _inner(cell: str | Markup) -> str:
    return cell.html if isinstance(cell, Markup) else escape(cell)
