"""Every notebook is valid, without outputs, asks a question, uses what exists, and runs without a warning."""

import ast
import importlib.util
import json
import re
import sys
from pathlib import Path

import pytest

import bayes_nlmem as bn

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SETTING = 'draws = int(os.environ.get("NOTEBOOK_DRAWS"'
PAGES_LINK = "](../docs/pages/"
# What a notebook needs beside the package and the extra `notebooks`, by its number.
NEEDS: dict[str, tuple[str, ...]] = {"13": ("distributed",)}


def name(notebook: Path) -> str:
    return notebook.stem


def cells(notebook: Path, kind: str) -> list[str]:
    """The sources of the cells of one kind."""
    found = json.loads(notebook.read_text("utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in found if cell["cell_type"] == kind]


def script(file: str):
    """A script of docs/ as a module."""
    spec = importlib.util.spec_from_file_location(Path(file).stem, ROOT / "docs" / file)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


every = pytest.mark.parametrize("notebook", NOTEBOOKS, ids=name)


def test_their_numbers_are_their_order():
    numbers = [int(notebook.stem[:2]) for notebook in NOTEBOOKS]
    assert numbers and numbers == sorted(set(numbers))


@every
def test_it_is_a_valid_notebook_for_python3(notebook):
    nbformat = pytest.importorskip("nbformat")
    found = nbformat.read(notebook, as_version=4)
    nbformat.validate(found)
    assert found.metadata.kernelspec.name == "python3"


@every
def test_its_outputs_are_stripped(notebook):
    code = [c for c in json.loads(notebook.read_text("utf-8"))["cells"] if c["cell_type"] == "code"]
    kept = [cell["id"] for cell in code if cell["outputs"] or cell["execution_count"] is not None]
    assert not kept, f"cells with outputs or counts: {kept}"


@every
def test_its_title_is_a_question(notebook):
    first = cells(notebook, "markdown")[0].splitlines()[0]
    assert re.fullmatch(r"# \S.*\?", first), first


@every
def test_it_ends_with_what_was_learnt_and_where_to_read_on(notebook):
    last = cells(notebook, "markdown")[-1]
    assert re.search("^## What was learnt", last, re.MULTILINE)
    assert last.count(PAGES_LINK) >= 2


@every
def test_every_name_of_the_package_is_exported(notebook):
    text = "\n".join([*cells(notebook, "code"), *cells(notebook, "markdown")])
    unknown = {used for used in re.findall(r"\bbn\.(\w+)", text) if used not in bn.__all__}
    assert not unknown, f"not exported: {sorted(unknown)}"


@every
def test_its_imports_exist(notebook):
    tree = ast.parse("\n".join(cells(notebook, "code")))
    wanted = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    wanted |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    extra = {need for needs in NEEDS.values() for need in needs} | {"dask"}
    missing = [m for m in wanted if m.split(".")[0] not in extra and importlib.util.find_spec(m) is None]
    assert not missing, missing


@every
def test_its_links_lead_somewhere(notebook):
    targets = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", "\n".join(cells(notebook, "markdown")))
    broken = [target for target in targets if not (notebook.parent / target).resolve().exists()]
    assert not broken, broken


@every
def test_where_it_samples_the_number_of_draws_can_be_set(notebook):
    code = "\n".join(cells(notebook, "code"))
    if re.search(r"\bbn\.(fit|sbc)\(|pm\.sample\(", code):
        assert SETTING in code, "no line reads NOTEBOOK_DRAWS"


@every
def test_it_becomes_a_page_of_the_documentation(notebook):
    pytest.importorskip("mkdocs")
    pages = script("notebook_pages.py")
    text, _ = pages.page(notebook)
    assert pages.title(notebook) in text
    assert PAGES_LINK not in text and ".ipynb)" not in text
    for cell in cells(notebook, "code"):
        assert cell in text


def test_outputs_belong_to_the_code_not_to_the_words(tmp_path, monkeypatch):
    pytest.importorskip("mkdocs")
    pages = script("notebook_pages.py")
    monkeypatch.setattr(pages, "EXECUTED", tmp_path)
    notebook = next(iter(pages.notebooks()))
    copy = json.loads(notebook.read_text("utf-8"))
    words = next(cell for cell in copy["cells"] if cell["cell_type"] == "markdown")
    code = next(cell for cell in copy["cells"] if cell["cell_type"] == "code")
    words["source"] = "# An older question?"
    code["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "what it printed"}]
    (tmp_path / notebook.name).write_text(json.dumps(copy), encoding="utf-8")
    text, _ = pages.page(notebook)
    assert "what it printed" in text and pages.title(notebook) in text and "An older question" not in text
    code["source"] = "another = 1"
    (tmp_path / notebook.name).write_text(json.dumps(copy), encoding="utf-8")
    assert "without running" in pages.page(notebook)[0]


@pytest.mark.slow
@every
def test_it_runs_without_a_warning(notebook, tmp_path, monkeypatch):
    for needed in ("nbclient", "nbformat", "ipykernel", *NEEDS.get(notebook.stem[:2], ())):
        if importlib.util.find_spec(needed) is None:
            pytest.skip(f"{notebook.stem} needs {needed}: pip install 'bayes-nlmem[notebooks]'")
    monkeypatch.setenv("NOTEBOOK_DRAWS", "150")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")
    made = script("execute_notebooks.py").execute(notebook, folder=tmp_path)
    shown = [output.get("data", {}) for cell in made.cells for output in cell.get("outputs", [])]
    assert any("image/png" in data for data in shown), "no picture"
