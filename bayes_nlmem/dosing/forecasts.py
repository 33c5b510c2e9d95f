"""`forecast_check(learnt, data)`: every patient's next observation, forecast from the earlier ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.dosing.bridges import bridge
from bayes_nlmem.dosing.readiness import points_at, population_draws
from bayes_nlmem.ground.messages import FitError, ModelError, explain
from bayes_nlmem.ground.tables import notebook, printed
from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.marginal.ebe import find_modes
from bayes_nlmem.marginal.point import point_of
from bayes_nlmem.model.specification import Model
from bayes_nlmem.simulation.evaluation import evaluate
from bayes_nlmem.simulation.population import columns_of, population_in
from bayes_nlmem.statistics.endpoints import is_endpoint
from bayes_nlmem.translation.errors_at_draws import error_at
from bayes_nlmem.translation.graph import translate

_FEW = 30


@dataclass(frozen=True, eq=False, repr=False)
class ForecastCheck:
    """Forecasts of every observation from the subject's earlier ones.

    Parameters
    ----------
    table : DataFrame
        One row per observation: ID, TIME, OUTPUT, PREVIOUS (earlier observations used), DV, CENS, FORECAST
        (mean of the prediction), MEDIAN, LOWER, UPPER (90 % interval of the observation), PIT (probability
        of a smaller value, forecast; uniform if the model is right; of a censored value a random one in its
        interval), EFFECTIVE (effective number of particles).
    particles : int
        Particles per subject.
    unit : str, optional
        Of the observations.

    Examples
    --------
    >>> table = pd.DataFrame({"ID": 1, "OUTPUT": "cp", "PREVIOUS": [0, 1], "DV": [2.0, 4.0], "CENS": 0})
    >>> table = table.assign(FORECAST=[2.0, 3.0], PIT=[0.5, 0.97], EFFECTIVE=200.0)
    >>> ForecastCheck(table, 400).summary()[["PREVIOUS", "N", "COVERED_90"]].to_numpy().tolist()
    [['0', 1, 100.0], ['1', 1, 0.0], ['all', 2, 50.0]]
    """

    table: pd.DataFrame
    particles: int
    unit: str | None = None

    def summary(self, most: int = 4) -> pd.DataFrame:
        """Calibration and accuracy by the number of earlier observations.

        Parameters
        ----------
        most : int
            Observations with so many earlier ones or more are taken together.

        Returns
        -------
        DataFrame
            PREVIOUS ("0", "1", ..., "4+", "all"), N, COVERED_50 and COVERED_90 in percent, BIAS_PERCENT and
            RMSE_PERCENT of FORECAST (relative to the root mean square of all observations of the output).
        """
        previous = np.minimum(self.table["PREVIOUS"], most)
        seen = self.table[self.table["CENS"] == 0]
        size = seen["DV"].pow(2).groupby(seen["OUTPUT"]).mean() ** 0.5
        rows = [
            (f"{k}+" if k == most else f"{k}", *_accuracy(self.table[previous == k], size))
            for k in sorted(set(previous))
        ]
        rows.append(("all", *_accuracy(self.table, size)))
        names = ["PREVIOUS", "N", "COVERED_50", "COVERED_90", "BIAS_PERCENT", "RMSE_PERCENT"]
        return pd.DataFrame(rows, columns=names)

    @property
    def conclusion(self) -> str:
        """One sentence."""
        row = self.summary().iloc[-1]
        subjects = self.table["ID"].nunique()
        # Forecasts of one subject are independent if the model is right.
        error = 100 * np.sqrt(0.9 * 0.1 / row["N"])
        fine = abs(row["COVERED_90"] - 90) <= 2.6 * error
        said = "as they should" if fine else "which chance does not explain"
        few = int((self.table["EFFECTIVE"] < _FEW).sum())
        doubt = f" {few} forecasts rest on fewer than {_FEW} effective particles." if few else ""
        return (
            f"90 % forecast intervals hold {row['COVERED_90']:.1f} % of {row['N']} observations of "
            f"{subjects} subjects (chance +-{2 * error:.1f}), {said}; "
            f"50 % intervals {row['COVERED_50']:.1f} %.{doubt}"
        )

    def __repr__(self) -> str:
        return f"{self.conclusion}\n{printed(self.summary(), digits=3, index=False).text()}"

    def _repr_html_(self) -> str:
        return notebook(self.conclusion, printed(self.summary(), digits=3, index=False))


def _accuracy(table: pd.DataFrame, size: pd.Series) -> tuple[float, ...]:
    pit = table["PIT"].to_numpy()
    seen = table[table["CENS"] == 0]
    miss = 100 * (seen["FORECAST"] - seen["DV"]) / seen["OUTPUT"].map(size)
    within = [100 * np.mean(np.abs(pit - 0.5) <= half) for half in (0.25, 0.45)]
    return len(table), *within, miss.mean(), np.sqrt((miss**2).mean())


def forecast_check(
    learnt: Any,
    data: Dataset | None = None,
    *,
    population: int = 40,
    particles: int = 60,
    seed: int = 1,
) -> ForecastCheck:
    r"""Forecast every observation of every subject from the subject's earlier ones, as at the bedside.

    .. math:: p(y_k | y_{1:k-1}) = \frac{\sum_s w_s p(y_k | b_s, \theta_s)}{\sum_s w_s}, \quad
        w_s = p(b_s | \theta_s) \prod_{j<k} p(y_j | b_s, \theta_s) / q(b_s)

    Sequential importance sampling for all subjects at once. The proposals q are a mixture of normal laws on
    the way from the subject's prior to its posterior, so that few and many observations are both served.
    What is observed at the same time is forecast together.

    Parameters
    ----------
    learnt : Fit, SaemFit, or Model without unknowns
        What is known of the population.
    data : Dataset, optional
        The subjects to forecast; by default those of the fit (then the population has seen them: new
        subjects are the harder test).
    population : int
        Draws of the population parameters.
    particles : int
        Particles for each of them.
    seed : int
        The same seed, the same forecasts.

    Returns
    -------
    ForecastCheck

    Raises
    ------
    ModelError, FitError
        Outputs that are no measurements, mixtures, autocorrelated errors, a model with unknowns, no data.

    References
    ----------
    Dawid 1984, doi:10.2307/2981683

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> check = bn.forecast_check(fit, bn.subset(fit.data, [1, 2, 3]), population=10, particles=40)
    >>> int(check.summary()["N"].iloc[-1])
    33
    """
    model = learnt if isinstance(learnt, Model) else learnt.model
    _check_model(model)
    if data is None:
        if isinstance(learnt, Model):
            raise FitError(explain(expected="data with a model", got="none"))
        data = learnt.data
    posterior = population_draws(learnt)
    conditional = Conditional(translate(model, data, geometry="centred", edit=getattr(learnt, "edit", None)))
    points, draws = points_at(conditional, posterior, population)
    each = particles if posterior is not None else particles * population
    centre = points[0] if posterior is None else point_of(conditional, learnt)
    rng = np.random.default_rng(seed)
    modes = find_modes(conditional, centre)
    effects, log_proposal = bridge(conditional, modes, len(points) * each, rng)
    flat = conditional.scatter(effects)
    own = np.repeat(np.arange(len(points)), each)
    of_effects, of_data = (
        np.concatenate(parts)
        for parts in zip(
            *(conditional.terms_at(theta, flat[own == s]) for s, theta in enumerate(points)), strict=True
        )
    )
    base = np.where(np.isfinite(of_effects), of_effects, -np.inf) - log_proposal
    forecast = _forecasts(conditional, draws, own, flat, rng, seed)
    judged = _judged(conditional, base, of_data, forecast, rng)
    outputs = judged["OUTPUT"].unique()
    unit = data.units.get(outputs[0], data.units.get("DV")) if len(outputs) == 1 else None
    return ForecastCheck(judged, len(base), unit)


@dataclass(frozen=True, eq=False)
class _Forecast:
    """Every particle's prediction, simulated observation, and probability of a value below the observed."""

    prediction: np.ndarray
    simulated: np.ndarray
    below: np.ndarray


