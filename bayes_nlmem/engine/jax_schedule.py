"""The tables of a plan rewritten for array code: which dose can be seen by which query, as flat lists.

Parameters are constant within a segment. A query asks for the state at a record; the state at the end of a
segment with a successor is a query too. The system is linear, so a query is the sum of the doses since the
segment began and of the state it began with. When a dose arrives (lag) and when an infusion ends may depend
on parameters: then every dose given before is listed, and the arrays decide.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bayes_nlmem.engine import layout as at

# Earlier infusions of a steady state with modelled duration that may still run when it begins.
MOST_OVERLAPS = 4


@dataclass(frozen=True, eq=False)
class Visits:
    """Possible arrivals, one per entry (int or float arrays (B,)).

    The dose of `dose` that is `offset` later than the first one of its train is seen by `query`, which asks
    at `time`. It has arrived if it arrives up to `upto`; what happened up to `since_upto` (-inf: nothing) is
    part of the state at `since`. All of them are infusions, or none.
    """

    infused: bool
    query: np.ndarray
    dose: np.ndarray
    offset: np.ndarray
    time: np.ndarray
    upto: np.ndarray
    since: np.ndarray
    since_upto: np.ndarray


@dataclass(frozen=True, eq=False)
class Schedule:
    """Arrays for `jax_walk`.

    Parameters
    ----------
    dose : int array (n_doses,)
        Records that give a dose.
    steady : int array (n_steady,)
        Those doses (places in `dose`) that begin a steady state.
    modelled : bool array (n_doses,)
        Steady states whose earlier infusions may outlast `overlaps` intervals.
    overlaps : int array (n_doses,)
        Earlier infusions that are listed for a steady state.
    bolus, infusion, cycle : Visits
        Doses seen by queries; `cycle` are the infusions seen by the end of a cycle of a steady state (its
        queries are places in `steady`).
    jump_query, jump, jump_time : arrays
        Steady states seen by queries, and the time since.
    row, elapsed, follows : arrays (n_queries,)
        Parameter row of each query, time since its segment began, the query its segment begins with (-1:
        empty).
    chains : int array (n_levels, n_chains)
        End queries in order of time, by uninterrupted stretch of a subject (-1: none).
    answer_query, answer_comp, answer_subject, place : int arrays (n_requests,)
        Where each request finds its amount, and its place in the answer.
    subject : int array (n_records,)
        Subject of each record.
    """

    dose: np.ndarray
    steady: np.ndarray
    modelled: np.ndarray
    overlaps: np.ndarray
    bolus: Visits
    infusion: Visits
    cycle: Visits
    jump_query: np.ndarray
    jump: np.ndarray
    jump_time: np.ndarray
    row: np.ndarray
    elapsed: np.ndarray
    follows: np.ndarray
    chains: np.ndarray
    answer_query: np.ndarray
    answer_comp: np.ndarray
    answer_subject: np.ndarray
    place: np.ndarray
    subject: np.ndarray

    @property
    def n_visits(self) -> int:
        """Number of possible arrivals that the arrays evaluate."""
        return len(self.bolus.query) + len(self.infusion.query) + len(self.jump)


class _Segment:
    """A stretch of one subject under one parameter row while it is written."""

    def __init__(self, row: int, begin: float, record: int, follows: int, ends: list[int]) -> None:
        self.row, self.begin, self.record, self.follows, self.ends = row, begin, record, follows, ends


class _Writer:
    """Gathers the lists of a schedule subject by subject."""

    def __init__(self, floats: np.ndarray, ints: np.ndarray) -> None:
        self.time, self.ii = floats[:, at.TIME].tolist(), floats[:, at.II].tolist()
        self.amt, self.rate = floats[:, at.AMT].tolist(), floats[:, at.RATE].tolist()
        columns = (at.EVID, at.ADDL, at.SS, at.ROW, at.PHI_F, at.PHI_ALAG, at.ASKED, at.ASKED_END)
        self.evid, self.addl, self.ss, self.row, self.f, self.lag, self.asked, self.asked_end = (
            ints[:, column].tolist() for column in columns
        )
        given = np.isin(ints[:, at.EVID], (1, 4))
        self.dose = np.flatnonzero(given)
        self.number = np.where(given, np.cumsum(given) - 1, -1).tolist()
        steady = given & (ints[:, at.SS] > 0)
        self.steady_number = np.where(steady, np.cumsum(steady) - 1, -1).tolist()
        self.steady = np.flatnonzero(steady[self.dose])
        self.overlaps = [self._overlaps(r) for r in self.dose.tolist()]
        self.bolus: list[tuple] = []
        self.infusion: list[tuple] = []
        self.cycle: list[tuple] = []
        self.jumps: list[tuple] = []
        self.queries: list[tuple[_Segment, float]] = []
        self.chains: list[list[int]] = []
        self.query_of: dict[int, int] = {}

    def _overlaps(self, r: int) -> int:
        if not (self.ss[r] > 0 and self.ii[r] > 0 and self.rate[r] != 0):
            return 0
        return int(self.amt[r] / self.rate[r] / self.ii[r]) + 1 if self.known(r) else MOST_OVERLAPS

    def known(self, r: int) -> bool:
        """Whether the duration of the infusion is known from the data."""
        return self.rate[r] > 0 and self.f[r] < 0

    def subject(self, first: int, end: int) -> None:
        """Segments and queries of one subject."""
        close = at.SAME_TIME * max(
            (max(abs(self.time[r]), self.ii[r]) for r in range(first, end)), default=0.0
        )
        segment = _Segment(self.row[first], self.time[first], -1, -1, [])
        doses: list[int] = []
        for r in range(first, end):
            dosed = self.evid[r] in (1, 4)
            if self.evid[r] >= 3 or (dosed and self.ss[r] not in (0, 2)):
                segment, doses = _Segment(self.row[r], self.time[r], -1, -1, []), []
            elif self.row[r] != segment.row:
                segment = self._change(segment, r, doses, close)
            if dosed:
                doses.append(r)
            if self.asked[r] < self.asked_end[r]:
                self.query_of[r] = self._ask(segment, r, doses, close)

    def _change(self, segment: _Segment, r: int, doses: list[int], close: float) -> _Segment:
        """The segment that takes over from record r - 1 on."""
        begin = self.time[r - 1]
        if not doses:
            return _Segment(self.row[r], begin, -1, -1, [])
        if segment.follows < 0 and begin == segment.begin:
            segment.row = self.row[r]
            return segment
        query = self._ask(segment, r - 1, doses, close)
        if not segment.ends:
            self.chains.append(segment.ends)
        segment.ends.append(query)
        return _Segment(self.row[r], begin, r - 1, query, segment.ends)

    def _ask(self, segment: _Segment, r: int, doses: list[int], close: float) -> int:
        """A query at record r with everything it may see."""
        number = len(self.queries)
        self.queries.append((segment, self.time[r]))
        for d in doses:
            inside = d > segment.record
            if self.ss[d] > 0 and inside:
                self.jumps.append((number, self.steady_number[d], self.time[r] - self.time[d]))
            if self.ss[d] > 0 and self.ii[d] == 0:
                continue
            self._see(number, segment, r, d, inside, 0.0 if d == r else close, close)
        return number

    def _see(
        self, number: int, segment: _Segment, r: int, d: int, inside: bool, tolerance: float, close: float
    ) -> None:
        time, every, upto = self.time[r], self.ii[d], self.time[r] + tolerance
        since, since_upto = 0.0, -np.inf
        if not inside:
            since, since_upto = segment.begin, segment.begin + (0.0 if d == segment.record else close)
        last = self.addl[d]
        if d == r:
            last = 0
        elif every > 0:
            last = min(last, int((upto - self.time[d]) / every + 1e-6))
        infused = self.rate[d] != 0
        into = self.infusion if infused else self.bolus
        over = self.amt[d] / self.rate[d] if infused and self.known(d) else 0.0
        settled = not inside and self.lag[d] < 0 and (not infused or self.known(d))
        for k in range(-self.overlaps[self.number[d]], last + 1):
            entry = (number, self.number[d], k * every, time, upto, since, since_upto)
            if k < 0 and inside:
                entry = (*entry[:5], self.time[d], self.time[d] + at.SAME_TIME * every * (1 - k))
            if not (settled and self.time[d] + k * every + over <= since_upto):
                into.append(entry)

    def cycles(self) -> None:
        """The infusions of each steady state, seen from the end of a cycle."""
        for number, place in enumerate(self.steady.tolist()):
            r = int(self.dose[place])
            every = self.ii[r]
            if self.rate[r] == 0 or every == 0:
                continue
            for k in range(self.overlaps[place] + 1):
                close = at.SAME_TIME * every * (1 + k)
                began = (0.0, -np.inf) if k == 0 else (0.0, close)
                self.cycle.append((number, place, -k * every, every, every + close, *began))


def _visits(entries: list[tuple], infused: bool) -> Visits:
    columns = np.array(entries, float).reshape(-1, 7).T
    return Visits(infused, columns[0].astype(np.int64), columns[1].astype(np.int64), *columns[2:])


def lay_out(floats: np.ndarray, ints: np.ndarray, subjects: np.ndarray, requests: np.ndarray) -> Schedule:
    """Rewrite the tables of a plan (see `layout`)."""
    writer = _Writer(floats, ints)
    subject = np.zeros(len(ints), np.int64)
    for s, (first, end) in enumerate(subjects[:, [at.FIRST_RECORD, at.END_RECORD]].tolist()):
        subject[first:end] = s
        writer.subject(first, end)
    writer.cycles()
    asked = np.repeat(np.arange(len(ints)), ints[:, at.ASKED_END] - ints[:, at.ASKED])
    jumps = np.array(writer.jumps, float).reshape(-1, 3)
    levels = max((len(chain) for chain in writer.chains), default=0)
    chains = np.full((levels, len(writer.chains)), -1, np.int64)
    for i, chain in enumerate(writer.chains):
        chains[: len(chain), i] = chain
    infused = floats[writer.dose, at.RATE] != 0
    known = np.array([writer.known(r) for r in writer.dose.tolist()], dtype=np.bool_)
    steady = (ints[writer.dose, at.SS] > 0) & (floats[writer.dose, at.II] > 0)
    return Schedule(
        dose=writer.dose,
        steady=writer.steady,
        modelled=infused & steady & ~known,
        overlaps=np.array(writer.overlaps, np.int64),
        bolus=_visits(writer.bolus, False),
        infusion=_visits(writer.infusion, True),
        cycle=_visits(writer.cycle, True),
        jump_query=jumps[:, 0].astype(np.int64),
        jump=jumps[:, 1].astype(np.int64),
        jump_time=jumps[:, 2],
        row=np.array([segment.row for segment, _ in writer.queries], np.int64),
        elapsed=np.array([time - segment.begin for segment, time in writer.queries], float),
        follows=np.array([segment.follows for segment, _ in writer.queries], np.int64),
        chains=chains,
        answer_query=np.array([writer.query_of[r] for r in asked.tolist()], np.int64),
        answer_comp=requests[:, at.ASKED_COMP],
        answer_subject=subject[asked],
        place=requests[:, at.PLACE],
        subject=subject,
    )
