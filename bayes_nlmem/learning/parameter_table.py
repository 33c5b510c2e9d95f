"""The parameter table as the field prints it, of draws and of estimates."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_nlmem.ground.prior import Prior
from bayes_nlmem.ground.scales import Log
from bayes_nlmem.ground.tables import Printed
from bayes_nlmem.learning.diagnostics import mixing
from bayes_nlmem.learning.sensitivity import power_scaling
from bayes_nlmem.model.quantities import GROUPS, IIV, IOV, RESIDUAL, quantities
from bayes_nlmem.model.specification import Model

OTHER = "other"
_LARGEST = 25.0  # SD of a log-normal effect above which its CV is beyond all bounds


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
    entries = parameter_rows(model, [str(name) for name, v in posterior.data_vars.items() if v.ndim == 2])
    mixing_of = _diagnostics(posterior, [entry["name"] for entry in entries if entry["name"] in posterior])
    rows = []
    for entry in entries:
        name, value = entry["name"], entry.pop("value")
        row = {**entry, **_statistics(posterior, name, value), **mixing_of.get(name, {})}
        row["cv"] = cv_of(model, row["block"], row["parameter"], name, row["median"])
        rows.append({**row, "shrinkage": _shrinkage(posterior, row)})
    columns = ["block", "parameter", "meaning", "unit", "median", "mean", "sd", "lower", "upper", "rse", "cv"]
    columns += ["shrinkage", "r_hat", "ess_bulk", "ess_tail", "prior_sensitivity", "known"]
    table = pd.DataFrame(rows).set_index("name").reindex(columns=columns)
    scaled = power_scaling(model, draws)
    if scaled is not None:
        table["prior_sensitivity"] = scaled["prior"].reindex(table.index)
    return table


def parameter_rows(model: Model, found: Iterable[str]) -> list[dict[str, Any]]:
    """What is said of every population parameter before its estimate, in the model's order.

    Parameters
    ----------
    model : Model
        Gives order, meaning, unit and the known values.
    found : iterable of str
        Names in the draws or estimates; those that the model does not know were added by an edit.

    Returns
    -------
    list of dict
        `name`, `block`, `parameter`, `meaning`, `unit`, `value` (None where it is not known).
    """
    keys = ("name", "block", "parameter", "meaning", "unit", "value")
    listed = quantities(model)
    rows = [
        (q.name, q.block, q.owner, q.meaning, q.unit, None if isinstance(q.value, Prior) else float(q.value))
        for q in listed
    ]
    named = {quantity.name for quantity in listed}
    rows += [(name, OTHER, name, "added by an edit", "", None) for name in found if name not in named]
    return [dict(zip(keys, row, strict=True)) for row in rows]


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


def cv_of(model: Model, block: str, parameter: str, name: str, value: float) -> float:
    """Coefficient of variation in percent that an SD of effects or a proportional error means, else NaN."""
    if block in (IIV, IOV, GROUPS) and name.startswith(("omega_", "gamma_")):
        on_log_scale = 100 * float(np.sqrt(np.expm1(min(value, _LARGEST) ** 2)))
        if parameter not in model.parameters:  # the magnitude of an error varies on the log scale
            return on_log_scale
        stated = model.parameters[parameter]
        is_log = isinstance(stated.scale, Log) and (block != IIV or stated.law is None)
        return on_log_scale if is_log else np.nan
    if block == RESIDUAL and name.endswith("_prop"):
        return 100 * value
    return np.nan


def _shrinkage(posterior: xr.Dataset, row: dict) -> float:
    if row["block"] != IIV or "eta" not in posterior or not row["name"].startswith("omega_"):
        return np.nan
    mean = posterior["eta"].sel(parameter=row["parameter"]).mean(("chain", "draw"))
    name = row["name"]
    variance = float((posterior[name] ** 2).mean()) if name in posterior else row["median"] ** 2
    return 100 * (1 - float(mean.std(ddof=1)) / np.sqrt(variance))


# What stands in the cells of a printed table, by its heading: side of the cell, text of a row.
_CELLS: dict[str, tuple[str, Callable[[str, pd.Series], str]]] = {
    "parameter": ("l", lambda name, row: f"{name} [{row['unit']}]" if row["unit"] else name),
    "meaning": ("l", lambda name, row: row["meaning"]),
    "median": ("r", lambda name, row: _number(row["median"])),
    "value": ("r", lambda name, row: _number(row["value"])),
    "SE": ("r", lambda name, row: _number(row["se"])),
    "95% CrI": ("r", lambda name, row: _interval(row)),
    "95% CI": ("r", lambda name, row: _interval(row)),
    "RSE %": ("r", lambda name, row: _whole(row["rse"])),
    "CV %": ("r", lambda name, row: _whole(row["cv"])),
    "shrinkage %": ("r", lambda name, row: _whole(row["shrinkage"])),
    "R-hat": ("r", lambda name, row: "" if pd.isna(row["r_hat"]) else f"{row['r_hat']:.3f}"),
    "ESS bulk": ("r", lambda name, row: _whole(row["ess_bulk"])),
    "ESS tail": ("r", lambda name, row: _whole(row["ess_tail"])),
    "prior sens.": (
        "r",
        lambda name, row: "" if pd.isna(row["prior_sensitivity"]) else f"{row['prior_sensitivity']:.2f}",
    ),
}
_SAMPLED = (
    "median",
    "95% CrI",
    "RSE %",
    "CV %",
    "shrinkage %",
    "R-hat",
    "ESS bulk",
    "ESS tail",
    "prior sens.",
)
_MAXIMISED = ("value", "SE", "RSE %", "95% CI", "CV %", "shrinkage %")
# Heading of a column of numbers in `table_frame`, by its name in the table.
_NUMBERS = {
    "unit": "unit", "meaning": "meaning", "median": "median", "value": "value", "mean": "mean", "sd": "SD",
    "se": "SE", "lower": "lower 95%", "upper": "upper 95%", "rse": "RSE %", "cv": "CV %",
    "shrinkage": "shrinkage %", "r_hat": "R-hat", "ess_bulk": "ESS bulk", "ess_tail": "ESS tail",
    "prior_sensitivity": "prior sensitivity", "mc_error": "MC error [SE]", "known": "known",
}  # fmt: skip


def printed_table(table: pd.DataFrame) -> Printed:
    """The parameter table in blocks, of draws (with a column `median`) or of estimates (`value`).

    Parameters
    ----------
    table : DataFrame
        As made by `parameter_table` or `estimates_table`.

    Returns
    -------
    Printed
        To be written as text, HTML or LaTeX.
    """
    headings = ("parameter", "meaning", *(_SAMPLED if "median" in table else _MAXIMISED))
    rows: list[tuple[str, ...]] = []
    for block, members in table.groupby("block", sort=False):
        rows.append((str(block),))
        for name, row in members.iterrows():
            rows.append(tuple(_CELLS[heading][1](str(name), row) for heading in headings))
    return Printed(headings, tuple(rows), "".join(_CELLS[heading][0] for heading in headings))


def table_frame(table: pd.DataFrame) -> pd.DataFrame:
    """The parameter table in numbers under the headings that a reader knows, to be copied or written out.

    Parameters
    ----------
    table : DataFrame
        As made by `parameter_table` or `estimates_table`.

    Returns
    -------
    DataFrame
        One row per parameter; first columns `block` and `parameter`.
    """
    numbers = table[[name for name in _NUMBERS if name in table]].rename(columns=_NUMBERS)
    numbers.insert(0, "block", table["block"])
    numbers.insert(1, "parameter", table.index)
    return numbers.reset_index(drop=True)


def _interval(row: pd.Series) -> str:
    if row["known"]:
        return "known"
    return "" if pd.isna(row["lower"]) else f"{_number(row['lower'])} to {_number(row['upper'])}"


def _number(x: float) -> str:
    return "" if pd.isna(x) else f"{x:#.3g}".rstrip(".")


def _whole(x: float) -> str:
    return "" if pd.isna(x) else f"{x:.0f}"
