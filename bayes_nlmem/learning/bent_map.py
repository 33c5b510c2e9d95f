"""A linear map followed by a bend of single coordinates, in one operation with its derivatives.

    v = centre + L w,       theta_k = v_k                       straight
                            theta_k = knee_k + log H(v_k)       bent,  H(v) = v Phi(v) + phi(v)

H is v itself far above zero, and falls off like a normal density below. theta is a logarithm, so
exp(theta) = exp(knee) H(v): a scale that the data cannot tell from zero, whose logarithm has an exponential
tail, has two normal tails in v.
log|dtheta/dw| = sum log diag L + sum over the bent of log(Phi / H).
"""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytensor.tensor as pt
from numba import njit
from pytensor.gradient import DisconnectedType, disconnected_type
from pytensor.graph.basic import Apply, Variable
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_and_cache_key

_SOURCE_KEY = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]
HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)
FAR = -30.0


class BentMap(Op):
    """(theta, log-determinant) as a function of w, centre, L (lower) and knee (infinite where straight).

    The slopes dtheta/dv and the derivatives of their logarithms are further outputs, kept for the gradient.
    """

    __props__ = ("source",)

    def __init__(self, source: str = _SOURCE_KEY) -> None:
        self.source = source

    def make_node(self, *inputs: Variable) -> Apply:
        """Apply to the four inputs."""
        taken = [
            pt.as_tensor_variable(x, dtype="float64", ndim=n)
            for x, n in zip(inputs, (1, 1, 2, 1), strict=True)
        ]
        w = taken[0].type
        return Apply(self, taken, [w(), pt.dscalar(), w(), w()])

    def perform(self, node: Apply, inputs: Any, output_storage: Any) -> None:
        """Run from the C and Python backends."""
        for storage, value in zip(output_storage, mapped(*inputs), strict=True):
            storage[0] = np.asarray(value)

    def infer_shape(self, node: Apply, shapes: list) -> list:
        """Shapes from the inputs."""
        return [shapes[0], (), shapes[0], shapes[0]]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """Only w has derivatives."""
        return [[True, True, False, False]] + [[False] * 4] * 3

    def pullback(self, inputs: list, outputs: list, cotangents: list) -> list:
        """Derivative in w."""
        missing = [isinstance(c.type, DisconnectedType) for c in cotangents]
        if not (missing[2] and missing[3]):
            raise NotImplementedError("The map has first derivatives only.")
        of_theta = pt.zeros_like(outputs[0]) if missing[0] else cotangents[0]
        of_determinant = pt.constant(0.0) if missing[1] else cotangents[1]
        found = _Back(self.source)(inputs[2], outputs[2], outputs[3], of_theta, of_determinant)
        return [found, *(disconnected_type() for _ in inputs[1:])]


class _Back(Op):
    """Derivative of `BentMap` in w."""

    __props__ = ("source",)

    def __init__(self, source: str) -> None:
        self.source = source

    def make_node(self, *inputs: Variable) -> Apply:
        taken = [pt.as_tensor_variable(x) for x in inputs]
        return Apply(self, taken, [taken[1].type()])

    def perform(self, node: Apply, inputs: Any, output_storage: Any) -> None:
        *most, of_determinant = inputs
        output_storage[0][0] = _back(*most, float(of_determinant))

    def infer_shape(self, node: Apply, shapes: list) -> list:
        return [shapes[1]]


bent_map = BentMap()


@njit(error_model="numpy", nogil=True)
def log_scale(v):
    """(log H, its slope, the derivative of the slope's logarithm) at v."""
    if v < FAR:  # phi(v) / v^2, to the accuracy that counts there
        return -0.5 * v * v - HALF_LOG_2PI - 2.0 * math.log(-v), -v - 2.0 / v, 1.0 / v
    density = math.exp(-0.5 * v * v - HALF_LOG_2PI)
    below = 0.5 * math.erfc(-v / math.sqrt(2.0))
    scale = v * below + density
    return math.log(scale), below / scale, density / below - below / scale


@njit(error_model="numpy", nogil=True)
def mapped(w, centre, factor, knee):
    """What `BentMap` returns."""
    n = w.shape[0]
    theta, slope, turn = np.empty(n), np.ones(n), np.zeros(n)
    log_determinant = 0.0
    for i in range(n):
        v = centre[i]
        for j in range(i + 1):
            v += factor[i, j] * w[j]
        log_determinant += math.log(factor[i, i])
        if np.isinf(knee[i]):
            theta[i] = v
        else:
            logarithm, slope[i], turn[i] = log_scale(v)
            theta[i] = knee[i] + logarithm
            log_determinant += math.log(slope[i])
    return theta, log_determinant, slope, turn


@njit(error_model="numpy", nogil=True)
def _back(factor, slope, turn, of_theta, of_determinant):
    n = slope.shape[0]
    found = np.zeros(n)
    for i in range(n):
        of_v = of_theta[i] * slope[i] + of_determinant * turn[i]
        for j in range(i + 1):
            found[j] += factor[i, j] * of_v
    return found


@register_funcify_and_cache_key(BentMap)
def _(op, node=None, **kwargs):
    @numba_njit
    def bent(w, centre, factor, knee):
        theta, log_determinant, slope, turn = mapped(w, centre, factor, knee)
        return theta, np.asarray(log_determinant), slope, turn

    return bent, f"bayes_nlmem.bent_map-{_SOURCE_KEY}"


@register_funcify_and_cache_key(_Back)
def _(op, node=None, **kwargs):
    @numba_njit
    def back(factor, slope, turn, of_theta, of_determinant):
        return _back(factor, slope, turn, of_theta, of_determinant.item())

    return back, f"bayes_nlmem.bent_back-{_SOURCE_KEY}"
