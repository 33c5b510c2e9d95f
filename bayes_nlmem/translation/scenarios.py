"""What nobody has observed and takes one of few values per subject: classes, and missing categories.

Every combination is a scenario. The likelihood of a subject is averaged over the scenarios,
p(y_i | b_i) = sum_s w_is p(y_i | b_i, s), so that nothing discrete is left to sample.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayes_nlmem.data.covariates import is_missing
from bayes_nlmem.ground.mapping import FrozenMapping
from bayes_nlmem.ground.matrix_priors import Dirichlet
from bayes_nlmem.ground.priors import Prior
from bayes_nlmem.model.classes import PerClass
from bayes_nlmem.model.specification import Model
from bayes_nlmem.statistics.imputation import ImputedCategory
from bayes_nlmem.translation.drawing import drawn_between, scratch_of
from bayes_nlmem.translation.layout import Layout
from bayes_nlmem.translation.likelihood import Observed

IMPOSSIBLE = -1e30


@dataclass(frozen=True, eq=False)
class Scenario:
    """One combination of what is not observed.

    Parameters
    ----------
    number : int
        The class, counted from 0.
    covariates : mapping of str to ndarray
        Categories with the missing ones filled in, as the scenario has it.
    """

    number: int = 0
    covariates: Mapping[str, Any] = FrozenMapping()


@dataclass(frozen=True, eq=False)
class Scenarios:
    """All scenarios of a study under a model.

    Parameters
    ----------
    each : tuple of Scenario
        The scenarios.
    log_weights : TensorVariable, shape (n_subjects, n_scenarios)
        Their probabilities for every subject before its observations are seen.
    unseen : tuple of Unseen
        The classes and the missing categories.
    """

    each: tuple[Scenario, ...]
    log_weights: Any
    unseen: tuple[Unseen, ...]


@dataclass(frozen=True, eq=False)
class Unseen:
    """A class or a missing category: which scenarios belong to each of its values.

    Parameters
    ----------
    name : str
        Name of its probabilities in the graph.
    dims : (str, str)
        Subjects and values.
    subjects : ndarray of int
        The subjects concerned.
    value : ndarray of int, shape (n_scenarios,)
        Its value in every scenario.
    size : int
        Number of values.
    """

    name: str
    dims: tuple[str, str]
    subjects: np.ndarray
    value: np.ndarray
    size: int


def draw_scenarios(model: Model, layout: Layout) -> Scenarios | None:
    """Put the probabilities of classes and missing categories into the graph; None if there are none."""
    graph = pm.modelcontext(None)
    n = len(layout.subjects)
    _draw_typical_values(model)
    gone = {
        name: is_missing(layout.subject_covariates[name])
        for name, law in model.missing.items()
        if isinstance(law, ImputedCategory) and name in layout.subject_covariates
    }
    gone = {name: mask for name, mask in gone.items() if mask.any()}
    if model.mixture is None and not gone:
        return None
    classes = model.n_classes
    sizes = [classes, *(len(_law(model, name).levels) for name in gone)]
    combinations = list(product(*map(range, sizes)))
    weights = pt.zeros((n, len(combinations)))
    unseen = []
    if model.mixture is not None:
        graph.add_coord("class", np.arange(1, classes + 1))
        names = [f"probability_{k + 1}" for k in range(classes)]
        shares = _shares("class_probabilities", "class", model.mixture, names)
        number = np.array([combination[0] for combination in combinations])
        weights = weights + pt.log(shares)[number][None, :]
        unseen.append(Unseen("class_probability", ("subject", "class"), np.arange(n), number, classes))
    for position, (name, mask) in enumerate(gone.items(), start=1):
        law = _law(model, name)
        levels, lacking = [str(level) for level in law.levels], np.flatnonzero(mask)
        graph.add_coord(f"{name}_level", levels)
        graph.add_coord(f"{name}_subject", layout.subjects[lacking])
        names = [f"{name}_share_{level}" for level in levels]
        shares = _shares(f"{name}_shares", f"{name}_level", law.probabilities, names)
        number = np.array([combination[position] for combination in combinations])
        one_of = np.where(number == 0, 0.0, IMPOSSIBLE)  # a known category counts once
        weights = weights + pt.where(mask[:, None], pt.log(shares)[number][None, :], one_of[None, :])
        if not law.known:
            values = np.array([str(value) for value in _labels(layout.subject_covariates[name])])
            counts = np.array([np.sum(values[~mask] == level) for level in levels], float)
            pm.Potential(f"{name}_known_values", (counts * pt.log(shares)).sum())
        dims = (f"{name}_subject", f"{name}_level")
        unseen.append(Unseen(f"{name}_probability", dims, lacking, number, len(levels)))
    each = tuple(
        Scenario(
            combination[0],
            {
                name: _filled(layout.subject_covariates[name], _law(model, name), combination[position])
                for position, name in enumerate(gone, start=1)
            },
        )
        for combination in combinations
    )
    return Scenarios(each, weights, tuple(unseen))


def chosen(values: Sequence[Any], scenario: Any) -> Any:
    """Of the same quantity in every scenario that of each subject's scenario; `scenario` per element."""
    found = values[0] + pt.zeros(scenario.shape)
    for k, value in enumerate(values[1:], start=1):
        found = pt.where(pt.eq(scenario, k), value, found)
    return found


