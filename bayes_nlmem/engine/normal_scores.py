"""Quantiles of Student's t as a differentiable operation of PyTensor, scipy's own function underneath."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.scalar as ps
import pytensor.tensor as pt
from pytensor.scalar.basic import ScalarOp, upgrade_to_float
from pytensor.tensor.elemwise import Elemwise
from scipy import special

# Five-point derivative in the degrees of freedom: steps relative to df, weights of F(df (1 + step)).
_STEP = 2e-3
_WEIGHTS = ((-2, 1 / 12), (-1, -8 / 12), (1, 8 / 12), (2, -1 / 12))


class _Distribution(ScalarOp):
    """F(t; df), the distribution function of Student's t."""

    nfunc_spec = ("scipy.special.stdtr", 2, 1)

    def impl(self, df: float, t: float) -> float:
        return special.stdtr(df, t)

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        df, t = inputs
        [slope] = cotangents
        return [slope * _slope_in_df(df, t), slope * _density(df, t)]

    def c_code(self, *arguments: Any) -> str:
        raise NotImplementedError


class _Quantile(ScalarOp):
    """The t with F(t; df) = p."""

    nfunc_spec = ("scipy.special.stdtrit", 2, 1)

    def impl(self, df: float, p: float) -> float:
        return special.stdtrit(df, p)

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        df, _ = inputs
        [t] = outputs
        [slope] = cotangents
        density = _density(df, t)
        return [-slope * _slope_in_df(df, t) / density, slope / density]

    def c_code(self, *arguments: Any) -> str:
        raise NotImplementedError


_distribution = _Distribution(upgrade_to_float, name="t_distribution")
_quantile = _Quantile(upgrade_to_float, name="t_quantile")
_tensor_quantile = Elemwise(_quantile, name="Elemwise{t_quantile}")


def t_lower_quantile(df: Any, p: Any) -> Any:
    """The t with F(t; df) = p, elementwise and differentiable in both; exact digits for p <= 1/2.

    Examples
    --------
    >>> round(float(t_lower_quantile(4.0, 0.025).eval()), 4)
    -2.7764
    """
    return _tensor_quantile(pt.as_tensor(df, dtype="float64"), pt.as_tensor(p, dtype="float64"))


def _density(df: Any, t: Any) -> Any:
    half = (df + 1.0) / 2.0
    constant = ps.gammaln(half) - ps.gammaln(df / 2.0) - 0.5 * ps.log(df * np.pi)
    return ps.exp(constant - half * ps.log1p(t * t / df))


def _slope_in_df(df: Any, t: Any) -> Any:
    terms = [weight * _distribution(df * (1.0 + k * _STEP), t) for k, weight in _WEIGHTS]
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total / (df * _STEP)
