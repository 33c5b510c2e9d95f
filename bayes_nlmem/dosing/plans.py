"""What is planned for a patient: the doses so far, a regimen to come, and times at which to predict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.data.reader import read
from bayes_nlmem.data.regimen import COLUMNS, Regimen
from bayes_nlmem.ground.messages import DataError, FitError, explain, rows_text


def planned(
    individual: Any,
    regimen: Regimen,
    output: str,
    begin: float,
    times: np.ndarray,
    covariates: Mapping[str, float | str] | None,
) -> Dataset:
    """The patient's doses so far, the regimen, and times at which to predict.

    Parameters
    ----------
    individual : Individual
        The patient.
    regimen : Regimen
        Doses to come.
    output : str
        What is predicted.
    begin : float
        Time of the patient's records at which the regimen begins.
    times : ndarray
        Times of predictions, from there.
    covariates : mapping or None
        Values from then on; by default those of the last record.

    Raises
    ------
    DataError
        Covariates that the patient does not have.
    """
    data = individual.data
    known = data.table.assign(**{name: data.covariate(name) for name in data.covariates})
    past = known[known["EVID"] != 0].drop(columns=["ROW", "SUBJECT", "DV", "MDV", "CENS", "LIMIT"])
    last = {name: data.covariate(name)[-1] for name in data.covariates}
    unknown = [name for name in covariates or {} if name not in last]
    if unknown:
        raise DataError(
            explain(expected=f"covariates among {', '.join(last)}", got=", ".join(unknown))
            if last
            else explain(expected="no covariates, the model has none", got=", ".join(unknown))
        )
    last |= dict(covariates or {})
    # Written out: additional doses would enter before the prediction of a trough at the same time.
    doses = regimen.single_doses().shift(begin).events(last).assign(**last)
    label = individual.model.endpoints.get(output, output)
    grid = pd.DataFrame({"TIME": begin + times, "EVID": 0, **last})
    occasion = int(data.table["OCC"].to_numpy()[-1])
    future = pd.concat([doses, grid]).assign(OCC=occasion + ("OCC" in data.columns))
    # Doses come before predictions of the same time; the last prediction of an interval is its trough.
    ends = future["TIME"].isin(doses["TIME"]) & (future["EVID"] == 0) & (future["TIME"] > begin)
    rank = np.where(ends, 0, np.where(future["EVID"] == 0, 2, 1))
    order = np.lexsort((rank, future["TIME"].to_numpy(float)))
    table = pd.concat([past, future.iloc[order]], ignore_index=True).assign(ID=individual.id)
    filled = {"AMT": 0.0, "RATE": 0.0, "II": 0.0, "ADDL": 0, "SS": 0, "CMT": 0}
    for column, value in filled.items():
        table[column] = table[column].fillna(value)
    table["DVID"] = label
    if individual.model.endpoints_in == "CMT" and individual.model.endpoints:
        table.loc[table["EVID"] == 0, "CMT"] = label
    wanted = ["ID", *COLUMNS, "DVID", "OCC", *last]
    if "OCC" not in data.columns:
        wanted.remove("OCC")
    return read(
        table[wanted],
        covariates=list(last),
        observations_required=False,
        allow=("E_DUPLICATED_RECORD", "E_SUBJECT_NO_DOSE", "E_SUBJECT_NO_OBSERVATION"),
    )


def check_nothing_pending(table: pd.DataFrame, begin: float) -> None:
    """Additional doses after the start would be given beside the new regimen."""
    last = table["TIME"] + table["ADDL"] * table["II"]
    pending = table[table["EVID"].isin([1, 4]) & (table["ADDL"] > 0) & (last >= begin)]
    if len(pending):
        raise FitError(
            explain(
                expected=f"no doses of the patient's records after the start at TIME {begin:g}",
                got=f"additional doses (ADDL) up to TIME {last[pending.index].max():g} "
                f"in {rows_text(pending['ROW'])}",
                remedy="Lower ADDL to the doses that were given, or start later.",
            )
        )
