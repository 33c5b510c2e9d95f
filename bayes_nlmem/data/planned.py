"""Studies to come: arms of subjects with their doses, sampling times and covariates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.data.reader import read
from bayes_nlmem.data.regimen import Regimen
from bayes_nlmem.ground.mapping import FrozenMapping
from bayes_nlmem.ground.messages import DataError, Fault
from bayes_nlmem.ground.prior import Prior
from bayes_nlmem.ground.quantiles import quantile

_RECORD = {"EVID": 0, "AMT": 0.0, "RATE": 0.0, "II": 0.0, "ADDL": 0, "SS": 0, "CMT": 0}
_ALLOWED = ("E_SUBJECT_NO_DOSE", "E_DUPLICATED_RECORD")
PLANNED = "planned observations, DV is not known yet"


@dataclass(frozen=True)
class Arm:
    """Subjects that get the same doses and are sampled at the same times.

    Parameters
    ----------
    subjects : int
        How many.
    regimen : Regimen or None
        Their doses.
    times : sequence of float, or mapping of endpoint to sequence
        Sampling times; a mapping where several outputs are observed, by their names (or labels in DVID).
    covariates : mapping
        Name -> a value for all, a sequence with one value per subject, a Prior to draw from (for example
        `LogNormal(70, cv=0.2)`), or a mapping of categories to their probabilities.
    occasions : sequence of float
        Times at which occasions 2, 3, ... begin.
    name : str, optional
        Name for tables.

    Raises
    ------
    DataError
        No subjects, no sampling times, times that are not finite numbers, occasions out of order.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> bn.Arm(16, bn.Regimen(100), times=[1, 4, 12], covariates={"WT": 70}).times["*"]
    (1.0, 4.0, 12.0)
    """

    subjects: int
    regimen: Regimen | None
    times: Sequence[float] | Mapping[str, Sequence[float]]
    covariates: Mapping[str, Any] = FrozenMapping()
    occasions: Sequence[float] = ()
    name: str | None = None

    def __post_init__(self) -> None:
        given = self.times if isinstance(self.times, Mapping) else {"*": self.times}
        if faults := list(_arm_faults(self, given)):
            raise DataError(faults=faults, source=f"Arm {self.name!r}" if self.name else "Arm")
        times = {endpoint: tuple(float(t) for t in values) for endpoint, values in given.items()}
        object.__setattr__(self, "times", FrozenMapping(times))
        settled = {
            name: tuple(value) if isinstance(value, list | np.ndarray) else value
            for name, value in self.covariates.items()
        }
        settled = {n: FrozenMapping(v) if isinstance(v, Mapping) else v for n, v in settled.items()}
        object.__setattr__(self, "covariates", FrozenMapping(settled))
        object.__setattr__(self, "occasions", tuple(float(t) for t in self.occasions))

    def at(self, times: Sequence[float] | Mapping[str, Sequence[float]]) -> Arm:
        """The arm with other sampling times."""
        return replace(self, times=times)


@dataclass(frozen=True)
class Design:
    """A planned study: arms, each with its subjects.

    Parameters
    ----------
    arms : sequence of Arm
        The arms; one alone need not be wrapped.
    units : mapping, optional
        Unit labels as in `read`.

    Raises
    ------
    DataError
        No arms, or arms that do not have the same covariates or endpoints.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> design = bn.Design([bn.Arm(2, bn.Regimen(100), times=[1, 4]), bn.Arm(1, bn.Regimen(200), times=[8])])
    >>> design.n_subjects
    3
    >>> design.dataset().table[["ID", "TIME", "EVID", "AMT"]]
       ID  TIME  EVID    AMT
    0   1   0.0     1  100.0
    1   1   1.0     0    0.0
    2   1   4.0     0    0.0
    3   2   0.0     1  100.0
    4   2   1.0     0    0.0
    5   2   4.0     0    0.0
    6   3   0.0     1  200.0
    7   3   8.0     0    0.0
    """

    arms: Sequence[Arm]
    units: Mapping[str, str] = FrozenMapping()

    def __post_init__(self) -> None:
        arms = (self.arms,) if isinstance(self.arms, Arm) else tuple(self.arms)
        object.__setattr__(self, "arms", arms)
        object.__setattr__(self, "units", FrozenMapping(self.units))
        if faults := list(_design_faults(arms)):
            raise DataError(faults=faults, source="Design")

    @property
    def n_subjects(self) -> int:
        """Number of subjects in all arms."""
        return sum(arm.subjects for arm in self.arms)

    @property
    def arm_of_subject(self) -> np.ndarray:
        """Position of the arm of every subject, shape (n_subjects,)."""
        return np.repeat(np.arange(len(self.arms)), [arm.subjects for arm in self.arms])

    def dataset(self, seed: int | None = None) -> Dataset:
        """The planned records as a data set; its observations have no value yet (DV is NaN).

        Parameters
        ----------
        seed : int, optional
            For covariates that are drawn from a distribution; needed where there are any.

        Raises
        ------
        DataError
            A covariate has a distribution and there is no seed, or an amount depends on a covariate that
            an arm does not have.
        """
        rng = None if seed is None else np.random.default_rng(seed)
        frames, first = [], 1
        for arm in self.arms:
            frames.append(_records(arm, first, rng))
            first += arm.subjects
        frame = pd.concat(frames, ignore_index=True)
        names = list(self.arms[0].covariates)
        several = any("*" not in arm.times for arm in self.arms)
        kept = frame if several else frame.drop(columns="DVID")
        if not any(arm.occasions for arm in self.arms):
            kept = kept.drop(columns="OCC")
        data = read(kept.assign(DV=1.0), covariates=names, units=dict(self.units), allow=_ALLOWED)
        planned = data.table["DV"].where(~data.is_observation, np.nan)
        return replace(
            data,
            frame=kept,
            table=data.table.assign(DV=planned),
            source="the design",
            notes=(*data.notes, PLANNED),
            warnings=(),
        )


def _records(arm: Arm, first: int, rng: np.random.Generator | None) -> pd.DataFrame:
    values = {name: _drawn(name, value, arm, rng) for name, value in arm.covariates.items()}
    assert isinstance(arm.times, Mapping)  # as settled by Arm
    observed = pd.concat(
        [
            pd.DataFrame({"TIME": sorted(times), "DVID": endpoint, **_RECORD})
            for endpoint, times in arm.times.items()
        ],
        ignore_index=True,
    )
    frames = []
    for k in range(arm.subjects):
        own = {name: value[k] for name, value in values.items()}
        parts = [observed]
        if arm.regimen is not None:
            parts.insert(0, arm.regimen.events(own).assign(DVID=next(iter(arm.times))))
        # A dose comes before an observation at the same time only where it was written so: sampled before.
        table = pd.concat(parts, ignore_index=True)
        order = np.lexsort((table["EVID"].to_numpy() != 0, table["TIME"].to_numpy(float)))
        table = table.iloc[order].assign(ID=first + k, **own)
        table["OCC"] = 1 + np.searchsorted(np.asarray(arm.occasions), table["TIME"], side="right")
        frames.append(table)
    return pd.concat(frames, ignore_index=True)


def _drawn(name: str, value: Any, arm: Arm, rng: np.random.Generator | None) -> np.ndarray:
    n = arm.subjects
    if isinstance(value, Prior | Mapping):
        if rng is None:
            fault = Fault(
                "E_DESIGN_SEED",
                f"Expected a seed, since {name} is drawn from a distribution, got none.",
                remedy="design.dataset(seed=1)",
            )
            raise DataError(faults=[fault], source="Design")
        if isinstance(value, Mapping):
            levels, weights = list(value), np.asarray(list(value.values()), float)
            return np.asarray(levels, object)[rng.choice(len(levels), size=n, p=weights / weights.sum())]
        found = [quantile(value.distribution, value.arguments(), u) for u in rng.uniform(size=n)]
        return np.asarray(found, float)
    if isinstance(value, Sequence | np.ndarray) and not isinstance(value, str):
        return np.asarray(value)
    return np.full(n, value, dtype=object if isinstance(value, str) else float)


def _arm_faults(arm: Arm, given: Mapping[str, Sequence[float]]):
    if isinstance(arm.subjects, bool) or not isinstance(arm.subjects, int) or arm.subjects < 1:
        yield Fault("E_ARM_SUBJECTS", f"Expected a number of subjects of at least 1, got {arm.subjects!r}.")
        return
    if arm.regimen is not None and not isinstance(arm.regimen, Regimen):
        yield Fault("E_ARM_REGIMEN", f"Expected a Regimen or None, got {type(arm.regimen).__name__}.")
    for endpoint, times in given.items():
        where = "" if endpoint == "*" else f" of {endpoint!r}"
        values = np.asarray(times, float)
        if not values.size:
            yield Fault("E_ARM_TIMES", f"Expected sampling times{where}, got none.")
        elif not np.isfinite(values).all():
            yield Fault("E_ARM_TIMES", f"Expected finite sampling times{where}, got {list(times)!r}.")
    if any(b <= a for a, b in zip(arm.occasions, list(arm.occasions)[1:], strict=False)):
        yield Fault("E_ARM_OCCASIONS", f"Expected increasing times, got {list(arm.occasions)!r}.")
    for name, value in arm.covariates.items():
        if isinstance(value, Sequence | np.ndarray) and not isinstance(value, str):
            if len(value) != arm.subjects:
                yield Fault(
                    "E_ARM_COVARIATE",
                    f"Expected one value of {name} per subject ({arm.subjects}), got {len(value)}.",
                )
        elif isinstance(value, Prior) and quantile(value.distribution, value.arguments(), 0.5) is None:
            yield Fault(
                "E_ARM_COVARIATE", f"Expected for {name} a distribution with known quantiles, got {value}."
            )
        elif isinstance(value, Mapping) and any(not p >= 0 for p in value.values()):
            yield Fault("E_ARM_COVARIATE", f"Expected for {name} probabilities, got {dict(value)!r}.")
    if arm.regimen is not None and isinstance(arm.regimen, Regimen):
        missing = [name for name in arm.regimen.covariates if name not in arm.covariates]
        if missing:
            yield Fault(
                "E_ARM_COVARIATE",
                f"Expected {', '.join(missing)} among the covariates, since the amount depends on it, "
                f"got {', '.join(arm.covariates) or 'none'}.",
            )


def _design_faults(arms: tuple[Arm, ...]):
    if not arms:
        yield Fault("E_DESIGN_ARMS", "Expected at least one arm, got none.")
        return
    wrong = [type(arm).__name__ for arm in arms if not isinstance(arm, Arm)]
    if wrong:
        yield Fault("E_DESIGN_ARMS", f"Expected arms, got {', '.join(wrong)}.")
        return
    if any(set(arm.covariates) != set(arms[0].covariates) for arm in arms):
        sets = "; ".join(", ".join(sorted(arm.covariates)) or "none" for arm in arms)
        yield Fault("E_DESIGN_ARMS", f"Expected the same covariates in every arm, got {sets}.")
    if len({"*" in arm.times for arm in arms}) > 1:
        yield Fault(
            "E_DESIGN_ARMS",
            "Expected endpoints named in every arm or in none, got both.",
            remedy='times={"cp": [...]} in every arm.',
        )
