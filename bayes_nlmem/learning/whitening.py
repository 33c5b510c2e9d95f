"""Coordinates in which NUTS moves: per-subject whitening of the random effects.

Given the population, the effects b_i of a subject (its own and those of its occasions) are nearly normal:
the data say that b_i is near some b_hat_i with information H_i, the population that it has precision P.
With A_i = H_i + P,

    b_i = A_i^-1 (g_i + H_i b_hat_i + H_i T_i (mu_hat_i - mu_i)) + chol(A_i)^-T u_i

makes u_i nearly N(0, I) and independent of mu and Omega: centred where a subject's data are rich,
non-centred where they are poor, per subject and per direction. mu_i are the typical values, T_i = db/dmu at
equal individual parameters (the identity for normal effects, the inverse slope of the law for others), and
g_i is the slope of the log-likelihood at b_hat_i. A typical value without random effects stands among mu_i,
too; its column of H_i T_i is how the slope of the log-likelihood in b_i falls when it grows. All this is an
exact change of variables (its determinant is included), so the posterior is the same whatever H, b_hat, g and
T are. They come from the Laplace-EM fit, and after the first part of the warm-up from means and covariances
instead of modes and curvatures. Then H_i T_i has more columns, for the numbers that P depends on: they make
up for what the formula misses of how the means follow these (`scales`).
A lag that a sample bounds is stretched first, see `learning.lag_walls`.
Groups above the subject are whitened likewise, with the information that their subjects have on mu.

Partial centring: Papaspiliopoulos, Roberts & Skold 2007, doi:10.1214/088342307000000014.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.graph.replace import clone_replace
from pytensor.graph.traversal import ancestors, graph_inputs

from bayes_nlmem.learning.lag_walls import bounded, lags, stretched, walls_of
from bayes_nlmem.learning.whitened_effects import whitened_effects
from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.marginal.laplace_em import LaplaceFit
from bayes_nlmem.model.levels import OCCASION, SUBJECT, level_of
from bayes_nlmem.translation.change import Change
from bayes_nlmem.translation.covariances import factor_shape

_STEP = 1e-4
# Effects of a subject up to which the integrals over them are sums over a grid.
_MOST_FOLLOWED = 4


@dataclass(frozen=True, eq=False)
class Known:
    """What the data say of the effects, in the order of `WhitenedEffects`: occasions first.

    Parameters
    ----------
    information : ndarray, shape (n_subjects, d, d)
        H.
    constant : ndarray, shape (n_subjects, d)
        g + H b_hat + H T mu_hat.
    slope : ndarray, shape (n_subjects, d, n_typical)
        H T.
    slots : ndarray of int, shape (n_subjects, d)
        Positions of the effects in the flat vector, -1 where there is none.
    walls, corridors : ndarray, shape (n_subjects, n_lags)
        Logarithms of the times that the lags hardly reach, widths of the stretch there.
    shares, anchors : ndarray, shape (n_subjects, n_lags)
        Slope and position of the tangent that stretched lags are measured by.
    """

    information: np.ndarray
    constant: np.ndarray
    slope: np.ndarray
    slots: np.ndarray
    walls: np.ndarray
    corridors: np.ndarray
    shares: np.ndarray
    anchors: np.ndarray


def can_whiten(conditional: Conditional, laplace: LaplaceFit) -> bool:
    """Whether the effects can be whitened: there are some, and the fit found every mode.

    They cannot where the likelihood is averaged over classes or missing categories.
    """
    if "scenario" in conditional.graph.named_vars:  # no single typical value to whiten around
        return False
    some = bool(conditional.effects.variables)
    return some and not len(laplace.failed) and bool(np.all(np.isfinite(laplace.covariance)))


def whitening(conditional: Conditional, laplace: LaplaceFit) -> Change:
    """Whiten the effects of subjects and occasions with what the Laplace-EM fit knows.

    Parameters
    ----------
    conditional : Conditional
        The graph in the centred geometry and its functions.
    laplace : LaplaceFit
        Mode and curvature of every subject.

    Returns
    -------
    Change
    """
    return _whitened_by(conditional, known_from_data(conditional, laplace))


def form_of_whitening(conditional: Conditional) -> Change:
    """The same computation before anything is known: its data are zeros."""
    slots = conditional.slots
    shape, lagging = slots.shape, (len(slots), len(lags(conditional)))
    numbers = (_varying(conditional), _direct(conditional), scales(conditional))
    slope = np.zeros((*shape, sum(map(len, numbers))))
    information = np.zeros((*shape, shape[1]))
    of_lags = (np.zeros(lagging), np.zeros(lagging), np.ones(lagging), np.zeros(lagging))
    nothing = Known(information, np.zeros(shape), slope, np.zeros_like(slots), *of_lags)
    return _whitened_by(conditional, nothing)


def _whitened_by(conditional: Conditional, known: Known) -> Change:
    graph = conditional.graph
    values = [graph.rvs_to_values[rv] for rv in conditional.effects.variables]
    inputs = {
        value: value.type(f"{rv.name}_u")
        for value, rv in zip(values, conditional.effects.variables, strict=True)
    }
    shared = [pytensor.shared(array, name=f"whitening_{name}") for name, array in vars(known).items()]
    shared, of_lags = shared[:4], shared[4:]
    u = pt.concatenate([inputs[value].ravel() for value in values])
    factors = [_factor_matrix(conditional, name) for name in ("eta", "kappa")]
    columns = [*_typical(conditional), *_direct(conditional).values(), *scales(conditional).values()]
    mu = _side_by_side(columns, len(conditional.slots))
    effects, log_determinant, *_ = whitened_effects(u, mu, *factors, *shared)
    expressions, at = {}, 0
    for value, shape in zip(values, conditional.effects.shapes, strict=True):
        size = int(np.prod(shape))
        expressions[value] = effects[at : at + size].reshape(shape)
        at += size
    if names := lags(conditional):
        [value] = [conditional.graph.rvs_to_values[conditional.graph["eta"]]]
        columns = _columns(conditional, names)
        typical = mu[:, [_varying(conditional).index(name) for name in names]]
        eta, more = bounded(expressions[value][:, columns], typical, *of_lags)
        expressions[value] = pt.set_subtensor(expressions[value][:, columns], eta)
        log_determinant = log_determinant + more
    return Change(inputs, expressions, log_determinant)


def renew_whitening(shared: Iterable[Any], conditional: Conditional, laplace: LaplaceFit) -> None:
    """Set the data of a whitening that was compiled before to another Laplace-EM fit of the same graph.

    Parameters
    ----------
    shared : iterable of SharedVariable
        The shared variables of the compiled function; its `Bundle` must be refreshed afterwards.
    conditional : Conditional
        The graph's functions.
    laplace : LaplaceFit
        Mode and curvature of every subject under the new data.
    """
    values = {
        f"whitening_{name}": array for name, array in vars(known_from_data(conditional, laplace)).items()
    }
    for variable in shared:
        if variable.name in values:
            variable.set_value(values[variable.name])


def known_from_data(conditional: Conditional, laplace: LaplaceFit) -> Known:
    """Information, slope and centre of every subject's likelihood in its effects, from the Laplace-EM fit."""
    own, occasional = (covariance_of(conditional, laplace.theta, name) for name in ("eta", "kappa"))
    n, m = len(own), len(occasional)
    slots = conditional.slots
    present = slots >= 0
    width = slots.shape[1]
    prior = np.zeros((width, width))
    prior[:n, :n] = np.linalg.inv(own)
    for first in range(n, width, m or 1):
        prior[first : first + m, first : first + m] = np.linalg.inv(occasional)
    both = present[:, :, None] & present[:, None, :]
    prior = np.where(both, prior, 0.0)
    typical = _typical_at(conditional, laplace.theta)
    effects, precision = conditional.gather(laplace.effects), np.linalg.inv(laplace.covariance)
    names = lags(conditional)
    around = typical[:, [_varying(conditional).index(name) for name in names]]
    walls = walls_of(conditional, laplace, around)
    distance = walls.logarithm - around
    effects, precision, pull, share = stretched(effects, precision, _columns(conditional, names), distance)
    lag = around + effects[:, _columns(conditional, names)]
    found = _apart(_not_negative(np.where(both, precision - prior, 0.0)), n, m)
    absent = ~present[:, :, None] * np.eye(width)
    effects = effects + np.linalg.solve(found + prior + absent, pull[:, :, None])[:, :, 0]
    slope = np.einsum("nij,njq->niq", found, _shifts(conditional, laplace, n, m))
    more, at = _direct_slopes(conditional, laplace)
    slope = np.concatenate([slope, np.where(present[:, :, None], more, 0.0)], axis=2)
    places = list(scales(conditional))
    at = np.concatenate([at, laplace.theta[places]])
    following = np.zeros((*slots.shape, len(places)))
    if laplace.drift.size:
        following = -np.einsum("nij,njq->niq", found + prior, laplace.drift)
        following -= np.einsum("qij,nj->niq", precision_slopes(conditional, laplace.theta), effects)
    slope = np.concatenate([slope, following], axis=2)
    typical = np.concatenate([typical, np.tile(at, (len(typical), 1))], axis=1)
    constant = np.einsum("nij,nj->ni", found + prior, effects) + np.einsum("niq,nq->ni", slope, typical)
    order = np.r_[np.arange(n, width), np.arange(n)]
    tidy = np.ascontiguousarray
    return Known(
        tidy(found[:, order][:, :, order]),
        tidy(constant[:, order]),
        tidy(slope[:, order]),
        tidy(slots[:, order]),
        walls.logarithm,
        walls.corridor,
        share,
        lag - np.log(share) - lag / share,
    )


