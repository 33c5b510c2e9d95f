"""`report(fit) -> Report`: sections are functions, a report is what they return, a page shows it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayes_nlmem.ground.messages import BayesNlmemError, closest, explain
from bayes_nlmem.reports.blocks import Notice, Section
from bayes_nlmem.reports.chapters.assumptions import model, prior_predictions
from bayes_nlmem.reports.chapters.estimates import estimates
from bayes_nlmem.reports.chapters.further import (
    comparison,
    covariate_effects,
    exposures,
    reliance,
    unusual_subjects,
)
from bayes_nlmem.reports.chapters.overview import summary
from bayes_nlmem.reports.chapters.pictures import goodness_of_fit, individual_fits, random_effects
from bayes_nlmem.reports.chapters.point_estimates import is_estimate
from bayes_nlmem.reports.chapters.predictive import predictive_checks
from bayes_nlmem.reports.chapters.provenance import methods, reproducibility
from bayes_nlmem.reports.chapters.study import data
from bayes_nlmem.reports.chapters.trust import convergence
from bayes_nlmem.reports.page import page
from bayes_nlmem.reports.results import save_results

if TYPE_CHECKING:
    from bayes_nlmem.learning.results import Fit
    from bayes_nlmem.learning.stochastic.result import SaemFit

Chapter = Callable[[Any], Section | None]

SECTIONS: tuple[Chapter, ...] = (
    summary,
    data,
    model,
    prior_predictions,
    estimates,
    covariate_effects,
    convergence,
    goodness_of_fit,
    predictive_checks,
    individual_fits,
    random_effects,
    unusual_subjects,
    exposures,
    reliance,
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
    fit : Fit or SaemFit, optional
        What it is about; `save` writes its results beside the page.

    Examples
    --------
    >>> from bayes_nlmem.reports.blocks import Paragraph, Section
    >>> Report("A study", "", (Section("Data", (Paragraph("Twelve subjects."),)),))
    Report 'A study': Data
    """

    title: str
    subtitle: str
    sections: tuple[Section, ...]
    fit: Any = None

    @cached_property
    def html(self) -> str:
        """The page as text."""
        return page(self.title, self.subtitle, self.sections)

    def save(self, path: str | Path, *, results: bool = True) -> Path:
        """Write the report to a file, and the results in tables beside it.

        Parameters
        ----------
        path : str or pathlib.Path
            File to write; one that exists is replaced. `.html` writes the page, `.docx` a Word document
            (extra `word`).
        results : bool
            Also write the folder NAME_files with tables for other programs, see `save_results`.

        Returns
        -------
        pathlib.Path
            Where it is.

        Raises
        ------
        BayesNlmemError
            Another ending.
        """
        path = Path(path)
        if path.suffix.lower() not in (".html", ".htm", ".docx"):
            raise BayesNlmemError(
                explain(
                    expected="a name that ends with .html or .docx",
                    got=repr(path.name),
                    remedy="A browser prints the page as PDF.",
                )
            )
        if path.suffix.lower() == ".docx":
            from bayes_nlmem.reports.word import save_document

            save_document(self.title, self.subtitle, self.sections, path)
        else:
            path.write_text(self.html, encoding="utf-8")
        if results and self.fit is not None:
            save_results(self.fit, path.with_name(f"{path.stem}_files"))
        return path

    def __repr__(self) -> str:
        return f"Report {self.title!r}: {', '.join(section.title for section in self.sections)}"

    def _repr_html_(self) -> str:
        return (
            f'<iframe srcdoc="{escape(self.html, quote=True)}" '
            'style="width:100%;height:45rem;border:1px solid #d9dfe5;border-radius:6px"></iframe>'
        )


def report(
    fit: Fit | SaemFit,
    *,
    title: str | None = None,
    sections: Sequence[Chapter | str] | None = None,
    compare_with: Mapping[str, Any] | None = None,
    progress: bool = False,
) -> Report:
    """Tell a colleague what was assumed, seen and learnt, on one page or in one document.

    Parameters
    ----------
    fit : Fit or SaemFit
        What was learnt.
    title : str, optional
        Heading; by default the model's name or the name of the data.
    sections : sequence of functions or names, optional
        Each function takes the fit and returns a `Section`, or None to be left out. `SECTIONS` of this
        module are the default, and may be named ("summary", "exposures"); drop, reorder or add one's own.
    compare_with : mapping of str to Fit, optional
        Other fits of the same data; a section compares them with this one.
    progress : bool
        Say on standard error which section is written.

    Returns
    -------
    Report
        `save("x.html")` or `save("x.docx")` writes it; a notebook shows it.

    Raises
    ------
    BayesNlmemError
        A name that is no section.

    Notes
    -----
    A section that cannot be made for this model says so in its place; the others are written.

    Examples
    --------
    >>> from bayes_nlmem.reports.document import report
    >>> report(fit, sections=["summary"])
    Report 'theophylline': Summary
    """
    chosen: list[Chapter] = [_named(one) for one in (SECTIONS if sections is None else sections)]
    if compare_with:
        at = chosen.index(methods) if methods in chosen else len(chosen)
        chosen.insert(at, comparison(compare_with))
    written: dict[int, Section | None] = {}
    for k, make in enumerate(chosen):
        if make is not methods:
            written[k] = _written(make, fit, progress)
    used = [key for section in written.values() if section is not None for key in section.cites]
    written |= {k: methods(fit, used) for k, make in enumerate(chosen) if make is methods}
    kept = tuple(section for k in range(len(chosen)) if (section := written[k]) is not None)
    name = title or fit.model.name or fit.data.source
    kind = "N" if is_estimate(fit) else "Bayesian n"
    return Report(name, f"{kind}onlinear mixed-effects analysis, {date.today():%d %B %Y}", kept, fit)


def _written(make: Chapter, fit: Any, progress: bool) -> Section | None:
    name = getattr(make, "__name__", "section").replace("_", " ")
    if progress:
        print(f"report: {name}", file=sys.stderr, flush=True)
    try:
        return make(fit)
    except BayesNlmemError as error:
        notice = Notice("warning", "This section could not be made for this fit.", (str(error),))
        return Section(name[:1].upper() + name[1:], (notice,))


def _named(section: Chapter | str) -> Chapter:
    if not isinstance(section, str):
        return section
    known = {chapter.__name__: chapter for chapter in SECTIONS}
    if section not in known:
        raise BayesNlmemError(
            explain(
                expected=f"sections among {', '.join(known)}, or functions",
                got=repr(section),
                remedy=closest(section, known),
            )
        )
    return known[section]
