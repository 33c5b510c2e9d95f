"""The table of maximum-likelihood estimates as the field prints it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bayes_nlmem.learning.parameter_table import cv_of, parameter_rows
from bayes_nlmem.model.quantities import IIV
from bayes_nlmem.model.specification import Model

_COLUMNS = [
    "block",
    "parameter",
    "meaning",
    "unit",
    "value",
    "se",
    "rse",
    "lower",
    "upper",
    "cv",
    "shrinkage",
]
_COLUMNS += ["mc_error", "known"]


def estimates_table(
    model: Model,
    values: dict[str, float],
    deviations: dict[str, tuple[float, float, float]],
    shrinkage: dict[str, float],
    errors: dict[str, float],
) -> pd.DataFrame:
    """Assemble the estimates, in the model's order.

    Parameters
    ----------
    model : Model
        Gives the order, the meaning and the known values.
    values : dict of str to float
        Name in the graph -> estimate, natural scale.
    deviations : dict of str to (float, float, float)
        Standard error and 95% confidence limits.
    shrinkage : dict of str to float
        Name of the parameter -> shrinkage of its `eta` in %.
    errors : dict of str to float
        Monte Carlo error in standard errors.
    """
    rows = []
    for entry in parameter_rows(model, values):
        name, known = entry["name"], entry.pop("value")
        value = values.get(name, known)
        value = np.nan if value is None else value
        se, lower, upper = deviations.get(name, (np.nan, np.nan, np.nan))
        row = {**entry, "value": value, "se": se, "lower": lower, "upper": upper, "known": name not in values}
        row["rse"] = 100 * se / abs(value) if value else np.nan
        row["cv"] = cv_of(model, row["block"], row["parameter"], name, value)
        row["shrinkage"] = shrinkage.get(row["parameter"], np.nan) if row["block"] == IIV else np.nan
        row["mc_error"] = errors.get(name, np.nan)
        rows.append(row)
    return pd.DataFrame(rows).set_index("name").reindex(columns=_COLUMNS)
