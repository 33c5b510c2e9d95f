"""Every dose with the interval until the next one, additional and steady-state doses written out."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.data.grid import stretches
from bayes_nlmem.ground.messages import BayesNlmemError, DataError, explain

CHOICES = ("first", "last", "all")


def dose_intervals(data: Dataset, doses: str = "all") -> pd.DataFrame:
    r"""List the dosing intervals of every subject.

    Parameters
    ----------
    data : Dataset
        The study.
    doses : {"all", "first", "last"}
        Which doses of every subject to list.

    Returns
    -------
    DataFrame
        SUBJECT (from 0), ID, DOSE (from 1), START; STOP, the time of the next dose or, after the last one,
        of the last record; LAST (whether no dose follows before a reset), AMT, DURATION of an infusion (0 is
        a bolus, NaN where it is modelled), TAU (dosing interval: II, else the time to the next dose, NaN for
        a single dose), STEADY (from a record in steady state, SS = 1), CLEAN (nothing was given before),
        STRETCH (see `data.grid.stretches`), RECORD (position in the table).

    Raises
    ------
    DataError
        If the study has no doses.
    BayesNlmemError
        If `doses` is none of the three words.

    Examples
    --------
    >>> import io
    >>> import bayes_nlmem as bn
    >>> text = "ID,TIME,AMT,II,ADDL,DV,MDV\n1,0,100,12,2,.,1\n1,30,.,.,.,4.2,0"
    >>> intervals = dose_intervals(bn.read(io.StringIO(text)))
    >>> intervals[["DOSE", "START", "STOP", "TAU"]].to_numpy().tolist()
    [[1.0, 0.0, 12.0, 12.0], [2.0, 12.0, 24.0, 12.0], [3.0, 24.0, 30.0, 12.0]]
    """
    if doses not in CHOICES:
        raise BayesNlmemError(explain(expected=f"doses one of {', '.join(CHOICES)}", got=repr(doses)))
    table = data.table.assign(STRETCH=stretches(data), RECORD=np.arange(len(data)))
    given = table[data.is_dose & (table["AMT"] > 0)]
    if given.empty:
        raise DataError(explain(expected="doses in the data", got=f"none in {data.source}"))
    repeats = given["ADDL"].to_numpy(int) + 1
    number = np.concatenate([np.arange(n) for n in repeats])
    long = given.loc[given.index.repeat(repeats)].reset_index(drop=True)
    interval = long["II"].to_numpy(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = long["RATE"].to_numpy(float)
        duration = np.where(rate > 0, long["AMT"] / rate, np.where(rate < 0, np.nan, 0.0))
    found = pd.DataFrame(
        {
            "SUBJECT": long["SUBJECT"].to_numpy(int),
            "ID": long["ID"].to_numpy(),
            "START": long["TIME"].to_numpy(float) + number * interval,
            "AMT": long["AMT"].to_numpy(float),
            "DURATION": duration,
            "II": interval,
            "STEADY": (long["SS"] > 0).to_numpy() & (number >= 0),
            "STRETCH": long["STRETCH"].to_numpy(int),
            "RECORD": long["RECORD"].to_numpy(int),
        }
    )
    found = found.sort_values(["STRETCH", "START", "RECORD"], kind="stable", ignore_index=True)
    following = found["STRETCH"].eq(found["STRETCH"].shift(-1)).to_numpy()
    first = ~found["STRETCH"].eq(found["STRETCH"].shift(1)).to_numpy()
    following_start = found["START"].shift(-1).to_numpy()
    end = table.groupby("STRETCH")["TIME"].max()
    stop = np.where(following, following_start, end.loc[found["STRETCH"]].to_numpy())
    tau = np.where(found["II"] > 0, found["II"], np.where(following, stop - found["START"], np.nan))
    found = found.assign(
        DOSE=found.groupby("SUBJECT").cumcount() + 1,
        STOP=np.maximum(stop, found["START"]),
        TAU=tau,
        LAST=~following,
        CLEAN=first & ~found["STEADY"],
    )
    if doses != "all":
        found = found.drop_duplicates("SUBJECT", keep=doses)  # type: ignore[call-overload]
    order = ["SUBJECT", "ID", "DOSE", "START", "STOP", "LAST", "AMT", "DURATION", "TAU", "STEADY", "CLEAN"]
    return found[[*order, "STRETCH", "RECORD"]].reset_index(drop=True)
