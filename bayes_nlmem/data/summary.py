"""A data set in words: for the terminal and for the notebook."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from bayes_nlmem.data.covariates import Covariate
    from bayes_nlmem.data.dataset import Dataset
    from bayes_nlmem.ground.messages import Fault

_WIDTH = 100
_MOST_LEVELS = 8


def title(data: Dataset) -> str:
    """Name and size in one line."""
    return f"Dataset {data.source}: {_count(data.n_subjects, 'subject')}, {_count(len(data), 'record')}"


def facts(data: Dataset) -> tuple[tuple[str, str], ...]:
    """Label and sentence of each fact worth knowing, in the order of the summary.

    Parameters
    ----------
    data : Dataset
        What was read.

    Returns
    -------
    tuple of (str, str)
        A label that is empty continues the one before.
    """
    sections = (
        ("observations", _observations(data)),
        ("doses", _doses(data)),
        ("other events", _other(data)),
        ("TIME", _time(data)),
        ("occasions", _occasions(data)),
        ("covariates", _covariates(data)),
        ("not used", iter([", ".join(data.ignored)] if data.ignored else [])),
        ("notes", iter(data.notes)),
        ("choices", iter(data.choices)),
        ("warnings", (_warning(fault) for fault in data.warnings)),
    )
    return tuple((label if i == 0 else "", line) for label, lines in sections for i, line in enumerate(lines))


def as_text(data: Dataset) -> str:
    """Summary for the terminal."""
    lines = [title(data)]
    for label, sentence in facts(data):
        wrapper = textwrap.TextWrapper(_WIDTH, f"  {label:<14}", " " * 18, break_long_words=False)
        lines += wrapper.wrap(sentence)
    return "\n".join(lines)


def as_html(data: Dataset) -> str:
    """Summary for a notebook: one small table, readable on light and dark ground."""
    plain = "color:inherit;background:transparent"
    cell = f"text-align:left;vertical-align:top;padding:2px 14px 2px 0;{plain}"
    rows = "".join(
        f"<tr style='{plain}'><th style='{cell};font-weight:600'>{html.escape(label)}</th>"
        f"<td style='{cell}'>{html.escape(sentence)}</td></tr>"
        for label, sentence in facts(data)
    )
    return (
        f"<div style='{plain};font-size:0.95em'><strong>{html.escape(title(data))}</strong>"
        f"<table style='{plain};border-collapse:collapse;margin-top:4px'>{rows}</table></div>"
    )


def _observations(data: Dataset) -> Iterator[str]:
    seen = data.table[data.is_observation]
    if seen.empty:
        yield "none"
        return
    endpoints = list(dict.fromkeys(seen["DVID"]))
    for endpoint in endpoints:
        of = seen[seen["DVID"] == endpoint]
        counts = of.groupby("SUBJECT").size()
        name = f"DVID {endpoint}: " if len(endpoints) > 1 else ""
        yield (
            f"{name}{len(of)}, {_range(counts.to_numpy())} per subject, "
            f"DV {_range(of['DV'].to_numpy())}{_unit(data, 'DV')}{_beyond(of['CENS'].to_numpy())}"
        )


def _beyond(cens: np.ndarray) -> str:
    below, above = int((cens == 1).sum()), int((cens == -1).sum())
    text = f"; {below} BLQ ({100 * below / cens.size:.3g}%)" if below else ""
    return text + (f"; {above} above the upper limit ({100 * above / cens.size:.3g}%)" if above else "")


def _doses(data: Dataset) -> Iterator[str]:
    given = data.table[data.is_dose]
    if given.empty:
        yield "none"
        return
    kinds = [_kind(rate, ss) for rate, ss in zip(given["RATE"], given["SS"], strict=True)]
    for (kind, cmt), of in given.groupby([np.array(kinds), given["CMT"].map(_compartment)], sort=False):
        more = int(of["ADDL"].sum())
        yield (
            f"{_count(len(of), str(kind))} of {_range(of['AMT'].to_numpy())}{_unit(data, 'AMT')} into {cmt}"
            + (f", with {more} additional doses (ADDL)" if more else "")
        )


def _kind(rate: float, ss: int) -> str:
    kinds = {0.0: "bolus dose", -1.0: "modelled-rate infusion", -2.0: "modelled-duration infusion"}
    return ("steady-state " if ss else "") + kinds.get(rate, "infusion")


def _compartment(cmt: object) -> str:
    return "the default compartment" if cmt == 0 else f"CMT {cmt}"


def _other(data: Dataset) -> Iterator[str]:
    evid, mdv = data.table["EVID"].to_numpy(), data.table["MDV"].to_numpy()
    counts = {
        "predictions only (MDV 1)": ((evid == 0) & (mdv % 100 == 1)).sum(),
        "left out of the estimation (MDV 100)": ((evid == 0) & (mdv == 100)).sum(),
        "other (EVID 2)": (evid == 2).sum(),
        "resets (EVID 3, 4)": np.isin(evid, (3, 4)).sum(),
        "amounts replaced or multiplied (EVID 5, 6)": (evid >= 5).sum(),
    }
    said = [f"{count} {what}" for what, count in counts.items() if count]
    if said:
        yield ", ".join(said)


def _time(data: Dataset) -> Iterator[str]:
    yield f"{_range(data.table['TIME'].to_numpy())}{_unit(data, 'TIME')}"


def _occasions(data: Dataset) -> Iterator[str]:
    if "OCC" in data.columns:
        counts = data.table.groupby("SUBJECT")["OCC"].nunique().to_numpy()
        yield f"{_range(counts)} per subject, OCC {_range(data.table['OCC'].to_numpy())}"


def _covariates(data: Dataset) -> Iterator[str]:
    for covariate in data.covariates.values():
        yield _covariate(data, covariate)
    for method in dict.fromkeys(covariate.method for covariate in data.covariates.values()):
        if method in _METHODS:
            yield f"({method}: {_METHODS[method]})"


def _covariate(data: Dataset, covariate: Covariate) -> str:
    first = pd.Series(covariate.values[data.start[:-1]])
    lacking = f", missing in {_count(int(first.isna().sum()), 'subject')}" if first.isna().any() else ""
    method = covariate.method
    changing = "" if method == "constant" else f", time-varying ({method})"
    if covariate.categories is None:
        middle = f", median {_number(float(first.median()))}"
        said = f"{_range(covariate.values)}{_unit(data, covariate.name)}{middle}"
    else:
        counts = first.value_counts()
        levels = [f"{level} ({counts.get(level, 0)})" for level in covariate.categories]
        said = ", ".join(levels[:_MOST_LEVELS]) + (", ..." if len(levels) > _MOST_LEVELS else "")
        said += " subjects" + (" at first" if changing else "")
    return f"{covariate.name} {said}{', constant' if method == 'constant' else changing}{lacking}"


_METHODS = {
    "nocb": "the value of a record governs the time before it, as in NONMEM",
    "locf": "the value of a record governs the time after it, as in rxode2 and Monolix",
    "linear": "the mean of the values at both ends governs the time between two records",
}


def _warning(fault: Fault) -> str:
    place = f" [{fault.place}]" if fault.place else ""
    return f"{fault.code}: {fault.message}{place}" + (f" {fault.remedy}" if fault.remedy else "")


def _range(values: np.ndarray) -> str:
    known = values[~np.isnan(values.astype(float))]
    if not known.size:
        return "not known"
    low, high = _number(known.min()), _number(known.max())
    return low if low == high else f"{low} to {high}"


def _number(value: float) -> str:
    return f"{value:.5g}" if abs(value) < 1e5 or value != int(value) else str(int(value))


def _unit(data: Dataset, name: str) -> str:
    return f" {data.units[name]}" if name in data.units else ""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
