"""`simulate_trial(...)`: endpoints and the probability of success of a planned trial."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_nlmem.data.planned import Arm, Design
from bayes_nlmem.dosing.feedback import AdaptiveRule
from bayes_nlmem.dosing.given import course
from bayes_nlmem.ground.messages import FitError, explain
from bayes_nlmem.ground.tables import notebook, printed
from bayes_nlmem.model.specification import Model
from bayes_nlmem.simulation.replicates import simulate
from bayes_nlmem.simulation.simulated import Simulation

Endpoint = Callable[[pd.DataFrame], float | Mapping[str, float]]


@dataclass(frozen=True, eq=False, repr=False)
class Trials:
    """Outcomes of simulated trials.

    Parameters
    ----------
    table : DataFrame
        One row per trial: the endpoints, SUCCESS, DROPPED_OUT (share of the subjects), DOSE (mean factor of
        the planned doses: adherence and adaptation).
    example : DataFrame
        The records of the first trial, as the endpoint function sees them.

    Examples
    --------
    >>> table = pd.DataFrame({"response": [0.2, 0.5, 0.6, 0.7], "SUCCESS": [False, True, True, True]})
    >>> found = Trials(table, table)
    >>> found.probability, round(found.error, 3)
    (0.75, 0.25)
    """

    table: pd.DataFrame
    example: pd.DataFrame

    @property
    def probability(self) -> float:
        """Probability of success, averaged over what is uncertain of the population (assurance)."""
        return float(self.table["SUCCESS"].mean())

    @property
    def error(self) -> float:
        """Its Monte Carlo standard error."""
        p, n = self.probability, len(self.table)
        return float(np.sqrt(max(p * (1 - p), 1 / n) / n))

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Interval of the probability of success that covers the Monte Carlo error (Jeffreys).

        Parameters
        ----------
        level : float

        References
        ----------
        Brown, Cai & DasGupta 2001, doi:10.1214/ss/1009213286
        """
        from scipy.stats import beta

        wins, n, tail = int(self.table["SUCCESS"].sum()), len(self.table), (1 - level) / 2
        low = 0.0 if wins == 0 else float(beta.ppf(tail, wins + 0.5, n - wins + 0.5))
        high = 1.0 if wins == n else float(beta.ppf(1 - tail, wins + 0.5, n - wins + 0.5))
        return low, high

    def summary(self, level: float = 0.9) -> pd.DataFrame:
        """Median and interval of every endpoint over the trials.

        Parameters
        ----------
        level : float
            Mass of the interval.
        """
        tail = (1 - level) / 2
        values = self.table.drop(columns=["SUCCESS"]).astype(float)
        found = values.quantile([0.5, tail, 1 - tail]).T
        return found.set_axis(["MEDIAN", "LOWER", "UPPER"], axis=1)

    @property
    def conclusion(self) -> str:
        """One sentence."""
        low, high = self.interval()
        return (
            f"Probability of success {self.probability:.2f} (95 % Monte Carlo interval "
            f"{low:.2f} to {high:.2f}, {len(self.table)} trials)."
        )

    def __repr__(self) -> str:
        return f"{self.conclusion}\n{printed(self.summary()).text()}"

    def _repr_html_(self) -> str:
        return notebook(self.conclusion, self.summary())


@dataclass(frozen=True, eq=False)
class _Slim:
    """As much of a fit as a simulation needs: other draws of the population for every batch."""

    model: Model
    data: Any
    draws: xr.DataTree
    edit: Any


@dataclass(frozen=True, eq=False)
class _Plan:
    """What is the same in all batches."""

    design: Design
    endpoint: Endpoint
    success: Callable[[Mapping[str, float]], bool]
    rule: AdaptiveRule | None
    adherence: float
    drop_out: float
    parameters: Mapping[str, Any] | None


