"""The terms of the likelihood at many points of the effects in one call."""

from __future__ import annotations

import numpy as np
from numba import njit, types

from bayes_nlmem.engine.kept_code import keep
from bayes_nlmem.marginal.by_address import VECTOR, calling

_call = calling(types.BaseTuple.from_types((VECTOR, VECTOR)))


@keep
@njit(cache=True, nogil=True)
def terms_at(address, point, start, places, floats, ints, group, n_groups, n_observations):
    """Terms of the effects (summed by subject) and of the observations at many places.

    Parameters
    ----------
    address : int
        Of a compiled function (point, floats, ints) -> (terms of effects, terms of observations).
    point : ndarray, shape (n,)
        The population parameters; the effects' elements begin at `start`.
    start : int
        Where they begin.
    places : ndarray, shape (n_places, n_effects)
        The effects.
    floats, ints : ndarray
        The data that the function takes.
    group : ndarray of int
        Subject of every term of the effects.
    n_groups, n_observations : int
        Numbers of subjects and of observations.

    Returns
    -------
    of_effects : ndarray, shape (n_places, n_groups)
    of_observations : ndarray, shape (n_places, n_observations)
        NaN at places where the function failed.
    """
    count, width = places.shape
    of_effects = np.zeros((count, n_groups))
    of_observations = np.empty((count, n_observations))
    here = point.copy()
    for k in range(count):
        for j in range(width):
            here[start + j] = places[k, j]
        fine, effects, observations = _call(address, here, floats, ints)
        if not fine:
            of_effects[k, :] = np.nan
            of_observations[k, :] = np.nan
            continue
        for j in range(group.shape[0]):
            of_effects[k, group[j]] += effects[j]
        for j in range(n_observations):
            of_observations[k, j] = observations[j]
    return of_effects, of_observations
