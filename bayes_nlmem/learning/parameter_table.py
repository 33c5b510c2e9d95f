"""The parameter table as the field prints it."""

from __future__ import annotations

from html import escape

import numpy as np
import pandas as pd
import xarray as xr

from bayes_nlmem.ground.scales import Log
from bayes_nlmem.learning.diagnostics import mixing
from bayes_nlmem.learning.sensitivity import power_scaling
from bayes_nlmem.model.quantities import GROUPS, IIV, IOV, RESIDUAL, quantities
from bayes_nlmem.model.specification import Model

OTHER = "other"


def parameter_table(model: Model, draws: xr.DataTree) -> pd.DataFrame:
    """Posterior summary of every population parameter, known ones included.

    Parameters
    ----------
    model : Model
        Gives the order, the meaning and the known values.
    draws : xarray.DataTree
        Draws with a group `posterior`.

    Returns
    -------
    DataFrame
        Index: names in the graph. Columns: `block`, `parameter`, `meaning`, `unit`, `median`, `mean`, `sd`,
        `lower` and `upper` (95% credible interval, equal tails), `rse` (%, 100 SD / |median|), `cv` (%, of
        log-normal effects 100 sqrt(exp(omega^2) - 1); of proportional errors 100 sigma), `shrinkage` (%),
        `r_hat`, `ess_bulk`, `ess_tail`, `prior_sensitivity` (see `sensitivity`: above 0.05 the prior
        matters), `known` (True: not estimated).

    Notes
    -----
    Shrinkage is 100 (1 - SD_i(E[eta_i]) / sqrt(E[omega^2])), the Bayesian form of the SD definition;
    Gelman & Pardoe 2006, doi:10.1198/004017005000000517; Savic & Karlsson 2009,
    doi:10.1208/s12248-009-9133-0.
    """
    posterior = draws["posterior"].to_dataset()
    listed = quantities(model)
    named = {quantity.name for quantity in listed}
    added = [str(name) for name, v in posterior.data_vars.items() if v.ndim == 2 and name not in named]
    entries = [(q.name, q.block, q.owner, q.meaning, q.unit, q.value if q.known else None) for q in listed]
    entries += [(name, OTHER, name, "added by an edit", "", None) for name in added]
    mixing_of = _diagnostics(posterior, [entry[0] for entry in entries if entry[0] in posterior])
    rows = []
    for name, block, parameter, meaning, unit, value in entries:
        row = {"name": name, "block": block, "parameter": parameter, "meaning": meaning, "unit": unit}
        row |= {**_statistics(posterior, name, value), **mixing_of.get(name, {})}
        rows.append({**row, "cv": _cv(model, row), "shrinkage": _shrinkage(posterior, row)})
    columns = ["block", "parameter", "meaning", "unit", "median", "mean", "sd", "lower", "upper", "rse", "cv"]
    columns += ["shrinkage", "r_hat", "ess_bulk", "ess_tail", "prior_sensitivity", "known"]
    table = pd.DataFrame(rows).set_index("name").reindex(columns=columns)
    scaled = power_scaling(model, draws)
    if scaled is not None:
        table["prior_sensitivity"] = scaled["prior"].reindex(table.index)
    return table


def _statistics(posterior: xr.Dataset, name: str, value) -> dict:
    if name not in posterior:
        known = np.nan if value is None else float(value)
        return {"median": known, "mean": known, "known": True}
    x = posterior[name].values.ravel()
    lower, median, upper = np.quantile(x, [0.025, 0.5, 0.975])
    sd = float(x.std(ddof=1)) if x.size > 1 else np.nan
    return {
        "median": median,
        "mean": x.mean(),
        "sd": sd,
        "lower": lower,
        "upper": upper,
        "rse": 100 * sd / abs(median) if median else np.nan,
        "known": False,
    }


