"""The table of maximum-likelihood estimates as the field prints it."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.ground.prior import Prior
from bayes_nlmem.ground.scales import Log
from bayes_nlmem.model.quantities import IIV, IOV, RESIDUAL, quantities
from bayes_nlmem.model.specification import Model

_COLUMNS = [
    "block",
    "parameter",
    "meaning",
    "unit",
    "value",
    "se",
    "rse",
    "lower",
    "upper",
    "cv",
    "shrinkage",
]
_COLUMNS += ["mc_error", "known"]


def estimates_table(
    model: Model,
    values: dict[str, float],
    deviations: dict[str, tuple[float, float, float]],
    shrinkage: dict[str, float],
    errors: dict[str, float],
) -> pd.DataFrame:
    """Assemble the estimates, in the model's order.

    Parameters
    ----------
    model : Model
        Gives the order, the meaning and the known values.
    values : dict of str to float
        Name in the graph -> estimate, natural scale.
    deviations : dict of str to (float, float, float)
        Standard error and 95% confidence limits.
    shrinkage : dict of str to float
        Name of the parameter -> shrinkage of its `eta` in %.
    errors : dict of str to float
        Monte Carlo error in standard errors.
    """
    listed = quantities(model)
    entries = [(q.name, q.block, q.owner, q.meaning, q.unit, _number(q.value)) for q in listed]
    named = {entry[0] for entry in entries}
    entries += [(name, "other", name, "added by an edit", "", None) for name in values if name not in named]
    rows = []
    for name, block, parameter, meaning, unit, known in entries:
        value = values.get(name, known)
        value = np.nan if value is None else value
        se, lower, upper = deviations.get(name, (np.nan, np.nan, np.nan))
        row: dict[str, Any] = {
            "name": name,
            "block": block,
            "parameter": parameter,
            "meaning": meaning,
            "unit": unit,
        }
        row |= {"value": value, "se": se, "lower": lower, "upper": upper, "known": name not in values}
        row["rse"] = 100 * se / abs(value) if value else np.nan
        row["cv"] = _cv(model, block, parameter, name, value)
        row["shrinkage"] = shrinkage.get(parameter, np.nan) if block == IIV else np.nan
        row["mc_error"] = errors.get(name, np.nan)
        rows.append(row)
    return pd.DataFrame(rows).set_index("name").reindex(columns=_COLUMNS)


def _number(value: float | Prior) -> float | None:
    return None if isinstance(value, Prior) else float(value)


def _cv(model: Model, block: str, parameter: str, name: str, value: float) -> float:
    if block in (IIV, IOV) and name.startswith(("omega_", "gamma_")) and parameter in model.parameters:
        is_log = isinstance(model.parameters[parameter].scale, Log)
        return 100 * float(np.sqrt(np.expm1(min(value, 25.0) ** 2))) if is_log else np.nan
    if block == RESIDUAL and name.endswith("_prop"):
        return 100 * value
    return np.nan


def estimates_text(table: pd.DataFrame) -> str:
    """The table for a terminal."""
    shown = _formatted(table)
    widths = {column: max(len(column), *(len(v) for v in shown[column])) for column in shown.columns}
    right = set(shown.columns) - {"parameter", "meaning"}
    lines = ["  ".join(c.rjust(widths[c]) if c in right else c.ljust(widths[c]) for c in shown.columns)]
    for block, rows in shown.groupby(table["block"].to_numpy(), sort=False):
        lines.append(f"-- {block} " + "-" * max(0, len(lines[0]) - len(block) - 4))
        for _, row in rows.iterrows():
            cells = [
                row[c].rjust(widths[c]) if c in right else row[c].ljust(widths[c]) for c in shown.columns
            ]
            lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def estimates_html(table: pd.DataFrame) -> str:
    """The table for a notebook or a report, without styles."""
    shown = _formatted(table)
    head = "".join(f"<th>{escape(column)}</th>" for column in shown.columns)
    body = []
    for block, rows in shown.groupby(table["block"].to_numpy(), sort=False):
        body.append(f'<tr class="block"><th colspan="{len(shown.columns)}">{escape(str(block))}</th></tr>')
        for _, row in rows.iterrows():
            body.append("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>")
    return f'<table class="parameters"><thead><tr>{head}</tr></thead><tbody>{"".join(body)}</tbody></table>'


def _formatted(table: pd.DataFrame) -> pd.DataFrame:
    def number(x: float) -> str:
        return "" if pd.isna(x) else f"{x:#.3g}".rstrip(".")

    def whole(x: float) -> str:
        return "" if pd.isna(x) else f"{x:.0f}"

    rows = []
    for name, row in table.iterrows():
        unit = f" [{row['unit']}]" if row["unit"] else ""
        interval = f"{number(row['lower'])} to {number(row['upper'])}" if pd.notna(row["se"]) else ""
        rows.append(
            {
                "parameter": f"{name}{unit}",
                "meaning": row["meaning"],
                "value": number(row["value"]),
                "SE": number(row["se"]),
                "RSE %": whole(row["rse"]),
                "95% CI": "known" if row["known"] else interval,
                "CV %": whole(row["cv"]),
                "shrinkage %": whole(row["shrinkage"]),
            }
        )
    return pd.DataFrame(rows)
