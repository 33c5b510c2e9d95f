"""Records that stand in the table more than once."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bayes_nlmem.data.draft import Draft


def repeated(draft: Draft, of: np.ndarray, *, with_value: bool) -> np.ndarray:
    """Records of the mask that equal an earlier one in subject, TIME, EVID, CMT and DVID.

    Records on both sides of a dose differ: one is the trough, the other is taken after the dose.

    Parameters
    ----------
    draft : Draft
        The table.
    of : ndarray of bool
        The records to compare.
    with_value : bool
        Whether DV, AMT, RATE and CENS have to be equal too, and DV known in observations.

    Returns
    -------
    ndarray of bool
        The later ones of equal records.
    """
    where = np.flatnonzero(of)
    after = np.cumsum(draft.dose & ~of | (draft.evid == 3) | ~draft.follows)
    key = {
        "after": after[where],
        "time": draft.time[where],
        "evid": draft.evid[where],
        "cmt": pd.factorize(draft.cmt[where])[0],
        "dvid": pd.factorize(draft.dvid[where])[0],
    }
    if with_value:
        key |= {name: draft.number(name)[where] for name in ("DV", "AMT", "RATE", "CENS", "L2")}
    again = np.zeros(draft.n, bool)
    again[where] = pd.DataFrame(key).duplicated().to_numpy()
    again &= ~np.isnan(draft.time)
    return again & ~(draft.observation & np.isnan(draft.number("DV"))) if with_value else again
