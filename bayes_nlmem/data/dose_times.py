"""Time after the last dose."""

from __future__ import annotations

import numpy as np
import pandas as pd


def time_after_dose(table: pd.DataFrame) -> np.ndarray:
    """Time since the subject's last dose, additional doses (ADDL) included; NaN before the first.

    Parameters
    ----------
    table : DataFrame
        The canonical table of a `Dataset`.

    Returns
    -------
    ndarray, shape (n_records,)
    """
    time, evid = table["TIME"].to_numpy(float), table["EVID"].to_numpy(int)
    addl, ii = table["ADDL"].to_numpy(float), table["II"].to_numpy(float)
    subject = table["SUBJECT"].to_numpy(int)
    found = np.full(len(table), np.nan)
    current, last = -1, None
    for k in range(len(table)):
        if subject[k] != current:
            current, last = subject[k], None
        if evid[k] in (1, 4):
            last = (time[k], addl[k], ii[k])
        elif evid[k] == 3:
            last = None
        if last is not None:
            start, more, interval = last
            passed = (
                min(more, np.floor((time[k] - start) / interval + 1e-9)) if more > 0 and interval > 0 else 0
            )
            found[k] = time[k] - start - max(passed, 0) * interval
    return found
