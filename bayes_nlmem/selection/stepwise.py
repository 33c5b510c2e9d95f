"""`search_covariates`: which covariates belong in the model, step by step."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import gammaincc

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.ground.messages import FitError, explain
from bayes_nlmem.ground.tables import notebook, printed
from bayes_nlmem.model.serialise import to_dict
from bayes_nlmem.model.specification import Model
from bayes_nlmem.selection.journal import Journal
from bayes_nlmem.selection.relations import Relation, check_relations, relations, with_relations
from bayes_nlmem.selection.submodels import METHODS, Submodel, Submodels, evaluate_elsewhere

CRITERIA = ("lrt", "bicc")
_COLUMNS = ["step", "direction", "relation", "parameters", "minus_twice", "error", "change", "df", "p_value"]
_COLUMNS += ["bicc", "chosen"]


@dataclass(frozen=True, eq=False, repr=False)
class CovariateSearch:
    """What a stepwise search found.

    Parameters
    ----------
    model : Model
        The base model with the selected relations.
    data : Dataset
        The study.
    selected : tuple of Relation
        The relations in the final model.
    steps : DataFrame
        One row per submodel looked at: `step`, `direction` ("base", "forward", "backward"), `relation` added
        or taken out, `parameters` estimated, `minus_twice` (-2 log-likelihood), its Monte Carlo `error`,
        `change` of -2LL against the model of the step before, `df`, `p_value` of the likelihood-ratio test,
        `bicc`, and whether it was `chosen`.
    final : Submodel
        Estimates of the final model.
    settings : dict
        Criterion, thresholds, method, seed.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> study = bn.zoo.load("theophylline")
    >>> base = study.model.without_covariate("V", "WT")
    >>> found = bn.search_covariates(base, study.data, method="laplace")  # doctest: +SKIP
    >>> [str(relation) for relation in found.selected]  # doctest: +SKIP
    >>> found.steps[["relation", "change", "p_value", "chosen"]]  # doctest: +SKIP
    """

    model: Model
    data: Dataset
    selected: tuple[Relation, ...]
    steps: pd.DataFrame
    final: Submodel
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def estimates(self) -> pd.Series:
        """The final model's estimates, natural scale."""
        return pd.Series(self.final.values, name="value")

    def __repr__(self) -> str:
        rule = (
            f"likelihood-ratio test, forward p < {self.settings['forward']:g}, backward p < "
            f"{self.settings['backward']:g}"
            if self.settings["criterion"] == "lrt"
            else "smallest BICc"
        )
        chosen = ", ".join(map(str, self.selected)) or "none"
        head = f"Stepwise covariate search ({rule}; {self.settings['method']})"
        base = self.steps["minus_twice"].iloc[0]
        tail = f"-2LL {base:.2f} of the base model, {self.final.minus_twice:.2f} of the final one"
        return "\n".join([head, f"selected: {chosen}", tail, "", printed(self._shown(), index=False).text()])

    def _repr_html_(self) -> str:
        chosen = ", ".join(map(str, self.selected)) or "none"
        return notebook(f"Stepwise covariate search. Selected: {chosen}", printed(self._shown(), index=False))

    def _shown(self) -> pd.DataFrame:
        table = self.steps.copy()
        for column in ("minus_twice", "change", "bicc"):
            table[column] = table[column].map(lambda x: "" if pd.isna(x) else f"{x:.2f}")
        table["error"] = table["error"].map(lambda x: "" if pd.isna(x) else f"{x:.2f}")
        table["p_value"] = table["p_value"].map(lambda x: "" if pd.isna(x) else f"{x:.2g}")
        table["df"] = table["df"].map(lambda x: "" if pd.isna(x) else f"{x:.0f}")
        table["chosen"] = np.where(table["chosen"], "*", "")
        return table


