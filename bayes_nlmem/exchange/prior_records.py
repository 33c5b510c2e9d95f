"""$PRIOR NWPRI and its records: what a control stream believes of THETA and OMEGA."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from bayes_nlmem.ground.messages import ModelError, explain

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[EeDd][-+]?\d+)?"
_BLOCK = re.compile(r"BLOCK\s*\((\d+)\)", re.IGNORECASE)
_VALUES = re.compile(rf"VALUES\s*\(\s*({_NUMBER})\s*,\s*({_NUMBER})\s*\)", re.IGNORECASE)
Matrix = list[list[float]]


@dataclass(frozen=True)
class StreamPriors:
    """Normal priors of THETA and inverse-Wishart priors of the blocks of OMEGA, by their numbers.

    Parameters
    ----------
    thetas : list of (float, float)
        Mean and variance of THETA(1), THETA(2), ...; empty if there are none.
    omegas : list of (float, matrix)
        Degrees of freedom and prior matrix of the blocks in their order; empty if there are none.
    listed : list of str
        What is not taken over.
    """

    thetas: list[tuple[float, float]] = field(default_factory=list)
    omegas: list[tuple[float, Matrix]] = field(default_factory=list)
    listed: list[str] = field(default_factory=list)


def priors_of(pieces: Iterable[tuple[str, str]]) -> StreamPriors:
    """The priors of the records $THETAP, $THETAPV, $OMEGAP, $OMEGAPD; others are listed.

    Parameters
    ----------
    pieces : iterable of (str, str)
        Kind and text of the records of priors, in order.

    Examples
    --------
    >>> found = priors_of([
    ...     ("PRIOR", "$PRIOR NWPRI"),
    ...     ("THETAP", "$THETAP (1.5 FIX) 3 FIX"),
    ...     ("THETAPV", "$THETAPV BLOCK(2) FIX VALUES(0.25,0)"),
    ... ])
    >>> found.thetas
    [(1.5, 0.25), (3.0, 0.25)]
    """
    records: dict[str, list[str]] = {}
    for kind, text in pieces:
        records.setdefault(kind, []).append(_bare(text))
    listed = []
    head = " ".join(records.pop("PRIOR", []))
    if head and "NWPRI" not in head.upper():
        return StreamPriors(listed=[f"$PRIOR {head}: only NWPRI with $THETAP, $OMEGAP, ... is taken over."])
    if head and not {"THETAP", "OMEGAP"} & set(records):
        listed.append("$PRIOR NWPRI: priors written as further $THETA and $OMEGA are not taken over.")
    for kind in ("SIGMAP", "SIGMAPD"):
        if records.pop(kind, None):
            listed.append(f"${kind}: there is no inverse-Wishart prior of a residual error here.")
    for kind in set(records) - {"THETAP", "THETAPV", "OMEGAP", "OMEGAPD"}:
        listed.append(f"${kind}: not taken over.")
    means = [value for text in records.get("THETAP", []) for value in _first_numbers(text)]
    spread = [block for text in records.get("THETAPV", []) for block in _blocks(text)]
    thetas: list[tuple[float, float]] = []
    if means and not spread:
        listed.append("$THETAP: no $THETAPV says how uncertain they are.")
    elif means:
        variance = _joined(spread, listed)
        if variance is not None and len(variance) != len(means):
            got = f"{len(means)} means and {len(variance)} variances"
            remedy = "Give every $THETAP its variance."
            raise ModelError(explain(expected="as many $THETAPV as $THETAP", got=got, remedy=remedy))
        thetas = [] if variance is None else list(zip(means, variance, strict=True))
    omegas = [block for text in records.get("OMEGAP", []) for block in _blocks(text)]
    freedom = [value for text in records.get("OMEGAPD", []) for value in _first_numbers(text)]
    if len(omegas) != len(freedom):
        got = f"{len(omegas)} blocks and {len(freedom)} degrees of freedom"
        remedy = "Give every $OMEGAP its $OMEGAPD."
        raise ModelError(explain(expected="as many $OMEGAPD as $OMEGAP", got=got, remedy=remedy))
    return StreamPriors(thetas, list(zip(freedom, omegas, strict=True)), listed)


def _bare(text: str) -> str:
    """A record without its name and comments."""
    lines = [line.partition(";")[0] for line in text.splitlines()]
    return re.sub(r"^\s*\$\w+", "", " ".join(lines)).strip()


def _first_numbers(text: str) -> list[float]:
    """`(1.5 FIX) 3 FIX (0, 2, 9)`: the number of each, the middle one where there are bounds."""
    found = []
    for inside, alone in re.findall(rf"\(([^)]*)\)|({_NUMBER})", text):
        values = [_float(one) for one in re.findall(_NUMBER, inside or alone)]
        if values:
            found.append(values[1] if len(values) == 3 else values[0] if len(values) == 1 else values[-1])
    return found


def _blocks(text: str) -> list[Matrix]:
    """The matrices of a record: a block, or variances alone."""
    match = _BLOCK.search(text)
    if match is None:
        return [[[value]] for value in _first_numbers(text)]
    n = int(match[1])
    rest = text[match.end() :]
    if (short := _VALUES.search(rest)) is not None:
        diagonal, off = _float(short[1]), _float(short[2])
        return [[[diagonal if i == j else off for j in range(n)] for i in range(n)]]
    cells = [_float(one) for one in re.findall(_NUMBER, rest)]
    if len(cells) != n * (n + 1) // 2:
        got = f"{len(cells)} numbers in BLOCK({n})"
        raise ModelError(
            explain(expected=f"{n * (n + 1) // 2} numbers", got=got, remedy="Write the lower triangle.")
        )
    matrix = [[0.0] * n for _ in range(n)]
    for i in range(n):
        for j in range(i + 1):
            matrix[i][j] = matrix[j][i] = cells[i * (i + 1) // 2 + j]
    return [matrix]


def _joined(blocks: Sequence[Matrix], listed: list[str]) -> list[float] | None:
    """The diagonals in a row; None where thetas are correlated."""
    if any(block[i][j] for block in blocks for i in range(len(block)) for j in range(i)):
        listed.append("$THETAPV with covariances: priors of several THETA together are not taken over.")
        return None
    return [block[k][k] for block in blocks for k in range(len(block))]


def _float(text: str) -> float:
    return float(text.replace("D", "E").replace("d", "e"))
