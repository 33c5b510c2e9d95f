"""`select_covariates`: all candidate relations in one posterior, under priors that shrink towards none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.ground.messages import FitError, ModelError, explain
from bayes_nlmem.ground.priors import Prior
from bayes_nlmem.ground.shrinkage_priors import R2D2, Horseshoe, ShrinkagePrior, SpikeAndSlab
from bayes_nlmem.ground.tables import notebook, printed
from bayes_nlmem.learning.diagnostics import mixing
from bayes_nlmem.learning.nuts import fit
from bayes_nlmem.learning.results import Fit
from bayes_nlmem.model.quantities import coefficient_name
from bayes_nlmem.model.specification import Model
from bayes_nlmem.selection.projection import project
from bayes_nlmem.selection.relations import (
    Relation,
    check_relations,
    relations,
    subject_values,
    with_relations,
)
from bayes_nlmem.statistics.covariate_names import members

PRIORS = ("horseshoe", "r2d2", "spike-and-slab")


@dataclass(frozen=True, eq=False, repr=False)
class CovariateSelection:
    """What the joint posterior says of all candidate relations.

    Parameters
    ----------
    fit : Fit
        The fit of the model with all candidates.
    candidates : tuple of Relation
        The candidates in their usual forms.
    effects : DataFrame
        One row per coefficient. Columns: `relation`, `median`, `lower`, `upper` (90% interval of the
        coefficient), `size` (posterior mean of the effect of one standard deviation of the covariate, in
        standard deviations of the random effect), `direction` (probability of the sign), `inclusion`
        (probability that there is an effect: of the slab; for the horseshoe and R2-D2 the mean share that is
        not shrunk away), `r_hat`, `ess`.
    path : DataFrame
        Submodels by size: `relations`, `loss` (Kullback-Leibler divergence in nats of the joint posterior of
        the coefficients from the one with the others at zero), `explained`, `adequate`.
    selected : tuple of Relation
        Those of the smallest adequate submodel.
    model : Model
        The base model with the selected relations, in their usual forms.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> study = bn.zoo.load("theophylline")
    >>> base = study.model.without_covariate("V", "WT")
    >>> found = bn.select_covariates(base, study.data, seed=1)  # doctest: +SKIP
    >>> found.effects[["relation", "median", "inclusion"]]  # doctest: +SKIP
    >>> next_model = found.model  # doctest: +SKIP
    """

    fit: Fit
    candidates: tuple[Relation, ...]
    effects: pd.DataFrame
    path: pd.DataFrame
    selected: tuple[Relation, ...]
    model: Model

    def __repr__(self) -> str:
        chosen = ", ".join(map(str, self.selected)) or "none"
        shown = printed(self.effects, digits=3).text()
        path = printed(self.path, digits=3, index=False).text()
        lines = [f"Joint covariate selection: {chosen}", "", shown, "", "Projection on smaller models:", path]
        return "\n".join([*lines, "", str(self.fit.convergence())])

    def _repr_html_(self) -> str:
        chosen = ", ".join(map(str, self.selected)) or "none"
        tables = printed(self.effects, digits=3), printed(self.path, digits=3, index=False)
        return notebook(f"Joint covariate selection: {chosen}", *tables)


def select_covariates(
    model: Model,
    data: Dataset,
    *,
    candidates: Iterable[Relation] | None = None,
    prior: str = "horseshoe",
    expected: float | None = None,
    level: float = 0.95,
    **sampling: Any,
) -> CovariateSelection:
    """Select covariates from one joint posterior with all candidate relations.

    Every coefficient gets a prior that shrinks it towards no effect unless the data speak against it, in
    units of the random effect's standard deviation per standard deviation of the covariate, so that all
    candidates compete on equal terms and the uncertainty of the individual parameters counts in full. The
    posterior is then projected on submodels, from none upwards; the smallest whose left-out coefficients
    are within the `level` credible region of zero, jointly and relation by relation, is selected.

    Parameters
    ----------
    model : Model
        The base model; relations that it has stay.
    data : Dataset
        The study.
    candidates : iterable of Relation, optional
        By default `relations(model, data)`. Effects that vanish where their coefficients are 0.
    prior : {"horseshoe", "r2d2", "spike-and-slab"}
        See `Horseshoe`, `R2D2`, `SpikeAndSlab`.
    expected : float, optional
        Number of relevant coefficients expected before the data are seen; by default a quarter of them, at
        least one. Below the number of candidates.
    level : float
        Credibility of the region in which the left-out coefficients may lie.
    **sampling
        For `fit`: draws, tune, chains, seed, target_accept, progress, ...

    Returns
    -------
    CovariateSelection

    Raises
    ------
    ModelError
        The candidates do not fit the model or the data.
    FitError
        A setting is out of range.

    References
    ----------
    Piironen & Vehtari 2017, doi:10.1214/17-EJS1337SI. Projection: Piironen, Paasiniemi & Vehtari 2020,
    doi:10.1214/20-EJS1711.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> study = bn.zoo.load("theophylline")
    >>> base = study.model.without_covariate("CL", "WT").without_covariate("V", "WT")
    >>> bn.select_covariates(base, study.data, prior="horseshoe", seed=1)  # doctest: +SKIP
    """
    chosen = tuple(relations(model, data) if candidates is None else candidates)
    check_relations(model, data, chosen)
    spreads = {
        name: spread for relation in chosen for name, spread in _design_spread(model, data, relation).items()
    }
    count = len(spreads)
    expected = max(1.0, count / 4) if expected is None else expected
    _check_settings(prior, expected, count, level)
    shrunk = tuple(
        _shrunk(model, relation, spreads, prior, expected, len(data.subjects)) for relation in chosen
    )
    result = fit(with_relations(model, shrunk), data, **sampling)
    effects = _effects(result, chosen, shrunk, spreads, len(data.subjects))
    draws = np.stack([_values(result, name) for name in spreads], axis=1)
    owner = [relation.name for relation in chosen for _ in relation.coefficients]
    path, kept = project(draws, owner, level)
    selected = tuple(relation for relation in chosen if relation.name in kept)
    return CovariateSelection(result, chosen, effects, path, selected, with_relations(model, selected))


def _values(result: Fit, name: str) -> np.ndarray:
    return result.draws["posterior"].to_dataset()[name].values.ravel()


def _design_spread(model: Model, data: Dataset, relation: Relation) -> dict[str, float]:
    """Standard deviation over the subjects of what each coefficient multiplies, near no effect."""
    values = [subject_values(data, name) for name in members(relation.covariate)]
    x: Any = tuple(values) if isinstance(relation.covariate, tuple) else values[0]
    scale = model.parameters[relation.parameter].scale
    unknowns = relation.effect.unknowns()
    zero = {suffix: 0.0 if isinstance(value, Prior) else value for suffix, value in unknowns.items()}
    found = {}
    for suffix, value in unknowns.items():
        if not isinstance(value, Prior):
            continue
        step = 1e-6
        with np.errstate(all="ignore"):
            moved = relation.effect.shift({**zero, suffix: step}, x, np, scale)
            base = relation.effect.shift(zero, x, np, scale)
        spread = float(np.std((moved - base) / step))
        if not np.isfinite(spread) or spread == 0:
            raise ModelError(
                explain(
                    expected=f"{relation}: an effect that is 0 at 0, of a covariate that varies",
                    got="a constant covariate" if spread == 0 else "an effect that is not finite at 0",
                    remedy="Leave it out, or use Power, Exponential, Linear or LogFolds.",
                )
            )
        found[coefficient_name(relation.parameter, relation.covariate, suffix)] = spread
    return found


def _shrunk(
    model: Model, relation: Relation, spreads: dict[str, float], prior: str, expected: float, n: int
) -> Relation:
    """The relation with shrinkage priors in the place of its own."""
    iiv = model.parameters[relation.parameter].iiv
    unit = f"omega_{relation.parameter}" if isinstance(iiv, Prior) else ""
    known = float(iiv) if isinstance(iiv, int | float) and iiv else 1.0
    names = {
        suffix: coefficient_name(relation.parameter, relation.covariate, suffix)
        for suffix, value in relation.effect.unknowns().items()
        if isinstance(value, Prior)
    }
    count = len(spreads)

    def noun(name: str) -> ShrinkagePrior:
        scale = known / spreads[name]
        if prior == "horseshoe":
            shared = expected / (count - expected) / np.sqrt(n) if count > expected else 1.0
            return Horseshoe(float(shared), scale=scale, unit=unit)
        if prior == "r2d2":
            return R2D2(float(expected / count), scale=scale, unit=unit)
        return SpikeAndSlab(float(expected / count), scale=scale, unit=unit)

    return replace(relation, effect=_with_priors(relation, {s: noun(name) for s, name in names.items()}))


def _with_priors(relation: Relation, nouns: dict[str, ShrinkagePrior]) -> Any:
    """The effect with other priors: its unknowns are fields, or one mapping of them."""
    effect, unknowns = relation.effect, relation.effect.unknowns()
    changes: dict[str, Any] = {}
    for field_name in effect.__dataclass_fields__:  # type: ignore[attr-defined]
        value = getattr(effect, field_name)
        if isinstance(value, Prior):
            [suffix] = [s for s, known in unknowns.items() if known is value] or [""]
            changes[field_name] = nouns[suffix]
        elif hasattr(value, "items"):
            changes[field_name] = {
                level: nouns[suffix] if isinstance(known, Prior) else known
                for (level, known), suffix in zip(value.items(), unknowns, strict=True)
            }
    return replace(effect, **changes)  # type: ignore[type-var]


def _effects(
    result: Fit, chosen: tuple[Relation, ...], shrunk: tuple[Relation, ...], spreads: dict[str, float], n: int
) -> pd.DataFrame:
    posterior = result.draws["posterior"].to_dataset()
    r_hat, ess, _ = mixing(posterior[list(spreads)])
    rows = []
    for relation, own in zip(chosen, shrunk, strict=True):
        nouns = [value for value in own.effect.unknowns().values() if isinstance(value, ShrinkagePrior)]
        for name, noun in zip(relation.coefficients, nouns, strict=True):
            x = _values(result, name)
            unit = _values(result, noun.unit) if noun.unit in posterior else np.ones_like(x)
            standard = x / (noun.scale * unit)
            lower, median, upper = np.quantile(x, [0.05, 0.5, 0.95])
            rows.append(
                {
                    "name": name,
                    "relation": str(relation),
                    "median": median,
                    "lower": lower,
                    "upper": upper,
                    "size": float(standard.mean()),
                    "direction": max(float((x > 0).mean()), float((x < 0).mean())),
                    "inclusion": float(_inclusion(result, name, noun, standard, n).mean()),
                    "r_hat": float(r_hat[name]),
                    "ess": float(ess[name]),
                }
            )
    return pd.DataFrame(rows).set_index("name")


def _inclusion(result: Fit, name: str, noun: ShrinkagePrior, standard: np.ndarray, n: int) -> np.ndarray:
    """Per draw, the probability of the slab, or the share 1 - 1 / (1 + n sd^2) that is not shrunk away."""
    if isinstance(noun, SpikeAndSlab):
        log_odds = (
            np.log(noun.inclusion / (1 - noun.inclusion))
            + np.log(noun.spike / noun.slab)
            + 0.5 * standard**2 * (noun.spike**-2 - noun.slab**-2)
        )
        return 1 / (1 + np.exp(-np.clip(log_odds, -700, 700)))
    if isinstance(noun, Horseshoe):
        local = _values(result, f"tau_{noun.group}") * _values(result, f"lambda_{name}")
        slab = _values(result, f"slab_{noun.group}")
        variance = local**2 * slab / (slab + local**2)
    else:
        variance = _values(result, f"share_{name}") / _values(result, f"rest_{noun.group}")
    return 1 - 1 / (1 + n * variance)


def _check_settings(prior: str, expected: float, count: int, level: float) -> None:
    if prior not in PRIORS:
        raise FitError(
            explain(
                expected=f"prior one of {', '.join(PRIORS)}", got=repr(prior), remedy="Choose one of them."
            )
        )
    if not 0 < expected < max(count, 1) + (count == 1):
        raise FitError(
            explain(
                expected=f"`expected` above 0 and below the number of coefficients, {count}",
                got=repr(expected),
            )
        )
    if not 0 < level < 1:
        raise FitError(explain(expected="level between 0 and 1", got=repr(level), remedy="0.95 is usual."))
