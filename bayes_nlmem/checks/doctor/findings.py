"""What the doctor writes down."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bayes_nlmem.ground.tables import notebook


@dataclass(frozen=True)
class Problem:
    """One cause of trouble, with its evidence.

    Parameters
    ----------
    name : str
        Its name, for example "flip-flop".
    cause : str
        What is going on, in the field's words.
    evidence : tuple of str
        The figures that say so.
    remedy : str
        What to do about it.
    parameters : tuple of str
        Names in the graph.
    subjects : tuple
        The IDs concerned.
    note : bool
        Whether it only deserves a look and does not make the draws untrustworthy.
    """

    name: str
    cause: str
    evidence: tuple[str, ...]
    remedy: str
    parameters: tuple[str, ...] = ()
    subjects: tuple[Any, ...] = ()
    note: bool = False

    def __str__(self) -> str:
        lines = [f"{self.name}: {self.cause}"]
        lines += [f"  evidence: {one}" for one in self.evidence]
        lines.append(f"  what to do: {self.remedy}")
        wrapped = [textwrap.wrap(line, 100, subsequent_indent="      ") for line in lines]
        return "\n".join(piece for pieces in wrapped for piece in pieces)


@dataclass(frozen=True)
class Diagnosis:
    """The doctor's findings about a run.

    Parameters
    ----------
    problems : tuple of Problem
        Empty for a healthy run.
    figures : str
        R-hat, ESS, divergences and E-BFMI, in one line.

    Examples
    --------
    >>> print(Diagnosis((), "R-hat at most 1.002."))
    Healthy: nothing found. R-hat at most 1.002.
    """

    problems: tuple[Problem, ...]
    figures: str

    @property
    def healthy(self) -> bool:
        """Whether nothing but notes was found."""
        return all(problem.note for problem in self.problems)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the problems, notes included."""
        return tuple(problem.name for problem in self.problems)

    def table(self) -> pd.DataFrame:
        """One row per problem: NAME, CAUSE, EVIDENCE, REMEDY, PARAMETERS, SUBJECTS, NOTE."""
        columns = ("name", "cause", "evidence", "remedy", "parameters", "subjects", "note")
        rows = [[getattr(problem, column) for column in columns] for problem in self.problems]
        return pd.DataFrame(rows, columns=[column.upper() for column in columns])

    def __str__(self) -> str:
        serious = [problem for problem in self.problems if not problem.note]
        notes = [problem for problem in self.problems if problem.note]
        if serious:
            count = f"{len(serious)} problem{'s'[: len(serious) > 1]}"
            lines = [f"Not to be trusted yet: {count}. {self.figures}"]
        else:
            lines = [f"Healthy: nothing found. {self.figures}"]
        for number, problem in enumerate(serious, 1):
            lines.append(textwrap.indent(f"{number}. {problem}", "  "))
        lines += [textwrap.indent(f"note: {problem}", "  ") for problem in notes]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return notebook(str(self))
