"""Every example on the pages of the documentation runs as printed, and every page is in the menu."""

import re
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted((ROOT / "docs" / "pages").glob("**/*.md"))
LONG = ("design.md", "dosing.md")  # every example compiles: make test-all runs them
FENCE = re.compile(r"^```python[^\n]*\n(.*?)^```", re.DOTALL | re.MULTILINE)


def name(page: Path) -> str:
    return str(page.relative_to(ROOT / "docs" / "pages"))


def examples(page: Path, *, slow: bool) -> list[str]:
    """The page's python fences in order; those that begin with `# slow`, and long pages, only when asked for.

    One that begins with `# not run` only shows how something is written.
    """
    fences = [fence for fence in FENCE.findall(page.read_text()) if not fence.startswith("# not run")]
    if slow:
        return fences
    return [fence for fence in fences if not fence.startswith("# slow") and name(page) not in LONG]


def run(page: Path, *, slow: bool, monkeypatch, tmp_path) -> None:
    """Run a page's examples, one after the other, in one namespace and an empty folder."""
    import matplotlib

    matplotlib.use("Agg")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "__page__"}
    for number, source in enumerate(examples(page, slow=slow), start=1):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="FigureCanvasAgg is non-interactive")
            exec(compile(source, f"{name(page)}, example {number}", "exec"), names)
    import matplotlib.pyplot as plt

    plt.close("all")


@pytest.mark.parametrize("page", [p for p in PAGES if examples(p, slow=False)], ids=name)
def test_the_examples_of_a_page_run(page, monkeypatch, tmp_path):
    run(page, slow=False, monkeypatch=monkeypatch, tmp_path=tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    "page", [p for p in PAGES if examples(p, slow=True) != examples(p, slow=False)], ids=name
)
def test_the_long_examples_of_a_page_run(page, monkeypatch, tmp_path):
    run(page, slow=True, monkeypatch=monkeypatch, tmp_path=tmp_path)


def test_every_page_is_in_the_menu():
    menu = (ROOT / "mkdocs.yml").read_text()
    missing = [name(page) for page in PAGES if name(page) not in menu]
    assert not missing, f"not in the menu of mkdocs.yml: {missing}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_between_pages_lead_somewhere(page):
    targets = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", page.read_text())
    broken = [target for target in targets if not (page.parent / target).resolve().exists()]
    assert not broken, f"{name(page)} links to {broken}"
