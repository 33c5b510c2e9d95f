"""Doses to come, in words: how much, how often, how long, into what."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from numbers import Real

import pandas as pd

from bayes_nlmem.ground.messages import DataError, Fault, names_text

COLUMNS = ("TIME", "EVID", "AMT", "RATE", "II", "ADDL", "SS", "CMT")


@dataclass(frozen=True, repr=False)
class Regimen:
    """Doses given by a rule; `+` puts regimens together.

    Dose k of `count` doses is given at `start + k * every`. An infusion of `duration` has the rate
    amount / duration.

    Parameters
    ----------
    amount : float
        Amount of each dose, > 0; with `per`, the amount per unit of that covariate.
    every : float, optional
        Time between doses.
    count : int
        Number of doses; more than one needs `every`.
    duration : float
        Duration of the infusion, 0 for a bolus or an oral dose.
    start : float
        Time of the first dose.
    route : str or int, optional
        Compartment that the doses enter, by name or CMT; by default the structure's own.
    steady_state : bool
        The first dose finds the steady state of the same doses `every` so long.
    per : str, optional
        Covariate that multiplies the amount: `Regimen(5, per="WT")` is 5 mg/kg.
    more : tuple of Regimen
        Further doses, as made by `+`.

    Raises
    ------
    DataError
        With everything that is wrong: negative or missing amounts, intervals, counts, durations.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> loading = bn.Regimen(200, duration=1) + bn.Regimen(100, every=24, count=6, duration=1).shift(24)
    >>> loading
    Regimen: 200 over 1 at 0, then 6 x 100 over 1 every 24 from 24
    >>> loading.events()[["TIME", "AMT", "RATE", "II", "ADDL"]]
       TIME    AMT   RATE    II  ADDL
    0   0.0  200.0  200.0   0.0     0
    1  24.0  100.0  100.0  24.0     5
    """

    amount: float
    every: float | None = None
    count: int = 1
    duration: float = 0.0
    start: float = 0.0
    route: str | int | None = None
    steady_state: bool = False
    per: str | None = None
    more: tuple[Regimen, ...] = ()

    def __post_init__(self) -> None:
        if faults := list(_faults(self)):
            raise DataError(faults=faults, source=f"Regimen({self.amount!r}, ...)")

    @property
    def parts(self) -> tuple[Regimen, ...]:
        """Its rules, one by one."""
        return (replace(self, more=()), *self.more)

    def __add__(self, other: Regimen) -> Regimen:
        if not isinstance(other, Regimen):
            return NotImplemented
        return replace(self, more=(*self.more, *other.parts))

    def shift(self, time: float) -> Regimen:
        """The same doses, later by `time`."""
        return _of([replace(part, start=part.start + time) for part in self.parts])

    def scale(self, factor: float) -> Regimen:
        """The same doses with `factor` times the amounts."""
        return _of([replace(part, amount=part.amount * factor) for part in self.parts])

    def single_doses(self) -> Regimen:
        """The same doses, every one written out, so that each can be missed, changed or looked at.

        Examples
        --------
        >>> Regimen(100, every=12, count=2).single_doses()
        Regimen: 100 at 0, then 100 at 12
        """
        doses: list[Regimen] = []
        for part in self.parts:
            for k in range(part.count):
                steady = part.steady_state and k == 0
                start = part.start + k * (part.every or 0.0)
                every = part.every if steady else None
                doses.append(replace(part, count=1, every=every, steady_state=steady, start=start))
        return _of(doses)

    @property
    def last(self) -> float:
        """Time of the last dose."""
        return max(part.start + (part.count - 1) * (part.every or 0.0) for part in self.parts)

    @property
    def covariates(self) -> tuple[str, ...]:
        """Covariates that its amounts depend on."""
        return tuple(dict.fromkeys(part.per for part in self.parts if part.per is not None))

    def total(self, covariates: Mapping[str, float] | None = None) -> float:
        """Amount of all doses together."""
        return sum(part.count * _amount(part, covariates or {}) for part in self.parts)

    def events(self, covariates: Mapping[str, float] | None = None) -> pd.DataFrame:
        """Its doses as rows of an event table, in the order of time.

        Parameters
        ----------
        covariates : mapping, optional
            Values of the covariates that amounts depend on.

        Returns
        -------
        DataFrame
            TIME, EVID, AMT, RATE, II, ADDL, SS, CMT; one row per rule.
        """
        rows = []
        for part in self.parts:
            amount = _amount(part, covariates or {})
            repeated = part.count > 1 or part.steady_state
            rows.append(
                {
                    "TIME": float(part.start),
                    "EVID": 1,
                    "AMT": amount,
                    "RATE": amount / part.duration if part.duration else 0.0,
                    "II": float(part.every or 0.0) if repeated else 0.0,
                    "ADDL": part.count - 1,
                    "SS": int(part.steady_state),
                    "CMT": 0 if part.route is None else part.route,
                }
            )
        return pd.DataFrame(rows, columns=list(COLUMNS)).sort_values("TIME", kind="stable", ignore_index=True)

    def __repr__(self) -> str:
        return f"Regimen: {', then '.join(_words(part) for part in self.parts)}"


def _of(parts: list[Regimen]) -> Regimen:
    return replace(parts[0], more=tuple(parts[1:]))


def _amount(part: Regimen, covariates: Mapping[str, float]) -> float:
    if part.per is None:
        return float(part.amount)
    if part.per not in covariates:
        fault = Fault(
            "E_REGIMEN_COVARIATE",
            f"Expected a value of {part.per!r}, which the amount depends on, got "
            f"{names_text(tuple(covariates), noun='covariate') if covariates else 'no covariates'}.",
            remedy=f"Give it: covariates={{{part.per!r}: ...}}.",
        )
        raise DataError(faults=[fault], source=repr(part))
    return float(part.amount) * float(covariates[part.per])


def _words(part: Regimen) -> str:
    amount = f"{part.amount:g}" + (f" per {part.per}" if part.per else "")
    over = f" over {part.duration:g}" if part.duration else ""
    into = f" into {part.route}" if part.route is not None else ""
    steady = " at steady state" if part.steady_state else ""
    if part.count == 1 and not part.steady_state:
        return f"{amount}{over}{into} at {part.start:g}"
    return f"{part.count} x {amount}{over}{into} every {part.every:g}{steady} from {part.start:g}"


def _number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def _faults(part: Regimen):
    def fault(code: str, expected: str, got: object, remedy: str = "") -> Fault:
        return Fault(code, f"Expected {expected}, got {got!r}.", remedy=remedy)

    if not (_number(part.amount) and part.amount > 0):
        yield fault("E_REGIMEN_AMOUNT", "an amount above 0", part.amount)
    if isinstance(part.count, bool) or not isinstance(part.count, int) or part.count < 1:
        yield fault("E_REGIMEN_COUNT", "a whole number of doses, at least 1", part.count)
    elif part.count > 1 and part.every is None:
        yield fault("E_REGIMEN_EVERY", f"every=, the time between the {part.count} doses", part.every)
    if part.every is not None and not (_number(part.every) and part.every > 0):
        yield fault("E_REGIMEN_EVERY", "a time between doses above 0", part.every)
    elif part.every is not None and part.count == 1 and not part.steady_state:
        yield fault(
            "E_REGIMEN_EVERY", "no every= for a single dose", part.every, "Give count=, or leave it out."
        )
    if part.steady_state and part.every is None:
        yield fault("E_REGIMEN_EVERY", "every=, the time between the doses of the steady state", part.every)
    if not (_number(part.duration) and part.duration >= 0):
        yield fault("E_REGIMEN_DURATION", "a duration of at least 0", part.duration, "0 is a bolus.")
    if not _number(part.start):
        yield fault("E_REGIMEN_START", "a time", part.start)
    if part.per is not None and not isinstance(part.per, str):
        yield fault("E_REGIMEN_COVARIATE", "the name of a covariate", part.per)
