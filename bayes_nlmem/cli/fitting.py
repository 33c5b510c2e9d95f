"""`fit MODEL [DATA]` and `resume RUN`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from bayes_nlmem.cli import said
from bayes_nlmem.cli.door import DOUBTFUL
from bayes_nlmem.cli.given import Stated, find_model
from bayes_nlmem.cli.reading import Reading, read, reads_data, refuse_reading
from bayes_nlmem.cli.said import Json
from bayes_nlmem.cli.words import page
from bayes_nlmem.ground.messages import BayesNlmemError, FitError, explain

_SAMPLING = "Sampling"
MODEL_IS = (
    "FILE.py, FILE.py:NAME, a control stream (.mod, .ctl), a project (.mlxtran), or a study of the zoo."
)


class Method(StrEnum):
    """How the model is learnt."""

    NUTS = "nuts"
    SAEM = "saem"


Model = Annotated[str, typer.Argument(metavar="MODEL", help=MODEL_IS)]
Data = Annotated[
    str | None,
    typer.Argument(
        metavar="DATA",
        help="A table of events; by default the data of the study, `data` of the file, or those it names.",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]
Draws = Annotated[int | None, typer.Option(help="Draws per chain (1000).", rich_help_panel=_SAMPLING)]
Tune = Annotated[int | None, typer.Option(help="Warm-up draws per chain (600).", rich_help_panel=_SAMPLING)]
Chains = Annotated[int | None, typer.Option(help="Chains (4).", rich_help_panel=_SAMPLING)]
Cores = Annotated[int | None, typer.Option(help="Chains at the same time.", rich_help_panel=_SAMPLING)]
Seed = Annotated[int | None, typer.Option(help="Same seed, same result; drawn and recorded by default.")]
KnownSeed = Annotated[int | None, typer.Option(help="Same seed, same result.")]
Accept = Annotated[
    float | None, typer.Option(help="Wanted acceptance rate (0.9).", rich_help_panel=_SAMPLING)
]
Report = Annotated[
    Path | None,
    typer.Option(
        "--report", help="Write a report too: FILE.html or FILE.docx.", metavar="FILE", callback=page
    ),
]
Run = Annotated[
    Path | None,
    typer.Option("--run", "-o", help="Folder of the run (NAME.run); draws are kept there as they come."),
]


@reads_data
def fit(
    model: Model,
    reading: Reading,
    data: Data = None,
    run: Run = None,
    method: Annotated[Method, typer.Option(help="NUTS samples the posterior, SAEM maximises.")] = Method.NUTS,
    draws: Draws = None,
    tune: Tune = None,
    chains: Chains = None,
    cores: Cores = None,
    seed: Seed = None,
    target_accept: Accept = None,
    report: Report = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Fit MODEL to DATA, print the parameters and the verdict, keep the run in a folder.

    A run that was cut off goes on with the same command or with `resume`.
    """
    stated = find_model(model, data)
    study = _study(stated, data, reading)
    settings = {
        "draws": draws,
        "tune": tune,
        "chains": chains,
        "cores": cores,
        "target_accept": target_accept,
    }
    fit_stated(
        stated,
        study,
        run or Path(f"{stated.name}.run"),
        settings,
        method=method,
        seed=seed,
        report=report,
        quiet=quiet,
        as_json=as_json,
    )


def fit_stated(
    stated: Stated,
    study: Any,
    folder: Path,
    settings: dict[str, Any],
    *,
    method: Method = Method.NUTS,
    seed: int | None,
    report: Path | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Fit, keep the run, print what was found."""
    given = {name: value for name, value in settings.items() if value is not None}
    if method is Method.SAEM:
        learnt = _maximised(stated.model, study, folder, given, seed, progress=not quiet)
    else:
        import bayes_nlmem as bn

        learnt = bn.fit(stated.model, study, store=folder, seed=seed, progress=not quiet, **given)
    more = {} if stated.imported is None else {"untranslated": stated.imported.untranslated}
    _finish(learnt, folder, report, more, as_json=as_json)


def resume(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of the run.")],
    cores: Cores = None,
    report: Report = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Go on with a run that was cut off; a finished one is only shown."""
    import bayes_nlmem as bn

    learnt = bn.resume(run, cores=cores, progress=not quiet)
    _finish(learnt, run, report, {}, as_json=as_json)


def _study(stated: Stated, data: str | None, reading: Reading) -> Any:
    if stated.imported is not None:
        refuse_reading(reading, "a control stream or project, which says how its data are read")
        return stated.data
    if data is not None:
        return read(data, reading, model=stated.model)
    if stated.data is None:
        raise BayesNlmemError(
            explain(
                expected="DATA, or an object `data` (bn.read) beside the model",
                got="neither",
                remedy="bayes-nlmem fit MODEL DATA",
            )
        )
    if reading.said:
        raise BayesNlmemError(
            explain(
                expected="DATA for the options of reading",
                got=f"{', '.join(reading.said)} with the data that stand beside the model",
            )
        )
    return stated.data


def _maximised(
    model: Any, data: Any, folder: Path, settings: dict[str, Any], seed: int | None, *, progress: bool
) -> Any:
    import bayes_nlmem as bn

    if unused := [name for name in settings if name not in ("draws", "chains")]:
        raise FitError(
            explain(
                expected="for SAEM only --draws (of the effects, per chain), --chains and --seed",
                got=", ".join(f"--{name.replace('_', '-')}" for name in unused),
            )
        )
    if folder.exists() and any(folder.iterdir()):
        raise FitError(
            explain(
                expected=f"an empty folder or none at {str(folder)!r}",
                got="one with files in it",
                remedy="Name another one: --run FOLDER.",
            )
        )
    found = bn.saem(model, data, seed=seed, progress=progress, **settings)
    folder.mkdir(parents=True, exist_ok=True)
    found.save(folder / "fit.zip")
    return found


def _finish(learnt: Any, folder: Path, report: Path | None, more: dict[str, Any], *, as_json: bool) -> None:
    verdict = learnt.convergence()
    if as_json:
        said.as_json(facts_of(learnt) | more | {"run": str(folder)})
    else:
        said.say(str(learnt))
    if report is not None:
        import bayes_nlmem as bn

        said.written(bn.report(learnt).save(report))
    finished = (folder / "fit.zip").exists()
    words = said.command(f"{'report' if finished else 'resume'} {folder}")
    said.note(f"run: {folder}; {'next' if finished else 'go on'}: {words}")
    if not verdict.ok:
        raise typer.Exit(DOUBTFUL)


def facts_of(learnt: Any) -> dict[str, Any]:
    """A fit in numbers: parameters, verdict, record."""
    verdict = learnt.convergence()
    return {
        "model": learnt.model.name,
        "subjects": learnt.data.n_subjects,
        "observations": learnt.data.n_observations,
        "parameters": learnt.summary(),
        "likelihood": getattr(learnt, "likelihood", None),
        "converged": verdict.ok,
        "evidence": verdict.evidence,
        "findings": [vars(finding) for finding in verdict.findings],
        "record": learnt.record.to_dict(),
    }
