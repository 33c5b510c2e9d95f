"""Tables: one layout for the terminal, the notebook and LaTeX."""

import re

import numpy as np
import pandas as pd
import pytest

from bayes_nlmem.ground.tables import Printed, cell, latex_text, notebook, printed

EVIL = "<script>& 5 %_"


@pytest.fixture
def table():
    return Printed(("name", "value"), (("a block",), ("CL_pop", "2.8"), ("V_pop", "31.6")), "lr")


def test_numbers_stand_below_each_other(table):
    lines = table.text().split("\n")
    assert lines[0] == "name    value"
    assert lines[1] == "-- a block --"
    assert lines[2:] == ["CL_pop    2.8", "V_pop    31.6"]


def test_cells_of_a_notebook_table_are_plain_numbers_that_excel_reads(table):
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", table.html())
    assert [float(text) for text in cells[1::2]] == [2.8, 31.6]


def test_html_is_escaped():
    html = notebook(EVIL, Printed((EVIL,), ((EVIL,),), "l"))
    assert "<script" not in html and html.count("&lt;script&gt;&amp;") == 3


def test_latex_is_a_booktabs_tabular_with_escaped_text(table):
    latex = table.latex()
    assert latex.startswith("\\begin{tabular}{lr}\n\\toprule")
    assert "CL\\_pop & 2.8 \\\\" in latex
    assert "\\multicolumn{2}{l}{\\textit{a block}} \\\\" in latex
    assert latex_text("100 % \\ R̂ ω²") == r"100 \% \textbackslash{} $\hat{R}$ $\omega$$^2$"


def test_a_frame_is_printed_with_its_index_and_rounded():
    frame = pd.DataFrame({"n": [3, 4], "x": [0.123456, np.nan], "ok": [True, False]}, index=["a", "b"])
    found = printed(frame, digits=3)
    assert found.rows == (("a", "3", "0.123", "yes"), ("b", "4", "", "no"))
    assert found.align == "lrrl"
    assert printed(frame, index=False).header == ("n", "x", "ok")
    assert printed(frame.head(0)).rows == ()


def test_cells_of_every_kind():
    said = [
        cell(value) for value in (None, np.float64(2.0), np.int64(7), np.bool_(True), float("inf"), (1, 2))
    ]
    assert said == ["", "2", "7", "yes", "inf", "(1, 2)"]
