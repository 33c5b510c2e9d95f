"""Model averaging: a derived quantity predicted by several models at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.criteria.comparison import Comparison
from bayes_nlmem.criteria.penalised import PENALISED
from bayes_nlmem.ground.mapping import FrozenMapping
from bayes_nlmem.ground.messages import FitError, explain
from bayes_nlmem.ground.tables import notebook, printed


@dataclass(frozen=True, eq=False, repr=False)
class Averaged:
    """Draws of a quantity from the mixture of several models' posteriors.

    Parameters
    ----------
    draws : ndarray, shape (n_draws, ...)
        The mixture.
    model : ndarray of str, shape (n_draws,)
        The model that every draw comes from.
    weights : mapping of str to float
        The models' shares.
    by_model : mapping of str to ndarray
        The quantity under each model alone.

    Examples
    --------
    >>> mixture = Averaged(np.array([1.0, 3.0]), np.array(["a", "b"]), {"a": 0.5, "b": 0.5}, {})
    >>> float(mixture.summary().loc["averaged", "median"])
    2.0
    """

    draws: np.ndarray
    model: np.ndarray
    weights: Mapping[str, float]
    by_model: Mapping[str, np.ndarray]

    def summary(self) -> pd.DataFrame:
        """Median and central 90% interval under the mixture and under each model; first element only."""
        rows = {}
        for name, values in {"averaged": self.draws, **self.by_model}.items():
            lower, median, upper = np.quantile(np.reshape(values, (len(values), -1))[:, 0], [0.05, 0.5, 0.95])
            share = 1.0 if name == "averaged" else self.weights[name]
            rows[name] = {"weight": share, "median": median, "lower": lower, "upper": upper}
        return pd.DataFrame(rows).T

    def __repr__(self) -> str:
        return f"Average over {len(self.weights)} models\n{printed(self.summary()).text()}"

    def _repr_html_(self) -> str:
        return notebook(f"Average over {len(self.weights)} models", self.summary())


def average(
    comparison: Comparison,
    *,
    quantity: Callable[[Any], Any],
    weights: str | None = None,
    draws: int = 2000,
    seed: int = 0,
) -> Averaged:
    """Predict a derived quantity (AUC, Cmax, a dose, a probability) by the weighted mixture of models.

    Parameters
    ----------
    comparison : Comparison
        From `compare`, of fits.
    quantity : callable
        Fit -> draws of the quantity: an array with the draws first, or a DataArray with chain and draw.
    weights : {"stacking", "pseudo_bma", "information", "equal"}, optional
        The models' shares: by default "stacking" where prediction ranks the models, "information"
        (exp(-difference / 2) of the criterion) where a penalised likelihood does.
    draws : int
        Size of the mixture.
    seed : int
        Of the mixing.

    Returns
    -------
    Averaged

    Raises
    ------
    FitError
        The comparison holds no fits, unknown weights, or quantities of different shape.

    References
    ----------
    Yao, Vehtari, Simpson & Gelman 2018, doi:10.1214/17-BA1091

    Examples
    --------
    >>> from bayes_nlmem.criteria.comparison import compare
    >>> comparison = compare({"one": fit, "two": fit}, by="observation")
    >>> average(comparison, quantity=lambda fit: fit.draws.posterior["CL_pop"]).draws.shape
    (2000,)
    """
    if not comparison.fits:
        raise FitError(explain(expected="a comparison of fits", got="one of results", remedy="Compare fits."))
    priced = comparison.criterion in PENALISED
    weights = weights or ("information" if priced else "stacking")
    valid = ("information", "equal") if priced else ("stacking", "pseudo_bma", "equal")
    if weights not in valid:
        raise FitError(
            explain(
                expected=f"weights one of {', '.join(valid)}, where {comparison.criterion} ranks the models",
                got=repr(weights),
                remedy="Choose one.",
            )
        )
    names = list(comparison.table.index)
    if weights == "equal":
        shares = np.ones(len(names))
    elif weights == "pseudo_bma":
        shares = comparison.table["pseudo_bma"].to_numpy(float)
    else:
        shares = comparison.weights.to_numpy(float)
    shares = shares / shares.sum()
    by_model = {name: _first_axis(quantity(comparison.fits[name])) for name in names}
    shapes = {values.shape[1:] for values in by_model.values()}
    if len(shapes) > 1:
        raise FitError(
            explain(expected="the same shape under every model", got=" and ".join(map(str, sorted(shapes))))
        )
    rng = np.random.default_rng(seed)
    # Shares are met exactly but for rounding, instead of at random.
    counts = np.floor(shares * draws).astype(int)
    counts[np.argsort(counts - shares * draws)[: draws - counts.sum()]] += 1
    parts = [
        by_model[name][rng.integers(len(by_model[name]), size=n)]
        for name, n in zip(names, counts, strict=True)
    ]
    return Averaged(
        np.concatenate(parts),
        np.repeat(np.array(names, dtype=str), counts),
        FrozenMapping(dict(zip(names, shares.tolist(), strict=True))),
        FrozenMapping(by_model),
    )


def _first_axis(values: Any) -> np.ndarray:
    if hasattr(values, "dims") and {"chain", "draw"} <= set(values.dims):
        values = values.stack(sample=("chain", "draw")).transpose("sample", ...)
    return np.asarray(values, float)
