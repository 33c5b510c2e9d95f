"""What was seen beside what the model simulates in its place: the material of every predictive check."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.ground.messages import ModelError, closest, explain
from bayes_nlmem.learning.predictions import time_after_dose
from bayes_nlmem.simulation.asked import asked
from bayes_nlmem.simulation.limits import Limit, lower_limits, upper_limits
from bayes_nlmem.simulation.replicates import simulate
from bayes_nlmem.simulation.simulated import Simulation

X_WORDS = ("TIME", "TAD", "PRED")


@dataclass(frozen=True, eq=False)
class Replicated:
    """Observations of one output and their simulated replicates.

    Parameters
    ----------
    observations : DataFrame
        ROW, ID, TIME, TAD, DV, CENS, PRED (typical subject at the posterior medians), LLOQ, ULOQ.
    simulated : ndarray, shape (n_replicates, n_observations)
        Simulated observations, before any limit of quantification.
    simulation : Simulation
        Where they come from.
    output : str
        The output.
    """

    observations: pd.DataFrame
    simulated: np.ndarray
    simulation: Simulation
    output: str

    @property
    def units(self) -> Mapping[str, str]:
        """Units of the data."""
        return self.simulation.data.units

    @property
    def unit(self) -> str | None:
        """Unit of the observations."""
        return self.units.get(self.output, self.units.get("DV"))

    def horizontal(self, x: str) -> tuple[np.ndarray, str]:
        """Values and label of the horizontal axis: TIME, TAD, PRED or a column of the data.

        Raises
        ------
        ModelError
            No such column, or not numbers.
        """
        units = self.units
        if x in X_WORDS:
            words = {"TIME": "Time", "TAD": "Time after dose", "PRED": "Population prediction"}[x]
            unit = self.unit if x == "PRED" else units.get("TIME")
            return self.observations[x].to_numpy(float), f"{words} [{unit}]" if unit else words
        values = pd.to_numeric(pd.Series(self.column(x)), errors="coerce").to_numpy(float)
        if np.isnan(values).any():
            raise ModelError(explain(expected=f"numbers in {x}", got="something else, or empty cells"))
        return values, f"{x} [{units[x]}]" if x in units else x

    def column(self, name: str) -> np.ndarray:
        """Values of a covariate or of a column of the data at the observations.

        Raises
        ------
        ModelError
            No such column; lists those that there are.
        """
        return self.values_of(self.simulation.data, name, self.observations["ROW"].to_numpy() - 1)

    @staticmethod
    def values_of(data: Dataset, name: str, record: np.ndarray) -> np.ndarray:
        """Values of a covariate or column at some records."""
        if name in data.covariates:
            return np.asarray(data.covariate(name))[record]
        if name in data.table:
            return data.table[name].to_numpy()[record]
        if name in data.frame and len(data.frame) == len(data.table):
            return data.frame[name].to_numpy()[record]
        known = [*X_WORDS, *data.covariates, *map(str, data.frame.columns)]
        raise ModelError(
            explain(
                expected=f"a column of the data ({', '.join(dict.fromkeys(known))})",
                got=repr(name),
                remedy=closest(name, known) or None,
            )
        )

    def strata(self, by: str | Sequence[str] | Mapping[str, Sequence[float]] | None) -> np.ndarray:
        """Label of the stratum of every observation, empty without strata.

        Parameters
        ----------
        by : str, sequence of str, or mapping of str to breaks
            Columns; a number is split at the breaks given with it.

        Raises
        ------
        ModelError
            No such column, or a number with many values and no breaks.
        """
        if by is None:
            return np.full(len(self.observations), "")
        breaks = dict(by) if isinstance(by, Mapping) else dict.fromkeys([by] if isinstance(by, str) else by)
        labels = [levels(name, self.column(name), cuts) for name, cuts in breaks.items()]
        return np.array([", ".join(parts) for parts in zip(*labels, strict=True)])


def levels(name: str, values: np.ndarray, cuts: Sequence[float] | None) -> list[str]:
    """Label of the stratum of every value: the value itself, or the interval between breaks.

    Raises
    ------
    ModelError
        More than eight values, and no breaks.
    """

    def text(value: Any) -> str:
        return f"{value:g}" if isinstance(value, float | np.floating) else str(value)

    if cuts is None:
        distinct = pd.unique(pd.Series(values))
        if len(distinct) > 8:
            raise ModelError(
                explain(
                    expected=f"at most 8 values of {name} as strata",
                    got=f"{len(distinct)}",
                    remedy=f"Say where to split it: stratify={{{name!r}: [...]}}.",
                )
            )
        return [f"{name} = {text(value)}" for value in values]
    edges = sorted(float(cut) for cut in cuts)
    place = np.searchsorted(edges, np.asarray(values, float), side="right")
    words = [f"{name} < {edges[0]:g}"]
    words += [f"{low:g} <= {name} < {high:g}" for low, high in zip(edges[:-1], edges[1:], strict=True)]
    words += [f"{name} >= {edges[-1]:g}"]
    return [words[k] for k in place]


def replicated(
    learnt: Any,
    *,
    admits: Callable[[Any, str, pd.DataFrame], None] | None = None,
    output: str | None = None,
    draws: int = 1000,
    seed: int | None = None,
    uncertainty: bool = True,
    lloq: Limit = "as observed",
    uloq: Limit = "as observed",
) -> Replicated:
    """Simulate the study that was fitted with new subjects, or take a simulation as it is.

    Parameters
    ----------
    learnt : Fit, another learnt result, or Simulation
        A simulation is used as it is; it must have residual errors and the observations of a study.
    admits : callable, optional
        Refuses an output by its observation model, its name and its rows, before anything is simulated.
    output : str, optional
        The first one by default.
    draws, seed, uncertainty :
        As in `simulate`; of no effect, and refused, with a simulation.
    lloq, uloq :
        Limits of quantification, by default those of the data.

    Returns
    -------
    Replicated

    Raises
    ------
    ModelError
        An output that was not observed, or a simulation that cannot be compared with observations.
    """
    records = asked(learnt.model, learnt.data)
    output = next(iter(records)) if output is None else output
    if output not in records:
        raise ModelError(explain(expected=f"an observed output ({', '.join(records)})", got=repr(output)))
    if admits is not None:
        admits(learnt.model.residuals[output], output, learnt.data.table.iloc[records[output]])
    if isinstance(learnt, Simulation):
        simulation = learnt
        if not simulation.settings["residual_error"] or "observed_data" not in simulation.draws.children:
            raise ModelError(
                explain(
                    expected="a simulation of observed records with residual errors",
                    got=repr(simulation),
                    remedy="Simulate the study itself: bn.simulate(fit, residual_error=True).",
                )
            )
        if simulation.settings["lloq"] is not None or simulation.settings["uloq"] is not None:
            raise ModelError(
                explain(
                    expected="a simulation without limits of quantification",
                    got="one whose values are cut at them",
                    remedy="Leave lloq and uloq out of simulate and give them here.",
                )
            )
    else:
        simulation = simulate(learnt, subjects="new", draws=draws, seed=seed, uncertainty=uncertainty)
    data, record = simulation.data, simulation.records(output)
    rows = data.table.iloc[record]
    lower, upper = (
        lower_limits(data, output, record, lloq),
        upper_limits(data, output, record, uloq),
    )
    observations = pd.DataFrame(
        {
            "ROW": record + 1,
            "ID": rows["ID"].to_numpy(),
            "SUBJECT": rows["SUBJECT"].to_numpy(),
            "TIME": rows["TIME"].to_numpy(float),
            "TAD": time_after_dose(data.table)[record],
            "DV": rows["DV"].to_numpy(float),
            "CENS": rows["CENS"].to_numpy(int),
            "PRED": typical(learnt, simulation, output),
            "LLOQ": -np.inf if lower is None else lower,
            "ULOQ": np.inf if upper is None else upper,
        }
    )
    return Replicated(observations, simulation.values(output), simulation, output)


def typical(learnt: Any, simulation: Simulation, output: str) -> np.ndarray:
    """Predictions for the typical subject at the centre of the population parameters of a simulation."""
    if isinstance(learnt, Simulation):
        posterior = simulation.draws["posterior"].to_dataset()
        values = {str(n): v.median(("chain", "draw")).values for n, v in posterior.data_vars.items()}
        return simulate(
            simulation.model,
            simulation.data,
            subjects="typical",
            parameters=values,
            draws=1,
            seed=0,
            edit=simulation.edit,
        ).predictions(output)[0]
    return simulate(
        learnt, subjects="typical", draws=1, seed=0, residual_error=False, uncertainty=False
    ).predictions(output)[0]