def _check_model(model: Model) -> None:
    endpoints = [name for name, residual in model.residuals.items() if is_endpoint(residual)]
    if endpoints or model.mixture is not None:
        raise ModelError(
            explain(
                expected="measurements with a residual error, and one kind of subjects",
                got=", ".join(endpoints) or "a mixture",
            )
        )


def _forecasts(
    conditional: Conditional,
    draws: xr.Dataset | None,
    own: np.ndarray,
    flat: np.ndarray,
    rng: np.random.Generator,
    seed: int,
) -> _Forecast:
    """At every particle (rows) and observation (columns, output after output)."""
    from scipy.special import ndtr

    translation, graph = conditional.translation, conditional.graph
    given: dict[str, np.ndarray] = {}
    if draws is not None:
        given = columns_of(draws.isel(sample=own), [rv.name for rv in population_in(graph)])
    at, variables = 0, {name: (("sample", *_dims(graph, name, v)), v) for name, v in given.items()}
    for rv, shape in zip(conditional.effects.variables, conditional.effects.shapes, strict=True):
        size = int(np.prod(shape))
        given[rv.name] = flat[:, at : at + size].reshape(-1, *shape)
        variables[rv.name] = (("sample", *graph.named_vars_to_dims[rv.name]), given[rv.name])
        at += size
    coords = {
        d: np.asarray(graph.coords[d]) for dims, _ in variables.values() for d in dims if d in graph.coords
    }
    particles = xr.Dataset(variables, coords=coords)
    predicted = evaluate(graph, [graph[o] for o in translation.observed], given, len(own), seed)
    parts = []
    for (output, seen), prediction in zip(translation.observed.items(), predicted, strict=True):
        error = error_at(translation, output, prediction, particles)
        if error.memory is not None:
            raise ModelError(explain(expected=f"independent errors of {output!r}", got="autocorrelated ones"))
        z = error.law.standard.draw(rng, prediction.shape, *error.law.shape_of(error.form))
        simulated = error.law.observed(prediction, error.spread, z, *error.form)
        below = ndtr(error.weighted_residual(seen.value, prediction))
        parts.append((prediction, simulated, below))
    return _Forecast(*(np.concatenate(pieces, axis=1) for pieces in zip(*parts, strict=True)))


