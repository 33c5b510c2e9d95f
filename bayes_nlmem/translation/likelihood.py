"""The third layer: what was measured, given the prediction; censored values included, once for all uses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.ground.priors import LKJ
from bayes_nlmem.model.specification import Model
from bayes_nlmem.statistics.laws import NORMAL, Law
from bayes_nlmem.statistics.surroundings import inherited
from bayes_nlmem.translation.drawing import known_or_drawn
from bayes_nlmem.translation.layout import as_data
from bayes_nlmem.translation.observation_law import ObservationLaw
from bayes_nlmem.translation.surroundings import Surroundings


@dataclass(frozen=True, eq=False)
class Observed:
    """The observations of one output.

    Parameters
    ----------
    record : ndarray of int, shape (n_obs,)
        Positions in the data table.
    value : ndarray, shape (n_obs,)
        DV; under censoring the limit of quantification.
    lower, upper : ndarray, shape (n_obs,)
        What is known: the value lies in [lower, upper]; equal to `value` where it was quantified.
    above : ndarray, shape (n_obs,)
        Under M2 the limit above which a value had to lie to be among the data, else -inf.
    """

    record: np.ndarray
    value: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    above: np.ndarray = field(default_factory=lambda: np.zeros(0))

    @property
    def censored(self) -> np.ndarray:
        """Where the value was not quantified."""
        return self.lower != self.upper

    @property
    def truncated(self) -> bool:
        """Whether some values are among the data only because they lie above a limit (M2)."""
        return bool(np.isfinite(self.above).any())


def observations(data: Dataset, record: np.ndarray) -> Observed:
    """Collect the observations at some records, with CENS and LIMIT turned into intervals.

    CENS = 1: DV holds the lower limit of quantification, the value lies below it (M3), or between LIMIT
    and it where LIMIT is given (M4 with LIMIT = 0). CENS = -1: DV holds the upper limit, the value lies
    above it, or between it and LIMIT. ABOVE (M2): the value is among the data because it lies above ABOVE.
    Beal 2001, doi:10.1023/A:1012299115260.
    """
    table = data.table.iloc[record]
    value = table["DV"].to_numpy(float)
    cens = table["CENS"].to_numpy(int)
    limit = table["LIMIT"].to_numpy(float)
    lower, upper = value.copy(), value.copy()
    left, right = cens == 1, cens == -1
    lower[left] = np.where(np.isnan(limit[left]), -np.inf, limit[left])
    upper[right] = np.where(np.isnan(limit[right]), np.inf, limit[right])
    return Observed(np.asarray(record, dtype=np.int64), value, lower, upper, _above(data, record))


def _above(data: Dataset, record: np.ndarray) -> np.ndarray:
    """Limits above which values had to lie to be among the data (M2), else -inf."""
    if "ABOVE" not in data.table:
        return np.full(len(record), -np.inf)
    given = data.table["ABOVE"].to_numpy(float)[record]
    return np.where(np.isnan(given), -np.inf, given)


def to_be_drawn(data: Dataset, record: np.ndarray) -> Observed:
    """Observations that nobody has made yet: a place for each, the value 1 means nothing.

    Under M2 they are drawn above the limit, as those that were seen had to lie there.
    """
    nothing = np.ones(len(record))
    return Observed(np.asarray(record, dtype=np.int64), nothing, nothing, nothing, _above(data, record))


@dataclass(frozen=True, eq=False)
class Error:
    """The residual error of one output, its parameters settled: all that its law takes.

    Parameters
    ----------
    law : Law
        The law of a single observation.
    spread : array
        Magnitude at every observation.
    form : tuple of array
        The parameters that give the law its form.
    memory : tuple of array or None
        Correlation r with the error before in its chain, and sqrt(1 - r^2).
    """

    law: Law
    spread: Any
    form: tuple[Any, ...]
    memory: tuple[Any, Any] | None

    def weighted_residual(self, value: np.ndarray, prediction: np.ndarray) -> np.ndarray:
        """(h(y) - h(f)) / s as the standard normal value of the same probability, in numpy.

        Of each observation alone: residuals of autocorrelated or correlated errors are standard normal, too,
        but not independent.
        """
        return self.law.weighted_residual(value, prediction, self.spread, *self.form)


def settled_error(
    residual: Any, prediction: Any, around: Surroundings, xp: Any, of: Callable[[str, Any], Any], eta: Any
) -> Error:
    """A residual error at its predictions, in a graph or in numpy.

    Parameters
    ----------
    residual : Residual
        The error.
    prediction : array, shape (..., n_obs)
        f.
    around : Surroundings
        Where the observations stand.
    xp : module
        numpy or pytensor.tensor.
    of : callable
        The value of a parameter from its suffix and what is known of it.
    eta : callable
        The random effect on the magnitude at every observation, without arguments.
    """
    sigmas = {suffix: of(suffix, value) for suffix, value in residual.unknowns().items()}
    around_it: dict[str, Any] = {
        f"@{name}": values if xp is np or values.dtype.kind != "f" else as_data(name, values)
        for name, values in around.at.items()
    }
    if inherited(residual, "iiv") is not None:
        around_it["@eta"] = eta()
    spread = residual.sd(prediction, {**sigmas, **around_it}, xp)
    memory = None
    if (autocorrelation := inherited(residual, "autocorrelation")) is not None:
        starts = around.previous < 0
        r, rest = autocorrelation(sigmas, np.where(starts, 1.0, around.elapsed), xp)
        memory = (xp.where(starts, 0.0, r), xp.where(starts, 1.0, rest))
    return Error(residual.law, spread, residual.law.form(sigmas), memory)


def draw_observations(
    model: Model,
    predictions: Mapping[str, Any],
    observed: Mapping[str, Observed],
    around: Mapping[str, Surroundings],
    eta: Callable[[str], Any],
) -> None:
    """Put the likelihood `{out}_obs` of the continuous outputs into the graph.

    Parameters
    ----------
    model : Model
        Its residual errors.
    predictions : mapping of output to TensorVariable, shape (n_obs,)
        The outputs with residual errors.
    observed, around : mapping of output to Observed, Surroundings
        What was measured, and where.
    eta : callable
        The random effect on the magnitude of an output's error, one per subject.
    """
    errors = {}
    for output, f in predictions.items():

        def parameter(suffix: str, value: Any, output: str = output) -> Any:
            return known_or_drawn(f"sigma_{output}_{suffix}", value)

        def effect(output: str = output) -> Any:
            return eta(output)[as_data(f"{output}_subject", around[output].subject)]

        errors[output] = settled_error(model.residuals[output], f, around[output], pt, parameter, effect)
    correlations = {pair.names: _correlation(pair) for pair in model.correlated_residuals}
    drawn: dict[str, Any] = {}
    for output in predictions:
        links = [
            _Link(other, rho, around[output].partner[other])
            for names, rho in correlations.items()
            if output in names
            for other in names
            if other != output and other in predictions
        ]
        drawn[output] = _draw(output, predictions, observed, errors, around[output], links, drawn)


@dataclass(frozen=True, eq=False)
class _Link:
    """The other output of a pair, the correlation, and the partners of the observations."""

    other: str
    rho: Any
    partner: np.ndarray


def _draw(
    output: str,
    predictions: Mapping[str, Any],
    observed: Mapping[str, Observed],
    errors: Mapping[str, Error],
    around: Surroundings,
    links: list[_Link],
    drawn: Mapping[str, Any],
) -> Any:
    error, seen, f, dims = errors[output], observed[output], predictions[output], f"{output}_row"
    plain = error.law == NORMAL and error.memory is None and not links
    if plain and not seen.censored.any() and not seen.truncated:
        data = pm.Data(f"{output}_dv", seen.value, dims=dims)
        return pm.Normal(f"{output}_obs", f, error.spread, observed=data, dims=dims)
    law = ObservationLaw(
        error.law,
        correlated=bool(links),
        previous=around.previous if error.memory is not None else None,
        truncated=seen.truncated,
        censored=bool(seen.censored.any()),
        beyond=seen.censored,
    )
    given: dict[str, Any] = {}
    if links:
        given |= _given_partner(links[0], seen, predictions, observed, errors, drawn)
    if error.memory is not None:
        given |= dict(zip(("r", "rest"), error.memory, strict=True))
    for name in ("above", "lower", "upper"):
        if name in law.names:
            given[name] = pm.Data(f"{output}_{name}", getattr(seen, name), dims=dims)
    arguments = (f, error.spread, *error.form, *(given[name] for name in law.names))
    return pm.CustomDist(
        f"{output}_obs",
        *arguments,
        logp=law.log_probability,
        random=law.draw,
        signature=f"{','.join(['()'] * len(arguments))}->()",
        observed=as_data(f"{output}_values", seen.value),
        dims=dims,
    )


def _given_partner(
    link: _Link,
    seen: Observed,
    predictions: Mapping[str, Any],
    observed: Mapping[str, Observed],
    errors: Mapping[str, Error],
    drawn: Mapping[str, Any],
) -> dict[str, Any]:
    """Mean and standard deviation of the standardised errors, given those of their partners.

    Of a pair, the second output is conditioned on the first; where the first is censored and the second is
    not, the first on the second, so that one stands conditioned on a number. Simulations always condition
    the second on the first.
    """
    other, partner = link.other, np.maximum(link.partner, 0)
    paired = link.partner >= 0
    own_censored = seen.censored
    other_censored = observed[other].censored[partner]
    first = other not in drawn
    chosen = paired & (own_censored & ~other_censored if first else ~other_censored)
    value = observed[other].value if first else drawn[other]
    error = errors[other]
    z = error.law.standardised(value, predictions[other], error.spread, *error.form)[partner]
    shift, rest = link.rho * z, pt.sqrt(1.0 - pt.as_tensor(link.rho, dtype="float64") ** 2)
    nothing, one = np.zeros(len(paired)), np.ones(len(paired))
    return {
        "shift": pt.switch(chosen, shift, 0.0),
        "shrink": pt.switch(chosen, rest, 1.0),
        "draw_shift": nothing if first else pt.switch(paired, shift, 0.0),
        "draw_shrink": one if first else pt.switch(paired, rest, 1.0),
    }


def _correlation(pair: Any) -> Any:
    name = f"corr_{pair.first}_{pair.second}"
    if not isinstance(pair.prior, LKJ):
        return known_or_drawn(name, pair.prior)
    partial = pm.Beta(f"partial_{pair.first}_{pair.second}", float(pair.prior.eta), float(pair.prior.eta))
    return pm.Deterministic(name, 2.0 * partial - 1.0)
