"""Exposure of every subject from its fitted curve, with credible intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_nlmem.checks.noncompartmental import exposure_units
from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.data.grid import with_records
from bayes_nlmem.ground.messages import BayesNlmemError, explain
from bayes_nlmem.ground.tables import notebook, printed
from bayes_nlmem.learning.replay import replay, thin
from bayes_nlmem.simulation.curve_exposure import curve_exposure
from bayes_nlmem.simulation.dose_intervals import dose_intervals
from bayes_nlmem.translation.graph import translate


@dataclass(frozen=True, eq=False, repr=False)
class Exposure:
    """Exposure of every subject after some of its doses, draw by draw.

    Parameters
    ----------
    draws : xarray.Dataset
        The quantities (CMAX, TMAX, AUC, ...) with dims (sample, interval); `subject`, `dose` and `start` are
        coordinates of `interval`.
    intervals : DataFrame
        The dosing intervals, see `simulation.dose_intervals`.
    units : dict
        Quantity -> unit, where it is known.
    output : str
        The output of the structure.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> found = bn.exposure(fit, draws=20)
    >>> found.table("AUC_INF").shape
    (12, 6)
    """

    draws: xr.Dataset
    intervals: pd.DataFrame
    units: dict[str, str]
    output: str

    def table(self, quantity: str | None = None, level: float = 0.9) -> pd.DataFrame:
        """Posterior median and central credible interval of every quantity, subject and dose.

        Parameters
        ----------
        quantity : str, optional
            Only this quantity; by default all.
        level : float
            Mass of the interval.

        Returns
        -------
        DataFrame
            ID, DOSE, QUANTITY, MEDIAN, LOWER, UPPER.
        """
        names = self._chosen(quantity)
        tail = (1 - level) / 2
        parts = []
        for name in names:
            lower, median, upper = np.nanquantile(self.draws[name].values, [tail, 0.5, 1 - tail], axis=0)
            columns = {"QUANTITY": name, "MEDIAN": median, "LOWER": lower, "UPPER": upper}
            parts.append(self.intervals[["ID", "DOSE"]].assign(**columns))
        return pd.concat(parts, ignore_index=True)

    def summary(self, level: float = 0.9) -> pd.DataFrame:
        """Geometric mean and geometric CV over the subjects, with their posterior uncertainty.

        Parameters
        ----------
        level : float
            Mass of the interval.

        Returns
        -------
        DataFrame
            Index quantity; UNIT, N (subjects and doses that have it), MEAN over them with LOWER and UPPER,
            KIND of the mean, and geometric CV [%] between them; for TMAX, which may be 0, the arithmetic mean
            and the SD. All are posterior medians.
        """
        rows = [
            {"QUANTITY": name, "UNIT": self.units.get(name, "")} | _over_subjects(name, draws, level)
            for name in self._chosen(None)
            if (draws := self.draws[name].dropna("interval").values).size
        ]
        return pd.DataFrame(rows).set_index("QUANTITY")

    def _chosen(self, quantity: str | None) -> Sequence[str]:
        known = [str(name) for name in self.draws.data_vars]
        if quantity is not None and quantity not in known:
            raise BayesNlmemError(
                explain(expected=f"a quantity among {', '.join(known)}", got=repr(quantity))
            )
        return known if quantity is None else [quantity]

    @property
    def _head(self) -> str:
        return f"Exposure of {self.output}: {len(self.intervals)} dosing intervals, {self._n_draws} draws"

    def __repr__(self) -> str:
        return f"{self._head}\n{printed(self.summary()).text()}"

    def _repr_html_(self) -> str:
        return notebook(self._head, self.summary())

    @property
    def _n_draws(self) -> int:
        return self.draws.sizes["sample"]


def _over_subjects(name: str, draws: np.ndarray, level: float) -> dict[str, Any]:
    geometric = name != "TMAX" and draws.min() > 0
    values = np.log(draws) if geometric else draws
    centre = values.mean(axis=1)
    variance = values.var(axis=1, ddof=1) if draws.shape[1] > 1 else np.full(len(draws), np.nan)
    spread = 100 * np.sqrt(np.expm1(variance)) if geometric else np.sqrt(variance)
    tail = (1 - level) / 2
    lower, median, upper = np.quantile(np.exp(centre) if geometric else centre, [tail, 0.5, 1 - tail])
    return {
        "N": draws.shape[1],
        "MEAN": median,
        "LOWER": lower,
        "UPPER": upper,
        "KIND": "geometric" if geometric else "arithmetic",
        "CV" if geometric else "SD": float(np.median(spread)),
    }


def exposure(
    fit: Any,
    *,
    doses: str = "last",
    output: str | None = None,
    until: float | None = None,
    steady_state: bool = False,
    typical: bool = False,
    draws: int = 400,
    points: int = 300,
) -> Exposure:
    r"""Exposure of every subject, from its own curve under each posterior draw.

    Between a dose and the next one the model's curve (without residual error) is drawn on a dense grid, and
    its area, peak, trough and terminal half-life are taken; see `simulation.curve_exposure`.

    Parameters
    ----------
    fit : Fit
        What was learnt.
    doses : {"last", "first", "all"}
        After which doses.
    output : str, optional
        Output of the structure, the first one by default.
    until : float, optional
        Time after the last dose to which its curve is drawn; by default to the end of a regular dosing
        interval (II), else to the subject's last record. For AUC_INF it must reach the terminal phase.
    steady_state : bool
        Take the dosing interval as one in steady state: the clearance is dose / AUC of the interval. Doses
        with SS = 1 always are. Of other repeated doses CL_F and AUC_INF are left out (NaN).
    typical : bool
        The typical subject with the same doses and covariates, instead of the individual one.
    draws, points : int
        At most that many draws; times per interval, dense at its beginning.

    Returns
    -------
    Exposure
        `.table()` by subject, `.summary()` over subjects, `.draws` for everything else.

    Raises
    ------
    BayesNlmemError
        An unknown output; `until` without a last dose among the chosen ones.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> found = bn.exposure(fit, draws=20)
    >>> found.summary().loc["CMAX", "UNIT"]
    'mg/L'
    """
    model, data = fit.model, fit.data
    output = _output(model, output)
    intervals = _with_ends(dose_intervals(data, doses), until)
    grid, added = _grid(data, intervals, points)
    translation = translate(model, grid, edit=getattr(fit, "edit", None), predict_at={output: added})
    thinned = thin(fit.draws["posterior"].to_dataset(), draws)
    values = replay(translation, thinned, [output], typical=typical)[output]
    of_interval = _interval_of(intervals, grid.table["TIME"].to_numpy(float)[added], points)
    found = _exposures(intervals, values[:, of_interval], steady_state, points)
    labels = {name: ("interval", intervals[name.upper()].to_numpy()) for name in ("dose", "start")}
    draws_of = xr.Dataset(
        {name: (("sample", "interval"), columns) for name, columns in found.items()},
        coords={"subject": ("interval", intervals["ID"].to_numpy()), **labels},
    )
    units = {**data.units, "DV": data.units.get(output, data.units.get("DV", ""))}
    return Exposure(draws_of, intervals, exposure_units(units), output)


def _output(model: Any, output: str | None) -> str:
    known = list(model.residuals)
    if output is None:
        return known[0]
    if output not in model.structure.outputs:
        names = ", ".join(model.structure.outputs)
        raise BayesNlmemError(explain(expected=f"an output of the structure ({names})", got=repr(output)))
    return output


def _with_ends(intervals: pd.DataFrame, until: float | None) -> pd.DataFrame:
    """Where each curve ends: the next dose, the end of a regular interval, `until`, or the last record."""
    last = intervals["LAST"].to_numpy()
    if until is not None and (not last.any() or until <= 0):
        got = f"until={until:g}" if last.any() else "only doses that are followed by others"
        raise BayesNlmemError(explain(expected="a last dose and `until` > 0", got=got))
    start, stop = intervals["START"].to_numpy(float), intervals["STOP"].to_numpy(float)
    regular = last & np.isfinite(intervals["TAU"].to_numpy(float))
    stop = np.where(regular, start + intervals["TAU"].to_numpy(float), stop)
    stop = np.where(last & (until is not None), start + (until or 0.0), stop)
    if (empty := stop <= start).any():
        who = ", ".join(str(i) for i in intervals["ID"][empty].unique()[:8])
        raise BayesNlmemError(
            explain(
                expected="records after the last dose",
                got=f"none for {who}",
                remedy="Say how far the curves are to go: until=24.",
            )
        )
    return intervals.assign(STOP=stop)


def _grid(data: Dataset, intervals: pd.DataFrame, points: int) -> tuple[Dataset, np.ndarray]:
    fractions = np.linspace(0, 1, points) ** 2  # dense after the dose, where absorption is
    fractions[-1] = 1 - 1e-9  # just before the next dose
    length = (intervals["STOP"] - intervals["START"]).to_numpy(float)
    times = intervals["START"].to_numpy(float)[:, None] + length[:, None] * fractions
    return with_records(data, times.ravel(), np.repeat(intervals["STRETCH"].to_numpy(int), points))


def _interval_of(intervals: pd.DataFrame, time: np.ndarray, points: int) -> np.ndarray:
    """Positions of every interval's times among the added records (ordered by stretch and time)."""
    order = np.lexsort((intervals["START"].to_numpy(), intervals["STRETCH"].to_numpy()))
    at = np.empty((len(intervals), points), dtype=int)
    at[order] = np.arange(len(time)).reshape(len(intervals), points)
    return at


