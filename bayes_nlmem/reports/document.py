"""`report(fit) -> Report`: sections are functions, a report is what they return, a page shows it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from bayes_nlmem.reports.blocks import Section
from bayes_nlmem.reports.chapters.assumptions import model
from bayes_nlmem.reports.chapters.estimates import estimates
from bayes_nlmem.reports.chapters.overview import summary
from bayes_nlmem.reports.chapters.pictures import goodness_of_fit, individual_fits, random_effects
from bayes_nlmem.reports.chapters.point_estimates import is_estimate
from bayes_nlmem.reports.chapters.predictive import predictive_checks
from bayes_nlmem.reports.chapters.provenance import methods, reproducibility
from bayes_nlmem.reports.chapters.study import data
from bayes_nlmem.reports.chapters.trust import convergence
from bayes_nlmem.reports.page import page

if TYPE_CHECKING:
    from bayes_nlmem.learning.results import Fit

Chapter = Callable[["Fit"], Section | None]

SECTIONS: tuple[Chapter, ...] = (
    summary,
    data,
    model,
    estimates,
    convergence,
    goodness_of_fit,
    predictive_checks,
    individual_fits,
    random_effects,
    methods,
    reproducibility,
)


@dataclass(frozen=True, repr=False)
class Report:
    """A report: a title and its sections; shown as one self-contained HTML page.

    Parameters
    ----------
    title, subtitle : str
        The heading and the line below it.
    sections : tuple of Section
        In the order in which they are read.

    Examples
    --------
    >>> from bayes_nlmem.reports.blocks import Paragraph, Section
    >>> Report("A study", "", (Section("Data", (Paragraph("Twelve subjects."),)),))
    Report 'A study': Data
    """

    title: str
    subtitle: str
    sections: tuple[Section, ...]

    @cached_property
    def html(self) -> str:
        """The page as text."""
        return page(self.title, self.subtitle, self.sections)

    def save(self, path: str | Path) -> Path:
        """Write the page to a file.

        Parameters
        ----------
        path : str or pathlib.Path
            File to write; one that exists is replaced.

        Returns
        -------
        pathlib.Path
            Where it is.
        """
        path = Path(path)
        path.write_text(self.html, encoding="utf-8")
        return path

    def __repr__(self) -> str:
        return f"Report {self.title!r}: {', '.join(section.title for section in self.sections)}"

    def _repr_html_(self) -> str:
        return (
            f'<iframe srcdoc="{escape(self.html, quote=True)}" '
            'style="width:100%;height:45rem;border:1px solid #d9dfe5;border-radius:6px"></iframe>'
        )


def report(fit: Fit, *, title: str | None = None, sections: Sequence[Chapter] = SECTIONS) -> Report:
    """Tell a colleague what was assumed, seen and learnt, on one page.

    Parameters
    ----------
    fit : Fit or SaemFit
        What was learnt.
    title : str, optional
        Heading; by default the model's name or the name of the data.
    sections : sequence of functions
        Each takes the fit and returns a `Section`, or None to be left out. `SECTIONS` of this module are the
        default; drop, reorder or add one's own.

    Returns
    -------
    Report
        `save("x.html")` writes it; a notebook shows it.

    Examples
    --------
    >>> from bayes_nlmem.reports.document import report
    >>> from bayes_nlmem.reports.chapters.overview import summary
    >>> report(fit, sections=[summary])
    Report 'theophylline': Summary
    """
    written = tuple(section for make in sections if (section := make(fit)) is not None)
    name = title or fit.model.name or fit.data.source
    kind = "Nonlinear" if is_estimate(fit) else "Bayesian nonlinear"
    return Report(name, f"{kind} mixed-effects analysis, {date.today():%d %B %Y}", written)
