"""Posterior predictive checks by single figures: is a statistic of the data one that the model produces."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_nlmem.checks.kinds import happened_at_its_row, refuse_times_of_rows
from bayes_nlmem.ground.messages import ModelError, explain
from bayes_nlmem.simulation.asked import asked
from bayes_nlmem.simulation.replicates import simulate
from bayes_nlmem.simulation.simulated import Simulation

Statistic = Callable[[np.ndarray, np.ndarray], float]

STATISTICS: Mapping[str, Statistic] = {
    "mean": lambda time, y: float(y.mean()),
    "sd": lambda time, y: float(y.std(ddof=1)) if len(y) > 1 else float("nan"),
    "smallest": lambda time, y: float(y.min()),
    "largest": lambda time, y: float(y.max()),
    "time of largest": lambda time, y: float(time[np.argmax(y)]),
}
LEVELS = ("study", "subject")
_POSTERIOR, _PREDICTIVE = "posterior", "posterior_predictive"


def predictive_p_values(
    fit: Any,
    statistics: Mapping[str, Statistic] | None = None,
    *,
    by: str = "study",
    subjects: str = "same",
    draws: int = 500,
    seed: int | None = None,
) -> pd.DataFrame:
    """Posterior predictive p-values: how often a simulated study has a statistic as large as the data.

    A p-value near 0 or 1 says that the model does not produce data with such a statistic. They are not
    uniform under the model, but drawn to 1/2, the more so the more the statistic was fitted.

    Parameters
    ----------
    fit : Fit, or another learnt result
        What was learnt.
    statistics : mapping of name to function, optional
        Each takes (time after the first record, values) of one subject, or with ``by="study"`` of all, and
        returns a number. By default mean, SD, smallest, largest and time of the largest value (by subject;
        of a study without the last).
    by : {"study", "subject"}
        Of all observations together, or of every subject.
    subjects : {"same", "new"}
        Simulate the subjects of the study with their own effects, or new ones: the latter also checks the
        distribution of the effects.
    draws, seed : int
        Number of simulated studies and their seed.

    Returns
    -------
    DataFrame
        OUTPUT, STATISTIC, ID (with ``by="subject"``), OBSERVED, MEDIAN, LOWER and UPPER (central 90 % of the
        simulated), P = P(simulated >= observed), equal values counted half.

    Raises
    ------
    ModelError
        Unknown words, or nothing but events that happened at their rows (beside other outputs they are left
        out: DV at such rows cannot be simulated; see `vpc_events`).

    References
    ----------
    Gelman, Meng & Stern 1996, Statistica Sinica 6:733-760.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> table = bn.predictive_p_values(fit, draws=50, seed=1)
    >>> table.STATISTIC.tolist()
    ['mean', 'sd', 'smallest', 'largest']
    """
    if by not in LEVELS:
        raise ModelError(explain(expected=f"by one of {', '.join(LEVELS)}", got=repr(by)))
    if subjects not in ("same", "new"):
        raise ModelError(explain(expected='subjects "same" or "new"', got=repr(subjects)))
    if statistics is None:
        statistics = {n: f for n, f in STATISTICS.items() if by == "subject" or n != "time of largest"}
    laws, records = fit.model.residuals, asked(fit.model, fit.data)
    outputs = [
        output
        for output, at in records.items()
        if not happened_at_its_row(laws[output], fit.data.table.iloc[at])
    ]
    if not outputs:
        refuse_times_of_rows(laws[first := next(iter(records))], first, fit.data.table.iloc[records[first]])
    censored = {sign: bool((fit.data.table["CENS"] == sign).any()) for sign in (1, -1)}
    simulation = simulate(
        fit,
        subjects=subjects,
        draws=draws,
        seed=seed,
        lloq="as observed" if censored[1] else None,
        uloq="as observed" if censored[-1] else None,
    )
    rows = []
    for output in outputs:
        at = simulation.records(output)
        table = fit.data.table.iloc[at]
        time = table["TIME"].to_numpy(float)
        observed, simulated = table["DV"].to_numpy(float), simulation.values(output)
        groups = {None: np.arange(len(at))} if by == "study" else _by_subject(table["ID"].to_numpy())
        for who, rows_of in groups.items():
            start = time[rows_of].min()
            for name, statistic in statistics.items():
                t = time[rows_of] - start
                true = float(statistic(t, observed[rows_of]))
                made = np.array([float(statistic(t, one[rows_of])) for one in simulated])
                rows.append({"OUTPUT": output, "STATISTIC": name, "ID": who} | _compared(true, made))
    found = pd.DataFrame(rows)
    return found.drop(columns="ID") if by == "study" else found


def with_predictive(fit: Any, *, subjects: str = "same", seed: int | None = None) -> xr.DataTree:
    """The draws with a group `posterior_predictive`: one simulated study per posterior draw.

    With it ArviZ does its own checks, for example ``az.loo_pit(tree)`` (LOO-PIT: the probability of each
    observation given all others, uniform if the model is right), ``az.plot_loo_pit(tree)`` and
    ``az.plot_ppc_dist(tree)``.

    Parameters
    ----------
    fit : Fit, or another learnt result
        What was learnt.
    subjects : {"same", "new"}
        As in `simulate`; LOO-PIT of single observations needs "same".
    seed : int, optional
        Seed of the simulation.

    Returns
    -------
    DataTree
        The groups of `fit.draws`, and `posterior_predictive` with dims chain, draw and `{out}_row`.

    References
    ----------
    Gabry et al. 2019, doi:10.1111/rssa.12378

    Examples
    --------
    >>> import arviz_stats as az
    >>> import bayes_nlmem as bn
    >>> tree = bn.with_predictive(fit, seed=1)
    >>> az.loo_pit(tree)["cp_obs"].shape
    (132,)
    """
    posterior = fit.draws[_POSTERIOR]
    chains, draws = posterior.sizes["chain"], posterior.sizes["draw"]
    simulation = simulate(fit, subjects=subjects, draws=chains * draws, seed=seed)
    found = {
        f"{output}_obs": (("chain", "draw", f"{output}_row"), _shaped(simulation, output, chains, draws))
        for output in simulation.outputs
    }
    coords = {
        "chain": posterior["chain"].values,
        "draw": posterior["draw"].values,
        **{f"{output}_row": simulation.records(output) + 1 for output in simulation.outputs},
    }
    tree = fit.draws.copy()
    tree[_PREDICTIVE] = xr.DataTree(xr.Dataset(found, coords=coords))
    return tree


def _shaped(simulation: Simulation, output: str, chains: int, draws: int) -> np.ndarray:
    values = simulation.values(output)
    return values.reshape(chains, draws, values.shape[1])


def _by_subject(ids: np.ndarray) -> dict[Any, np.ndarray]:
    return {who: np.flatnonzero(ids == who) for who in dict.fromkeys(ids.tolist())}


def _compared(true: float, made: np.ndarray) -> dict[str, float]:
    finite = made[np.isfinite(made)]
    if not len(finite) or not np.isfinite(true):
        return dict.fromkeys(("OBSERVED", "MEDIAN", "LOWER", "UPPER", "P"), float("nan")) | {"OBSERVED": true}
    lower, middle, upper = np.quantile(finite, [0.05, 0.5, 0.95])
    p = float(np.mean(finite > true) + 0.5 * np.mean(finite == true))
    return {"OBSERVED": true, "MEDIAN": middle, "LOWER": lower, "UPPER": upper, "P": p}
