"""`compare`: several fits of the same data in one table, with a sentence that says what it means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.criteria.comparison_text import formatted, penalised_conclusion, predictive_conclusion
from bayes_nlmem.criteria.deviance import dic
from bayes_nlmem.criteria.elpd import ELPD, SUBJECT
from bayes_nlmem.criteria.evidence import log_evidence
from bayes_nlmem.criteria.leave_one_out import check_by, loo, waic
from bayes_nlmem.criteria.penalised import NAMES, PENALISED, at_estimates, of_fit, penalised_table
from bayes_nlmem.criteria.same_data import check_same_data
from bayes_nlmem.criteria.weights import pseudo_bma, stacking
from bayes_nlmem.ground.mapping import FrozenMapping
from bayes_nlmem.ground.messages import FitError, closest, explain
from bayes_nlmem.ground.tables import Printed, notebook
from bayes_nlmem.marginal.information import InformationCriteria

PREDICTIVE = ("loo", "waic")
OTHERS = (*PENALISED, "dic", "evidence")
_AT_ESTIMATES = ("bicc", "ofv", "aic", "bic")


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """Models ranked by how well they predict, or by a penalised likelihood.

    Parameters
    ----------
    table : DataFrame
        One row per model, the best first. Ranked by prediction: `elpd`, `se`, `difference` to
        the best (0 or negative) and `difference_se`, `p_eff`, `weight` (stacking), `pseudo_bma`,
        `doubtful` (terms with a large Pareto k),
        `verdict`, `seconds` (of the fit), and one column per other criterion. Ranked by a penalised
        likelihood: `parameters`, `minus_twice` and its Monte Carlo `error`, the criteria, `difference` to
        the best (0 or positive), `weight` (exp(-difference / 2), sum 1; not for "ofv"), `seconds`.
    pointwise : DataFrame
        elpd of every subject or observation (rows) under every model (columns), or the subjects'
        log-likelihoods.
    results : mapping of str to ELPD or InformationCriteria
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
    results: Mapping[str, ELPD | InformationCriteria]
    fits: Mapping[str, Any]
    criterion: str
    by: str

    @property
    def weights(self) -> pd.Series:
        """Stacking weights; those of the criterion, exp(-difference / 2), if it is a penalised likelihood."""
        if "weight" not in self.table:
            raise FitError(
                explain(
                    expected="a criterion with weights",
                    got=f"{NAMES[self.criterion]}, which puts no price on parameters",
                    remedy="Rank by loo, waic, aic, bic or bicc.",
                )
            )
        return self.table["weight"]

    @property
    def conclusion(self) -> str:
        """What the table says, in plain words, and when it says nothing."""
        if self.criterion in PENALISED:
            said = penalised_conclusion(self.table, self.criterion)
        else:
            said = predictive_conclusion(self.table, self.by, len(self.pointwise))
        return f"{said} {note}" if (note := self._note) else said

    @property
    def _note(self) -> str:
        """What the columns beside the first criterion are, where that is not plain."""
        said = []
        if self.criterion not in PENALISED and any(name in self.table for name in PENALISED):
            said.append("OFV, AIC, BIC and BICc are taken at the posterior mean.")
        if self.by != SUBJECT and any(name in self.table for name in (*PENALISED, "evidence")):
            said.append("Likelihoods and evidence have the random effects integrated out, whatever `by` is.")
        return " ".join(said)

    def __repr__(self) -> str:
        return f"{self.title}\n{self.printed().text()}\n\n{self.conclusion}"

    def _repr_html_(self) -> str:
        return notebook(self.title, self.printed(), self.conclusion)

    def to_latex(self) -> str:
        """The table for a paper: a `tabular` with the rules of the package booktabs."""
        return self.printed().latex()

    def printed(self) -> Printed:
        """The table as it is shown."""
        return formatted(self.table)

    @property
    def title(self) -> str:
        """What the table compares by, in one line."""
        if self.criterion in PENALISED:
            point = next(iter(self.results.values())).point  # type: ignore[union-attr]
            return f"{NAMES[self.criterion]} at the {point}; smaller is better"
        names = {"loo": "PSIS-LOO", "waic": "WAIC", "exact": "exact leave-one-out", "kfold": "K-fold"}
        names["future"] = "leave-future-out"
        what = "random effects integrated out" if self.by == SUBJECT else "given the other observations"
        return f"{names.get(self.criterion, self.criterion)} by {self.by} ({what}); elpd: larger is better"


