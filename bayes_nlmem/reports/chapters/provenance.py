"""How it was done: a methods paragraph that can be pasted, and what is needed to do it again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from bayes_nlmem.reports.blocks import Markup, Paragraph, Section, Table
from bayes_nlmem.reports.chapters.point_estimates import again, is_estimate
from bayes_nlmem.reports.chapters.references import REFERENCES
from bayes_nlmem.reports.wording import counted


def methods(fit: Any, used: Sequence[str] = ()) -> Section:
    """A paragraph for the methods section of a paper, with the references of what was used.

    Parameters
    ----------
    fit : object
        What was learnt.
    used : sequence of str
        Keys of `references.REFERENCES` that the other sections of the report cite.
    """
    cited: list[str] = []

    def cite(*keys: str) -> str:
        cited.extend(key for key in keys if key not in cited)
        return f"[{', '.join(str(cited.index(key) + 1) for key in keys)}]"

    versions = fit.record.versions
    text = (
        f"The data were analysed with a {'' if is_estimate(fit) else 'Bayesian '}nonlinear mixed-effects "
        f"model in bayes_nlmem {versions.get('bayes-nlmem', '')}, which states it in PyMC "
        f"{versions.get('pymc', '')} {cite('pymc')}. "
    )
    text += _of_saem(fit, cite) if is_estimate(fit) else _of_draws(fit, cite)
    text += f" Shrinkage is given in its standard-deviation version {cite('shrinkage')}."
    text += "".join(f" {words.format(cite=cite(*keys))}" for keys, words in _CHECKS if set(keys) <= set(used))
    items = [REFERENCES[key] for key in cited]
    listed = "".join(f"<li>{escape(reference)}{_doi(doi)}</li>" for reference, doi in items)
    plain = [f"{k}. {reference}{f' doi:{doi}' if doi else ''}" for k, (reference, doi) in enumerate(items, 1)]
    return Section(
        "Methods", (Paragraph(text), Markup(f'<ol class="references">{listed}</ol>', "\n".join(plain)))
    )


_CHECKS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("npde",), "Predictions were checked by visual predictive checks and normalised prediction distribution "
     "errors {cite}."),
    (("psense",), "Sensitivity to the priors was assessed by power-scaling {cite}."),
    (("loo", "stacking"), "Models were compared by Pareto-smoothed leave-one-out cross-validation and "
     "stacking weights {cite}."),
)  # fmt: skip


def _of_draws(fit: Any, cite: Callable[..., str]) -> str:
    record = fit.record
    sampler = f"{record.sampler} {record.versions.get(record.sampler, '')}".rstrip()
    sampler += f" {cite('numpyro')}" if record.sampler == "numpyro" else ""
    return (
        f"The posterior was sampled with the No-U-Turn sampler {cite('nuts')} as implemented in {sampler}"
        f": {counted(record.chains, 'chain')} of {record.draws} draws after {record.tune} warm-up draws, "
        f"target acceptance {record.target_accept:g}, {_GEOMETRY.get(record.geometry, record.geometry)} "
        "random effects. All chains were started near the mode of a Laplace approximation. Convergence was "
        f"judged by rank-normalised R̂ and effective sample sizes {cite('rhat')}, divergent transitions and "
        f"E-BFMI, computed with ArviZ {cite('arviz')}. Estimates are posterior medians with 95 % "
        "equal-tailed credible intervals."
    )


def _of_saem(fit: Any, cite: Callable[..., str]) -> str:
    record = fit.record
    priors = (
        "the priors entered the objective (posterior mode on the scale of estimation)"
        if record.estimate == "posterior mode"
        else "priors gave starting values and ranges only (maximum likelihood)"
    )
    likelihood = (
        ", -2 log-likelihood by importance sampling around the subjects' modes; BICc after " + cite("bicc")
        if fit.likelihood
        else ""
    )
    return (
        f"Population parameters were estimated by stochastic approximation EM {cite('saem', 'saem_nlme')} "
        f"with {counted(record.chains, 'chain')} per subject; {priors}. After the last phase Newton steps "
        "on the observed likelihood were taken until the Monte Carlo error was small. Standard errors are "
        f"from the observed information by Louis' identity {cite('louis')}{likelihood}."
    )


def reproducibility(fit: Any) -> Section:
    """Seed, settings, versions, timings and the digest of the data."""
    record = fit.record
    rows: list[tuple[str | Markup, ...]] = [
        ("Run",),
        ("seed", str(record.seed)),
        ("sampler", record.sampler),
        ("chains, draws, warm-up", f"{record.chains}, {record.draws}, {record.tune}"),
        *([] if is_estimate(fit) else [("target acceptance", f"{record.target_accept:g}")]),
        ("geometry of the random effects", record.geometry),
        ("graph edited", "yes" if record.edited else "no"),
        ("start values converged", "yes" if record.start_converged else "no"),
        *(("decided about the data", choice) for choice in getattr(record, "data_choices", ())),
        (
            "data digest (SHA-256)",
            Markup(f"<code>{escape(record.data_digest[:16])}…</code>", f"{record.data_digest[:16]}…"),
        ),
        ("Seconds",),
        *((stage, f"{seconds:.1f}") for stage, seconds in record.timings.items()),
        ("Versions",),
        *record.versions.items(),
    ]
    same, call = again(fit) if is_estimate(fit) else _again(record)
    return Section(
        "Reproducibility",
        (
            Paragraph(same),
            Markup(f"<pre>{escape(call)}</pre>", call),
            Table("How the result was made.", ("", ""), rows, align="lw"),
        ),
    )


def _again(record: Any) -> tuple[str, str]:
    call = (
        f"bn.fit(model, data, draws={record.draws}, tune={record.tune}, chains={record.chains}, "
        f'seed={record.seed}, sampler="{record.sampler}",\n       '
        f'target_accept={record.target_accept:g}, geometry="{record.geometry}")'
    )
    return "The same data, model, versions and seed give the same draws:", call


_GEOMETRY = {"noncentred": "non-centred", "centred": "centred"}


def _doi(doi: str) -> str:
    return f' <a href="https://doi.org/{escape(doi)}">doi:{escape(doi)}</a>' if doi else ""