def _diagnostics(posterior: xr.Dataset, names: list[str]) -> dict[str, dict]:
    if not names:
        return {}
    columns = dict(zip(("r_hat", "ess_bulk", "ess_tail"), mixing(posterior[names]), strict=True))
    return {name: {column: float(values[name]) for column, values in columns.items()} for name in names}


def _cv(model: Model, row: dict) -> float:
    if row["block"] in (IIV, IOV, GROUPS) and row["name"].startswith(("omega_", "gamma_")):
        if row["parameter"] not in model.parameters:  # the magnitude of an error varies on the log scale
            return 100 * float(np.sqrt(np.expm1(row["median"] ** 2)))
        parameter = model.parameters[row["parameter"]]
        is_log = isinstance(parameter.scale, Log) and (row["block"] != IIV or parameter.law is None)
        return 100 * float(np.sqrt(np.expm1(row["median"] ** 2))) if is_log else np.nan
    if row["block"] == RESIDUAL and row["name"].endswith("_prop"):
        return 100 * row["median"]
    return np.nan


def _shrinkage(posterior: xr.Dataset, row: dict) -> float:
    if row["block"] != IIV or "eta" not in posterior or not row["name"].startswith("omega_"):
        return np.nan
    mean = posterior["eta"].sel(parameter=row["parameter"]).mean(("chain", "draw"))
    name = row["name"]
    variance = float((posterior[name] ** 2).mean()) if name in posterior else row["median"] ** 2
    return 100 * (1 - float(mean.std(ddof=1)) / np.sqrt(variance))


def table_text(table: pd.DataFrame) -> str:
    """The parameter table for a terminal."""
    shown = _formatted(table)
    widths = {column: max(len(column), *(len(v) for v in shown[column])) for column in shown.columns}
    right = set(shown.columns) - {"parameter", "meaning"}
    lines = ["  ".join(c.rjust(widths[c]) if c in right else c.ljust(widths[c]) for c in shown.columns)]
    for block, rows in shown.groupby(table["block"].to_numpy(), sort=False):
        lines.append(f"-- {block} " + "-" * max(0, len(lines[0]) - len(block) - 4))
        for _, row in rows.iterrows():
            cells = (
                row[c].rjust(widths[c]) if c in right else row[c].ljust(widths[c]) for c in shown.columns
            )
            lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def table_html(table: pd.DataFrame) -> str:
    """The parameter table for a notebook or a report, without styles."""
    shown = _formatted(table)
    head = "".join(f"<th>{escape(column)}</th>" for column in shown.columns)
    body = []
    for block, rows in shown.groupby(table["block"].to_numpy(), sort=False):
        body.append(f'<tr class="block"><th colspan="{len(shown.columns)}">{escape(str(block))}</th></tr>')
        for _, row in rows.iterrows():
            body.append("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>")
    return f'<table class="parameters"><thead><tr>{head}</tr></thead><tbody>{"".join(body)}</tbody></table>'


def _formatted(table: pd.DataFrame) -> pd.DataFrame:
    def number(x, digits=3):
        return "" if pd.isna(x) else f"{x:#.{digits}g}".rstrip(".")

    def whole(x):
        return "" if pd.isna(x) else f"{x:.0f}"

    rows = []
    for name, row in table.iterrows():
        unit = f" [{row['unit']}]" if row["unit"] else ""
        rows.append(
            {
                "parameter": f"{name}{unit}",
                "meaning": row["meaning"],
                "median": number(row["median"]),
                "95% CrI": "known" if row["known"] else f"{number(row['lower'])} to {number(row['upper'])}",
                "RSE %": whole(row["rse"]),
                "CV %": whole(row["cv"]),
                "shrinkage %": whole(row["shrinkage"]),
                "R-hat": "" if pd.isna(row["r_hat"]) else f"{row['r_hat']:.3f}",
                "ESS bulk": whole(row["ess_bulk"]),
                "ESS tail": whole(row["ess_tail"]),
                "prior sens.": "" if pd.isna(row["prior_sensitivity"]) else f"{row['prior_sensitivity']:.2f}",
            }
        )
    return pd.DataFrame(rows)
