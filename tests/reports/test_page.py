"""A page needs nothing from outside, escapes what it shows and numbers its tables and figures."""

import base64
import re
from html.parser import HTMLParser
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure as Picture

from bayes_nlmem.plots.pointing import observation_words, tell
from bayes_nlmem.plots.style import new_figure
from bayes_nlmem.reports import images
from bayes_nlmem.reports.blocks import Figure, Markup, Notice, Numbers, Paragraph, Section, Table
from bayes_nlmem.reports.document import Report
from bayes_nlmem.reports.page import page

EVIL = "<script>alert('x')</script> & \"y\""


class Balanced(HTMLParser):
    """Raises where tags do not close in the order in which they opened."""

    alone = {"meta", "img", "br", "hr", "input", "link"}

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attributes):
        if tag not in self.alone:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> closes nothing"


def check_well_formed(html):
    parser = Balanced()
    parser.feed(html)
    parser.close()
    assert parser.open == []


def picture():
    figure = Picture(figsize=(1, 1))
    figure.subplots().plot([0, 1])
    return figure


@pytest.fixture
def everything():
    return page(
        EVIL,
        EVIL,
        [
            Section(EVIL, (Paragraph(EVIL), Paragraph(EVIL, small=True), Notice("bad", EVIL, (EVIL,)))),
            Section("Numbers", (Numbers(((EVIL, EVIL),)), Figure(EVIL, picture(), EVIL))),
            Section("Numbers", (Table(EVIL, (EVIL, "b"), [(EVIL,), (EVIL, Markup("<i>1</i>"))], note=EVIL),)),
            Section("More", (Figure("second", picture(), ""), Table("second", ("a",), [("1",)]))),
        ],
    )


def test_what_is_shown_is_escaped(everything):
    assert "<script" not in everything
    assert everything.count("&lt;script&gt;") > 10
    assert "<i>1</i>" in everything


def test_the_page_is_well_formed(everything):
    check_well_formed(everything)


def test_tables_and_figures_are_numbered(everything):
    for kind in ("Table", "Figure"):
        assert re.findall(rf"<b>{kind} (\d)\.</b>", everything) == ["1", "2"]


def test_contents_lead_to_every_section_once(everything):
    targets = re.findall(r'<a href="#([^"]+)">', everything)
    assert len(set(targets)) == 4
    assert targets == re.findall(r'<section id="([^"]+)">', everything)


def test_nothing_is_fetched_from_outside(everything):
    assert not re.search(r"""(src|href|action)\s*=\s*["']?(https?:)?//""", everything)
    assert not re.search(r"url\(|@import|<link|<script|<iframe", everything)


def test_images_are_inside_and_readable(everything):
    images = re.findall(r'src="data:image/png;base64,([^"]+)"', everything)
    assert len(images) == everything.count("<img") == 2
    for content in images:
        assert base64.b64decode(content).startswith(b"\x89PNG")


def test_a_report_is_saved_as_one_file_and_shown_in_a_frame(tmp_path):
    report = Report("Täst", "", (Section("Data", (Paragraph("µg/L ≤ 3"),)),))
    path = report.save(tmp_path / "x.html")
    assert path.read_text(encoding="utf-8") == report.html
    assert report._repr_html_().startswith("<iframe srcdoc=")
    assert repr(report) == "Report 'Täst': Data"


def pointed(kind="log"):
    figure = new_figure(5, 3)
    left, right = figure.subplots(1, 2)
    right.set_xscale(kind)
    for axes, words in ((left, "left"), (right, "right")):
        line = axes.plot([1, 2, 50], [3, 1, 2], "o", color="red", markersize=5)
        tell(line, [f"{words} {k}\n<b>" for k in range(3)])
    figure.legend(handles=line, labels=["a"], loc="outside upper left")
    return figure


def test_words_lie_where_their_points_are_drawn():
    from PIL import Image

    figure = pointed()
    made = images.image(figure)
    drawn = Image.open(BytesIO(base64.b64decode(made.address.partition(",")[2]))).convert("RGB")
    colours = np.asarray(drawn)
    at = [colours[round(p.top * drawn.height - 0.5), round(p.left * drawn.width - 0.5)] for p in made.points]
    assert [point.words[:-4] for point in made.points] == [
        f"{s} {k}" for s in ("left", "right") for k in range(3)
    ]
    assert all(np.abs(colour - np.array([255.0, 0, 0])).max() < 40 for colour in at), at
    assert figure.dpi == 100 and figure.get_layout_engine() is not None


def test_a_page_shows_the_words_under_the_pointer_without_a_script():
    html = page("A", "", [Section("Fits", (Figure("points", pointed(), "points"),))])
    check_well_formed(html)
    assert html.count('data-w="left') == html.count('data-w="right') == 3
    assert 'data-w="left 0&#10;&lt;b&gt;"' in html and "<script" not in html


def test_points_outside_of_the_axes_and_clouds_too_dense_say_nothing(monkeypatch):
    figure = pointed()
    figure.axes[0].set_xlim(0, 10)
    assert len(images.image(figure).points) == 5
    monkeypatch.setattr(images, "MOST_POINTS", 4)
    assert images.image(figure).points == []


def test_the_words_of_an_observation():
    table = pd.DataFrame({"ID": ["a", "b"], "TIME": [0.5, 24], "DV": [7.25, 0.1], "CENS": [0, 1]})
    table = table.assign(PRED=[7.0, 0.0523], IWRES=[-0.31, np.nan])
    assert observation_words(table, ["PRED", "IWRES"], time_unit="h", unit="mg/L") == [
        "ID a, 0.5 h\nobserved 7.25 mg/L\nPRED 7 mg/L\nIWRES -0.31",
        "ID b, 24 h\nobserved < 0.1 mg/L\nPRED 0.0523 mg/L",
    ]
    assert observation_words(table.drop(columns="ID"), [])[0] == "0.5\nobserved 7.25"