def _exposures(
    intervals: pd.DataFrame, values: np.ndarray, steady_state: bool, points: int
) -> dict[str, np.ndarray]:
    fractions = np.linspace(0, 1, points) ** 2
    one_by_one: list[dict[str, np.ndarray]] = []
    for k, row in enumerate(intervals.to_dict("records")):
        time = (row["STOP"] - row["START"]) * fractions
        steady = (steady_state or row["STEADY"]) and np.isfinite(row["TAU"])
        found = curve_exposure(
            time, values[:, k], dose=row["AMT"], tau=time[-1] if np.isfinite(row["TAU"]) else None
        )
        if not steady and not row["CLEAN"]:
            found |= {name: np.full(len(values), np.nan) for name in ("CL_F", "AUC_INF")}
        elif not steady and np.isfinite(row["TAU"]):
            found |= _beyond(time, values[:, k], row["AMT"])
        one_by_one.append(found)
    names = dict.fromkeys(name for found in one_by_one for name in found)
    missing = np.full(len(values), np.nan)
    return {name: np.column_stack([found.get(name, missing) for found in one_by_one]) for name in names}


def _beyond(time: np.ndarray, value: np.ndarray, dose: float) -> dict[str, np.ndarray]:
    """To infinity after a first dose that others follow."""
    found = curve_exposure(time, value, dose=dose)
    return {name: found[name] for name in ("AUC_INF", "CL_F")}
