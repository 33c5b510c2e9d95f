"""The text of a Monolix project: sections, statements and their values, with line numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from bayes_nlmem.ground.messages import ModelError, explain

_SECTION = re.compile(r"^<(\w+)>$")
_PART = re.compile(r"^\[(\w+)\]$")
_BLOCK = re.compile(r"^(DESCRIPTION|DEFINITION|EQUATION|PK|OUTPUT|INPUT|GLOBAL)\s*:(.*)$")
Place = tuple[str, str, str]


@dataclass(frozen=True)
class Line:
    """A statement, on one line or several.

    Parameters
    ----------
    number : int
        Its first line in the file.
    text : str
        Without comments.
    """

    number: int
    text: str


def refused(number: int, got: str, expected: str, remedy: str | None = None) -> ModelError:
    """The error that says which line has no counterpart."""
    return ModelError(explain(expected=expected, got=f"line {number}: {got}", remedy=remedy))


def places_of(text: str) -> dict[Place, list[Line]]:
    r"""Lines by (section, part, block), for example ``("MODEL", "INDIVIDUAL", "DEFINITION")``.

    Examples
    --------
    >>> places_of("<MODEL>\n[INDIVIDUAL]\nDEFINITION:\nV = {typical=V_pop, ; a comment\n sd=omega_V}")
    {('MODEL', 'INDIVIDUAL', 'DEFINITION'): [Line(number=4, text='V = {typical=V_pop, sd=omega_V}')]}
    """
    place: Place = ("", "", "")
    found: dict[Place, list[Line]] = {}
    open_at, pending, depth = 0, "", 0
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.split(";")[0].strip()
        if not line:
            continue
        if not depth and (match := _SECTION.match(line)):
            place = (match[1].upper(), "", "")
            continue
        if not depth and (match := _PART.match(line)):
            place = (place[0], match[1].upper(), "")
            continue
        if not depth and (match := _BLOCK.match(line)):
            place = (place[0], place[1], match[1])
            line = match[2].strip()
            if not line:
                continue
        if place[2] == "DESCRIPTION":
            continue
        open_at = open_at if depth else number
        pending = f"{pending} {line}".strip()
        depth = sum(pending.count(c) for c in "{(") - sum(pending.count(c) for c in "})")
        depth += pending.endswith("=")  # the value begins on the next line
        if depth <= 0:
            found.setdefault(place, []).append(Line(open_at, pending))
            pending, depth = "", 0
    if depth:
        raise refused(open_at, pending, "braces and parentheses that are closed")
    return found


def split(text: str, sign: str) -> list[str]:
    """Parts between signs that are not inside braces, parentheses or quotes.

    Examples
    --------
    >>> split("level=id, r(V, Cl)=corr", ",")
    ['level=id', 'r(V, Cl)=corr']
    """
    parts, depth, quote, start = [], 0, "", 0
    for i, c in enumerate(text):
        if quote:
            quote = "" if c == quote else quote
        elif c in "'\"":
            quote = c
        elif c in "{(":
            depth += 1
        elif c in "})":
            depth -= 1
        elif c == sign and depth == 0:
            parts.append(text[start:i].strip())
            start = i + 1
    return [*parts, text[start:].strip()]


def value_of(text: str) -> Any:
    """A text, a list of values, or a mapping of name to value (True for a word that has none).

    Examples
    --------
    >>> value_of("{typical=V_pop, coefficient={0, 'beta'}, no-variability}")
    {'typical': 'V_pop', 'coefficient': ['0', 'beta'], 'no-variability': True}
    """
    text = text.strip()
    if not (text.startswith("{") and text.endswith("}")):
        return text.strip("'\"") if text[:1] in "'\"" else text
    items = [item for item in split(text[1:-1], ",") if item]
    pairs = [split(item, "=") for item in items]
    if all(len(pair) == 1 for pair in pairs):
        return [value_of(item) for item in items]
    return {pair[0].strip("'\""): value_of("=".join(pair[1:])) if len(pair) > 1 else True for pair in pairs}


def statements(lines: Iterable[Line]) -> Iterator[tuple[int, str, Any]]:
    """(line, name, value) of every ``name = value``.

    Raises
    ------
    ModelError
        A line of another form.
    """
    for line in lines:
        name, *rest = split(line.text, "=")
        if not rest:
            raise refused(line.number, line.text, "name = value")
        yield line.number, name.strip("'\""), value_of("=".join(rest))


def listed(value: Any) -> list[Any]:
    """A list of what is one value or several."""
    return value if isinstance(value, list) else [value]


def check_words(number: int, name: str, given: dict[str, Any], known: Iterable[str]) -> None:
    """Refuse words of a definition that have no counterpart."""
    if stray := [word for word in given if word not in known]:
        raise refused(number, f"{', '.join(stray)} of {name}", f"words among {', '.join(known)}")
