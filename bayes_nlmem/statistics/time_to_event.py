"""Times of events: when, how often, or not yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_nlmem.ground.formulas import Call, Equation, Formula, Symbol, less
from bayes_nlmem.ground.messages import explain
from bayes_nlmem.ground.prior import Prior, is_number
from bayes_nlmem.ground.values import refusal
from bayes_nlmem.statistics.endpoints import Rows, Trouble, one_of
from bayes_nlmem.statistics.hazards import Hazard


@dataclass(frozen=True)
class TimeToEvent:
    r"""Time to a single event or times of repeated events, with right and interval censoring.

    Every row speaks of the time since the row before it of the same subject, and with H the cumulative hazard

    ======================  ==================================  =====================================
    DV, CENS                what was seen                       log-likelihood
    ======================  ==================================  =====================================
    1                       an event at TIME                    log h(t) - (H(t) - H(t_before))
    0                       no event since the row before       -(H(t) - H(t_before))
    1 with CENS = 1         an event since the row before,      log(1 - exp(-(H(t) - H(t_before))))
                            its time is not known exactly
    ======================  ==================================  =====================================

    Follow-up begins at the subject's first record, of whatever kind (DV = 0 at the start, or a dose); what
    happened before is left-truncated. With `entry` it begins at that time in every subject, and a table with
    one row per subject is enough. The last row with DV = 0 is the right censoring. Repeated events are
    several rows with DV = 1.

    The hazard is either one of the closed forms, whose characteristic time is the output (covariates and
    random effects of that output make accelerated failure times), or any function: then the output is h
    itself and `cumulative` names the output that is H, for example an ODE state with dH/dt = h(cp).

    NONMEM: `F_FLAG=1` with a hazard compartment, Monolix: `type=event`, hazard=h, nlmixr2: `ll(y) ~ ...`.

    Parameters
    ----------
    hazard : ExponentialHazard, WeibullHazard, GompertzHazard, LogLogisticHazard, LogNormalHazard, or None
        None if the structure gives hazard and cumulative hazard.
    cumulative : str, optional
        Output of the structure that is the cumulative hazard.
    repeated : bool
        Whether a subject can have more than one event.
    clock : {"study", "event"}
        What t of a closed form counts from: the time 0 of the data, or the last event (renewal).
    entry : float, optional
        Where follow-up begins in everybody; by default at the subject's first record.

    Raises
    ------
    ModelError
        If neither or both of `hazard` and `cumulative` are given, or the words are none of the valid ones.

    References
    ----------
    Holford 2013, doi:10.1038/psp.2013.18

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> death = bn.TimeToEvent(bn.WeibullHazard(bn.LogNormal(1.0, cv=0.5)))
    >>> list(death.unknowns())
    ['shape']
    >>> bn.TimeToEvent(cumulative="H").inputs()
    {'cumulative': ('H', False), 'cumulative_before': ('H', True)}
    """

    hazard: Hazard | None = None
    cumulative: str | None = None
    repeated: bool = False
    clock: str = "study"
    entry: float | None = None

    def __post_init__(self) -> None:
        problems = []
        if (self.hazard is None) == (self.cumulative is None):
            remedy = "Write TimeToEvent(WeibullHazard(...)), or TimeToEvent(cumulative='H') with an output H."
            got = "both" if self.hazard is not None else "neither"
            problems.append(explain(expected="a closed hazard or `cumulative`", got=got, remedy=remedy))
        elif self.hazard is not None and (
            isinstance(self.hazard, type) or not isinstance(self.hazard, Hazard)
        ):
            remedy = "Write ExponentialHazard(), WeibullHazard(...), ..."
            problems.append(explain(expected="a hazard", got=repr(self.hazard), remedy=remedy))
        elif self.cumulative is not None and not isinstance(self.cumulative, str):
            remedy = "Name the output that is the cumulative hazard."
            problems.append(
                explain(expected="a name in `cumulative`", got=repr(self.cumulative), remedy=remedy)
            )
        if self.clock not in ("study", "event"):
            remedy = "Choose what the time of the hazard counts from."
            problems.append(explain(expected="clock='study' or 'event'", got=repr(self.clock), remedy=remedy))
        elif self.clock == "event" and (self.hazard is None or not self.repeated):
            remedy = "It has an effect on a closed hazard with repeated=True alone."
            problems.append(explain(expected="clock='study' here", got="clock='event'", remedy=remedy))
        if not isinstance(self.repeated, bool):
            problems.append(explain(expected="repeated=True or False", got=repr(self.repeated)))
        if self.entry is not None and not is_number(self.entry):
            problems.append(explain(expected="a time in `entry`", got=repr(self.entry)))
        elif self.entry is not None and self.cumulative is not None:
            remedy = "Begin the records there: a row with DV = 0, or EVID = 2."
            problems.append(
                explain(expected="no `entry` with `cumulative`", got=f"{self.entry:g}", remedy=remedy)
            )
        if problems:
            raise refusal(problems, "TimeToEvent is not well stated")

    def unknowns(self) -> dict[str, float | Prior]:
        """The shape of the hazard."""
        return self.hazard.unknowns() if self.hazard is not None else {}

    def inputs(self) -> dict[str, tuple[str, bool]]:
        """The cumulative hazard at the row and at the row before."""
        if self.cumulative is None:
            return {}
        return {"cumulative": (self.cumulative, False), "cumulative_before": (self.cumulative, True)}

    def constants(self, rows: Rows) -> dict[str, np.ndarray]:
        """`since` and `until`: the time at risk on the hazard's clock; `interval`: whether it is censored.

        `first` says which rows are the first of a subject.
        """
        interval = {"interval": (rows.cens == 1).astype(float), "first": rows.first.astype(float)}
        if self.cumulative is not None:
            return interval
        since, until = self._at_risk(rows)
        if self.clock == "event":
            origin = _last_event(rows, np.where(rows.first, since, 0.0))
            since, until = since - origin, until - origin
        return {"since": since, "until": until, **interval}

    def troubles(self, rows: Rows) -> Iterator[Trouble]:
        """DV other than 0 and 1, events at entry, follow-up of no length, records after a single event."""
        yield from one_of(rows, (0, 1), "DV of an event")
        remedy = "Write CENS = 1 where DV = 1 and the event came before TIME; right censoring is DV = 0."
        yield Trouble(
            "CENS 0, or 1 together with DV 1",
            ~np.isin(rows.cens, (0, 1)) | ((rows.cens == 1) & (rows.value != 1)),
            remedy,
        )
        since, until = self._at_risk(rows)
        remedy = "Begin with a row DV = 0 (or a dose) where follow-up begins, or give TimeToEvent(entry=0)."
        yield Trouble(
            "events after the beginning of follow-up",
            (rows.value == 1) & ~(until > since) & rows.first,
            remedy,
        )
        yield Trouble("TIME after `entry`", until < since, "Correct TIME, or the entry.")
        if len(rows.subject):
            followed = np.bincount(rows.subject, np.maximum(until - since, 0))[rows.subject] > 0
            yield Trouble("subjects with a time of follow-up", ~followed & rows.first, remedy)
        if self.hazard is not None:
            remedy = "The closed hazards count time from 0: shift TIME, or use `cumulative`."
            yield Trouble("TIME >= 0", since < 0, remedy)
        if not self.repeated:
            events = _events_before(rows)
            remedy = "Take the later rows out, or write repeated=True."
            yield Trouble("no row after the event", events > 0, remedy)
        both = (rows.value == 1) & ~rows.first & (until == since) & (rows.cens == 1)
        yield Trouble("an interval before an event with CENS 1", both, "Correct TIME of the row before.")

    def log_density(self, value: Any, f: Any, given: Mapping[str, Any]) -> Any:
        """Log-likelihood of every row."""
        import pytensor.tensor as pt

        f = pt.cast(f, "float64")
        possible = pt.gt(f, 0.0) if self.hazard is not None else pt.ge(f, 0.0)
        event = pt.eq(value, 1)
        exact = event & pt.eq(given["interval"], 0)
        if self.hazard is not None:
            scale, shape = pt.switch(possible, f, 1.0), self._shape(given, pt)
            risk = self._risk(scale, shape, given, pt)
            later = pt.gt(given["until"], 0.0)
            at = pt.switch(exact & later, given["until"], 1.0)
            log_hazard = self.hazard.log_hazard(at, scale, shape, pt)
        else:
            risk = given["cumulative"] - given["cumulative_before"]
            positive = pt.gt(f, 0.0)
            log_hazard = pt.switch(positive, pt.log(pt.switch(positive, f, 1.0)), -np.inf)
        censored = event & ~exact
        some = pt.gt(risk, 0.0)
        within = pt.log(-pt.expm1(-pt.switch(censored & some, risk, 1.0)))
        found = pt.switch(
            censored, pt.switch(some, within, -np.inf), pt.switch(exact, log_hazard, 0.0) - risk
        )
        return pt.switch(possible, found, -np.inf)

    def draw(self, rng: Any, f: Any, given: Mapping[str, Any], size: Any = None) -> Any:
        """Whether there is an event in the time at risk of each row, 1 or 0 (not its time).

        After a single event there is none: such rows are 0.
        """
        shape = np.broadcast_shapes(np.shape(f), *(np.shape(x) for x in given.values() if x is not None))
        shape = shape if size is None else tuple(np.atleast_1d(size))
        u = rng.random(shape)
        if self.clock == "study":
            drawn = (u < -np.expm1(-self.risk(f, given))).astype(float)
        if self.clock == "study" and self.repeated:
            return drawn
        first = np.broadcast_to(given["first"], shape).reshape(-1, shape[-1])[0] > 0
        if self.clock == "study":
            return _only_the_first_event(drawn, first)
        return self._renewals(u, np.broadcast_to(f, shape), given, first)

    def _renewals(
        self, u: np.ndarray, f: np.ndarray, given: Mapping[str, Any], first: np.ndarray
    ) -> np.ndarray:
        """Events row after row, the clock beginning again at each."""
        parts = {k: np.broadcast_to(given[k], u.shape) for k in ("since", "until")}
        shape = self._shape(given, np)
        shape = None if shape is None else np.broadcast_to(shape, u.shape)
        drawn, age = np.zeros(u.shape), np.zeros(u.shape[:-1])
        for k in range(u.shape[-1]):
            age = parts["since"][..., k] if first[k] else age
            length = parts["until"][..., k] - parts["since"][..., k]
            at = {"since": age, "until": age + length}
            risk = self._risk(f[..., k], None if shape is None else shape[..., k], at, np)
            drawn[..., k] = u[..., k] < -np.expm1(-risk)
            age = np.where(drawn[..., k] > 0, 0.0, age + length)
        return drawn

    def moments(self, f: Any, given: Mapping[str, Any]) -> tuple[Any, Any]:
        """The cumulative hazard of the time at risk, twice: DV less it is the martingale residual.

        Therneau, Grambsch & Fleming 1990, doi:10.1093/biomet/77.1.147
        """
        risk = self.risk(f, given)
        return risk, risk

    def risk(self, f: Any, given: Mapping[str, Any]) -> Any:
        """H(t) - H(t_before) of every row in numpy."""
        if self.hazard is None:
            return np.asarray(given["cumulative"]) - given["cumulative_before"]
        return self._risk(np.asarray(f, float), self._shape(given, np), given, np)

    def event_times(self, rng: Any, f: Any, given: Mapping[str, Any]) -> Any:
        """Random times of the next event after `since`, on the hazard's clock (closed hazards)."""
        assert self.hazard is not None
        shape = self._shape(given, np)
        start = self.hazard.cumulative(np.asarray(given["since"], float), f, shape, np)
        passed = start + rng.standard_exponential(np.shape(start))
        return self.hazard.time(passed, f, shape)

    def equations(
        self,
        observed: Formula,
        f: Formula,
        parameter: Callable[[str], Formula],
        other: Callable[[str], Formula],
    ) -> Sequence[Equation]:
        """The law for printing: hazard and survival."""
        t = Symbol("t")
        if self.hazard is None:
            return [
                Equation(Call("h", (t,)), f),
                Equation(Call("H", (t,)), other("cumulative")),
                self._law(observed),
            ]
        shape = parameter("shape") if self.unknowns() else Symbol("shape")
        return [Equation(Call("h", (t,)), self.hazard.formula(t, f, shape)), self._law(observed)]

    def meaning(self, suffix: str) -> str:
        """Words for the tables."""
        return f"shape of the hazard ({type(self.hazard).__name__})"

    def _law(self, observed: Formula) -> Equation:
        t, before = Symbol("t", index="ij"), Symbol("t", index="i,j-1")
        risk = less(Call("H", (before,)), Call("H", (t,)))
        survival = Call("P", (Symbol("no event since the row before"),))
        return Equation(survival, Call("exp", (risk,)))

    def _shape(self, given: Mapping[str, Any], xp: Any) -> Any:
        shape = given.get("shape")
        return shape if shape is None or xp is np else xp.cast(shape, "float64")

    def _risk(self, scale: Any, shape: Any, given: Mapping[str, Any], xp: Any) -> Any:
        assert self.hazard is not None
        until = self.hazard.cumulative(given["until"], scale, shape, xp)
        return until - self.hazard.cumulative(given["since"], scale, shape, xp)

    def _at_risk(self, rows: Rows) -> tuple[np.ndarray, np.ndarray]:
        entry = rows.entry if self.entry is None else np.full(len(rows.time), float(self.entry))
        return rows.previous(rows.time, entry), rows.time


def _only_the_first_event(drawn: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Draws of a single event: after it there is none."""
    had = np.zeros(drawn.shape[:-1], bool)
    for k in range(drawn.shape[-1]):
        had = had & (not first[k])
        drawn[..., k] = np.where(had, 0.0, drawn[..., k])
        had = had | (drawn[..., k] == 1)
    return drawn


def _events_before(rows: Rows) -> np.ndarray:
    """Number of events of the subject in earlier rows."""
    if not len(rows.value):
        return np.zeros(0)
    so_far = np.cumsum(rows.value == 1) - (rows.value == 1)
    start = np.maximum.accumulate(np.where(rows.first, np.arange(len(so_far)), 0))
    return so_far - so_far[start]


def _last_event(rows: Rows, entry: np.ndarray) -> np.ndarray:
    """Time of the subject's last event before each row; where it entered, if there is none."""
    found = np.zeros(len(rows.time))
    current = 0.0
    for k, first in enumerate(rows.first):
        if first:
            current = entry[k]
        found[k] = current
        if rows.value[k] == 1:
            current = rows.time[k]
    return found
