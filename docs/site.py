"""Hooks of the documentation site: formulas as MathML, and one API page per part of the package.

Formulas are translated when the site is built, so that the pages need no script and nothing from elsewhere.
"""

import html
import json
import re
from collections import defaultdict
from pathlib import Path

from latex2mathml.converter import convert
from mkdocs.structure.files import File

import bayes_nlmem

FORMULA = re.compile(r'<(span|div) class="arithmatex">\s*\\([(\[])(.*?)\\[)\]]\s*</\1>', re.DOTALL)
AGREEMENTS = "<!-- agreements -->"
PARTS = {
    "ground": "Priors, scales, messages",
    "data": "Data",
    "structures": "Structures",
    "statistics": "Covariates and residuals",
    "model": "Models",
    "translation": "Building the graph",
    "marginal": "Likelihoods",
    "learning": "Learning",
    "simulation": "Simulation",
    "checks": "Checks",
    "criteria": "Criteria and comparison",
    "selection": "Covariate selection",
    "design": "Design",
    "dosing": "Dosing",
    "plots": "Plots",
    "reports": "Reports",
    "exchange": "Other programs",
    "engine": "Solvers",
    "zoo": "Model zoo",
}


def parts() -> dict[str, list[tuple[str, str]]]:
    """Public names with the module of each, by part of the package."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for name, module in bayes_nlmem._EXPORTS.items():
        found[module.split(".")[0]].append((name, module))
    return {part: sorted(found[part]) for part in (*PARTS, *(set(found) - set(PARTS))) if part in found}


def on_config(config):
    """The menu: the pages that exist, and the API pages at the end."""
    folder = Path(config.docs_dir)
    config.nav = [
        {title: [page for page in pages if (folder / page).exists()]}
        for section in config.extra["menu"]
        for title, pages in section.items()
        if any((folder / page).exists() for page in pages)
    ]
    config.nav.append({"Reference": [{PARTS.get(part, part): f"api/{part}.md"} for part in parts()]})
    return config


def on_files(files, config):
    """Add the API pages."""
    for part, names in parts().items():
        blocks = [
            f"::: bayes_nlmem.{module}" + ("" if name == module else f".{name}") for name, module in names
        ]
        content = f"# {PARTS.get(part, part)}\n\n" + "\n\n".join(blocks) + "\n"
        files.append(File.generated(config, f"api/{part}.md", content=content))
    return files


def on_page_markdown(markdown, page, config, files):
    """Fill in the comparisons with reference values."""
    if AGREEMENTS not in markdown:
        return markdown
    kept = Path(config.docs_dir).parent / "agreements.json"
    return markdown.replace(AGREEMENTS, _agreements(json.loads(kept.read_text(encoding="utf-8"))))


def _agreements(kept: list[dict]) -> str:
    """One table per part of the package; of several values the place of the largest difference is shown."""
    parts = defaultdict(list)
    for one in kept:
        parts[one["test"].split("/")[1]].append(one)
    titles = ("compared", "values", "reference", "ours", "theirs", "difference", "within")
    text = []
    for part in (*PARTS, *(set(parts) - set(PARTS))):
        if part in parts:
            rows = [titles, ("---",) * len(titles), *map(_agreement, parts[part])]
            text += [f"## {PARTS.get(part, part)}\n", *(f"| {' | '.join(row)} |" for row in rows), ""]
    return "\n".join(text)


def _agreement(one: dict) -> tuple[str, ...]:
    within = f"{one['within']:.1g}" + (" relative" if one["relative"] else "")
    numbers = (f"{one['ours']:.8g}", f"{one['theirs']:.8g}", f"{one['difference']:.1e}", within)
    return (one["what"], str(one["values"]), one["source"], *numbers)


def on_page_content(page_html, page, config, files):
    """Turn every formula into MathML."""
    return FORMULA.sub(_mathml, page_html)


def _mathml(found: re.Match) -> str:
    display = "block" if found[2] == "[" else "inline"
    return convert(html.unescape(found[3]).strip(), display=display)