def simulate_trial(
    learnt: Any,
    design: Design | Arm,
    *,
    endpoint: Endpoint,
    success: Callable[[Mapping[str, float]], bool],
    trials: int = 200,
    rule: AdaptiveRule | None = None,
    adherence: float = 1.0,
    drop_out: float = 0.0,
    parameters: Mapping[str, Any] | None = None,
    batch: int = 50,
    executor: Executor | None = None,
    seed: int,
) -> Trials:
    """Simulate a planned trial many times, each time with another draw of the population.

    Every trial has new subjects; covariates that are drawn are drawn anew in every batch of trials.

    Parameters
    ----------
    learnt : Fit, another learnt result, or Model
        What is known of the population; of a model the unknowns by `parameters`, or from the priors.
    design : Design or Arm
        Arms with regimens, times, covariates (see `resampled`).
    endpoint : callable
        Gets one trial as a table (ID, ARM, TIME, OUTPUT, IPRED, DV, DOSE_FACTOR of the last dose, the
        covariates), returns a number or a mapping of names to numbers.
    success : callable
        Gets the endpoints by name (one alone is called "endpoint"), returns whether the trial succeeded.
    trials : int
        Number of trials.
    rule : AdaptiveRule, optional
        Changes later doses by what is observed.
    adherence : float
        Probability that a dose is taken, each by itself.
    drop_out : float
        Rate [1 / time] at which subjects leave; what would have been observed later is missing.
    parameters : mapping, optional
        As in `simulate`.
    batch : int
        Trials per task; a task is translated once.
    executor : concurrent.futures.Executor, optional
        Runs the tasks, for example a `ProcessPoolExecutor` (then the functions must be importable).
    seed : int
        The same seed, the same trials, with and without executor.

    Returns
    -------
    Trials

    Raises
    ------
    FitError
        An adherence outside (0, 1], a negative rate of leaving, a rule for an unknown output, no trials,
        an endpoint that is no number.

    References
    ----------
    O'Hagan, Stevens & Campbell 2005, Assurance in clinical trial design, doi:10.1002/pst.175

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> model = bn.Model(
    ...     structure=bn.OneCompartment(),
    ...     parameters={"CL": bn.Parameter(1.0, iiv=0.3), "V": bn.Parameter(10.0, iiv=0.2)},
    ...     residuals={"cp": bn.Proportional(0.1)},
    ... )
    >>> found = bn.simulate_trial(
    ...     model,
    ...     bn.Arm(10, bn.Regimen(100), times=[12]),
    ...     endpoint=lambda trial: trial["DV"].mean(),
    ...     success=lambda endpoints: endpoints["endpoint"] > 1,
    ...     trials=20,
    ...     seed=1,
    ... )
    >>> found.probability
    1.0
    """
    design = Design((design,)) if isinstance(design, Arm) else design
    if isinstance(trials, bool) or not isinstance(trials, int) or trials < 1 or batch < 1:
        raise FitError(explain(expected="trials and batch of at least 1", got=f"{trials!r} and {batch!r}"))
    if not 0 < adherence <= 1:
        raise FitError(explain(expected="an adherence above 0 and at most 1", got=f"{adherence!r}"))
    if not (drop_out >= 0 and np.isfinite(drop_out)):
        raise FitError(explain(expected="a rate of leaving of at least 0", got=f"{drop_out!r}"))
    if rule is not None:
        model = learnt if isinstance(learnt, Model) else learnt.model
        if rule.output not in model.residuals:
            raise FitError(
                explain(
                    expected=f"a rule for an output among {', '.join(model.residuals)}", got=repr(rule.output)
                )
            )
        if rule.at[0] > max(arm.regimen.last for arm in design.arms if arm.regimen is not None):
            raise FitError(
                explain(expected="a decision before the last dose", got=f"the first at {rule.at[0]:g}")
            )
    written_out = replace(design, arms=tuple(single_doses(arm) for arm in design.arms))
    plan = _Plan(written_out, endpoint, success, rule, adherence, drop_out, parameters)
    sizes = [batch] * (trials // batch) + ([trials % batch] if trials % batch else [])
    seeds = [int(s) for s in np.random.SeedSequence(seed).generate_state(len(sizes))]
    sources = _sources(learnt, sizes, seed)
    task = partial(_batch, plan)
    runs = map(task, sources, sizes, seeds) if executor is None else executor.map(task, sources, sizes, seeds)
    found = list(runs)
    table = pd.concat([part for part, _ in found], ignore_index=True)
    table.index = pd.RangeIndex(1, len(table) + 1, name="TRIAL")
    return Trials(table, found[0][1])


def single_doses(arm: Arm) -> Arm:
    """Every dose by itself, so that each can be missed or changed."""
    return arm if arm.regimen is None else replace(arm, regimen=arm.regimen.single_doses())


def _sources(learnt: Any, sizes: list[int], seed: int) -> list[Any]:
    """For every batch draws of its own."""
    if isinstance(learnt, Model):
        return [learnt] * len(sizes)
    posterior = learnt.draws["posterior"].to_dataset()
    keep = [
        n for n in posterior.data_vars if not {"subject", "occasion", "interval"} & set(posterior[n].dims)
    ]
    keep = [n for n in keep if not any(str(d).endswith("_row") for d in posterior[n].dims)]
    stacked = posterior[keep].stack(sample=("chain", "draw")).reset_index("sample", drop=True)
    order = np.random.default_rng(seed).permutation(np.resize(np.arange(stacked.sizes["sample"]), sum(sizes)))
    found, at = [], 0
    for size in sizes:
        own = stacked.isel(sample=order[at : at + size]).rename(sample="draw").expand_dims(chain=[0])
        own = own.assign_coords(draw=np.arange(size))
        tree = xr.DataTree.from_dict({"posterior": own})
        found.append(_Slim(learnt.model, learnt.data, tree, getattr(learnt, "edit", None)))
        at += size
    return found


def _batch(plan: _Plan, learnt: Any, size: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Simulate some trials and judge them."""
    seeds = [int(s) for s in np.random.SeedSequence(seed).generate_state(2)]
    rng = np.random.default_rng(seeds[0])
    altered = plan.rule is not None or plan.adherence < 1
    made = simulate(
        learnt,
        plan.design,
        draws=size,
        seed=seeds[1],
        residual_error=not altered,
        parameters=plan.parameters,
    )
    if altered:
        happened = course(made, plan.rule, plan.adherence, rng)
        predictions, observations, factors = happened.predictions, happened.observations, happened.factors
    else:
        predictions = {output: made.predictions(output) for output in made.outputs}
        observations = {output: made.values(output) for output in made.outputs}
        factors = np.ones((size, len(made.data.table)))
    frame, at_dose = _frame(made, plan.design)
    dose, n = made.data.is_dose, made.data.n_subjects
    rows, example = [], pd.DataFrame()
    for k in range(size):
        trial = frame.assign(
            IPRED=np.concatenate([predictions[o][k] for o in made.outputs]),
            DV=np.concatenate([observations[o][k] for o in made.outputs]),
            DOSE_FACTOR=np.where(at_dose >= 0, factors[k][np.maximum(at_dose, 0)], np.nan),
        )
        left = rng.exponential(1 / plan.drop_out, n) if plan.drop_out else np.full(n, np.inf)
        trial = trial[trial["TIME"].to_numpy() <= left[trial["SUBJECT"].to_numpy()]]
        last = frame.groupby("SUBJECT")["TIME"].max().reindex(range(n)).to_numpy()
        trial = trial.drop(columns="SUBJECT").reset_index(drop=True)
        values = _numbers(plan.endpoint(trial))
        row = {**values, "SUCCESS": bool(plan.success(values))}
        row["DROPPED_OUT"] = float(np.mean(left < last))
        row["DOSE"] = float(factors[k][dose].mean()) if dose.any() else np.nan
        rows.append(row)
        if k == 0:
            example = trial
    return pd.DataFrame(rows), example


def _frame(made: Simulation, design: Design) -> tuple[pd.DataFrame, np.ndarray]:
    """The observed records, output after output, and the position of the last dose before each."""
    table, data = made.data.table, made.data
    arms = [arm.name or f"arm {k + 1}" for k, arm in enumerate(design.arms)]
    arm = np.asarray(arms, object)[design.arm_of_subject]
    record = np.concatenate([made.records(output) for output in made.outputs])
    own = table.iloc[record]
    frame = pd.DataFrame(
        {
            "SUBJECT": own["SUBJECT"].to_numpy(),
            "ID": own["ID"].to_numpy(),
            "ARM": arm[own["SUBJECT"].to_numpy()],
            "TIME": own["TIME"].to_numpy(float),
            "OUTPUT": np.repeat(list(made.outputs), [len(made.records(o)) for o in made.outputs]),
            **{name: data.covariate(name)[record] for name in data.covariates},
        }
    )
    position = np.where(data.is_dose, np.arange(len(table)), -1)
    latest = pd.Series(position).groupby(table["SUBJECT"].to_numpy()).cummax().to_numpy()
    return frame, latest[record]


def _numbers(found: Any) -> dict[str, float]:
    values = dict(found) if isinstance(found, Mapping) else {"endpoint": found}
    try:
        return {str(name): float(value) for name, value in values.items()}
    except (TypeError, ValueError):
        raise FitError(
            explain(
                expected="a number, or a mapping of names to numbers, from endpoint=",
                got=type(found).__name__,
            )
        ) from None
