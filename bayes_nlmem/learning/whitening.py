"""Coordinates in which NUTS moves: per-subject whitening of the random effects.

Given the population, subject i's individual parameters psi_i = mu_i + eta_i are nearly normal with precision
A_i = Omega^-1 + H_i, where H_i is the information in the subject's own data. Writing

    psi_i = A_i^-1 (Omega^-1 mu_i + H_i psi_hat_i) + chol(A_i)^-T u_i

makes u_i nearly N(0, I) and independent of mu and Omega: centred where a subject's data are rich,
non-centred where they are poor, per subject and per direction. It is an exact change of variables (its
determinant is included), so the posterior is the same whatever H and psi_hat are; they come from the
Laplace-EM fit. Partial centring: Papaspiliopoulos, Roberts & Skold 2007, doi:10.1214/088342307000000014.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.graph.replace import clone_replace

from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.marginal.laplace_em import LaplaceFit, typical_values
from bayes_nlmem.model.levels import OCCASION, SUBJECT, level_of
from bayes_nlmem.translation.change import Change
from bayes_nlmem.translation.covariances import factor_shape
from bayes_nlmem.translation.triangular import columns_of

MOST_EFFECTS = 6
_SHARED = ("whitening_information", "whitening_pull")


def can_whiten(conditional: Conditional, laplace: LaplaceFit) -> bool:
    """Whether the effects can be whitened: there are some, not too many, and the fit found every mode.

    They cannot where the likelihood is averaged over classes or missing categories.
    """
    if "scenario" in conditional.graph.named_vars:  # no single typical value to whiten around
        return False
    has_eta = any(rv.name == "eta" for rv in conditional.effects.variables)
    few = len(conditional.translation.model.random_effects) <= MOST_EFFECTS
    return has_eta and few and not len(laplace.failed) and bool(np.all(np.isfinite(laplace.covariance)))


def whitening(conditional: Conditional, laplace: LaplaceFit) -> Change:
    """Whiten `eta` with what the Laplace-EM fit knows; `kappa` moves in units of its standard deviation.

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
    graph = conditional.graph
    inputs, expressions, log_determinant = {}, {}, pt.constant(0.0)
    for rv in conditional.effects.variables:
        value = graph.rvs_to_values[rv]
        u = value.type(f"{rv.name}_u")
        factor = _factor(conditional, rv)
        width = int(conditional.effects.shapes[conditional.effects.variables.index(rv)][1])
        columns = columns_of(u, width)
        if rv.name == "eta":
            effects, change = _whitened(conditional, laplace, factor, columns)
        else:
            effects, change = _scaled(factor, columns)
        inputs[value], expressions[value] = u, pt.stack(effects, axis=-1)
        log_determinant = log_determinant + change
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
    values = dict(zip(_SHARED, _information(conditional, laplace, _width(conditional)), strict=True))
    for variable in shared:
        if variable.name in values:
            variable.set_value(values[variable.name])


def _width(conditional: Conditional) -> int:
    """Number of random effects of a subject."""
    return len(conditional.translation.model.random_effects)


def _factor(conditional: Conditional, rv: Any) -> dict[tuple[int, int], Any]:
    """Entries of the lower factor of the effects' covariance, as expressions of the value variables."""
    graph, model = conditional.graph, conditional.translation.model
    width = int(np.shape(conditional.effects.start[graph.rvs_to_values[rv].name])[1])
    level = level_of(model, SUBJECT if rv.name == "eta" else OCCASION)
    if not level.blocks:
        [deviation] = graph.replace_rvs_by_values([rv.owner.inputs[-1]])
        return {(k, k): deviation.reshape((-1,))[k] for k in range(width)}
    where = factor_shape(level).where
    entries = graph.replace_rvs_by_values([x.reshape((-1,))[0] for x in rv.owner.op.dist_params(rv.owner)])
    return dict(zip(where, entries, strict=True))


def _scaled(factor: dict[tuple[int, int], Any], u: list[Any]) -> tuple[list[Any], Any]:
    """Effects L u in units of the factor of their covariance."""
    effects = [sum(factor[k, j] * u[j] for j in range(k + 1) if (k, j) in factor) for k in range(len(u))]
    groups = u[0].shape[0]
    return effects, sum(groups * pt.log(factor[k, k]) for k in range(len(u)))


def _whitened(
    conditional: Conditional, laplace: LaplaceFit, factor: dict[tuple[int, int], Any], u: list[Any]
) -> tuple[list[Any], Any]:
    n = len(u)
    information, pull = _information(conditional, laplace, n)
    shared_information = pytensor.shared(information, name=_SHARED[0])
    shared_pull = pytensor.shared(pull, name=_SHARED[1])
    h = {(i, j): shared_information[i * n + j] for i in range(n) for j in range(i + 1)}
    h |= {(j, i): entry for (i, j), entry in h.items()}
    mu = _typical(conditional)
    prior = _precision(factor, n)
    lower = _cholesky({at: h[at] + prior.get(at, 0.0) for at in h}, n)
    w: list[Any] = []
    for i in range(n):
        right = shared_pull[i] - sum(h[i, j] * mu[j] for j in range(n))
        w.append((right - sum(lower[i, j] * w[j] for j in range(i))) / lower[i, i])
    effects: list[Any] = [None] * n
    for i in reversed(range(n)):
        rest = w[i] + u[i] - sum(lower[j, i] * effects[j] for j in range(i + 1, n))
        effects[i] = rest / lower[i, i]
    return effects, -sum(pt.log(lower[i, i]).sum() for i in range(n))


