"""Rate constants of the disposition from the user's parameters, for numpy and PyTensor alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CLEARANCES = {
    1: ("CL", "V"),
    2: ("CL", "V1", "Q", "V2"),
    3: ("CL", "V1", "Q2", "V2", "Q3", "V3"),
}
RATE_CONSTANTS = {
    1: ("k", "V"),
    2: ("k", "k12", "k21", "V1"),
    3: ("k", "k12", "k21", "k13", "k31", "V1"),
}

# Other names that users bring along; one per line of a dialect, nothing guessed.
ALIASES = {
    1: {"V1": "V", "VC": "V", "KE": "k", "K10": "k", "k10": "k", "K": "k"},
    2: {
        "VC": "V1", "V": "V1", "Q2": "Q", "VP": "V2",
        "KE": "k", "K10": "k", "k10": "k", "K": "k", "K12": "k12", "K21": "k21",
    },
    3: {
        "VC": "V1", "V": "V1", "QP1": "Q2", "VP1": "V2", "QP2": "Q3", "VP2": "V3",
        "KE": "k", "K10": "k", "k10": "k", "K": "k",
        "K12": "k12", "K21": "k21", "K13": "k13", "K31": "k31",
    },
}  # fmt: skip
INPUT_ALIASES = {"TLAG": "ALAG", "LAG": "ALAG", "ka": "KA", "BIO": "F", "BIOAV": "F", "TK0": "D", "DUR": "D"}


def rate_constants(p: Mapping[str, Any], n: int, parameterisation: str) -> list[Any]:
    """Columns k10, k12, k21, k13, k31 (as many as n compartments need).

    ``k10 = CL / V1``, ``k1i = Qi / V1``, ``ki1 = Qi / Vi``.
    """
    if parameterisation == "rate constants":
        return [p[name] for name in RATE_CONSTANTS[n][:-1]]
    names = CLEARANCES[n]
    central = p[names[1]]
    columns = [p["CL"] / central]
    for flow, volume in zip(names[2::2], names[3::2], strict=True):
        columns += [p[flow] / central, p[flow] / p[volume]]
    return columns
