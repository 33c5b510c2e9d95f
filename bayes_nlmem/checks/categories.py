"""Visual predictive checks of categories and counts: shares seen against shares simulated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from bayes_nlmem.checks.binning import AUTO, Bins, make_bins
from bayes_nlmem.checks.kinds import refuse_times_of_rows
from bayes_nlmem.checks.replicated import replicated
from bayes_nlmem.ground.messages import ModelError, explain
from bayes_nlmem.ground.tables import notebook, printed

_MOST_CATEGORIES = 6


@dataclass(frozen=True, eq=False, repr=False)
class CategoryVPC:
    """A visual predictive check of categories or counts.

    Parameters
    ----------
    table : DataFrame
        One row per stratum, bin and category: `stratum`, `bin`, `x` (median of the bin), `n`, `category`, the
        share of the observations in it, `observed`, and `lower`, `median`, `upper` of the replicates.
    means : DataFrame
        One row per stratum and bin: mean of the observations (of counts the mean count)
        and of the replicates.
    bins : dict of str to Bins
        Bins of every stratum.
    settings : dict
        Level of the bands and number of simulations.
    x_label, y_label : str
        Labels.

    Examples
    --------
    >>> import numpy as np
    >>> import bayes_nlmem as bn
    >>> rng = np.random.default_rng(1)
    >>> check = bn.vpc_categories_of_arrays(
    ...     np.repeat([0, 1], 50), rng.integers(0, 2, 100), rng.integers(0, 2, (99, 100))
    ... )
    >>> check.table.category.unique().tolist()
    ['0', '1']
    """

    table: pd.DataFrame
    means: pd.DataFrame
    bins: Mapping[str, Bins]
    settings: Mapping[str, Any]
    x_label: str = "Time"
    y_label: str = "DV"

    @property
    def outside(self) -> pd.DataFrame:
        """Rows of the table whose observed share lies outside of its simulated interval."""
        t = self.table
        return t[(t["observed"] < t["lower"]) | (t["observed"] > t["upper"])]

    def _repr_html_(self) -> str:
        return notebook(repr(self), printed(self.table, index=False))

    def __repr__(self) -> str:
        names = ", ".join(dict.fromkeys(self.table["category"]))
        return (
            f"VPC of the categories {names} of {self.y_label} against {self.x_label}: "
            f"{self.settings['simulations']} simulations, {100 * self.settings['level']:g} % intervals\n"
            f"  {len(self.outside)} of {len(self.table)} observed shares outside of their interval"
        )


def vpc_categories(
    learnt: Any,
    *,
    output: str | None = None,
    x: str = "TIME",
    binning: str = AUTO,
    bins: int | Sequence[float] | None = None,
    stratify: str | Sequence[str] | Mapping[str, Sequence[float]] | None = None,
    groups: Sequence[float] | None = None,
    level: float = 0.95,
    draws: int = 1000,
    seed: int | None = None,
    uncertainty: bool = True,
) -> CategoryVPC:
    """Visual predictive check of a binary, categorical or count endpoint: shares of the categories in bins.

    Parameters
    ----------
    learnt : Fit, another learnt result, or Simulation
        What was learnt, or replicates of a study (`bn.simulate`).
    output : str, optional
        Output of the structure, the first one by default.
    x, binning, bins, stratify :
        As in `vpc`.
    groups : sequence of float, optional
        Smallest values of groups of counts: [0, 1, 3, 6] is 0, 1-2, 3-5, 6 and more. By default every
        value is a category, and counts with many values are grouped by their quartiles.
    level : float
        Level of the simulated intervals.
    draws, seed, uncertainty :
        As in `simulate`.

    Returns
    -------
    CategoryVPC

    Raises
    ------
    ModelError
        An unknown word or column, groups that leave values out, or events that happened at their rows.

    Examples
    --------
    >>> import pandas as pd
    >>> import bayes_nlmem as bn
    >>> def logit(t, a):
    ...     return a - 0.2 * t
    >>> model = bn.Model(
    ...     structure=bn.Function(logit),
    ...     parameters={"a": bn.Parameter(bn.Normal(1, 1), iiv=0.5, scale=bn.Natural())},
    ...     residuals={"logit": bn.Bernoulli()},
    ... )
    >>> table = pd.DataFrame({"ID": [1, 1, 2, 2, 3, 3], "TIME": [0, 9] * 3, "DV": [1, 0, 1, 1, 0, 0]})
    >>> data = bn.read(table, allow=["E_SUBJECT_NO_DOSE"])
    >>> simulation = bn.simulate(model, data, parameters={"a_pop": 1.0}, draws=50, seed=1)
    >>> bn.vpc_categories(simulation).table.query("category == '1'").observed.round(2).tolist()
    [0.67, 0.33]
    """
    both = replicated(
        learnt,
        admits=refuse_times_of_rows,
        output=output,
        draws=draws,
        seed=seed,
        uncertainty=uncertainty,
        lloq=None,
        uloq=None,
    )
    horizontal, x_label = both.horizontal(x)
    return vpc_categories_of_arrays(
        horizontal,
        both.observations["DV"],
        both.simulated,
        strata=both.strata(stratify),
        binning=binning,
        bins=bins,
        groups=groups,
        level=level,
        x_label=x_label,
        y_label=both.output,
    )


def vpc_categories_of_arrays(
    x: ArrayLike,
    observed: ArrayLike,
    simulated: ArrayLike,
    *,
    strata: ArrayLike | None = None,
    binning: str = AUTO,
    bins: int | Sequence[float] | None = None,
    groups: Sequence[float] | None = None,
    level: float = 0.95,
    x_label: str = "Time",
    y_label: str = "DV",
) -> CategoryVPC:
    """The check of `vpc_categories`, from arrays, such as simulations of another program.

    Parameters
    ----------
    x, observed : array_like, shape (n,)
        Horizontal axis and observations.
    simulated : array_like, shape (n_simulations, n)
        Their replicates.
    strata : array_like of str, shape (n,), optional
        Stratum of every observation.
    binning, bins, groups, level :
        As in `vpc_categories`.
    x_label, y_label : str
        Labels of the axes.

    Returns
    -------
    CategoryVPC

    Raises
    ------
    ModelError
        Arrays of different lengths, an unknown binning, a level outside (0, 1), groups that leave values out.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> check = bn.vpc_categories_of_arrays([0, 0, 0], [0, 2, 5], [[1, 1, 1], [0, 3, 9]], groups=[0, 1, 3])
    >>> check.table[["category", "observed", "median"]].round(2).values.tolist()
    [['0', 0.33, 0.17], ['1-2', 0.33, 0.5], ['>= 3', 0.33, 0.33]]
    """
    x, y, ys = (np.asarray(values, float) for values in (x, observed, simulated))
    if ys.ndim != 2 or ys.shape[1] != len(y) or len(x) != len(y):
        raise ModelError(explain(expected=f"simulations of shape (n, {len(y)})", got=f"{ys.shape}"))
    if not 0 < level < 1:
        raise ModelError(explain(expected="level between 0 and 1", got=repr(level)))
    starts, names = _groups(y, ys, groups)
    place, places = (np.searchsorted(starts, values, side="right") - 1 for values in (y, ys))
    labels = np.full(len(y), "") if strata is None else np.asarray(strata).astype(str)
    tail = (1 - level) / 2
    ends = [tail, 0.5, 1 - tail]
    rows, means, made = [], [], {}
    for stratum in sorted(set(labels)):
        inside = labels == stratum
        made[stratum] = make_bins(x[inside], binning, bins)
        own = np.where(inside, made[stratum].of(x), -1)
        for k in range(len(made[stratum])):
            at = np.flatnonzero(own == k)
            if not len(at):
                continue
            cell = {"stratum": stratum, "bin": k, "x": float(np.median(x[at])), "n": len(at)}
            for category, name in enumerate(names):
                low, median, high = np.quantile((places[:, at] == category).mean(axis=1), ends)
                share = float((place[at] == category).mean())
                band = {"observed": share, "lower": low, "median": median, "upper": high}
                rows.append({**cell, "category": name, **band})
            low, median, high = np.quantile(ys[:, at].mean(axis=1), ends)
            means.append({**cell, "observed": y[at].mean(), "lower": low, "median": median, "upper": high})
    return CategoryVPC(
        pd.DataFrame(rows),
        pd.DataFrame(means),
        made,
        {"level": level, "simulations": len(ys)},
        x_label,
        y_label,
    )


def _groups(y: np.ndarray, ys: np.ndarray, wanted: Sequence[float] | None) -> tuple[np.ndarray, list[str]]:
    """Smallest values and names of the categories."""
    if wanted is not None:
        starts = np.asarray(wanted, float)
        lowest = min(y.min(), ys.min())
        if starts.ndim != 1 or (np.diff(starts) <= 0).any() or not len(starts) or starts[0] > lowest:
            raise ModelError(
                explain(expected=f"ascending groups, the first at or below {lowest:g}", got=list(wanted))
            )
    else:
        starts = np.union1d(y, ys)
        if len(starts) <= _MOST_CATEGORIES:
            return starts, [f"{value:g}" for value in starts]
        inner = np.floor(np.quantile(y, [0.25, 0.5, 0.75])) + 1
        starts = np.unique(np.concatenate([[min(y.min(), ys.min())], inner]))
    names = []
    for low, high in zip(starts[:-1], starts[1:], strict=True):
        names.append(f"{low:g}" if high - low == 1 else f"{low:g}-{high - 1:g}")
    return starts, [*names, f">= {starts[-1]:g}"]
