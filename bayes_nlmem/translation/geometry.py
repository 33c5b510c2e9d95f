"""How the random effects are sampled: value transforms that leave the generative graph as it is.

`eta ~ N(0, Omega)` stays the model's statement. Under `noncentred` the sampler moves in u with
eta = chol(Omega) u, under `centred` in eta itself. Papaspiliopoulos, Roberts & Skold 2007,
doi:10.1214/088342307000000014.
"""

from __future__ import annotations

import pymc as pm
import pytensor.tensor as pt
from pymc.logprob.transforms import Transform
from pytensor.graph.traversal import ancestors

from bayes_nlmem.translation.triangular import TriangularShape

GEOMETRIES = ("noncentred", "centred")


class NonCentredNormal(Transform):
    """Independent normal effects in units of their standard deviation, eta = sd * u."""

    name = "noncentred"

    def backward(self, value, *inputs):
        """Effects from their standardised form; `inputs` are (rng, size, mean, sd)."""
        return value * inputs[-1]

    def forward(self, value, *inputs):
        """Standardised form of the effects."""
        return value / inputs[-1]

    def log_jac_det(self, value, *inputs):
        """Log of the Jacobian's determinant, one term per effect."""
        return pt.log(inputs[-1]) + pt.zeros_like(value)


class NonCentredTriangular(Transform):
    """Correlated normal effects in units of the factor of their covariance, eta = L u."""

    name = "noncentred"
    ndim_supp = 1

    def __init__(self, shape: TriangularShape) -> None:
        self.shape = shape

    def backward(self, value, *inputs):
        """Effects from their standardised form; `inputs` are (size, factor's entries, rngs)."""
        return self.shape.times(self._factor(inputs), value)

    def _factor(self, inputs):
        return inputs[1 : 1 + len(self.shape.where)]

    def forward(self, value, *inputs):
        """Standardised form of the effects."""
        return pt.stack(self.shape.solved(self._factor(inputs), value), axis=-1)

    def log_jac_det(self, value, *inputs):
        """Log of the Jacobian's determinant, one term per subject."""
        return self.shape.log_determinant(self._factor(inputs)) + pt.zeros_like(value[..., 0])


def scales_of_noncentred(graph: pm.Model) -> set[str]:
    """Names of the random variables that standard deviations of non-centred variables are made of."""
    kinds = (NonCentredNormal, NonCentredTriangular)
    found = [rv for rv in graph.free_RVs if isinstance(graph.rvs_to_transforms[rv], kinds)]
    above = set(ancestors([parameter for rv in found for parameter in rv.owner.inputs[2:]]))
    return {rv.name for rv in graph.free_RVs if rv in above}
