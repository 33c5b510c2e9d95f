"""`next_sample(...)`: what one more sample would teach about a patient or a population, time by time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_nlmem.data.grid import stretches, with_records
from bayes_nlmem.data.planned import Arm, Design
from bayes_nlmem.design.expected_gain import linear_gain, nested_gain
from bayes_nlmem.design.sensitivity import gain_of_one_more
from bayes_nlmem.ground.messages import FitError, ModelError, explain
from bayes_nlmem.ground.scales import Log
from bayes_nlmem.ground.tables import notebook, printed
from bayes_nlmem.learning.replay import thin
from bayes_nlmem.model.specification import Model
from bayes_nlmem.simulation.evaluation import evaluate
from bayes_nlmem.simulation.population import columns_of, population_in
from bayes_nlmem.simulation.subjects import SAME, effects_of
from bayes_nlmem.statistics.endpoints import is_endpoint
from bayes_nlmem.translation.errors_at_draws import error_at
from bayes_nlmem.translation.graph import translate

METHODS = ("nested", "linear")


@dataclass(frozen=True, eq=False, repr=False)
class NextSample:
    """What one more sample would teach, time by time.

    Parameters
    ----------
    table : DataFrame
        TIME; SD, the expected standard deviation of `about` after the sample (the standard error, for a
        population), with its Monte Carlo error SD_ERROR; GAIN, the expected information [nats] about
        everything that is unknown, with GAIN_ERROR. SD is NaN if nothing was asked about.
    before : float
        The standard deviation now.
    about : str or None
        The parameter; `log CL` where it is judged on the log scale.
    who : str
        The patient, or the study.
    output : str
        What would be measured.
    method : str
        "nested", "linear" or "Fisher information".
    time_unit : str, optional
        Unit of the times.

    Examples
    --------
    >>> table = pd.DataFrame({"TIME": [2.0, 8.0], "SD": [0.3, 0.2], "SD_ERROR": np.nan, "GAIN": [0.1, 0.5]})
    >>> NextSample(table, 0.35, "log CL", "Patient 1", "cp", "linear").best
    8.0
    """

    table: pd.DataFrame
    before: float
    about: str | None
    who: str
    output: str
    method: str
    time_unit: str | None = None

    @property
    def best(self) -> float:
        """The time that leaves the smallest SD; without a parameter, the time of the largest gain."""
        column = -self.table["SD"] if self.about is not None else self.table["GAIN"]
        return float(self.table["TIME"].to_numpy()[int(np.argmax(column.to_numpy()))])

    @property
    def conclusion(self) -> str:
        """One sentence."""
        row = self.table.set_index("TIME").loc[self.best]
        if self.about is None:
            where = f"a sample of {self.output} at {self.best:g}"
            return f"{self.who}: {where} teaches most, {row['GAIN']:.3g} nats."
        error = f" (Monte Carlo error {row['SD_ERROR']:.1g})" if np.isfinite(row["SD_ERROR"]) else ""
        return (
            f"{self.who}: a sample of {self.output} at {self.best:g} is expected to bring the SD of "
            f"{self.about} from {self.before:.3g} to {row['SD']:.3g}{error}."
        )

    def __repr__(self) -> str:
        shown = self.table.dropna(axis=1, how="all")
        return f"{self.conclusion}\n{printed(shown, index=False).text()}"

    def _repr_html_(self) -> str:
        shown = self.table.dropna(axis=1, how="all")
        return notebook(self.conclusion, printed(shown, index=False))


def next_sample(
    learnt: Any,
    *,
    at: Sequence[float],
    about: str | None = None,
    output: str | None = None,
    design: Design | Arm | None = None,
    parameters: Mapping[str, float] | None = None,
    method: str = "nested",
    draws: int = 1000,
    seed: int = 1,
) -> NextSample:
    r"""When one more sample teaches most: expected posterior SD and information over candidate times.

    For a patient (`individualize`): with posterior draws :math:`b_m` and a sample :math:`y` at time t,

    .. math:: G(t) = E_n\,[\log p(y_n | b_n) - \log \tfrac{1}{M-1} \sum_{m \neq n} p(y_n | b_m)]

    and the SD of a parameter under the weights :math:`p(y_n | b_m)`, averaged over n ("nested"); or both
    under a linear relation of prediction and parameter ("linear"). The uncertainty of the population is
    kept. For a population: Fisher information of the design with one more sample in every subject.

    Parameters
    ----------
    learnt : Individual, fit, or Model
        The patient; or, together with `design`, a fit or a model with `parameters`.
    at : sequence of float
        Candidate times; for a patient at or after the last observation (a sample at the time of a dose is
        drawn right after it). Doses to come are part of the patient's records.
    about : str, optional
        A patient's parameter (`"CL"`, judged on the log scale if it is log-normal); for a population a row
        of the table of `expected_precision` (`"CL_pop"`).
    output : str, optional
        What is measured; by default the model's first output.
    design : Design or Arm, optional
        The study to which a sample is added.
    parameters : mapping, optional
        Values of a model's unknowns, see `expected_precision`.
    method : {"nested", "linear"}
        For a patient, see above.
    draws : int
        Draws of the patient's posterior.
    seed : int
        The same seed, the same curve.

    Returns
    -------
    NextSample

    Raises
    ------
    FitError, ModelError
        No times, times before the last observation, an unknown parameter or output, an option without effect,
        an output whose errors are not normal on a known scale.

    References
    ----------
    Rainforth et al. 2024, Modern Bayesian experimental design, doi:10.1214/23-STS915

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> model = bn.Model(
    ...     structure=bn.OneCompartment(),
    ...     parameters={"CL": bn.Parameter(bn.about(1.0), iiv=0.3), "V": bn.Parameter(bn.about(10), iiv=0.2)},
    ...     residuals={"cp": bn.Proportional(0.1)},
    ... )
    >>> design = bn.Arm(20, bn.Regimen(100), times=[1])
    >>> values = {"CL_pop": 1.0, "V_pop": 10.0}
    >>> bn.next_sample(model, at=[2, 8, 24], about="CL_pop", design=design, parameters=values).best
    24.0
    """
    times = _times(at)
    if method not in METHODS:
        raise FitError(explain(expected=f"method one of {', '.join(METHODS)}", got=repr(method)))
    if design is not None:
        if method != "nested":
            raise FitError(explain(expected="method= only for a patient", got=f"{method!r} with a design"))
        design = Design((design,)) if isinstance(design, Arm) else design
        values = learnt if parameters is None else parameters
        model = learnt if isinstance(learnt, Model) else learnt.model
        table, before = gain_of_one_more(model, design, values, times, about=about, output=output, seed=seed)
        measured = output or next(iter(model.residuals))
        return NextSample(table, before, about, "The study", measured, "Fisher information")
    if parameters is not None:
        raise FitError(explain(expected="parameters= only with a model and a design", got="no design"))
    if isinstance(learnt, Model) or learnt.data.n_subjects != 1:
        raise FitError(
            explain(
                expected="one patient, or a design to which a sample is added",
                got="a population without a design",
                remedy="bn.next_sample(bn.individualize(fit, patient), ...), or design=bn.Design(...).",
            )
        )
    return _of_patient(learnt, times, about, output, method, draws, seed)


def _times(at: Sequence[float]) -> np.ndarray:
    times = np.unique(np.atleast_1d(np.asarray(at, float)))
    if not times.size or not np.isfinite(times).all():
        raise FitError(
            explain(expected="candidate times in at=", got=repr(at)[:80], remedy="at=[2, 4, 8, 24]")
        )
    return times


def _of_patient(
    patient: Any,
    times: np.ndarray,
    about: str | None,
    output: str | None,
    method: str,
    draws: int,
    seed: int,
) -> NextSample:
    model, data = patient.model, patient.data
    output = _output(model, output)
    seen = data.table["TIME"][data.is_observation].to_numpy(float)
    if seen.size and times[0] < seen[-1]:
        raise FitError(
            explain(
                expected=f"times at or after the last observation (TIME {seen[-1]:g})",
                got=f"{times[0]:g}",
                remedy="A sample cannot be taken any more before it.",
            )
        )
    if about is not None and about not in model.parameters:
        raise FitError(
            explain(expected=f"about= a parameter among {', '.join(model.parameters)}", got=repr(about))
        )
    drawn = thin(patient.draws["posterior"].to_dataset(), draws)
    prediction, spread = _predicted(patient, output, times, drawn, seed)
    value, label = _judged(model, drawn, about)
    law = model.residuals[output].law
    mean = law.scale.additive(prediction, np)
    if method == "linear":
        table = linear_gain(mean, spread, value)
    else:
        table = nested_gain(mean, spread, value, np.random.default_rng(seed))
    before = float(np.std(value)) if value is not None else np.nan
    table.insert(0, "TIME", times)
    who = f"Patient {data.subjects[0]}"
    return NextSample(table, before, label, who, output, method, data.units.get("TIME"))


def _output(model: Model, output: str | None) -> str:
    outputs = [name for name, residual in model.residuals.items() if not is_endpoint(residual)]
    chosen = output if output is not None else (outputs or [""])[0]
    if chosen not in outputs:
        raise FitError(explain(expected=f"an output among {', '.join(outputs)}", got=repr(output)))
    law = model.residuals[chosen].law
    if not law.normal or law.suffixes:
        raise ModelError(
            explain(
                expected=f"an error of {chosen!r} that is normal on a known scale",
                got=type(model.residuals[chosen]).__name__,
                remedy="Use a Normal error (Additive, Proportional, Combined, LogNormalError) for planning.",
            )
        )
    return chosen


def _predicted(
    patient: Any, output: str, times: np.ndarray, drawn: xr.Dataset, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Predictions and residual SDs (on the error's scale) at every draw and time."""
    data = patient.data
    longer, added = with_records(data, times, np.repeat(stretches(data)[-1], len(times)))
    translation = translate(
        patient.model, longer, geometry="centred", edit=patient.edit, predict_at={output: added}
    )
    count = drawn.sizes["sample"]
    population = columns_of(drawn, [rv.name for rv in population_in(translation.graph)])
    effects = effects_of(translation, population, SAME, drawn, count, seed)
    graph = translation.graph
    [prediction] = evaluate(graph, [graph[output]], population | effects, count, seed)
    error = error_at(translation, output, prediction, drawn)
    if error.memory is not None:
        raise ModelError(explain(expected=f"independent errors of {output!r}", got="autocorrelated ones"))
    return prediction, np.broadcast_to(error.spread, prediction.shape)


def _judged(model: Model, drawn: xr.Dataset, about: str | None) -> tuple[np.ndarray | None, str | None]:
    """The parameter at every draw (the last one, where it varies in time), and what it is called."""
    if about is None:
        return None, None
    values = drawn[about].transpose("sample", ...).values.reshape(drawn.sizes["sample"], -1)[:, -1]
    if isinstance(model.parameters[about].scale, Log):
        return np.log(values), f"log {about}"
    return values, about
