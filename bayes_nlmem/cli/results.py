"""What is done with runs: `report`, `compare`, `vpc`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bayes_nlmem.cli import said
from bayes_nlmem.cli.fitting import KnownSeed
from bayes_nlmem.cli.given import find_run
from bayes_nlmem.cli.said import Json
from bayes_nlmem.cli.words import names, numbers, page, picture
from bayes_nlmem.ground.messages import FitError, explain

Run = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run, or a file written by fit.save.")]
Picture = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", metavar="FILE", help="Picture to write: png, pdf or svg.", callback=picture
    ),
]


def report(
    run: Run,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="FILE.html or FILE.docx; by default NAME.html.",
            callback=page,
        ),
    ] = None,
    title: Annotated[str | None, typer.Option(help="Heading of the report.")] = None,
    sections: Annotated[
        str | None,
        typer.Option(help="Only these, in this order: summary,data,estimates (see --sections list)."),
    ] = None,
    against: Annotated[
        list[Path] | None, typer.Option(metavar="RUN", help="Compare with this run, too; may be repeated.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Write the report of RUN: a self-contained page or document, and its results in tables beside it."""
    import bayes_nlmem as bn
    from bayes_nlmem.reports.document import SECTIONS

    if sections == "list":
        said.say("\n".join(section.__name__ for section in SECTIONS))
        return
    learnt = find_run(run)
    made = bn.report(
        learnt,
        title=title,
        sections=names(sections) or None,
        compare_with={path.resolve().stem: find_run(path) for path in against or ()},
        progress=not quiet,
    )
    path = made.save(output or Path(f"{run.resolve().stem}.html"))
    said.written(path)
    said.written(path.with_name(f"{path.stem}_files"))


def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="At least two runs of the same data.")],
    by: Annotated[str, typer.Option(help="What a new datum is: subject or observation.")] = "subject",
    criteria: Annotated[
        str, typer.Option(help="loo or waic first; then ofv, aic, bic, bicc, dic, evidence.")
    ] = "loo",
    output: Picture = None,
    as_json: Json = False,
) -> None:
    """Compare runs by how well they predict data that they have not seen."""
    import bayes_nlmem as bn

    labels = [path.resolve().stem for path in runs]
    if len(set(labels)) < len(labels):
        labels = [str(path) for path in runs]
    if len(set(labels)) < max(len(labels), 2):
        raise FitError(explain(expected="two or more different runs", got=", ".join(map(str, runs))))
    found = bn.compare(
        {label: find_run(path) for label, path in zip(labels, runs, strict=True)},
        by=by,
        criteria=tuple(names(criteria)),
    )
    if as_json:
        said.as_json({"table": found.table, "conclusion": found.conclusion, "by": found.by})
    else:
        said.say(repr(found))
    if output is not None:
        said.save_picture(bn.plot_comparison(found), output)


def vpc(
    run: Run,
    output: Picture = None,
    of: Annotated[str | None, typer.Option(help="Output of the structure; by default the first.")] = None,
    x: Annotated[str, typer.Option(help="TIME, TAD, PRED or a column of the data.")] = "TIME",
    bins: Annotated[str | None, typer.Option(help="Number of bins, or their edges: 0,2,6,24.")] = None,
    stratify: Annotated[str | None, typer.Option(help="Covariates or columns: SEX,ARM.")] = None,
    correction: Annotated[str | None, typer.Option(help="prediction or variance.")] = None,
    replicates: Annotated[int, typer.Option(min=20, help="Simulated studies.")] = 500,
    log: Annotated[bool, typer.Option("--log", help="Logarithmic axis of the output.")] = False,
    seed: KnownSeed = 1,
    as_json: Json = False,
) -> None:
    """Visual predictive check of RUN: a picture, and what is outside of the intervals."""
    import bayes_nlmem as bn
    from bayes_nlmem.plots.predictive import check_of

    learnt = find_run(run)
    edges = numbers(bins, "--bins")
    asked = {
        "output": of,
        "x": x if x != "TIME" else None,
        "bins": (int(edges[0]) if len(edges) == 1 else edges) or None,
        "stratify": names(stratify) or None,
        "correction": correction,
    }
    options = {name: value for name, value in asked.items() if value is not None}
    found = check_of(learnt, {**options, "draws": replicates, "seed": seed})
    if as_json:
        said.as_json({"table": found.table, "settings": dict(found.settings)})
    else:
        said.say(repr(found))
    path = output or Path(f"{run.resolve().stem}-vpc.png")
    said.save_picture(bn.plot_vpc(found, log_scale=log), path)
