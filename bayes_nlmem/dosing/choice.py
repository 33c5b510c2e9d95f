"""`choose_dose(individual, regimens, target)`: which regimen reaches the target, and how surely."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.data.regimen import Regimen
from bayes_nlmem.dosing.averaging import members_of
from bayes_nlmem.dosing.plans import check_nothing_pending, planned
from bayes_nlmem.dosing.targets import Target
from bayes_nlmem.ground.mapping import FrozenMapping
from bayes_nlmem.ground.messages import FitError, explain
from bayes_nlmem.ground.tables import Printed, notebook, printed
from bayes_nlmem.simulation.replicates import simulate

_POINTS = 97
_AFTER = 1e-6


@dataclass(frozen=True, eq=False, repr=False)
class Advice:
    """How well some regimens reach a target in one patient.

    Parameters
    ----------
    table : DataFrame
        One row per regimen: REGIMEN, PROBABILITY of reaching the target with its Monte Carlo error MCSE,
        TOO_LOW and TOO_HIGH, TOXIC (if the target has such a limit), MEDIAN, LOWER and UPPER of the quantity.
    best : Regimen or None
        The regimen with the highest probability among those within the risk limit; None if there is none.
    target : Target
        What was aimed at.
    curves : dict of str to DataFrame
        For each regimen TIME, MEDIAN, LOWER, UPPER of the output.
    quantities : dict of str to ndarray
        The target's quantity at every draw.
    history : DataFrame
        The patient's observations of the target's output: TIME, DV, counted from the new regimen's start.
    patient : object
        The patient's ID.
    output : str
        What `curves` and `history` show.
    units : mapping of str to str
        Of the patient's data.

    Examples
    --------
    >>> target = Target("AUC", low=80, high=120)
    >>> table = pd.DataFrame({"REGIMEN": ["400 at 0"], "PROBABILITY": [0.3]})
    >>> print(Advice(table, None, target, {}, {}, pd.DataFrame(), 1).conclusion.split(". ")[0])
    No regimen keeps within the limits of risk
    """

    table: pd.DataFrame
    best: Regimen | None
    target: Target
    curves: Mapping[str, pd.DataFrame]
    quantities: Mapping[str, np.ndarray]
    history: pd.DataFrame
    patient: Any
    output: str = ""
    units: Mapping[str, str] = field(default_factory=FrozenMapping)

    @property
    def conclusion(self) -> str:
        """One sentence for the bedside."""
        if self.best is None:
            return f"No regimen keeps within the limits of risk. {self.target!r}."
        row = self.table.set_index("REGIMEN").loc[_name(self.best)]
        rivals = self.table[self.table["PROBABILITY"] > row["PROBABILITY"] - 2 * row["MCSE"]]
        near = f" ({_others(len(rivals) - 1)} as good within the error)" if len(rivals) > 1 else ""
        return (
            f"Patient {self.patient}: {_name(self.best)} reaches the target with probability "
            f"{row['PROBABILITY']:.2f}{near}; expected {row['MEDIAN']:.4g} ({row['LOWER']:.4g} to "
            f"{row['UPPER']:.4g})."
        )

    def __repr__(self) -> str:
        return f"{self.target!r}\n{self._printed().text()}\n{self.conclusion}"

    def _repr_html_(self) -> str:
        return notebook(repr(self.target), self._printed(), self.conclusion)

    def _printed(self) -> Printed:
        return printed(self.table, digits=3, index=False)


def choose_dose(
    individual: Any,
    regimens: Regimen | Sequence[Regimen],
    target: Target,
    *,
    amounts: Sequence[float] | None = None,
    start: float | None = None,
    risk: float | None = None,
    covariates: Mapping[str, float | str] | None = None,
    draws: int = 400,
    level: float = 0.9,
    seed: int = 1,
) -> Advice:
    """Compare regimens for a patient by the probability of reaching a target.

    The patient's earlier doses go on working: the new regimen is added to the records known so far. It
    takes the place of doses that were still planned: records must not hold any (ADDL beyond the start).

    Parameters
    ----------
    individual : Individual, AveragedIndividual, or a fit of one subject
        The patient, see `individualize`, `average_individuals`.
    regimens : Regimen or sequence of Regimen
        The candidates; with `amounts`, one regimen whose amounts are replaced.
    target : Target
        What is wanted.
    amounts : sequence of float, optional
        Amounts per dose to try in the place of the regimen's own.
    start : float, optional
        Time of the patient's record at which the regimen begins; by default the last record's.
    risk : float, optional
        Largest acceptable probability of the target's `toxic` limit.
    covariates : mapping, optional
        Values of covariates from then on; by default those of the last record.
    draws : int
        Draws of the patient's parameters.
    level : float
        Mass of the intervals.
    seed : int
        For occasions that are still to come.

    Returns
    -------
    Advice

    Raises
    ------
    FitError, DataError
        No regimens, amounts that are not positive, a risk limit without a toxic limit, an output that the
        model does not have, a start before the last record, doses of the records that are still to come,
        the same regimen twice.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> study = bn.zoo.load("theophylline")
    >>> patient = bn.individualize(fit, bn.subset(study.data, [1]), draws=50)
    >>> target = bn.Target("trough", low=5, high=15, over=(0, 12))
    >>> advice = bn.choose_dose(patient, bn.Regimen(100), target, amounts=[100, 400], draws=20)
    >>> advice.table["AMOUNT"].tolist()
    [100.0, 400.0]
    """
    candidates = _candidates(regimens, amounts)
    output = _output(individual.model, target)
    if (risk is not None) and target.toxic is None:
        raise FitError(
            explain(expected="a toxic limit in the target for risk=", got="none", remedy="Target(toxic=...)")
        )
    table = individual.data.table
    begin = float(table["TIME"].iloc[-1]) if start is None else float(start)
    if begin < table["TIME"].iloc[-1]:
        raise FitError(
            explain(
                expected=f"a start at or after the last record (TIME {table['TIME'].iloc[-1]:g})",
                got=f"{begin:g}",
                remedy="Take the later records out of the patient's data.",
            )
        )
    check_nothing_pending(table, begin)
    rows, curves, quantities = [], {}, {}
    tail = (1 - level) / 2
    for regimen in candidates:
        time, values = _curve(individual, regimen, target, output, begin, covariates, draws, seed)
        inside = (time >= target.over[0] - 1e-9) & (time <= target.over[1] + 1e-9)
        quantity = target.of(time[inside], values[:, inside])
        reached = target.reached(quantity)
        lower, median, upper = np.quantile(quantity, [tail, 0.5, 1 - tail])
        row: dict[str, Any] = {"REGIMEN": _name(regimen), "AMOUNT": float(regimen.amount)}
        row["PROBABILITY"] = reached.mean()
        row["MCSE"] = np.sqrt(max(reached.mean() * (1 - reached.mean()), 1 / len(reached)) / len(reached))
        row |= {"TOO_LOW": (quantity < target.low).mean(), "TOO_HIGH": (quantity > target.high).mean()}
        if target.toxic is not None:
            row["TOXIC"] = (quantity > target.toxic).mean()
        rows.append(row | {"MEDIAN": median, "LOWER": lower, "UPPER": upper})
        quantities[_name(regimen)] = quantity
        low, middle, high = np.quantile(values, [tail, 0.5, 1 - tail], axis=0)
        curves[_name(regimen)] = pd.DataFrame({"TIME": time, "MEDIAN": middle, "LOWER": low, "UPPER": high})
    found = pd.DataFrame(rows)
    allowed = np.arange(len(found)) if risk is None else np.flatnonzero(found["TOXIC"] <= risk)
    best = candidates[allowed[found["PROBABILITY"].iloc[allowed].argmax()]] if len(allowed) else None
    history = _history(individual, output, begin)
    units = individual.data.units
    return Advice(found, best, target, curves, quantities, history, individual.id, output, units)


def _candidates(regimens: Any, amounts: Sequence[float] | None) -> list[Regimen]:
    found = [regimens] if isinstance(regimens, Regimen) else list(regimens)
    if not found or not all(isinstance(regimen, Regimen) for regimen in found):
        raise FitError(explain(expected="a Regimen or several", got=repr(regimens)[:80]))
    if amounts is not None:
        if len(found) > 1:
            raise FitError(explain(expected="one regimen together with amounts=", got=f"{len(found)}"))
        if not len(amounts):
            raise FitError(explain(expected="amounts to try", got="none"))
        found = [_of_amount(found[0], float(amount)) for amount in amounts]
    names = [_name(regimen) for regimen in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise FitError(explain(expected="every regimen once", got=f"more than once: {'; '.join(twice)}"))
    return found


def _of_amount(regimen: Regimen, amount: float) -> Regimen:
    if not amount > 0:
        raise FitError(explain(expected="amounts above 0", got=f"{amount:g}"))
    return regimen.scale(amount / regimen.amount)


def _others(count: int) -> str:
    return "1 other regimen is" if count == 1 else f"{count} other regimens are"


def _name(regimen: Regimen) -> str:
    return repr(regimen).removeprefix("Regimen: ")


def _output(model: Any, target: Target) -> str:
    outputs = list(model.residuals)
    if target.output is None:
        return outputs[0]
    if target.output not in outputs:
        raise FitError(explain(expected=f"an output among {', '.join(outputs)}", got=repr(target.output)))
    return target.output


def _curve(
    individual: Any,
    regimen: Regimen,
    target: Target,
    output: str,
    begin: float,
    covariates: Mapping[str, float | str] | None,
    draws: int,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Times from the regimen's start and the output at them, shape (draws, n_times)."""
    given = np.array([dose.start for dose in regimen.single_doses().parts])
    given = given[(given >= 0) & (given < target.over[1])]
    # The prediction at a dose is the trough before it; right after it is the peak of a bolus.
    after = given + _AFTER * target.over[1]
    even = np.linspace(0, target.over[1], _POINTS)
    times = np.unique(np.concatenate([even, given, after, [target.over[0]]]))
    plan = planned(individual, regimen, output, begin, times, covariates)
    drawn = []
    for member, count in members_of(individual, draws):
        made = simulate(
            member, plan, subjects="same", draws=count, seed=seed, residual_error=False, uncertainty=True
        )
        drawn.append(made.predictions(output))
    at = plan.table["TIME"].to_numpy(float)[made.records(output)] - begin
    future = at >= 0
    return at[future], np.concatenate(drawn)[:, future]


def _history(individual: Any, output: str, begin: float) -> pd.DataFrame:
    data = individual.data
    table = data.table[data.is_observation]
    if len(individual.model.residuals) > 1:
        label = str(individual.model.endpoints.get(output, output))
        table = table[table[individual.model.endpoints_in].astype(str) == label]
    return pd.DataFrame({"TIME": table["TIME"].to_numpy(float) - begin, "DV": table["DV"].to_numpy(float)})
