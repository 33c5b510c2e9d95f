"""What the priors say about what a clinician knows: peaks, areas, half-lives, before any data are used."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.data.grid import on_grid
from bayes_nlmem.ground.mapping import FrozenMapping
from bayes_nlmem.ground.messages import ModelError, closest, explain
from bayes_nlmem.ground.tables import notebook, printed
from bayes_nlmem.model.specification import Model
from bayes_nlmem.simulation.curve_exposure import curve_exposure
from bayes_nlmem.simulation.evaluation import evaluate
from bayes_nlmem.simulation.population import known_population
from bayes_nlmem.simulation.subjects import effects_of
from bayes_nlmem.translation.graph import translate

_KEYS = {"cmax": "CMAX", "tmax": "TMAX", "auc": "AUC", "half-life": "HALF_LIFE", "cmin": "CMIN"}
_QUANTILES = (0.025, 0.05, 0.25, 0.5, 0.75, 0.95, 0.975)


@dataclass(frozen=True, eq=False, repr=False)
class PriorPredictive:
    """Draws of exposure from the priors: one value per draw of the priors and subject.

    Parameters
    ----------
    values : mapping of str to ndarray, shape (draws, n_subjects)
        What was asked for, by name.
    plausible : mapping of str to (float, float)
        Ranges that were called plausible.
    units : mapping of str to str
        Units where the data have labels.
    output : str
        The output.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> study = bn.zoo.load("theophylline")
    >>> found = bn.prior_predictive(study.model, study.data, about=("Cmax",), draws=20, seed=1)
    >>> found.values["Cmax"].shape
    (20, 12)
    """

    values: Mapping[str, np.ndarray]
    plausible: Mapping[str, tuple[float, float]]
    units: Mapping[str, str]
    output: str

    def table(self) -> pd.DataFrame:
        """Quantiles over the draws and subjects.

        Returns
        -------
        DataFrame
            Index: what was asked for. Columns: `unit`, the quantiles as percentages, `undefined` (share of
            curves for which there is no finite value, such as a half-life of a curve that does not fall),
            and, where a plausible range was given, `inside`, the share of the values in it.
        """
        rows = []
        for name, values in self.values.items():
            good = values[np.isfinite(values)]
            quantiles = np.quantile(good, _QUANTILES) if good.size else np.full(len(_QUANTILES), np.nan)
            row: dict[str, Any] = {"about": name, "unit": self.units.get(name, "")}
            row |= {f"{100 * p:g}%": q for p, q in zip(_QUANTILES, quantiles, strict=True)}
            row["undefined"] = 1 - good.size / values.size
            if name in self.plausible:
                low, high = self.plausible[name]
                row["inside"] = float(np.mean((good >= low) & (good <= high))) if good.size else np.nan
            rows.append(row)
        return pd.DataFrame(rows).set_index("about")

    def __repr__(self) -> str:
        return f"{self._head}\n{printed(self.table(), digits=3).text()}"

    def _repr_html_(self) -> str:
        return notebook(self._head, printed(self.table(), digits=3))

    @property
    def _head(self) -> str:
        return f"Prior predictions of {self.output}, quantiles over priors and subjects"


def prior_predictive(
    model: Model,
    data: Dataset,
    *,
    about: Iterable[str] = ("Cmax", "Tmax", "AUC", "half-life"),
    output: str | None = None,
    plausible: Mapping[str, tuple[float, float]] | None = None,
    draws: int = 200,
    points: int = 100,
    seed: int | None = None,
) -> PriorPredictive:
    r"""What the priors of a model say about exposure in the subjects of a study.

    Population parameters are drawn from their priors, random effects from their laws, and the curves of
    all subjects are predicted with their own doses and covariates; the data's observations are not used.
    Areas are linear up and logarithmic down, from the first to the last record of a subject; the half-life is
    the slope of the last tenth of the curve: the study has to last long enough to show it.

    Parameters
    ----------
    model : Model
        With its priors.
    data : Dataset
        Doses, times and covariates.
    about : iterable of str
        Some of "Cmax", "Tmax", "AUC", "half-life", "Cmin".
    output : str, optional
        The output; by default the first one with a residual error.
    plausible : mapping of str to (float, float), optional
        Ranges in which the values should lie; the table gives the share that does.
    draws : int
        Draws of the priors.
    points : int
        Times per subject.
    seed : int, optional
        Same seed, same draws.

    Returns
    -------
    PriorPredictive
        Its `table()` has the quantiles; `bn.plot_prior_predictive` draws it.

    Raises
    ------
    ModelError
        An unknown word in `about`, an output that the model does not have, a range for something that was
        not asked for (it would have no effect), or resets of the clock (EVID 3, 4).

    References
    ----------
    Gabry, Simpson, Vehtari, Betancourt and Gelman 2019, doi:10.1111/rssa.12378.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> study = bn.zoo.load("theophylline")
    >>> found = bn.prior_predictive(
    ...     study.model, study.data, about=("Cmax", "half-life"), plausible={"half-life": (3, 20)}, draws=20,
    ...     seed=1,
    ... )
    >>> found.table().columns.tolist()[:3]
    ['unit', '2.5%', '5%']
    """
    names = tuple(about)
    for name in names:
        if not isinstance(name, str) or name.lower() not in _KEYS:
            words = ("Cmax", "Tmax", "AUC", "half-life", "Cmin")
            remedy = closest(str(name), words) or "Choose among them."
            expected = f"about some of {', '.join(words)}"
            raise ModelError(explain(expected=expected, got=repr(name), remedy=remedy))
    ranges = dict(plausible or {})
    if strange := [name for name in ranges if name not in names]:
        got = f"{', '.join(map(repr, strange))}, which would have no effect"
        raise ModelError(
            explain(expected=f"plausible ranges of {', '.join(names)}", got=got, remedy="Add it to `about`.")
        )
    outputs = list(model.residuals)
    chosen = outputs[0] if output is None else output
    if chosen not in model.structure.outputs:
        listed = ", ".join(model.structure.outputs)
        remedy = closest(str(chosen), model.structure.outputs) or "Choose one."
        raise ModelError(explain(expected=f"an output among {listed}", got=repr(chosen), remedy=remedy))
    if data.table["EVID"].isin([3, 4]).any():
        raise ModelError(
            explain(
                expected="a study without resets",
                got="EVID 3 or 4",
                remedy="Read the periods as subjects of their own.",
            )
        )
    grid, added = on_grid(data, points)
    translation = translate(model, grid, geometry="centred", predict_at={chosen: added})
    seeds = [int(s) for s in np.random.SeedSequence(seed).generate_state(3)]
    population = known_population(translation, None, draws, seeds[0])
    effects = effects_of(translation, population, "new", None, draws, seeds[1])
    [curve] = evaluate(translation.graph, [translation.graph[chosen]], population | effects, draws, seeds[2])
    time = grid.table["TIME"].to_numpy(float)[added]
    subject = grid.table["SUBJECT"].to_numpy(np.int64)[added]
    found = {name: np.empty((draws, data.n_subjects)) for name in names}
    for k in range(data.n_subjects):
        own = subject == k
        distinct = np.concatenate([np.diff(time[own]) > 0, [True]])
        exposure = curve_exposure(time[own][distinct], curve[:, own][:, distinct])
        for name in names:
            found[name][:, k] = exposure[_KEYS[name.lower()]]
    return PriorPredictive(FrozenMapping(found), FrozenMapping(ranges), _units(data, names), chosen)


def _units(data: Dataset, names: Iterable[str]) -> FrozenMapping[str, str]:
    time, value = data.units.get("TIME", ""), data.units.get("DV", "")
    area = f"{value}·{time}" if time and value else ""
    of = {"CMAX": value, "CMIN": value, "TMAX": time, "HALF_LIFE": time, "AUC": area}
    return FrozenMapping({name: of[_KEYS[name.lower()]] for name in names})
