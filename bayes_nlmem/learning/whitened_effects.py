"""All random effects of every subject from whitened coordinates, in one operation with its derivatives.

Given the population, the effects b_i of a subject (those of its occasions included) are nearly normal with
precision A_i = H_i + P, where H_i is the information in its data and P the precision of the population:

    b_i = A_i^-1 (c_i - M_i mu_i) + L_i^-T u_i,      A_i = L_i L_i',      log|db_i/du_i| = -sum log diag L_i

The effects of the occasions come first, those of the subject last: two occasions share no information but
through the subject, so A_i is an arrow and its factor has no more entries than A_i itself.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytensor.tensor as pt
from numba import njit
from pytensor.gradient import DisconnectedType, disconnected_type
from pytensor.graph.basic import Apply, Variable
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_and_cache_key

SOURCE_KEY = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]


class WhitenedEffects(Op):
    """(effects, log-determinant) as a function of (u, mu, factor of the subject, of the occasion).

    Inputs: u (n_effects,) and mu (n_subjects, n_typical); the lower factors (n, n) and (m, m) of the
    covariances; information (n_subjects, d, d), constant (n_subjects, d), slope (n_subjects, d, n_typical);
    slots (n_subjects, d), the positions of a subject's effects in u, -1 where it has none: those of the
    occasions first, m for each, then the n of the subject. The factors L and the solutions of L w = r are
    further outputs, kept for the derivatives.
    """

    __props__ = ("source",)

    def __init__(self, source: str = SOURCE_KEY) -> None:
        self.source = source

    def make_node(self, *inputs: Variable) -> Apply:
        """Apply to the eight inputs."""
        kinds = (
            [("float64", 1)]
            + [("float64", 2)] * 3
            + [("float64", 3), ("float64", 2), ("float64", 3), ("int64", 2)]
        )
        taken = [pt.as_tensor_variable(x, dtype=k, ndim=n) for x, (k, n) in zip(inputs, kinds, strict=True)]
        return Apply(self, taken, [pt.dvector(), pt.dscalar(), pt.dtensor3(), pt.dmatrix()])

    def perform(self, node: Apply, inputs: Any, output_storage: Any) -> None:
        """Run from the C and Python backends."""
        for storage, value in zip(output_storage, _effects(*inputs), strict=True):
            storage[0] = np.asarray(value)

    def infer_shape(self, node: Apply, shapes: list) -> list:
        """Shapes from the inputs."""
        return [shapes[0], (), shapes[4], shapes[5]]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """Coordinates, typical values and factors have derivatives, the data have none."""
        return [[True, True, False, False]] * 4 + [[False] * 4] * 4

    def pullback(self, inputs: list, outputs: list, cotangents: list) -> list:
        """Derivatives in u, mu and the factors."""
        missing = [isinstance(c.type, DisconnectedType) for c in cotangents]
        if not (missing[2] and missing[3]):
            raise NotImplementedError("The whitening has first derivatives only.")
        of_effects = pt.zeros_like(outputs[0]) if missing[0] else cotangents[0]
        of_determinant = pt.constant(0.0) if missing[1] else cotangents[1]
        found = _Slopes(self.source)(*inputs, outputs[0], outputs[2], outputs[3], of_effects, of_determinant)
        return [*found, *(disconnected_type() for _ in inputs[4:])]


class _Slopes(Op):
    """Derivatives of `WhitenedEffects` in its first four inputs."""

    __props__ = ("source",)

    def __init__(self, source: str) -> None:
        self.source = source

    def make_node(self, *inputs: Variable) -> Apply:
        taken = [pt.as_tensor_variable(x) for x in inputs]
        return Apply(self, taken, [pt.dvector(), pt.dmatrix(), pt.dmatrix(), pt.dmatrix()])

    def perform(self, node: Apply, inputs: Any, output_storage: Any) -> None:
        *most, of_determinant = inputs
        for storage, value in zip(output_storage, _slopes(*most, float(of_determinant)), strict=True):
            storage[0] = value

    def infer_shape(self, node: Apply, shapes: list) -> list:
        return shapes[:4]


whitened_effects = WhitenedEffects()


@njit(error_model="numpy", nogil=True)
def _precision(factor):
    """Inverse of L L'."""
    n = factor.shape[0]
    inverse = np.zeros((n, n))
    for j in range(n):
        inverse[j, j] = 1.0 / factor[j, j]
        for i in range(j + 1, n):
            total = 0.0
            for k in range(j, i):
                total += factor[i, k] * inverse[k, j]
            inverse[i, j] = -total / factor[i, i]
    product = np.zeros((n, n))
    for i in range(n):
        for j in range(i + 1):
            total = 0.0
            for k in range(i, n):
                total += inverse[k, i] * inverse[k, j]
            product[i, j] = total
            product[j, i] = total
    return product


