"""A page needs nothing from outside, escapes what it shows and numbers its tables and figures."""

import base64
import re
from html.parser import HTMLParser

import pytest
from matplotlib.figure import Figure as Picture

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
