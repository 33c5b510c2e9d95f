"""The sections of a report, on a short run of the theophylline study."""

import re
from dataclasses import replace
from html import escape

import pytest

import bayes_nlmem as bn
from bayes_nlmem.reports.blocks import Figure, Notice, Paragraph, Section, Table
from bayes_nlmem.reports.chapters.estimates import estimates
from bayes_nlmem.reports.chapters.overview import summary
from bayes_nlmem.reports.chapters.provenance import methods, reproducibility
from bayes_nlmem.reports.chapters.trust import convergence
from bayes_nlmem.reports.document import SECTIONS, report

TITLES = [
    "Summary",
    "Data",
    "Model",
    "Parameter estimates",
    "Convergence",
    "Goodness of fit",
    "Predictive checks",
    "Individual fits",
    "Random effects",
    "Methods",
    "Reproducibility",
]


@pytest.fixture(scope="module")
def whole(small_fit):
    return report(small_fit, title="A <b>bold</b> title")


def words(section):
    return " ".join(block.text for block in section.blocks if isinstance(block, Paragraph | Notice))


def tables(section):
    return [block for block in section.blocks if isinstance(block, Table)]


def test_all_sections_are_there_in_order(whole):
    assert [section.title for section in whole.sections] == TITLES


def test_every_table_and_figure_has_a_caption(whole):
    for section in whole.sections:
        for block in section.blocks:
            if isinstance(block, Table | Figure):
                assert block.caption.endswith(".")
            if isinstance(block, Figure):
                assert block.alternative


def test_the_page_asks_nothing_of_the_network(whole):
    html = whole.html
    assert not re.search(r"<(script|link|iframe|object|embed)\b|@import|url\(", html)
    sources = re.findall(r'src="([^"]{0,40})', html)
    assert len(sources) == 10 and all(source.startswith("data:image/png;base64,") for source in sources)


def test_the_page_is_small_enough_to_mail(whole):
    assert len(whole.html) < 2e6


def test_names_are_escaped(whole):
    assert "<h1>A &lt;b&gt;bold&lt;/b&gt; title</h1>" in whole.html


def test_names_in_the_data_are_escaped(small_fit):
    evil = "<img src=x onerror=alert(1)>"
    data = replace(small_fit.data, source=evil)
    html = report(replace(small_fit, data=data), sections=SECTIONS[1:2]).html
    assert evil not in html and escape(evil) in html


def test_the_summary_says_it_in_plain_words(small_fit):
    said = words(summary(small_fit))
    assert (
        "132 observations from 12 subjects were described by a one-compartment model with first-order" in said
    )
    assert re.search(r"In a typical subject \(WT 70 kg\), the absorption rate constant \(KA\) is \d", said)
    assert re.search(r"the clearance \(CL\) is [\d.]+ L/h \([\d.]+ to [\d.]+\)", said)
    assert re.search(r"Between subjects, KA varies by \d+ %", said)


def test_a_run_that_did_not_converge_says_so_first(small_fit):
    assert not small_fit.convergence().ok
    notice = next(block for block in summary(small_fit).blocks if isinstance(block, Notice))
    assert notice.kind == "bad" and "should not be used yet" in notice.text
    verdict = convergence(small_fit).blocks[0]
    assert verdict.kind == "bad" and all("Remedy: " in point for point in verdict.points)


def test_the_parameter_table_has_every_row_of_the_summary(small_fit):
    (table,) = tables(estimates(small_fit))
    rows = [row for row in table.rows if len(row) > 1]
    assert len(rows) == len(small_fit.summary())
    assert [row[0] for row in table.rows if len(row) == 1][0].startswith("Structural parameters")
    known = next(row for row in rows if row[4] == "known")
    assert known[3] == "0.750"


def test_the_record_is_complete(small_fit):
    (table,) = tables(reproducibility(small_fit))
    record = {row[0]: row[1] for row in table.rows if len(row) == 2}
    assert record["seed"] == "1"
    assert {"pymc", "nutpie", "numba", "python", "bayes-nlmem"} <= set(record)
    assert "2 chains of 100 draws after 300 warm-up draws" in words(methods(small_fit))


def test_sections_can_be_dropped_reordered_and_added(small_fit):
    def conclusion(fit):
        return Section("Conclusion", (Paragraph("Done."),))

    def nothing(fit):
        return None

    short = bn.report(small_fit, sections=[conclusion, nothing, summary])
    assert [section.title for section in short.sections] == ["Conclusion", "Summary"]
