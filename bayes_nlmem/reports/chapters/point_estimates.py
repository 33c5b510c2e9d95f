"""The chapters of a report on estimates by SAEM, where those on a posterior would say what is not so."""

from __future__ import annotations

from html import escape
from typing import Any

import pandas as pd

from bayes_nlmem.plots.phases import plot_convergence
from bayes_nlmem.reports.blocks import Block, Figure, Markup, Numbers, Paragraph, Section, Table
from bayes_nlmem.reports.wording import counted, significant, symbols, whole

_HEADER = ("", "description", "unit", "estimate", "SE", "95 % CI", "RSE %", "CV %", "shrinkage %")
_NOTE = (
    "SE: standard error from the observed information by Louis' identity. CI: confidence interval, symmetric "
    "on the scale of estimation. RSE = 100 SE / |estimate|. CV of log-normal parameters = "
    "100 √(exp(ω²) − 1). Shrinkage = 100 (1 − SD(E[η]) / ω), standard-deviation version."
)
_CRITERIA = (
    "The first phase has to end because no parameter drifts any more, and the Newton steps on the likelihood "
    "have to settle: their Monte Carlo error, in standard errors of the estimates, below the tolerance."
)
_REFERENCES = (
    ("Delyon B, Lavielle M, Moulines E. Convergence of a stochastic approximation version of the EM "
     "algorithm. Annals of Statistics 1999; 27: 94-128.", "10.1214/aos/1018031103"),
    ("Kuhn E, Lavielle M. Maximum likelihood estimation in nonlinear mixed effects models. Computational "
     "Statistics & Data Analysis 2005; 49: 1020-1038.", "10.1016/j.csda.2004.07.033"),
    ("Louis TA. Finding the observed information matrix when using the EM algorithm. Journal of the Royal "
     "Statistical Society B 1982; 44: 226-233.", "10.1111/j.2517-6161.1982.tb01203.x"),
    ("Delattre M, Lavielle M, Poursat M-A. A note on BIC in mixed-effects models. Electronic Journal of "
     "Statistics 2014; 8: 456-475.", "10.1214/14-EJS890"),
)  # fmt: skip


def is_estimate(fit: Any) -> bool:
    """Whether the population parameters are a point, not draws."""
    return hasattr(fit.record, "estimate")


def numbers(fit: Any) -> Numbers:
    """What stands at the top of the summary."""
    worst = max(fit.record.monte_carlo_error.values(), default=float("nan"))
    found = [
        (str(len(fit.data.subjects)), "subjects"),
        (str(fit.data.n_observations), "observations"),
        (f"{worst:.2f}", "largest Monte Carlo error, in standard errors"),
    ]
    if fit.likelihood:
        found.append((f"{fit.likelihood['minus_twice']:.1f}", "-2 log-likelihood"))
    return Numbers(tuple(found))


def parameter_table(fit: Any, titles: dict[str, str]) -> tuple[Block, ...]:
    """Estimates in blocks, and the likelihood with its penalties."""
    table, signs = fit.estimates, symbols(fit.model)
    rows: list[tuple[str | Markup, ...]] = []
    for block, members in table.groupby("block", sort=False):
        rows.append((titles.get(str(block), str(block)),))
        rows += [_row(signs.get(str(name), str(name)), row) for name, row in members.iterrows()]
    caption = f"Population parameters: {fit.record.estimate} estimates."
    blocks: list[Block] = [Table(caption, _HEADER, rows, align="lllrrrrrr", note=_NOTE)]
    if values := fit.likelihood:
        blocks.append(
            Paragraph(
                f"-2 log-likelihood {values['minus_twice']:.2f} by importance sampling (Monte Carlo standard "
                f"error {values['error']:.2f}), all constants included; AIC {values['aic']:.2f}, BIC "
                f"{values['bic']:.2f}, BICc {values['bicc']:.2f} with {values['parameters']} parameters."
            )
        )
    return tuple(blocks)


def _row(sign: str | Markup, row: pd.Series) -> tuple[str | Markup, ...]:
    start = (sign, str(row.meaning).removeprefix("typical "), str(row.unit), significant(row["value"]))
    if row.known:
        return (*start, "", "known", "", whole(row.cv), whole(row.shrinkage))
    if pd.isna(row.se):
        return (*start, "none", "", "", whole(row.cv), whole(row.shrinkage))
    interval = f"{significant(row.lower)} to {significant(row.upper)}"
    return (*start, significant(row.se), interval, whole(row.rse), whole(row.cv), whole(row.shrinkage))


def phases(fit: Any) -> tuple[Block, ...]:
    """What convergence was judged by, and the path of the estimates."""
    return (
        Paragraph(_CRITERIA),
        Figure(
            "Estimates over the iterations, phase by phase.",
            plot_convergence(fit),
            "estimates of the population parameters over the iterations",
        ),
    )


def methods(fit: Any) -> Section:
    """A paragraph for the methods section of a paper, with its references."""
    record, versions = fit.record, fit.record.versions
    priors = (
        "the priors entered the objective (posterior mode on the scale of estimation)"
        if record.estimate == "posterior mode"
        else "priors gave starting values and ranges only (maximum likelihood)"
    )
    text = (
        f"The data were analysed with a nonlinear mixed-effects model in bayes_nlmem "
        f"{versions.get('bayes-nlmem', '')}, which states it in PyMC {versions.get('pymc', '')}. Population "
        f"parameters were estimated by stochastic approximation EM [1, 2] with "
        f"{counted(record.chains, 'chain')} per subject; {priors}. After the last phase Newton steps on the "
        "observed likelihood were taken until the Monte Carlo error was small. Standard errors are from the "
        "observed information by Louis' identity [3], -2 log-likelihood by importance sampling around the "
        "subjects' modes; BICc after [4]. Shrinkage is given in its standard-deviation version."
    )
    items = "".join(
        f'<li>{escape(reference)} <a href="https://doi.org/{escape(doi)}">doi:{escape(doi)}</a></li>'
        for reference, doi in _REFERENCES
    )
    return Section("Methods", (Paragraph(text), Markup(f'<ol class="references">{items}</ol>')))


def again(fit: Any) -> tuple[str, str]:
    """The sentence and the call that make the estimates again."""
    record = fit.record
    priors = record.estimate == "posterior mode"
    call = (
        f"bn.saem(model, data, priors={priors}, chains={record.chains}, draws={record.draws}, "
        f"seed={record.seed})"
    )
    return "The same data, model, versions, seed and settings give the same estimates:", call
