"""`optimise_design(...)`: the sampling times that teach most."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.data.planned import Arm, Design
from bayes_nlmem.design.beliefs import GAIN, centre_of, situations_of
from bayes_nlmem.design.candidates import candidates, plan
from bayes_nlmem.design.criteria import criterion_of
from bayes_nlmem.design.information import prior_information
from bayes_nlmem.design.interpolation import edges_of
from bayes_nlmem.design.precision import Precision, expected_precision
from bayes_nlmem.design.quantities import reported
from bayes_nlmem.design.sample_groups import groups_of, own_times, span_of, starts_of, with_times
from bayes_nlmem.design.search import Search, Situation, grid_candidates
from bayes_nlmem.ground.messages import FitError, explain
from bayes_nlmem.ground.tables import notebook
from bayes_nlmem.model.specification import Model


@dataclass(frozen=True, eq=False, repr=False)
class Optimum:
    """A design found by `optimise_design`.

    Parameters
    ----------
    design : Design
        The arms with their new sampling times.
    precision : Precision
        What it promises, exactly evaluated.
    before : Precision
        What the design given promised.
    criterion : str
        What was optimised.
    value, value_before : float
        The criterion then and before.
    trace : DataFrame
        One row per start: the criterion after exchange and after polishing.
    seconds : float
        Time taken, compilation included.
    value_error : float
        Monte Carlo error of the value where it is averaged over draws, else NaN.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> model = bn.Model(
    ...     structure=bn.OneCompartment(),
    ...     parameters={"CL": bn.Parameter(bn.about(1.0), iiv=0.3), "V": bn.Parameter(bn.about(10.0))},
    ...     residuals={"cp": bn.Proportional(0.1)},
    ... )
    >>> arm = bn.Arm(20, bn.Regimen(100), times=[4, 8])
    >>> best = bn.optimise_design(
    ...     model, arm, {"CL_pop": 1.0, "V_pop": 10.0}, windows=(0.5, 24), restarts=1, seed=1
    ... )
    >>> best.value > best.value_before
    True
    """

    design: Design
    precision: Precision
    before: Precision
    criterion: str
    value: float
    value_before: float
    trace: pd.DataFrame
    seconds: float
    value_error: float = np.nan

    @property
    def efficiency(self) -> float:
        """D-efficiency over the design given: how many times its subjects this design replaces."""
        return self.precision.efficiency(self.before)

    def _head(self) -> str:
        error = f" (Monte Carlo error {self.value_error:.2g})" if np.isfinite(self.value_error) else ""
        lines = [f"Optimal design ({self.criterion}): {self.value:.6g}{error}, was {self.value_before:.6g}"]
        for k, arm in enumerate(self.design.arms):
            assert isinstance(arm.times, Mapping)
            for endpoint, times in arm.times.items():
                what = "" if endpoint == "*" else f" {endpoint}"
                said = ", ".join(f"{t:.4g}" for t in sorted(times))
                lines.append(f"  {arm.name or f'arm {k + 1}'}{what} ({arm.subjects} subjects): {said}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"{self._head()}\n\n{self.precision!r}"

    def _repr_html_(self) -> str:
        return notebook(self._head()) + self.precision._repr_html_()


def optimise_design(
    model: Model,
    design: Design | Arm,
    at: Any,
    *,
    criterion: str = "D",
    about: str | Sequence[str] | None = None,
    windows: Any = None,
    allowed: Sequence[float] | Mapping[str, Sequence[float]] | None = None,
    samples: int | None = None,
    fixed: Sequence[float] = (),
    spacing: float = 0.0,
    shared: bool = False,
    block_diagonal: bool = True,
    variances: bool = False,
    priors: bool = False,
    draws: int | None = None,
    restarts: int = 5,
    seed: int | None = None,
    progress: bool = False,
) -> Optimum:
    r"""Find the sampling times that teach most about a model.

    The model is linearised once at a fine grid of times; every choice is then algebra. From several starts
    samples are exchanged one by one against the whole grid (Fedorov 1972), then all times move together
    through splines between the grid's times (gradient search), and the winner is evaluated exactly.

    The expected information gain is the mean Kullback-Leibler distance from prior to posterior. With a
    normal posterior on the unconstrained scale, whose precision is that of the prior plus the information,

    .. math:: G = E_\theta\, \tfrac12 [\log\det(P_0 + M(\theta)) - \log\det P_0]

    averaged over draws of the prior (or of the fit that the study follows), P_0 their inverse covariance.

    Parameters
    ----------
    model, design, at, block_diagonal, variances, priors :
        As in `expected_precision`; the design's own times are the first start. For "EIG" `at` is a fit, or
        "priors": the model's own.
    criterion : {"D", "Ds", "A", "c", "EIG"}
        D: the volume of all parameters' confidence region. Ds: of those in `about`. A: the sum of squared
        relative standard errors. c: the largest relative standard error in `about`. EIG: the expected
        information gain about all parameters in nats, see below.
    about : str or sequence of str
        Parameters of interest, by their row in the table of `expected_precision`.
    windows : (low, high), sequence of such pairs, or mapping of endpoint to them
        When samples may be taken; by default from the first to the last time of the design.
    allowed : sequence of float, or mapping of endpoint to it
        The only times that may be chosen (clock hours, visits); then there is no continuous polish.
    samples : int, optional
        Number of samples per arm and endpoint, if not that of the design.
    fixed : sequence of float
        Times that are kept in every arm and endpoint; they count among the samples.
    spacing : float
        Least time between two samples of an endpoint.
    shared : bool
        All arms are sampled at the same times.
    draws : int, optional
        If `at` is a fit: average the criterion over so many of its draws (ED-optimal, robust); by default
        take the posterior mean, for "EIG" 20 draws.
    restarts : int
        Random starts beside the design's own.
    seed : int, optional
        For the random starts and draws.
    progress : bool
        Say what is being done.

    Returns
    -------
    Optimum

    Raises
    ------
    FitError
        Windows that are empty or hold too few samples, parameters that do not exist, options that would
        have no effect.

    References
    ----------
    Nyberg et al. 2015, doi:10.1111/bcp.12352
    Ryan, Drovandi, McGree & Pettitt 2016, doi:10.1111/insr.12107

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> model = bn.Model(
    ...     structure=bn.OneCompartment(),
    ...     parameters={
    ...         "CL": bn.Parameter(bn.about(1.0), iiv=0.3),
    ...         "V": bn.Parameter(bn.about(10.0), iiv=0.2),
    ...     },
    ...     residuals={"cp": bn.Proportional(0.1)},
    ... )
    >>> arm = bn.Arm(20, bn.Regimen(100), times=[4, 8])
    >>> best = bn.optimise_design(
    ...     model, arm, {"CL_pop": 1.0, "V_pop": 10.0}, windows=(0.5, 24), restarts=1, seed=1
    ... )
    >>> best.efficiency > 1.1
    True
    """
    began = time.perf_counter()
    design = Design((design,)) if isinstance(design, Arm) else design
    groups, dense = groups_of(model, design, windows, allowed, samples, tuple(fixed), spacing, shared)
    planned = plan(model, dense, seed=seed)
    conditional = planned.conditional
    gain = criterion == GAIN
    if gain and priors:
        raise FitError(
            explain(expected=f"priors=False with {GAIN}, which has a prior in any case", got="True")
        )
    points, known = situations_of(conditional, at, criterion=criterion, draws=draws, seed=seed)
    situations = []
    for theta in points:
        shown = reported(conditional, theta, variances=variances)
        arms: list[list] = [[] for _ in design.arms]
        for one, arm in zip(candidates(planned, theta), planned.arm, strict=True):
            low, high = span_of(dense.arms[arm])
            arms[arm].append(grid_candidates(one, edges_of(dense.arms[arm], low, high)))
        added = prior_information(conditional, theta) if priors else np.zeros((len(theta), len(theta)))
        before = 0.0
        if known is not None:
            added, before = known, float(np.linalg.slogdet(known)[1])
        situations.append(Situation(arms, criterion_of(criterion, about, shown, before), added))
    search = Search(situations, groups, block_diagonal)
    best, trace = _best_of(search, starts_of(groups, design, restarts, seed), progress)
    if isinstance(at, str):
        at = centre_of(conditional, points)
    found = with_times(design, groups, best)
    options: dict[str, Any] = {
        "block_diagonal": block_diagonal,
        "variances": variances,
        "priors": priors,
        "seed": seed,
    }
    after = expected_precision(model, found, at, **options)
    former = expected_precision(model, design, at, **options)
    judge = situations[0].criterion
    rows = pd.DataFrame(trace, columns=["exchange", "polish"]).rename_axis("start")
    value, value_before, error = _judged(judge, after), _judged(judge, former), np.nan
    if gain:
        each = search.values(best)
        value, error = float(each.mean()), float(each.std(ddof=1) / len(each) ** 0.5)
        value_before = search.value(own_times(groups, design))
    seconds = time.perf_counter() - began
    return Optimum(found, after, former, criterion, value, value_before, rows, seconds, error)


def _judged(judge: Any, precision: Precision) -> float:
    information = precision.information.to_numpy()
    forward = judge.shown.slopes
    return float(judge(forward.T @ information @ forward))


def _best_of(
    search: Search, starts: list[list[np.ndarray]], progress: bool
) -> tuple[list[np.ndarray], list[tuple[float, float]]]:
    best, best_value, trace = starts[0], -np.inf, []
    for number, start in enumerate(starts):
        exchanged, value = search.exchange(start)
        polished, final = search.polish(exchanged)
        trace.append((value, final))
        if final > best_value:
            best, best_value = polished, final
        if progress:
            print(f"start {number + 1} of {len(starts)}: {final:.6g}, best {best_value:.6g}", flush=True)
    if not np.isfinite(best_value):
        raise FitError(
            explain(
                expected="samples from which all parameters can be learnt",
                got="no choice within the windows that does",
                remedy="See expected_precision(...).unlearnt; widen the windows, or set priors=True.",
            )
        )
    return best, trace


# --- from the call to groups of samples ---------------------------------------------------------------
