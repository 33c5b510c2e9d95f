"""Weighted residuals of every kind: individual, first-order, conditional, simulation-based."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.checks.kinds import can_be_ranked
from bayes_nlmem.checks.prediction_errors import npde
from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.marginal.ebe import find_modes
from bayes_nlmem.marginal.first_order import effects_precision
from bayes_nlmem.marginal.linearised import Linearisation, Linearised
from bayes_nlmem.marginal.point import point_of
from bayes_nlmem.model.specification import Model
from bayes_nlmem.simulation.simulated import Simulation
from bayes_nlmem.statistics.endpoints import is_endpoint
from bayes_nlmem.translation.graph import translate


def residuals(
    learnt: Any,
    *,
    draws: int = 1000,
    seed: int | None = None,
    decorrelation: str = "cholesky",
    at: Mapping[str, Any] | None = None,
    simulation: Simulation | None = None,
) -> pd.DataFrame:
    """Predictions and weighted residuals of every kind, one row per observation.

    Parameters
    ----------
    learnt : Fit or another learnt result
        What was learnt.
    draws, seed : int
        Replicates behind EPRED, EWRES, NPD and NPDE, and their seed; draws=0 leaves these columns out.
    decorrelation : {"cholesky", "inverse", "polar"}
        Of EWRES and NPDE.
    at : mapping, optional
        Population parameters behind CPRED, WRES and CWRES; by default their posterior means.
    simulation : Simulation, optional
        Replicates to use in place of new ones.

    Returns
    -------
    DataFrame
        The columns of `learnt.predictions()` (ROW, ID, TIME, TAD, OUTPUT, DV, CENS, LIMIT, PRED, IPRED,
        IPRED_LOWER, IPRED_UPPER, IRES, IWRES) and

        - CPRED = f(b) - G b at the EBE b, the mean under the linearisation there;
        - WRES = V0^(-1/2) (y - f(0)), V0 = G Omega G' + S at b = 0 (FO; NONMEM's NWRES, and WRES without
          interaction);
        - CWRES = V^(-1/2) (y - CPRED), V = G Omega G' + S at the EBE (FOCE; NONMEM's CWRES);
        - EBE_PRED and EBE_IWRES, prediction and weighted residual at the EBE (NONMEM's IPRED and IWRES);
        - EPRED, EWRES, NPD, NPDE from replicates, see `npde`.

        NaN for censored observations, except EWRES, NPD and NPDE, for which a value beyond the limit is
        drawn. With errors on the log scale (or another one) CPRED, WRES and CWRES are those of the
        transformed observations. Outputs of categories, counts and events have no CPRED, WRES and CWRES;
        times of events and states have no EPRED, EWRES, NPD and NPDE either.

    References
    ----------
    Hooker, Staatz & Karlsson 2007, doi:10.1007/s11095-007-9361-x

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> table = bn.residuals(fit, draws=100, seed=1)
    >>> table[["IWRES", "WRES", "CWRES", "EWRES", "NPDE"]].shape
    (132, 5)
    """
    table = learnt.predictions().set_index(["OUTPUT", "ROW"])
    table = table.join(linearised_residuals(learnt.model, learnt.data, learnt if at is None else at, learnt))
    if draws or simulation is not None:
        source = learnt if simulation is None else simulation
        found = []
        for output in dict.fromkeys(table.index.get_level_values("OUTPUT")):
            if not can_be_ranked(learnt.model.residuals[output]):
                continue
            own = npde(source, output=output, draws=draws, seed=seed, decorrelation=decorrelation).table
            found.append(own.assign(OUTPUT=output).set_index(["OUTPUT", "ROW"]))
        columns = ["EPRED", "EWRES", "NPD", "NPDE"]
        if found:
            table = table.join(pd.concat(found)[columns])
        else:
            table[columns] = np.nan
    return table.reset_index().sort_values("ROW", kind="stable").reset_index(drop=True)


def linearised_residuals(model: Model, data: Dataset, at: Any, learnt: Any = None) -> pd.DataFrame:
    """Residuals of the linearised model at one value of the population parameters.

    Parameters
    ----------
    model, data : Model, Dataset
        The model and the study.
    at : mapping or learnt result
        Population parameters by name; a learnt result stands for its posterior means.
    learnt : learnt result, optional
        Where an `edit` of the graph may be found.

    Returns
    -------
    DataFrame
        Index OUTPUT, ROW; columns CPRED, WRES, CWRES; and EBE_PRED, EBE_IWRES, the prediction and weighted
        residual at the EBE. Empty where outputs are categories, counts or events.
    """
    columns = ["CPRED", "WRES", "CWRES", "EBE_PRED", "EBE_IWRES"]
    if any(is_endpoint(residual) for residual in model.residuals.values()):
        index = pd.MultiIndex.from_arrays([[], []], names=["OUTPUT", "ROW"])
        return pd.DataFrame(columns=columns, index=index, dtype=float)
    conditional = Conditional(translate(model, data, geometry="centred", edit=getattr(learnt, "edit", None)))
    theta = point_of(conditional, at)
    linearisation = Linearisation(conditional)
    modes = find_modes(conditional, theta)
    nothing = np.zeros(conditional.n_effects)
    typical, individual = linearisation.at(theta, nothing), linearisation.at(theta, modes.b)
    mean = individual.prediction - np.einsum(
        "kj,kj->k", individual.by_effect, modes.table[individual.subject]
    )
    found = pd.DataFrame(
        {
            "CPRED": mean,
            "WRES": _whitened(
                typical, typical.prediction, np.linalg.inv(effects_precision(conditional, theta, nothing))
            ),
            "CWRES": _whitened(
                individual, mean, np.linalg.inv(effects_precision(conditional, theta, modes.b))
            ),
            "EBE_PRED": individual.prediction,
            "EBE_IWRES": np.where(
                individual.censored, np.nan, (individual.observed - individual.prediction) / individual.sd
            ),
        }
    )
    found.index = pd.MultiIndex.from_arrays(
        [individual.output, individual.record + 1], names=["OUTPUT", "ROW"]
    )
    return found


def _whitened(linear: Linearised, mean: np.ndarray, omega: np.ndarray) -> np.ndarray:
    """V^(-1/2) (y - mean) of every subject, V = G Omega G' + S, by its symmetric square root."""
    found = np.full(len(mean), np.nan)
    for subject in np.unique(linear.subject):
        own = np.flatnonzero((linear.subject == subject) & ~linear.censored)
        if not len(own):
            continue
        slope = linear.by_effect[own]
        covariance = slope @ omega[subject] @ slope.T + np.diag(linear.sd[own] ** 2)
        values, vectors = np.linalg.eigh(covariance)
        values = np.where(values > 0, values, np.nan)
        found[own] = (vectors / np.sqrt(values)) @ (vectors.T @ (linear.observed[own] - mean[own]))
    return found
