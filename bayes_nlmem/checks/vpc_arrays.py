"""The visual predictive check as a record, and its computation from arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from bayes_nlmem.checks.binning import AUTO, Bins, make_bins
from bayes_nlmem.checks.correction import CORRECTIONS, corrected
from bayes_nlmem.checks.percentiles import quantiles
from bayes_nlmem.ground.messages import ModelError, explain
from bayes_nlmem.ground.tables import notebook, printed

PERCENTILES = (5.0, 50.0, 95.0)


@dataclass(frozen=True, eq=False, repr=False)
class VPC:
    """A visual predictive check: data for a picture, or for a judgement.

    Parameters
    ----------
    table : DataFrame
        One row per stratum, bin and percentile: `stratum`, `bin`, `x` (median of the bin), `x_min`, `x_max`
        (of the observations in it), `n`, `percentile`, `observed`, and `lower`, `median`, `upper` of the
        simulated percentile. -inf (inf): below (above) the limit of quantification.
    observations : DataFrame
        `x`, `y` (corrected, if asked for), `stratum`, `bin`, `censored` (1 below, -1 above a limit).
    censored : DataFrame
        One row per stratum and bin: share of observations below the lower limit, `observed`, `lower`,
        `median`, `upper`; empty without a limit.
    bins : dict of str to Bins
        Bins of every stratum.
    settings : dict
        Percentiles, level of the bands, type of the quantiles, correction, number of simulations.
    x_label, y_label : str
        Labels of the axes with units.
    lloq, uloq : float or None
        Limits of quantification, if they are the same for all observations.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> vpc = bn.vpc(fit, draws=50, seed=1)
    >>> vpc.table.columns[-5:].tolist()
    ['percentile', 'observed', 'lower', 'median', 'upper']
    """

    table: pd.DataFrame
    observations: pd.DataFrame
    censored: pd.DataFrame
    bins: Mapping[str, Bins]
    settings: Mapping[str, Any]
    x_label: str = "Time"
    y_label: str = "DV"
    lloq: float | None = None
    uloq: float | None = field(default=None)

    @property
    def outside(self) -> pd.DataFrame:
        """Rows of the table whose observed percentile lies outside of its simulated interval."""
        t = self.table
        return t[(t["observed"] < t["lower"]) | (t["observed"] > t["upper"])]

    def _repr_html_(self) -> str:
        return notebook(repr(self), printed(self.table, index=False))

    def __repr__(self) -> str:
        s = self.settings
        correction = f"{s['correction']}-corrected " if s["correction"] else ""
        bins = "; ".join(f"{name}: {bins.how}" if name else bins.how for name, bins in self.bins.items())
        return (
            f"{correction}VPC of {self.y_label} against {self.x_label}: {len(self.observations)} "
            f"observations, {s['simulations']} simulations, {bins}\n"
            f"  percentiles {', '.join(f'{p:g}' for p in s['percentiles'])} (quantiles of R type "
            f"{s['quantile_type']}), {100 * s['level']:g} % intervals\n"
            f"  {len(self.outside)} of {len(self.table)} observed percentiles outside of their interval"
        )


def vpc_of_arrays(
    x: ArrayLike,
    observed: ArrayLike,
    simulated: ArrayLike,
    *,
    population: ArrayLike | None = None,
    strata: ArrayLike | None = None,
    censored: ArrayLike | None = None,
    lloq: ArrayLike | None = None,
    uloq: ArrayLike | None = None,
    binning: str = AUTO,
    bins: int | Sequence[float] | None = None,
    correction: str | None = None,
    percentiles: Sequence[float] = PERCENTILES,
    level: float = 0.95,
    quantile_type: int = 7,
    x_label: str = "Time",
    y_label: str = "DV",
) -> VPC:
    """The visual predictive check of `vpc`, from arrays, such as simulations of another program.

    Parameters
    ----------
    x : array_like, shape (n,)
        Horizontal axis, for example time.
    observed : array_like, shape (n,)
        Observations.
    simulated : array_like, shape (n_simulations, n)
        Their replicates.
    population : array_like, shape (n,), optional
        Population predictions; a correction needs them.
    strata : array_like of str, shape (n,), optional
        Stratum of every observation.
    censored : array_like, shape (n,), optional
        CENS: 1 below, -1 above a limit, 0 quantified.
    lloq, uloq : array_like, scalar or shape (n,), optional
        Limits of quantification; replicates beyond them count as below or above everything.
    binning, bins, correction, percentiles, level, quantile_type :
        As in `vpc`.
    x_label, y_label : str
        Labels of the axes.

    Returns
    -------
    VPC

    Raises
    ------
    ModelError
        Arrays of different lengths, an unknown word, a correction that is not defined.

    Examples
    --------
    >>> import numpy as np
    >>> import bayes_nlmem as bn
    >>> rng = np.random.default_rng(1)
    >>> check = bn.vpc_of_arrays(np.repeat([1, 2], 50), rng.normal(size=100), rng.normal(size=(200, 100)))
    >>> check.table[["bin", "percentile", "n"]].iloc[-1].tolist()
    [1.0, 95.0, 50.0]
    """
    x, y, ys = (np.asarray(values, float) for values in (x, observed, simulated))
    n = len(y)
    groups = np.full(n, "") if strata is None else np.asarray(strata).astype(str)
    flags = np.zeros(n, int) if censored is None else np.asarray(censored, int)
    lower = np.broadcast_to(np.asarray(-np.inf if lloq is None else lloq, float), n)
    upper = np.broadcast_to(np.asarray(np.inf if uloq is None else uloq, float), n)
    _check(x, y, ys, groups, correction, percentiles, level, population)
    below, above = flags == 1, flags == -1
    sim_below, sim_above = ys < lower, ys > upper

    made = {group: make_bins(x[groups == group], binning, bins) for group in sorted(set(groups))}
    place = np.full(n, -1)
    for group, own in made.items():
        place[groups == group] = own.of(x[groups == group])
    if correction:
        cells = [at for _, _, at in _cells(groups, place, made)]
        y, ys = corrected(y, ys, np.asarray(population, float), cells, correction, x)
    y = np.where(below, -np.inf, np.where(above, np.inf, y))
    if sim_below.any() or sim_above.any():
        ys = np.where(sim_below, -np.inf, np.where(sim_above, np.inf, ys))
    limited = bool(np.isfinite(lower).any())
    tail = 100 * (1 - level) / 2

    rows, shares = [], []
    for group, k, at in _cells(groups, place, made):
        cell = {"stratum": group, "bin": k, "x": float(np.median(x[at]))}
        cell |= {"x_min": float(x[at].min()), "x_max": float(x[at].max()), "n": len(at)}
        probabilities = np.asarray(percentiles, float) / 100
        seen = quantiles(y[at], probabilities, quantile_type=quantile_type)
        replicates = quantiles(ys[:, at], probabilities, quantile_type=quantile_type, axis=1)
        band = quantiles(replicates, [tail / 100, 0.5, 1 - tail / 100], quantile_type=quantile_type, axis=1)
        for i, percentile in enumerate(percentiles):
            low, median, high = band[:, i]
            rows.append(
                {
                    **cell,
                    "percentile": float(percentile),
                    "observed": seen[i],
                    "lower": low,
                    "median": median,
                    "upper": high,
                }
            )
        if limited:
            low, median, high = quantiles(
                sim_below[:, at].mean(axis=1), [tail / 100, 0.5, 1 - tail / 100], quantile_type=quantile_type
            )
            share = {"observed": below[at].mean(), "lower": low, "median": median, "upper": high}
            shares.append({**cell, **share})
    columns = ["stratum", "bin", "x", "x_min", "x_max", "n", "observed", "lower", "median", "upper"]
    return VPC(
        table=pd.DataFrame(rows),
        observations=pd.DataFrame({"x": x, "y": y, "stratum": groups, "bin": place, "censored": flags}),
        censored=pd.DataFrame(shares, columns=columns),
        bins=made,
        settings={
            "percentiles": tuple(float(p) for p in percentiles),
            "level": level,
            "quantile_type": quantile_type,
            "correction": correction,
            "simulations": len(ys),
        },
        x_label=x_label,
        y_label=y_label,
        lloq=_common(lower),
        uloq=_common(upper),
    )


def _cells(
    groups: NDArray[Any], place: NDArray[np.int64], made: Mapping[str, Bins]
) -> Iterator[tuple[str, int, NDArray[np.int64]]]:
    """Stratum, bin and positions of the observations in it, of every bin that has any."""
    for group, own in made.items():
        for k in range(len(own)):
            at = np.flatnonzero((groups == group) & (place == k))
            if len(at):
                yield group, k, at


def _common(limits: NDArray[np.float64]) -> float | None:
    finite = np.unique(limits[np.isfinite(limits)])
    return float(finite[0]) if len(finite) == 1 else None


def _check(
    x: NDArray[Any],
    y: NDArray[Any],
    ys: NDArray[Any],
    groups: NDArray[Any],
    correction: str | None,
    percentiles: Sequence[float],
    level: float,
    population: Any,
) -> None:
    n = len(y)
    if x.shape != (n,) or groups.shape != (n,) or ys.ndim != 2 or ys.shape[1] != n:
        raise ModelError(
            explain(
                expected=f"x and strata of shape ({n},) and simulations of shape (n_simulations, {n})",
                got=f"{x.shape}, {groups.shape} and {ys.shape}",
            )
        )
    if not np.isfinite(x).all():
        raise ModelError(
            explain(
                expected="a value on the horizontal axis for every observation",
                got=f"{int((~np.isfinite(x)).sum())} without",
                remedy="Before the first dose there is no time after dose: use x='TIME'.",
            )
        )
    if not np.isfinite(ys).all() or not np.isfinite(y).all():
        raise ModelError(explain(expected="finite observations and replicates", got="NaN or infinity"))
    if correction is not None and correction not in CORRECTIONS:
        raise ModelError(
            explain(expected=f"correction one of {', '.join(CORRECTIONS)}", got=repr(correction))
        )
    if correction is not None and population is None:
        raise ModelError(explain(expected="population predictions for a correction", got="none"))
    if not len(percentiles) or not all(0 < p < 100 for p in percentiles):
        raise ModelError(explain(expected="percentiles between 0 and 100", got=list(percentiles)))
    if not 0 < level < 1:
        raise ModelError(explain(expected="level between 0 and 1", got=repr(level)))
