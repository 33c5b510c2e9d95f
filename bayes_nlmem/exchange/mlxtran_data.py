"""The data of a Monolix project: its columns as ours, its lines as records."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.data.reader import read
from bayes_nlmem.exchange.mlxtran_kinetics import Kinetics
from bayes_nlmem.exchange.mlxtran_statistics import Covariates
from bayes_nlmem.exchange.mlxtran_structure import Translated
from bayes_nlmem.exchange.mlxtran_text import Line, Place, check_words, listed, refused, statements
from bayes_nlmem.ground.messages import ModelError, explain
from bayes_nlmem.statistics.categorical import level_text

_DELIMITERS = {"comma": ",", "tab": "\t", "semicolon": ";", "space": " "}
_USES = {
    "identifier": "ID", "id": "ID", "time": "TIME", "amount": "AMT", "amt": "AMT", "rate": "RATE",
    "infusionrate": "RATE", "tinf": "TINF", "infusiontime": "TINF", "infusionduration": "TINF",
    "steadystate": "SS", "ss": "SS", "interdoseinterval": "II", "ii": "II", "additionaldose": "ADDL",
    "additionaldoses": "ADDL", "addl": "ADDL", "eventidentifier": "EVID", "eventid": "EVID", "evid": "EVID",
    "missingdependentvariable": "MDV", "ignoredobservation": "MDV", "mdv": "MDV", "censored": "CENS",
    "censoring": "CENS", "cens": "CENS", "limit": "LIMIT", "observation": "DV", "observationtype": "DVID",
    "observationid": "DVID", "administration": "ADM", "admid": "ADM", "adm": "ADM", "occasion": "OCC",
    "occ": "OCC", "covariate": "", "regressor": "", "ignored": "", "ignore": "",
}  # fmt: skip
_MISSING = ("", ".", "NA", "nan", "NaN")


@dataclass
class Columns:
    """What <DATAFILE> says.

    Parameters
    ----------
    file, delimiter : str
    header : list of str
    ours : dict of str to str
        Our name -> column.
    covariates, regressors : list of str
    observations : list of (str, str)
        (name, value of the observation type), one of each kind of observation.
    settings : list of str
        What is not taken over.
    """

    file: str = ""
    delimiter: str = ","
    header: list[str] = field(default_factory=list)
    ours: dict[str, str] = field(default_factory=dict)
    covariates: list[str] = field(default_factory=list)
    regressors: list[str] = field(default_factory=list)
    observations: list[tuple[str, str]] = field(default_factory=list)
    settings: list[str] = field(default_factory=list)


def columns_of(places: Mapping[Place, list[Line]]) -> Columns:
    """The file and the roles of its columns.

    Raises
    ------
    ModelError
        Roles that we do not have, filters, observations that are not continuous.
    """
    found = Columns()
    for line, name, value in statements(places.get(("DATAFILE", "FILEINFO", ""), [])):
        if name == "file":
            found.file = value["path"] if isinstance(value, dict) else str(value)
        elif name == "delimiter":
            if value not in _DELIMITERS:
                raise refused(line, f"delimiter={value}", f"one of {', '.join(_DELIMITERS)}")
            found.delimiter = _DELIMITERS[value]
        elif name == "header":
            found.header = [str(column) for column in listed(value)]
        else:
            raise refused(line, name, "file, delimiter and header")
    for line, name, given in statements(places.get(("DATAFILE", "CONTENT", ""), [])):
        given = given if isinstance(given, dict) else {}
        use = str(given.get("use", "")).lower()
        if use not in _USES:
            raise refused(line, f"{name} with use={use}", f"roles among {', '.join(_USES)}")
        words = ("use", "type", "name", "yname", "categories", *(["nbdoses"] if _USES[use] == "SS" else []))
        check_words(line, name, given, words)
        if use == "covariate":
            found.covariates.append(name)
        elif use == "regressor":
            found.regressors.append(name)
        elif (role := _USES[use]) in found.ours:
            raise refused(
                line, f"{name} with use={use}", f"one column of this role, beside {found.ours[role]}"
            )
        elif role:
            found.ours[role] = name
        if use == "observation":
            kinds = [str(kind) for kind in listed(given.get("type", "continuous"))]
            if set(kinds) != {"continuous"}:
                raise refused(line, f"type={', '.join(kinds)} of {name}", "type=continuous",
                              "Write the endpoint by hand, see Bernoulli, Poisson, TimeToEvent.")  # fmt: skip
            labels = [str(label) for label in listed(given.get("yname", given.get("name", name)))]
            names = [str(label) for label in listed(given.get("name", labels))]
            found.observations = list(zip(names, labels, strict=True))
    for (section, part, _), lines in places.items():
        if section == "DATAFILE" and part not in ("FILEINFO", "CONTENT"):
            if part != "SETTINGS":
                raise refused(lines[0].number, f"[{part}]", "data without filters and formatting",
                              "Apply it to the file first.")  # fmt: skip
            found.settings += [f"line {line.number}: {line.text}" for line in lines]
    return found


def frame_of(columns: Columns, folder: Path, given: str | Path | pd.DataFrame | None) -> pd.DataFrame:
    """The file as text, missing values as NaN."""
    if isinstance(given, pd.DataFrame):
        frame = given.astype(object)
    else:
        path = folder / columns.file if given is None else Path(given)
        if not path.is_file():
            remedy = "Give the data: from_monolix(path, data=...)."
            raise ModelError(explain(expected="the file of <DATAFILE>", got=f"no {path}", remedy=remedy))
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [
                [cell.strip() for cell in row]
                for row in csv.reader(file, delimiter=columns.delimiter, skipinitialspace=True)
            ]
        rows = [row for row in rows if any(row)]
        if columns.delimiter == " ":
            rows = [[cell for cell in row if cell] for row in rows]
        header = columns.header or rows[0]
        if len(rows[0]) != len(header) or any(len(row) != len(header) for row in rows):
            got = f"{sorted({len(row) for row in rows})} cells in the lines of {path.name}"
            raise ModelError(explain(expected=f"{len(header)} columns ({', '.join(header)})", got=got))
        first = rows[0] if [c.lstrip("#") for c in rows[0]] == header else None
        if first is None and not _is_data(rows[0]):
            got = ", ".join(rows[0])
            raise ModelError(explain(expected=f"the header {', '.join(header)} in {path.name}", got=got))
        frame = pd.DataFrame(rows[1:] if first else rows, columns=header, dtype=object)
    if missing := [c for c in (*columns.ours.values(), *columns.covariates, *columns.regressors)
                   if c not in frame.columns]:  # fmt: skip
        got = ", ".join(map(str, frame.columns))
        raise ModelError(explain(expected=f"the columns {', '.join(missing)}", got=got))
    return frame.replace(list(_MISSING), np.nan)


def _is_data(row: list[str]) -> bool:
    """Whether a line has numbers."""
    return any(cell.replace(".", "", 1).lstrip("-").isdigit() for cell in row)


def dataset_of(
    frame: pd.DataFrame,
    columns: Columns,
    outputs: Mapping[str, str],
    translated: Translated,
    kinetics: Kinetics,
    covariates: Covariates,
) -> tuple[Dataset, list[str]]:
    """Our data, and what was left out of them.

    Parameters
    ----------
    outputs : mapping of str to str
        Value of the observation type -> output; those that are not in it are not fitted.
    """

    def numeric(role: str) -> pd.Series:
        if role not in columns.ours:
            return pd.Series(np.nan, index=frame.index)
        text = frame[columns.ours[role]]
        values = pd.to_numeric(text, errors="coerce")
        if (wrong := text[values.isna() & text.notna()]).size:
            got = f"{wrong.iloc[0]!r} in the row {wrong.index[0] + 1}"
            raise ModelError(explain(expected=f"numbers in {columns.ours[role]}", got=got))
        return values.astype(float)

    listed_notes: list[str] = []
    table = pd.DataFrame(
        {"ID": _numbers_if_all(frame[columns.ours["ID"]]), "DV": numeric("DV"), "AMT": numeric("AMT")}
    )
    table["TIME"] = numeric("TIME") if "TIME" in columns.ours else 0.0
    for role in ("ADDL", "II", "CENS", "LIMIT", "OCC"):
        if role in columns.ours:
            table[role] = numeric(role)
    if (numeric("SS").fillna(0) != 0).any():
        remedy = (
            "Monolix solves no steady state, it puts a number of doses (nbdoses) before such a dose. "
            "Write these as records of their own, or as one with ADDL and II, and set SS to 0."
        )
        raise ModelError(
            explain(expected="doses without steady state", got="SS that is not 0", remedy=remedy)
        )
    is_dose = table["AMT"].notna() & (table["AMT"] != 0)
    is_seen = table["DV"].notna()
    evid = numeric("EVID")
    if "EVID" in columns.ours:
        is_dose, is_seen = evid.isin([1, 4]), (evid.fillna(0) == 0) & is_seen
    is_seen &= numeric("MDV").fillna(0) == 0
    if "DVID" in columns.ours:
        label = frame[columns.ours["DVID"]].map(
            lambda value: "" if pd.isna(value) else level_text(_number(value))
        )
        fitted = {level_text(_number(key)): output for key, output in outputs.items()}
        if left := sorted(set(label[is_seen]) - set(fitted)):
            count = int((is_seen & label.isin(left)).sum())
            listed_notes.append(f"{count} observations of type {', '.join(left)}: not in <FIT>, left out.")
        is_seen &= label.isin(fitted)
        table["DVID"] = label.map(fitted) if len(fitted) > 1 else np.nan
    rate = numeric("RATE").fillna(0.0)
    if "TINF" in columns.ours:
        time = numeric("TINF").fillna(0.0)
        rate = (table["AMT"] / time.where(time > 0)).fillna(0.0)
    adm = numeric("ADM").fillna(1.0)
    _check_doses(table, is_dose, rate, adm, kinetics)
    timed = is_dose & adm.isin(translated.modelled)
    table["RATE"] = np.where(timed, -2.0, np.where(is_dose, rate, 0.0))
    table["EVID"] = np.select([is_dose, is_seen], [1, 0], 2)
    if "EVID" in columns.ours:
        table["EVID"] = np.where(is_dose | evid.isin([2, 3]), evid.fillna(0), table["EVID"])
    if translated.numbers:
        table["CMT"] = np.where(is_dose, adm.map(translated.numbers), np.nan)
    for name in (*columns.covariates, *columns.regressors):
        table[name] = frame[name].map(_number)
    _regroup(table, covariates)
    both = is_dose & is_seen
    table = _records(table, is_dose, is_seen, both, kinetics, translated.numbers)
    if kinetics.start is not None:
        table = _from_start(table, kinetics.start)
    names = [*columns.covariates, *(group for group in covariates.groups if group in covariates.used)]
    method = "locf" if "OCC" in table else "constant"
    asked: dict[str, str | None] = {name: method for name in names if name in covariates.used}
    asked |= dict.fromkeys(columns.regressors, "locf")
    categories = [name for name in asked if name in covariates.categories]
    unused = [
        name for name in (*columns.covariates, *covariates.groups) if name not in asked and name in table
    ]
    table = table.drop(columns=unused).dropna(axis=1, how="all")
    numeric_only = [c for c in categories if not all(isinstance(v, str) for v in table[c].dropna())]
    return read(table, covariates=asked, categorical=numeric_only), listed_notes


def _numbers_if_all(text: pd.Series) -> pd.Series:
    values = pd.to_numeric(text, errors="coerce")
    return text if values.isna().any() else values


def _number(value: Any) -> Any:
    try:
        return float(value)
    except (TypeError, ValueError):
        return value


def _check_doses(
    table: pd.DataFrame, is_dose: pd.Series, rate: pd.Series, adm: pd.Series, kinetics: Kinetics
) -> None:
    if kinetics.terms and (strange := sorted(set(adm[is_dose]) - set(kinetics.doors))):
        got = f"doses of administration {', '.join(f'{one:g}' for one in strange)}"
        raise ModelError(explain(expected="an absorption, iv or depot for every administration", got=got))
    for number, door in kinetics.doors.items():
        rates = rate[is_dose & (adm == number)]
        if (rates < 0).any() or ((rates > 0).any() and (not door.jumps or "F" in door.inputs)):
            got = f"rates or durations of administration {number}"
            remedy = "Drop the column, or write the model by hand."
            expected = "infusions into a compartment, at a rate >= 0 and without p"
            raise refused(door.number, got, expected, remedy)


def _regroup(table: pd.DataFrame, covariates: Covariates) -> None:
    for name, (raw, groups, _) in covariates.groups.items():
        if name not in covariates.used:
            continue
        of = {level_text(_number(level)): group for group, levels in groups.items() for level in levels}
        table[name] = [None if pd.isna(v) else of.get(level_text(v)) for v in table[raw]]
        if lost := sorted({level_text(v) for v, g in zip(table[raw], table[name], strict=True)
                           if not pd.isna(v) and g is None}):  # fmt: skip
            got = f"{raw} {', '.join(lost)}"
            raise ModelError(explain(expected=f"a group of {name} for every category", got=got))


def _records(
    table: pd.DataFrame,
    is_dose: pd.Series,
    is_seen: pd.Series,
    both: pd.Series,
    kinetics: Kinetics,
    numbers: Mapping[int, int],
) -> pd.DataFrame:
    """One record for each dose and each observation, where a line is both; their order must not matter."""
    dosing = table[is_dose & table["AMT"].notna()]
    jumping = {numbers[adm] for adm, door in kinetics.doors.items() if door.jumps}
    bolus = dosing["RATE"] == 0
    bolus &= dosing["CMT"].isin(jumping) if "CMT" in dosing else False
    at_once = dosing[bolus | (dosing["EVID"] == 4)]
    if len(at_once):
        more = at_once["ADDL"].fillna(0) if "ADDL" in at_once else 0 * at_once["TIME"]
        every = at_once["II"].fillna(0) if "II" in at_once else 0 * at_once["TIME"]
        taken = {
            (subject, round(time + k * step, 9))
            for subject, time, count, step in zip(at_once["ID"], at_once["TIME"], more, every, strict=True)
            for k in range(int(count) + 1)
        }
        seen = table[is_seen]
        clash = [(i, t) for i, t in zip(seen["ID"], seen["TIME"], strict=True) if (i, round(t, 9)) in taken]
        if clash:
            got = f"one for ID {clash[0][0]} at {clash[0][1]:g} ({len(clash)} in all)"
            remedy = (
                "Which of the two Monolix takes first is not documented: set MDV to 1, or move the "
                "observation to just before or after the dose."
            )
            expected = "no observation at the time of a bolus, where only the order of events decides on it"
            raise ModelError(explain(expected=expected, got=got, remedy=remedy))
    doses = table.assign(_order=1)
    doses.loc[is_dose, "DV"] = np.nan
    doses.loc[~is_dose, ["AMT", "RATE"]] = 0.0
    doses.loc[table["EVID"] == 2, "DV"] = np.nan
    observed = table[both].assign(_order=0, EVID=0, AMT=0.0, RATE=0.0, CMT=np.nan)
    for column in ("ADDL", "II"):
        if column in table:
            doses.loc[~is_dose, column] = 0.0
            observed[column] = 0.0
    for column in ("CENS", "LIMIT", "DVID"):
        if column in table:
            doses.loc[table["EVID"] != 0, column] = np.nan
    joined = pd.concat([doses, observed]).sort_index(kind="stable")
    joined["_row"] = joined.index
    joined = joined.sort_values(["_row", "_order"], kind="stable")
    return joined.drop(columns=["_order", "_row"]).reset_index(drop=True)


def _from_start(table: pd.DataFrame, start: float) -> pd.DataFrame:
    """A record at t_0 for subjects whose first one is later."""
    first = table.groupby("ID", sort=False)["TIME"].min()
    if (early := first[first < start]).size:
        got = f"a record of ID {early.index[0]} at {early.iloc[0]:g}"
        raise ModelError(explain(expected=f"no record before t_0 = {start:g}", got=got))
    parts = []
    for subject, records in table.groupby("ID", sort=False):
        if first[subject] > start:
            head = records.iloc[[0]].assign(TIME=start, EVID=2, AMT=0.0, RATE=0.0, DV=np.nan)
            parts.append(head.assign(**{c: np.nan for c in ("CMT", "CENS", "LIMIT", "DVID") if c in head}))
        parts.append(records)
    return pd.concat(parts, ignore_index=True)
