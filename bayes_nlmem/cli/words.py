"""Words of the command line that stand for several values: `WT,AGE`, `TIME=h,DV=mg/L`, `0.5:24`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import typer


def names(text: str | None) -> list[str]:
    """Names separated by commas.

    Examples
    --------
    >>> names("WT, SEX"), names(None)
    (['WT', 'SEX'], [])
    """
    return [part.strip() for part in (text or "").split(",") if part.strip()]


def pairs(text: str | None, option: str) -> dict[str, str]:
    """NAME=VALUE separated by commas.

    Examples
    --------
    >>> pairs("TIME=h,DV=mg/L", "--units")
    {'TIME': 'h', 'DV': 'mg/L'}
    """
    found = {}
    for part in names(text):
        name, equals, value = part.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise _refused(option, "NAME=VALUE, separated by commas", part)
        found[name.strip()] = value.strip()
    return found


def numbers(text: str | None, option: str) -> list[float]:
    """Numbers separated by commas.

    Examples
    --------
    >>> numbers("0.5, 2,24", "--times")
    [0.5, 2.0, 24.0]
    """
    return [number(part, option) for part in names(text)]


def number(text: str, option: str) -> float:
    """One number."""
    try:
        return float(text)
    except ValueError:
        raise _refused(option, "a number", text) from None


def span(text: str, option: str) -> tuple[float, float]:
    """A range FROM:TO.

    Examples
    --------
    >>> span("0:12", "--over")
    (0.0, 12.0)
    """
    low, colon, high = text.partition(":")
    if not colon:
        raise _refused(option, "FROM:TO", text)
    return number(low, option), number(high, option)


def values(texts: Iterable[str] | None, option: str) -> dict[str, float]:
    """NAME=NUMBER, given once or several times, or separated by commas.

    Examples
    --------
    >>> values(["CL_pop=2.8", "V_pop=32,omega_CL=0.3"], "--set")
    {'CL_pop': 2.8, 'V_pop': 32.0, 'omega_CL': 0.3}
    """
    given = pairs(",".join(texts or ()), option)
    return {name: number(value, option) for name, value in given.items()}


def mixed(text: str | None, option: str) -> dict[str, float | str]:
    """NAME=VALUE separated by commas, numbers where they are numbers.

    Examples
    --------
    >>> mixed("WT=70,SEX=f", "--with")
    {'WT': 70.0, 'SEX': 'f'}
    """
    return {name: _number_or_text(value) for name, value in pairs(text, option).items()}


def picture(path: Path | None) -> Path | None:
    """A file for a picture, refused before anything is computed."""
    return _file(path, ".png", ".pdf", ".svg")


def page(path: Path | None) -> Path | None:
    """A file for a report, refused before anything is computed."""
    return _file(path, ".html", ".docx")


def rows(path: Path | None) -> Path | None:
    """A file for a table, refused before anything is computed."""
    return _file(path, ".csv")


def _file(path: Path | None, *endings: str) -> Path | None:
    if path is None:
        return None
    if path.suffix.lower() not in endings:
        raise typer.BadParameter(f"expected a name that ends with {' or '.join(endings)}, got {path.name!r}")
    if not path.parent.is_dir():
        raise typer.BadParameter(f"expected a folder that exists, got {str(path.parent)!r}")
    return path


def _number_or_text(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _refused(option: str, expected: str, got: str) -> typer.BadParameter:
    return typer.BadParameter(f"expected {expected}, got {got!r}", param_hint=option)
