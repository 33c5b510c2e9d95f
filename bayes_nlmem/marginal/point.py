"""From named values of the population parameters to the flat vector that the compiled functions take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytensor
from pytensor.graph.replace import clone_replace
from pytensor.graph.traversal import ancestors
from scipy.optimize import least_squares

from bayes_nlmem.ground.messages import FitError, closest, explain, names_text
from bayes_nlmem.marginal.conditional import Conditional

_EXACT = 1e-8


def point_of(conditional: Conditional, at: Any, zero: tuple[str, ...] = ()) -> np.ndarray:
    """The population parameters of a graph, unconstrained, from values on their natural scale.

    Parameters
    ----------
    conditional : Conditional
        The model's functions.
    at : mapping, or a learnt result
        Name in the graph to value (`CL_pop`, `omega_CL`, `sigma_cp_add`, ...). Instead of variables that only
        serve the sampler, quantities computed from them may be given: `corr_CL_V`. A learnt result (anything
        with `draws`) stands for its posterior mean.
    zero : tuple of str
        Effects above the subject that are integrated out afterwards: they stand at 0, and need no value.

    Returns
    -------
    ndarray, shape (n_theta,)

    Raises
    ------
    FitError
        Names that are missing, unknown, or known numbers of the model; values outside the parameter's range.
    """
    if hasattr(at, "draws"):
        at = posterior_mean(conditional, at.draws["posterior"])
    if not isinstance(at, Mapping):
        raise FitError(
            explain(
                expected="`at` a mapping of parameter names to values, or a fit",
                got=type(at).__name__,
                remedy=f"Give {names_text(rv.name for rv in conditional.population.variables)}.",
            )
        )
    given = {name: np.asarray(value, float) for name, value in at.items() if name not in zero}
    given |= {
        rv.name: np.zeros(shape)
        for rv, shape in zip(conditional.population.variables, conditional.population.shapes, strict=True)
        if rv.name in zero
    }
    variables = {rv.name: rv for rv in conditional.population.variables}
    derived = [name for name in given if name not in variables]
    needed = [name for name in variables if name not in zero]
    _check_names(conditional, derived)
    missing = [name for name in variables if name not in given]
    solved = missing if derived else []
    if derived:
        given |= _solved(conditional, given, derived, missing)
        missing = []
    if missing:
        raise FitError(
            explain(
                expected=f"a value of every unknown population parameter ({', '.join(needed)})",
                got=f"none of {', '.join(missing)}",
                remedy="Give the missing ones, or make them known numbers in the model.",
            )
        )
    theta = _forward(conditional, given)
    if not np.all(np.isfinite(theta)):
        outside = {_plain(conditional.population.elements[k]) for k in np.flatnonzero(~np.isfinite(theta))}
        bad = [*sorted(outside - set(solved)), *(derived if outside & set(solved) else [])]
        raise FitError(
            explain(
                expected="values inside the range of every parameter",
                got="values on or outside the boundary of " + names_text(bad),
                remedy="A standard deviation of 0 is a parameter without random effects: leave `iiv` out.",
            )
        )
    return theta


def posterior_mean(conditional: Conditional, posterior: Any) -> dict[str, np.ndarray]:
    """Mean of every population parameter over all draws, on its natural scale.

    Raises
    ------
    FitError
        The draws belong to another model.
    """
    names = [rv.name for rv in conditional.population.variables]
    absent = [name for name in names if name not in posterior]
    if absent:
        raise FitError(
            explain(
                expected=f"draws of {', '.join(names)}",
                got=f"none of {', '.join(absent)}",
                remedy="The draws belong to another model: give the model that they were made with.",
            )
        )
    return {name: np.asarray(posterior[name].mean(("chain", "draw")).values) for name in names}


def points_of_draws(conditional: Conditional, posterior: Any) -> np.ndarray:
    """Unconstrained population parameters of every draw, shape (n_draws, n_theta).

    Parameters
    ----------
    conditional : Conditional
        The model's functions.
    posterior : xarray.Dataset
        Draws with the dimension `sample`, or (chain, draw).
    """
    draws = posterior if "sample" in posterior.dims else posterior.stack(sample=("chain", "draw"))
    columns = [
        np.moveaxis(draws[rv.name].values, draws[rv.name].dims.index("sample"), 0)
        for rv in conditional.population.variables
    ]
    function = _forward_function(conditional)
    return np.array([_joined(function(*values)) for values in zip(*columns, strict=True)])


def natural(conditional: Conditional, theta: np.ndarray) -> dict[str, np.ndarray]:
    """Values of all population variables on their natural scale."""
    point = conditional.population.split(theta)
    graph = conditional.graph
    values = [graph.rvs_to_values[rv] for rv in conditional.population.variables]
    outputs = graph.replace_rvs_by_values(list(conditional.population.variables))
    function = pytensor.function(values, outputs, mode="FAST_COMPILE", on_unused_input="ignore")
    found = function(*[point[value.name] for value in values])
    return {rv.name: value for rv, value in zip(conditional.population.variables, found, strict=True)}


def _joined(parts: list) -> np.ndarray:
    return np.concatenate([np.ravel(part) for part in parts] or [np.zeros(0)]).astype(float)


def _plain(element: str) -> str:
    return element.split("_log__")[0].split("_logodds__")[0].split("_interval__")[0]


def _forward_function(conditional: Conditional) -> Any:
    """Natural values of the population's variables -> their values on the unconstrained scale."""
    graph, variables = conditional.graph, conditional.population.variables
    inputs = [rv.type() for rv in variables]
    outputs = []
    for rv, symbol in zip(variables, inputs, strict=True):
        transform = graph.rvs_to_transforms[rv]
        outputs.append(symbol if transform is None else transform.forward(symbol, *rv.owner.inputs))
    outputs = clone_replace(outputs, dict(zip(variables, inputs, strict=True)))
    return pytensor.function(inputs, outputs, mode="FAST_COMPILE", on_unused_input="ignore")


