"""The chapters of a report on estimates by SAEM, where those on a posterior would say what is not so."""

from __future__ import annotations

from typing import Any

import pandas as pd

from bayes_nlmem.plots.phases import plot_convergence
from bayes_nlmem.reports.blocks import Block, Figure, Markup, Numbers, Paragraph, Table
from bayes_nlmem.reports.wording import significant, symbols, whole

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


def again(fit: Any) -> tuple[str, str]:
    """The sentence and the call that make the estimates again."""
    record = fit.record
    priors = record.estimate == "posterior mode"
    call = (
        f"bn.saem(model, data, priors={priors}, chains={record.chains}, draws={record.draws}, "
        f"seed={record.seed})"
    )
    return "The same data, model, versions, seed and settings give the same estimates:", call