def _not_negative(matrices: np.ndarray) -> np.ndarray:
    """The nearest matrices without negative eigenvalues."""
    values, vectors = np.linalg.eigh(0.5 * (matrices + matrices.transpose(0, 2, 1)))
    return np.einsum("nij,nj,nkj->nik", vectors, np.maximum(values, 0.0), vectors)


def _apart(information: np.ndarray, n: int, m: int) -> np.ndarray:
    """The same without what two occasions share (doses carried over); never less definite."""
    width = information.shape[1]
    if width <= n + m:
        return information
    occasion = np.r_[np.full(n, -1), np.arange(width - n) // max(m, 1)]
    between = (occasion[:, None] != occasion) & (occasion[:, None] >= 0) & (occasion >= 0)
    removed = np.where(between, information, 0.0)
    diagonal = np.arange(width)
    left = information - removed
    left[:, diagonal, diagonal] += np.abs(removed).sum(axis=2)
    return left


def _direct(conditional: Conditional) -> dict[int, Any]:
    """Positions in theta of what acts on all subjects directly, and its values.

    They are the typical values of parameters without random effects, and the coefficients on them. When
    one moves, the effects of other parameters make up for it in every subject. Not so the magnitudes of
    errors: their logarithms have long tails, where modes do not go on as they begin.
    """
    graph = conditional.graph
    factors = [_factor_matrix(conditional, name) for name in ("eta", "kappa")]
    elsewhere = set(ancestors([*_typical(conditional), *factors]))
    of_parameters = tuple(f"{name}_" for name in conditional.translation.model.parameters)
    places = conditional.population.split(np.arange(conditional.population.size, dtype=float))
    named = {rv.name: graph.rvs_to_values[rv] for rv in conditional.population.variables}
    return {
        int(places[value.name]): value
        for name, value in named.items()
        if value.ndim == 0 and name.startswith(of_parameters) and value not in elsewhere
    }


def _direct_slopes(conditional: Conditional, laplace: LaplaceFit) -> tuple[np.ndarray, np.ndarray]:
    """How the slope of the log-likelihood in the effects falls with the direct numbers, and their values."""
    places = list(_direct(conditional))
    slopes = np.zeros((*conditional.slots.shape, len(places)))
    for k, place in enumerate(places):
        ends = []
        for sign in (1.0, -1.0):
            moved = laplace.theta.copy()
            moved[place] += sign * _STEP
            ends.append(conditional.gather(conditional.joint(moved, laplace.effects)[1]))
        slopes[:, :, k] = (ends[1] - ends[0]) / (2 * _STEP)
    return np.where(np.isfinite(slopes), slopes, 0.0), laplace.theta[places]


def scales(conditional: Conditional) -> dict[int, Any]:
    """Positions in theta of the numbers that the spread of the effects depends on, and their values.

    Followed is the spread of effects of the subject alone, where they are few and there is no lag: sums over
    a grid tell how (`learning.conditional_moments`). Else there are none.
    """
    few = conditional.slots.shape[1] <= _MOST_FOLLOWED
    if not few or level_of(conditional.translation.model, OCCASION).names or lags(conditional):
        return {}
    inside = set(ancestors([_factor_matrix(conditional, "eta")]))
    places = conditional.population.split(np.arange(conditional.population.size, dtype=float))
    found: dict[int, Any] = {}
    for rv in conditional.population.variables:
        value = conditional.graph.rvs_to_values[rv]
        if value in inside:
            found |= {int(place): value.ravel()[k] for k, place in enumerate(np.ravel(places[value.name]))}
    return found


def precision_slopes(conditional: Conditional, theta: np.ndarray) -> np.ndarray:
    """How the precision of the effects changes with each of `scales`, shape (n_scales, n_slots, n_slots)."""
    factor = _function_of(conditional, [_factor_matrix(conditional, "eta")])

    def precision(place: int, step: float) -> np.ndarray:
        moved = theta.copy()
        moved[place] += step
        [lower] = factor(moved)
        return np.linalg.inv(lower @ lower.T)

    return np.array([(precision(k, _STEP) - precision(k, -_STEP)) / (2 * _STEP) for k in scales(conditional)])


def _shifts(conditional: Conditional, laplace: LaplaceFit, n: int, m: int) -> np.ndarray:
    """T: what a shift of a typical value is worth in effects, shape (n_subjects, width, n_typical).

    Of the subject's own effect where the parameter has one, else of every occasion's.
    """
    model, (subjects, width) = conditional.translation.model, conditional.slots.shape
    own, names = model.random_effects, _varying(conditional)
    shifts = np.zeros((subjects, width, len(names)))
    inverse = _inverse_slopes(conditional, laplace)
    occasional = level_of(model, OCCASION).names
    for k, name in enumerate(names):
        if name in own:
            shifts[:, own.index(name), k] = inverse.get(name, 1.0)
        else:
            shifts[:, n + occasional.index(name) :: m, k] = 1.0
    return shifts


def _inverse_slopes(conditional: Conditional, laplace: LaplaceFit) -> dict[str, np.ndarray]:
    """1 / (dt/deta) at the fit, for the parameters whose effect is t(eta) with t not the identity."""
    model, layout = conditional.translation.model, conditional.translation.layout
    first = np.unique(layout.row_subject, return_index=True)[1]
    found = {}
    for k, name in enumerate(model.random_effects):
        parameter = model.parameters.get(name)
        if parameter is None or parameter.law is None:
            continue
        ends = []
        for sign in (1.0, -1.0):
            moved = laplace.effects.copy()
            moved[conditional.slots[:, k]] += sign * _STEP
            value = conditional.individual(laplace.theta, moved)[name]
            value = value[first] if len(value) == layout.n_rows else value
            ends.append(parameter.scale.additive(value, np))
        slope = (ends[0] - ends[1]) / (2 * _STEP)
        found[name] = 1.0 / np.where(np.abs(slope) > 1e-3, slope, 1.0)
    return found


def covariance_of(conditional: Conditional, theta: np.ndarray, effects: str) -> np.ndarray:
    """Covariance of `eta` or `kappa` at some population parameters; 0 x 0 where there are none."""
    [factor] = _function_of(conditional, [_factor_matrix(conditional, effects)])(theta)
    return factor @ factor.T


def _function_of(conditional: Conditional, outputs: list[Any]) -> Callable[[np.ndarray], list[np.ndarray]]:
    """Expressions of the population's values as a function of theta."""
    values = [conditional.graph.rvs_to_values[rv] for rv in conditional.population.variables]
    function = pytensor.function(values, outputs, mode="FAST_COMPILE", on_unused_input="ignore")

    def at(theta: np.ndarray) -> list[np.ndarray]:
        point = conditional.population.split(theta)
        return function(*(point[name] for name in conditional.population.values))

    return at


def _factor_matrix(conditional: Conditional, effects: str) -> Any:
    """Lower factor of the effects' covariance as an expression of the value variables; 0 x 0 without any."""
    found = [rv for rv in conditional.effects.variables if rv.name == effects]
    if not found:
        return pt.constant(np.zeros((0, 0)))
    entries = _factor(conditional, found[0])
    size = 1 + max(i for i, _ in entries)
    zero = pt.constant(0.0)
    flat = [
        pt.as_tensor(entries.get((i, j), zero), dtype="float64") for i in range(size) for j in range(size)
    ]
    return pt.stack(flat).reshape((size, size))


def _factor(conditional: Conditional, rv: Any) -> dict[tuple[int, int], Any]:
    """Entries of the lower factor of the effects' covariance, as expressions of the value variables."""
    graph, model = conditional.graph, conditional.translation.model
    width = int(np.shape(conditional.effects.start[graph.rvs_to_values[rv].name])[1])
    level = level_of(model, SUBJECT if rv.name == "eta" else OCCASION)
    if not level.blocks:
        [deviation] = graph.replace_rvs_by_values([rv.owner.inputs[-1]])
        return {(k, k): deviation.reshape((-1,))[k] for k in range(width)}
    where = factor_shape(level).where
    entries = graph.replace_rvs_by_values(list(rv.owner.op.dist_params(rv.owner)))
    numbers = [entry if entry.ndim == 0 else entry.reshape((-1,))[0] for entry in entries]
    return dict(zip(where, numbers, strict=True))


def _varying(conditional: Conditional) -> list[str]:
    """What has a random effect of its subject or of its occasion."""
    model = conditional.translation.model
    return list(dict.fromkeys([*model.random_effects, *level_of(model, OCCASION).names]))


def _columns(conditional: Conditional, names: Iterable[str]) -> list[int]:
    """Positions of a subject's own effects."""
    return [conditional.translation.model.random_effects.index(name) for name in names]


def _typical_at(conditional: Conditional, theta: np.ndarray) -> np.ndarray:
    """Typical values on the additive scale at every subject's first row, shape (n_subjects, n_typical)."""
    translation = conditional.translation
    layout, parameters = translation.layout, translation.model.parameters
    values = conditional.individual(theta, np.zeros(conditional.n_effects))
    first = np.unique(layout.row_subject, return_index=True)[1]
    columns = []
    for name in _varying(conditional):
        if name not in parameters:  # the magnitude of an error has its effect around 0
            columns.append(np.zeros(len(layout.subjects)))
            continue
        value = values[name][first] if len(values[name]) == layout.n_rows else values[name]
        columns.append(parameters[name].scale.additive(value, np))
    return np.stack(columns, axis=1)


def _side_by_side(columns: list[Any], n_subjects: int) -> Any:
    """A row for every subject, or a single one where no number differs between subjects."""
    if all(column.ndim == 0 for column in columns):
        return pt.stack(columns)[None, :]
    spread = [pt.alloc(column, n_subjects) if column.ndim == 0 else column for column in columns]
    return pt.stack(spread, axis=1)


def _typical(conditional: Conditional) -> list[Any]:
    """The same as expressions of the value variables: a number, or one for every subject."""
    graph, translation = conditional.graph, conditional.translation
    effects = conditional.effects
    values = [graph.rvs_to_values[rv] for rv in effects.variables]
    shapes = dict(zip(values, effects.shapes, strict=True))
    varying, parameters = _varying(conditional), translation.model.parameters
    names = [name for name in varying if name in parameters]
    individual = graph.replace_rvs_by_values([graph[name] for name in names])
    naturals = clone_replace(individual, {value: pt.zeros(shape) for value, shape in shapes.items()})
    nothing = {value: pt.zeros((1, *shape[1:])) for value, shape in shapes.items()}
    layout = translation.layout
    first = np.unique(layout.row_subject, return_index=True)[1]
    columns: dict[str, Any] = {}
    for name, natural, of_one in zip(names, naturals, individual, strict=True):
        if all(root.ndim == 0 for root in graph_inputs([natural])):  # the same for all
            [natural] = clone_replace([of_one], nothing, rebuild_strict=False)
            columns[name] = parameters[name].scale.additive(natural.reshape(()), pt)
            continue
        dimension = graph.named_vars_to_dims[name][0]
        per_row = dimension != "subject" and not layout.rows_are_subjects
        columns[name] = parameters[name].scale.additive(natural[first] if per_row else natural, pt)
    nought = pt.constant(0.0)
    return [columns.get(name, nought) for name in varying]
