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
    "What the priors say",
    "Parameter estimates",
    "Covariate effects",
    "Convergence",
    "Goodness of fit",
    "Predictive checks",
    "Individual fits",
    "Random effects",
    "Unusual subjects and shrinkage",
    "Exposure",
    "Sensitivity to the priors",
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
    assert not [
        s.title for s in whole.sections for b in s.blocks if "could not be made" in getattr(b, "text", "")
    ]
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
    assert len(sources) == 14 and all(source.startswith("data:image/png;base64,") for source in sources)


def test_every_observation_says_whose_it_is(whole):
    words = re.findall(r'data-w="(ID \d+, [^"]*)"', whole.html)
    fits = [text for text in words if "IPRED" in text and "IWRES" not in text]
    assert (
        len(fits) == 132
        and fits[1] == "ID 1, 0.25 h&#10;observed 2.84 mg/L&#10;" + fits[1].split("&#10;", 2)[2]
    )
    assert sum("IWRES" in text for text in words) == 6 * 132


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
    assert notice.kind == "bad" and "should not be used" in notice.text
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


def test_sections_are_named_too(small_fit):
    assert [s.title for s in bn.report(small_fit, sections=["methods", "summary"]).sections] == [
        "Methods",
        "Summary",
    ]
    with pytest.raises(bn.BayesNlmemError, match="Did you mean 'exposures'"):
        bn.report(small_fit, sections=["exposure"])


def test_a_section_that_cannot_be_made_says_so_and_the_others_are_written(small_fit):
    def broken(fit):
        raise bn.FitError("Expected more, got less.")

    first, second = bn.report(small_fit, sections=[broken, summary]).sections
    assert first.title == "Broken" and first.blocks[0].points == ("Expected more, got less.",)
    assert second.title == "Summary"


def test_methods_cite_what_was_used_and_nothing_else(whole, small_fit):
    (cited,) = (section for section in whole.sections if section.title == "Methods")
    text, listed = cited.blocks[0].text, cited.blocks[1].text
    numbers = {int(n) for group in re.findall(r"\[([\d, ]+)\]", text) for n in group.split(", ")}
    assert numbers == set(range(1, len(listed.splitlines()) + 1))
    assert "npde" in listed and "power-scaling" in listed and "SAEM" not in text and "stacking" not in listed
    assert "npde" not in methods(small_fit).blocks[1].text


@pytest.mark.slow
def test_a_comparison_is_put_before_the_methods(small_fit):
    made = bn.report(small_fit, sections=["methods"], compare_with={"the same": small_fit})
    assert [section.title for section in made.sections] == ["Comparison with other models", "Methods"]
    assert "predict equally well" in words(made.sections[0])
    assert "stacking" in made.sections[1].blocks[1].text


def test_results_are_written_beside_the_page(small_fit, tmp_path):
    import json

    import pandas as pd

    bn.report(small_fit, sections=[summary]).save(tmp_path / "x.html")
    folder = tmp_path / "x_files"
    table = pd.read_csv(folder / "sdtab.csv")
    assert table.columns[:9].tolist() == ["ID", "TIME", "TAD", "DVID", "DV", "PRED", "IPRED", "IRES", "IWRES"]
    assert len(table) == 132
    assert len(pd.read_csv(folder / "patab.csv")) == 12
    assert {"KA", "CL", "V", "ETA_CL"} <= set(pd.read_csv(folder / "patab.csv"))
    content = json.loads((folder / "results.json").read_text())
    assert content["converged"] is False and content["record"]["seed"] == 1
    assert len(pd.read_csv(folder / "parameters.csv")) == len(small_fit.summary())


def test_a_word_document_holds_the_same_text_tables_and_figures(whole, tmp_path):
    docx = pytest.importorskip("docx")
    whole.save(tmp_path / "x.docx", results=False)
    document = docx.Document(str(tmp_path / "x.docx"))
    headings = [p.text for p in document.paragraphs if p.style.name == "Heading 1"]
    assert headings == TITLES
    text = "\n".join(p.text for p in document.paragraphs)
    blocks = [block for section in whole.sections for block in section.blocks]
    assert (
        len(document.inline_shapes) == sum(isinstance(b, Figure) for b in blocks) == text.count("\nFigure ")
    )
    assert len(document.tables) == sum(isinstance(b, Table) for b in blocks)
    title, body = text.split("\n", 1)
    assert title == "A <b>bold</b> title"
    assert "KA_i = KA_pop" in body and "<" not in body.replace("< ", "")
    cells = {cell.text for table in document.tables for row in table.rows for cell in row.cells}
    assert "omega_KA" in cells


@pytest.mark.slow
def test_a_saem_fit_has_a_report_too():
    study = bn.zoo.load("theophylline")
    fit = bn.saem(study.model.with_correlated(), study.data, seed=1, progress=False)
    made = bn.report(fit)
    assert not [
        s.title for s in made.sections for b in s.blocks if "could not be made" in getattr(b, "text", "")
    ]
    titles = [section.title for section in made.sections]
    assert "Sensitivity to the priors" not in titles and "What the priors say" not in titles
    assert "stochastic approximation EM" in made.html and "95 % CI" in made.html
    assert "posterior draws" not in made.html
    assert "maximum likelihood" in words(made.sections[titles.index("Methods")])


@pytest.mark.slow
def test_a_browser_shows_the_page_without_an_error(whole, tmp_path):
    """Headless Chromium: nothing on the console, every figure decoded, small enough to be mailed."""
    import shutil
    import subprocess

    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        pytest.skip("no Chromium on this machine")
    probe = (
        "<script>window.addEventListener('load', () => { document.body.dataset.figures = "
        "[...document.images].filter(i => i.complete && i.naturalWidth > 50).length; "
        "document.body.dataset.points = [...document.querySelectorAll('.points i')].filter(i => { "
        "const a = i.getBoundingClientRect(), b = i.closest('.picture').getBoundingClientRect(); "
        "return a.width > 5 && a.left > b.left && a.right < b.right && a.top > b.top && a.bottom < b.bottom; "
        "}).length; });</script></body>"
    )
    page = tmp_path / "x.html"
    page.write_text(whole.html.replace("</body>", probe), encoding="utf-8")
    words_ = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom"]
    done = subprocess.run([*words_, page.as_uri()], capture_output=True, text=True, timeout=120)
    assert "CONSOLE" not in done.stderr, done.stderr
    assert f'data-figures="{whole.html.count("<img")}"' in done.stdout
    assert f'data-points="{whole.html.count("data-w=")}"' in done.stdout
    assert len(whole.html) < 10e6
