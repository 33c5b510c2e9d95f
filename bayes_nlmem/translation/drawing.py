"""A number is known, a prior is unknown: the one place where priors become PyMC random variables."""

from __future__ import annotations

import pymc as pm

from bayes_nlmem.ground.priors import Prior


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
    return getattr(pm, value.distribution)(name, **_floats(value.arguments()), dims=dims, shape=shape)


def _floats(arguments: dict) -> dict:
    """Whole numbers as floats: PyTensor keeps 60 and 80 in eight bits, where their sum is negative."""
    return {
        key: float(argument) if type(argument) is int else argument for key, argument in arguments.items()
    }
