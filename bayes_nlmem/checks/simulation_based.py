"""Simulation-based calibration: parameters drawn, studies simulated and learnt from, true values ranked."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, as_completed
from pathlib import Path
from typing import Any

import pandas as pd

from bayes_nlmem.checks.calibration import Calibration
from bayes_nlmem.checks.calibration_store import keep, opened, stored
from bayes_nlmem.checks.replication import Plan, replicate
from bayes_nlmem.checks.simulated_events import check_events
from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.data.planned import Arm, Design
from bayes_nlmem.ground.messages import BayesNlmemError, explain
from bayes_nlmem.learning.record import versions
from bayes_nlmem.model.specification import Model
from bayes_nlmem.simulation.asked import design_of


def sbc(
    model: Model,
    data: Dataset | Design | Arm | pd.DataFrame,
    *,
    n: int = 100,
    executor: Executor | None = None,
    store: str | Path | None = None,
    seed: int = 1,
    draws: int = 300,
    tune: int = 300,
    chains: int = 1,
    target_accept: float = 0.9,
    ranks: int = 99,
    edit: Any = None,
    progress: bool = True,
) -> Calibration:
    """Simulation-based calibration of a model on a study or design.

    Parameters are drawn from their priors, a study is simulated, the model is learnt from it, and the true
    values are ranked among the draws: if model, graph and sampler are right, all ranks are uniform. Ranked
    are the unknown numbers of the model, the first subject's parameters and the log-likelihood, which is
    sensitive to errors that leave each parameter's own ranks uniform.

    Parameters
    ----------
    model : Model
        The model; its priors should be those that data could come from.
    data : Dataset, Design, Arm or DataFrame
        Doses, times and covariates; limits of quantification are taken from it, its observations are not
        used, but for times to an event: subjects without one are followed until their last row, the others
        until the end of the study.
    n : int
        Number of replicates.
    executor : concurrent.futures.Executor, optional
        Where the replicates are run: a `ProcessPoolExecutor`, a Dask cluster's ``client.get_executor()``,
        MPI. By default one after the other here.
    store : path, optional
        Folder with one file per replicate. A later call with the same model, data and settings goes on where
        this one stopped, also with a larger `n`.
    seed : int
        Replicate k is the same for the same seed, whatever `n` and the executor are.
    draws, tune, chains, target_accept : number
        Of the sampler, see `fit`.
    ranks : int
        Number of (evenly spaced) draws that a true value is ranked among.
    edit : callable, optional
        As in `fit`.
    progress : bool
        Tell on the error stream how far it is.

    Returns
    -------
    Calibration

    Raises
    ------
    BayesNlmemError
        A store that belongs to another calibration; a setting out of range; times of events that are not
        one per subject, in its last row.

    References
    ----------
    Talts et al. 2018, arXiv:1804.06788. Säilynoja, Bürkner & Vehtari 2022, doi:10.1007/s11222-022-10090-6.
    Modrák et al. 2025, doi:10.1214/23-BA1404 (the likelihood as a test quantity).

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> study = bn.zoo.load("theophylline")
    >>> found = bn.sbc(study.model, study.data, n=200, store="sbc")  # doctest: +SKIP

    Twenty minutes on one core; its result is kept with the study:

    >>> found = bn.load_calibration(study.folder / "sbc.json")
    >>> len(found.replicates), len(found.failed)
    (200, 0)
    """
    data = design_of(model, data.dataset(seed=seed) if isinstance(data, Design) else data)
    _check(n, draws, chains, ranks)
    check_events(model, data)
    settings = {
        "model": model.name or "",
        "specification": hashlib.sha256(repr(model).encode()).hexdigest()[:16],
        "data": data.digest[:16],
        "seed": seed,
        "draws": draws,
        "tune": tune,
        "chains": chains,
        "target_accept": target_accept,
        "ranks": ranks,
        "edited": edit is not None,
    }
    key = json.dumps(settings, sort_keys=True)
    options = {"seed": seed, "draws": draws, "tune": tune, "chains": chains, "ranks": ranks}
    plan = Plan(key, model, data, **options, target_accept=target_accept, edit=edit)
    folder = None if store is None else opened(Path(store), settings)
    done = {} if folder is None else stored(folder, n)
    missing = [number for number in range(n) if number not in done]
    for found in _run(plan, missing, executor):
        done[found["replicate"]] = found
        if folder is not None:
            keep(folder, found)
        if progress:
            bad = sum(one["status"] != "ok" for one in done.values())
            print(f"bayes_nlmem: {len(done)} of {n} replicates, {bad} failed", file=sys.stderr, flush=True)
    return Calibration({**settings, "versions": versions()}, tuple(done[k] for k in sorted(done)))


def _check(n: int, draws: int, chains: int, ranks: int) -> None:
    if n < 1 or draws < 1 or chains < 1:
        raise BayesNlmemError(explain(expected="n, draws and chains >= 1", got=f"{n}, {draws}, {chains}"))
    if not 1 <= ranks <= draws * chains:
        raise BayesNlmemError(
            explain(expected=f"ranks from 1 to draws x chains = {draws * chains}", got=ranks)
        )


def _run(plan: Plan, numbers: Sequence[int], executor: Executor | None) -> Iterator[dict[str, Any]]:
    if executor is None:
        yield from (replicate(plan, number) for number in numbers)
        return
    futures = [executor.submit(replicate, plan, number) for number in numbers]
    try:
        for future in as_completed(futures):
            yield future.result()
    finally:
        for future in futures:
            future.cancel()
