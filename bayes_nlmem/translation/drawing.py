"""A number is known, a prior is unknown: the one place where priors become PyMC random variables."""

from __future__ import annotations

from typing import Any

import pymc as pm

from bayes_nlmem.ground.priors import Prior
from bayes_nlmem.ground.shrinkage_priors import ShrinkagePrior
from bayes_nlmem.ground.truncated import Truncated
from bayes_nlmem.translation.shrinkage import draw_shrunk


def known_or_drawn(
    name: str,
    value: float | Prior,
    dims: str | tuple[str, ...] | None = None,
    shape: int | tuple[int, ...] | None = None,
):
    """A constant stays a constant; a prior becomes a random variable of the PyMC model in scope.

    Parameters
    ----------
    name : str
        Name of the random variable.
    value : float or Prior
        What is known, or what is believed.
    dims : optional
        Named dimensions of the random variable.
    shape : optional
        Its shape, where it has no named dimensions.

    Returns
    -------
    float or TensorVariable
    """
    if not isinstance(value, Prior):
        return float(value)
    scope = pm.modelcontext(None)
    graph = scope.main if isinstance(scope, _Scratch) else scope
    if name in graph.named_vars:  # an unknown that stands in several places is drawn once
        return graph[name]
    with graph:
        if isinstance(value, ShrinkagePrior):
            return draw_shrunk(name, value)
        if isinstance(value, Truncated):
            return pm.Truncated(name, _unnamed(value.prior), **value.arguments(), dims=dims, shape=shape)
        return getattr(pm, value.distribution)(name, **_floats(value.arguments()), dims=dims, shape=shape)


class _Scratch(pm.Model):
    """A graph that borrows its unknowns from another one."""

    main: pm.Model


def scratch_of(graph: pm.Model) -> pm.Model:
    """A graph beside another one, for an alternative likelihood; its unknowns belong to the other."""
    scratch = _Scratch(coords=graph.coords, model=None)
    scratch.main = graph
    return scratch


def drawn_between(name: str, value: Prior, *, lower: Any, upper: Any, start: float | None) -> Any:
    """A random variable with a prior that is cut off below `lower` and above `upper`, if these are given."""
    if lower is None and upper is None:
        arguments = _floats(value.arguments())
        return getattr(pm, value.distribution)(name, **arguments, initval=start)
    return pm.Truncated(name, _unnamed(value), lower=lower, upper=upper, initval=start)


def _unnamed(value: Prior):
    """The distribution of a prior without a name, as a part of another one."""
    return getattr(pm, value.distribution).dist(**_floats(value.arguments()))


def _floats(arguments: dict) -> dict:
    """Whole numbers as floats: PyTensor keeps 60 and 80 in eight bits, where their sum is negative."""
    return {
        key: float(argument) if type(argument) is int else argument for key, argument in arguments.items()
    }
