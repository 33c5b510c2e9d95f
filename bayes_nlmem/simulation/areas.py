"""Areas under a curve, trapezoid by trapezoid."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_nlmem.ground.messages import BayesNlmemError, explain

AREA_RULES = ("linear up, log down", "linear", "log")


def segment_areas(time: Any, value: Any, *, rule: str = "linear up, log down") -> np.ndarray:
    r"""Areas between neighbouring points.

    Linear: :math:`(t_2-t_1)(c_1+c_2)/2`. Logarithmic, exact where the curve falls exponentially:
    :math:`(t_2-t_1)(c_1-c_2)/\log(c_1/c_2)`; where it cannot be used (a value of 0, or equal values) linear.

    Parameters
    ----------
    time : array, shape (n,)
        Increasing times.
    value : array, shape (..., n)
        Curves along the last axis.
    rule : {"linear up, log down", "linear", "log"}
        The logarithmic rule where the curve falls (the default), nowhere, or wherever it can be used.

    Returns
    -------
    ndarray, shape (..., n - 1)

    Raises
    ------
    BayesNlmemError
        If the rule is unknown.

    Examples
    --------
    >>> time = np.array([0.0, 1.0, 3.0])
    >>> segment_areas(time, np.array([0.0, 4.0, 1.0])).round(4)
    array([2.    , 4.3281])
    """
    if rule not in AREA_RULES:
        raise BayesNlmemError(explain(expected=f"rule one of {', '.join(AREA_RULES)}", got=repr(rule)))
    time, value = np.asarray(time, float), np.asarray(value, float)
    width = np.diff(time)
    first, second = value[..., :-1], value[..., 1:]
    linear = width * (first + second) / 2
    if rule == "linear":
        return linear
    usable = (first > 0) & (second > 0) & (np.abs(first - second) > 1e-9 * np.abs(first))
    usable &= (second < first) if rule == "linear up, log down" else True
    with np.errstate(divide="ignore", invalid="ignore"):
        logarithmic = width * (first - second) / np.log(first / second)
    return np.where(usable, logarithmic, linear)


def segment_moments(time: Any, value: Any) -> np.ndarray:
    """Areas of time x value between neighbouring points, linear up and logarithmic down.

    Parameters
    ----------
    time : array, shape (n,)
        Increasing times.
    value : array, shape (..., n)
        Curves along the last axis.

    Returns
    -------
    ndarray, shape (..., n - 1)

    Examples
    --------
    An exponential has mean time 1 / rate:

    >>> time = np.linspace(0, 60, 13)
    >>> curve = np.exp(-0.5 * time)
    >>> round(float(segment_moments(time, curve).sum() / segment_areas(time, curve).sum()), 6)
    2.0
    """
    time, value = np.asarray(time, float), np.asarray(value, float)
    width = np.diff(time)
    first, second = value[..., :-1], value[..., 1:]
    linear = width * (time[:-1] * first + time[1:] * second) / 2
    falls = (first > 0) & (second > 0) & (second < first * (1 - 1e-9))
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.log(first / second) / width
        falling = (time[:-1] * first - time[1:] * second) / rate + (first - second) / rate**2
    return np.where(falls, falling, linear)