@njit(error_model="numpy", nogil=True)
def _effects(u, mu, of_subject, of_occasion, information, constant, slope, slots):
    n_subjects, d = slots.shape
    n, m, q = of_subject.shape[0], of_occasion.shape[0], mu.shape[1]
    own, occasional = _precision(of_subject), _precision(of_occasion)
    at_subject = d - n  # the occasions' effects come before
    effects = np.zeros(u.shape[0])
    lower, solved = np.zeros((n_subjects, d, d)), np.zeros((n_subjects, d))
    x = np.zeros(d)
    log_determinant = 0.0
    for s in range(n_subjects):
        for i in range(d):
            if slots[s, i] < 0:
                lower[s, i, i] = 1.0
                continue
            first = 0 if i >= at_subject else (i // m) * m
            right = constant[s, i]
            for k in range(q):
                right -= slope[s, i, k] * mu[s, k]
            for j in range(first, i + 1):
                if slots[s, j] < 0:
                    continue
                entry = information[s, i, j]
                if j >= at_subject:
                    entry += own[i - at_subject, j - at_subject]
                elif i < at_subject:
                    entry += occasional[i - first, j - first]
                start = max(first, 0 if j >= at_subject else (j // m) * m)
                for k in range(start, j):
                    entry -= lower[s, i, k] * lower[s, j, k]
                if i == j:
                    lower[s, i, i] = np.sqrt(entry)
                else:
                    lower[s, i, j] = entry / lower[s, j, j]
                    right -= lower[s, i, j] * solved[s, j]
            solved[s, i] = right / lower[s, i, i]
            log_determinant -= np.log(lower[s, i, i])
        for i in range(d):
            x[i] = solved[s, i] + u[slots[s, i]] if slots[s, i] >= 0 else 0.0
        for i in range(d - 1, -1, -1):
            if slots[s, i] < 0:
                continue
            x[i] /= lower[s, i, i]
            effects[slots[s, i]] = x[i]
            first = 0 if i >= at_subject else (i // m) * m
            for j in range(first, i):
                x[j] -= lower[s, i, j] * x[i]
    return effects, log_determinant, lower, solved


@njit(error_model="numpy", nogil=True)
def _slopes(
    u, mu, of_subject, of_occasion, information, constant, slope, slots, effects, lower, solved,
    of_effects, of_determinant,
):  # fmt: skip
    n_subjects, d = slots.shape
    n, m, q = of_subject.shape[0], of_occasion.shape[0], mu.shape[1]
    at_subject = d - n
    to_u, to_mu = np.zeros(u.shape[0]), np.zeros(mu.shape)
    to_own, to_occasional = np.zeros((n, n)), np.zeros((m, m))
    y, r, x = np.zeros(d), np.zeros(d), np.zeros(d)
    bar = np.zeros((d, d))
    for s in range(n_subjects):
        for i in range(d):
            slot = slots[s, i]
            if slot < 0:
                y[i] = r[i] = x[i] = 0.0
                continue
            first = 0 if i >= at_subject else (i // m) * m
            x[i] = effects[slot]
            total = of_effects[slot]
            for j in range(first, i):
                total -= lower[s, i, j] * y[j]
            y[i] = total / lower[s, i, i]
            to_u[slot] += y[i]
            r[i] = y[i]
        for i in range(d - 1, -1, -1):
            if slots[s, i] < 0:
                continue
            r[i] /= lower[s, i, i]
            first = 0 if i >= at_subject else (i // m) * m
            for j in range(first, i):
                r[j] -= lower[s, i, j] * r[i]
        for i in range(d):
            if slots[s, i] < 0:
                continue
            for k in range(q):
                to_mu[s, k] -= slope[s, i, k] * r[i]
            first = 0 if i >= at_subject else (i // m) * m
            for j in range(first, i + 1):
                bar[i, j] = -x[i] * y[j] - r[i] * solved[s, j]
            bar[i, i] -= of_determinant / lower[s, i, i]
        for i in range(d - 1, -1, -1):
            if slots[s, i] < 0:
                continue
            first = 0 if i >= at_subject else (i // m) * m
            for j in range(i, first - 1, -1):
                if slots[s, j] < 0:
                    continue
                if i == j:
                    back = 0.5 * bar[i, i] / lower[s, i, i]
                else:
                    back = bar[i, j] / lower[s, j, j]
                    bar[j, j] -= back * lower[s, i, j]
                start = max(first, 0 if j >= at_subject else (j // m) * m)
                for k in range(start, j):
                    bar[i, k] -= back * lower[s, j, k]
                    bar[j, k] -= back * lower[s, i, k]
                if j >= at_subject:
                    to_own[i - at_subject, j - at_subject] += back
                elif i < at_subject:
                    to_occasional[i - first, j - first] += back
    return to_u, to_mu, _to_factor(to_own, of_subject), _to_factor(to_occasional, of_occasion)


@njit(error_model="numpy", nogil=True)
def _to_factor(of_precision, factor):
    """Derivative in L from the derivative in the lower entries of (L L')^-1."""
    n = factor.shape[0]
    precision = _precision(factor)
    middle, outer, found = np.zeros((n, n)), np.zeros((n, n)), np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            for k in range(j, n):
                middle[i, j] += precision[i, k] * of_precision[k, j]
    for i in range(n):
        for j in range(n):
            for k in range(n):
                outer[i, j] -= middle[i, k] * precision[k, j]
    for i in range(n):
        for j in range(i + 1):
            for k in range(n):
                found[i, j] += (outer[i, k] + outer[k, i]) * factor[k, j]
    return found


@register_funcify_and_cache_key(WhitenedEffects)
def _(op, node=None, **kwargs):
    @numba_njit
    def whitened(u, mu, of_subject, of_occasion, information, constant, slope, slots):
        effects, log_determinant, lower, solved = _effects(
            u, mu, of_subject, of_occasion, information, constant, slope, slots
        )
        return effects, np.asarray(log_determinant), lower, solved

    return whitened, f"bayes_nlmem.whitened_effects-{SOURCE_KEY}"


@register_funcify_and_cache_key(_Slopes)
def _(op, node=None, **kwargs):
    @numba_njit
    def slopes(u, mu, one, two, h, c, m, slots, effects, lower, solved, of_effects, of_determinant):
        return _slopes(
            u, mu, one, two, h, c, m, slots, effects, lower, solved, of_effects, of_determinant.item()
        )

    return slopes, f"bayes_nlmem.whitened_slopes-{SOURCE_KEY}"
