"""What was assumed: equations and priors."""

from __future__ import annotations

from typing import Any

import pandas as pd

from bayes_nlmem.model.equations import equations
from bayes_nlmem.reports.blocks import Markup, Paragraph, Section, Table
from bayes_nlmem.reports.wording import significant, symbols


def model(fit: Any) -> Section:
    """Equations of the model and the table of what is known and what is believed."""
    return Section(
        "Model",
        (
            Paragraph(
                "i counts subjects, j observations. Everything below was written by the program from the "
                "model."
            ),
            Markup(f'<div class="equations">{equations(fit.model, "html")}</div>'),
            _priors(fit.model),
        ),
    )


def _priors(model: Any) -> Table:
    table, signs = model.priors(), symbols(model)
    rows: list[tuple[str | Markup, ...]] = []
    for block, members in table.groupby("block", sort=False):
        rows.append((_capital(str(block)),))
        for name, row in members.iterrows():
            ends = "" if pd.isna(row.lower) else f"{significant(row.lower)} to {significant(row.upper)}"
            rows.append((signs[str(name)], row.meaning, row.unit, row.prior, ends))
    return Table(
        "Priors: what was believed of the parameters before the data were seen; a known number is not "
        "estimated.",
        ("", "description", "unit", "prior", "central 95 %"),
        rows,
        align="llllr",
    )


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
