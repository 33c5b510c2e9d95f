"""What was learnt: the parameter table of the field."""

from __future__ import annotations

from typing import Any

import pandas as pd

from bayes_nlmem.plots.learnt import plot_prior_posterior
from bayes_nlmem.reports.blocks import Block, Figure, Markup, Section, Table
from bayes_nlmem.reports.chapters.point_estimates import is_estimate, parameter_table
from bayes_nlmem.reports.wording import significant, symbols, whole

_TITLES = {
    "structural": "Structural parameters (typical values)",
    "covariate effects": "Covariate effects",
    "IIV": "Variability between subjects (standard deviation on the parameter's scale)",
    "correlations": "Correlations between random effects",
    "IOV": "Variability between occasions (standard deviation on the parameter's scale)",
    "residual": "Residual error",
    "other": "Others",
}
_HEADER = (
    "",
    "description",
    "unit",
    "median",
    "95 % CrI",
    "RSE %",
    "CV %",
    "shrinkage %",
    "R̂",
    "ESS bulk",
    "ESS tail",
)
_NOTE = (
    "CrI: credible interval, equal tails. RSE = 100 SD / |median|. CV of log-normal parameters = "
    "100 √(exp(ω²) − 1). Shrinkage = 100 (1 − SD(E[η]) / √E[ω²]), standard-deviation version. "
    "R̂ and ESS: rank-normalised."
)


def estimates(fit: Any) -> Section:
    """Parameter table in blocks, and what the data added to the priors."""
    if is_estimate(fit):
        return Section("Parameter estimates", parameter_table(fit, _TITLES))
    table = fit.summary()
    blocks: list[Block] = [
        Table(
            "Population parameters.",
            _HEADER,
            _rows(table, symbols(fit.model)),
            align="lllrrrrrrrr",
            note=_NOTE,
        ),
        Figure(
            "Prior (orange) and posterior (blue) of the population parameters. Where the two agree, the data "
            "say nothing about the parameter.",
            plot_prior_posterior(fit),
            "prior and posterior densities of the population parameters",
        ),
    ]
    return Section("Parameter estimates", tuple(blocks))


def _rows(table: pd.DataFrame, signs: dict[str, Markup]) -> list[tuple[str | Markup, ...]]:
    rows: list[tuple[str | Markup, ...]] = []
    for block, members in table.groupby("block", sort=False):
        rows.append((_TITLES.get(str(block), str(block)),))
        rows += [_row(signs.get(str(name), str(name)), row) for name, row in members.iterrows()]
    return rows


def _row(sign: str | Markup, row: pd.Series) -> tuple[str | Markup, ...]:
    start = (sign, str(row.meaning).removeprefix("typical "), str(row.unit), significant(row["median"]))
    if row.known:
        return (*start, "known", "", whole(row.cv), whole(row.shrinkage), "", "", "")
    interval = f"{significant(row.lower)} to {significant(row.upper)}"
    numbers = (whole(row.rse), whole(row.cv), whole(row.shrinkage))
    r_hat = "" if pd.isna(row.r_hat) else f"{row.r_hat:.3f}"
    return (*start, interval, *numbers, r_hat, whole(row.ess_bulk), whole(row.ess_tail))
