"""What a command says: results on standard output, remarks and progress on standard error."""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from bayes_nlmem.ground.tables import Printed


Json = Annotated[bool, typer.Option("--json", help="Print one JSON object in place of text.")]


def note(text: str, *, style: str | None = None) -> None:
    """A remark, on standard error."""
    typer.secho(text, err=True, fg=style)


def say(text: str) -> None:
    """A result, on standard output."""
    typer.echo(text)


def heading(text: str) -> None:
    """A line above a part of the result."""
    typer.secho(f"\n{text}", bold=True)


def show(table: Printed) -> None:
    """A table: drawn by rich in a terminal, and as plain text into a file or pipe."""
    if not sys.stdout.isatty():
        say(table.text())
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for name, side in zip(table.header, table.align, strict=True):
        drawn.add_column(Text(name), justify="right" if side == "r" else "left")
    for row in table.rows:
        if len(row) == 1 < len(table.header):
            drawn.add_section()
            drawn.add_row(Text(row[0], style="italic cyan"))
        else:
            drawn.add_row(*(Text(cell) for cell in row))
    Console().print(drawn)


def as_json(content: Mapping[str, Any]) -> None:
    """One JSON object on standard output; what is not a number there (NaN, infinity) is null."""
    say(json.dumps(plain(content), indent=2, allow_nan=False))


def plain(value: Any) -> Any:
    """A value as JSON knows it: tables are lists of records, arrays lists, missing numbers null.

    Examples
    --------
    >>> plain({"x": float("nan"), "names": ("a", "b")})
    {'x': None, 'names': ['a', 'b']}
    """
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(one) for one in value]
    if hasattr(value, "to_dict") and hasattr(value, "columns"):
        named = value if value.index.name is None and value.index.dtype.kind == "i" else value.reset_index()
        return [plain(record) for record in named.to_dict(orient="records")]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, int) else str(value)


def facts_of_data(data: Any) -> dict[str, Any]:
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


def command(words: str) -> str:
    """A command line to go on with: where the program is not on the path, as it was called.

    Examples
    --------
    >>> command("doctor").endswith("bayes-nlmem doctor")
    True
    """
    called = Path(sys.argv[0])
    on_path = called.name != "bayes-nlmem" or shutil.which("bayes-nlmem") is not None
    return f"{'bayes-nlmem' if on_path else os.path.relpath(called)} {words}"


def written(path: Path | str) -> None:
    """Say where a file was written."""
    note(f"written: {path}")


def save_picture(figure: Any, path: Path) -> None:
    """Write a figure; the ending of the name decides the kind (png, pdf, svg)."""
    from bayes_nlmem.plots.style import style

    with style():
        figure.savefig(path)
    written(path)
