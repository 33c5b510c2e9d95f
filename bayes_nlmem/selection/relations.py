"""Candidate relations: which covariate might act on which parameter, and in what form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.ground.messages import ModelError, closest, explain, names_text
from bayes_nlmem.ground.priors import Normal, Prior
from bayes_nlmem.model.quantities import coefficient_name
from bayes_nlmem.model.specification import Model
from bayes_nlmem.statistics.covariate_names import CovariateKey, members, spoken
from bayes_nlmem.statistics.covariates import CovariateEffect, Exponential, Linear, Power
from bayes_nlmem.statistics.log_folds import LogFolds

_WIDE = 2.0  # prior SD of a coefficient, for one standard deviation of the covariate


@dataclass(frozen=True)
class Relation:
    """A covariate that may act on a parameter.

    Parameters
    ----------
    parameter : str
        The parameter.
    covariate : str or tuple of str
        The covariate.
    effect : CovariateEffect
        The form, with priors as coefficients; it must vanish where all coefficients are 0.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> print(bn.Relation("CL", "WT", bn.Power(bn.Normal(0, 1), reference=70)))
    WT on CL (Power)
    """

    parameter: str
    covariate: CovariateKey
    effect: CovariateEffect

    @property
    def name(self) -> str:
        """`CL_WT`, as the coefficient in the graph."""
        return coefficient_name(self.parameter, self.covariate, "")

    @property
    def coefficients(self) -> tuple[str, ...]:
        """Names of the unknown coefficients in the graph."""
        return tuple(
            coefficient_name(self.parameter, self.covariate, suffix)
            for suffix, value in self.effect.unknowns().items()
            if isinstance(value, Prior)
        )

    def __str__(self) -> str:
        return f"{spoken(self.covariate)} on {self.parameter} ({type(self.effect).__name__})"


def relations(
    model: Model, data: Dataset, where: Mapping[str, Iterable[str]] | None = None
) -> tuple[Relation, ...]:
    """Candidate relations in their usual forms: every covariate on every parameter with random effects.

    Positive covariates act as powers of their ratio to the median, others exponentially around the mean, on
    parameters on `Natural()` linearly; categories, and numbers of two values, by a coefficient for each
    level against the most frequent one (`LogFolds`). Relations that the
    model has already are left out. The coefficients' priors are normal around 0, wide: one standard
    deviation of the covariate shifts the parameter by 2 on its scale.

    Parameters
    ----------
    model : Model
        Without the relations.
    data : Dataset
        With the covariates.
    where : mapping of parameter to covariates, optional
        Only these; by default all covariates of the data on all parameters with `iiv`.

    Returns
    -------
    tuple of Relation

    Raises
    ------
    ModelError
        A parameter or a covariate is not there.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> study = bn.zoo.load("theophylline")
    >>> model = study.model.without_covariate("CL", "WT").without_covariate("V", "WT")
    >>> [str(relation) for relation in bn.relations(model, study.data)]
    ['WT on KA (Power)', 'WT on CL (Power)', 'WT on V (Power)']
    """
    varying = [name for name, parameter in model.parameters.items() if parameter.iiv is not None]
    wanted = {name: tuple(data.covariates) for name in varying} if where is None else where
    found = []
    for name, covariates in wanted.items():
        _known(name, tuple(model.parameters), "a parameter of the model")
        for covariate in (covariates,) if isinstance(covariates, str) else covariates:
            _known(covariate, tuple(data.covariates), "a covariate of the data")
            if any(covariate in members(key) for key in model.parameters[name].covariates):
                continue
            found.append(Relation(name, covariate, _usual(model, data, name, covariate)))
    return tuple(found)


def with_relations(model: Model, chosen: Iterable[Relation]) -> Model:
    """The model with these relations added."""
    for relation in chosen:
        model = model.with_covariate(relation.parameter, relation.covariate, relation.effect)
    return model


def check_relations(model: Model, data: Dataset, candidates: tuple[Relation, ...]) -> None:
    """Refuse candidates that cannot be searched among.

    Raises
    ------
    ModelError
        None at all, one twice, one that the model has, one without unknown coefficients, or one whose effect
        does not vanish where they are 0.
    """
    if not candidates:
        raise ModelError(
            explain(
                expected="at least one candidate relation",
                got="none",
                remedy="Read covariates (bn.read(..., covariates=[...])), or give candidates=.",
            )
        )
    problems, seen = [], set()
    for relation in candidates:
        if relation.parameter not in model.parameters:
            problems.append(f"{relation}: no such parameter; the model has {names_text(model.parameters)}")
            continue
        if missing := [name for name in members(relation.covariate) if name not in data.covariates]:
            problems.append(f"{relation}: not among the covariates read: {names_text(missing)}")
            continue
        key = (relation.parameter, relation.covariate)
        if key in seen or relation.covariate in model.parameters[relation.parameter].covariates:
            problems.append(f"{relation}: already {'named' if key in seen else 'in the model'}")
        seen.add(key)
        if not relation.coefficients:
            problems.append(f"{relation}: its coefficients are known numbers, so there is nothing to test")
        elif neutral(model, data, relation) is None:
            problems.append(f"{relation}: the effect vanishes neither where its coefficients are 0 nor 1")
    if problems:
        raise ModelError("\n".join(["The candidate relations do not fit:", *(f"  - {p}" for p in problems)]))


def neutral(model: Model, data: Dataset, relation: Relation) -> float | None:
    """The coefficients' value at which the effect vanishes: 0, or 1 for fold changes; None if neither."""
    keys = members(relation.covariate)
    x: Any = tuple(np.asarray(data.covariate(key)) for key in keys)
    x = x if isinstance(relation.covariate, tuple) else x[0]
    scale = model.parameters[relation.parameter].scale
    for candidate in (0.0, 1.0):
        values = {
            suffix: candidate if isinstance(value, Prior) else value
            for suffix, value in relation.effect.unknowns().items()
        }
        with np.errstate(all="ignore"):
            shift = relation.effect.shift(values, x, np, scale)
        if np.allclose(shift, 0.0, atol=1e-12):
            return candidate
    return None


