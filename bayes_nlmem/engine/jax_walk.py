"""The walk as array code for JAX: amounts at the requests from sums over doses, nothing called back.

JAX differentiates it; every event that the compiled kernel knows is covered. Where an infusion of modelled
length outlasts more intervals of its steady state than are laid out (`jax_schedule.MOST_OVERLAPS`), the whole
answer comes from `otherwise`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from bayes_nlmem.engine import layout as at
from bayes_nlmem.engine.jax_flow import Modes, constant, find_modes, flow, periodic
from bayes_nlmem.engine.jax_schedule import Schedule, Visits, lay_out


class Doses(NamedTuple):
    """The doses with their inputs from the parameters, arrays (n_doses,)."""

    amount: Any
    lag: Any
    duration: Any
    rate: Any
    sound: Any


class Tables(NamedTuple):
    """Tables of a plan that array code reads, and what `jax_schedule` made of them."""

    floats: np.ndarray
    ints: np.ndarray
    n_subjects: int
    schedule: Schedule


def plan_arrays(floats: np.ndarray, ints: np.ndarray, subjects: np.ndarray, *others: np.ndarray) -> Tables:
    """Prepare the tables of a plan, in the order in which `LinearWalk` takes them."""
    requests = others[1]
    return Tables(floats, ints, len(subjects), lay_out(floats, ints, subjects, requests))


def walk_arrays(
    phi: Any, tables: Tables, *, n: int, depot: bool, otherwise: Callable[[Any], Any]
) -> tuple[Any, Any]:
    """(amounts at the requests (m,), status (n_subjects,)) as a function of phi (n_rows, P)."""
    schedule = tables.schedule
    doses = _doses(phi, tables)
    if not schedule.modelled.any():
        return _walk(phi, doses, tables, n, depot)
    every = tables.floats[schedule.dose, at.II]
    longest = (schedule.overlaps + 1) * every
    outlasted = jnp.any(schedule.modelled & ~(_phase(doses, tables) + doses.duration <= longest))
    return jax.lax.cond(outlasted, otherwise, lambda phi: _walk(phi, doses, tables, n, depot), phi)


def _walk(phi: Any, doses: Doses, tables: Tables, n: int, depot: bool) -> tuple[Any, Any]:
    schedule, size = tables.schedule, n + int(depot)
    kinetic = 2 * n - 1 + int(depot)
    parameters = phi[:, :kinetic].T
    modes = find_modes(parameters, n)

    def under(rows: np.ndarray) -> tuple[Any, Modes]:
        rows = np.minimum(rows, phi.shape[0] - 1)
        if np.array_equal(rows, np.arange(phi.shape[0])):
            return parameters, modes
        return parameters[:, rows], Modes(*(part[..., rows] for part in modes))

    begin = tables.floats[schedule.dose, at.TIME]
    comp = tables.ints[schedule.dose, at.COMP]
    unit = (np.arange(size)[:, None] == comp).astype(float)
    phase = _phase(doses, tables)

    # (query, parameter row, time since, state then) of everything a query may see
    seen = [
        (
            visits.query,
            schedule.row[visits.query],
            *_left(visits, schedule.row, begin, unit, phase, doses, under),
        )
        for visits in (schedule.bolus, schedule.infusion)
        if len(visits.query)
    ]
    if len(schedule.jump):
        steady = _steady_states(under, unit, doses, tables, n, depot, phase)
        rows = schedule.row[schedule.jump_query]
        seen.append((schedule.jump_query, rows, jnp.asarray(schedule.jump_time), steady[:, schedule.jump]))
    total = _flown_into(jnp.zeros((size, len(schedule.row))), seen, under)
    if len(schedule.chains):
        total = _carried(total, under, schedule)
    answer = total[schedule.answer_comp, schedule.answer_query]
    return _with_status(answer, _faults(phi, doses, tables, kinetic), tables)


def _doses(phi: Any, tables: Tables) -> Doses:
    """As `doses.read_dose`, for all doses."""
    records = tables.schedule.dose
    floats, ints = tables.floats[records], tables.ints[records]
    rows = np.minimum(ints[:, at.ROW_AT], phi.shape[0] - 1)

    def column(place: int, otherwise: Any) -> Any:
        columns = ints[:, place]
        if np.all(columns < 0):
            return jnp.broadcast_to(jnp.asarray(otherwise, float), columns.shape)
        return jnp.where(columns >= 0, phi[rows, np.maximum(columns, 0)], otherwise)

    asked = floats[:, at.RATE]
    amount = column(at.PHI_F, 1.0) * floats[:, at.AMT]
    lag = column(at.PHI_ALAG, 0.0)
    given = column(at.PHI_R, np.where(asked > 0, asked, 1.0))
    modelled = column(at.PHI_D, 0.0)
    instant = modelled == 0.0
    duration = jnp.where(asked == -2, modelled, jnp.where(asked == 0, 0.0, amount / given))
    rate = jnp.where(asked == -2, amount / jnp.where(instant, 1.0, modelled), given)
    sound = jnp.isfinite(column(at.PHI_F, 1.0)) & jnp.isfinite(lag) & (lag >= 0.0)
    sound &= (duration >= 0.0) & jnp.isfinite(duration) & jnp.isfinite(rate) & ((asked != -1) | (given > 0.0))
    return Doses(amount, lag, duration, rate, sound)


def _phase(doses: Doses, tables: Tables) -> Any:
    """Time from the record to the first arrival: the lag, within one interval of a steady state."""
    records = tables.schedule.dose
    every = tables.floats[records, at.II]
    cyclic = (tables.ints[records, at.SS] > 0) & (every > 0)
    if not cyclic.any():
        return doses.lag
    return jnp.where(cyclic, jnp.mod(doses.lag, np.where(cyclic, every, 1.0)), doses.lag)


def _landed(visits: Visits, from_: Any, phase: Any, doses: Doses) -> tuple[Any, Any, Any]:
    """(amount that arrived, time over which it was infused, time since it ended) of each visit."""
    arrival = from_ + phase[visits.dose] + visits.offset
    amount = doses.amount[visits.dose]
    before = arrival <= visits.since_upto
    if not visits.infused:
        here = (arrival <= visits.upto) & ~before
        return jnp.where(here, amount, 0.0), None, jnp.where(here, visits.time - arrival, 0.0)
    end = arrival + doses.duration[visits.dose]
    ended = end <= visits.upto
    here = (arrival <= visits.upto) & ~(end <= visits.since_upto)
    start = jnp.where(before, visits.since, arrival)
    whole = here & ended & ~before
    length = jnp.where(ended, end, visits.time) - start
    length = jnp.where(whole, doses.duration[visits.dose], jnp.where(here, length, 0.0))
    part = jnp.where(here, doses.rate[visits.dose], 0.0) * length
    return jnp.where(whole, amount, part), length, jnp.where(here & ended, visits.time - end, 0.0)


def _left(visits, row_of, from_, unit, phase, doses, under) -> tuple[Any, Any]:
    """(time since, state then): a bolus when it arrived, an infusion when it ended."""
    amount, length, since = _landed(visits, from_[visits.dose], phase, doses)
    state = amount * unit[:, visits.dose]
    if length is not None:
        parameters, modes = under(row_of[visits.query])
        state = flow(True, parameters, modes, length, state)
    return since, state


def _flown_into(total: Any, seen: list[tuple], under: Callable[[np.ndarray], tuple[Any, Modes]]) -> Any:
    """Add to each query what has become of the states it sees."""
    if not seen:
        return total
    queries, rows = (np.concatenate([entry[i] for entry in seen]) for i in (0, 1))
    time = jnp.concatenate([entry[2] for entry in seen])
    state = jnp.concatenate([entry[3] for entry in seen], axis=1)
    parameters, modes = under(rows)
    return total.at[:, queries].add(flow(False, parameters, modes, time, state))


def _steady_states(under, unit, doses, tables, n, depot, phase) -> Any:
    """States (size, n_steady) at the records that begin a steady state."""
    schedule = tables.schedule
    dose, cycle = schedule.steady, schedule.cycle
    records = schedule.dose[dose]
    rows, every = tables.ints[records, at.ROW_AT], tables.floats[records, at.II]
    infused, cyclic = tables.floats[records, at.RATE] != 0, every > 0
    seen = []
    bolus = np.flatnonzero(cyclic & ~infused)
    if len(bolus):
        given = dose[bolus]
        state = doses.amount[given] * unit[:, given]
        seen.append((bolus, rows[bolus], every[bolus] - phase[given], state))
    if len(cycle.query):
        left = _left(cycle, rows, np.zeros(len(schedule.dose)), unit, phase, doses, under)
        seen.append((cycle.query, rows[cycle.query], *left))
    parameters, modes = under(rows)
    steady = _flown_into(jnp.zeros((len(unit), len(dose))), seen, under)
    if cyclic.any():
        steady = periodic(parameters, modes, np.where(cyclic, every, 1.0), steady)
    for_ever = np.flatnonzero(~cyclic & infused)
    if len(for_ever):
        comp = tables.ints[records[for_ever], at.COMP]
        flowing = constant(parameters[:, for_ever], comp, doses.rate[dose[for_ever]], n, depot)
        steady = steady.at[:, for_ever].set(flowing)
    return steady


def _carried(total: Any, under: Callable[[np.ndarray], tuple[Any, Modes]], schedule: Schedule) -> Any:
    """Add what each segment began with: a scan over the segments of all chains at once."""
    size = len(total)

    levels, chains = schedule.chains, schedule.chains >= 0
    places = np.maximum(levels, 0).ravel()
    # the propagator of each segment: what becomes of one unit in each compartment
    unit = np.repeat(np.eye(size), len(places), axis=1)
    rows, elapsed = (np.tile(values[places], size) for values in (schedule.row, schedule.elapsed))
    parameters, modes = under(rows)
    carry = flow(False, parameters, modes, elapsed, jnp.asarray(unit))
    carry = carry.reshape(size, size, *levels.shape).transpose(2, 0, 1, 3)
    own = total[:, places].reshape(size, *levels.shape).transpose(1, 0, 2)
    own = jnp.where(chains[:, None], own, 0.0)
    carry = carry * np.where(np.arange(len(levels)) > 0, 1.0, 0.0)[:, None, None, None]

    def step(state: Any, level: Any) -> Any:
        matrix, gained = level
        state = (matrix * state[None]).sum(axis=1) + gained
        return state, state

    ends = jax.lax.scan(step, jnp.zeros_like(own[0]), (carry, own))[1]
    place_of = np.full(len(schedule.row), -1)
    place_of[levels[chains]] = np.flatnonzero(chains.ravel())
    later = np.flatnonzero(schedule.follows >= 0)
    begun = ends.transpose(1, 0, 2).reshape(size, -1)[:, place_of[schedule.follows[later]]]
    parameters, modes = under(schedule.row[later])
    return total.at[:, later].add(flow(False, parameters, modes, schedule.elapsed[later], begun))


def _faults(phi: Any, doses: Doses, tables: Tables, kinetic: int) -> Any:
    """Status of each subject before its result is looked at: the first fault in order of the records."""
    ints, records = tables.ints, tables.schedule.dose
    values = phi[:, :kinetic]
    usable = jnp.all(jnp.isfinite(values) & (values >= 0.0), axis=1)

    def unusable(rows: np.ndarray) -> Any:
        return (rows >= phi.shape[0]) | ~usable[np.minimum(rows, phi.shape[0] - 1)]

    bad = unusable(ints[:, at.ROW]) | ((ints[:, at.SS] > 0) & unusable(ints[:, at.ROW_AT]))
    bad = bad.at[records].set(bad[records] | (ints[records, at.ROW_AT] >= phi.shape[0]))
    code = jnp.zeros(len(ints), jnp.int64).at[records].set(jnp.where(doses.sound, 0, at.BAD_DOSE_INPUT))
    code = jnp.where(bad, at.NOT_FINITE_INPUT, code)
    none = 8 * len(ints)
    first = jnp.where(code > 0, 8 * np.arange(len(ints)) + code, none)
    first = jnp.full(tables.n_subjects, none).at[tables.schedule.subject].min(first)
    return jnp.where(first < none, first % 8, at.FINE)


def _with_status(answer: Any, status: Any, tables: Tables) -> tuple[Any, Any]:
    """Amounts in the order of the requests, and no numbers for a subject that could not be solved."""
    schedule = tables.schedule
    owner = schedule.answer_subject
    finite = jnp.ones(tables.n_subjects, bool).at[owner].min(jnp.isfinite(answer))
    status = jnp.where((status == at.FINE) & ~finite, at.NOT_FINITE_RESULT, status)
    answer = jnp.where(status[owner] == at.FINE, answer, jnp.nan)
    order = np.argsort(schedule.place)
    return answer[order], status
