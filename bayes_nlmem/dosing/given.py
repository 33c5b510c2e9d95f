"""Replicates of a planned study whose doses differ from replicate to replicate.

The individual parameters come from `simulate`; the structure is then evaluated again with the doses that
each virtual subject really took. Residual errors follow the model's own laws.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import xarray as xr

from bayes_nlmem.dosing.feedback import AdaptiveRule
from bayes_nlmem.engine.records import Requests
from bayes_nlmem.ground.messages import ModelError, explain
from bayes_nlmem.simulation.simulated import GROUP, Simulation
from bayes_nlmem.statistics.endpoints import is_endpoint
from bayes_nlmem.structures.records import records_from_table
from bayes_nlmem.translation.endpoints import columns_of
from bayes_nlmem.translation.errors_at_draws import error_at
from bayes_nlmem.translation.graph import Translation, translate


@dataclass(frozen=True, eq=False)
class Course:
    """What happened in all replicates.

    Parameters
    ----------
    predictions, observations : dict of str to ndarray, shape (draws, n_rows)
    factors : ndarray, shape (draws, n_records)
        Factor of every dose; 1 at other records.
    """

    predictions: dict[str, np.ndarray]
    observations: dict[str, np.ndarray]
    factors: np.ndarray


def course(
    simulation: Simulation, rule: AdaptiveRule | None, adherence: float, rng: np.random.Generator
) -> Course:
    """Give the doses, look, decide, give the next ones.

    Parameters
    ----------
    simulation : Simulation
        Individual parameters of virtual subjects, without residual error; every dose has its own record.
    rule : AdaptiveRule or None
    adherence : float
        Probability that a dose is taken.
    rng : Generator
        For adherence and residual errors.

    Raises
    ------
    ModelError
        A rule for an output that the simulation does not have.
    """
    study = _Study(simulation)
    draws = study.draws
    table = simulation.data.table
    dose = simulation.data.is_dose
    taken = np.ones((draws, len(table)))
    taken[:, dose] = rng.uniform(size=(draws, dose.sum())) < adherence
    factors = taken.copy()
    noise = study.noise(rng)
    if rule is not None:
        if rule.output not in simulation.outputs:
            raise ModelError(
                explain(
                    expected=f"a rule for an output among {', '.join(simulation.outputs)}",
                    got=repr(rule.output),
                )
            )
        subject, time = table["SUBJECT"].to_numpy(), table["TIME"].to_numpy(float)
        current = np.ones((draws, simulation.data.n_subjects))
        for moment in rule.at:
            predictions = study.predict(factors)
            seen = study.observed(rule.output, predictions[rule.output], noise[rule.output])
            value = study.last_before(rule.output, seen, moment)
            current = rule.factors(value.ravel(), current.ravel()).reshape(current.shape)
            later = dose & (time >= moment)
            factors[:, later] = (taken * current[:, subject])[:, later]
    predictions = study.predict(factors)
    observations = {o: study.observed(o, f, noise[o]) for o, f in predictions.items()}
    return Course(predictions, observations, factors)


@dataclass(frozen=True, eq=False)
class _Study:
    """One batch of replicates, tiled into one long event table."""

    simulation: Simulation

    @cached_property
    def translation(self) -> Translation:
        made = self.simulation
        at = {output: made.records(output) for output in made.outputs}
        return translate(
            made.model, made.data, geometry="centred", edit=made.edit, predict_at=at, with_law=False
        )

    @property
    def draws(self) -> int:
        return int(self.simulation.draws[GROUP].sizes["draw"])

    @cached_property
    def parameters(self) -> dict[str, np.ndarray]:
        """The individual parameters of all replicates by row, shape (draws * n_rows,)."""
        layout, model = self.translation.layout, self.simulation.model
        group = self.simulation.draws[GROUP].to_dataset()
        population = self.simulation.draws["posterior"].to_dataset()
        of_row = {"subject": layout.row_subject, "occasion": layout.row_occasion}
        found = {}
        for name, parameter in model.parameters.items():
            if name in group:
                values = group[name].transpose("chain", "draw", ...)
                dim = values.dims[-1]
                flat = values.values.reshape(self.draws, -1)
                by_row = flat[:, of_row[dim]] if dim in of_row else flat
            elif f"{name}_pop" in population:
                by_row = np.repeat(population[f"{name}_pop"].values.reshape(-1, 1), layout.n_rows, axis=1)
            else:
                assert isinstance(parameter.typical, (int, float))  # a prior and classes have drawn values
                by_row = np.full((self.draws, layout.n_rows), float(parameter.typical))
            found[name] = by_row.ravel()
        return found

    @cached_property
    def _tiled(self) -> tuple[pd.DataFrame, dict[str, np.ndarray], np.ndarray, np.ndarray]:
        data, layout, draws = self.simulation.data, self.translation.layout, self.draws
        table = pd.concat([data.table] * draws, ignore_index=True)
        block = np.repeat(np.arange(draws), len(data.table))
        table["SUBJECT"] = table["SUBJECT"] + block * data.n_subjects
        shift = block * layout.n_rows
        row, row_at = (np.tile(r, draws) + shift for r in (layout.record_row, layout.record_row_at))
        columns = {name: np.tile(v, draws) for name, v in columns_of(self.simulation.model, data).items()}
        return table, columns, row, row_at

    def predict(self, factors: np.ndarray) -> dict[str, np.ndarray]:
        """Predictions of all outputs with every dose times its factor, shape (draws, n)."""
        made, structure = self.simulation, self.simulation.model.structure
        table, columns, row, row_at = self._tiled
        rate, factor = table["RATE"].to_numpy(float), factors.ravel()
        given = table.assign(
            AMT=table["AMT"].to_numpy(float) * factor, RATE=np.where(rate > 0, rate * factor, rate)
        )
        records = records_from_table(given, structure, row=row, row_at=row_at, columns=columns)
        size = len(made.data.table)
        asked = {
            output: (np.arange(self.draws)[:, None] * size + made.records(output)).ravel()
            for output in made.outputs
        }
        requests = Requests(
            record=np.concatenate(list(asked.values())),
            output=np.repeat(
                [structure.outputs.index(output) for output in asked], [len(at) for at in asked.values()]
            ),
        )
        names = tuple(made.model.parameters)
        values = structure.evaluate(self.parameters, structure.plan(records, requests, names))
        stops = np.cumsum([len(at) for at in asked.values()])[:-1]
        return {
            output: part.reshape(self.draws, -1)
            for output, part in zip(asked, np.split(np.asarray(values), stops), strict=True)
        }

    @cached_property
    def _drawn(self) -> xr.Dataset:
        """Population parameters and effects with one dimension `sample`, as residual errors ask for them."""
        tree = self.simulation.draws
        group = tree[GROUP].to_dataset()
        effects = group[[name for name in ("eta",) if name in group]]
        together = xr.merge([tree["posterior"].to_dataset(), effects])
        return together.isel(chain=0, drop=True).rename({"draw": "sample"})

    def noise(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Standardised errors, drawn once: what is seen at a decision stays seen."""
        found = {}
        for output in self.simulation.outputs:
            residual = self.simulation.model.residuals[output]
            paired = any(output in pair.names for pair in self.simulation.model.correlated_residuals)
            if is_endpoint(residual) or paired or not residual.law.normal:
                raise ModelError(
                    explain(
                        expected=f"{output!r} with independent normal errors, for feedback or missed doses",
                        got=type(residual).__name__ + (" that is correlated with others" if paired else ""),
                    )
                )
            found[output] = rng.standard_normal((self.draws, len(self.simulation.records(output))))
        return found

    def observed(self, output: str, prediction: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Observations with the given standardised errors."""
        error = error_at(self.translation, output, prediction, self._drawn)
        if error.memory is not None:
            raise ModelError(explain(expected=f"independent errors of {output!r}", got="autocorrelated ones"))
        return error.law.observed(prediction, error.spread, z, *error.form)

    def last_before(self, output: str, values: np.ndarray, moment: float) -> np.ndarray:
        """Every subject's last value up to a time, shape (draws, n_subjects); NaN where there is none."""
        table = self.simulation.data.table.iloc[self.simulation.records(output)]
        found = np.full((len(values), self.simulation.data.n_subjects), np.nan)
        subject, time = table["SUBJECT"].to_numpy(), table["TIME"].to_numpy(float)
        for k in np.flatnonzero(time <= moment):  # in the order of time: the last one stays
            found[:, subject[k]] = values[:, k]
        return found
