"""Endpoints that are no measurements: what observation models of categories, counts and events offer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeGuard, runtime_checkable

import numpy as np

from bayes_nlmem.ground.formulas import Equation, Formula
from bayes_nlmem.ground.messages import explain
from bayes_nlmem.ground.prior import Prior
from bayes_nlmem.ground.values import refusal


@dataclass(frozen=True, eq=False)
class Rows:
    """The observations of one endpoint as plain arrays, in the order of the data.

    Parameters
    ----------
    subject : ndarray of int, shape (n,)
        Number of the subject.
    time, value : ndarray, shape (n,)
        TIME and DV.
    cens : ndarray of int, shape (n,)
        CENS.
    entry : ndarray, shape (n,)
        TIME of the subject's first record of any kind.
    """

    subject: np.ndarray
    time: np.ndarray
    value: np.ndarray
    cens: np.ndarray
    entry: np.ndarray

    @property
    def first(self) -> np.ndarray:
        """Where a row is the first of its subject."""
        return np.concatenate([[True], self.subject[1:] != self.subject[:-1]])[: len(self.subject)]

    def previous(self, values: np.ndarray, at_first: np.ndarray | float) -> np.ndarray:
        """Values of the row before of the same subject, `at_first` where there is none."""
        shifted = np.concatenate([[np.nan], values[:-1]])[: len(values)]
        return np.where(self.first, at_first, shifted)


class Trouble(NamedTuple):
    """Rows that an endpoint cannot have seen: expected what, where not, and what to do."""

    expected: str
    where: np.ndarray
    remedy: str


@runtime_checkable
class Endpoint(Protocol):
    """What an observation model of categories, counts or events has to offer.

    Any frozen record with it is one. The law of an observation may depend on the prediction `f` of its
    output, on parameters of its own (`unknowns`, in the graph as ``{output}_{suffix}``), on further outputs
    of the structure (`inputs`), and on constants of its row (`constants`). The methods get all but `f` in one
    mapping, by name, as numbers, numpy arrays or tensors that broadcast against each other. Optional:
    `meaning(suffix)`, words for the tables.
    """

    def unknowns(self) -> dict[str, float | Prior]:
        """Parameters by the suffix of their name."""
        ...

    def inputs(self) -> dict[str, tuple[str, bool]]:
        """Further predictions by name: the output, and whether at the row before (or at entry) instead."""
        ...

    def constants(self, rows: Rows) -> dict[str, np.ndarray]:
        """What the law needs to know about each row, by name."""
        ...

    def troubles(self, rows: Rows) -> Iterator[Trouble]:
        """What is wrong with the data."""
        ...

    def log_density(self, value: Any, f: Any, given: Mapping[str, Any]) -> Any:
        """Log-probability (or density) of every row in a PyTensor graph."""
        ...

    def draw(self, rng: Any, f: Any, given: Mapping[str, Any], size: Any = None) -> Any:
        """Simulated values in numpy; leading dimensions (draws) are free."""
        ...

    def moments(self, f: Any, given: Mapping[str, Any]) -> tuple[Any, Any]:
        """Expected value and variance of every row in numpy."""
        ...

    def equations(
        self,
        observed: Formula,
        f: Formula,
        parameter: Callable[[str], Formula],
        other: Callable[[str], Formula],
    ) -> Sequence[Equation]:
        """The law for printing; `other` gives further outputs by name."""
        ...


class Independent:
    """Defaults of endpoints whose rows depend on the prediction of their own output alone."""

    def inputs(self) -> dict[str, tuple[str, bool]]:
        """No further predictions."""
        return {}

    def constants(self, rows: Rows) -> dict[str, np.ndarray]:
        """Nothing but the prediction."""
        return {}


def is_endpoint(residual: Any) -> TypeGuard[Endpoint]:
    """Whether an observation model is one of categories, counts or events, and no residual error."""
    return hasattr(residual, "troubles")


def observation_name(residual: Any, output: str, suffix: str) -> str:
    """Name in the graph of a parameter of an observation model.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> observation_name(bn.Additive(1.0), "cp", "add")
    'sigma_cp_add'
    """
    return f"{output}_{suffix}" if is_endpoint(residual) else f"sigma_{output}_{suffix}"


def not_censored(rows: Rows, what: str) -> Iterator[Trouble]:
    """CENS has no meaning for categories and counts."""
    remedy = "Take CENS out (columns={'CENS': None}), or the rows (MDV = 1)."
    yield Trouble(f"CENS 0, since {what} are not censored", rows.cens != 0, remedy)


def whole_numbers(rows: Rows, what: str) -> Iterator[Trouble]:
    """Counts are 0, 1, 2, ..."""
    wrong = ~((rows.value >= 0) & (rows.value == np.floor(rows.value)))
    yield Trouble(f"{what} 0, 1, 2, ...", wrong, "Correct DV, or choose another endpoint.")


def one_of(rows: Rows, values: Sequence[float], what: str) -> Iterator[Trouble]:
    """Categories are among those named."""
    listed = ", ".join(f"{value:g}" for value in values)
    yield Trouble(f"{what} among {listed}", ~np.isin(rows.value, values), "Correct DV, or name the category.")


def choose(record: Any, name: str, valid: Sequence[str]) -> None:
    """Refuse a word that is none of the valid ones."""
    value = getattr(record, name)
    if value not in valid:
        listed = " or ".join(f"{name}={word!r}" for word in valid)
        problem = explain(expected=listed, got=f"{name}={value!r}", remedy="Choose one.")
        raise refusal([problem], f"{type(record).__name__} is not well stated")
