"""A number is known, a prior is unknown: the one place where priors become PyMC random variables."""

from __future__ import annotations

import pymc as pm

from bayes_nlmem.ground.priors import Prior
from bayes_nlmem.ground.truncated import Truncated


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
    graph = pm.modelcontext(None)
    if name in graph.named_vars:  # an unknown that stands in several places is drawn once
        return graph[name]
    if isinstance(value, Truncated):
        return pm.Truncated(name, _unnamed(value.prior), **value.arguments(), dims=dims, shape=shape)
    return getattr(pm, value.distribution)(name, **_floats(value.arguments()), dims=dims, shape=shape)


def _unnamed(value: Prior):
    """The distribution of a prior without a name, as a part of another one."""
    return getattr(pm, value.distribution).dist(**_floats(value.arguments()))


def _floats(arguments: dict) -> dict:
    """Whole numbers as floats: PyTensor keeps 60 and 80 in eight bits, where their sum is negative."""
    return {
        key: float(argument) if type(argument) is int else argument for key, argument in arguments.items()
    }
