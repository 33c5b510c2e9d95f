"""The event schedule of a system of equations: what depends on the data and not on the parameters.

The tables are those of the linear engine (`engine.layout`) with other columns of sensitivities: each
parameter row of a subject has a group of them, the structure's parameters first, then the inputs of the doses
it governs, padded to whole blocks. KINETIC and KINETIC_AT hold the first block of the groups of ROW and
ROW_AT, ACTIVE the blocks in use.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from bayes_nlmem.engine import layout as at
from bayes_nlmem.engine.ode.machine_code import Code
from bayes_nlmem.engine.ode.model_table import LANES
from bayes_nlmem.engine.records import Records

# Two more columns of the integer table: whether something changes at the record; input rate by which its dose
# enters, -1 if at once.
STOP, BY_RATE = at.N_RECORD_INTS, at.N_RECORD_INTS + 1
N_RECORD_INTS = at.N_RECORD_INTS + 2


# EVID of a reset, and of a reset with a dose.
RESETS = (3, 4)


@dataclass(frozen=True, eq=False)
class ODEPlan:
    """Compiled schedule of a system of equations.

    Parameters
    ----------
    code : Code
    columns : tuple of str
        Columns of phi: parameters of the equations, then inputs of doses.
    names : tuple of str
        Parameters the plan was made for.
    tables : mapping of str to array
        ``floats, ints, subjects, sensitivities, requests, pairs``.
    """

    code: Code = field(repr=False)
    columns: tuple[str, ...]
    names: tuple[str, ...]
    tables: Mapping[str, np.ndarray] = field(repr=False)
    n_rows: int

    @property
    def n_subjects(self) -> int:
        """Number of subjects."""
        return len(self.tables["subjects"])

    @property
    def n_requests(self) -> int:
        """Number of values asked for."""
        return len(self.tables["requests"])

    @property
    def pairs(self) -> np.ndarray:
        """Int array (n_pairs, 2): request and parameter row it depends on."""
        return self.tables["pairs"]


def compile_equations(
    records: Records,
    asked: np.ndarray,
    asked_output: np.ndarray,
    *,
    n_parameters: int,
    comp: np.ndarray,
    door: np.ndarray,
    inputs: Sequence[str],
    dose_inputs: Sequence[Mapping[str, str]],
    by_rate: Sequence[int],
) -> dict[str, np.ndarray]:
    """Tables of the kernel.

    Parameters
    ----------
    records : Records
    asked, asked_output : int arrays (m,)
        Record and output of each request; outputs of the system first, then amounts.
    n_parameters : int
        Parameters of the equations: the first columns of phi.
    comp : int array (n_records,)
        Compartment (from 0) that the dose of each record enters.
    door : int array (n_records,)
        Compartment, or number of compartments + route, by which it enters.
    inputs : sequence of str
        The other columns of phi.
    dose_inputs : sequence of mapping
        For each door the name of the column for "F", "ALAG", "D", "R", where there is one.
    by_rate : sequence of int
        For each door the input rate by which its doses enter, -1 if at once.
    """
    floats = np.column_stack([records.time, records.amt, records.rate, records.ii])
    ints = np.zeros((records.n, N_RECORD_INTS), np.int64)
    for column, values in (
        (at.EVID, records.evid), (at.ADDL, records.addl), (at.SS, records.ss), (at.COMP, comp),
        (at.ROW, records.row), (at.ROW_AT, records.row_at),
    ):  # fmt: skip
        ints[:, column] = values
    place = {name: n_parameters + i for i, name in enumerate(inputs)}
    letters = (("F", at.PHI_F), ("ALAG", at.PHI_ALAG), ("D", at.PHI_D), ("R", at.PHI_R))
    for letter, column in letters:
        by_door = np.array([place.get(names.get(letter, ""), -1) for names in dose_inputs], np.int64)
        ints[:, column] = by_door[door]
    ints[:, BY_RATE] = np.asarray(by_rate, np.int64)[door]
    ints[records.rate != -2, at.PHI_D] = -1
    ints[records.rate != -1, at.PHI_R] = -1
    ints[:, STOP] = _stops(records)

    asked = np.asarray(asked, np.int64)
    order = np.argsort(asked, kind="stable")
    ints[:, at.ASKED] = np.searchsorted(asked[order], np.arange(records.n), side="left")
    ints[:, at.ASKED_END] = np.searchsorted(asked[order], np.arange(records.n), side="right")

    subjects = np.zeros((records.n_subjects, at.N_SUBJECT_INTS), np.int64)
    subjects[:, at.FIRST_RECORD] = records.start[:-1]
    subjects[:, at.END_RECORD] = records.start[1:]
    sensitivities, row_lists, n_slots = _groups(records, ints, subjects, n_parameters)

    requests = np.zeros((len(asked), at.N_REQUEST_INTS), np.int64)
    requests[:, at.ASKED_COMP] = np.asarray(asked_output, np.int64)[order]
    requests[:, at.PLACE] = order
    requests[:, at.N_PAIRS] = n_slots[asked[order]]
    requests[:, at.FIRST_PAIR] = np.concatenate([[0], np.cumsum(requests[:, at.N_PAIRS])[:-1]])[: len(asked)]
    rows = [
        row_lists[s][:k] for s, k in zip(records.subject[asked[order]], requests[:, at.N_PAIRS], strict=True)
    ]
    pairs = np.column_stack(
        [np.repeat(order, requests[:, at.N_PAIRS]), np.concatenate([*rows, np.zeros(0, np.int64)])]
    ).astype(np.int64)
    tables = {
        "floats": floats,
        "ints": ints,
        "subjects": subjects,
        "sensitivities": sensitivities,
        "requests": requests,
        "pairs": pairs,
    }
    return {name: np.ascontiguousarray(table) for name, table in tables.items()}


def _stops(records: Records) -> np.ndarray:
    """Doses, resets, the records before a reset, the last ones under a parameter row, the last ones."""
    stop = ~np.isin(records.evid, (0, 2))
    last = np.zeros(records.n, bool)
    ends = records.start[1:][np.diff(records.start) > 0] - 1
    last[ends] = True
    following = np.isin(np.roll(records.evid, -1), RESETS)
    changes = records.row != np.roll(records.row, -1)
    return stop | last | following | changes


def _groups(
    records: Records, ints: np.ndarray, subjects: np.ndarray, n_parameters: int
) -> tuple[np.ndarray, list[np.ndarray], np.ndarray]:
    """Number the columns of sensitivities of each subject by parameter row, in the order of first use."""
    columns: list[tuple[int, int]] = []
    row_lists: list[np.ndarray] = []
    n_slots = np.zeros(records.n, np.int64)
    dosing = (records.evid == 1) | (records.evid == 4)
    reset = np.isin(records.evid, RESETS)
    phi_columns = ints[:, at.PHI_F : at.PHI_R + 1]
    asked = ints[:, at.ASKED_END] > ints[:, at.ASKED]
    for s in range(records.n_subjects):
        begin, end = int(records.start[s]), int(records.start[s + 1])
        extra: dict[int, dict[int, int]] = {}
        for r in range(begin, end):
            if dosing[r]:
                mine = extra.setdefault(int(records.row_at[r]), {})
                for column in phi_columns[r]:
                    if column >= 0:
                        mine.setdefault(int(column), n_parameters + len(mine))
        first_block: dict[int, int] = {}
        first_column = len(columns)
        slots: list[int] = []
        for r in range(begin, end):
            needed = [int(records.row[r])] if r > begin and not reset[r] else []
            if r == begin or dosing[r] or reset[r] or asked[r]:
                needed.append(int(records.row_at[r]))
            for row in needed:
                if row not in first_block:
                    first_block[row] = (len(columns) - first_column) // LANES
                    own = list(range(n_parameters)) + list(extra.get(row, {}))
                    padding = -len(own) % LANES if own else LANES
                    columns.extend((len(slots), column) for column in own)
                    columns.extend([(-1, 0)] * padding)
                    slots.append(row)
            ints[r, at.KINETIC] = first_block.get(int(records.row[r]), 0)
            ints[r, at.KINETIC_AT] = first_block.get(int(records.row_at[r]), 0)
            ints[r, at.ACTIVE] = (len(columns) - first_column) // LANES
            n_slots[r] = len(slots)
            if dosing[r]:
                block = first_block[int(records.row_at[r])]
                for target, column in zip(
                    (at.S_F, at.S_ALAG, at.S_D, at.S_R), phi_columns[r].tolist(), strict=True
                ):
                    if column >= 0:
                        ints[r, target] = 1 + block * LANES + extra[int(records.row_at[r])][column]
        subjects[s, at.FIRST_COLUMN] = first_column
        subjects[s, at.N_COLUMNS] = len(columns) - first_column
        row_lists.append(np.array(slots, np.int64))
    return np.array(columns, np.int64).reshape(-1, 2), row_lists, n_slots
