"""`check DATA`: read a study, say what was read and what is wrong with it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from bayes_nlmem.cli import said
from bayes_nlmem.cli.reading import Reading, read, reads_data

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object in place of text.")]


@reads_data
def check(
    source: Annotated[str, typer.Argument(metavar="DATA", help="A table of events, or a study of the zoo.")],
    reading: Reading,
    as_json: Json = False,
) -> None:
    """Read DATA; say what was read, and every fault with its rows, subjects and remedy."""
    data = read(source, reading)
    if not as_json:
        said.say(str(data))
        return
    said.as_json(facts_of(data))


def facts_of(data: Any) -> dict[str, Any]:
    """A data set in numbers: sizes, covariates, warnings, digest."""
    return {
        "source": data.source,
        "subjects": data.n_subjects,
        "records": len(data),
        "observations": data.n_observations,
        "doses": int(data.is_dose.sum()),
        "covariates": {
            name: {"method": one.method, "categories": one.categories}
            for name, one in data.covariates.items()
        },
        "units": dict(data.units),
        "notes": list(data.notes),
        "warnings": [vars(fault) for fault in data.warnings],
        "digest": data.digest,
    }
