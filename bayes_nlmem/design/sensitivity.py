"""Information against time: what one more sample adds to a planned study, arm by arm or in all arms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.data.planned import Arm, Design
from bayes_nlmem.design.candidates import Candidates, Planned, candidates, plan
from bayes_nlmem.design.quantities import Reported, reported
from bayes_nlmem.ground.messages import FitError, explain
from bayes_nlmem.marginal.point import point_of
from bayes_nlmem.model.specification import Model


def gain_of_one_more(
    model: Model,
    design: Design,
    at: Any,
    times: np.ndarray,
    *,
    about: str | None,
    output: str | None,
    seed: int | None = None,
) -> tuple[pd.DataFrame, float]:
    """Standard error of a parameter and gain of information if every subject gives one more sample.

    Parameters
    ----------
    model, design, at
        As in `expected_precision`.
    times : ndarray
        Candidate times.
    about : str or None
        Row of the table of `expected_precision`.
    output : str or None
        What is measured, by default the first output.
    seed : int, optional
        For covariates that are drawn.

    Returns
    -------
    table : DataFrame
        TIME, SD, SD_ERROR, GAIN (half the increase of log det), GAIN_ERROR.
    before : float
        The standard error now, infinite if it cannot be learnt yet.

    Raises
    ------
    FitError
        `about` is no estimated parameter; the valid names are given.
    """
    shown, now, each, _ = _informations(model, design, at, times, output, seed)
    position = None
    if about is not None:
        if about not in shown.names:
            raise FitError(explain(expected=f"about= among {', '.join(shown.names)}", got=repr(about)))
        position = shown.names.index(about)
    after = now + sum(each)
    log_det, before = _log_det(now), _standard_errors(shown, now[None], position)[0]
    table = pd.DataFrame({"TIME": times, "SD": _standard_errors(shown, after, position), "SD_ERROR": np.nan})
    with np.errstate(invalid="ignore"):
        table["GAIN"] = 0.5 * (_log_det(after) - log_det)
    return table.assign(GAIN_ERROR=np.nan), float(before)


def information_over_time(
    model: Model,
    design: Design | Arm,
    at: Any,
    times: Sequence[float],
    *,
    output: str | None = None,
    seed: int | None = None,
) -> pd.DataFrame:
    """What one more sample of all subjects of one arm adds, against its time.

    Parameters
    ----------
    model, design, at
        As in `expected_precision`.
    times : sequence of float
        Candidate times.
    output : str, optional
        What is measured, by default the first output.
    seed : int, optional
        For covariates that are drawn.

    Returns
    -------
    DataFrame
        ARM, TIME, GAIN (half the increase of log det, in nats), and for every parameter the standard error
        in percent of the design's own.

    Raises
    ------
    FitError
        The design cannot teach all parameters: a gain over nothing is infinite.
    """
    design = Design((design,)) if isinstance(design, Arm) else design
    grid = np.unique(np.asarray(times, float))
    shown, now, each, arms = _informations(model, design, at, grid, output, seed)
    before = _log_det(now)
    if not np.isfinite(before):
        raise FitError(
            explain(
                expected="a design from which all parameters can be learnt",
                got="a singular information",
                remedy="See bn.expected_precision(...).unlearnt.",
            )
        )
    own = np.sqrt(np.diag(np.linalg.inv(shown.information(now))))
    parts = []
    for k, arm in enumerate(design.arms):
        after = now + sum(added for added, of in zip(each, arms, strict=True) if of == k)
        se = np.sqrt(np.diagonal(np.linalg.inv(_turned(shown, after)), axis1=1, axis2=2))
        part = pd.DataFrame(100 * se / own, columns=list(shown.names))
        part.insert(0, "GAIN", 0.5 * (_log_det(after) - before))
        part.insert(0, "TIME", grid)
        part.insert(0, "ARM", arm.name or f"arm {k + 1}")
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _informations(
    model: Model, design: Design, at: Any, times: np.ndarray, output: str | None, seed: int | None
) -> tuple[Reported, np.ndarray, list[np.ndarray], np.ndarray]:
    """Information now, and what each subject of the graph adds at each time, shape (n_times, p, p)."""
    name = output if output is not None else next(iter(model.residuals))
    if name not in model.residuals:
        raise FitError(explain(expected=f"an output among {', '.join(model.residuals)}", got=repr(output)))
    arms = []
    for arm in design.arms:
        assert isinstance(arm.times, Mapping)
        endpoint = _endpoint(model, name, arm)
        longer = tuple(sorted({*arm.times.get(endpoint, ()), *times}))
        arms.append(replace(arm, times={**arm.times, endpoint: longer}))
    planned = plan(model, replace(design, arms=tuple(arms)), seed=seed)
    theta = point_of(planned.conditional, at)
    found = candidates(planned, theta)
    own = [_own(one, design.arms[arm], model) for one, arm in zip(found, planned.arm, strict=True)]
    each, now = [], np.zeros((len(theta), len(theta)))
    for one, chosen in zip(found, own, strict=True):
        base = one.subjects * one.information(chosen, block_diagonal=True)
        extra = [_position(one, name, time) for time in times]
        rows = np.array([[*chosen, k] for k in extra])
        each.append(one.subjects * one.information(rows, block_diagonal=True) - base)
        now = now + base
    return _shown(planned, theta), now, each, planned.arm


def _shown(planned: Planned, theta: np.ndarray) -> Reported:
    return reported(planned.conditional, theta, variances=False)


def _endpoint(model: Model, output: str, arm: Arm) -> str:
    assert isinstance(arm.times, Mapping)
    if "*" in arm.times:
        if len(model.residuals) > 1:
            raise FitError(
                explain(expected="sampling times by endpoint, since the model has several", got="one list")
            )
        return "*"
    label = str(model.endpoints.get(output, output))
    return label if label in arm.times or output not in arm.times else output


def _own(one: Candidates, arm: Arm, model: Model) -> np.ndarray:
    """Positions of the arm's own samples among the candidates."""
    assert isinstance(arm.times, Mapping)
    labels = {str(label): output for output, label in model.endpoints.items()}
    found = []
    for endpoint, own in arm.times.items():
        output = next(iter(model.residuals)) if endpoint == "*" else labels.get(endpoint, endpoint)
        found += [_position(one, output, time) for time in own]
    return np.array(found, dtype=np.int64)


def _position(one: Candidates, output: str, time: float) -> int:
    return int(np.flatnonzero((one.output == output) & np.isclose(one.time, time, rtol=1e-12, atol=1e-12))[0])


def _turned(shown: Reported, information: np.ndarray) -> np.ndarray:
    back = np.linalg.inv(shown.slopes)
    return back.T @ information @ back


def _log_det(information: np.ndarray) -> Any:
    sign, log_det = np.linalg.slogdet(information)
    return np.where(sign > 0, log_det, -np.inf)


def _standard_errors(shown: Reported, information: np.ndarray, position: int | None) -> np.ndarray:
    """Of one parameter, shape (n,); infinite where the information is singular, NaN if none was asked for."""
    found = np.full(len(information), np.nan)
    if position is None:
        return found
    for k, one in enumerate(information):
        scale = 1 / np.sqrt(np.maximum(np.diag(one), 1e-300))
        relative = one * np.outer(scale, scale)
        singular = np.linalg.eigvalsh(relative).min() <= 1e-12
        back = shown.slopes @ np.linalg.pinv(one) @ shown.slopes.T
        found[k] = np.inf if singular else np.sqrt(back[position, position])
    return found
