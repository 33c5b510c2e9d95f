"""Noncompartmental analysis (NCA) of the observations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.ground.messages import DataError, ModelError, explain
from bayes_nlmem.simulation.areas import segment_areas, segment_moments
from bayes_nlmem.simulation.dose_intervals import dose_intervals
from bayes_nlmem.simulation.terminal_phase import TerminalPhase, terminal_phase

ROUTES = ("extravascular", "intravenous")


def nca(
    data: Dataset,
    *,
    route: str,
    doses: str = "first",
    endpoint: int | str | None = None,
    rule: str = "linear up, log down",
    fewest_points: int = 3,
) -> pd.DataFrame:
    r"""Noncompartmental analysis: areas, peaks, half-lives and clearances from the observations alone.

    :math:`\mathrm{AUC}_\infty = \mathrm{AUC}_\mathrm{last} + C_\mathrm{last}/\lambda_z`,
    :math:`CL/F = \mathrm{dose}/\mathrm{AUC}_\infty`, :math:`V_z/F = CL/(F \lambda_z)`. In steady state
    :math:`CL/F = \mathrm{dose}/\mathrm{AUC}_\tau`.

    The value at the time of the dose, where none was measured: 0 after the first extravascular dose or
    infusion, the line through the first two logarithms after an intravenous bolus (the first value where
    they do not fall), the smallest value of the interval at later doses. Values below a limit of
    quantification are 0 before the first quantified one and left out after it.

    Parameters
    ----------
    data : Dataset
        The study.
    route : {"extravascular", "intravenous"}
        How the doses were given; a dose with a RATE is an infusion.
    doses : {"first", "last", "all"}
        After which doses of every subject.
    endpoint : int or str, optional
        Label of the observations (DVID) where the data hold several kinds.
    rule : {"linear up, log down", "linear", "log"}
        The trapezoidal rule.
    fewest_points : int
        Smallest number of points for the terminal slope; the choice with the best adjusted R2 is taken.

    Returns
    -------
    DataFrame
        One row per dosing interval: ID, DOSE, START, AMT; N (observations used), CMAX, TMAX (after the
        dose), CMIN (from the peak on), CLAST, TLAST, C0 and C0_FROM; AUC_LAST; LAMBDA_Z with the POINTS used
        and their range FROM, TO, ADJUSTED_R2; HALF_LIFE; where nothing was given before AUC_INF,
        EXTRAPOLATED [%], CL_F, VZ_F and MRT (of an infusion less half its duration); with a dosing interval
        TAU, AUC_TAU, CAVG, FLUCTUATION [%] and, in steady state, CL_F = AMT / AUC_TAU. `CL_F` and `VZ_F` are
        clearance and volume themselves for intravenous doses. Units in `attrs["units"]`.

    Raises
    ------
    DataError
        If there are no doses, or several kinds of observations and no `endpoint`.
    ModelError
        An unknown route.

    References
    ----------
    Gabrielsson & Weiner 2012, doi:10.1007/978-1-62703-050-2_16 (noncompartmental analysis).

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> table = bn.nca(bn.zoo.load("theophylline").data, route="extravascular")
    >>> print(table[["CMAX", "TMAX", "POINTS", "AUC_INF"]].head(2).round(4).to_string(index=False))
     CMAX  TMAX  POINTS  AUC_INF
    10.50  1.12       3 214.9236
     8.33  1.92       4  97.3779
    """
    if route not in ROUTES:
        raise ModelError(explain(expected=f"route one of {', '.join(ROUTES)}", got=repr(route)))
    seen = _observations(data, endpoint)
    rows = []
    for interval in _records(dose_intervals(data, doses)):
        own = seen[(seen["STRETCH"] == interval["STRETCH"]) & seen["TIME"].between(*_span(interval))]
        rows.append(_analysed(own, interval, route, rule, fewest_points))
    table = pd.DataFrame(rows)
    table.attrs["units"] = exposure_units(data.units)
    return table


def exposure_units(units: Mapping[str, str]) -> dict[str, str]:
    """Units of the quantities of exposure, as far as those of TIME, DV and AMT are known.

    Examples
    --------
    >>> exposure_units({"TIME": "h", "DV": "mg/L", "AMT": "mg"})["AUC_INF"]
    'mg/L·h'
    """
    time, value, amount = (units.get(name) for name in ("TIME", "DV", "AMT"))
    found: dict[str, str | None] = dict.fromkeys(("CMAX", "CMIN", "CLAST", "C0", "CAVG"), value)
    found |= dict.fromkeys(("TMAX", "TLAST", "HALF_LIFE", "MRT", "START", "FROM", "TO", "TAU"), time)
    if time and value:
        found |= dict.fromkeys(("AUC", "AUC_LAST", "AUC_INF", "AUC_TAU"), f"{value}·{time}")
    if time:
        found["LAMBDA_Z"] = f"1/{time}"
    if value and amount:
        volume = value.partition("/")[2] if value.startswith(f"{amount}/") else f"{amount}/({value})"
        found["VZ_F"] = volume
        if time:
            found["CL_F"] = f"{volume}/{time}"
    found |= {"FLUCTUATION": "%", "EXTRAPOLATED": "%", "AMT": amount}
    return {name: unit for name, unit in found.items() if unit}


def _observations(data: Dataset, endpoint: int | str | None) -> pd.DataFrame:
    from bayes_nlmem.data.grid import stretches

    table = data.table.assign(STRETCH=stretches(data))[data.is_observation]
    labels = list(dict.fromkeys(table["DVID"].astype(str)))
    if endpoint is None and len(labels) > 1:
        raise DataError(
            explain(
                expected="one kind of observation",
                got=f"DVID {', '.join(labels)}",
                remedy=f"Choose one: endpoint={labels[0]!r}.",
            )
        )
    if endpoint is not None:
        if str(endpoint) not in labels:
            raise DataError(explain(expected=f"endpoint one of {', '.join(labels)}", got=repr(endpoint)))
        table = table[table["DVID"].astype(str) == str(endpoint)]
    return table


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def _span(interval: Mapping[str, Any]) -> tuple[float, float]:
    """From the dose to the next one; of a last, regular dose to the end of its dosing interval."""
    return interval["START"], interval["STOP"]


def _analysed(
    own: pd.DataFrame, interval: Mapping[str, Any], route: str, rule: str, fewest: int
) -> dict[str, Any]:
    start, dose, tau, clean = (interval[name] for name in ("START", "AMT", "TAU", "CLEAN"))
    own = own.groupby("TIME", sort=True).last().reset_index() if own["TIME"].duplicated().any() else own
    time, value = _quantified(own, start)
    head = {name: interval[name] for name in ("ID", "DOSE", "START", "AMT")}
    if not (value > 0).any():
        return {**head, "N": len(value)}
    bolus = route == "intravenous" and interval["DURATION"] == 0
    peak = int(np.argmax(value))
    phase = terminal_phase(time, value, after=-np.inf if bolus else time[peak], fewest=fewest)
    found = {
        **head,
        "N": len(value),
        "CMAX": value[peak],
        "TMAX": time[peak],
        "CMIN": value[peak:].min(),
        "CLAST": value[value > 0][-1],
        "TLAST": time[value > 0][-1],
    }
    time, value, origin = _from_dose(time, value, bolus=bolus, clean=clean)
    last = int(np.flatnonzero(value > 0)[-1]) + 1
    area = float(segment_areas(time[:last], value[:last], rule=rule).sum())
    found |= {"C0": value[0], "C0_FROM": origin, "AUC_LAST": area}
    found |= {
        "LAMBDA_Z": phase.rate,
        "POINTS": phase.points,
        "FROM": phase.start,
        "TO": phase.stop,
        "ADJUSTED_R2": phase.adjusted_r2,
        "HALF_LIFE": phase.half_life,
    }
    if clean:
        moment = float(segment_moments(time[:last], value[:last]).sum())
        found |= _to_infinity(found, moment, interval)
    if np.isfinite(tau):
        found |= _over_interval(time, value, tau, rule, phase)
        if interval["STEADY"]:
            found["CL_F"] = dose / found["AUC_TAU"]
    return found


def _quantified(own: pd.DataFrame, start: float) -> tuple[np.ndarray, np.ndarray]:
    """Times after the dose and values: unquantified ones are 0 before the first quantified one, else gone."""
    below = (own["CENS"] == 1).to_numpy()
    quantified = np.flatnonzero(~below)
    first = quantified[0] if len(quantified) else 0
    keep = ~below | (np.arange(len(own)) < first)
    value = np.where(below, 0.0, own["DV"].to_numpy(float))
    return own["TIME"].to_numpy(float)[keep] - start, value[keep]


def _from_dose(
    time: np.ndarray, value: np.ndarray, *, bolus: bool, clean: bool
) -> tuple[np.ndarray, np.ndarray, str]:
    """The profile with a value at time 0, and where that value is from."""
    if time[0] == 0 and not (bolus and value[0] == 0):
        return time, value, "observed"
    if time[0] == 0:  # a sample before the bolus
        time, value = time[1:], value[1:]
    if bolus and len(value) > 1 and value[0] > value[1] > 0:
        slope = np.log(value[1] / value[0]) / (time[1] - time[0])
        first, origin = float(value[0] * np.exp(-slope * time[0])), "back-extrapolated"
    elif bolus:
        first, origin = float(value[0]), "first value"
    elif clean:
        first, origin = 0.0, "zero"
    else:
        first, origin = float(value.min()), "smallest value"
    return np.r_[0.0, time], np.r_[first, value], origin


def _to_infinity(found: Mapping[str, Any], moment: float, interval: Mapping[str, Any]) -> dict[str, float]:
    rate, last, at = found["LAMBDA_Z"], found["CLAST"], found["TLAST"]
    tail = last / rate
    total = found["AUC_LAST"] + tail
    infused = 0.0 if np.isnan(interval["DURATION"]) else interval["DURATION"]
    return {
        "AUC_INF": total,
        "EXTRAPOLATED": 100 * tail / total,
        "CL_F": interval["AMT"] / total,
        "VZ_F": interval["AMT"] / total / rate,
        "MRT": (moment + tail * at + tail / rate) / total - infused / 2,
    }


def _over_interval(
    time: np.ndarray, value: np.ndarray, tau: float, rule: str, phase: TerminalPhase
) -> dict[str, float]:
    """Area over the dosing interval; after an earlier last value the terminal slope goes on to its end."""
    inside = time <= tau
    time, value = time[inside], value[inside]
    if time[-1] < tau:
        time, value = np.r_[time, tau], np.r_[value, value[-1] * np.exp(-phase.rate * (tau - time[-1]))]
    area = float(segment_areas(time, value, rule=rule).sum())
    average = area / tau
    lowest = float(value[np.argmax(value) :].min())
    return {
        "TAU": tau,
        "AUC_TAU": area,
        "CAVG": average,
        "FLUCTUATION": 100 * (float(value.max()) - lowest) / average,
    }
