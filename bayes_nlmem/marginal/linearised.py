"""Predictions and their slopes: how every observation's prediction moves with its subject's effects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
from pytensor.gradient import pushforward

from bayes_nlmem.ground.messages import ModelError, explain
from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.statistics.surroundings import inherited
from bayes_nlmem.translation.flat import Flat, bundle


@dataclass(frozen=True, eq=False)
class Linearised:
    """h(y) = h(f) + sd * e around one point of the effects, with exact derivatives.

    h is the scale on which the residual error is added: the identity, or the logarithm where the error is
    log-normal. One entry per observation, output after output in the order of the model.

    Parameters
    ----------
    output : ndarray of str, shape (n_obs,)
        Output of every observation.
    record, subject : ndarray of int, shape (n_obs,)
        Positions in the data table and in `data.subjects`.
    observed, prediction, sd : ndarray, shape (n_obs,)
        h(y), h(f) and the residual standard deviation, all on h's scale.
    censored : ndarray of bool, shape (n_obs,)
        Where `observed` is a limit of quantification only.
    slots : ndarray of int, shape (n_subjects, n_slots)
        Position in `b` of every effect of every subject, -1 where none.
    by_effect, sd_by_effect : ndarray, shape (n_obs, n_slots)
        Derivatives of h(f) and of sd in the effects of the observation's subject; 0 in absent slots.
    by_population, sd_by_population : ndarray, shape (n_obs, n_theta), or None
        Derivatives in the population parameters on PyMC's unconstrained scale, if they were asked for.
    """

    output: np.ndarray
    record: np.ndarray
    subject: np.ndarray
    observed: np.ndarray
    prediction: np.ndarray
    sd: np.ndarray
    censored: np.ndarray
    slots: np.ndarray
    by_effect: np.ndarray
    sd_by_effect: np.ndarray
    by_population: np.ndarray | None = None
    sd_by_population: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Linearisation:
    """A translated model's predictions and residual SDs as compiled functions, with exact slopes.

    Forward mode through the graph: one evaluation per effect gives that slope for all subjects at once.

    Parameters
    ----------
    conditional : Conditional
        The functions of the same translation.

    Raises
    ------
    ModelError
        If an output has no residual error of the form h(y) = h(f) + sd * e (a count, a category, an event).

    Examples
    --------
    >>> import numpy as np
    >>> import bayes_nlmem as bn
    >>> from bayes_nlmem.marginal.conditional import Conditional
    >>> from bayes_nlmem.translation.graph import translate
    >>> study = bn.zoo.load("theophylline")
    >>> conditional = Conditional(translate(study.model, study.data, geometry="centred"))
    >>> theta = conditional.population.join(conditional.population.start)
    >>> linear = Linearisation(conditional).at(theta, np.zeros(conditional.n_effects))
    >>> linear.by_effect.shape
    (132, 3)
    """

    conditional: Conditional

    def __post_init__(self) -> None:
        model = self.conditional.translation.model
        without = [name for name in self.conditional.translation.observed if not _linearisable(model, name)]
        if without:
            raise ModelError(
                explain(
                    expected="outputs with a residual error on a known scale, a prediction plus sd times "
                    "independent standard errors",
                    got=f"{', '.join(without)} without one",
                    remedy="Use a method that needs none: 'laplace', 'quadrature' or 'importance'.",
                )
            )

    def at(self, theta: np.ndarray, b: np.ndarray, *, population: bool = False) -> Linearised:
        """Predictions, residual SDs and slopes at a point.

        Parameters
        ----------
        theta : ndarray, shape (n_theta,)
            Population parameters, unconstrained.
        b : ndarray, shape (n_effects,)
            Effects; zeros give the population prediction, the EBEs the individual one.
        population : bool
            Also differentiate in `theta`.
        """
        conditional = self.conditional
        n_theta, slots = len(theta), conditional.slots
        point = np.concatenate([theta, b])
        tangents = []
        for k in range(slots.shape[1]):
            direction = np.zeros(len(point))
            direction[n_theta + slots[slots[:, k] >= 0, k]] = 1.0
            tangents.append(direction)
        tangents += [(np.arange(len(point)) == k).astype(float) for k in range(n_theta if population else 0)]
        value, _ = self._along(point, np.zeros(len(point)))
        slopes = np.array([self._along(point, direction)[1] for direction in tangents])
        slopes = slopes.reshape(len(tangents), 2, -1).transpose(1, 2, 0)
        prediction, sd = value.reshape(2, -1)
        split = slots.shape[1]
        return Linearised(
            **self._labels,
            prediction=prediction,
            sd=sd,
            slots=slots,
            by_effect=slopes[0][:, :split],
            sd_by_effect=slopes[1][:, :split],
            by_population=slopes[0][:, split:] if population else None,
            sd_by_population=slopes[1][:, split:] if population else None,
        )

    @cached_property
    def _labels(self) -> dict[str, np.ndarray]:
        translation = self.conditional.translation
        subject = translation.data.table["SUBJECT"].to_numpy(np.int64)
        seen = translation.observed
        scales = [translation.model.residuals[name].law.scale for name in seen]
        record = np.concatenate([s.record for s in seen.values()])
        return {
            "output": np.repeat(np.array(list(seen), dtype=str), [len(s.record) for s in seen.values()]),
            "record": record,
            "subject": subject[record],
            "observed": np.concatenate(
                [scale.additive(s.value, np) for scale, s in zip(scales, seen.values(), strict=True)]
            ),
            "censored": np.concatenate([s.censored for s in seen.values()]),
        }

    @cached_property
    def _along(self) -> Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
        """(point, direction) -> predictions and SDs, and their derivative along the direction."""
        conditional, graph = self.conditional, self.conditional.graph
        translation = conditional.translation
        predictions, spreads = [], []
        for name in translation.observed:
            likelihood = graph[f"{name}_obs"]
            # Every likelihood of this form has the parameters (prediction, sd, ...).
            prediction, spread = likelihood.owner.op.dist_params(likelihood.owner)[:2]
            scale = translation.model.residuals[name].law.scale
            predictions.append(scale.additive(prediction, pt))
            spreads.append(spread + pt.zeros_like(prediction))
        flat = Flat(graph, (*conditional.population.variables, *conditional.effects.variables))
        both = pt.concatenate(graph.replace_rvs_by_values([*predictions, *spreads]))
        [both] = flat.of_vector([both])
        direction = pt.TensorType("float64", shape=(flat.size,))("direction")
        data = bundle([both, pushforward(both, flat.joined, direction)])
        with pytensor.config.change_flags(numba__fastmath=False), graph:
            inputs = [flat.joined, direction, data.floats, data.ints]
            function = pm.pytensorf.compile(inputs, data.outputs, mode="NUMBA", on_unused_input="ignore")
        function.trust_input = True
        return lambda point, along: function(point, along, data.float_values, data.int_values)


def _linearisable(model: Any, output: str) -> bool:
    """Whether an output is its prediction, on a known scale, plus independent errors."""
    residual = model.residuals.get(output)
    if not hasattr(residual, "law") or residual.law.scale.suffixes:
        return False
    correlated = any(output in pair.names for pair in model.correlated_residuals)
    return not correlated and inherited(residual, "autocorrelation") is None