def search_covariates(
    model: Model,
    data: Dataset,
    *,
    candidates: Iterable[Relation] | None = None,
    criterion: str = "lrt",
    forward: float = 0.05,
    backward: float = 0.01,
    method: str = "saem",
    executor: Executor | None = None,
    journal: str | Path | None = None,
    seed: int = 1,
    progress: bool = True,
) -> CovariateSearch:
    """Stepwise covariate model building: forward inclusion, then backward elimination.

    Forward, every candidate is added alone to the current model and the best one is kept, until none is good
    enough; backward, every relation so found is taken out alone and the least needed one is dropped, until
    all are needed. All submodels share one compiled graph: a relation that is out is held at no effect. The
    priors give starting values only.

    Parameters
    ----------
    model : Model
        The base model; relations that it has stay.
    data : Dataset
        The study.
    candidates : iterable of Relation, optional
        By default `relations(model, data)`.
    criterion : {"lrt", "bicc"}
        Likelihood-ratio test, -2LL falls by more than the chi-squared quantile; or the smallest BICc.
    forward, backward : float
        Significance levels of the test; not used with "bicc".
    method : {"saem", "laplace"}
        SAEM with -2LL by importance sampling, common random numbers for all; or the maximum of Laplace's
        approximation (no Monte Carlo error, fast for few effects, poor for binary data).
    executor : concurrent.futures.Executor, optional
        Evaluates the candidates of a step at the same time. Processes compile the graph once each.
    journal : str or Path, optional
        A file that keeps every submodel; a search that was stopped goes on from it.
    seed : int
        Seed of all submodels.
    progress : bool
        Say on the error stream what is done.

    Returns
    -------
    CovariateSearch
        The log of every step, the selected relations and the final model.

    Raises
    ------
    ModelError
        The candidates do not fit the model or the data.
    FitError
        A setting is out of range; the journal belongs to another search.

    References
    ----------
    Jonsson & Karlsson 1998, doi:10.1023/A:1011970125687. BICc: Delattre, Lavielle & Poursat 2014,
    doi:10.1214/14-EJS890.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> study = bn.zoo.load("theophylline")
    >>> base = study.model.without_covariate("CL", "WT").without_covariate("V", "WT")
    >>> bn.search_covariates(base, study.data, journal="search.jsonl")  # doctest: +SKIP
    """
    chosen = tuple(relations(model, data) if candidates is None else candidates)
    _check_settings(criterion, forward, backward, method)
    check_relations(model, data, chosen)
    submodels = Submodels(model, data, chosen, method, int(seed))
    key = _key(submodels)
    book = Journal(None if journal is None else Path(journal), key)
    search = _Search(submodels, key, criterion, forward, backward, executor, book, progress)
    final = search.run()
    selected = tuple(relation for relation in chosen if relation.name in final.included)
    settings = {
        "criterion": criterion,
        "forward": forward,
        "backward": backward,
        "method": method,
        "seed": seed,
    }
    steps = pd.DataFrame(search.rows, columns=_COLUMNS)
    return CovariateSearch(with_relations(model, selected), data, selected, steps, final, settings)


