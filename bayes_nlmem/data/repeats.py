"""Records that stand in the table more than once."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bayes_nlmem.data.draft import Draft


def repeated(draft: Draft, of: np.ndarray, *, with_value: bool) -> np.ndarray:
    """Records of the mask that equal an earlier one in subject, TIME, EVID, CMT and DVID.

    Parameters
    ----------
    draft : Draft
        The table.
    of : ndarray of bool
        The records to compare.
    with_value : bool
        Whether DV, AMT, RATE and CENS have to be equal too.

    Returns
    -------
    ndarray of bool
        The later ones of equal records.
    """
    where = np.flatnonzero(of)
    key = {
        "segment": draft.segment[where],
        "time": draft.time[where],
        "evid": draft.evid[where],
        "cmt": pd.factorize(draft.cmt[where])[0],
        "dvid": pd.factorize(draft.dvid[where])[0],
    }
    if with_value:
        key |= {name: draft.number(name)[where] for name in ("DV", "AMT", "RATE", "CENS", "L2")}
    again = np.zeros(draft.n, bool)
    again[where] = pd.DataFrame(key).duplicated().to_numpy()
    return again & ~np.isnan(draft.time)