def average_likelihood(
    scenarios: Scenarios,
    predictions: Sequence[Mapping[str, Any]],
    subject_of: Mapping[str, np.ndarray],
    observed: Mapping[str, Observed],
    observe: Callable[[Mapping[str, Any], pm.Model], None],
) -> Any:
    """Put the likelihood `{out}_obs`, averaged over the scenarios, into the graph.

    The density of a subject's observations stands in equal parts at each of them: only its sum over the
    subject (`subject_log_likelihood`) means something.

    Parameters
    ----------
    scenarios : Scenarios
        What may be true of a subject, and with what probability.
    predictions : sequence of mapping of output to TensorVariable
        For every scenario.
    subject_of : mapping of output to ndarray of int
        Subject of every observation.
    observed : mapping of output to Observed
        The observations.
    observe : callable
        Puts the likelihood of one scenario's predictions into a graph, which holds them by name.

    Returns
    -------
    TensorVariable of int, shape (n_subjects,)
        The most probable scenario of every subject.
    """
    graph = pm.modelcontext(None)
    n = scenarios.log_weights.shape[0]
    totals, drawn = [], []
    for of_scenario in predictions:
        with scratch_of(graph) as scratch:
            named = {name: pm.Deterministic(name, value) for name, value in of_scenario.items()}
            observe(named, scratch)
        total = pt.zeros(n)
        for output, subject in subject_of.items():
            observation = scratch[f"{output}_obs"]
            term = pm.logp(observation, scratch.rvs_to_values[observation], warn_rvs=False)
            total = pt.inc_subtensor(total[subject], term)
        totals.append(total)
        drawn.append({output: scratch[f"{output}_obs"] for output in subject_of})
    joint = pt.stack(totals, axis=1) + scenarios.log_weights
    log_likelihood = pt.logsumexp(joint, axis=1)
    pm.Deterministic("subject_log_likelihood", log_likelihood, dims="subject")
    probability = pt.exp(joint - log_likelihood[:, None])
    for unseen in scenarios.unseen:
        columns = [
            probability[:, np.flatnonzero(unseen.value == k)].sum(axis=1)[unseen.subjects]
            for k in range(unseen.size)
        ]
        pm.Deterministic(unseen.name, pt.stack(columns, axis=1), dims=unseen.dims)
    count = np.zeros(int(max(np.max(s, initial=0) for s in subject_of.values())) + 1)
    for subject in subject_of.values():
        np.add.at(count, subject, 1.0)
    scenario = pm.Categorical.dist(logit_p=scenarios.log_weights)
    for output, subject in subject_of.items():
        share = log_likelihood[subject] / count[subject]
        new = chosen([draws[output] for draws in drawn], scenario[subject])
        pm.CustomDist(
            f"{output}_obs",
            share,
            new,
            logp=_given_density,
            dist=_given_draw,
            signature="(n),(n)->(n)",
            observed=observed[output].value,
            dims=f"{output}_row",
        )
    most_probable = pt.argmax(joint, axis=1)
    return pm.Deterministic("scenario", most_probable, dims="subject")


def draw_scenario(scenarios: Scenarios) -> Any:
    """Put the scenario of every subject into a graph that is drawn from, not sampled."""
    return pm.Categorical("scenario", logit_p=scenarios.log_weights, dims="subject")


def _given_density(value: Any, share: Any, new: Any) -> Any:
    return share


def _given_draw(share: Any, new: Any, size: Any) -> Any:
    return pt.identity(new)


def _draw_typical_values(model: Model) -> None:
    """Typical values `{p}_pop_1`, `{p}_pop_2` of the classes; the first parameter's ascend."""
    ordered = True
    for name, parameter in model.parameters.items():
        if not isinstance(parameter.typical, PerClass):
            continue
        before: Any = None
        for k, value in enumerate(parameter.typical.values, start=1):
            if not isinstance(value, Prior):
                before = float(value)
                continue
            start = value.quantile(0.5)
            known = [v for v in parameter.typical.values[k:] if not isinstance(v, Prior)]
            before = drawn_between(
                f"{name}_pop_{k}",
                value,
                lower=before if ordered else None,
                upper=float(known[0]) if ordered and known else None,
                start=start,
            )
        ordered = False


def _shares(name: str, dim: str, shares: Dirichlet | Sequence[float], names: Sequence[str]) -> Any:
    """Probabilities that add up to 1: known, or drawn and named one by one."""
    if not isinstance(shares, Dirichlet):
        return pt.as_tensor(np.asarray(shares, float))
    drawn = pm.Dirichlet(name, np.asarray(shares.concentration, float), dims=dim)
    for k, one in enumerate(names):
        pm.Deterministic(one, drawn[k])
    return drawn


def _law(model: Model, name: str) -> ImputedCategory:
    law = model.missing[name]
    assert isinstance(law, ImputedCategory)
    return law


def _labels(values: np.ndarray) -> list[Any]:
    """The levels as laws write them: codes read as numbers are whole."""
    return [int(v) if isinstance(v, float) and v.is_integer() else v for v in np.asarray(values).tolist()]


def _filled(values: np.ndarray, law: ImputedCategory, level: int) -> np.ndarray:
    filled = np.array(values, copy=True)
    filled[is_missing(values)] = law.levels[level]
    return filled