def _dims(graph: Any, name: str, values: np.ndarray) -> tuple[str, ...]:
    dims = tuple(graph.named_vars_to_dims.get(name) or ())
    return dims if len(dims) == values.ndim - 1 else tuple(f"{name}_{k}" for k in range(values.ndim - 1))


def _judged(
    conditional: Conditional,
    base: np.ndarray,
    of_data: np.ndarray,
    forecast: _Forecast,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Weights of the particles before every observation, and what they foresee."""
    translation = conditional.translation
    record = np.concatenate([seen.record for seen in translation.observed.values()])
    counts = [len(seen.record) for seen in translation.observed.values()]
    output = np.repeat(list(translation.observed), counts)
    table = translation.data.table.iloc[record]
    time, cens = table["TIME"].to_numpy(float), table["CENS"].to_numpy(int)
    likelihood = np.where(np.isfinite(of_data), of_data, -np.inf)
    rows: dict[int, tuple] = {}
    for subject in range(base.shape[1]):
        mine = np.flatnonzero(conditional.subject_of_observation == subject)
        mine = mine[np.argsort(record[mine], kind="stable")]
        moment = np.cumsum(np.r_[0, np.diff(time[mine]) != 0]) if len(mine) else mine
        log_weight = base[:, subject].copy()
        for number in dict.fromkeys(moment.tolist()):
            together = mine[moment == number]
            weight = np.exp(log_weight - log_weight.max())
            weight /= weight.sum()
            effective = 1 / np.sum(weight**2)
            earlier = int((moment < number).sum())
            for k in together:
                quantiles = _quantiles(forecast.simulated[:, k], weight, (0.05, 0.5, 0.95))
                pit = float(weight @ forecast.below[:, k])
                if cens[k] == 1:
                    pit *= rng.uniform()
                elif cens[k] == -1:
                    pit = 1 - (1 - pit) * rng.uniform()
                mean = float(weight @ forecast.prediction[:, k])
                rows[k] = (earlier, mean, *quantiles, pit, effective)
            log_weight = log_weight + likelihood[:, together].sum(axis=1)
    columns = ["PREVIOUS", "FORECAST", "LOWER", "MEDIAN", "UPPER", "PIT", "EFFECTIVE"]
    found = pd.DataFrame([rows[k] for k in range(len(record))], columns=columns)
    labels = pd.DataFrame(
        {
            "ID": table["ID"].to_numpy(),
            "TIME": time,
            "OUTPUT": output,
            "DV": table["DV"].to_numpy(float),
            "CENS": cens,
            "ROW": table["ROW"].to_numpy(),
        }
    )
    order = np.argsort(record, kind="stable")
    return pd.concat([labels, found], axis=1).iloc[order].reset_index(drop=True)


def _quantiles(values: np.ndarray, weight: np.ndarray, levels: tuple[float, ...]) -> np.ndarray:
    order = np.argsort(values)
    reached = np.cumsum(weight[order])
    return values[order][np.minimum(np.searchsorted(reached, levels), len(values) - 1)]
