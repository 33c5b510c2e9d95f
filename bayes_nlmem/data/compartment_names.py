"""Whether the compartments of the table exist in the structure."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_nlmem.data.cells import Placer, texts
from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.ground.messages import Fault, closest


def check_compartments(data: Dataset, structure: Any, *, observations: bool = True) -> tuple[Fault, ...]:
    """Find records whose CMT is no compartment of the structure.

    Parameters
    ----------
    data : Dataset
        The event table.
    structure : Structure
        Its attribute `compartments` names the compartments in the order of their numbers.
    observations : bool
        Whether to look at observations too, not at doses only.

    Returns
    -------
    tuple of Fault
        One E_CMT_UNKNOWN, or nothing.
    """
    names = tuple(structure.compartments)
    if not names:  # a function of time: CMT has no meaning there
        return ()
    cmt = data.table["CMT"].to_numpy()
    known = np.array([_is_known(value, names) for value in cmt])
    evid = data.table["EVID"].to_numpy()
    looked_at = data.is_dose | np.isin(evid, (5, 6)) | (observations & (evid == 0))
    wrong = looked_at & ~known
    if not wrong.any():
        return ()
    at = Placer(data.table["ROW"].to_numpy(), data.table["SUBJECT"].to_numpy(), data.subjects)
    valid = ", ".join(f"{number} = {name}" for number, name in enumerate(names, start=1))
    first = str(cmt[wrong][0])
    remedy = closest(first, names) or "Correct CMT, or write 0 for the default compartment."
    expected, got = f"CMT among {valid}", texts(cmt[wrong])
    return (at.fault("E_CMT_UNKNOWN", wrong, expected=expected, got=got, remedy=remedy),)


def _is_known(value: str | int, names: tuple[str, ...]) -> bool:
    return value in names if isinstance(value, str) else 0 <= value <= len(names)
