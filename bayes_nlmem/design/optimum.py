"""`optimise_design(...)`: the sampling times that teach most."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.data.planned import Arm, Design
from bayes_nlmem.design.beliefs import GAIN, centre_of, situations_of
from bayes_nlmem.design.candidates import candidates, plan
from bayes_nlmem.design.criteria import criterion_of
from bayes_nlmem.design.interpolation import edges_of, grid_of
from bayes_nlmem.design.precision import Precision, expected_precision, prior_information
from bayes_nlmem.design.quantities import reported
from bayes_nlmem.design.search import Group, Search, Situation, grid_candidates
from bayes_nlmem.ground.messages import FitError, explain
from bayes_nlmem.ground.tables import notebook
from bayes_nlmem.model.specification import Model

_GRID = 240
_COARSE = 60


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
    groups, dense = _groups(model, design, windows, allowed, samples, tuple(fixed), spacing, shared)
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
            low, high = _span(dense.arms[arm])
            arms[arm].append(grid_candidates(one, edges_of(dense.arms[arm], low, high)))
        added = prior_information(conditional, theta) if priors else np.zeros((len(theta), len(theta)))
        before = 0.0
        if known is not None:
            added, before = known, float(np.linalg.slogdet(known)[1])
        situations.append(Situation(arms, criterion_of(criterion, about, shown, before), added))
    search = Search(situations, groups, block_diagonal)
    best, trace = _best_of(search, _starts(groups, design, restarts, seed), progress)
    if isinstance(at, str):
        at = centre_of(conditional, points)
    found = _with_times(design, groups, best)
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
        value_before = search.value(_own_times(groups, design))
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


def _groups(
    model: Model,
    design: Design,
    windows: Any,
    allowed: Any,
    samples: int | None,
    fixed: tuple[float, ...],
    spacing: float,
    shared: bool,
) -> tuple[list[Group], Design]:
    """The groups, and the design with a fine grid of times in every arm."""
    if windows is not None and allowed is not None:
        raise FitError(explain(expected="either windows= or allowed=", got="both"))
    if shared and len(design.arms) == 1:
        raise FitError(
            explain(expected="several arms for shared=True", got="one", remedy="Leave shared out.")
        )
    if spacing < 0:
        raise FitError(explain(expected="spacing >= 0", got=f"{spacing:g}"))
    groups, dense = [], []
    for k, arm in enumerate(design.arms):
        grids: dict[str, Any] = {}
        for endpoint, times in _times(arm).items():
            own = _windows(windows, endpoint, arm)
            listed = None if allowed is None else _listed(allowed, endpoint)
            low, high = (min(listed), max(listed)) if listed else (own[0][0], own[-1][1])
            grid = np.unique(np.concatenate([grid_of(arm, low, high, _GRID), listed or [], fixed]))
            coarse = grid[:: max(len(grid) // _COARSE, 1)] if listed is None else np.asarray(listed, float)
            inside = [t for t in coarse if any(a <= t <= b for a, b in own)] if listed is None else coarse
            edges = [t for pair in own for t in pair] if listed is None else []
            free = (samples if samples is not None else len(times)) - len(fixed)
            group = Group(
                arms=tuple(range(len(design.arms))) if shared else (k,),
                endpoint=endpoint,
                output=_output(model, endpoint),
                allowed=np.unique(np.concatenate([inside, edges])),
                fixed=fixed,
                free=free,
                windows=own if listed is None else ((low, high),),
                spacing=spacing,
                discrete=listed is not None,
            )
            _check_group(group)
            grids[endpoint] = np.unique(np.concatenate([grid, edges]))
            if not shared or k == 0:
                groups.append(group)
        dense.append(arm.at(grids if "*" not in grids else grids["*"]))
    return groups, replace(design, arms=tuple(dense))


def _output(model: Model, endpoint: str) -> str:
    if endpoint == "*":
        return next(iter(model.residuals))
    labels = {str(label): output for output, label in model.endpoints.items()}
    return labels.get(endpoint, endpoint)


def _check_group(group: Group) -> None:
    where = "" if group.endpoint == "*" else f" of {group.endpoint!r}"
    if group.free < 1:
        raise FitError(
            explain(
                expected=f"at least one free sample{where}",
                got=f"{group.free + len(group.fixed)} samples, {len(group.fixed)} of them fixed",
            )
        )
    room = sum(
        1 + int((high - low) / group.spacing + 1e-9) if group.spacing else 10**6
        for low, high in group.windows
    )
    if group.discrete and group.spacing:
        room = min(room, len(group.allowed))
    if room < group.free + len(group.fixed):
        raise FitError(
            explain(
                expected=f"windows{where} with room for {group.free + len(group.fixed)} samples "
                f"{group.spacing:g} apart",
                got=f"room for {room}",
                remedy="Ask for fewer samples, less spacing or wider windows.",
            )
        )


def _times(arm: Arm) -> Mapping[str, Sequence[float]]:
    assert isinstance(arm.times, Mapping)
    return arm.times


def _windows(windows: Any, endpoint: str, arm: Arm) -> tuple[tuple[float, float], ...]:
    if windows is None:
        times = _times(arm)[endpoint]
        windows = (min(times), max(times))
    if isinstance(windows, Mapping):
        if endpoint not in windows:
            raise FitError(
                explain(expected=f"windows for {endpoint!r}", got=f"windows for {', '.join(windows)}")
            )
        windows = windows[endpoint]
    pairs = [windows] if np.ndim(windows) == 1 and len(windows) else list(windows)
    found = tuple(sorted((float(low), float(high)) for low, high in pairs))
    if not found or any(not low < high for low, high in found):
        raise FitError(
            explain(
                expected="windows (low, high) with low < high",
                got=repr(windows),
                remedy="windows=(0, 24), or windows=[(0, 4), (8, 24)].",
            )
        )
    return found


def _listed(allowed: Any, endpoint: str) -> list[float]:
    found = allowed[endpoint] if isinstance(allowed, Mapping) else allowed
    if not len(found):
        raise FitError(explain(expected="times in allowed=", got="none"))
    return sorted(float(t) for t in found)


def _span(arm: Arm) -> tuple[float, float]:
    every = [t for times in _times(arm).values() for t in times]
    return min(every), max(every)


def _own_times(groups: list[Group], design: Design) -> list[np.ndarray]:
    """The free times of the design that was given."""
    own = [np.asarray(_times(design.arms[group.arms[0]])[group.endpoint], float) for group in groups]
    return [np.setdiff1d(times, group.fixed) for times, group in zip(own, groups, strict=True)]


def _starts(groups: list[Group], design: Design, restarts: int, seed: int | None) -> list[list[np.ndarray]]:
    rng = np.random.default_rng(seed)
    own = []
    for group in groups:
        wanted = np.asarray(_times(design.arms[group.arms[0]])[group.endpoint], float)
        wanted = np.resize(np.setdiff1d(wanted, group.fixed), group.free)
        own.append(group.allowed[np.abs(group.allowed[:, None] - wanted[None, :]).argmin(axis=0)])
    starts = [own] if not any(group.spacing for group in groups) else []
    while len(starts) < restarts + 1:
        starts.append([_spread(group, rng) for group in groups])
    return starts


def _spread(group: Group, rng: np.random.Generator) -> np.ndarray:
    """A random choice that keeps the spacing."""
    if not group.spacing:
        return rng.choice(group.allowed, size=group.free)
    for _ in range(200):
        chosen = list(group.fixed)
        for t in rng.permutation(group.allowed):
            if all(abs(t - other) >= group.spacing - 1e-12 for other in chosen):
                chosen.append(float(t))
            if len(chosen) == len(group.fixed) + group.free:
                return np.array(chosen[len(group.fixed) :])
    raise FitError(
        explain(
            expected=f"times {group.spacing:g} apart for {group.free} samples",
            got=f"{len(group.allowed)} allowed times that do not have them",
            remedy="Ask for fewer samples, or less spacing.",
        )
    )


def _with_times(design: Design, groups: list[Group], times: list[np.ndarray]) -> Design:
    arms = []
    for k, arm in enumerate(design.arms):
        own = {
            group.endpoint: tuple(sorted([*group.fixed, *map(float, chosen)]))
            for group, chosen in zip(groups, times, strict=True)
            if k in group.arms
        }
        arms.append(arm.at(own["*"] if "*" in own else own))
    return replace(design, arms=tuple(arms))