@dataclass(eq=False)
class _Search:
    """The state of a search."""

    submodels: Submodels
    key: str
    criterion: str
    forward: float
    backward: float
    executor: Executor | None
    journal: Journal
    progress: bool
    rows: list[dict] = field(default_factory=list)
    known: dict[tuple[str, ...], Submodel] = field(default_factory=dict)

    def run(self) -> Submodel:
        self.known = self.journal.read()
        [current] = self._evaluate([()], None)
        self._log(0, "base", "", current, None, chosen=True)
        step = 0
        names = [relation.name for relation in self.submodels.candidates]
        while remaining := [name for name in names if name not in current.included]:
            step += 1
            current, moved = self._step(
                step,
                "forward",
                current,
                {name: tuple(sorted({*current.included, name})) for name in remaining},
            )
            if not moved:
                break
        while current.included:
            step += 1
            without = {
                name: tuple(other for other in current.included if other != name) for name in current.included
            }
            current, moved = self._step(step, "backward", current, without)
            if not moved:
                break
        return current

    def _step(
        self, step: int, direction: str, current: Submodel, proposals: dict[str, tuple[str, ...]]
    ) -> tuple[Submodel, bool]:
        found = dict(zip(proposals, self._evaluate(list(proposals.values()), current), strict=True))
        forward = direction == "forward"
        if self.criterion == "lrt":
            worth = {
                name: _p_value(*((current, sub) if forward else (sub, current)))
                for name, sub in found.items()
            }
            best = (min if forward else max)(worth, key=worth.__getitem__)
            taken = worth[best] < self.forward if forward else worth[best] > self.backward
        else:
            worth = {name: submodel.bicc for name, submodel in found.items()}
            best = min(worth, key=worth.__getitem__)
            taken = worth[best] < current.bicc
        for name, submodel in found.items():
            self._log(step, direction, name, submodel, current, chosen=taken and name == best)
        self._say(
            f"step {step} ({direction}): "
            + (f"{'added' if forward else 'removed'} {best}" if taken else "nothing changed")
        )
        return (found[best], True) if taken else (current, False)

    def _evaluate(self, wanted: Sequence[tuple[str, ...]], parent: Submodel | None) -> list[Submodel]:
        missing = [included for included in wanted if included not in self.known]
        if self.executor is None:
            for included in missing:
                self._keep(self.submodels.evaluate(included, parent))
        else:
            futures = [
                self.executor.submit(evaluate_elsewhere, self.key, self.submodels, included, parent)
                for included in missing
            ]
            for future in futures:
                self._keep(future.result())
        return [self.known[included] for included in wanted]

    def _keep(self, submodel: Submodel) -> None:
        self.known[submodel.included] = submodel
        self.journal.write(submodel)
        self._say(f"{' + '.join(submodel.included) or 'base model'}: -2LL {submodel.minus_twice:.2f}")

    def _log(
        self,
        step: int,
        direction: str,
        name: str,
        submodel: Submodel,
        before: Submodel | None,
        *,
        chosen: bool,
    ) -> None:
        row = {"step": step, "direction": direction, "relation": name, "parameters": submodel.parameters}
        row |= {"minus_twice": submodel.minus_twice, "error": submodel.error, "bicc": submodel.bicc}
        row |= {"chosen": chosen, "change": np.nan, "df": np.nan, "p_value": np.nan}
        if before is not None:
            small, large = (before, submodel) if direction == "forward" else (submodel, before)
            row["change"] = submodel.minus_twice - before.minus_twice
            row["df"] = large.parameters - small.parameters
            row["p_value"] = _p_value(small, large)
        self.rows.append(row)

    def _say(self, text: str) -> None:
        if self.progress:
            print(f"bayes_nlmem: {text}", file=sys.stderr, flush=True)


def _p_value(small: Submodel, large: Submodel) -> float:
    """Likelihood-ratio test of nested models: upper tail of the chi-squared distribution."""
    gain = max(small.minus_twice - large.minus_twice, 0.0)
    return float(gammaincc((large.parameters - small.parameters) / 2, gain / 2))


def _key(submodels: Submodels) -> str:
    content = {
        "model": to_dict(submodels.model),
        "data": submodels.data.digest,
        "candidates": [to_dict(relation) for relation in submodels.candidates],
        "method": submodels.method,
        "seed": submodels.seed,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _check_settings(criterion: str, forward: float, backward: float, method: str) -> None:
    for name, value, valid in (("criterion", criterion, CRITERIA), ("method", method, METHODS)):
        if value not in valid:
            raise FitError(
                explain(expected=f"{name} one of {', '.join(valid)}", got=repr(value), remedy="Choose one.")
            )
    for name, level in (("forward", forward), ("backward", backward)):
        if not 0 < level < 1:
            raise FitError(
                explain(
                    expected=f"{name} between 0 and 1", got=repr(level), remedy="0.05 and 0.01 are usual."
                )
            )
