"""The parameter table as the field prints it."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from itertools import combinations

import numpy as np
import pandas as pd
import xarray as xr

from bayes_nlmem.ground.priors import Prior
from bayes_nlmem.learning.diagnostics import mixing
from bayes_nlmem.model.specification import Model

STRUCTURAL, COVARIATE, IIV = "structural", "covariate effects", "IIV"
CORRELATION, IOV, RESIDUAL, OTHER = "correlations", "IOV", "residual", "other"
BLOCKS = (STRUCTURAL, COVARIATE, IIV, CORRELATION, IOV, RESIDUAL, OTHER)


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
        `r_hat`, `ess_bulk`, `ess_tail`, `known` (True: not estimated).

    Notes
    -----
    Shrinkage is 100 (1 - SD_i(E[eta_i]) / sqrt(E[omega^2])), the Bayesian form of the SD definition;
    Gelman & Pardoe 2006, doi:10.1198/004017005000000517; Savic & Karlsson 2009,
    doi:10.1208/s12248-009-9133-0.
    """
    posterior = draws["posterior"].to_dataset()
    entries = list(_entries(model))
    listed = {entry["name"] for entry in entries}
    entries += [
        {"name": str(name), "block": OTHER, "parameter": str(name), "meaning": "added by an edit", "unit": ""}
        for name, values in posterior.data_vars.items()
        if values.ndim == 2 and name not in listed
    ]
    diagnostics = _diagnostics(posterior, [e["name"] for e in entries if e["name"] in posterior])
    rows = []
    for entry in entries:
        row = {**entry, **_statistics(posterior, entry["name"], entry.pop("value", None))}
        row |= diagnostics.get(row["name"], {})
        row["cv"] = _cv(model, row)
        row["shrinkage"] = _shrinkage(posterior, row)
        rows.append(row)
    columns = ["block", "parameter", "meaning", "unit", "median", "mean", "sd", "lower", "upper", "rse", "cv"]
    columns += ["shrinkage", "r_hat", "ess_bulk", "ess_tail", "known"]
    table = pd.DataFrame(rows).set_index("name").reindex(columns=columns)
    order = {block: k for k, block in enumerate(BLOCKS)}
    return table.sort_values("block", key=lambda block: block.map(order), kind="stable")


def _entries(model: Model) -> Iterator[dict]:
    for name, parameter in model.parameters.items():
        label = parameter.label or name
        yield _entry(f"{name}_pop", STRUCTURAL, name, f"typical {label}", parameter.unit, parameter.typical)
        for covariate, effect in parameter.covariates.items():
            for suffix, value in effect.unknowns().items():
                graph_name = "_".join(filter(None, (name, covariate, suffix)))
                meaning = f"{type(effect).__name__.lower()} effect of {covariate}" + (
                    f" {suffix}" if suffix else ""
                )
                yield _entry(graph_name, COVARIATE, name, meaning, "", value)
        if parameter.iiv is not None:
            yield _entry(f"omega_{name}", IIV, name, "between subjects, SD", "", parameter.iiv)
        if parameter.iov is not None:
            yield _entry(f"gamma_{name}", IOV, name, "between occasions, SD", "", parameter.iov)
    for block in model.correlated:
        members = sorted(block.names, key=model.random_effects.index)
        for a, b in combinations(members, 2):
            yield _entry(
                f"corr_{a}_{b}", CORRELATION, f"{a}, {b}", "correlation of the effects", "", block.prior
            )
    meanings = {"add": "additive error, SD", "prop": "proportional error, fraction"}
    for output, residual in model.residuals.items():
        for suffix, value in residual.unknowns().items():
            yield _entry(
                f"sigma_{output}_{suffix}", RESIDUAL, output, meanings.get(suffix, suffix), "", value
            )


def _entry(name, block, parameter, meaning, unit, value) -> dict:
    return {
        "name": name,
        "block": block,
        "parameter": parameter,
        "meaning": meaning,
        "unit": unit,
        "value": value,
    }


def _statistics(posterior: xr.Dataset, name: str, value) -> dict:
    if name not in posterior:
        known = np.nan if value is None or isinstance(value, Prior) else float(value)
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
    if row["block"] in (IIV, IOV):
        scale = type(model.parameters[row["parameter"]].scale).__name__
        return 100 * float(np.sqrt(np.expm1(row["median"] ** 2))) if scale == "Log" else np.nan
    if row["block"] == RESIDUAL and row["name"].endswith("_prop"):
        return 100 * row["median"]
    return np.nan


def _shrinkage(posterior: xr.Dataset, row: dict) -> float:
    if row["block"] != IIV or "eta" not in posterior:
        return np.nan
    mean = posterior["eta"].sel(parameter=row["parameter"]).mean(("chain", "draw"))
    name = row["name"]
    variance = float((posterior[name] ** 2).mean()) if name in posterior else row["median"] ** 2
    return 100 * (1 - float(mean.std(ddof=1)) / np.sqrt(variance))


def table_text(table: pd.DataFrame) -> str:
    """The parameter table for a terminal."""
    shown = _formatted(table)
    widths = {column: max(len(column), *(len(v) for v in shown[column])) for column in shown}
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
            }
        )
    return pd.DataFrame(rows)
