"""Coordinates of the population parameters, learnt from a first part of the warm-up.

Two things make a population slow to sample: parameters that are known only together (the two parts of a
residual error), and standard deviations that the data cannot tell from zero, whose logarithm has a long tail.
The first is undone by the covariance of the draws, the second by a bend, see `bent_map`. Both are exact
changes of variables held as data, so that nothing is compiled again when they are learnt.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
from pymc.distributions.transforms import LogTransform
from scipy.special import log_ndtr, ndtr

from bayes_nlmem.learning.bent_map import FAR, HALF_LOG_2PI, bent_map
from bayes_nlmem.translation.change import Change
from bayes_nlmem.translation.flat import Flat

_EFFECTS = ("eta", "eta_by_class", "kappa")
# Knees that are tried, as logarithms of their ratio to the median; the gain in log-density per draw that a
# bend must bring; draws that count as one.
_KNEES = np.array([-1.25, -0.75, -0.25, 0.25])
_GAIN = 0.02
_CORRELATED = 10.0


@dataclass(frozen=True, eq=False)
class Coordinates:
    """theta as a function of w, see `bent_map`.

    Parameters
    ----------
    centre : ndarray, shape (n,)
        v at w = 0.
    factor : ndarray, shape (n, n)
        L, lower triangular.
    knee : ndarray, shape (n,)
        Where a logarithm is bent; infinite where it is not.
    """

    centre: np.ndarray
    factor: np.ndarray
    knee: np.ndarray

    def at(self, theta: np.ndarray) -> np.ndarray:
        """The w at which some theta are reached, both of shape (n_points, n)."""
        bent = np.isfinite(self.knee)
        v = np.array(theta, float)
        v[:, bent] = _unbent(v[:, bent] - self.knee[bent])
        return np.linalg.solve(self.factor, (v - self.centre).T).T


def straight(n: int) -> Coordinates:
    """Theta itself."""
    return Coordinates(np.zeros(n), np.eye(n), np.full(n, np.inf))


def learnt(draws: np.ndarray, logarithms: np.ndarray) -> Coordinates:
    """Coordinates in which draws of theta are nearly independent normal.

    Parameters
    ----------
    draws : ndarray, shape (n_draws, n)
        Draws of theta, from a warm-up.
    logarithms : ndarray of bool, shape (n,)
        Which elements are logarithms of something positive.
    """
    count, n = draws.shape
    knee, v = np.full(n, np.inf), np.array(draws, float)
    for k in np.flatnonzero(logarithms):
        knee[k], v[:, k] = _bend(draws[:, k])
    centre, spread = v.mean(axis=0), v.std(axis=0) + 1e-6
    known = count / _CORRELATED
    correlation = np.corrcoef(v, rowvar=False).reshape(n, n) * known / (known + n)
    np.fill_diagonal(correlation, 1.0)
    return Coordinates(centre, spread[:, None] * np.linalg.cholesky(correlation), knee)


def population_change(graph: pm.Model) -> tuple[Change, Flat, tuple[Any, ...]]:
    """The population of a graph in coordinates to be learnt; straight until `renew` is called.

    Returns
    -------
    Change, Flat, tuple
        The change of variables; the population in the order of theta; the shared variables for `renew`.
    """
    flat = population(graph)
    values = [graph.rvs_to_values[rv] for rv in flat.variables]
    shared = tuple(
        pytensor.shared(value, name=f"population_{name}") for name, value in vars(straight(flat.size)).items()
    )
    inputs = {value: value.type(f"{value.name}_w") for value in values}
    theta, log_determinant, *_ = bent_map(pt.concatenate([inputs[v].ravel() for v in values]), *shared)
    sizes = [int(np.prod(shape)) for shape in flat.shapes]
    parts = pt.split(theta, splits_size=sizes, n_splits=len(sizes), axis=0) if len(sizes) > 1 else [theta]
    expressions = {
        value: part.reshape(shape) for value, part, shape in zip(values, parts, flat.shapes, strict=True)
    }
    return Change(inputs, expressions, log_determinant), flat, shared


def renew(shared: tuple[Any, ...], coordinates: Coordinates) -> None:
    """Set the shared variables of a change; functions made from them must be refreshed afterwards."""
    for variable, value in zip(shared, vars(coordinates).values(), strict=True):
        variable.set_value(value)


def population(graph: pm.Model) -> Flat:
    """The free variables that are no random effect of a subject or an occasion."""
    return Flat(graph, tuple(rv for rv in graph.free_RVs if rv.name not in _EFFECTS))


def logarithms(flat: Flat) -> np.ndarray:
    """Which elements of the population are logarithms of something positive."""
    marks = [
        np.full(int(np.prod(shape)), isinstance(flat.graph.rvs_to_transforms[rv], LogTransform))
        for rv, shape in zip(flat.variables, flat.shapes, strict=True)
    ]
    return np.concatenate(marks)


def _bend(z: np.ndarray) -> tuple[float, np.ndarray]:
    """The knee under which the draws are most nearly normal, and the draws seen from there."""
    best, knee, found = np.log(z.std() + 1e-12) - _GAIN, np.inf, z
    for shift in _KNEES:
        at = np.median(z) + shift
        v = _unbent(z - at)
        cost = np.log(v.std() + 1e-12) + np.mean(np.log(_log_scale(v)[1]))
        if cost < best:
            best, knee, found = cost, at, v
    return float(knee), found


def _unbent(z: np.ndarray) -> np.ndarray:
    """The v with log H(v) = z, by Newton steps: log H is concave, so they come from below."""
    v = np.where(z < 0, -np.sqrt(2.0 * np.maximum(-z, 0.0)) - 1.0, 0.0)
    for _ in range(60):
        value, slope = _log_scale(v)
        step = (z - value) / slope
        v = v + step
        if np.all(np.abs(step) < 1e-12 * (1.0 + np.abs(v))):
            break
    return v


def _log_scale(v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log H and its slope, as `bent_map.log_scale`, for an array."""
    near = np.maximum(v, FAR)
    density = -0.5 * near**2 - HALF_LOG_2PI
    value = np.log(near * ndtr(near) + np.exp(density))
    slope = np.exp(log_ndtr(near) - value)
    beyond = np.minimum(v, FAR)
    far = -0.5 * beyond**2 - HALF_LOG_2PI - 2.0 * np.log(-beyond)
    return np.where(v < FAR, far, value), np.where(v < FAR, -beyond - 2.0 / beyond, slope)
