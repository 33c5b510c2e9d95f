"""What every export writes: numbers, equations of the parameters, and what it cannot say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayes_nlmem.exchange.dialects import Writer
from bayes_nlmem.ground.messages import ModelError, explain
from bayes_nlmem.ground.scales import Log, Logit, Natural
from bayes_nlmem.model.parameters import Parameter
from bayes_nlmem.model.quantities import coefficient_name, quantities
from bayes_nlmem.model.specification import Model
from bayes_nlmem.statistics.categorical import Categorical, graph_label
from bayes_nlmem.statistics.covariates import Exponential, Linear, Power
from bayes_nlmem.statistics.residuals import Additive, Combined, Proportional
from bayes_nlmem.statistics.scaled_error import Scaled
from bayes_nlmem.statistics.written_effect import WrittenEffect


def model_of(learnt: Any) -> Model:
    """The model of a learnt result, or the model itself."""
    return learnt if isinstance(learnt, Model) else learnt.model


def numbers_of(learnt: Any, values: Mapping[str, float] | None) -> dict[str, float]:
    """Value of every quantity of the model by its name.

    Raises
    ------
    ModelError
        Values that are missing or that the model does not have.
    """
    listed = quantities(model_of(learnt))
    unknown = [q.name for q in listed if not q.known]
    given: dict[str, float] = dict(values or {})
    if not isinstance(learnt, Model) and values is None:
        if hasattr(learnt, "draws") and hasattr(learnt.draws, "keys") and "posterior" in learnt.draws:
            posterior = learnt.draws["posterior"].to_dataset()
            given = {name: float(np.median(posterior[name].values)) for name in unknown if name in posterior}
        else:
            given = {name: float(learnt.estimates.loc[name, "value"]) for name in unknown}
    if missing := [name for name in unknown if name not in given]:
        remedy = "Give them: values={...}, or a learnt result."
        raise ModelError(explain(expected="a value of every unknown", got=f"none of {', '.join(missing)}",
                                 remedy=remedy))  # fmt: skip
    if stray := [name for name in given if name not in unknown]:
        remedy = "Leave them out: they would have no effect."
        raise ModelError(explain(expected=f"values among {', '.join(unknown)}", got=", ".join(stray),
                                 remedy=remedy))  # fmt: skip
    return {q.name: float(q.value) if q.known else float(given[q.name]) for q in listed}  # type: ignore[arg-type]


def check_exportable(model: Model, program: str) -> None:
    """Refuse what the other program cannot say exactly."""
    refused = []
    if model.mixture is not None:
        refused.append("a mixture of sub-populations")
    if model.missing:
        refused.append("missing covariates with a law")
    if model.correlated_residuals:
        refused.append("correlated residual errors")
    for name, parameter in model.parameters.items():
        if parameter.law is not None:
            refused.append(f"{type(parameter.law).__name__} of {name}")
        if not isinstance(parameter.scale, (Log, Natural, Logit)):
            refused.append(f"the scale {parameter.scale!r} of {name}")
        for effect in parameter.covariates.values():
            if not isinstance(effect, (Power, Linear, Exponential, Categorical, WrittenEffect)):
                refused.append(f"{type(effect).__name__} on {name}")
            if isinstance(effect, Categorical):
                refused += [
                    f"the text {level!r} as a level of a covariate on {name} (give it a number)"
                    for level in (*effect.folds, effect.reference)
                    if not _is_numeral(level)
                ]
    for output, error in model.residuals.items():
        base = error.residual if isinstance(error, Scaled) else error
        scaled = isinstance(error, Scaled) and error.covariates
        if scaled or not isinstance(base, (Additive, Proportional, Combined)):
            refused.append(f"{type(error).__name__} of {output}")
    if refused:
        raise ModelError(
            explain(
                expected=f"a model that {program} can say exactly",
                got="; ".join(refused),
                remedy="Take it out first, or write it there by hand.",
            )
        )


def _is_numeral(level: Any) -> bool:
    try:
        float(level)
    except ValueError:
        return False
    return True


@dataclass
class Names:
    """How the other program calls thetas and random effects.

    Parameters
    ----------
    theta : callable
        (name in the graph, known) -> text.
    effects : mapping of parameter to list of str
        The random effects of a parameter.
    """

    theta: Callable[[str, bool], str]
    effects: Mapping[str, list[str]]


def individual(name: str, parameter: Parameter, names: Names, writer: Writer) -> str:
    """Right side of the equation of an individual parameter."""
    from bayes_nlmem.ground.priors import Prior

    exp = "EXP" if writer.fortran else "exp"
    log = "LOG" if writer.fortran else "log"
    typical = names.theta(f"{name}_pop", not isinstance(parameter.typical, Prior))
    factors = parameter.scale.ratio
    parts = []
    for key, effect in parameter.covariates.items():
        unknowns = effect.unknowns()

        def of(suffix: str, key: Any = key, unknowns: Any = unknowns) -> str:
            return names.theta(coefficient_name(name, key, suffix), not isinstance(unknowns[suffix], Prior))

        parts.append(_effect(effect, key, of, factors, writer))
    etas = names.effects.get(name, [])
    if isinstance(parameter.scale, Log):
        return " * ".join([typical, *parts, *([f"{exp}({' + '.join(etas)})"] if etas else [])])
    if isinstance(parameter.scale, Natural):
        return " + ".join([typical, *parts, *etas])
    low, high = parameter.scale.lower, parameter.scale.upper  # type: ignore[attr-defined]
    share = f"({typical} - {writer.number(low)}) / ({writer.number(high)} - {typical})"
    sum_of = " + ".join([f"{log}({share})", *(f"{log}({part})" for part in parts), *etas])
    return f"{writer.number(low)} + {writer.number(high - low)} / (1 + {exp}(-({sum_of})))"


def _effect(effect: Any, key: Any, of: Callable[[str], str], factors: bool, writer: Writer) -> str:
    exp = "EXP" if writer.fortran else "exp"
    match effect:
        case Power(reference=reference):
            return f"({key} / {writer.number(reference)}){writer.power}{of('')}"
        case Exponential(reference=reference):
            return f"{exp}({of('')} * ({key} - {writer.number(reference)}))".replace("- -", "+ ")
        case Linear(reference=reference):
            slope = f"{of('')} * ({key} - {writer.number(reference)})".replace("- -", "+ ")
            return f"(1 + {slope})" if factors else slope
        case Categorical():
            text = "1" if factors else "0"
            for level in effect.folds:
                text = f"where({key} == {float(level):g}, level_{graph_label(level)}, {text})"
            given = {f"level_{graph_label(level)}": of(graph_label(level)) for level in effect.folds}
            return writer.text(text, given)
        case WrittenEffect():
            return f"({writer.text(effect.text, {suffix: of(suffix) for suffix in effect.unknowns()})})"
    raise AssertionError(effect)
