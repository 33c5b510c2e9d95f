"""Priors that shrink coefficients together become random variables: what a group shares is drawn once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayes_nlmem.ground.shrinkage_priors import R2D2, Horseshoe, ShrinkagePrior, SpikeAndSlab
from bayes_nlmem.translation.geometry import NonCentredNormal


def draw_shrunk(name: str, prior: ShrinkagePrior) -> Any:
    """One coefficient; the first of its group draws what all share.

    The coefficient itself is the random variable `name`; it is sampled in units of its standard deviation,
    so that the sampler does not meet the funnel.
    """
    unit = prior.scale * _unit(prior.unit)
    if isinstance(prior, SpikeAndSlab):
        weights = np.array([1.0 - prior.inclusion, prior.inclusion])
        sizes = pt.stack([pt.as_tensor(unit * prior.spike), pt.as_tensor(unit * prior.slab)])
        return pm.NormalMixture(name, w=weights, mu=np.zeros(2), sigma=sizes)
    deviation = unit * (_horseshoe(name, prior) if isinstance(prior, Horseshoe) else _r2d2(name, prior))
    return pm.Normal(name, 0.0, deviation, default_transform=NonCentredNormal())


def _horseshoe(name: str, prior: Horseshoe) -> Any:
    tau = _shared(f"tau_{prior.group}", lambda n: pm.HalfStudentT(n, nu=3.0, sigma=prior.shared))
    half = prior.freedom / 2.0
    slab = _shared(f"slab_{prior.group}", lambda n: pm.InverseGamma(n, alpha=half, beta=half * prior.slab**2))
    own = pm.HalfStudentT(f"lambda_{name}", nu=3.0, sigma=1.0)
    return tau * own * pt.sqrt(slab / (slab + (tau * own) ** 2))


def _r2d2(name: str, prior: Any) -> Any:
    assert isinstance(prior, R2D2)
    rest = _shared(f"rest_{prior.group}", lambda n: pm.Gamma(n, alpha=prior.rest, beta=1.0))
    own = pm.Gamma(f"share_{name}", alpha=prior.concentration, beta=1.0)
    return pt.sqrt(own / rest)


def _shared(name: str, draw: Any) -> Any:
    graph = pm.modelcontext(None)
    return graph[name] if name in graph.named_vars else draw(name)


def _unit(name: str) -> Any:
    graph = pm.modelcontext(None)
    return graph[name] if name in graph.named_vars else 1.0
