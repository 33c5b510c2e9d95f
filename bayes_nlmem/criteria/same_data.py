"""Whether some data sets hold the same observations, and if not, where they differ."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.ground.messages import FitError, explain

_COLUMNS = ("ID", "TIME", "DV", "CENS", "LIMIT", "DVID")


def check_same_data(data: Mapping[str, Dataset]) -> None:
    """Refuse to compare models that did not see the same observations.

    Covariates, units and doses may differ: they are part of the model's assumptions.

    Raises
    ------
    FitError
        With the first difference found.
    """
    (first, reference), *others = data.items()
    expected = _observations(reference)
    for name, other in others:
        found = _observations(other)
        if difference := _difference(expected, found):
            raise FitError(
                explain(
                    expected=f"the same observations behind {first!r} and {name!r}",
                    got=difference,
                    remedy="Densities of different data cannot be compared: fit both models to the same "
                    "data, on the same scale (log-normal errors take DV itself, not its logarithm).",
                )
            )


def _observations(data: Dataset) -> pd.DataFrame:
    table = data.table
    seen = table[(table["EVID"] == 0) & (table["MDV"] == 0)]
    return seen[[column for column in _COLUMNS if column in seen]].reset_index(drop=True)


def _difference(one: pd.DataFrame, other: pd.DataFrame) -> str:
    if len(one) != len(other):
        return f"{len(one)} and {len(other)} observations"
    for column in one:
        if column not in other:
            return f"no column {column} in the second"
        a, b = one[column], other[column]
        numeric = all(pd.api.types.is_numeric_dtype(x) for x in (a, b))
        same = (
            np.isclose(a, b, rtol=1e-12, atol=0, equal_nan=True)
            if numeric
            else (a == b) | (a.isna() & b.isna())
        )
        if not np.all(same):
            where = int(np.flatnonzero(~np.asarray(same))[0])
            return f"{column} = {a.iloc[where]} and {b.iloc[where]} at observation {where + 1}"
    return ""
