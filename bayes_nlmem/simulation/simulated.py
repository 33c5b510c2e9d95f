"""`Simulation`: replicates of a study under a model, and where they come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.ground.messages import BayesNlmemError, explain
from bayes_nlmem.model.specification import Model

GROUP = "posterior_predictive"


@dataclass(frozen=True, eq=False, repr=False)
class Simulation:
    """Simulated replicates of a study or design.

    Parameters
    ----------
    model : Model
        What was assumed.
    data : Dataset
        The study or design that was simulated: doses, times, covariates.
    draws : xarray.DataTree
        Group `posterior_predictive`: `{out}_obs` (simulated observations; absent without residual error),
        `{out}` (predictions), `{out}_cens` (with limits of quantification), random effects and individual
        parameters, with dims chain, draw and `{out}_row`, `subject`, `occasion`. Group `posterior`: the
        population parameters behind every replicate. Group `constant_data`: `{out}_time`, `{out}_tad` (time
        after dose), `{out}_subject`, `{out}_occasion` of every row. Group `observed_data` where there are
        observations. ArviZ reads it as it is.
    settings : dict
        How it was asked for: subjects, draws, seed, residual_error, uncertainty, limits.
    edit : callable, optional
        The change of the graph that was made.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> study = bn.zoo.load("theophylline")
    >>> simulation = bn.simulate(study.model, study.data, draws=3, seed=1)
    >>> simulation.outputs, simulation.values("cp").shape
    (('cp',), (3, 132))
    """

    model: Model
    data: Dataset
    draws: xr.DataTree
    settings: Mapping[str, Any]
    edit: Callable[[Any], Any] | None = None

    @cached_property
    def _replicates(self) -> xr.Dataset:
        return self.draws[GROUP].to_dataset()

    @cached_property
    def _constant(self) -> xr.Dataset:
        return self.draws["constant_data"].to_dataset()

    @property
    def outputs(self) -> tuple[str, ...]:
        """The outputs that were simulated."""
        names = self._constant.data_vars
        return tuple(str(name)[: -len("_time")] for name in names if str(name).endswith("_time"))

    def values(self, output: str) -> np.ndarray:
        """Simulated observations of an output, or its predictions without residual error, (draws, rows)."""
        group = self._replicates
        name = f"{output}_obs" if f"{output}_obs" in group else output
        return _flat(group[name])

    def predictions(self, output: str) -> np.ndarray:
        """Predictions of an output, shape (draws, rows)."""
        return _flat(self._replicates[output])

    def records(self, output: str) -> np.ndarray:
        """Positions of the simulated records of an output in `data.table`."""
        return self._constant[f"{output}_row"].values - 1

    def table(self) -> pd.DataFrame:
        """All replicates as one tidy table.

        Returns
        -------
        DataFrame
            REP (from 1), ROW, ID, OCC where there are occasions, TIME, TAD, OUTPUT, IPRED (prediction), DV
            (simulated observation, absent without residual error), CENS where limits were applied.

        Examples
        --------
        >>> import bayes_nlmem as bn
        >>> study = bn.zoo.load("theophylline")
        >>> bn.simulate(study.model, study.data, draws=2, seed=1).table().columns.tolist()
        ['REP', 'ROW', 'ID', 'TIME', 'TAD', 'OUTPUT', 'IPRED', 'DV']
        """
        group, constant = self._replicates, self._constant
        parts = []
        for output in self.outputs:
            row = constant[f"{output}_row"].values
            predicted = self.predictions(output)
            replicates = len(predicted)
            columns: dict[str, Any] = {
                "REP": np.repeat(np.arange(1, replicates + 1), len(row)),
                "ROW": np.tile(row, replicates),
                "ID": np.tile(constant[f"{output}_subject"].values, replicates),
            }
            if f"{output}_occasion" in constant:
                columns["OCC"] = np.tile(constant[f"{output}_occasion"].values, replicates)
            columns["TIME"] = np.tile(constant[f"{output}_time"].values, replicates)
            columns["TAD"] = np.tile(constant[f"{output}_tad"].values, replicates)
            columns |= {"OUTPUT": output, "IPRED": predicted.ravel()}
            for name, column in ((f"{output}_obs", "DV"), (f"{output}_cens", "CENS")):
                if name in group:
                    columns[column] = _flat(group[name]).ravel()
            parts.append(pd.DataFrame(columns))
        whole = pd.concat(parts)
        return whole.sort_values(["REP", "ROW"], kind="stable").reset_index(drop=True)

    def as_data(self, replicate: int = 0) -> Dataset:
        """One replicate as a data set, to be fitted like a real study.

        Parameters
        ----------
        replicate : int
            Which one, from 0.

        Returns
        -------
        Dataset
            The doses, times and covariates of the simulated study with simulated observations.

        Raises
        ------
        BayesNlmemError
            There is no such replicate, or the simulation has no residual error.

        Examples
        --------
        >>> import bayes_nlmem as bn
        >>> study = bn.zoo.load("theophylline")
        >>> bn.simulate(study.model, study.data, draws=2, seed=1).as_data(1).n_observations
        132
        """
        from bayes_nlmem.simulation.as_data import replicate_as_data

        count = len(self.values(self.outputs[0]))
        if not 0 <= replicate < count:
            raise BayesNlmemError(
                explain(
                    expected=f"a replicate from 0 to {count - 1}",
                    got=f"{replicate}",
                    remedy="Ask for one of these, or simulate more draws.",
                )
            )
        bare = [output for output in self.outputs if f"{output}_obs" not in self._replicates]
        if bare:
            raise BayesNlmemError(
                explain(
                    expected="simulated observations",
                    got=f"predictions without residual error of {', '.join(bare)}",
                    remedy="Simulate with residual_error=True.",
                )
            )
        return replicate_as_data(self, replicate)

    def __repr__(self) -> str:
        rows = ", ".join(f"{len(self.records(output))} of {output}" for output in self.outputs)
        said = ", ".join(f"{name} {value}" for name, value in self.settings.items() if value is not None)
        return (
            f"Simulation of {self.model.name or 'a model'}: {self.data.n_subjects} subjects, {rows}\n  {said}"
        )


def _flat(values: xr.DataArray) -> np.ndarray:
    stacked = values.transpose("chain", "draw", ...).values
    return stacked.reshape(-1, *stacked.shape[2:])
