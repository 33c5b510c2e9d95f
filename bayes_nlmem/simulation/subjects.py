"""Random effects of a simulation: new subjects, the subjects of the study, or typical ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import xarray as xr

from bayes_nlmem.ground.messages import ModelError, explain, names_text
from bayes_nlmem.simulation.evaluation import evaluate
from bayes_nlmem.simulation.population import Columns, effects_in
from bayes_nlmem.translation.graph import Translation

NEW, SAME, TYPICAL = "new", "same", "typical"
SUBJECTS = (NEW, SAME, TYPICAL)


def effects_of(
    translation: Translation,
    population: Columns,
    subjects: str,
    learnt: xr.Dataset | None,
    draws: int,
    seed: int,
) -> Columns:
    """Values of all random effects, one per draw.

    Parameters
    ----------
    translation : Translation
        The graph; its laws of the effects are the ones drawn from.
    population : dict of str to ndarray
        The population parameters.
    subjects : {"new", "same", "typical"}
        New ones: every effect is drawn. The same: effects of subjects and occasions that were learnt are
        taken from `learnt`, those of occasions that were not are drawn. Typical: all effects are 0.
    learnt : Dataset or None
        Draws with a dimension `sample`, for the same subjects.
    draws, seed : int
        Number of draws and seed.

    Raises
    ------
    ModelError
        A subject that is to be the same was not learnt.
    """
    graph = translation.graph
    effects = effects_in(graph)
    if subjects == TYPICAL:
        zero = [rv for rv in effects if rv.name.startswith(("eta", "kappa"))]
        known: Columns = {rv.name: np.zeros((draws, *_shape(graph, rv))) for rv in zero}
        rest = [rv for rv in effects if rv.name not in known]
        drawn = evaluate(graph, rest, population | known, draws, seed)
        return known | {rv.name: value for rv, value in zip(rest, drawn, strict=True)}
    if subjects == SAME and learnt is not None:
        _check_learnt(translation, learnt)
    values = {rv.name: _learnt(graph, rv, learnt) if subjects == SAME else None for rv in effects}
    complete = {name: v for name, v in values.items() if v is not None and not np.isnan(v).any()}
    rest = [rv for rv in effects if rv.name not in complete]
    drawn = evaluate(graph, rest, population | complete, draws, seed)
    found = dict(complete)
    for rv, new in zip(rest, drawn, strict=True):
        old = values[rv.name]
        found[rv.name] = new if old is None else np.where(np.isnan(old), new, old)
    return found


def _shape(graph: pm.Model, rv: Any) -> tuple[int, ...]:
    return tuple(len(graph.coords[dim]) for dim in graph.named_vars_to_dims[rv.name])


def _learnt(graph: pm.Model, rv: Any, learnt: xr.Dataset | None) -> np.ndarray | None:
    """The draws at the labels of the graph, NaN at labels that were not learnt."""
    if learnt is None or rv.name not in learnt:
        return None
    values = learnt[rv.name].transpose("sample", ...)
    labels = {dim: list(graph.coords[dim]) for dim in values.dims if dim in graph.coords}
    return values.reindex(labels).values


def _check_learnt(translation: Translation, learnt: xr.Dataset) -> None:
    if "subject" not in learnt.coords:
        return
    learned = learnt["subject"].values.tolist()
    known = set(learned)
    strange = [subject for subject in translation.layout.subjects.tolist() if subject not in known]
    if strange:
        raise ModelError(
            explain(
                expected=f'with subjects="same", subjects of the study ({names_text(learned)})',
                got=names_text(strange, noun="subject"),
                remedy='Simulate others with subjects="new".',
            )
        )
