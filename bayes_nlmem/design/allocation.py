"""`allocate_subjects(...)`: how many subjects each arm should get, by multiplicative weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.data.planned import Design
from bayes_nlmem.design.arms import covariates_for
from bayes_nlmem.design.candidates import candidates, plan
from bayes_nlmem.design.criteria import Criterion, criterion_of
from bayes_nlmem.design.precision import Precision, expected_precision
from bayes_nlmem.design.quantities import reported
from bayes_nlmem.ground.messages import FitError, explain
from bayes_nlmem.ground.tables import notebook, printed
from bayes_nlmem.marginal.point import point_of
from bayes_nlmem.model.specification import Model

CRITERIA = ("D", "c")
_ITERATIONS = 5000
_NEAR = 1e-4


@dataclass(frozen=True, eq=False, repr=False)
class Allocation:
    """Subjects per arm, found by `allocate_subjects`.

    Parameters
    ----------
    table : DataFrame
        One row per arm: WEIGHT (share of the budget in the continuous optimum), SUBJECTS (whole numbers),
        BEFORE, COST per subject, SENSITIVITY (at most 1 everywhere is the proof of the optimum).
    design : Design
        The arms that keep subjects, with their new numbers.
    precision : Precision
        What that design promises.
    efficiency_bound : float
        The continuous weights are at least so efficient, relative to the best ones.
    efficiency : float
        D-efficiency over the design given.

    Examples
    --------
    >>> found = Allocation(pd.DataFrame(), None, None, efficiency_bound=0.9999, efficiency=1.2)
    >>> found.efficiency
    1.2
    """

    table: pd.DataFrame
    design: Design
    precision: Precision
    efficiency_bound: float
    efficiency: float

    def _head(self) -> str:
        return f"Allocation of subjects, {self.efficiency:.3f} times the design given (D-efficiency)"

    def __repr__(self) -> str:
        return f"{self._head()}\n{printed(self.table).text()}\n\n{self.precision!r}"

    def _repr_html_(self) -> str:
        return notebook(self._head(), self.table) + self.precision._repr_html_()


def allocate_subjects(
    model: Model,
    design: Design,
    at: Any,
    *,
    cost: Mapping[str, float] | Sequence[float] | None = None,
    budget: float | None = None,
    criterion: str = "D",
    about: str | None = None,
    seed: int | None = None,
) -> Allocation:
    r"""Distribute subjects over the arms of a design so that most is learnt for the money.

    Weights :math:`w_k` (shares of the budget) are multiplied by the sensitivity of the criterion until they
    settle,

    .. math:: w_k \leftarrow w_k \frac{tr(M^{-1} M_k / c_k)}{p}, \quad M = \sum_k w_k M_k / c_k

    (D; for c the root of the share of the variance of `about`), then made whole numbers within the budget.

    Parameters
    ----------
    model, at, seed :
        As in `expected_precision`.
    design : Design
        Several arms; their numbers of subjects are where it starts.
    cost : mapping of arm's name to float, or one per arm, optional
        Cost of a subject; by default 1.
    budget : float, optional
        By default what the design given costs.
    criterion : {"D", "c"}
        The volume of all parameters' confidence region, or the standard error of `about`.
    about : str, optional
        For "c": a row of the table of `expected_precision`.

    Returns
    -------
    Allocation

    Raises
    ------
    FitError
        One arm only, costs that are not positive, a budget for less than one subject per useful arm, arms
        that together cannot teach all parameters.

    References
    ----------
    Yu 2010, doi:10.1214/09-AOS761

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> model = bn.Model(
    ...     structure=bn.OneCompartment(),
    ...     parameters={"CL": bn.Parameter(bn.about(1.0), iiv=0.3), "V": bn.Parameter(bn.about(10), iiv=0.2)},
    ...     residuals={"cp": bn.Proportional(0.1)},
    ... )
    >>> arms = [bn.Arm(10, bn.Regimen(100), times=times, name=str(times)) for times in ([1], [10], [1, 12])]
    >>> found = bn.allocate_subjects(model, bn.Design(arms), {"CL_pop": 1.0, "V_pop": 10.0})
    >>> found.table["SUBJECTS"].tolist()
    [0, 0, 30]
    """
    if len(design.arms) < 2:
        raise FitError(explain(expected="a design with several arms", got="one"))
    if criterion not in CRITERIA:
        raise FitError(explain(expected=f"criterion one of {', '.join(CRITERIA)}", got=repr(criterion)))
    names = [arm.name or f"arm {k + 1}" for k, arm in enumerate(design.arms)]
    costs = _costs(cost, names)
    before = np.array([arm.subjects for arm in design.arms])
    money = float(budget) if budget is not None else float(before @ costs)
    if not money >= costs.min():
        raise FitError(
            explain(expected=f"a budget for a subject (at least {costs.min():g})", got=f"{money:g}")
        )
    planned = plan(model, design, seed=seed)
    theta = point_of(planned.conditional, at)
    each = np.zeros((len(names), len(theta), len(theta)))
    for one, arm in zip(candidates(planned, theta), planned.arm, strict=True):
        own = one.information(np.arange(len(one.time)), block_diagonal=True)
        each[arm] += one.subjects * own / before[arm]
    judge = criterion_of(criterion, about, reported(planned.conditional, theta, variances=False))
    per_cost = each / costs[:, None, None]
    weights, sensitivity = _weights(per_cost, judge)
    subjects = _whole(weights, each, costs, money, judge)
    kept = [
        replace(arm, subjects=int(n), covariates=covariates_for(arm, int(n)))
        for arm, n in zip(design.arms, subjects, strict=True)
        if n
    ]
    found = replace(design, arms=tuple(kept))
    promised = expected_precision(model, found, at, seed=seed)
    table = pd.DataFrame(
        {
            "WEIGHT": weights,
            "SUBJECTS": subjects,
            "BEFORE": before,
            "COST": costs,
            "SENSITIVITY": sensitivity,
        },
        index=pd.Index(names, name="arm"),
    )
    given = expected_precision(model, design, at, seed=seed)
    return Allocation(table, found, promised, 1 / sensitivity.max(), promised.efficiency(given))


def _costs(cost: Any, names: list[str]) -> np.ndarray:
    if cost is None:
        return np.ones(len(names))
    if isinstance(cost, Mapping):
        missing = [name for name in names if name not in cost]
        if missing or len(cost) != len(names):
            raise FitError(explain(expected=f"a cost for {', '.join(names)}", got=", ".join(map(str, cost))))
        cost = [cost[name] for name in names]
    found = np.asarray(cost, float)
    if found.shape != (len(names),) or not (found > 0).all():
        raise FitError(explain(expected=f"{len(names)} costs above 0", got=repr(cost)))
    return found


def _weights(each: np.ndarray, judge: Criterion) -> tuple[np.ndarray, np.ndarray]:
    weights = np.full(len(each), 1 / len(each))
    sensitivity = _sensitivity(weights, each, judge)
    power = 1.0 if judge.name == "D" else 0.5
    for _ in range(_ITERATIONS):
        if sensitivity.max() < 1 + _NEAR:
            break
        weights = weights * sensitivity**power
        weights /= weights.sum()
        sensitivity = _sensitivity(weights, each, judge)
    weights = np.where(weights < 1e-6, 0.0, weights)
    return weights / weights.sum(), sensitivity


def _sensitivity(weights: np.ndarray, each: np.ndarray, judge: Criterion) -> np.ndarray:
    """Derivative of the criterion in each weight, 1 where a weight is at its best."""
    total = np.einsum("k,kij->ij", weights, each)
    scale = 1 / np.sqrt(np.maximum(np.diag(total), 1e-300))
    if np.linalg.eigvalsh(total * np.outer(scale, scale)).min() < 1e-12:
        raise FitError(
            explain(
                expected="arms that together teach all parameters",
                got="a singular information",
                remedy="See bn.expected_precision(...).unlearnt.",
            )
        )
    inverse = np.linalg.inv(total)
    if judge.name == "D":
        return np.einsum("ij,kji->k", inverse, each) / len(total)
    direction = judge.shown.slopes[judge.about][0]
    towards = inverse @ direction
    return np.einsum("i,kij,j->k", towards, each, towards) / (direction @ towards)


def _whole(
    weights: np.ndarray, each: np.ndarray, costs: np.ndarray, money: float, judge: Criterion
) -> np.ndarray:
    """Whole subjects within the budget: the rounded-down ones, then one by one where the criterion says."""
    subjects = np.floor(weights * money / costs + 1e-9).astype(int)
    useful = weights > 0
    while True:
        left = money - subjects @ costs
        able = useful & (costs <= left + 1e-9)
        if not able.any():
            return subjects
        total = np.einsum("k,kij->ij", subjects, each)
        gains = np.full(len(each), -np.inf)
        for k in np.flatnonzero(able):
            value = float(judge(total + each[k]))
            gains[k] = value if np.isfinite(value) else -1e300 + weights[k]
        subjects[int(np.argmax(gains))] += 1
