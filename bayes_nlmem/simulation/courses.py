"""Predictions of an output at chosen records, for new subjects, the same, or typical ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.simulation.evaluation import evaluate
from bayes_nlmem.simulation.population import chosen_draws, columns_of, population_in
from bayes_nlmem.simulation.subjects import effects_of
from bayes_nlmem.translation.graph import Translation, translate


def courses(
    learnt: Any, data: Dataset, output: str, at: np.ndarray, whose: tuple[str, ...], *, draws: int, seed: int
) -> tuple[list[np.ndarray], Translation, xr.Dataset]:
    """Predictions at some records of a study, also at records without an observation.

    Parameters
    ----------
    learnt : Fit, another learnt result, or Individual
        Whose `model`, `draws` and `edit` are used.
    data : Dataset
        Doses and covariates.
    output : str
        What is predicted.
    at : ndarray of int, shape (n,)
        Positions of records.
    whose : tuple of {"new", "same", "typical"}
        The random effects, as in `simulate`.
    draws, seed : int
        Draws of the posterior; of effects that are drawn.

    Returns
    -------
    predictions : list of ndarray, shape (draws, n)
        One for each of `whose`.
    translation : Translation
        The graph that predicts.
    drawn : Dataset
        The draws, with the dimension `sample`.
    """
    translation = translate(
        learnt.model, data, geometry="centred", edit=getattr(learnt, "edit", None), predict_at={output: at}
    )
    graph = translation.graph
    drawn = chosen_draws(learnt.draws["posterior"].to_dataset(), draws)
    population = columns_of(drawn, [rv.name for rv in population_in(graph)])
    found = []
    for who in whose:
        effects = effects_of(translation, population, who, drawn, draws, seed)
        found += evaluate(graph, [graph[output]], population | effects, draws, seed)
    return found, translation, drawn
