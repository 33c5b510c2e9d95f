"""How it was done: a methods paragraph that can be pasted, and what is needed to do it again."""

from __future__ import annotations

from html import escape
from typing import Any

from bayes_nlmem.reports.blocks import Markup, Paragraph, Section, Table
from bayes_nlmem.reports.chapters import point_estimates
from bayes_nlmem.reports.wording import counted

_REFERENCES = {
    "pymc": (
        "Abril-Pla O, et al. PyMC: a modern, and comprehensive probabilistic programming framework in "
        "Python. PeerJ Computer Science 2023; 9: e1516.",
        "10.7717/peerj-cs.1516",
    ),
    "nuts": (
        "Hoffman MD, Gelman A. The No-U-Turn Sampler: adaptively setting path lengths in Hamiltonian Monte "
        "Carlo. Journal of Machine Learning Research 2014; 15: 1593-1623.",
        "",
    ),
    "rhat": (
        "Vehtari A, et al. Rank-normalization, folding, and localization: an improved R̂ for assessing "
        "convergence of MCMC. Bayesian Analysis 2021; 16: 667-718.",
        "10.1214/20-BA1221",
    ),
    "arviz": (
        "Kumar R, et al. ArviZ: a unified library for exploratory analysis of Bayesian models in Python. "
        "Journal of Open Source Software 2019; 4: 1143.",
        "10.21105/joss.01143",
    ),
    "shrinkage": (
        "Savic RM, Karlsson MO. Importance of shrinkage in empirical Bayes estimates for diagnostics: "
        "problems and solutions. AAPS Journal 2009; 11: 558-569.",
        "10.1208/s12248-009-9133-0",
    ),
}


def methods(fit: Any) -> Section:
    """A paragraph for the methods section of a paper, with its references."""
    if point_estimates.is_estimate(fit):
        return point_estimates.methods(fit)
    record, versions = fit.record, fit.record.versions
    text = (
        f"The data were analysed with a Bayesian nonlinear mixed-effects model in bayes_nlmem "
        f"{versions.get('bayes-nlmem', '')}, which states it in PyMC {versions.get('pymc', '')} [1]. "
        f"The posterior was sampled with the No-U-Turn sampler [2] as implemented in {record.sampler} "
        f"{versions.get(record.sampler, '')}".rstrip()
        + f": {counted(record.chains, 'chain')} of {record.draws} draws after {record.tune} warm-up draws, "
        f"target acceptance {record.target_accept:g}, {_GEOMETRY.get(record.geometry, record.geometry)} "
        "random effects. All chains were started near the mode of a Laplace approximation. Convergence was "
        "judged by rank-normalised R̂ and effective sample sizes [3], divergent transitions and E-BFMI, "
        "computed with ArviZ [4]. Shrinkage is given in its standard-deviation version [5]. Estimates are "
        "posterior medians with 95 % equal-tailed credible intervals."
    )
    items = "".join(f"<li>{escape(reference)}{_doi(doi)}</li>" for reference, doi in _REFERENCES.values())
    return Section("Methods", (Paragraph(text), Markup(f'<ol class="references">{items}</ol>')))


def reproducibility(fit: Any) -> Section:
    """Seed, settings, versions, timings and the digest of the data."""
    record = fit.record
    estimate = point_estimates.is_estimate(fit)
    rows: list[tuple[str | Markup, ...]] = [
        ("Run",),
        ("seed", str(record.seed)),
        ("sampler", record.sampler),
        (
            "chains, draws, iterations before" if estimate else "chains, draws, warm-up",
            f"{record.chains}, {record.draws}, {record.tune}",
        ),
        *([] if estimate else [("target acceptance", f"{record.target_accept:g}")]),
        ("geometry of the random effects", record.geometry),
        ("graph edited", "yes" if record.edited else "no"),
        ("start values converged", "yes" if record.start_converged else "no"),
        *(("decided about the data", choice) for choice in getattr(record, "data_choices", ())),
        ("data digest (SHA-256)", Markup(f"<code>{escape(record.data_digest[:16])}…</code>")),
        ("Seconds",),
        *((stage, f"{seconds:.1f}") for stage, seconds in record.timings.items()),
        ("Versions",),
        *record.versions.items(),
    ]
    same, call = point_estimates.again(fit) if estimate else _again(record)
    return Section(
        "Reproducibility",
        (
            Paragraph(same),
            Markup(f"<pre>{escape(call)}</pre>"),
            Table(f"How the {'estimates' if estimate else 'draws'} were made.", ("", ""), rows, align="lw"),
        ),
    )


def _again(record: Any) -> tuple[str, str]:
    arguments = (
        f"draws={record.draws}, tune={record.tune}, chains={record.chains}, seed={record.seed}, "
        f'sampler="{record.sampler}",\n       target_accept={record.target_accept:g}, '
        f'geometry="{record.geometry}"'
    )
    return "The same data, model, versions and seed give the same draws:", f"bn.fit(model, data, {arguments})"


_GEOMETRY = {"noncentred": "non-centred", "centred": "centred"}


def _doi(doi: str) -> str:
    return f' <a href="https://doi.org/{escape(doi)}">doi:{escape(doi)}</a>' if doi else ""
