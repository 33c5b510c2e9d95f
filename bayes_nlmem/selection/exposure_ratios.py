"""What covariates do to parameters and exposure: ratios to a reference subject, with their uncertainty."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.ground.messages import FitError, explain, names_text
from bayes_nlmem.ground.priors import Prior
from bayes_nlmem.model.classes import PerClass
from bayes_nlmem.model.quantities import coefficient_name
from bayes_nlmem.model.specification import Model
from bayes_nlmem.selection.relations import subject_values
from bayes_nlmem.statistics.covariate_names import members

Exposure = Mapping[str, Callable[[Mapping[str, np.ndarray]], np.ndarray]]
_COLUMNS = ["quantity", "covariate", "value", "label", "ratio", "lower", "upper", "inside", "verdict"]


def exposure_ratios(
    learnt: Any,
    *,
    exposure: Exposure | None = None,
    at: Mapping[str, Any] | None = None,
    equivalence: tuple[float, float] = (0.8, 1.25),
    mass: float = 0.9,
    draws: int = 2000,
    seed: int = 1,
) -> pd.DataFrame:
    """Ratio of exposure in a subject with an unusual covariate to that in the reference subject.

    Every covariate of the model is moved alone: to the 5th and the 95th percentile of the subjects, or to
    each level of a category; all others stay at their reference, the median or the most frequent level.

    Parameters
    ----------
    learnt : Fit or SaemFit
        What was learnt. Of a SAEM fit the estimates' normal approximation is drawn from.
    exposure : mapping of name to function, optional
        Functions of the typical parameters, for example ``{"AUC": lambda p: 1 / p["CL"]}``. By default the
        parameters with covariates themselves, and `AUC`, the dose over CL, where there is a CL.
    at : mapping of covariate to values, optional
        Other values to look at.
    equivalence : (float, float)
        Ratios without clinical meaning.
    mass : float
        Mass of the interval.
    draws : int
        Most posterior draws used.
    seed : int
        For SAEM fits.

    Returns
    -------
    DataFrame
        `quantity`, `covariate`, `value`, `label`, median `ratio`, `lower`, `upper`, `inside` (chance of
        a ratio within `equivalence`), `verdict`: "equivalent" (the interval lies inside), "relevant"
        (outside), "uncertain".

    Raises
    ------
    FitError
        The model has no covariates or is a mixture of sub-populations, or `at` names others.

    Examples
    --------
    >>> table = exposure_ratios(fit)
    >>> sorted(set(table["quantity"]))
    ['AUC', 'CL', 'V']
    """
    model, data = learnt.model, learnt.data
    names = [name for name in model.covariates if name in data.covariates]
    if not names:
        raise FitError(
            explain(expected="a model with covariates", got="none", remedy="See search_covariates.")
        )
    if at is not None and (unknown := [name for name in at if name not in names]):
        raise FitError(
            explain(expected=f"covariates of the model ({names_text(names)})", got=names_text(unknown))
        )
    if mixed := [name for name, p in model.parameters.items() if isinstance(p.typical, PerClass)]:
        raise FitError(
            explain(
                expected="one typical value of every parameter",
                got=f"a mixture in {names_text(mixed)}, where the ratio differs between the classes",
                remedy="Simulate each class with `simulate`.",
            )
        )
    values = _draws(learnt, draws, seed)
    reference = {name: _reference(data, name) for name in names}
    base = _typical(model, values, reference)
    affected = [name for name, parameter in model.parameters.items() if parameter.covariates]
    functions: dict[str, Any] = dict(exposure or {})
    if exposure is None:
        functions = {name: (lambda p, name=name: p[name]) for name in affected}
        if "CL" in affected:
            functions["AUC"] = lambda p: 1 / p["CL"]
    rows = []
    for name in names:
        for value, label in _places(data, name, reference[name], None if at is None else at.get(name)):
            moved = _typical(model, values, {**reference, name: value})
            for quantity, function in functions.items():
                ratio = np.asarray(function(moved) / function(base), float) * np.ones(values["@n"])
                if np.allclose(ratio, 1.0):
                    continue
                rows.append(_row(quantity, name, value, label, ratio, equivalence, mass))
    return pd.DataFrame(rows, columns=_COLUMNS)


def _row(quantity, name, value, label, ratio, equivalence, mass) -> dict:
    lower, median, upper = np.quantile(ratio, [(1 - mass) / 2, 0.5, (1 + mass) / 2])
    low, high = equivalence
    inside = float(np.mean((ratio > low) & (ratio < high)))
    if low < lower and upper < high:
        verdict = "equivalent"
    elif upper < low or lower > high:
        verdict = "relevant"
    else:
        verdict = "uncertain"
    return dict(
        zip(_COLUMNS, (quantity, name, value, label, median, lower, upper, inside, verdict), strict=True)
    )


def _draws(learnt: Any, draws: int, seed: int) -> dict[str, Any]:
    """Draws of the population parameters by name; a SAEM fit's from the normal law of its estimates."""
    if hasattr(learnt, "population_draws"):
        found = learnt.population_draws(draws, seed)
    else:
        posterior = learnt.draws["posterior"].to_dataset()
        flat = posterior.stack(sample=("chain", "draw"))
        count = flat.sizes["sample"]
        pick = np.linspace(0, count - 1, min(draws, count)).round().astype(int)
        found = {str(name): flat[name].values[pick] for name, v in posterior.data_vars.items() if v.ndim == 2}
    return {**found, "@n": len(next(iter(found.values())))}


def _typical(model: Model, values: dict[str, Any], covariates: Mapping[str, Any]) -> dict[str, np.ndarray]:
    found = {}
    for name, parameter in model.parameters.items():
        typical = parameter.typical
        assert not isinstance(typical, PerClass)  # refused at the door
        additive = parameter.scale.additive(
            values[f"{name}_pop"] if isinstance(typical, Prior) else np.full(values["@n"], float(typical)), np
        )
        for key, effect in parameter.covariates.items():
            if any(covariate not in covariates for covariate in members(key)):
                continue
            coefficients = {
                suffix: values[coefficient_name(name, key, suffix)] if isinstance(known, Prior) else known
                for suffix, known in effect.unknowns().items()
            }
            x = tuple(covariates[m] for m in key) if isinstance(key, tuple) else covariates[key]
            additive = additive + effect.shift(coefficients, x, np, parameter.scale)
        found[name] = parameter.scale.natural(additive, np)
    return found


def _reference(data: Dataset, name: str) -> Any:
    values = subject_values(data, name)
    if _is_category(data, name, values):
        levels, counts = np.unique(values, return_counts=True)
        return levels[np.argmax(counts)]
    return float(np.median(values))


def _is_category(data: Dataset, name: str, values: np.ndarray) -> bool:
    numeric = np.issubdtype(values.dtype, np.number)
    return data.covariates[name].categories is not None or not numeric or len(set(values.tolist())) == 2


def _places(data: Dataset, name: str, reference: Any, given: Any) -> list[tuple[Any, str]]:
    unit = data.units.get(name)
    tail = f" {unit}" if unit else ""
    if given is not None:
        return [
            (value, f"{name} {value:g}{tail}" if np.isreal(value) else f"{name} {value}") for value in given
        ]
    values = subject_values(data, name)
    if _is_category(data, name, values):
        return [(level, f"{name} {level}") for level in np.unique(values).tolist() if level != reference]
    low, high = np.quantile(values.astype(float), [0.05, 0.95])
    return [(x, f"{name} {x:.3g}{tail} ({which})") for x, which in ((low, "5th"), (high, "95th"))]
