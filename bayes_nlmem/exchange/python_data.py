"""A data set as a table of events, and the Python text that reads it again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.data.reader import ACCEPTED, read
from bayes_nlmem.ground.messages import DataError, explain

_OURS = ("ROW", "SUBJECT")


def write_table(data: Dataset, path: str | Path, *, named: str = "path") -> str:
    """Write the event table of a data set to a file; returns the text of the `bn.read` that reads it.

    Parameters
    ----------
    data : Dataset
    path : path
        Of the table, a .csv file.
    named : str
        How the path is written in the text.

    Returns
    -------
    str
        ``bn.read(path, ...)``.

    Raises
    ------
    DataError
        What is read again is not the same, such as IDs that look like numbers and are text.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import bayes_nlmem as bn
    >>> data = bn.zoo.load("theophylline").data
    >>> with TemporaryDirectory() as folder:
    ...     print(write_table(data, Path(folder, "theophylline.csv")))
    bn.read(path, covariates={"WT": "constant"}, units={"TIME": "h", "AMT": "mg", "DV": "mg/L", "WT": "kg"})
    """
    from bayes_nlmem.exchange.python_text import expression

    if data.choices:
        got = "; ".join(data.choices)
        remedy = "Write the data before it, and say it again: bn.censored(data, ...)."
        raise DataError(explain(expected="data as they were read", got=got, remedy=remedy))
    table = data.table.drop(columns=list(_OURS)).dropna(axis=1, how="all")
    for name, covariate in data.covariates.items():
        table[name] = covariate.values
    categorical = [name for name, covariate in data.covariates.items() if covariate.categories is not None]
    given: dict[str, Any] = {
        "covariates": {name: covariate.method for name, covariate in data.covariates.items()},
        "categorical": [name for name in categorical if pd.api.types.is_numeric_dtype(table[name])],
        "units": dict(data.units),
        "allow": sorted({"E" + w.code[1:] for w in data.warnings if w.remedy == ACCEPTED}),
    }
    given = {name: value for name, value in given.items() if value}
    table.to_csv(path, index=False, na_rep=".")
    if read(path, **given) != data:
        raise DataError(
            explain(
                expected="a table that is read as the same data again",
                got=f"another one ({path})",
                remedy="Keep the data with the program that made them, and read them with bn.read.",
            )
        )
    words = "".join(f", {name}={expression(value)}" for name, value in given.items())
    return f"bn.read({named}{words})"
