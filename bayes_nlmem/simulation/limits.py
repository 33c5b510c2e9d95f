"""Limits of quantification of simulated values: the same ones that the study had, or others."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.ground.messages import DataError, explain

Limit = float | Mapping[str, float] | str | None
AS_OBSERVED = "as observed"


def lower_limits(data: Dataset, output: str, record: np.ndarray, wanted: Limit) -> np.ndarray | None:
    """Lower limit of quantification of every record of an output, None if there is none.

    Parameters
    ----------
    data : Dataset
        The study or design.
    output : str
        Output of the structure.
    record : ndarray of int
        Its records.
    wanted : float, mapping of output to float, "as observed" or None
        As observed: the column LLOQ where the data have one, else the limit (DV) of the censored records
        (CENS = 1), if all of them have the same.

    Raises
    ------
    DataError
        The limit of records that were quantified cannot be known.
    """
    if isinstance(wanted, Mapping):
        wanted = wanted.get(output)
    if wanted is None:
        return None
    if wanted != AS_OBSERVED:
        return np.full(len(record), float(wanted))
    if "LLOQ" in data.columns:
        column = pd.to_numeric(data.frame[data.columns["LLOQ"]], errors="coerce").to_numpy(float)
        if len(column) == len(data.table):
            return column[record]
    rows = data.table.iloc[record]
    return _of_censored(rows, 1, output, "lloq")


def upper_limits(data: Dataset, output: str, record: np.ndarray, wanted: Limit) -> np.ndarray | None:
    """Upper limit of quantification of every record of an output, None if there is none."""
    if isinstance(wanted, Mapping):
        wanted = wanted.get(output)
    if wanted is None:
        return None
    if wanted != AS_OBSERVED:
        return np.full(len(record), float(wanted))
    return _of_censored(data.table.iloc[record], -1, output, "uloq")


def _of_censored(rows: pd.DataFrame, code: int, output: str, argument: str) -> np.ndarray | None:
    beyond = rows[rows["CENS"] == code]
    if beyond.empty:
        return None
    values = beyond["DV"].unique()
    if len(values) == 1:
        return np.full(len(rows), float(values[0]))
    per_subject = beyond.groupby("SUBJECT")["DV"].agg(["min", "max"])
    if (per_subject["min"] == per_subject["max"]).all() and len(per_subject) == rows["SUBJECT"].nunique():
        return rows["SUBJECT"].map(per_subject["min"]).to_numpy(float)
    shown = ", ".join(f"{value:g}" for value in sorted(values)[:5])
    raise DataError(
        explain(
            expected=f"one limit of quantification of {output!r}",
            got=f"{len(values)} limits ({shown}) and no column LLOQ",
            remedy=f"Give it: {argument}=..., or a column LLOQ with the limit of every record.",
        )
    )


def censored(
    values: np.ndarray, lower: np.ndarray | None, upper: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Values with those beyond a limit set to it, and the codes CENS (1 below, -1 above, 0 quantified)."""
    code = np.zeros(values.shape, np.int8)
    for limit, sign in ((lower, 1), (upper, -1)):
        if limit is not None:
            beyond = (values < limit) if sign == 1 else (values > limit)
            values = np.where(beyond, limit, values)
            code[beyond] = sign
    return values, code
