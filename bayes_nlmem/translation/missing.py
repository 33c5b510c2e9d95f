"""Missing covariates: refused with their rows, or unknowns of the graph where the model says how."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayes_nlmem.data.covariates import is_missing
from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.ground.messages import ModelError, explain, names_text, rows_text
from bayes_nlmem.ground.scales import Scale
from bayes_nlmem.model.quantities import coefficient_name
from bayes_nlmem.model.specification import Model
from bayes_nlmem.statistics.imputation import Imputed, ImputedCategory
from bayes_nlmem.translation.drawing import known_or_drawn
from bayes_nlmem.translation.layout import Layout


def missing_problems(model: Model, data: Dataset) -> Iterator[str]:
    """What speaks against the missing values of the covariates that the model uses."""
    used = [*model.covariates, *(g for law in model.missing.values() for g in getattr(law, "given", ()))]
    for name in dict.fromkeys(used):
        if name not in data.covariates:
            if name not in model.covariates:
                yield explain(
                    expected=f"covariate {name!r} (given for a missing one) among those read: "
                    f"{', '.join(data.covariates) or 'none'}",
                    got="nothing of that name",
                    remedy=f'Read it: bn.read(..., covariates=["{name}"]).',
                )
            continue
        gone = is_missing(data.covariate(name))
        if gone.any() or name in model.missing:
            yield from _problems_of(model, data, name, gone)


def _problems_of(model: Model, data: Dataset, name: str, gone: np.ndarray) -> Iterator[str]:
    table = data.table
    where = rows_text(table["ROW"].to_numpy()[gone].tolist()) if gone.any() else ""
    law = model.missing.get(name)
    if law is None:
        kind = (
            "ImputedCategory(levels, Dirichlet(1, 1))" if data.covariates[name].categories else "Imputed(...)"
        )
        yield explain(
            expected=f"a value of {name} in every record",
            got=f"none in {where}",
            remedy=f'Say where they come from: Model(..., missing={{"{name}": {kind}}}), or fill them in.',
        )
        return
    if data.covariates[name].method != "constant":
        yield explain(
            expected=f"{name} constant in every subject, since its missing values are unknowns per subject",
            got="values that change within subjects",
            remedy="Fill in what is missing, or use one value per subject.",
        )
        return
    subject = table["SUBJECT"].to_numpy()
    share = np.bincount(subject, gone) / np.bincount(subject)
    partly = (share > 0) & (share < 1)
    if partly.any():
        ids = [data.subjects[k] for k in np.flatnonzero(partly)]
        yield explain(
            expected=f"{name} missing in all records of a subject or in none",
            got=f"in some of {names_text(ids, noun='subject')}",
            remedy="Write the known value into all records of the subject.",
        )
    categories = data.covariates[name].categories
    if isinstance(law, ImputedCategory):
        if categories is None or set(map(str, categories)) != set(map(str, law.levels)):
            got = ", ".join(map(str, categories)) if categories is not None else "numbers"
            remedy = f'Name all levels as they are in the data; read codes with categorical=["{name}"].'
            expected = f"the levels {', '.join(map(str, law.levels))} of {name}"
            yield explain(expected=expected, got=got, remedy=remedy)
    elif categories is not None:
        remedy = "Use ImputedCategory(levels, probabilities)."
        got = f"the categories {', '.join(map(str, categories))}"
        yield explain(expected=f"numbers in {name} for Imputed", got=got, remedy=remedy)
    elif gone.all() and not law.known:
        remedy = "Leave its effect out, or give the law of its values by numbers."
        yield explain(expected=f"some subjects with {name}", got="none", remedy=remedy)
    elif not gone.all():
        lower, upper = law.scale.range
        x = data.covariate(name)[~gone]
        if not np.all((x > lower) & (x < upper)):
            remedy = "Correct the values, or use another scale."
            got = f"{np.min(x):g} to {np.max(x):g}"
            yield explain(
                expected=f"{name} within {lower:g} and {upper:g}, the scale's range", got=got, remedy=remedy
            )


def range_problems(model: Model) -> Iterator[str]:
    """Effects that do not allow all values which an imputed covariate may take."""
    for parameter, stated in model.parameters.items():
        for key, effect in stated.covariates.items():
            law = model.missing.get(key) if isinstance(key, str) else None
            if isinstance(law, Imputed) and (problem := _out_of_range(effect, law.scale, stated.scale)):
                yield (
                    f"{key} on {parameter}: the imputed values may be at or below 0. {problem} Or impute on "
                    "the scale Log()."
                )


def _out_of_range(effect: Any, imputed_on: Scale, scale: Scale) -> str:
    if imputed_on.range[0] >= 0:
        return ""
    try:
        effect.check(np.array([-1e-3]), scale)
    except ModelError as error:
        return str(error)
    return ""


def complete_covariates(model: Model, layout: Layout, covariates: dict[str, Any]) -> dict[str, Any]:
    """Numeric covariates with their missing values as unknowns of the graph.

    `{cov}_missing` holds the values of the subjects in `{cov}_subject`, `{cov}` those of all; the values that
    are there enter as the potential `{cov}_known_values`, if anything of the law is unknown.
    """
    graph = pm.modelcontext(None)
    complete = dict(covariates)
    for name, law in model.missing.items():
        values = layout.subject_covariates.get(name)
        if not isinstance(law, Imputed) or values is None:
            continue
        gone = is_missing(values)
        if not gone.any():
            continue
        expected = law.scale.additive(pt.as_tensor(known_or_drawn(f"{name}_typical", law.typical)), pt)
        expected = expected + pt.zeros(len(values))
        for given, effect in law.given.items():
            coefficients = {
                suffix: known_or_drawn(coefficient_name(name, given, suffix), value)
                for suffix, value in effect.unknowns().items()
            }
            expected = expected + effect.shift(coefficients, complete[given], pt, law.scale)
        sd = known_or_drawn(f"{name}_sd", law.sd)
        lacking = np.flatnonzero(gone)
        graph.add_coord(f"{name}_subject", layout.subjects[lacking])
        score = pm.Normal(f"{name}_score", 0.0, 1.0, dims=f"{name}_subject")
        imputed = law.scale.natural(expected[lacking] + sd * score, pt)
        imputed = pm.Deterministic(f"{name}_missing", imputed, dims=f"{name}_subject")
        there = np.flatnonzero(~gone)
        filled = np.where(gone, 0.0, np.asarray(values, float))
        complete[name] = pt.set_subtensor(pm.Data(f"{name}_known", filled, dims="subject")[lacking], imputed)
        if not law.known and len(there):
            additive = law.scale.additive(filled[there], np)
            density = pm.logp(pm.Normal.dist(expected[there], sd), additive)
            pm.Potential(f"{name}_known_values", density.sum())
    return complete
