"""The program `bayes-nlmem`: its commands, put together."""

from __future__ import annotations

from typing import Annotated

import typer

from bayes_nlmem import __version__
from bayes_nlmem.cli import environment, fitting, foreign, planning, results, shelf, studies
from bayes_nlmem.cli.door import EXIT_CODES, Command, Group
from bayes_nlmem.cli.said import say

app = typer.Typer(
    name="bayes-nlmem",
    cls=Group,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="MODEL is a Python file with an object `model`, a control stream of NONMEM, a project of Monolix, "
    f"or a study of the zoo. {EXIT_CODES}",
)
_STUDY, _DECIDE, _MORE = "A study", "Decisions", "More"


@app.callback(invoke_without_command=True)
def program(
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
) -> None:
    """Bayesian nonlinear mixed-effects models for pharmacometrics."""
    if version:
        say(__version__)
        raise typer.Exit()


def _add(function, panel: str, *examples: str, name: str | None = None) -> None:
    said = "Examples:\n\n" if len(examples) > 1 else "Example:\n\n"
    epilog = said + "\n\n".join(f"[cyan]bayes-nlmem {example}[/cyan]" for example in examples)
    app.command(name, cls=Command, rich_help_panel=panel, epilog=epilog)(function)


_add(
    studies.check,
    _STUDY,
    "check pk.csv --covariates WT,SEX --units TIME=h,DV=mg/L",
    "check theophylline",
    "check run1.mod",
)
_add(
    foreign.import_model,
    _STUDY,
    "import run1.ctl",
    "import run1.ctl --estimates run1.ext --output run1.py",
    "import project.mlxtran --output project.py",
    name="import",
)
_add(
    fitting.fit,
    _STUDY,
    "fit theophylline --run theo.run",
    "fit model.py pk.csv --draws 2000 --report pk.html",
    "fit model.py:simple pk.csv --method saem",
    "fit run1.mod",
)
_add(fitting.resume, _STUDY, "resume theo.run")
_add(results.report, _STUDY, "report theo.run", "report theo.run --output study.docx")
_add(results.compare, _STUDY, "compare one.run two.run", "compare one.run two.run --by observation --json")
_add(
    results.vpc,
    _STUDY,
    "vpc theo.run",
    "vpc theo.run --correction prediction --stratify SEX --output vpc.pdf",
)
_add(
    planning.simulate,
    _DECIDE,
    "simulate theo.run --output replicates.csv",
    "simulate theo.run --dose 320 --every 12 --count 6 --times 0:72:1 --subjects 50 --with WT=70",
    "simulate model.py plan.csv --set CL_pop=2.8,V_pop=32",
)
_add(
    planning.design,
    _DECIDE,
    "design theo.run --subjects 24 --dose 320 --times 0.5,1,4,12,24 --with WT=70",
    "design model.py --subjects 24 --dose 320 --times 1,4,12 --set CL_pop=2.8 --optimise --windows 0.25:24",
)
_add(
    planning.dose,
    _DECIDE,
    "dose theo.run patient.csv --target trough --low 8 --high 12 --over 36:48 "
    "--dose 320 --every 12 --count 4 --amounts 160,320,480",
)
_add(environment.doctor, _MORE, "doctor", "doctor --json")

zoo = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    help="Published studies with data and model.",
    rich_markup_mode="rich",
)
zoo.command("list", cls=Command)(shelf.list_studies)
zoo.command("show", cls=Command)(shelf.show_study)
zoo.command("fit", cls=Command, epilog="Example: [cyan]bayes-nlmem zoo fit theophylline[/cyan]")(
    shelf.fit_study
)
app.add_typer(zoo, name="zoo", rich_help_panel=_MORE)


def main() -> None:
    """Run the program with the words of the command line."""
    app()
