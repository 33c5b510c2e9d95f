"""Numerical predictive check: how many observations lie outside of their prediction intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from bayes_nlmem.checks.kinds import refuse_percentiles
from bayes_nlmem.checks.percentiles import quantiles
from bayes_nlmem.checks.replicated import replicated
from bayes_nlmem.ground.messages import ModelError, explain
from bayes_nlmem.simulation.limits import Limit

INTERVALS = (0.0, 20.0, 40.0, 50.0, 60.0, 80.0, 90.0, 95.0)


def numerical_predictive_check(
    learnt: Any,
    *,
    output: str | None = None,
    stratify: str | Sequence[str] | Mapping[str, Sequence[float]] | None = None,
    intervals: Sequence[float] = INTERVALS,
    level: float = 0.95,
    lloq: Limit = "as observed",
    uloq: Limit = "as observed",
    draws: int = 1000,
    seed: int | None = None,
    uncertainty: bool = True,
) -> pd.DataFrame:
    """Share of the observations below and above their own prediction intervals, against that of replicates.

    Each observation has its own intervals, from the replicates of its own record, so that nothing needs
    binning. Every replicate is counted in the same way as the observations.

    Parameters
    ----------
    learnt : Fit, another learnt result, or Simulation
        What was learnt, or replicates of a study (`bn.simulate`).
    output : str, optional
        Output of the structure, the first one by default.
    stratify : str, sequence of str, or mapping of str to breaks, optional
        As in `vpc`.
    intervals : sequence of float
        Central prediction intervals in percent; 0 is the median.
    level : float
        Level of the interval that the replicates give for the counts.
    lloq, uloq : float, mapping, "as observed" or None
        Limits of quantification; what lies beyond them is below or above everything.
    draws, seed, uncertainty :
        As in `simulate`.

    Returns
    -------
    DataFrame
        One row per stratum, interval and side: `stratum`, `interval`, `side` ("below", "above"), `n`,
        `expected` (percent), `observed` (percent), `lower`, `upper` (percent, of the replicates),
        `ratio` (observed / expected), `outside` (whether observed lies outside of [lower, upper]).

    Raises
    ------
    ModelError
        An unknown output, column or word, an interval that is not in [0, 100), or an output without a
        residual error.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> table = bn.numerical_predictive_check(fit, intervals=[50, 90], draws=100, seed=1)
    >>> table[["interval", "side", "expected"]].values.tolist()[:2]
    [[50.0, 'below', 25.0], [50.0, 'above', 25.0]]
    """
    both = replicated(
        learnt,
        admits=refuse_percentiles,
        output=output,
        draws=draws,
        seed=seed,
        uncertainty=uncertainty,
        lloq=lloq,
        uloq=uloq,
    )
    seen = both.observations
    return numerical_predictive_check_of_arrays(
        seen["DV"],
        both.simulated,
        strata=both.strata(stratify),
        censored=seen["CENS"],
        lloq=seen["LLOQ"],
        uloq=seen["ULOQ"],
        intervals=intervals,
        level=level,
    )


def numerical_predictive_check_of_arrays(
    observed: ArrayLike,
    simulated: ArrayLike,
    *,
    strata: ArrayLike | None = None,
    censored: ArrayLike | None = None,
    lloq: ArrayLike | None = None,
    uloq: ArrayLike | None = None,
    intervals: Sequence[float] = INTERVALS,
    level: float = 0.95,
) -> pd.DataFrame:
    """The table of `numerical_predictive_check`, from arrays.

    Parameters
    ----------
    observed : array_like, shape (n,)
        Observations.
    simulated : array_like, shape (n_simulations, n)
        Their replicates.
    strata : array_like of str, shape (n,), optional
        Stratum of every observation.
    censored : array_like, shape (n,), optional
        CENS: 1 below, -1 above a limit, 0 quantified.
    lloq, uloq : array_like, scalar or shape (n,), optional
        Limits of quantification.
    intervals, level :
        As in `numerical_predictive_check`.

    Returns
    -------
    DataFrame
        As of `numerical_predictive_check`.

    Raises
    ------
    ModelError
        An interval outside 0 to 100 percent, or a level outside (0, 1).

    Examples
    --------
    >>> import numpy as np
    >>> import bayes_nlmem as bn
    >>> rng = np.random.default_rng(1)
    >>> table = bn.numerical_predictive_check_of_arrays(
    ...     rng.normal(size=500), rng.normal(size=(400, 500)), intervals=[80]
    ... )
    >>> table[["side", "expected"]].values.tolist()
    [['below', 10.0], ['above', 10.0]]
    """
    if not len(intervals) or not all(0 <= value < 100 for value in intervals):
        raise ModelError(explain(expected="intervals from 0 to below 100 percent", got=list(intervals)))
    if not 0 < level < 1:
        raise ModelError(explain(expected="level between 0 and 1", got=repr(level)))
    y, ys = np.asarray(observed, float), np.asarray(simulated, float)
    n = len(y)
    flags = np.zeros(n, int) if censored is None else np.asarray(censored, int)
    lower = np.broadcast_to(np.asarray(-np.inf if lloq is None else lloq, float), n)
    upper = np.broadcast_to(np.asarray(np.inf if uloq is None else uloq, float), n)
    y = np.where(flags == 1, -np.inf, np.where(flags == -1, np.inf, y))
    ys = np.where(ys < lower, -np.inf, np.where(ys > upper, np.inf, ys))
    groups = np.full(n, "") if strata is None else np.asarray(strata).astype(str)
    tail = (1 - level) / 2
    rows = []
    for interval in intervals:
        ends = quantiles(ys, [0.5 - interval / 200, 0.5 + interval / 200], axis=0)
        for group in sorted(set(groups)):
            at = groups == group
            for side, end in zip(("below", "above"), ends, strict=True):
                out = (y < end) if side == "below" else (y > end)
                outs = (ys < end) if side == "below" else (ys > end)
                shares = 100 * outs[:, at].mean(axis=1)
                low, high = np.quantile(shares, [tail, 1 - tail])
                share, expected = 100 * out[at].mean(), 50 - interval / 2
                rows.append(
                    {
                        "stratum": group,
                        "interval": float(interval),
                        "side": side,
                        "n": int(at.sum()),
                        "expected": expected,
                        "observed": share,
                        "lower": low,
                        "upper": high,
                        "ratio": share / expected,
                        "outside": bool(share < low or share > high),
                    }
                )
    return pd.DataFrame(rows)
