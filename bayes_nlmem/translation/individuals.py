"""The second layer meets the covariates: individual parameters, one value per subject, occasion or row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayes_nlmem.model.classes import PerClass
from bayes_nlmem.model.parameters import Parameter
from bayes_nlmem.model.quantities import coefficient_name
from bayes_nlmem.model.specification import Model
from bayes_nlmem.statistics.covariate_names import each, members
from bayes_nlmem.statistics.imputation import ImputedCategory
from bayes_nlmem.translation.drawing import known_or_drawn
from bayes_nlmem.translation.layout import Layout
from bayes_nlmem.translation.random_effects import Effects
from bayes_nlmem.translation.scenarios import chosen


@dataclass(frozen=True, eq=False)
class Variability:
    """The random effects of all levels.

    Parameters
    ----------
    eta, kappa : Effects
        Of the subjects and of the occasions.
    groups : mapping of str to Effects
        Of the levels above the subject.
    """

    eta: Effects
    kappa: Effects
    groups: Mapping[str, Effects]


Values = dict[str, tuple[Any, str | None]]


def individual_values(
    model: Model, layout: Layout, effects: Variability, covariates: Mapping[str, Any], number: int = 0
) -> Values:
    """The individual parameters and their levels: None (common to all), "subject" or "row".

    On the parameter's additive scale (the logarithm by default) they are the typical value (of the class
    `number`, counted from 0), shifted by the covariates, plus the effects of the subject, of its groups and
    of the occasion.
    """
    return {
        name: _individual(name, parameter, layout, effects, covariates, number)
        for name, parameter in model.parameters.items()
    }


def name_individuals(values: Values, layout: Layout) -> dict[str, Any]:
    """Put the individual parameters `{p}` into the graph and return their values per row.

    Returns
    -------
    dict of str to TensorVariable, shape (n_rows,)
    """
    named = {
        name: (
            value if level is None else pm.Deterministic(name, value, dims=_dimension(level, layout)),
            level,
        )
        for name, (value, level) in values.items()
    }
    return on_rows(named, layout)


def name_effects(eta: Effects, classes: Sequence[int], scenario: Any) -> None:
    """Put `eta` into the graph where every class has effects of its own: those of the subject's scenario.

    The effect on a residual error is that of the first class in every scenario.
    """
    if eta.classes == 1:
        return
    columns = [
        chosen([eta.of_class(0 if name.startswith("sigma_") else k).column(name) for k in classes], scenario)
        for name in eta.names
    ]
    pm.Deterministic("eta", pt.stack(columns, axis=1), dims=("subject", "parameter"))


def on_rows(values: Values, layout: Layout) -> dict[str, Any]:
    """The individual parameters on every row, shape (n_rows,)."""
    return {name: _spread(value, level, layout) for name, (value, level) in values.items()}


def chosen_values(model: Model, layout: Layout, of_each: Sequence[Values], scenario: Any) -> Values:
    """Of the individual parameters in every scenario those of each subject's own."""
    found = dict(of_each[0])
    for name, parameter in model.parameters.items():
        categories = {member for key in parameter.covariates for member in members(key)}
        imputed = any(isinstance(model.missing.get(c), ImputedCategory) for c in categories)
        if not (isinstance(parameter.typical, PerClass) or imputed):
            continue
        level = found[name][1] or "subject"
        per_row = level == "row" and not layout.rows_are_subjects
        of_element = scenario[layout.subject_of_row] if per_row else scenario
        found[name] = (chosen([values[name][0] for values in of_each], of_element), level)
    return found


def _individual(
    name: str,
    parameter: Parameter,
    layout: Layout,
    effects: Variability,
    covariates: Mapping[str, Any],
    number: int,
) -> tuple[Any, str | None]:
    """The value on the natural scale and its level."""
    typical = _typical(name, parameter, number)
    varies_in_subject = parameter.iov is not None or any(
        covariate in layout.row_covariates for key in parameter.covariates for covariate in members(key)
    )
    if not (varies_in_subject or parameter.covariates or parameter.iiv is not None or parameter.varies):
        return typical, None
    additive = parameter.scale.additive(pt.as_tensor(typical, dtype="float64"), pt)
    level = "row" if varies_in_subject else "subject"

    def on_level(covariate: str):
        values = covariates[covariate]
        if level == "row" and covariate not in layout.row_covariates and not layout.rows_are_subjects:
            # categories are words, and constants of the graph
            return values[layout.row_subject if isinstance(values, np.ndarray) else layout.subject_of_row]
        return values

    def per_row(subject_values):
        if level == "row" and not layout.rows_are_subjects:
            return subject_values[layout.subject_of_row]
        return subject_values

    for key, effect in parameter.covariates.items():
        coefficients = {
            suffix: known_or_drawn(coefficient_name(name, key, suffix), value)
            for suffix, value in effect.unknowns().items()
        }
        additive = additive + effect.shift(coefficients, each(key, on_level), pt, parameter.scale)
    for group in parameter.varies:
        of_group = effects.groups[group].column(name)
        additive = additive + per_row(of_group[layout.groups[group].index])
    if parameter.iiv is not None:
        additive = additive + per_row(_of_subject(name, parameter, effects.eta.of_class(number)))
    if parameter.iov is not None:
        kappa = effects.kappa.column(name)
        additive = additive + (kappa if layout.rows_are_occasions else kappa[layout.occasion_of_row])
    return parameter.scale.natural(additive, pt), level


def _typical(name: str, parameter: Parameter, number: int) -> Any:
    if isinstance(parameter.typical, PerClass):
        return pm.modelcontext(None).named_vars.get(
            f"{name}_pop_{number + 1}", parameter.typical.values[number]
        )
    return known_or_drawn(f"{name}_pop", parameter.typical)


def _of_subject(name: str, parameter: Parameter, eta: Effects):
    """What a subject's random effect adds: eta itself, or what the law of the effect makes of it."""
    if parameter.law is None:
        return eta.column(name)
    coefficients = {
        suffix: known_or_drawn(f"{suffix}_{name}", value)
        for suffix, value in parameter.law.unknowns().items()
    }
    return parameter.law.transformed(eta.column(name), eta.deviations[name], coefficients, pt)


def _dimension(level: str, layout: Layout) -> str:
    if level == "subject" or layout.rows_are_subjects:
        return "subject"
    return "occasion" if layout.rows_are_occasions else "interval"


def _spread(value, level: str | None, layout: Layout):
    """The parameter's value on every row."""
    if level is None:
        count = layout.n_rows if layout.rows_are_subjects else layout.subject_of_row.shape[0]
        return pt.alloc(pt.as_tensor(value, dtype="float64"), count)
    if level == "subject" and not layout.rows_are_subjects:
        return value[layout.subject_of_row]
    return value
