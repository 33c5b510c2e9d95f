"""Covariates of virtual subjects, resampled from the subjects of a study."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.ground.messages import DataError, explain


def resampled(
    data: Dataset,
    subjects: int,
    *,
    seed: int,
    covariates: Sequence[str] | None = None,
    among: Callable[[pd.DataFrame], Any] | None = None,
) -> dict[str, tuple]:
    """Draw whole subjects' covariates from a study, with replacement, so that they stay correlated.

    Parameters
    ----------
    data : Dataset
        The study; the value at a subject's first record is its baseline.
    subjects : int
        Number of virtual subjects.
    seed : int
        The same seed, the same subjects.
    covariates : sequence of str, optional
        Which ones; by default all.
    among : callable, optional
        Gets the table of baselines (one row per subject) and returns which rows may be drawn (booleans), for
        the inclusion criteria of a trial.

    Returns
    -------
    dict of str to tuple
        For `Arm(..., covariates=...)`.

    Raises
    ------
    DataError
        No covariates, an unknown one, fewer than one subject, nobody who may be drawn.

    Examples
    --------
    >>> import pandas as pd
    >>> import bayes_nlmem as bn
    >>> table = pd.DataFrame({"ID": [1, 2, 3], "TIME": 0.0, "DV": 1.0, "WT": [50, 70, 90], "SEX": [0, 0, 1]})
    >>> data = bn.read(table, covariates=["WT", "SEX"])
    >>> found = bn.resampled(data, 4, seed=1, among=lambda baseline: baseline["WT"] < 80)
    >>> sorted(set(zip(found["WT"], found["SEX"])))
    [(50.0, 0.0), (70.0, 0.0)]
    """
    names = list(data.covariates) if covariates is None else list(covariates)
    unknown = [name for name in names if name not in data.covariates]
    if unknown or not names:
        raise DataError(
            explain(
                expected=f"covariates of the data ({', '.join(data.covariates) or 'none'})",
                got=", ".join(unknown) or "none",
                remedy='Read them: bn.read(..., covariates=["WT"]).',
            )
        )
    if isinstance(subjects, bool) or not isinstance(subjects, int) or subjects < 1:
        raise DataError(explain(expected="a number of subjects of at least 1", got=repr(subjects)))
    baseline = pd.DataFrame({name: data.covariate(name)[data.start[:-1]] for name in names})
    allowed = np.arange(len(baseline))
    if among is not None:
        allowed = allowed[np.asarray(among(baseline), bool)]
    allowed = allowed[baseline.iloc[allowed].notna().all(axis=1).to_numpy()]
    if not len(allowed):
        raise DataError(explain(expected="subjects who may be drawn", got="none of the study's subjects"))
    chosen = np.random.default_rng(seed).choice(allowed, size=subjects)
    return {name: tuple(baseline[name].to_numpy()[chosen].tolist()) for name in names}
