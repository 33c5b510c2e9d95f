"""Tables as text, HTML and LaTeX: every table that is printed anywhere is laid out here."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_PLAIN = "color:inherit;background:transparent"
_SIDES = {"l": "left", "r": "right", "c": "center"}
_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{",
    "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "−": "$-$", "ω": r"$\omega$", "σ": r"$\sigma$", "η": r"$\eta$",
    "√": r"$\sqrt{}$", "²": r"$^2$", "R̂": r"$\hat{R}$", "–": "--",
}  # fmt: skip


@dataclass(frozen=True)
class Printed:
    """A table as it is read: cells of text in rows under a header.

    Parameters
    ----------
    header : sequence of str
        Headings of the columns.
    rows : sequence of sequences of str
        A row with one cell is a heading for the rows below it.
    align : str
        One letter per column: l, r or c.

    Examples
    --------
    >>> table = Printed(("name", "value"), (("structural",), ("CL", "2.8")), "lr")
    >>> print(table.text())
    name  value
    -- structural
    CL      2.8
    >>> table.html().count("<td")
    2
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    align: str

    def text(self) -> str:
        """For a terminal."""
        full = [row for row in self.rows if not self._is_heading(row)]
        widths = [max(len(cell) for cell in column) for column in zip(self.header, *full, strict=True)]
        lines = [self._line(self.header, widths)]
        for row in self.rows:
            if self._is_heading(row):
                lines.append(f"-- {row[0]} ".ljust(len(lines[0]), "-").rstrip())
            else:
                lines.append(self._line(row, widths))
        return "\n".join(lines)

    def html(self) -> str:
        """For a notebook: styled in place, so that it keeps its look when it is copied into Word or Excel."""
        sides = [f"text-align:{_SIDES[side]};padding:2px 10px;{_PLAIN}" for side in self.align]
        sides = [f"{s};white-space:nowrap" if a == "r" else s for s, a in zip(sides, self.align, strict=True)]
        cells = (
            f'<th style="{side};border-bottom:1px solid">{escape(cell)}</th>'
            for cell, side in zip(self.header, sides, strict=True)
        )
        lines = []
        for row in self.rows:
            if self._is_heading(row):
                style = f"text-align:left;padding:6px 10px 2px;font-style:italic;{_PLAIN}"
                lines.append(f'<th colspan="{len(sides)}" style="{style}">{escape(row[0])}</th>')
            else:
                filled = zip(row, sides, strict=True)
                lines.append("".join(f'<td style="{side}">{escape(cell)}</td>' for cell, side in filled))
        body = "".join(f"<tr>{line}</tr>" for line in lines)
        return (
            f'<table style="border-collapse:collapse;{_PLAIN}"><thead><tr>{"".join(cells)}</tr></thead>'
            f"<tbody>{body}</tbody></table>"
        )

    def latex(self) -> str:
        r"""For a paper: a `tabular` with the rules of the package booktabs."""
        lines = [rf"\begin{{tabular}}{{{self.align}}}", r"\toprule", _latex_row(self.header), r"\midrule"]
        for k, row in enumerate(self.rows):
            if self._is_heading(row):
                lines += [r"\addlinespace"] if k else []
                heading = rf"\textit{{{latex_text(row[0])}}}"
                lines.append(rf"\multicolumn{{{len(self.align)}}}{{l}}{{{heading}}} \\")
            else:
                lines.append(_latex_row(row))
        return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"])

    def _is_heading(self, row: Sequence[str]) -> bool:
        return len(row) == 1 < len(self.header)

    def _line(self, cells: Sequence[str], widths: Sequence[int]) -> str:
        placed = zip(cells, widths, self.align, strict=True)
        return "  ".join(c.rjust(w) if side == "r" else c.ljust(w) for c, w, side in placed).rstrip()


def printed(
    frame: pd.DataFrame,
    *,
    digits: int = 4,
    formats: Mapping[str, Callable[[Any], str]] | None = None,
    index: bool = True,
) -> Printed:
    """A data frame as a table to be read.

    Parameters
    ----------
    frame : DataFrame
        Numbers are right-aligned, everything else left-aligned.
    digits : int
        Significant digits of numbers with decimals.
    formats : mapping of column to function, optional
        How the cells of some columns are written.
    index : bool
        Whether the index stands in front.

    Returns
    -------
    Printed

    Examples
    --------
    >>> import pandas as pd
    >>> print(printed(pd.DataFrame({"n": [3], "share": [0.51234]}, index=["a"])).text())
       n   share
    a  3  0.5123
    """
    whole = frame
    if index:
        names = [str(name) if name is not None else "" for name in frame.index.names]
        whole = frame.reset_index(names=names if len(set(names)) == len(names) else None)
    formats = formats or {}
    columns, align = [], ""
    for name in whole.columns:
        values = whole[name].tolist()
        write = formats.get(str(name)) or (lambda value: cell(value, digits))
        columns.append([write(value) for value in values])
        align += "r" if all(v is None or type(v) in (int, float) for v in values) else "l"
    rows = tuple(zip(*columns, strict=True)) if columns else ()
    return Printed(tuple(str(name) for name in whole.columns), rows, align)


def cell(value: Any, digits: int = 4) -> str:
    """A value as it stands in a table: missing ones empty, whole numbers whole, others rounded.

    Examples
    --------
    >>> cell(3.0), cell(0.123456), cell(float("nan")), cell(True), cell("a")
    ('3', '0.1235', '', 'yes', 'a')
    """
    if value is None:
        return ""
    if type(value).__name__ in ("bool", "bool_"):  # of Python and of NumPy
        return "yes" if value else "no"
    try:
        number = float(value) if not isinstance(value, str) else None
    except (TypeError, ValueError):
        number = None
    if number is None:
        return str(value)
    if math.isnan(number):
        return ""
    if abs(number) < 1e15 and number == int(number):
        return str(int(number))
    return f"{number:.{digits}g}"


def notebook(*parts: str | Printed | pd.DataFrame) -> str:
    """Sentences and tables as HTML for a notebook, one below the other.

    Examples
    --------
    >>> notebook("1 < 2")
    '<p style="white-space:pre-wrap">1 &lt; 2</p>'
    """
    written = []
    for part in parts:
        if isinstance(part, str):
            written.append(f'<p style="white-space:pre-wrap">{escape(part)}</p>' if part else "")
        else:
            table = (part if isinstance(part, Printed) else printed(part)).html()
            written.append(f'<div style="overflow-x:auto">{table}</div>')
    return "".join(written)


def latex_text(text: str) -> str:
    r"""Text with LaTeX's own characters escaped.

    Examples
    --------
    >>> print(latex_text("CL_pop, 5 %"))
    CL\_pop, 5 \%
    """
    return "".join(_LATEX.get(sign, sign) for sign in _signs(text))


def _signs(text: str) -> Iterable[str]:
    k = 0
    while k < len(text):
        two = text[k : k + 2]
        yield two if two in _LATEX else text[k]
        k += 2 if two in _LATEX else 1


def _latex_row(cells: Sequence[str]) -> str:
    return " & ".join(latex_text(text) for text in cells) + r" \\"
