"""Write the table of the zoo from its folders: `python model_zoo/table.py`.

It goes between `<!-- zoo -->` and `<!-- /zoo -->` of model_zoo/README.md, of the README of the project and
of the page docs/pages/zoo.md, which also shows every study with what was found.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import bayes_nlmem as bn

HERE = Path(__file__).parent
BLOCK = re.compile(r"(<!-- zoo -->\n).*?(<!-- /zoo -->)", re.DOTALL)
FOUND = re.compile(r"\*\*What our fit found\.\*\*(.*?)(?=\n## |\Z)", re.DOTALL)


def main() -> None:
    """Write all three."""
    studies = [bn.zoo.load(name) for name in bn.zoo.list()]
    for path, text in written(studies).items():
        path.write_text(text, "utf-8")
        print(path)


def written(studies: list[bn.zoo.Study]) -> dict[Path, str]:
    """File -> its text with the table as it should be."""
    root = HERE.parent
    return {
        HERE / "README.md": _with(HERE / "README.md", table(studies, "{name}/README.md")),
        root / "README.md": _with(root / "README.md", table(studies, "model_zoo/{name}/README.md")),
        root / "docs/pages/zoo.md": _with(root / "docs/pages/zoo.md", page(studies)),
    }


def table(studies: list[bn.zoo.Study], link: str = "") -> str:
    """One row per study; `link` says where its README is."""
    head = ["study", "subjects, observations", "what it is", "data", "our fit", "calibration"]
    rows = [head, ["---"] * len(head), *(_row(study, link) for study in studies)]
    return "".join("| " + " | ".join(row) + " |\n" for row in rows)


def page(studies: list[bn.zoo.Study]) -> str:
    """The table, and every study with its words, its source and what was found."""
    parts = [table(studies)]
    for study in studies:
        words = re.sub(r"\s*\n\s*", " ", study.description)
        parts.append(
            f"## {study.name}\n\n**{study.title}.** {words}\n\n*{study.citation}*\n\n{found(study)}\n"
        )
    return "\n".join(parts)


def found(study: bn.zoo.Study) -> str:
    """What the study's README says of our fit, without its marks."""
    text = (study.folder / "README.md").read_text("utf-8")
    section = FOUND.search(text)
    assert section is not None, f"the README of {study.name} does not say what our fit found"
    return re.sub(r"<!-- /?fit -->\n", "", section[1]).strip()


def verdict(study: bn.zoo.Study) -> str:
    """`converged`, `not converged` or `not fitted`, and how long the draws were."""
    kept = study.folder / "fit.json"
    if kept.exists():
        words = []
        runs = json.loads(kept.read_text("utf-8"))
        for which, run in runs.items():
            of = f" ({which} data)" if len(runs) > 1 or (study.source and which == "published") else ""
            draws = f"{run['settings']['chains']} x {run['settings']['draws']}"
            words.append(("converged" if run["converged"] else "not converged") + f", {draws}{of}")
        return "; ".join(words)
    text = (study.folder / "README.md").read_text("utf-8")
    said = re.search(
        r"^Verdict: (converged|not to be trusted yet, since no run|not to be trusted yet)", text, re.M
    )
    assert said is not None, f"the README of {study.name} has no verdict"
    return {"converged": "converged", "not to be trusted yet": "not converged"}.get(said[1], "not fitted yet")


def calibrated(study: bn.zoo.Study) -> str:
    """Number of replicates of the stored calibration."""
    kept = study.folder / "sbc.json"
    return f"{len(bn.load_calibration(kept).replicates)} replicates" if kept.exists() else ""


def _row(study: bn.zoo.Study, link: str) -> list[str]:
    name = f"[{study.name}]({link.format(name=study.name)})" if link else f"[{study.name}](#{study.name})"
    data = "simulated" if study.simulated else "published"
    if study.source:
        data += ", published ones by `data=`"
    return [
        name,
        f"{len(study.data.subjects)}, {study.data.n_observations}",
        study.title,
        data,
        verdict(study),
        calibrated(study),
    ]


def _with(path: Path, block: str) -> str:
    text = path.read_text("utf-8")
    assert BLOCK.search(text), f"{path} has no block <!-- zoo --> ... <!-- /zoo -->"
    return BLOCK.sub(lambda found: f"{found[1]}{block}{found[2]}", text)


if __name__ == "__main__":
    main()
