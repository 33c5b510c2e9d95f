"""What a comparison says: its table for the reader, and a conclusion in plain words."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import gammaincc

from bayes_nlmem.criteria.elpd import SUBJECT
from bayes_nlmem.criteria.penalised import NAMES
from bayes_nlmem.ground.tables import Printed

_WORDS = ((2.0, ""), (6.0, "positive"), (10.0, "strong"), (np.inf, "very strong"))
_SMALL = 4.0
_FEW = 40
_HEADS = {
    "elpd": "elpd", "se": "SE", "difference": "difference", "difference_se": "SE of difference",
    "p_eff": "p_eff", "weight": "weight", "pseudo_bma": "pseudo-BMA", "doubtful": "k too large",
    "seconds": "fit [s]", "ofv": "OFV", "aic": "AIC", "bic": "BIC", "bicc": "BICc", "dic": "DIC",
    "waic": "WAIC (elpd)", "loo": "LOO (elpd)", "parameters": "parameters", "minus_twice": "-2LL",
    "error": "SE of -2LL", "evidence": "log evidence", "evidence_se": "SE of evidence",
}  # fmt: skip


def predictive_conclusion(table: pd.DataFrame, by: str, count: int) -> str:
    """Which model predicts best, and when the data do not decide."""
    best, *rest = table.index
    said = []
    for name in rest:
        size, error = abs(table.loc[name, "difference"]), table.loc[name, "difference_se"]
        if size < _SMALL:
            said.append(
                f"{best!r} and {name!r} predict equally well (difference {size:.1f}, below {_SMALL:g})."
            )
        elif size < 2 * error:
            said.append(
                f"{best!r} is ahead of {name!r} by {size:.1f}, but within noise (SE {error:.1f}): "
                "the data do not decide."
            )
        else:
            said.append(f"{best!r} predicts better than {name!r}: by {size:.1f} (SE {error:.1f}).")
    if by == SUBJECT and count < _FEW:
        said.append(
            f"With {count} subjects the standard errors are rough, and too small rather than too large."
        )
    doubtful = [str(name) for name in table.index if table.loc[name, "doubtful"]]
    if doubtful:
        said.append(
            f"Some terms of {', '.join(map(repr, doubtful))} are not reliable: see `results[...]`.verdict; "
            "refit=True or cross_validate settles them."
        )
    return " ".join(said)


def formatted(table: pd.DataFrame) -> Printed:
    """The table as it is shown: headings of the field, digits that mean something."""
    digits = {"weight": 2, "pseudo_bma": 2, "doubtful": 0, "seconds": 0, "parameters": 0}
    digits |= {"evidence": 2, "evidence_se": 2, "error": 2}
    columns = {
        str(column): values
        for column, values in table.items()
        if column != "verdict" and not (column in ("seconds", "error") and values.isna().all())
    }
    rows = []
    for k, name in enumerate(table.index):
        found = {column: values.iloc[k] for column, values in columns.items()}
        cells = ("" if pd.isna(x) else f"{x:.{digits.get(column, 1)}f}" for column, x in found.items())
        rows.append((str(name), *cells))
    header = ("model", *(_HEADS.get(column, column) for column in columns))
    return Printed(header, tuple(rows), "l" + "r" * len(columns))


def penalised_conclusion(table: pd.DataFrame, criterion: str) -> str:
    """What the table says, in plain words."""
    best, *rest = table.index
    said = []
    for name in rest:
        size = float(table.loc[name, "difference"])
        error = float(np.hypot(table.loc[name, "error"], table.loc[best, "error"]))
        if size < 2 * error:
            said.append(
                f"{best!r} and {name!r} differ by {size:.1f}, within the Monte Carlo error of -2LL "
                f"({error:.2g}): the criterion does not decide."
            )
        elif criterion == "ofv":
            said.append(_of_likelihoods(table, best, name, size))
        else:
            words = next(word for limit, word in _WORDS if size < limit)
            said.append(
                f"{best!r} has the smaller {NAMES[criterion]}, by {size:.1f}: {words} evidence against "
                f"{name!r}."
                if words
                else f"{best!r} and {name!r} are about as good: {NAMES[criterion]} differs by {size:.1f}, "
                "less than 2."
            )
    if criterion == "ofv":
        said.append("OFV puts no price on parameters: it compares models with equally many, or nested ones.")
    return " ".join(said)


def _of_likelihoods(table: pd.DataFrame, best: str, name: str, size: float) -> str:
    counts = table["parameters"]
    more = int(counts.loc[best]) - int(counts.loc[name])
    head = f"{best!r} has the smaller OFV, by {size:.1f}"
    if more > 0:
        p = float(gammaincc(more / 2, size / 2))
        return (
            f"{head}, with {more} more parameter{'s' * (more > 1)} than {name!r}; if {name!r} is nested in "
            f"it, the likelihood-ratio test gives p = {p:.2g}."
        )
    many, than = ("as many", "as") if more == 0 else ("fewer", "than")
    return f"{head}, with {many} parameters {than} {name!r}."
