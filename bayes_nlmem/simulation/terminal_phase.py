"""The terminal phase of a profile: the slope of the last points on the log scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_TIE = 1e-4  # of adjusted R2: among equally good choices the one with the most points


@dataclass(frozen=True)
class TerminalPhase:
    """The straight line through the last points of a profile on the log scale.

    Parameters
    ----------
    rate : float
        Terminal rate constant lambda_z [1/time], > 0; NaN where there is none.
    intercept : float
        Log of the line at time 0.
    points : int
        Number of points used.
    start, stop : float
        Times of the first and the last of them.
    adjusted_r2 : float
        Adjusted coefficient of determination.

    Examples
    --------
    >>> round(TerminalPhase(0.1, 0.0, 3, 6.0, 24.0, 0.99).half_life, 2)
    6.93
    """

    rate: float
    intercept: float
    points: int
    start: float
    stop: float
    adjusted_r2: float

    @property
    def half_life(self) -> float:
        """Half-life of the terminal phase, log 2 / rate."""
        return float(np.log(2) / self.rate)

    def at(self, time: float) -> float:
        """The line's value at a time, on the scale of the profile."""
        return float(np.exp(self.intercept - self.rate * time))


NONE = TerminalPhase(np.nan, np.nan, 0, np.nan, np.nan, np.nan)


def terminal_phase(
    time: np.ndarray, value: np.ndarray, *, after: float = -np.inf, fewest: int = 3
) -> TerminalPhase:
    """Find the terminal slope: the last 3, 4, ... points with the best adjusted R2.

    Among choices whose adjusted R2 is within 0.0001 of the best, the one with the most points is taken, as
    Phoenix WinNonlin and PKNCA do.

    Parameters
    ----------
    time, value : ndarray, shape (n,)
        The profile; values that are not positive are passed over.
    after : float
        Only points later than this time count: the time of the maximum, unless the dose was a bolus.
    fewest : int
        Smallest number of points.

    Returns
    -------
    TerminalPhase
        All NaN where there are too few points or the profile does not fall.

    Examples
    --------
    >>> time = np.array([0, 1, 2, 4, 8, 12.0])
    >>> found = terminal_phase(time, 5 * np.exp(-0.3 * time))
    >>> found.points, round(found.rate, 6)
    (6, 0.3)
    """
    usable = (value > 0) & (time > after) & np.isfinite(value)
    t, y = time[usable], np.log(value[usable])
    found = [phase for n in range(fewest, len(t) + 1) if (phase := _line(t[-n:], y[-n:])) is not None]
    if not found:
        return NONE
    best = max(phase.adjusted_r2 for phase in found)
    chosen = max(
        (phase for phase in found if phase.adjusted_r2 >= best - _TIE), key=lambda phase: phase.points
    )
    return chosen if chosen.rate > 0 else NONE


def _line(t: np.ndarray, y: np.ndarray) -> TerminalPhase | None:
    n, spread = len(t), np.ptp(t)
    if n < 3 or spread == 0:
        return None
    slope = float(np.sum((t - t.mean()) * (y - y.mean())) / np.sum((t - t.mean()) ** 2))
    intercept = float(y.mean() - slope * t.mean())
    total = float(np.sum((y - y.mean()) ** 2))
    if slope >= 0 or total == 0:
        return None
    r2 = 1 - float(np.sum((y - intercept - slope * t) ** 2)) / total
    return TerminalPhase(-slope, intercept, n, float(t[0]), float(t[-1]), 1 - (1 - r2) * (n - 1) / (n - 2))