def subject_values(data: Dataset, covariate: str) -> np.ndarray:
    """First value of a covariate in every subject."""
    first = data.table.groupby("SUBJECT", sort=True).head(1).index
    return np.asarray(data.covariate(covariate))[np.asarray(first)]


def _usual(model: Model, data: Dataset, parameter: str, covariate: str) -> CovariateEffect:
    values = subject_values(data, covariate)
    if data.covariates[covariate].categories is not None or not np.issubdtype(values.dtype, np.number):
        return _factors(values)
    x = values.astype(float)
    if len(set(x.tolist())) == 2:
        return _factors(values)
    if not model.parameters[parameter].scale.ratio:
        return Linear(Normal(0.0, _WIDE / (x.std() or 1.0)), reference=float(x.mean()))
    if np.all(x > 0):
        spread = float(np.log(x).std()) or 1.0
        return Power(Normal(0.0, round(_WIDE / spread, 4)), reference=float(np.median(x)))
    spread = float(x.std()) or 1.0
    return Exponential(Normal(0.0, round(_WIDE / spread, 4)), reference=float(x.mean()))


def _factors(values: np.ndarray) -> CovariateEffect:
    levels, counts = np.unique(values, return_counts=True)
    reference = levels[np.argmax(counts)]
    others = {level: Normal(0.0, _WIDE) for level in levels.tolist() if level != reference}
    return LogFolds(others, reference=reference.item())


def _known(name: str, valid: tuple[str, ...], what: str) -> None:
    if name not in valid:
        remedy = closest(name, list(valid)) or "Choose one of them."
        raise ModelError(explain(expected=f"{what} ({names_text(valid)})", got=repr(name), remedy=remedy))
