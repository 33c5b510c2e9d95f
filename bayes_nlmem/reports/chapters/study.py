"""What was seen: subjects, doses, observations, covariates, warnings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.data.summary import facts
from bayes_nlmem.plots.observations import plot_observations
from bayes_nlmem.reports.blocks import Block, Figure, Markup, Notice, Section, Table
from bayes_nlmem.reports.wording import significant


def data(fit: Any) -> Section:
    """Summary of the data set with its warnings, covariates and a picture."""
    study = fit.data
    kept = [(label, text) for label, text in _joined(facts(study)) if label not in ("covariates", "warnings")]
    blocks: list[Block] = [
        Table(
            f"What was read: {study.source}.",
            ("", ""),
            [(Markup(f"<b>{label}</b>"), text) for label, text in kept],
            align="lw",
        )
    ]
    if study.covariates:
        blocks.append(_covariates(study))
    if study.warnings:
        points = tuple(str(fault) for fault in study.warnings)
        blocks.append(Notice("warning", "Legal, but worth a look:", points))
    picture = plot_observations(study)
    beyond = bool((study.table.CENS[study.is_observation] != 0).any())
    blocks.append(
        Figure(
            "Observations over time on a linear and on a logarithmic scale; the points of a subject are "
            "joined."
            + (" Open triangles: beyond a limit of quantification, drawn at the limit." if beyond else ""),
            picture,
            "observations against time, one line per subject",
        )
    )
    return Section("Data", tuple(blocks))


def _joined(pairs: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for label, text in pairs:
        if label or not rows:
            rows.append((label, text))
        else:
            rows[-1] = (rows[-1][0], f"{rows[-1][1]}; {text}")
    return rows


def _covariates(study: Any) -> Table:
    first = study.table.groupby("SUBJECT", sort=True).head(1).index.to_numpy()
    rows = []
    for name, covariate in study.covariates.items():
        values = np.asarray(covariate.values)[first]
        unit = study.units.get(name, "")
        if covariate.categories is None:
            cells = [
                significant(number)
                for number in (values.mean(), np.median(values), values.min(), values.max())
            ]
            rows.append((name, unit, *cells, covariate.method))
        else:
            counts = pd.Series(values).value_counts(sort=False).sort_index()
            shares = ", ".join(
                f"{level if isinstance(level, str) else format(level, 'g')}: {number}"
                for level, number in counts.items()
            )
            rows.append((name, unit, shares, "", "", "", covariate.method))
    return Table(
        "Covariates of the subjects (first value of each).",
        ("covariate", "unit", "mean", "median", "minimum", "maximum", "between records"),
        rows,
        align="llrrrrl",
    )
