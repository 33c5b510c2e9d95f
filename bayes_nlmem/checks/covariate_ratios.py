"""What a covariate does to a parameter: ratios to the reference subject, with their uncertainty."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.ground.messages import BayesNlmemError, explain
from bayes_nlmem.ground.priors import Prior
from bayes_nlmem.model.quantities import coefficient_name
from bayes_nlmem.statistics.covariate_names import members, spoken


def covariate_effects(
    fit: Any,
    *,
    at: Mapping[str, Any] | None = None,
    quantiles: tuple[float, ...] = (0.05, 0.95),
    level: float = 0.9,
) -> pd.DataFrame:
    r"""Ratio of every parameter to that of the reference subject, at values of its covariates.

    .. math:: \frac{h^{-1}(h(P_\mathrm{pop}) + \mathrm{shift}(x))}{P_\mathrm{pop}}

    for each posterior draw, one covariate at a time, the others at their references.

    Parameters
    ----------
    fit : Fit, or another learnt result
        What was learnt.
    at : mapping, optional
        Covariate -> values to show, in place of the quantiles.
    quantiles : tuple of float
        Quantiles, over the subjects, of a numeric covariate at which it is shown; of a categorical one all
        levels are.
    level : float
        Mass of the credible interval.

    Returns
    -------
    DataFrame
        PARAMETER, COVARIATE, VALUE (as text, with its unit), RATIO (posterior median), LOWER, UPPER, KNOWN
        (whether all coefficients are known numbers: then the interval is a point).

    Raises
    ------
    BayesNlmemError
        If no parameter has a covariate effect; unknown covariates in `at`.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> table = bn.covariate_effects(fit, at={"WT": [35, 70]})
    >>> table[["PARAMETER", "VALUE", "KNOWN"]].head(2).values.tolist()
    [['CL', '35 kg', True], ['CL', '70 kg', True]]
    >>> round(float(table.RATIO[0]), 3)
    0.595
    """
    model = fit.model
    if not model.covariates:
        raise BayesNlmemError(
            explain(
                expected="a model with covariate effects",
                got="one without",
                remedy='Add one: model.with_covariate("CL", "WT", bn.Power(0.75, reference=70)).',
            )
        )
    at = dict(at or {})
    if unknown := [name for name in at if name not in model.covariates]:
        raise BayesNlmemError(
            explain(
                expected=f"covariates of the model ({', '.join(model.covariates)})",
                got=", ".join(map(repr, unknown)),
            )
        )
    rows = []
    for name, parameter in model.parameters.items():
        typical = _typical(fit, name, parameter)
        for key, effect in parameter.covariates.items():
            coefficients, known = _coefficients(fit, name, key, effect)
            for value, words in _places(fit, key, at, quantiles):
                ratio = _ratio(parameter.scale, typical, effect, coefficients, value)
                tail = (1 - level) / 2
                lower, middle, upper = np.quantile(ratio, [tail, 0.5, 1 - tail])
                rows.append((name, spoken(key), words, middle, lower, upper, known))
    columns = ["PARAMETER", "COVARIATE", "VALUE", "RATIO", "LOWER", "UPPER", "KNOWN"]
    return pd.DataFrame(rows, columns=columns)


def _typical(fit: Any, name: str, parameter: Any) -> np.ndarray:
    posterior = fit.draws["posterior"]
    if f"{name}_pop" in posterior:
        return posterior[f"{name}_pop"].values.ravel()
    return np.array([float(parameter.typical)])


def _coefficients(fit: Any, name: str, key: Any, effect: Any) -> tuple[dict[str, np.ndarray], bool]:
    found, known = {}, True
    for suffix, value in effect.unknowns().items():
        if isinstance(value, Prior):
            found[suffix] = fit.draws["posterior"][coefficient_name(name, key, suffix)].values.ravel()
            known = False
        else:
            found[suffix] = np.array([float(value)])
    return found, known


def _places(fit: Any, key: Any, at: Mapping[str, Any], quantiles: tuple[float, ...]) -> Iterator[Any]:
    """Values of the covariate (tuples for an interaction), and how they are written."""
    names = members(key)
    lists = [_values(fit, name, at, quantiles) for name in names]
    for combination in product(*lists):
        words = ", ".join(_words(fit, name, value) for name, value in zip(names, combination, strict=True))
        yield (combination if isinstance(key, tuple) else combination[0]), words


def _values(fit: Any, name: str, at: Mapping[str, Any], quantiles: tuple[float, ...]) -> list[Any]:
    if name in at:
        return list(np.atleast_1d(np.asarray(at[name], dtype=object)))
    first = fit.data.start[:-1]
    values = np.asarray(fit.data.covariate(name))[first]
    if values.dtype.kind not in "fiub" or fit.data.covariates[name].categories is not None:
        return sorted({value for value in values.tolist() if value is not None and value == value})
    return [float(value) for value in np.nanquantile(values, quantiles)]


def _words(fit: Any, name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    unit = fit.data.units.get(name)
    return f"{value:.3g}" + (f" {unit}" if unit else "")


def _ratio(
    scale: Any, typical: np.ndarray, effect: Any, coefficients: Mapping[str, Any], value: Any
) -> np.ndarray:
    single = not isinstance(value, tuple)
    x = np.asarray(value) if single else tuple(np.asarray(one) for one in value)
    shift = np.asarray(effect.shift(coefficients, x, np, scale), float)
    return scale.natural(scale.additive(typical, np) + shift, np) / typical
