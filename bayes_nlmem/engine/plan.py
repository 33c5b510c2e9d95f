"""The event schedule compiled for the kernels: what depends on the data and not on the parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from bayes_nlmem.engine import layout as at
from bayes_nlmem.engine.condensed import condensed
from bayes_nlmem.engine.records import Records


@dataclass(frozen=True, eq=False)
class Plan:
    """Compiled schedule of a linear compartment system.

    Parameters
    ----------
    n : int
        Disposition compartments (1-3).
    depot : bool
        Whether a first-order depot feeds the central compartment.
    columns : tuple of str
        Engine parameters in the order of the columns of phi: kinetic ones, then inputs of doses.
    names : tuple of str
        Parameters of the structure the plan was made for.
    tables : mapping of str to array
        ``floats, ints, subjects, sensitivities, requests, pairs`` (see `layout`), and for each request
        ``asked_row``, the parameter row in force at its record.
    outputs : int array (m,)
        Index of the structure's output for each request.
    """

    n: int
    depot: bool
    columns: tuple[str, ...]
    names: tuple[str, ...]
    tables: Mapping[str, np.ndarray] = field(repr=False)
    outputs: np.ndarray = field(repr=False)
    n_rows: int = 0

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


def compile_schedule(
    records: Records,
    asked: np.ndarray,
    asked_comp: np.ndarray,
    *,
    n: int,
    depot: bool,
    comp: np.ndarray,
    inputs: Sequence[str],
    dose_inputs: Sequence[Mapping[str, str]],
    rate: np.ndarray,
) -> dict[str, np.ndarray]:
    """Tables of the kernels.

    Parameters
    ----------
    records : Records
    asked, asked_comp : int arrays (m,)
        Record and kernel compartment (0.. disposition, n depot) of each request.
    n, depot
        The system.
    comp : int array (n_records,)
        Kernel compartment that the dose of each record enters.
    inputs : sequence of str
        Names of the input columns of phi, which follow the kinetic ones.
    dose_inputs : sequence of mapping
        For each kernel compartment the name of the column for "F", "ALAG", "D", "R", where there is one.
    rate : float array (n_records,)
        RATE, with the structure's own infusions already written as -2.

    Returns
    -------
    dict of str to array
    """
    n_kinetic = 2 * n - 1 + int(depot)
    asked_row = records.row_at[asked]
    records, kept = condensed(records, comp, rate, asked)
    comp, rate, asked = comp[kept], rate[kept], np.searchsorted(kept, asked)
    floats = np.column_stack([records.time, records.amt, rate, records.ii])
    ints = np.zeros((records.n, at.N_RECORD_INTS), np.int64)
    for column, values in (
        (at.EVID, records.evid), (at.ADDL, records.addl), (at.SS, records.ss), (at.COMP, comp),
        (at.ROW, records.row), (at.ROW_AT, records.row_at),
    ):  # fmt: skip
        ints[:, column] = values
    place_of = {name: n_kinetic + i for i, name in enumerate(inputs)}
    used = (("F", at.PHI_F), ("ALAG", at.PHI_ALAG), ("D", at.PHI_D), ("R", at.PHI_R))
    for letter, column in used:
        by_comp = np.array([place_of.get(names.get(letter, ""), -1) for names in dose_inputs], np.int64)
        ints[:, column] = by_comp[comp]
    ints[rate != -2, at.PHI_D] = -1
    ints[rate != -1, at.PHI_R] = -1

    order = np.argsort(asked, kind="stable")
    ints[:, at.ASKED] = np.searchsorted(asked[order], np.arange(records.n), side="left")
    ints[:, at.ASKED_END] = np.searchsorted(asked[order], np.arange(records.n), side="right")

    subjects = np.zeros((records.n_subjects, at.N_SUBJECT_INTS), np.int64)
    subjects[:, at.FIRST_RECORD] = records.start[:-1]
    subjects[:, at.END_RECORD] = records.start[1:]
    sensitivities, slots, n_slots = _activate(records, ints, subjects, n_kinetic)

    requests = np.zeros((len(asked), at.N_REQUEST_INTS), np.int64)
    requests[:, at.ASKED_COMP] = np.asarray(asked_comp, np.int64)[order]
    requests[:, at.PLACE] = order
    requests[:, at.N_PAIRS] = n_slots[asked[order]]
    requests[:, at.FIRST_PAIR] = np.concatenate([[0], np.cumsum(requests[:, at.N_PAIRS])[:-1]])[: len(asked)]
    subject_of = records.subject[asked[order]]
    row_lists = [slots[s][:k] for s, k in zip(subject_of, requests[:, at.N_PAIRS], strict=True)]
    pairs = np.column_stack(
        [np.repeat(order, requests[:, at.N_PAIRS]), np.concatenate([*row_lists, np.zeros(0, np.int64)])]
    ).astype(np.int64)
    tables = {
        "floats": floats,
        "ints": ints,
        "subjects": subjects,
        "sensitivities": sensitivities,
        "requests": requests,
        "pairs": pairs,
        "asked_row": asked_row,
    }
    return {name: np.ascontiguousarray(table) for name, table in tables.items()}


def _activate(
    records: Records, ints: np.ndarray, subjects: np.ndarray, n_kinetic: int
) -> tuple[np.ndarray, list[np.ndarray], np.ndarray]:
    """Number the sensitivities of each subject in the order in which they come alive.

    Those to the kinetic parameters of a row begin with the first interval it governs once there is drug,
    those to F, ALAG, D, R with the dose. Fills the tables; returns the columns, the rows of each subject,
    and the rows alive after each record.
    """
    columns: list[tuple[int, int]] = []
    rows_of_subject: list[np.ndarray] = []
    n_slots = np.zeros(records.n, np.int64)
    evid, row, row_at = records.evid.tolist(), records.row.tolist(), records.row_at.tolist()
    ss, time = records.ss.tolist(), records.time.tolist()
    phi_columns = ints[:, at.PHI_F : at.PHI_R + 1].tolist()
    kinetic, kinetic_at, active = np.zeros((3, records.n), np.int64)
    inputs = np.zeros((records.n, 4), np.int64)
    for s in range(records.n_subjects):
        first_column = len(columns)
        slots: dict[int, int] = {}
        alive: dict[tuple[int, int], int] = {}

        def bring_alive(
            parameter_row: int, first: int, count: int, slots=slots, alive=alive, f=first_column
        ) -> int:
            slot = slots.setdefault(parameter_row, len(slots))
            key = (parameter_row, first)
            if key not in alive:
                alive[key] = 1 + len(columns) - f
                columns.extend((slot, first + i) for i in range(count))
            return alive[key]

        dosed = False
        begin, end = int(records.start[s]), int(records.start[s + 1])
        for r in range(begin, end):
            if evid[r] >= 3:
                dosed = False
            elif dosed and r > begin and time[r] > time[r - 1]:
                kinetic[r] = bring_alive(row[r], 0, n_kinetic)
            if evid[r] == 1 or evid[r] == 4:
                dosed = True
                if ss[r] > 0:
                    kinetic_at[r] = bring_alive(row_at[r], 0, n_kinetic)
                for i, column in enumerate(phi_columns[r]):
                    if column >= 0:
                        inputs[r, i] = bring_alive(row_at[r], column, 1)
            active[r] = len(columns) - first_column
            n_slots[r] = len(slots)
        subjects[s, at.FIRST_COLUMN] = first_column
        subjects[s, at.N_COLUMNS] = len(columns) - first_column
        rows_of_subject.append(np.fromiter(slots, np.int64, len(slots)))
    ints[:, at.KINETIC], ints[:, at.KINETIC_AT], ints[:, at.ACTIVE] = kinetic, kinetic_at, active
    ints[:, at.S_F : at.S_R + 1] = inputs
    return np.array(columns, np.int64).reshape(-1, 2), rows_of_subject, n_slots