def _forward(conditional: Conditional, given: Mapping[str, np.ndarray]) -> np.ndarray:
    variables = conditional.population.variables
    values = []
    for rv in variables:
        value = given[rv.name]
        if value.ndim != rv.ndim:
            raise FitError(
                explain(expected=f"{rv.name} with {rv.ndim} dimensions", got=f"shape {value.shape}")
            )
        values.append(value)
    with np.errstate(all="ignore"):
        return _joined(_forward_function(conditional)(*values))


def _check_names(conditional: Conditional, derived: list[str]) -> None:
    graph = conditional.graph
    valid = [rv.name for rv in conditional.population.variables] + derivable(conditional)
    for name in derived:
        if name in valid:
            continue
        typical = f"{name}_pop"
        hint = f"Did you mean {typical!r}?" if typical in valid else closest(name, valid)
        if name in graph.named_vars or name in _known_names(conditional):
            hint = hint or "It is known, or it is no population parameter of this model."
        raise FitError(
            explain(
                expected=f"names of unknown population parameters ({', '.join(valid)})",
                got=repr(name),
                remedy=hint or "Leave it out.",
            )
        )


def _known_names(conditional: Conditional) -> list[str]:
    parameters = conditional.translation.model.parameters
    return [f"{kind}{name}{end}" for name in parameters for kind, end in (("", "_pop"), ("omega_", ""))]


def derivable(conditional: Conditional) -> list[str]:
    """Scalar deterministics that depend on the population's variables alone."""
    graph = conditional.graph
    others = {rv for rv in graph.free_RVs if rv not in set(conditional.population.variables)}
    data = set(graph.data_vars)
    found = []
    for quantity in graph.deterministics:
        above = set(ancestors([quantity]))
        if quantity.ndim == 0 and not above & (others | data):
            found.append(quantity.name)
    return found


def _solved(
    conditional: Conditional, given: Mapping[str, np.ndarray], derived: list[str], missing: list[str]
) -> dict[str, np.ndarray]:
    """Values of the missing variables that give the derived quantities their values."""
    graph = conditional.graph
    variables = {rv.name: rv for rv in conditional.population.variables}
    symbols = {name: rv.type() for name, rv in variables.items()}
    replaced = clone_replace(
        [graph[name] for name in derived], {variables[name]: symbol for name, symbol in symbols.items()}
    )
    function = pytensor.function(
        list(symbols.values()), replaced, mode="FAST_COMPILE", on_unused_input="ignore"
    )
    start = {rv.name: value for rv, value in zip(variables.values(), _start(conditional), strict=True)}
    shapes = {name: np.shape(start[name]) for name in missing}
    sizes = [int(np.prod(shape)) for shape in shapes.values()]
    centre = np.concatenate([np.ravel(start[name]) for name in missing] or [np.zeros(0)])
    target = np.array([float(given[name]) for name in derived])

    def filled(x: np.ndarray) -> dict[str, np.ndarray]:
        pieces = np.split(x, np.cumsum(sizes)[:-1]) if sizes else []
        inside = {name: np.reshape(piece, shapes[name]) for name, piece in zip(shapes, pieces, strict=True)}
        return {**{name: given.get(name, start[name]) for name in variables}, **inside}

    def misfit(x: np.ndarray) -> np.ndarray:
        return np.array(function(*filled(x).values()), dtype=float).ravel() - target

    found = least_squares(misfit, centre, xtol=1e-15, ftol=1e-15, gtol=1e-15) if len(centre) else None
    left = misfit(found.x if found is not None else centre)
    if np.max(np.abs(left)) > _EXACT or (found is not None and len(centre) > len(target)):
        raise FitError(
            explain(
                expected=f"values that determine {', '.join(missing) or 'the derived quantities'}",
                got=", ".join(f"{name} = {given[name]:g}" for name in derived),
                remedy="Give all correlations of a block, within the range of a correlation matrix.",
            )
        )
    assert found is not None
    return {name: filled(found.x)[name] for name in missing}


def _start(conditional: Conditional) -> list[np.ndarray]:
    theta = conditional.population.join(conditional.population.start)
    return list(natural(conditional, theta).values())
