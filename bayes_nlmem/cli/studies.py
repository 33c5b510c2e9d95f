"""`check DATA`: read a study or a model of another program, say what was read and what is wrong with it."""

from __future__ import annotations

from typing import Annotated

import typer

from bayes_nlmem.cli import said
from bayes_nlmem.cli.foreign import is_foreign, translate
from bayes_nlmem.cli.options import as_options
from bayes_nlmem.cli.reading import Reading, read, reads_data, refuse_reading
from bayes_nlmem.cli.said import Json, facts_of_data
from bayes_nlmem.ground.messages import BayesNlmemError, explain


@reads_data
def check(
    source: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            help="A table of events, a study of the zoo, a control stream (.mod), a project (.mlxtran).",
        ),
    ],
    reading: Reading,
    data: Annotated[
        str | None,
        typer.Argument(metavar="[TABLE]", help="Data in the place of those that a control stream names."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Read DATA; say what was read, and every fault with its rows, subjects and remedy.

    Of a control stream or project also the model, and what could not be translated.
    """
    if is_foreign(source):
        refuse_reading(reading, f"{source!r}, which says how its data are read")
        _check_model(source, data, as_json=as_json)
        return
    if data is not None:
        got = f"{source!r} and {data!r}"
        raise BayesNlmemError(explain(expected="a second file only after a control stream", got=got))
    found = read(source, reading)
    if as_json:
        said.as_json(facts_of_data(found))
    else:
        said.say(as_options(str(found)))


def _check_model(source: str, data: str | None, *, as_json: bool) -> None:
    found = translate(source, data)
    if as_json:
        priors = {"priors": found.model.priors(), "values": found.values}
        said.as_json(facts_of_data(found.data) | priors | {"untranslated": found.untranslated})
        return
    said.say(f"{found.data}\n\n{found.model}")
    said.heading("Values there")
    said.say("\n".join(f"  {name:16s} {value:.4g}" for name, value in found.values.items()))
