"""What the user reads when something is wrong: expected, got, remedy; and the rows concerned."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_WIDTH = 100
_MOST_RANGES = 8
_MOST_NAMES = 8


class BayesNlmemError(ValueError):
    """Root of every error that bayes_nlmem raises on purpose."""


class ModelError(BayesNlmemError):
    """The model is not well stated."""


class FitError(BayesNlmemError):
    """The model could not be learnt from the data."""


@dataclass(frozen=True)
class Fault:
    """One kind of fault in the data, with everything it touches.

    Parameters
    ----------
    code : str
        `E_...` for an error, `W_...` for a warning.
    message : str
        What was expected and what was got.
    rows : tuple of int
        Data rows as in the file, the first one after the header is 1.
    subjects : tuple
        The IDs concerned.
    remedy : str
        What to do about it.

    Examples
    --------
    >>> print(Fault("E_ADDL_NO_II", "ADDL > 0 needs II > 0, got II = 0", (3, 7, 8, 9), (2, 5), "Fill II."))
    E_ADDL_NO_II: ADDL > 0 needs II > 0, got II = 0
        rows 3, 7-9 (4 rows); subjects 2, 5
        remedy: Fill II.
    """

    code: str
    message: str
    rows: tuple[int, ...] = ()
    subjects: tuple = ()
    remedy: str = ""

    @property
    def place(self) -> str:
        """Rows and subjects in one line, empty if the fault is about the whole file."""
        parts = []
        if self.rows:
            parts.append(rows_text(self.rows))
        if self.subjects:
            parts.append(names_text(self.subjects, noun="subject"))
        return "; ".join(parts)

    def __str__(self) -> str:
        lines = _wrapped(f"{self.code}: {self.message}", first="", rest="    ")
        if self.place:
            lines += _wrapped(self.place, first="    ", rest="    ")
        if self.remedy:
            lines += _wrapped(f"remedy: {self.remedy}", first="    ", rest="      ")
        return "\n".join(lines)


class DataError(BayesNlmemError):
    """The data cannot be used as they are.

    Parameters
    ----------
    message : str, optional
        The text; by default it is composed from `faults`.
    faults : sequence of Fault
        Everything that was found, kept in the attribute `faults`.
    source : str
        What was read, for the header line.

    Examples
    --------
    >>> error = DataError(faults=[Fault("E_EMPTY_FILE", "expected a table, got 0 bytes")], source="pk.csv")
    >>> print(error)
    1 fault in pk.csv (rows are data rows, header not counted)
    <BLANKLINE>
    E_EMPTY_FILE: expected a table, got 0 bytes
    """

    def __init__(self, message: str = "", faults: Sequence[Fault] = (), source: str = "the data") -> None:
        self.faults = tuple(faults)
        super().__init__(message or _fault_list(self.faults, source))

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of the faults, in the order in which they are printed."""
        return tuple(fault.code for fault in self.faults)


def explain(*, expected: object = None, got: object = None, remedy: str | None = None) -> str:
    """Compose a message of three parts: expected, got, remedy.

    Parameters
    ----------
    expected, got, remedy : optional
        The parts; one that is None is left out.

    Returns
    -------
    str

    Examples
    --------
    >>> explain(expected="a parameter of OneCompartment (CL, V)", got="'Cl'", remedy="Write CL.")
    "Expected a parameter of OneCompartment (CL, V), got 'Cl'. Write CL."
    """
    said = [f"{word} {what}" for word, what in (("expected", expected), ("got", got)) if what is not None]
    sentence = ", ".join(said)
    sentence = sentence[:1].upper() + sentence[1:]
    if sentence and not sentence.endswith((".", "!", "?")):
        sentence += "."
    return " ".join(part for part in (sentence, remedy) if part)


def rows_text(rows: Iterable[int]) -> str:
    """Row numbers in compact ranges.

    Examples
    --------
    >>> rows_text([3, 7, 8, 9])
    'rows 3, 7-9 (4 rows)'
    >>> rows_text([12])
    'row 12'
    """
    ordered = sorted(set(rows))
    if len(ordered) == 1:
        return f"row {ordered[0]}"
    ranges: list[list[int]] = []
    for row in ordered:
        if ranges and row == ranges[-1][1] + 1:
            ranges[-1][1] = row
        else:
            ranges.append([row, row])
    shown = ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges[:_MOST_RANGES])
    more = ", ..." if len(ranges) > _MOST_RANGES else ""
    return f"rows {shown}{more} ({len(ordered)} rows)"


def names_text(names: Iterable[object], noun: str = "") -> str:
    """Names in one line, the noun in front, shortened when there are many.

    Examples
    --------
    >>> names_text([2, 5], noun="subject")
    'subjects 2, 5'
    >>> names_text(range(20), noun="subject")
    'subjects 0, 1, 2, 3, 4, 5, 6, 7, ... (20 subjects)'
    """
    listed = [str(name) for name in names]
    shown = ", ".join(listed[:_MOST_NAMES])
    plural = f"{noun}s" if noun and len(listed) != 1 else noun
    if len(listed) > _MOST_NAMES:
        shown += f", ... ({len(listed)} {plural})" if noun else f", ... ({len(listed)})"
    return f"{plural} {shown}".strip()


def closest(name: str, candidates: Iterable[str]) -> str:
    """Hint at the candidate that `name` probably meant, empty if none is near.

    Examples
    --------
    >>> closest("Wt", ["ID", "WT"])
    "Did you mean 'WT'?"
    >>> closest("CRCL", ["ID", "WT"])
    ''
    """
    from difflib import get_close_matches

    by_lower = {candidate.lower(): candidate for candidate in candidates}
    near = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return f"Did you mean {by_lower[near[0]]!r}?" if near else ""


def _fault_list(faults: Sequence[Fault], source: str) -> str:
    count = f"{len(faults)} fault{'' if len(faults) == 1 else 's'}"
    header = f"{count} in {source} (rows are data rows, header not counted)"
    return "\n\n".join([header, *map(str, faults)])


def _wrapped(text: str, first: str, rest: str) -> list[str]:
    wrapper = textwrap.TextWrapper(width=_WIDTH, break_long_words=False, break_on_hyphens=False)
    wrapper.initial_indent, wrapper.subsequent_indent = first, rest
    return wrapper.wrap(text)
