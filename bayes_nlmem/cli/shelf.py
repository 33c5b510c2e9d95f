"""`zoo list|show|fit`: published studies with data and model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bayes_nlmem.cli import said
from bayes_nlmem.cli.fitting import Chains, Draws, KnownSeed, Quiet, Report, Run, Tune, fit_stated
from bayes_nlmem.cli.given import Stated
from bayes_nlmem.cli.said import Json, facts_of_data
from bayes_nlmem.ground.tables import Printed

Name = Annotated[str, typer.Argument(metavar="NAME", help="A study: bayes-nlmem zoo list names them.")]


def list_studies(as_json: Json = False) -> None:
    """List the studies of the zoo."""
    import bayes_nlmem as bn

    studies = [bn.zoo.load(name) for name in bn.zoo.list()]
    if as_json:
        listed = [
            {
                "name": study.name,
                "title": study.title,
                "subjects": study.data.n_subjects,
                "observations": study.data.n_observations,
            }
            for study in studies
        ]
        said.as_json({"studies": listed})
        return
    rows = [(s.name, s.title, str(s.data.n_subjects), str(s.data.n_observations)) for s in studies]
    said.show(Printed(("name", "title", "subjects", "observations"), rows, "llrr"))


def show_study(name: Name, as_json: Json = False) -> None:
    """Show a study: what it is, its source, data and model."""
    import bayes_nlmem as bn

    study = bn.zoo.load(name)
    if as_json:
        said.as_json(
            {
                "name": study.name,
                "title": study.title,
                "description": study.description,
                "citation": study.citation,
                "folder": str(study.folder),
                "reference": dict(study.reference),
                "data": facts_of_data(study.data),
                "priors": study.model.priors(),
            }
        )
        return
    said.heading(study.title)
    said.say(f"{study.description}\n\n{study.citation}")
    if study.source:
        said.say(study.source)
    said.say(f"files: {study.folder}")
    said.heading("Data")
    said.say(str(study.data))
    said.heading("Model")
    said.say(str(study.model))
    if study.reference:
        said.heading("Values found by others")
        said.say("\n".join(f"  {key:16s} {value:.4g}" for key, value in study.reference.items()))


def fit_study(
    name: Name,
    data: Annotated[
        Path | None, typer.Option(help="File of the published data, for studies that ship simulated ones.")
    ] = None,
    run: Run = None,
    draws: Draws = None,
    tune: Tune = None,
    chains: Chains = None,
    seed: KnownSeed = 1,
    report: Report = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Fit a study, and write its report."""
    import bayes_nlmem as bn

    study = bn.zoo.load(name, data=data)
    if not as_json:
        said.heading(study.title)
        said.say(f"{study.description}\n\n{study.citation}")
        said.heading("Data")
        said.say(str(study.data))
        said.heading("Model")
        said.say(str(study.model))
        said.heading("Fit")
    fit_stated(
        Stated(name, study.model, study.data),
        study.data,
        run or Path(f"{name}.run"),
        {"draws": draws, "tune": tune, "chains": chains},
        seed=seed,
        report=report or Path(f"{name}.html"),
        quiet=quiet,
        as_json=as_json,
    )
