"""Models of other programs on the command line, and `import`, which makes Python files of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bayes_nlmem.cli import said
from bayes_nlmem.cli.said import Json, facts_of_data
from bayes_nlmem.ground.messages import BayesNlmemError, explain

if TYPE_CHECKING:
    from bayes_nlmem.exchange.imported import Imported

NONMEM, MONOLIX = "NONMEM", "Monolix"
_ENDINGS = {".ctl": NONMEM, ".mod": NONMEM, ".con": NONMEM, ".nmctl": NONMEM, ".mlxtran": MONOLIX}
_MARKS = {NONMEM: re.compile(rb"^\s*\$PROB", re.M | re.I), MONOLIX: re.compile(rb"^\s*<DATAFILE>", re.M)}
_LOOKED_AT = 20_000  # bytes


def program_of(path: Path) -> str | None:
    """The program that a file is written for, by its ending or by its first lines; None if it is no model.

    Examples
    --------
    >>> program_of(Path("run1.mod")), program_of(Path("model.py"))
    ('NONMEM', None)
    """
    if path.suffix.lower() in _ENDINGS:
        return _ENDINGS[path.suffix.lower()]
    if path.suffix == ".py" or not path.is_file():
        return None
    with path.open("rb") as file:
        begin = file.read(_LOOKED_AT)
    return next((program for program, mark in _MARKS.items() if mark.search(begin)), None)


def is_foreign(given: str) -> bool:
    """Whether a word of the command line is a control stream or a project."""
    return program_of(Path(given)) is not None


def translate(given: str, data: str | None = None, estimates: Path | None = None) -> Imported:
    """A control stream or project as our model, with its data; what is not translated is noted.

    Raises
    ------
    BayesNlmemError
        No such file; there is no exact counterpart; the data have faults.
    """
    import bayes_nlmem as bn

    path = Path(given)
    if not path.is_file():
        got = f"no file {str(path)!r}"
        raise BayesNlmemError(explain(expected=f"a model of {program_of(path)}", got=got))
    reader = bn.from_nonmem if program_of(path) == NONMEM else bn.from_monolix
    found = reader(path, data, estimates=estimates)
    for line in found.untranslated:
        said.note(f"not translated: {line}", style="yellow")
    return found


def import_model(
    source: Annotated[
        str, typer.Argument(metavar="FILE", help="A control stream of NONMEM or a project of Monolix.")
    ],
    data: Annotated[
        str | None, typer.Argument(metavar="DATA", help="Data in the place of those that FILE names.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE.py", help="Write the model there, and its data beside it."
        ),
    ] = None,
    estimates: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Estimates of a run: its .ext file, or populationParameters.txt."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
    as_json: Json = False,
) -> None:
    """Translate a model of NONMEM or Monolix into a Python file; say what could not be translated.

    Without --output the text is printed. What would change a prediction and has no exact counterpart is
    refused. Unknown is what is estimated there; without $PRIOR the priors lie about the initial values.
    """
    import bayes_nlmem as bn

    path = Path(source)
    if program_of(path) is None:
        raise BayesNlmemError(
            explain(
                expected="a control stream of NONMEM (.mod, .ctl) or a project of Monolix (.mlxtran)",
                got=repr(source) if path.exists() else f"no file {source!r}",
            )
        )
    found = translate(source, data, estimates)
    text = f"import bayes_nlmem as bn\n\n{bn.to_python(found.model)}"
    if output is not None:
        table = output.with_name(f"{output.stem}_data.csv")
        _check_free(output, table, force=force)
        _write(found, source, text, output, table)
    if as_json:
        written = [] if output is None else [str(output), str(table)]
        facts = {"model": text, "values": found.values, "data": facts_of_data(found.data)}
        said.as_json({**facts, "untranslated": found.untranslated, "written": written})
    elif output is None:
        said.say(text)
    else:
        said.say(f"{found.model}\n\n{found.data}")
        said.note(f"next: {said.command(f'fit {output}')}")


def _check_free(*paths: Path, force: bool) -> None:
    if output := next((path for path in paths if path.suffix not in (".py", ".csv")), None):
        raise BayesNlmemError(explain(expected="the name of a Python file, FILE.py", got=repr(output.name)))
    if there := [str(path) for path in paths if path.exists() and not force]:
        raise BayesNlmemError(
            explain(
                expected="files that are not there yet",
                got=" and ".join(there),
                remedy="Another --output, or --force to replace.",
            )
        )


def _write(found: Imported, source: str, text: str, output: Path, table: Path) -> None:
    from bayes_nlmem import __version__
    from bayes_nlmem.exchange.python_data import write_table
    from bayes_nlmem.exchange.python_text import to_python

    reading = write_table(found.data, table, named=f'HERE / "{table.name}"')
    lines = [f"Translated from {Path(source).name} by bayes_nlmem {__version__}."]
    lines += (
        ["", "Not translated:", *(f"- {line}" for line in found.untranslated)] if found.untranslated else []
    )
    head = "\n".join(lines).replace("\\", "/").replace('"""', "'''")
    output.write_text(
        f'"""{head}\n"""\n\nfrom pathlib import Path\n\n{text}\n'
        f"HERE = Path(__file__).parent\ndata = {reading}\n\n"
        f"# The values of {Path(source).name}: bn.simulate(model, data, parameters=values)\n"
        f"{to_python(dict(found.values), name='values')}",
        encoding="utf-8",
    )
    said.written(output)
    said.written(table)
