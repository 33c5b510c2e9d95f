"""`compare`: several fits of the same data in one table, with a sentence that says what it means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.criteria.deviance import dic
from bayes_nlmem.criteria.elpd import ELPD, SUBJECT
from bayes_nlmem.criteria.evidence import log_evidence
from bayes_nlmem.criteria.information import from_likelihood
from bayes_nlmem.criteria.leave_one_out import check_by, loo, waic
from bayes_nlmem.criteria.same_data import check_same_data
from bayes_nlmem.criteria.weights import pseudo_bma, stacking
from bayes_nlmem.ground.mapping import FrozenMapping
from bayes_nlmem.ground.messages import FitError, closest, explain
from bayes_nlmem.marginal.likelihood import compiled_for, log_likelihood

PREDICTIVE = ("loo", "waic")
OTHERS = ("ofv", "aic", "bic", "bicc", "dic", "evidence")
_LIKELIHOOD = ("ofv", "aic", "bic", "bicc")
_SMALL = 4.0
_FEW = 40
_HEADS = {
    "elpd": "elpd", "se": "SE", "difference": "difference", "difference_se": "SE of difference",
    "p_eff": "p_eff", "weight": "weight", "pseudo_bma": "pseudo-BMA", "doubtful": "k too large",
    "seconds": "fit [s]", "ofv": "OFV", "aic": "AIC", "bic": "BIC", "bicc": "BICc", "dic": "DIC",
    "waic": "WAIC (elpd)", "evidence": "log evidence", "evidence_se": "SE of evidence",
}  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """Models ranked by how well they predict.

    Parameters
    ----------
    table : DataFrame
        One row per model, the best first: `elpd`, `se`, `difference` to the best (0 or negative) and
        `difference_se`, `p_eff`, `weight` (stacking), `pseudo_bma`, `doubtful` (terms with a large Pareto k),
        `verdict`, `seconds` (of the fit), and one column per other criterion.
    pointwise : DataFrame
        elpd of every subject or observation (rows) under every model (columns).
    results : mapping of str to ELPD
        The criterion of every model.
    fits : mapping of str to Fit
        What was compared; empty if only criteria were given.

    Examples
    --------
    >>> result = compare({"one": fit, "the same": fit}, by="observation")
    >>> list(result.weights.round(2))
    [0.5, 0.5]
    """

    table: pd.DataFrame
    pointwise: pd.DataFrame
    results: Mapping[str, ELPD]
    fits: Mapping[str, Any]

    @property
    def by(self) -> str:
        """What a new datum is: "subject" or "observation"."""
        return next(iter(self.results.values())).by

    @property
    def criterion(self) -> str:
        """By what the models are ranked."""
        return next(iter(self.results.values())).criterion

    @property
    def weights(self) -> pd.Series:
        """Stacking weights."""
        return self.table["weight"]

    @property
    def conclusion(self) -> str:
        """What the table says, in plain words, and when it says nothing."""
        return _conclusion(self.table, self.by, len(self.pointwise))

    def __repr__(self) -> str:
        shown = _formatted(self.table)
        return f"{self._title}\n{shown.to_string()}\n\n{self.conclusion}"

    def _repr_html_(self) -> str:
        shown = _formatted(self.table)
        head = "".join(f"<th>{escape(column)}</th>" for column in ["model", *shown.columns])
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in (name, *row)) + "</tr>"
            for name, *row in shown.itertuples()
        )
        return (
            f"<p>{escape(self._title)}</p>"
            f'<table class="comparison"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
            f"<p>{escape(self.conclusion)}</p>"
        )

    @property
    def _title(self) -> str:
        names = {"loo": "PSIS-LOO", "waic": "WAIC", "exact": "exact leave-one-out", "kfold": "K-fold"}
        what = "random effects integrated out" if self.by == SUBJECT else "given the other observations"
        return f"{names.get(self.criterion, self.criterion)} by {self.by} ({what}); elpd: larger is better"


def compare(
    fits: Mapping[str, Any],
    *,
    by: str = SUBJECT,
    criteria: Sequence[str] = ("loo",),
    draws: int | None = None,
    seed: int = 0,
) -> Comparison:
    """Compare models by how well they predict data that they have not seen.

    The first criterion ranks the models; the others stand beside it.

    Parameters
    ----------
    fits : mapping of str to Fit, or to ELPD
        Name to fit, at least two, all of the same observations; or results of `loo`, `waic`,
        `cross_validate` or `leave_future_out`, all of the same kind.
    by : {"subject", "observation"}
        What a new datum is: a subject, or one more observation of a known subject.
    criteria : sequence of str
        "loo" or "waic" first; then any of "ofv", "aic", "bic", "bicc" (at the posterior mean), "dic",
        "evidence", "waic", "loo".
    draws : int, optional
        Posterior draws used, as in `loo`.
    seed : int
        Of whatever is random.

    Returns
    -------
    Comparison

    Raises
    ------
    FitError
        Fewer than two models, different data (with the difference), unknown criteria.

    References
    ----------
    Vehtari, Gelman & Gabry 2017, doi:10.1007/s11222-016-9696-4; Yao, Vehtari, Simpson & Gelman 2018,
    doi:10.1214/17-BA1091

    Examples
    --------
    >>> compare({"one": fit, "the same": fit}, by="observation").conclusion.split(".")[0]
    "'one' and 'the same' predict equally well (difference 0"
    """
    if len(fits) < 2:
        raise FitError(explain(expected="at least two models", got=", ".join(map(repr, fits)) or "none"))
    given = {name: fit for name, fit in fits.items() if isinstance(fit, ELPD)}
    if given:
        results, fits, others = _given(fits, given), {}, {}
    else:
        check_by(by)
        criteria = _checked(criteria)
        check_same_data({name: fit.data for name, fit in fits.items()})
        first = {"loo": loo, "waic": waic}[criteria[0]]
        options: dict[str, Any] = {"by": by, "draws": draws} | (
            {"seed": seed} if criteria[0] == "loo" else {}
        )
        results = {name: first(fit, **options) for name, fit in fits.items()}
        others = {name: _others(fit, by, criteria[1:], draws, seed) for name, fit in fits.items()}
    pointwise = pd.DataFrame({name: result.pointwise["ELPD"] for name, result in results.items()})
    table = _table(results, pointwise, fits, others, seed)
    return Comparison(table, pointwise, FrozenMapping(results), FrozenMapping(dict(fits)))


def _checked(criteria: Sequence[str]) -> list[str]:
    chosen = [criteria] if isinstance(criteria, str) else list(criteria)
    for name in chosen:
        if name not in PREDICTIVE + OTHERS:
            raise FitError(
                explain(
                    expected=f"criteria among {', '.join(PREDICTIVE + OTHERS)}",
                    got=repr(name),
                    remedy=closest(str(name), PREDICTIVE + OTHERS) or None,
                )
            )
    if not chosen or chosen[0] not in PREDICTIVE:
        raise FitError(
            explain(
                expected="'loo' or 'waic' first, which ranks the models",
                got=", ".join(map(repr, chosen)) or "none",
                remedy=f"Write criteria={['loo', *chosen]}.",
            )
        )
    return chosen


def _given(fits: Mapping[str, Any], given: Mapping[str, ELPD]) -> dict[str, ELPD]:
    kinds = {(result.criterion, result.by, len(result.pointwise)) for result in given.values()}
    if len(given) < len(fits) or len(kinds) > 1:
        raise FitError(
            explain(
                expected="fits only, or results of one kind about the same subjects or observations",
                got=", ".join(f"{name}: {type(fit).__name__}" for name, fit in fits.items()),
                remedy="Compute the same criterion for all of them.",
            )
        )
    first = next(iter(given.values())).pointwise["ID"].tolist()
    if any(result.pointwise["ID"].tolist() != first for result in given.values()):
        raise FitError(explain(expected="results about the same subjects", got="different IDs"))
    return dict(given)


def _others(fit: Any, by: str, criteria: Sequence[str], draws: int | None, seed: int) -> dict[str, float]:
    found: dict[str, float] = {}
    if wanted := [name for name in criteria if name in _LIKELIHOOD]:
        edit = getattr(fit, "edit", None)
        likelihood = log_likelihood(fit.model, fit.data, at=fit, seed=seed, edit=edit)
        values = from_likelihood(fit.model, compiled_for(fit.model, fit.data, edit), likelihood)
        found |= {name: getattr(values, name) for name in wanted}
    if "dic" in criteria:
        found["dic"] = dic(fit, by=by, seed=seed).value
    if "evidence" in criteria:
        evidence = log_evidence(fit, seed=seed)
        found |= {"evidence": evidence.value, "evidence_se": evidence.error}
    if "waic" in criteria:
        found["waic"] = waic(fit, by=by, draws=draws).estimate
    if "loo" in criteria:
        found["loo"] = loo(fit, by=by, draws=draws, seed=seed).estimate
    return found


def _table(
    results: Mapping[str, ELPD],
    pointwise: pd.DataFrame,
    fits: Mapping[str, Any],
    others: Mapping[str, dict[str, float]],
    seed: int,
) -> pd.DataFrame:
    best = max(results, key=lambda name: results[name].estimate)
    values = pointwise.to_numpy(float)
    weight = dict(zip(results, stacking(values), strict=True))
    bma = dict(zip(results, pseudo_bma(values, seed), strict=True))
    rows = []
    for name, result in results.items():
        difference = pointwise[name] - pointwise[best]
        timings = getattr(getattr(fits.get(name), "record", None), "timings", None)
        rows.append(
            {
                "model": name,
                "elpd": result.estimate,
                "se": result.se,
                "difference": float(difference.sum()),
                "difference_se": float(np.sqrt(len(difference) * difference.var(ddof=1))),
                "p_eff": result.p_eff,
                "weight": weight[name],
                "pseudo_bma": bma[name],
                "doubtful": len(result.doubtful),
                "verdict": result.verdict,
                "seconds": float(sum(timings.values())) if timings else np.nan,
                **others.get(name, {}),
            }
        )
    return pd.DataFrame(rows).set_index("model").sort_values("elpd", ascending=False)


def _conclusion(table: pd.DataFrame, by: str, count: int) -> str:
    best, *rest = table.index
    said = []
    for name in rest:
        size, error = abs(table.loc[name, "difference"]), table.loc[name, "difference_se"]
        if size < _SMALL:
            said.append(
                f"{best!r} and {name!r} predict equally well (difference {size:.1f}, below {_SMALL:g})."
            )
        elif size < 2 * error:
            said.append(
                f"{best!r} is ahead of {name!r} by {size:.1f}, but within noise (SE {error:.1f}): "
                "the data do not decide."
            )
        else:
            said.append(f"{best!r} predicts better than {name!r}: by {size:.1f} (SE {error:.1f}).")
    if by == SUBJECT and count < _FEW:
        said.append(
            f"With {count} subjects the standard errors are rough, and too small rather than too large."
        )
    doubtful = [str(name) for name in table.index if table.loc[name, "doubtful"]]
    if doubtful:
        said.append(
            f"Some terms of {', '.join(map(repr, doubtful))} are not reliable: see `results[...]`.verdict; "
            "refit=True or cross_validate settles them."
        )
    return " ".join(said)


def _formatted(table: pd.DataFrame) -> pd.DataFrame:
    digits = {"weight": 2, "pseudo_bma": 2, "doubtful": 0, "seconds": 0, "evidence": 2, "evidence_se": 2}
    shown = {}
    for column in table.columns:
        if column == "verdict":
            continue
        if column == "seconds" and table[column].isna().all():
            continue
        values = table[column]
        shown[_HEADS.get(column, column)] = [
            "" if pd.isna(x) else f"{x:.{digits.get(column, 1)}f}" for x in values
        ]
    return pd.DataFrame(shown, index=table.index)
