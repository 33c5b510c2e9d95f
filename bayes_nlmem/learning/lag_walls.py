"""Coordinates for a lag time that a sample bounds.

Before the lag the prediction is 0. A first sample that clearly shows drug is thus a wall for its subject's
lag: beyond its time t the likelihood falls by tens to thousands within a distance of about 1/KA, so that
leapfrog steps that are right elsewhere end in divergences, the more of them the larger KA may be. With

    1 / lag = 1 / t + 1 / x

x is the lag itself far from the wall and moves the wall to infinity: what the sample determines is
KA (t - lag), a straight ridge in log KA and log x. What lies beyond the wall is kept, behind a corridor of w
units of log x: with s(z) = log(1 + exp(z)) and c = log(x / t)

    log(lag / t) = c - s(c) + s(c - w)

maps the real line onto itself, so that it is an exact change of variables. The density falls by about w / 2
towards the middle of the corridor; w is twice the loss of log-likelihood beyond the wall (at most `WIDEST`),
so that the corridor is no more of a hindrance than the wall.

The effect's law is known in log lag, not in log x. So log x is measured by the tangent of log lag at the
subject's mode, log lag = log lag_hat + s (log x - log x_hat) with s = 1 - lag_hat / t: near the mode an
effect so measured has the law of the effect itself, whatever the typical lag and omega are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt

from bayes_nlmem.ground.scales import Log
from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.marginal.laplace_em import LaplaceFit
from bayes_nlmem.structures.parameterisation import INPUT_ALIASES

LOSS = 3.0  # of log-likelihood beyond a wall
WIDEST = 16.0
_NONE = 100.0  # logarithm of the wall where there is none
_NEAREST = 0.02  # 1 - lag / t at the mode is taken to be no smaller
_CANDIDATES = 12  # samples of a subject that are tried, from the first on


def lags(conditional: Conditional) -> tuple[str, ...]:
    """Lag times with a log-normal effect of the subject and one value per subject."""
    model, layout = conditional.translation.model, conditional.translation.layout
    if "eta" not in {rv.name for rv in conditional.effects.variables}:
        return ()
    return tuple(
        name
        for name in model.random_effects
        if INPUT_ALIASES.get(name, name).partition("_")[0] == "ALAG"
        and (parameter := model.parameters.get(name)) is not None
        and parameter.law is None
        and parameter.iov is None
        and isinstance(parameter.scale, Log)
        and (layout.rows_are_subjects or conditional.graph.named_vars_to_dims[name][0] == "subject")
    )


@dataclass(frozen=True, eq=False)
class Walls:
    """Times that the lags of the subjects hardly reach; both of shape (n_subjects, n_lags).

    Parameters
    ----------
    logarithm : ndarray
        Of the time since the first dose.
    corridor : ndarray
        How far the coordinate is stretched there.
    """

    logarithm: np.ndarray
    corridor: np.ndarray


def walls_of(conditional: Conditional, laplace: LaplaceFit, typical: np.ndarray) -> Walls:
    """The walls of all subjects' lags.

    A wall is at the first sample such that, were the lag longer, the samples up to it would be predicted to
    be 0 and the likelihood of these alone would fall by `LOSS`. No other individual parameter can mend this:
    a prediction of 0 does not depend on any.

    Parameters
    ----------
    conditional : Conditional
        The graph's functions.
    laplace : LaplaceFit
        Mode of every subject.
    typical : ndarray, shape (n_subjects, n_lags)
        Logarithms of the typical lags at the fit.
    """
    names = lags(conditional)
    shape = (len(conditional.slots), len(names))
    walls = Walls(np.full(shape, _NONE), np.full(shape, WIDEST))
    if not names:
        return walls
    subject, since = _samples(conditional)
    n = len(subject)
    predictions = _predictions(conditional)
    if (
        len(predictions(laplace.theta, laplace.effects)) != n
    ):  # an endpoint that is not predicted point by point
        return walls
    fitted = conditional.terms(laplace.theta, laplace.effects)[1][:n]
    for k, name in enumerate(names):
        slot = conditional.slots[:, conditional.translation.model.random_effects.index(name)]
        for time in _in_turn(subject, since, shape[0]):
            tried = np.isfinite(time) & (walls.logarithm[:, k] == _NONE)
            if not tried.any():
                break
            wall = np.log(np.where(tried, time, 1.0))
            later = laplace.effects.copy()
            later[slot[tried]] = (wall + 1e-6 - typical[:, k])[tried]
            with np.errstate(all="ignore"):
                loss = fitted - conditional.terms(laplace.theta, later)[1][:n]
            loss = np.where(np.isfinite(loss), loss, np.inf)  # a logarithm of 0
            counts = (since <= time[subject]) & (predictions(laplace.theta, later) == 0)
            lost = np.bincount(subject, np.where(counts, loss, 0.0), minlength=shape[0])
            found = tried & (lost > LOSS) & (laplace.effects[slot] + typical[:, k] < wall)
            walls.logarithm[found, k] = wall[found]
            walls.corridor[found, k] = np.minimum(2 * lost[found], WIDEST)
    return walls


def stretched(
    effects: np.ndarray, precision: np.ndarray, columns: list[int], distance: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """A subject's joint log-density in the stretched coordinates of its lags, to second order.

    Parameters
    ----------
    effects : ndarray, shape (n_subjects, width)
        The modes.
    precision : ndarray, shape (n_subjects, width, width)
        Negative Hessian there.
    columns : list of int
        Those of the lags.
    distance : ndarray, shape (n_subjects, n_lags)
        log(wall / typical lag).

    Returns
    -------
    effects, precision : ndarray
        The same points, a little before the wall at least, and the negative Hessian there.
    pull : ndarray, shape (n_subjects, width)
        Slope of the joint log-density there: that of the log-determinant.
    share : ndarray, shape (n_subjects, n_lags)
        s: slope of log lag in log x.
    """
    moved, pull, share = effects.copy(), np.zeros_like(effects), np.ones_like(distance)
    precision = precision.copy()
    for k, column in enumerate(columns):
        at = np.minimum(effects[:, column] - distance[:, k], np.log1p(-_NEAREST))
        share[:, k] = -np.expm1(at)
        moved[:, column] = at + distance[:, k]
        pull[:, column] = 1.0 - 1.0 / share[:, k]
        precision[:, column, column] += 1.0 / share[:, k] - 1.0
    return moved, precision, pull, share


def bounded(effects: Any, typical: Any, wall: Any, corridor: Any, share: Any, anchor: Any) -> tuple[Any, Any]:
    """Effects of the lags from their stretched coordinates, and the log-determinant of the map.

    Parameters
    ----------
    effects, typical, wall, corridor : TensorVariable, shape (n_subjects, n_lags)
        Stretched effects; logarithms of the typical lags and of the walls; widths of the corridors.
    share, anchor : TensorVariable, shape (n_subjects, n_lags)
        Slope s of the tangent, and log x_hat - log lag_hat / s.
    """
    log_x = anchor + (effects + typical) / share
    past = log_x - wall
    slope = pt.logaddexp(-pt.softplus(past), -pt.softplus(corridor - past)) - pt.log(share)
    return log_x - typical - pt.softplus(past) + pt.softplus(past - corridor), slope.sum()


def _samples(conditional: Conditional) -> tuple[np.ndarray, np.ndarray]:
    """Subject of every observation, output after output, and its time since the subject's first dose."""
    translation = conditional.translation
    table = translation.data.table
    record = np.concatenate([seen.record for seen in translation.observed.values()])
    subject, time = table["SUBJECT"].to_numpy(np.int64), table["TIME"].to_numpy(float)
    dosed = table["EVID"].isin((1, 4)).to_numpy()
    first = np.full(len(conditional.slots), np.inf)
    np.minimum.at(first, subject[dosed], time[dosed])
    return subject[record], time[record] - first[subject[record]]


def _in_turn(subject: np.ndarray, since: np.ndarray, n: int) -> list[np.ndarray]:
    """For every rank the time of each subject's sample of that rank, infinite where there is none."""
    found = np.full((_CANDIDATES, n), np.inf)
    for i in range(n):
        times = np.unique(since[(subject == i) & (since > 0)])[:_CANDIDATES]
        found[: len(times), i] = times
    return list(found)


def _predictions(conditional: Conditional) -> Any:
    """The predictions of all observations, output after output, as a function of (theta, effects)."""
    graph, flat = conditional.graph, conditional.flat
    outputs = graph.replace_rvs_by_values([graph[name] for name in conditional.translation.observed])
    values = [graph.rvs_to_values[rv] for rv in flat.variables]
    function = pytensor.function(values, outputs, mode="FAST_COMPILE", on_unused_input="ignore")

    def at(theta: np.ndarray, effects: np.ndarray) -> np.ndarray:
        point = flat.split(np.concatenate([theta, effects]))
        return np.concatenate(function(*(point[value.name] for value in values)))

    return at