def _information(conditional: Conditional, laplace: LaplaceFit, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Information of the subjects' data, shape (n * n, n_subjects), and H psi_hat, shape (n, n_subjects).

    Occasions are averaged out: the information is what remains for `eta` in the Laplace covariance.
    """
    omega = covariance_of_effects(conditional, laplace.theta)
    prior = np.linalg.inv(omega)
    precision = np.linalg.inv(laplace.covariance[:, :n, :n])
    values, vectors = np.linalg.eigh(precision - prior)
    information = np.einsum("nij,nj,nkj->nik", vectors, np.maximum(values, 0.0), vectors)
    effects = conditional.gather(laplace.effects)[:, :n]
    typical = typical_values(conditional, laplace.theta)
    pull = np.einsum("nij,nj->ni", information + prior, effects)
    pull = pull + np.einsum("nij,nj->ni", information, typical)
    flat = information.transpose(1, 2, 0).reshape(n * n, -1)
    return np.ascontiguousarray(flat), np.ascontiguousarray(pull.T)


def covariance_of_effects(conditional: Conditional, theta: np.ndarray) -> np.ndarray:
    """Omega at some population parameters, shape (n_eta, n_eta)."""
    [eta] = [rv for rv in conditional.effects.variables if rv.name == "eta"]
    entries = _factor(conditional, eta)
    values = [conditional.graph.rvs_to_values[rv] for rv in conditional.population.variables]
    function = pytensor.function(
        values, list(entries.values()), mode="FAST_COMPILE", on_unused_input="ignore"
    )
    point = conditional.population.split(theta)
    found = function(*(point[name] for name in conditional.population.values))
    size = 1 + max(i for i, _ in entries)
    factor = np.zeros((size, size))
    for (i, j), entry in zip(entries, found, strict=True):
        factor[i, j] = entry
    return factor @ factor.T


def _first_rows(conditional: Conditional) -> np.ndarray:
    return np.unique(conditional.translation.layout.row_subject, return_index=True)[1]


def _typical(conditional: Conditional) -> list[Any]:
    """Typical values on the additive scale as expressions of the value variables, one per parameter."""
    graph, translation = conditional.graph, conditional.translation
    effects = conditional.effects
    values = [graph.rvs_to_values[rv] for rv in effects.variables]
    nothing = {value: pt.zeros(shape) for value, shape in zip(values, effects.shapes, strict=True)}
    effect_names, parameters = translation.model.random_effects, translation.model.parameters
    names = [name for name in effect_names if name in parameters]
    naturals = clone_replace(graph.replace_rvs_by_values([graph[name] for name in names]), nothing)
    first, layout = _first_rows(conditional), translation.layout
    columns: dict[str, Any] = {}
    for name, natural in zip(names, naturals, strict=True):
        dimension = graph.named_vars_to_dims[name][0]
        per_row = dimension != "subject" and not layout.rows_are_subjects
        columns[name] = parameters[name].scale.additive(natural[first] if per_row else natural, pt)
    nought = pt.zeros(len(layout.subjects))  # the magnitude of an error has its effect around 0
    return [columns.get(name, nought) for name in effect_names]


def _precision(factor: dict[tuple[int, int], Any], n: int) -> dict[tuple[int, int], Any]:
    """Entries of (L L')^-1 from those of L."""
    inverse: dict[tuple[int, int], Any] = {}
    for j in range(n):
        inverse[j, j] = 1.0 / factor[j, j]
        for i in range(j + 1, n):
            terms = [
                factor[i, k] * inverse[k, j] for k in range(j, i) if (i, k) in factor and (k, j) in inverse
            ]
            if terms:
                inverse[i, j] = -sum(terms) / factor[i, i]
    product: dict[tuple[int, int], Any] = {}
    for i in range(n):
        for j in range(n):
            terms = [
                inverse[k, i] * inverse[k, j] for k in range(n) if (k, i) in inverse and (k, j) in inverse
            ]
            if terms:
                product[i, j] = sum(terms)
    return product


def _cholesky(a: dict[tuple[int, int], Any], n: int) -> dict[tuple[int, int], Any]:
    lower: dict[tuple[int, int], Any] = {}
    for i in range(n):
        for j in range(i + 1):
            rest = a[i, j] - sum(lower[i, k] * lower[j, k] for k in range(j))
            lower[i, j] = pt.sqrt(rest) if i == j else rest / lower[j, j]
    return lower
