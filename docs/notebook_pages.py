"""Hook of the documentation site: one page per notebook, with outputs and figures if it was executed.

`make notebooks` leaves executed copies in build/notebooks. A copy whose code is that of the notebook gives
the page its outputs; without one the page has text and code. Nothing is executed when the site is built.
"""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "notebooks"
EXECUTED = ROOT / "build" / "notebooks"
INTRODUCTION = """# Notebooks

Each answers one question, on real data where there is some. They are in the folder `notebooks/` of the
repository, without outputs; `make notebooks` executes them all and puts outputs and figures on these pages.
"""
WITHOUT_OUTPUT = """!!! note
    This page was built without running the notebook: `make notebooks` adds what it prints and draws.
"""


def notebooks() -> list[Path]:
    """The notebooks in order."""
    return sorted(SOURCE.glob("*.ipynb"))


def title(notebook: Path) -> str:
    """The question that a notebook answers: its first line."""
    return _source(_cells(notebook)[0]).splitlines()[0].removeprefix("# ")


def on_config(config):
    """Put the notebooks into the menu, before the reference."""
    pages = ["notebooks/index.md", *(f"notebooks/{notebook.stem}.md" for notebook in notebooks())]
    config.nav.insert(len(config.nav) - 1, {"Notebooks": pages})
    return config


def on_files(files, config):
    """Add a page per notebook, its pictures and the list of all."""
    entries = [f"{int(n.stem[:2])}. [{title(n)}]({n.stem}.md)" for n in notebooks()]
    index = INTRODUCTION + "\n" + "\n".join(entries) + "\n"
    files.append(File.generated(config, "notebooks/index.md", content=index))
    for notebook in notebooks():
        text, pictures = page(notebook)
        files.append(File.generated(config, f"notebooks/{notebook.stem}.md", content=text))
        for name, content in pictures.items():
            files.append(File.generated(config, f"notebooks/{notebook.stem}/{name}", content=content))
    return files


def page(notebook: Path) -> tuple[str, dict[str, bytes]]:
    """A notebook as Markdown, and its pictures by name."""
    cells, executed = _cells(notebook), _executed(notebook)
    parts: list[str] = []
    pictures: dict[str, bytes] = {}
    for number, cell in enumerate(executed or cells, 1):
        if cell["cell_type"] == "markdown":
            parts.append(_links(_source(cell)))
            continue
        parts.append(f"```python\n{_source(cell)}\n```")
        for place, output in enumerate(cell["outputs"]):
            picture = f"{number:02d}-{place}.png"
            content = output.get("data", {}).get("image/png")
            if content:
                pictures[picture] = base64.b64decode(content)
                parts.append(f"![What the cell draws]({notebook.stem}/{picture})")
            elif words := _words(output):
                parts.append(words)
    if not executed:
        parts.insert(1, WITHOUT_OUTPUT)
    return "\n\n".join(parts) + "\n", pictures


def _words(output: dict[str, Any]) -> str:
    """An output that is no picture: a table as HTML, else text; progress and warnings are left out."""
    if output["output_type"] == "stream":
        return _fenced(_joined(output["text"])) if output["name"] == "stdout" else ""
    found = output.get("data", {})
    rich = _joined(found.get("text/html", ""))
    if "<table" in rich and "<script" not in rich:
        plain = rich.replace(' border="1" class="dataframe"', "")  # tables look like those of the pages
        return f'<div class="output" style="overflow-x:auto">\n{plain}\n</div>'
    return _fenced(_joined(found.get("text/plain", "")))


def _fenced(text: str) -> str:
    return f"```text\n{text.rstrip()}\n```" if text.strip() else ""


def _links(text: str) -> str:
    """Links to pages and to other notebooks as they are on the site."""
    text = text.replace("](../docs/pages/", "](../")
    return re.sub(r"\]\((\d\d_\w+)\.ipynb\)", r"](\1.md)", text)


def _executed(notebook: Path) -> list[dict[str, Any]]:
    """The cells with the outputs of the executed copy; none if there is no copy, or its code is another."""
    copy = EXECUTED / notebook.name
    if not copy.exists():
        return []
    own, run = _cells(notebook), _cells(copy)
    if [_code(cell) for cell in own] != [_code(cell) for cell in run]:
        return []
    return [done if _code(done) is not None else cell for cell, done in zip(own, run, strict=True)]


def _code(cell: dict[str, Any]) -> str | None:
    return _source(cell) if cell["cell_type"] == "code" else None


def _cells(notebook: Path) -> list[dict[str, Any]]:
    return json.loads(notebook.read_text("utf-8"))["cells"]


def _source(cell: dict[str, Any]) -> str:
    return _joined(cell["source"])


def _joined(text: str | list[str]) -> str:
    return text if isinstance(text, str) else "".join(text)
