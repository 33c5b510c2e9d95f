"""Prediction and variance correction of visual predictive checks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bayes_nlmem.ground.messages import ModelError, explain

PREDICTION, VARIANCE = "prediction", "variance"
CORRECTIONS = (PREDICTION, VARIANCE)
Array = NDArray[np.float64]


def corrected(
    observed: Array,
    simulated: Array,
    population: Array,
    cells: Sequence[NDArray[np.int64]],
    correction: str,
    x: Array,
) -> tuple[Array, Array]:
    """Observations and replicates as if all of a bin had its median population prediction.

    Prediction: y* = y m / PRED, with m the median of PRED in the bin. Variance, on top of it:
    y** = m + (y* - m) s / sd(y*), with sd(y*) the standard deviation of the observation's corrected
    replicates and s its median in the bin.

    Parameters
    ----------
    observed : ndarray, shape (n,)
    simulated : ndarray, shape (n_simulations, n)
    population : ndarray, shape (n,)
        PRED.
    cells : sequence of ndarray of int
        Positions of the observations of every bin.
    correction : {"prediction", "variance"}
    x : ndarray, shape (n,)
        Where they lie on the horizontal axis; for the message.

    Returns
    -------
    observed, simulated : ndarray

    Raises
    ------
    ModelError
        Where PRED is 0 and others of the same bin are not, or PRED has both signs.

    References
    ----------
    Bergstrand, Hooker, Wallin & Karlsson 2011, doi:10.1208/s12248-011-9255-z
    """
    observed, simulated = observed.copy(), simulated.copy()
    wrong: list[int] = []
    for at in cells:
        own = population[at]
        middle = np.median(own)
        same = own == middle
        ratio = middle / np.where(same | (own == 0), 1.0, own)
        factor = np.where(same, 1.0, ratio)
        wrong += at[~same & ((own == 0) | (ratio <= 0))].tolist()
        observed[at] *= factor
        simulated[:, at] *= factor
        if correction == VARIANCE:
            sd = simulated[:, at].std(axis=0, ddof=1)
            scale = np.median(sd) / np.where(sd > 0, sd, 1.0)
            observed[at] = middle + (observed[at] - middle) * scale
            simulated[:, at] = middle + (simulated[:, at] - middle) * scale
    if wrong:
        raise ModelError(
            explain(
                expected="population predictions of one sign, other than 0, in every bin",
                got=f"0 or another sign at {len(wrong)} of them, at {x[wrong].min():g} to {x[wrong].max():g}",
                remedy="Put them into bins of their own (bins=[...]), such as those before the first dose.",
            )
        )
    return observed, simulated
