"""What endpoints that are no measurements are expected to be: probabilities, mean counts, expected events."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from bayes_nlmem.translation.endpoints import law_of
from bayes_nlmem.translation.graph import Translation


def needed(translation: Translation, output: str) -> list[str]:
    """Names in the graph that the expected value of an endpoint's observations depends on."""
    record = translation.observed[output].record
    law = law_of(translation.model, translation.data, output, record)
    return list(dict.fromkeys([output, *law.in_graph.values()]))


def expected(
    translation: Translation, draws: Mapping[str, np.ndarray], output: str
) -> tuple[np.ndarray, np.ndarray]:
    """Expected value and variance of every observation of an endpoint at every draw.

    Parameters
    ----------
    translation : Translation
    draws : mapping of str to ndarray
        Values of all names that `needed` gives, draws first.
    output : str

    Returns
    -------
    mean, variance : ndarray, shape (n_draws, n_rows)
    """
    record = translation.observed[output].record
    law = law_of(translation.model, translation.data, output, record)
    mean, variance = law.endpoint.moments(np.asarray(draws[output]), law.given(draws))
    shape = np.shape(draws[output])
    return np.broadcast_to(mean, shape), np.broadcast_to(variance, shape)


def draws_first(posterior: xr.Dataset, names: list[str]) -> dict[str, np.ndarray]:
    """Arrays of some variables with the draws in the first dimension."""
    stacked = posterior if "sample" in posterior.dims else posterior.stack(sample=("chain", "draw"))
    return {name: stacked[name].transpose("sample", ...).values for name in names}
