"""A covariate that changes linearly between its measurements, as two columns that equations can use."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bayes_nlmem.ground.messages import DataError, closest, explain, rows_text


def interpolated(
    frame: pd.DataFrame, covariate: str, *, subject: str = "ID", time: str = "TIME"
) -> pd.DataFrame:
    """A table with a covariate as a straight line between records: columns {covariate}_LEVEL and _SLOPE.

    Over the interval that ends at a record the covariate is ``LEVEL + SLOPE * TIME``. Read both as covariates
    whose value at the end of an interval governs it (the default), let two parameters be nothing but them,
    and write ``p.TEMP_LEVEL + p.TEMP_SLOPE * t`` in the equations.

    Parameters
    ----------
    frame : DataFrame
        Event table with a value of the covariate in every record.
    covariate, subject, time : str
        Names of columns.

    Returns
    -------
    DataFrame
        A copy with the two columns.

    Raises
    ------
    DataError
        There is no such column, or values are missing.

    Examples
    --------
    >>> table = pd.DataFrame({"ID": 1, "TIME": [0.0, 2.0, 4.0], "TEMP": [37.0, 39.0, 38.0]})
    >>> interpolated(table, "TEMP")[["TEMP_LEVEL", "TEMP_SLOPE"]].values.tolist()
    [[37.0, 0.0], [37.0, 1.0], [40.0, -0.5]]
    """
    for name in (covariate, subject, time):
        if name not in frame:
            raise DataError(
                explain(
                    expected=f"a column {name!r}",
                    got=", ".join(map(str, frame.columns)),
                    remedy=closest(name, [str(c) for c in frame.columns]) or None,
                )
            )
    x = pd.to_numeric(frame[covariate], errors="coerce").to_numpy(float)
    t = pd.to_numeric(frame[time], errors="coerce").to_numpy(float)
    if (missing := np.flatnonzero(~np.isfinite(x + t))).size:
        raise DataError(
            explain(
                expected=f"a number for {covariate} and {time} in every record",
                got=f"none in {rows_text(missing + 1)}",
                remedy="Fill them in before, say from measurements at other times with np.interp.",
            )
        )
    who = frame[subject].to_numpy()
    begins = np.r_[True, (who[1:] != who[:-1]) | (t[1:] <= t[:-1])]
    elapsed = np.where(begins, 1.0, t - np.roll(t, 1))
    slope = np.where(begins, 0.0, (x - np.roll(x, 1)) / elapsed)
    return frame.assign(**{f"{covariate}_LEVEL": x - slope * t, f"{covariate}_SLOPE": slope})
