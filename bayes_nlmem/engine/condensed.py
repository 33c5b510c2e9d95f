"""The records that a walk needs: none after the last question, and equal doses in a row as one record.

Doses that are equal and come at equal intervals are one record with additional doses (ADDL, II), as if
they had been written so; questions and other doses may stand in between. The amounts are the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bayes_nlmem.engine import layout as at
from bayes_nlmem.engine.records import Records

# Doses at equal intervals may miss them by a few units in the last place.
_ROUNDING = 4 * np.finfo(float).eps


@dataclass
class _Run:
    """Equal doses at equal intervals so far; with one dose the interval is still open (0)."""

    record: int
    begin: float
    every: float
    count: int

    def continued_by(self, time: float, addl: int, ii: float) -> bool:
        """Take a dose in, if it is the next one."""
        every = self.every or time - self.begin
        miss = abs(self.begin + self.count * every - time)
        if every <= 0.0 or miss > _ROUNDING * max(abs(self.begin), abs(time)) or (addl > 0 and ii != every):
            return False
        self.every = every
        self.count += 1 + addl
        return True


def condensed(
    records: Records, comp: np.ndarray, rate: np.ndarray, asked: np.ndarray
) -> tuple[Records, np.ndarray]:
    """The records that matter for some questions.

    Parameters
    ----------
    records : Records
    comp : int array (n_records,)
        Compartment that the dose of each record enters.
    rate : float array (n_records,)
        RATE, as the kernels are told.
    asked : int array (m,)
        Records at which something is asked.

    Returns
    -------
    Records, int array
        The records left, and where they stood.
    """
    question = np.zeros(records.n, bool)
    question[asked] = True
    # A record may go if the next one governs the interval that ends at it as well.
    may_go = np.append(records.row[:-1] == records.row[1:], False) & ~question
    keep = np.zeros(records.n, bool)
    addl, ii = records.addl.copy(), records.ii.copy()
    doses = list(
        zip(comp.tolist(), rate.tolist(), records.amt.tolist(), records.row_at.tolist(), strict=True)
    )
    columns = (records.time, records.evid, records.ss, records.addl, records.ii)
    time, evid, ss, more, every = (column.tolist() for column in columns)
    for s in range(records.n_subjects):
        first, end = records.start[s : s + 2].tolist()
        end = first + int(np.flatnonzero(question[first:end]).max(initial=-1)) + 1
        close = at.SAME_TIME * max((max(abs(time[r]), every[r]) for r in range(first, end)), default=0.0)
        runs: dict[tuple, _Run] = {}
        answered = -np.inf
        for r in range(first, end):
            if evid[r] >= 3 or ss[r] > 0:
                runs = {}
            if evid[r] in (1, 4):
                run = runs.get(doses[r])
                if (
                    run is not None
                    and may_go[r]
                    and answered < time[r] - close  # a question before the dose stays before it
                    and run.continued_by(time[r], more[r], every[r])
                ):
                    addl[run.record], ii[run.record] = run.count - 1, run.every
                    continue
                keep[r] = True
                if ss[r] == 0:
                    runs[doses[r]] = _Run(r, time[r], every[r] if more[r] > 0 else 0.0, 1 + more[r])
            else:
                keep[r] = evid[r] == 3 or not may_go[r]
            if question[r]:
                answered = time[r]
    kept = np.flatnonzero(keep)
    left = {
        name: getattr(records, name)[kept]
        for name in ("time", "evid", "amt", "rate", "ss", "cmt", "row", "row_at")
    }
    start = np.searchsorted(kept, records.start)
    return replace(records, start=start, addl=addl[kept], ii=ii[kept], **left), kept
