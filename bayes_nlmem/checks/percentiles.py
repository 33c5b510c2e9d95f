"""Sample quantiles by their definition in R, of samples that may hold values beyond a limit."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayes_nlmem.ground.messages import ModelError, explain

_SHIFT: Mapping[int, Callable[[float], float]] = {
    4: lambda p: 0.0,
    5: lambda p: 0.5,
    6: lambda p: p,
    7: lambda p: 1 - p,
    8: lambda p: (p + 1) / 3,
    9: lambda p: p / 4 + 3 / 8,
}


def quantiles(
    values: ArrayLike, probabilities: ArrayLike, *, quantile_type: int = 7, axis: int = -1
) -> NDArray[np.float64]:
    """Quantiles x_j + g (x_{j+1} - x_j), j + g = n p + m(p), of R's types 4 to 9.

    Values that are only known to lie below (above) a limit are -inf (inf); a quantile that falls on or next
    to them is -inf (inf) as well.

    Parameters
    ----------
    values : array_like
        The samples along `axis`.
    probabilities : array_like, shape (n_probabilities,)
        Between 0 and 1.
    quantile_type : int
        4 to 9; 7 is the default of R, NumPy and most VPC programs, 6 that of PsN, SPSS and Minitab.
    axis : int
        The axis of the samples.

    Returns
    -------
    ndarray, shape (n_probabilities, ...)
        NaN of empty samples.

    Raises
    ------
    ModelError
        If the type is not one of these.

    References
    ----------
    Hyndman & Fan 1996, doi:10.1080/00031305.1996.10473566

    Examples
    --------
    >>> quantiles([1.0, 2.0, 3.0, 4.0], [0.5, 0.9])
    array([2.5, 3.7])
    >>> quantiles([-np.inf, -np.inf, 3.0, 4.0], [0.05, 0.9])
    array([-inf,  3.7])
    """
    if quantile_type not in _SHIFT:
        raise ModelError(explain(expected="quantile_type 4 to 9 (as in R)", got=repr(quantile_type)))
    ordered = np.sort(np.moveaxis(np.asarray(values, float), axis, 0), axis=0)
    n = len(ordered)
    probabilities = np.atleast_1d(np.asarray(probabilities, float))
    if n == 0:
        return np.full((len(probabilities), *ordered.shape[1:]), np.nan)
    found = np.empty((len(probabilities), *ordered.shape[1:]))
    for k, p in enumerate(probabilities):
        place = n * p + _SHIFT[quantile_type](float(p))
        below = int(np.floor(place + 4 * np.finfo(float).eps))
        weight = max(place - below, 0.0)
        weight = 0.0 if weight < 4 * np.finfo(float).eps else weight
        low = ordered[min(max(below, 1), n) - 1]
        high = ordered[min(max(below + 1, 1), n) - 1]
        if weight == 0.0:
            found[k] = low
            continue
        finite = np.isfinite(low) & np.isfinite(high)
        between = np.where(finite, low, 0.0) + weight * np.where(finite, high - np.where(finite, low, 0), 0)
        found[k] = np.where(finite, between, np.where(np.isneginf(low), low, high))
    return found
