"""Edits of a model: each returns a new, checked model and leaves the old one as it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from bayes_nlmem.ground.messages import ModelError, closest, explain
from bayes_nlmem.ground.prior import Prior
from bayes_nlmem.model.correlated_residuals import CorrelatedResiduals
from bayes_nlmem.model.correlations import Correlated, without
from bayes_nlmem.model.parameters import Parameter
from bayes_nlmem.statistics.covariate_names import CovariateKey
from bayes_nlmem.statistics.covariates import CovariateEffect
from bayes_nlmem.statistics.residuals import Residual

if TYPE_CHECKING:
    from bayes_nlmem.model.specification import Model


def with_parameter(model: Model, name: str, parameter: Parameter | None = None, /, **changes: Any) -> Model:
    """A parameter added or replaced as a whole, or changed in the fields that are named.

    Raises
    ------
    ModelError
        Both a Parameter and changes, or an unknown parameter to change.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> model = bn.zoo.load("theophylline").model
    >>> model.with_parameter("KA", iov=bn.HalfNormal(0.2)).occasion_effects
    ('KA',)
    """
    if parameter is None:
        _known(name, model.parameters, "a parameter of the model")
        valid = [field.name for field in fields(Parameter)]
        for change in changes:
            _known(change, valid, "a field of Parameter")
        parameter = replace(model.parameters[name], **changes)
    elif changes:
        remedy = "Put the changes into the Parameter."
        got = f"both a Parameter and {', '.join(changes)}"
        raise ModelError(explain(expected="a Parameter or changed fields", got=got, remedy=remedy))
    return replace(model, parameters={**model.parameters, name: parameter})


def without_parameter(model: Model, name: str) -> Model:
    """A parameter taken out, with its place in the blocks of correlations."""
    _known(name, model.parameters, "a parameter of the model")
    parameters = {key: parameter for key, parameter in model.parameters.items() if key != name}
    return replace(model, parameters=parameters, correlated=_without(model.correlated, {name}))


def with_covariate(model: Model, parameter: str, covariate: CovariateKey, effect: CovariateEffect) -> Model:
    """An effect of a covariate (or of a tuple of them) on a parameter added or replaced."""
    _known(parameter, model.parameters, "a parameter of the model")
    effects = {**model.parameters[parameter].covariates, covariate: effect}
    return with_parameter(model, parameter, covariates=effects)


def without_covariate(model: Model, parameter: str, covariate: CovariateKey) -> Model:
    """The effect of a covariate on a parameter taken out."""
    _known(parameter, model.parameters, "a parameter of the model")
    effects = model.parameters[parameter].covariates
    _known(covariate, effects, f"a covariate with an effect on {parameter}")
    rest = {name: effect for name, effect in effects.items() if name != covariate}
    return with_parameter(model, parameter, covariates=rest)


def with_residual(model: Model, output: str, residual: Residual, endpoint: int | str | None = None) -> Model:
    """The residual error of an output added or replaced, and the label of its observations."""
    endpoints = model.endpoints if endpoint is None else {**model.endpoints, output: endpoint}
    return replace(model, residuals={**model.residuals, output: residual}, endpoints=endpoints)


def with_structure(model: Model, structure: Any, **parameters: Parameter | None) -> Model:
    """Another structure, with the parameters it needs in addition; None takes a parameter out.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> model = bn.zoo.load("theophylline").model
    >>> intravenous = model.with_structure(bn.OneCompartment(), KA=None)
    >>> list(intravenous.parameters)
    ['CL', 'V']
    """
    removed = {name for name, parameter in parameters.items() if parameter is None}
    for name in removed:
        _known(name, model.parameters, "a parameter of the model")
    merged: dict[str, Parameter | None] = {**model.parameters, **parameters}
    kept = {name: parameter for name, parameter in merged.items() if parameter is not None}
    correlated = _without(model.correlated, removed)
    return replace(model, structure=structure, parameters=kept, correlated=correlated)


def with_correlated(model: Model, *blocks: Correlated) -> Model:
    """These blocks of correlated random effects and no others."""
    return replace(model, correlated=blocks)


def with_correlated_residuals(model: Model, *pairs: CorrelatedResiduals) -> Model:
    """These pairs of correlated errors and no others."""
    return replace(model, correlated_residuals=pairs)


def with_priors(model: Model, priors: Mapping[str, Prior | float]) -> Model:
    """Other priors, or known numbers, for quantities of the model, by their names in the graph.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> model = bn.zoo.load("theophylline").model
    >>> changed = model.with_priors({"CL_pop": bn.LogNormal(3.0, cv=0.2), "omega_KA": bn.HalfNormal(0.3)})
    >>> print(bn.difference(model, changed))
    KA: iiv HalfNormal(sd 0.5) -> HalfNormal(sd 0.3)
    CL: typical LogNormal(median 2.8, CV 50%) -> LogNormal(median 3, CV 20%)
    """
    from bayes_nlmem.model.reprior import reprior

    return reprior(model, priors)


def with_name(model: Model, name: str | None) -> Model:
    """Another name."""
    return replace(model, name=name)


def _without(blocks: Iterable[Correlated], removed: set[str]) -> tuple[Correlated, ...]:
    """The blocks without some names; a block of one parameter is none."""
    return tuple(rest for block in blocks if (rest := without(block, removed)) is not None)


def _known(name: CovariateKey, valid: Iterable[CovariateKey], what: str) -> None:
    known = list(valid)
    if name not in known:
        names = [str(key) for key in known]
        listed = ", ".join(names) or "there is none"
        remedy = closest(str(name), names) or "Choose one of them."
        raise ModelError(explain(expected=f"{what} ({listed})", got=repr(name), remedy=remedy))
