"""Visual predictive checks of continuous observations: percentiles seen against percentiles simulated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bayes_nlmem.checks.binning import AUTO
from bayes_nlmem.checks.kinds import refuse_percentiles
from bayes_nlmem.checks.replicated import replicated
from bayes_nlmem.checks.vpc_arrays import PERCENTILES, VPC, vpc_of_arrays
from bayes_nlmem.ground.messages import ModelError, explain
from bayes_nlmem.simulation.limits import Limit


def vpc(
    learnt: Any,
    *,
    output: str | None = None,
    x: str = "TIME",
    binning: str = AUTO,
    bins: int | Sequence[float] | None = None,
    stratify: str | Sequence[str] | Mapping[str, Sequence[float]] | None = None,
    correction: str | None = None,
    percentiles: Sequence[float] = PERCENTILES,
    level: float = 0.95,
    quantile_type: int = 7,
    lloq: Limit = "as observed",
    uloq: Limit = "as observed",
    draws: int = 1000,
    seed: int | None = None,
    uncertainty: bool = True,
) -> VPC:
    """Visual predictive check: percentiles of the observations in bins, against those of replicates.

    The study is simulated again and again with new subjects; in every bin the percentiles of the
    observations are compared with the interval that holds the same percentile of `level` of the replicates.

    Parameters
    ----------
    learnt : Fit, another learnt result, or Simulation
        What was learnt, or replicates of a study (`bn.simulate`) that are used as they are.
    output : str, optional
        Output of the structure, the first one by default.
    x : str
        "TIME", "TAD" (time after dose), "PRED", or a column of the data such as a nominal time.
    binning : {"auto", "quantile", "equal", "k-means", "distinct"}
        See `bins`; "auto" is one bin per distinct value where there are few, else exact k-means.
    bins : int or sequence of float, optional
        Number of bins, or their edges.
    stratify : str, sequence of str, or mapping of str to breaks, optional
        Covariates or columns; a number with many values is split at breaks, ``{"WT": [60, 80]}``.
    correction : {"prediction", "variance"}, optional
        Prediction-corrected, or prediction- and variance-corrected VPC, for studies in which doses or
        covariates differ within a bin.
    percentiles : sequence of float
        Between 0 and 100.
    level : float
        Level of the simulated intervals.
    quantile_type : int
        Definition of the quantiles as in R: 7 (R, NumPy, vpc), 5 (Monolix), 6 (PsN).
    lloq, uloq : float, mapping, "as observed" or None
        Limits of quantification: values beyond them, seen or simulated, count as below or above everything.
    draws, seed, uncertainty :
        As in `simulate`: number of replicates, seed, whether each has its own posterior draw.

    Returns
    -------
    VPC

    Raises
    ------
    ModelError
        An unknown word or column; a correction that is not defined.

    References
    ----------
    Bergstrand, Hooker, Wallin & Karlsson 2011, doi:10.1208/s12248-011-9255-z

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> vpc = bn.vpc(fit, draws=100, seed=1, bins=[0, 2, 6, 13, 25])
    >>> vpc.table.query("percentile == 50")[["n", "observed"]].round(2)
         n  observed
    1   50      4.18
    4   34      7.30
    7   36      4.57
    10  12      1.15
    """
    if not isinstance(draws, int | np.integer):
        raise ModelError(explain(expected="draws a whole number", got=repr(draws)))
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
    horizontal, x_label = both.horizontal(x)
    unit = both.unit
    return vpc_of_arrays(
        horizontal,
        seen["DV"],
        both.simulated,
        population=seen["PRED"],
        strata=both.strata(stratify),
        censored=seen["CENS"],
        lloq=seen["LLOQ"],
        uloq=seen["ULOQ"],
        binning=binning,
        bins=bins,
        correction=correction,
        percentiles=percentiles,
        level=level,
        quantile_type=quantile_type,
        x_label=x_label,
        y_label=f"{both.output} [{unit}]" if unit else both.output,
    )
