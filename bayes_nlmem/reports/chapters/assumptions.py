"""What was assumed: scheme, equations and priors, and what the priors predict."""

from __future__ import annotations

from typing import Any

import pandas as pd

from bayes_nlmem.ground.messages import ModelError
from bayes_nlmem.ground.tables import printed
from bayes_nlmem.model.equations import equations
from bayes_nlmem.plots.model_picture import plot_model
from bayes_nlmem.plots.prior_predictive import plot_prior_predictive
from bayes_nlmem.reports.blocks import Figure, Markup, Paragraph, Section, Table
from bayes_nlmem.reports.chapters.point_estimates import is_estimate
from bayes_nlmem.reports.wording import significant, symbols
from bayes_nlmem.simulation.prior_predictions import prior_predictive


def model(fit: Any) -> Section:
    """Equations of the model and the table of what is known and what is believed."""
    return Section(
        "Model",
        (
            Paragraph(
                "i counts subjects, j observations. Everything below was written by the program from the "
                "model."
            ),
            *_scheme(fit.model),
            Markup(f'<div class="equations">{equations(fit.model, "html")}</div>', equations(fit.model)),
            _priors(fit),
        ),
    )


def prior_predictions(fit: Any) -> Section | None:
    """What the priors say about exposure before any data; left out where the priors only gave a start."""
    if is_estimate(fit) and fit.record.estimate == "maximum likelihood":
        return None
    found = prior_predictive(fit.model, fit.data, draws=200, seed=1)
    table = printed(found.table(), digits=3)
    return Section(
        "What the priors say",
        (
            Paragraph(
                "Studies with the doses and covariates of this one, simulated from the priors alone. Priors "
                "that expect impossible values are too wide, those that exclude possible ones too narrow."
            ),
            Figure(
                f"Prior predictions of {found.output}, over priors and subjects.",
                plot_prior_predictive(found),
                "distribution of exposure under the priors",
            ),
            Table(
                f"Quantiles of the prior predictions of {found.output}.",
                table.header,
                table.rows,
                table.align,
            ),
        ),
    )


def _scheme(model: Any) -> list[Figure]:
    try:
        figure = plot_model(model, layers=False)
    except ModelError:  # a structure without compartments
        return []
    words = "Scheme of the structure: boxes are compartments, arrows flows with their rates."
    return [Figure(words, figure, "compartments and flows of the model")]


def _priors(fit: Any) -> Table:
    table, signs = fit.model.priors(), symbols(fit.model)
    start = is_estimate(fit) and fit.record.estimate == "maximum likelihood"
    said = (
        "Priors: they gave the starting values only, and do not count in the estimates"
        if start
        else "Priors: what was believed of the parameters before the data were seen"
    )
    rows: list[tuple[str | Markup, ...]] = []
    for block, members in table.groupby("block", sort=False):
        rows.append((_capital(str(block)),))
        for name, row in members.iterrows():
            ends = "" if pd.isna(row.lower) else f"{significant(row.lower)} to {significant(row.upper)}"
            rows.append((signs[str(name)], row.meaning, row.unit, row.prior, ends))
    return Table(
        f"{said}; a known number is not estimated.",
        ("", "description", "unit", "prior", "central 95 %"),
        rows,
        align="llllr",
    )


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