def compare(
    fits: Mapping[str, Any],
    *,
    by: str = SUBJECT,
    criteria: Sequence[str] | None = None,
    draws: int | None = None,
    seed: int = 0,
) -> Comparison:
    """Compare models by how well they predict data that they have not seen, or by a penalised likelihood.

    The first criterion ranks the models; the others stand beside it. Posteriors (`fit`) are ranked by
    prediction; estimates (`saem`) have no posterior of the population to predict from, and are ranked by
    their likelihood with a price for every parameter.

    Parameters
    ----------
    fits : mapping of str to Fit, to SaemFit, or to ELPD
        Name to fit, at least two, all of the same observations; or results of `loo`, `waic`,
        `cross_validate` or `leave_future_out`, all of the same kind.
    by : {"subject", "observation"}
        What a new datum is: a subject, or one more observation of a known subject.
    criteria : sequence of str, optional
        "loo", "waic", "ofv", "aic", "bic" or "bicc" first, which ranks; then any of these (penalised
        likelihoods of fits are those at the posterior mean), "dic", "evidence". By default "loo"; of
        estimates "bicc", "ofv", "aic", "bic", and no others.
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
        Fewer than two models, different data (with the difference), unknown criteria, criteria that need a
        posterior of estimates, estimates beside posteriors.

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
    if any(isinstance(fit, ELPD) for fit in fits.values()):
        if criteria is not None:
            raise FitError(
                explain(
                    expected="no criteria: the results are of one already",
                    got=f"criteria={list(criteria)!r}",
                    remedy="Leave them out, or give the fits.",
                )
            )
        results = _given(fits)
        pointwise = pd.DataFrame({name: result.pointwise["ELPD"] for name, result in results.items()})
        first = next(iter(results.values()))
        table = _table(results, pointwise, {}, {}, seed)
        return Comparison(
            table, pointwise, FrozenMapping(results), FrozenMapping({}), first.criterion, first.by
        )
    check_by(by)
    chosen = _checked(criteria, fits, by)
    check_same_data({name: fit.data for name, fit in fits.items()})
    if chosen[0] in PENALISED:
        priced, pointwise = at_estimates(fits, seed)
        rest = [name for name in chosen[1:] if name not in PENALISED]
        others = {name: _others(fit, by, rest, draws, seed) for name, fit in fits.items()}
        seconds = {name: _seconds(fit) for name, fit in fits.items()}
        table = penalised_table(priced, chosen[0], chosen, seconds, others)
        return Comparison(
            table, pointwise, FrozenMapping(priced), FrozenMapping(dict(fits)), chosen[0], SUBJECT
        )
    function = {"loo": loo, "waic": waic}[chosen[0]]
    options: dict[str, Any] = {"by": by, "draws": draws} | ({"seed": seed} if chosen[0] == "loo" else {})
    results = {name: function(fit, **options) for name, fit in fits.items()}
    others = {name: _others(fit, by, chosen[1:], draws, seed) for name, fit in fits.items()}
    pointwise = pd.DataFrame({name: result.pointwise["ELPD"] for name, result in results.items()})
    table = _table(results, pointwise, fits, others, seed)
    return Comparison(table, pointwise, FrozenMapping(results), FrozenMapping(dict(fits)), chosen[0], by)


def _checked(criteria: Sequence[str] | None, fits: Mapping[str, Any], by: str) -> list[str]:
    estimates = [name for name, fit in fits.items() if hasattr(fit.record, "estimate")]
    if estimates and len(estimates) < len(fits):
        raise FitError(
            explain(
                expected="posteriors (bn.fit) only, or estimates (bn.saem) only",
                got=f"estimates of {', '.join(map(repr, estimates))} beside posteriors",
                remedy="The likelihood is highest at its maximum, by construction: compare like with like.",
            )
        )
    if criteria is None:
        chosen = list(_AT_ESTIMATES) if estimates else ["loo"]
    else:
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
    if len(set(chosen)) < len(chosen):
        raise FitError(explain(expected="every criterion once", got=", ".join(map(repr, chosen))))
    if estimates and (asked := [name for name in chosen if name not in PENALISED]):
        raise FitError(
            explain(
                expected=f"criteria among {', '.join(PENALISED)} for estimates",
                got=", ".join(map(repr, asked)),
                remedy="These average over a posterior of the population parameters, which an estimate has "
                "not: make the fits with bn.fit.",
            )
        )
    if not chosen or chosen[0] not in PREDICTIVE + PENALISED:
        raise FitError(
            explain(
                expected=f"one of {', '.join(PREDICTIVE + PENALISED)} first, which ranks the models",
                got=", ".join(map(repr, chosen)) or "none",
                remedy=f"Write criteria={['loo', *chosen]}.",
            )
        )
    if chosen[0] in PENALISED and by != SUBJECT:
        raise FitError(
            explain(
                expected=f"by={SUBJECT!r} where {NAMES[chosen[0]]} ranks: it prices the likelihood with the "
                "random effects integrated out",
                got=f"by={by!r}",
                remedy="Leave `by` out, or rank by loo or waic.",
            )
        )
    return chosen


def _seconds(fit: Any) -> float:
    timings = getattr(getattr(fit, "record", None), "timings", None)
    return float(sum(timings.values())) if timings else np.nan


def _given(fits: Mapping[str, Any]) -> dict[str, ELPD]:
    given = {name: fit for name, fit in fits.items() if isinstance(fit, ELPD)}
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
    if wanted := [name for name in criteria if name in PENALISED]:
        _, values = of_fit(fit, seed)
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
                "seconds": _seconds(fits.get(name)),
                **others.get(name, {}),
            }
        )
    return pd.DataFrame(rows).set_index("model").sort_values("elpd", ascending=False)
