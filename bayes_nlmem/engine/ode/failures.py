"""Which subjects could not be solved, how often, and for which parameters: kept per model while it is used.

A sampler only sees a density of minus infinity there; what is kept here says afterwards where that was.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock

import numpy as np

from bayes_nlmem.engine import layout as at
from bayes_nlmem.engine.ode.machine_code import Code


@dataclass
class Failures:
    """Failed solutions of one subject.

    Parameters
    ----------
    reasons : dict of int to int
        Status -> how often.
    low, high : float arrays (P,)
        Smallest and largest value of every column of phi among them.
    """

    reasons: dict[int, int] = field(default_factory=dict)
    low: np.ndarray = field(default_factory=lambda: np.array(np.inf))
    high: np.ndarray = field(default_factory=lambda: np.array(-np.inf))

    @property
    def count(self) -> int:
        """How often."""
        return sum(self.reasons.values())


_kept: dict[str, dict[int, Failures]] = {}
_lock = Lock()


def note(code: Code, phi: np.ndarray, ints: np.ndarray, subjects: np.ndarray, status: np.ndarray) -> None:
    """Keep the failures of one solution; `ints` and `subjects` are tables of its plan."""
    with _lock:
        known = _kept.setdefault(code.key, {})
        for s in np.flatnonzero(status):
            rows = np.unique(ints[subjects[s, at.FIRST_RECORD] : subjects[s, at.END_RECORD], at.ROW])
            failures = known.setdefault(int(s), Failures())
            reason = int(status[s])
            failures.reasons[reason] = failures.reasons.get(reason, 0) + 1
            failures.low = np.fmin(failures.low, np.nanmin(phi[rows], axis=0, initial=np.inf))
            failures.high = np.fmax(failures.high, np.nanmax(phi[rows], axis=0, initial=-np.inf))


def failures_of(code: Code) -> dict[int, Failures]:
    """Subject (from 0, in the order of the data) -> its failures since they were last forgotten."""
    with _lock:
        return dict(_kept.get(code.key, {}))


def forget(code: Code) -> None:
    """Begin anew."""
    with _lock:
        _kept.pop(code.key, None)
