"""The parameters whose precision is reported, as functions of the unconstrained population parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytensor
import pytensor.tensor as pt

from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.marginal.point import derivable
from bayes_nlmem.translation.flat import Flat

_STEP = 1e-5
_SPREADS = ("omega_", "gamma_", "sigma_")
_KINDS = ("", "omega_", "gamma_", "corr_", "sigma_")


@dataclass(frozen=True, eq=False)
class Reported:
    """Named values and their derivatives.

    Parameters
    ----------
    names : tuple of str
        Names in the graph; squared ones as `omega_CL^2`.
    values : ndarray, shape (p,)
    slopes : ndarray, shape (p, n_theta)
        Derivatives in the unconstrained parameters.
    """

    names: tuple[str, ...]
    values: np.ndarray
    slopes: np.ndarray

    def information(self, information: np.ndarray) -> np.ndarray:
        """Information on the unconstrained parameters as information on these."""
        back = np.linalg.inv(self.slopes)
        return back.T @ information @ back


def reported(conditional: Conditional, theta: np.ndarray, *, variances: bool) -> Reported:
    """Typical values, coefficients, standard deviations (or variances) and correlations.

    Parameters
    ----------
    conditional : Conditional
    theta : ndarray, shape (p,)
    variances : bool
        Report omega^2, gamma^2 and sigma^2, as NONMEM does, in place of standard deviations.
    """
    names, function = _function(conditional)

    def values(point: np.ndarray) -> np.ndarray:
        found = function(point)
        return np.where(squared, found**2, found)

    squared = np.array([variances and name.startswith(_SPREADS) for name in names])
    slopes = np.column_stack(
        [(values(theta + step) - values(theta - step)) / (2 * _STEP) for step in _STEP * np.eye(len(theta))]
    )
    shown = tuple(
        f"{name}^2" if is_squared else name for name, is_squared in zip(names, squared, strict=True)
    )
    return Reported(shown, values(theta), slopes)


def _function(conditional: Conditional) -> tuple[list[str], Callable[[np.ndarray], np.ndarray]]:
    graph, population = conditional.graph, conditional.population.variables
    kept = [rv for rv in population if rv.ndim == 0]
    missing = sum(int(np.prod(shape)) for shape in conditional.population.shapes) - len(kept)
    if missing:  # vectors such as partial correlations: report what they mean
        kept += [graph[name] for name in derivable(conditional) if name.startswith(("corr_", "omega_"))]
    kept.sort(key=lambda variable: _KINDS.index(_kind(variable.name)))
    flat = Flat(graph, population)
    [joined] = flat.of_vector([pt.stack(graph.replace_rvs_by_values(kept))])
    function = pytensor.function([flat.joined], joined, mode="FAST_COMPILE", on_unused_input="ignore")
    return [variable.name for variable in kept], function


def _kind(name: str) -> str:
    return next((kind for kind in _KINDS[1:] if name.startswith(kind)), "")
