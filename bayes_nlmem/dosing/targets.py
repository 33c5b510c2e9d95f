"""Targets of a treatment: an area, a trough, a peak, a time above a threshold, within limits."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bayes_nlmem.ground.messages import FitError, explain
from bayes_nlmem.simulation.areas import segment_areas

KINDS = ("AUC", "trough", "peak", "average", "time above", "value")


@dataclass(frozen=True)
class Target:
    """A quantity of the patient's curve, and the range it should be in.

    Parameters
    ----------
    kind : {"AUC", "trough", "peak", "average", "time above", "value"}
        Area under the curve, value at the end, largest value, mean, share of the time above `threshold`,
        or value at the end under another name for effects; all over the window `over`.
    low, high : float
        The range aimed at; at least one is needed.
    over : (float, float)
        Window of time, counted from the beginning of the new regimen.
    output : str, optional
        Output of the structure; by default its first.
    threshold : float, optional
        For "time above".
    toxic : float, optional
        Value above which there is harm: its probability is reported and can be limited.

    Raises
    ------
    FitError
        An unknown kind, no limit, an empty window, a threshold that is missing or has no effect.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> bn.Target("AUC", low=400, high=600, over=(24, 48))
    Target: AUC of the first output over 24 to 48 between 400 and 600
    """

    kind: str
    low: float = -math.inf
    high: float = math.inf
    over: tuple[float, float] = (0.0, 24.0)
    output: str | None = None
    threshold: float | None = None
    toxic: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise FitError(explain(expected=f"a target among {', '.join(KINDS)}", got=repr(self.kind)))
        if not self.low < self.high or (self.low == -math.inf and self.high == math.inf):
            raise FitError(
                explain(
                    expected="low < high, one of them given",
                    got=f"low={self.low:g}, high={self.high:g}",
                    remedy='For example Target("trough", low=10, high=15).',
                )
            )
        if not (len(self.over) == 2 and 0 <= self.over[0] < self.over[1]):
            raise FitError(explain(expected="over=(from, to) with 0 <= from < to", got=f"over={self.over!r}"))
        if (self.kind == "time above") != (self.threshold is not None):
            raise FitError(
                explain(
                    expected="threshold= for a time above, and only there",
                    got=f"threshold={self.threshold!r} for {self.kind!r}",
                )
            )

    def of(self, time: np.ndarray, value: np.ndarray) -> np.ndarray:
        """The quantity of curves on a grid over the window.

        Parameters
        ----------
        time : ndarray, shape (n,)
        value : ndarray, shape (..., n)

        Returns
        -------
        ndarray, shape (...)
        """
        return _QUANTITIES[self.kind](time, value, self.threshold)

    def reached(self, quantity: np.ndarray) -> np.ndarray:
        """Whether the quantity is in the range."""
        return (quantity >= self.low) & (quantity <= self.high)

    def __repr__(self) -> str:
        limits = {
            (True, True): f"between {self.low:g} and {self.high:g}",
            (True, False): f"of at least {self.low:g}",
            (False, True): f"of at most {self.high:g}",
        }[math.isfinite(self.low), math.isfinite(self.high)]
        what = self.kind if self.threshold is None else f"share of time above {self.threshold:g}"
        where = self.output or "the first output"
        return f"Target: {what} of {where} over {self.over[0]:g} to {self.over[1]:g} {limits}"


def _area(time: np.ndarray, value: np.ndarray, threshold: float | None) -> np.ndarray:
    return segment_areas(time, value).sum(axis=-1)


def _average(time: np.ndarray, value: np.ndarray, threshold: float | None) -> np.ndarray:
    return _area(time, value, threshold) / (time[-1] - time[0])


def _last(time: np.ndarray, value: np.ndarray, threshold: float | None) -> np.ndarray:
    return value[..., -1]


def _largest(time: np.ndarray, value: np.ndarray, threshold: float | None) -> np.ndarray:
    return value.max(axis=-1)


def _time_above(time: np.ndarray, value: np.ndarray, threshold: float | None) -> np.ndarray:
    """Share of the window, the crossings found by linear interpolation."""
    above = value - threshold
    a, b = above[..., :-1], above[..., 1:]
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing = np.clip(np.where(a == b, 0.0, a / (a - b)), 0.0, 1.0)
    share = np.where(a >= 0, np.where(b >= 0, 1.0, crossing), np.where(b >= 0, 1.0 - crossing, 0.0))
    return (share * np.diff(time)).sum(axis=-1) / (time[-1] - time[0])


_QUANTITIES: dict[str, Callable[[np.ndarray, np.ndarray, float | None], np.ndarray]] = {
    "AUC": _area,
    "average": _average,
    "trough": _last,
    "value": _last,
    "peak": _largest,
    "time above": _time_above,
}
