"""Doses that take several routes at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from bayes_nlmem.engine.records import Records, Requests
from bayes_nlmem.ground.messages import DataError, explain


def by_routes(
    records: Records,
    requests: Requests,
    default: int,
    compartments: Sequence[str],
    routes: Mapping[str, str],
    dose_inputs: Sequence[Mapping[str, str]],
    linear: bool,
) -> tuple[Records, Requests, np.ndarray, np.ndarray]:
    """Repeat the doses into the default compartment, once for each route.

    Parameters
    ----------
    records, requests
        Events, and what is asked of them.
    default : int
        Compartment (from 0) whose doses take the routes, as those without CMT do.
    compartments, routes
        Names, and route -> compartment.
    dose_inputs : sequence of mapping
        For each compartment, then each route: columns of F, ALAG, D, R.
    linear : bool
        Whether a steady state is the sum of those of the routes.

    Returns
    -------
    Records, Requests, compartment (from 0) of each record, and door (compartment or, behind, route).

    Raises
    ------
    DataError
        An infusion (RATE) by several routes, or their steady state (SS) where it is no sum of theirs.
    """
    comp = np.where(records.cmt == 0, default, records.cmt - 1)
    routed = np.isin(records.evid, (1, 4)) & (comp == default)
    if not routes or not routed.any():
        return records, requests, comp, comp
    infused = np.flatnonzero(routed & (records.rate != 0))
    if infused.size:
        raise DataError(
            explain(
                expected=f"RATE 0 for doses that take the routes {', '.join(routes)}",
                got=f"RATE {records.rate[infused[0]]:g} (record {infused[0] + 1})",
                remedy="Give infusions another compartment, by CMT.",
            )
        )
    if not linear and (steady := np.flatnonzero(routed & (records.ss > 0))).size:
        raise DataError(
            explain(
                expected="no steady state (SS) of several routes where the equations are not linear",
                got=f"SS {records.ss[steady[0]]} (record {steady[0] + 1})",
                remedy="Give the doses before it as records of their own (ADDL).",
            )
        )
    n = len(compartments)
    copies = np.where(routed, len(routes), 1)
    source = np.repeat(np.arange(records.n), copies)
    number = np.arange(len(source)) - np.repeat(np.cumsum(copies) - copies, copies)
    again, taken = number > 0, routed[source]
    into = np.array([list(compartments).index(c) for c in routes.values()], np.int64)
    door = np.where(taken, n + number, comp[source])
    infusing = np.array(["D" in names for names in dose_inputs])[door]
    start = np.concatenate([[0], np.cumsum(copies)])[records.start]
    evid = records.evid[source]
    ss = records.ss[source]
    expanded = replace(
        records,
        start=start,
        **{name: getattr(records, name)[source] for name in ("time", "amt", "ii", "addl", "row", "row_at")},
        rate=np.where(taken & infusing, -2.0, records.rate[source]),
        evid=np.where(again & (evid == 4), 1, evid),
        ss=np.where(again & (ss == 1), 2, ss),
        cmt=np.where(taken, into[number] + 1, records.cmt[source]),
    )
    last = np.cumsum(copies) - 1
    return (
        expanded,
        Requests(last[requests.record], requests.output),
        np.where(taken, into[number], comp[source]),
        door,
    )
