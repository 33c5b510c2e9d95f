"""A model as layers of equations: individual parameters, random effects, predictions, observations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import combinations
from typing import TYPE_CHECKING, Any

from bayes_nlmem.ground.formulas import (
    Call,
    Constant,
    Equation,
    Formula,
    Product,
    Raised,
    Ratio,
    Symbol,
    less,
    logarithm,
    product,
    total,
)
from bayes_nlmem.ground.priors import Prior
from bayes_nlmem.ground.scales import Log
from bayes_nlmem.model.classes import PerClass
from bayes_nlmem.model.levels import OCCASION, SUBJECT, Level, level_of, levels_of
from bayes_nlmem.model.quantities import coefficient_symbol, observation_symbol, quantities
from bayes_nlmem.model.unseen_quantities import class_equations, missing_equations
from bayes_nlmem.statistics.covariate_names import CovariateKey, each, members
from bayes_nlmem.statistics.endpoints import is_endpoint
from bayes_nlmem.statistics.eta_laws import EtaLaw
from bayes_nlmem.statistics.residuals import error_formula
from bayes_nlmem.statistics.surroundings import inherited
from bayes_nlmem.statistics.transformations import Transformation

if TYPE_CHECKING:
    from bayes_nlmem.model.specification import Model


Layer = tuple[str, tuple[Equation, ...]]


def layers(model: Model) -> tuple[Layer, ...]:
    """Titles and equations of the layers of a model."""
    found = (
        ("Individual parameters", tuple(_individuals(model))),
        ("Random effects (jointly normal)", tuple(_random_effects(model))),
        ("Classes", tuple(class_equations(model))),
        ("Missing covariates", tuple(missing_equations(model))),
        ("Predictions", tuple(_predictions(model))),
        ("Observations", tuple(_observations(model))),
    )
    return tuple((title, lines) for title, lines in found if lines)


def _individuals(model: Model) -> Iterator[Equation]:
    for name, parameter in model.parameters.items():
        individual = _individual(model, name)
        typical: Formula
        if isinstance(parameter.typical, PerClass):
            typical = Symbol(name, ("pop", "class(i)"))
        else:
            typical = _known_or(parameter.typical, Symbol(name, ("pop",)))
        effects = []
        for covariate, effect in parameter.covariates.items():
            coefficient = _coefficients(name, covariate, effect.unknowns())
            if hasattr(effect, "formula"):
                x = each(covariate, _covariate)
                effects.append(effect.formula(coefficient, x, parameter.scale))
            else:
                names = map(_covariate, members(covariate))
                arguments = (*names, *(coefficient(suffix) for suffix in effect.unknowns()))
                shift = Call(type(effect).__name__, arguments)
                effects.append(Call("exp", (shift,)) if parameter.scale.ratio else shift)
        deviations: list[Formula] = [_effect(level_of(model, group), name) for group in parameter.varies]
        if parameter.iiv is not None:
            deviations.append(_effect(level_of(model, SUBJECT), name, transformed=parameter.law is not None))
        if parameter.iov is not None:
            deviations.append(_effect(level_of(model, OCCASION), name))
        if isinstance(parameter.scale, Log):
            factors = [*effects, *([Call("exp", (total(*deviations),))] if deviations else [])]
            yield Equation(individual, product(typical, *factors))
        elif effects or deviations:
            terms = [logarithm(effect) for effect in effects] if parameter.scale.ratio else effects
            start = parameter.scale.formula(typical)
            yield Equation(parameter.scale.formula(individual), total(start, *terms, *deviations))
        else:
            yield Equation(individual, typical)


def _random_effects(model: Model) -> Iterator[Equation]:
    listed = {quantity.name: quantity for quantity in quantities(model)}
    for level in levels_of(model):
        for name in level.names:
            quantity = listed[level.deviation(name)]
            yield _normal(_effect(level, name), Constant(0), _known_or(quantity.value, quantity.symbol))
            law = model.parameters[name].law if name in model.parameters else None
            if level.name == SUBJECT and law is not None:
                yield _transformation(level, name, law, _known_or(quantity.value, quantity.symbol))
        for block in level.blocks:
            for one, other in combinations(level.members(block), 2):
                quantity = listed[level.correlation(one, other)]
                pair = (_effect(level, one), _effect(level, other))
                yield Equation(Call("corr", pair), _known_or(quantity.value, quantity.symbol))


def _transformation(level: Level, name: str, law: EtaLaw, omega: Formula) -> Equation:
    """What the law of a random effect makes of the normal eta."""
    unknowns = law.unknowns()
    right = law.formula(
        _effect(level, name), omega, lambda suffix: _known_or(unknowns[suffix], Symbol(suffix, (name,)))
    )
    return Equation(_effect(level, name, transformed=True), right)


def _effect(level: Level, name: str, *, transformed: bool = False) -> Symbol:
    """Symbol of a random effect: eta_CL,i; kappa_CL,ik; eta_CL,SITE(i)."""
    if level.name == SUBJECT:
        return Symbol("eta_t" if transformed else "eta", (name,), "i")
    if level.name == OCCASION:
        return Symbol("kappa", (name,), "ik")
    return Symbol("eta", (name, f"{level.name}(i)"))


def _predictions(model: Model) -> Iterator[Equation]:
    arguments = tuple(_individual(model, name) for name in model.parameters)
    time, structure = Symbol("t", index="ij"), model.structure
    further = [
        source for e in model.residuals.values() if is_endpoint(e) for source, _ in e.inputs().values()
    ]
    for output in dict.fromkeys([*model.residuals, *further]):
        right: Formula = Call(type(structure).__name__, (time, *arguments))
        if hasattr(structure, "formula"):
            right = structure.formula(output, time, lambda name: _of_structure(model, name))
        yield Equation(Symbol(output, index="ij"), right)


def _of_structure(model: Model, name: str) -> Formula:
    """What a function of the structure is written with: individual parameters, columns of the data."""
    return _individual(model, name) if name in model.parameters else Symbol(name, index="ij")


def _observations(model: Model) -> Iterator[Equation]:
    for output, residual in model.residuals.items():
        unknowns = residual.unknowns()
        if is_endpoint(residual):
            yield from _endpoint(output, residual)
            continue
        law = residual.law
        f, sd = Symbol(output, index="ij"), Symbol(law.standard.spread, (output,), "ij")
        sigmas = {suffix: _known_or(v, Symbol("sigma", (output, suffix))) for suffix, v in unknowns.items()}
        yield law.equation(Symbol(output, ("obs",), "ij"), f, sd, sigmas.__getitem__)
        yield Equation(sd, error_formula(residual, f, sigmas.__getitem__))
        yield from _joint_errors(model, output, law.scale, sigmas)


def _joint_errors(
    model: Model, output: str, scale: Transformation, sigmas: Mapping[str, Formula]
) -> Iterator[Equation]:
    """Correlations of an output's errors with each other, and with those of an output before it."""
    error = Symbol("epsilon", (output,), "ij")
    f, observed = Symbol(output, index="ij"), Symbol(output, ("obs",), "ij")
    pairs = [pair for pair in model.correlated_residuals if output in pair.names]
    remembers = inherited(model.residuals[output], "autocorrelation") is not None
    if not pairs and not remembers:
        return
    sides = (scale.formula(side, sigmas.__getitem__) for side in (observed, f))
    spread = Symbol(model.residuals[output].law.standard.spread, (output,), "ij")
    yield Equation(error, Ratio(less(*sides), spread))
    if remembers:
        earlier = Symbol("epsilon", (output,), "ik")
        distance = Call("abs", (less(Symbol("t", index="ij"), Symbol("t", index="ik")),))
        if "tau" in sigmas:
            right: Formula = Call("exp", (Product((Constant(-1), Ratio(distance, sigmas["tau"]))),))
        else:
            right = Raised(sigmas["rho"], distance)
        yield Equation(Call("corr", (error, earlier)), right)
    for pair in pairs:
        if pair.second == output:
            other = Symbol("epsilon", (pair.first,), "ij")
            rho = _known_or(pair.prior, Symbol("corr", pair.names))
            yield Equation(Call("corr", (other, error)), rho)


def _endpoint(output: str, endpoint: Any) -> Iterator[Equation]:
    unknowns, inputs = endpoint.unknowns(), endpoint.inputs()
    yield from endpoint.equations(
        Symbol(output, ("obs",), "ij"),
        Symbol(output, index="ij"),
        lambda suffix: _known_or(unknowns[suffix], observation_symbol(endpoint, output, suffix)),
        lambda key: Symbol(inputs[key][0], index="ij"),
    )


def _individual(model: Model, name: str) -> Symbol:
    parameter = model.parameters[name]
    if parameter.iov is not None:
        return Symbol(name, index="ik")
    varies = parameter.iiv is not None or bool(parameter.covariates) or bool(parameter.varies)
    varies = varies or isinstance(parameter.typical, PerClass)
    return Symbol(name, index="i" if varies else "")


def _covariate(name: str) -> Symbol:
    return Symbol(name, index="i")


def _coefficients(
    parameter: str, covariate: CovariateKey, unknowns: dict[str, float | Prior]
) -> Callable[[str], Formula]:
    return lambda suffix: _known_or(unknowns[suffix], coefficient_symbol(parameter, covariate, suffix))


def _known_or(value: float | Prior, symbol: Symbol) -> Formula:
    return symbol if isinstance(value, Prior) else Constant(value)


def _normal(left: Formula, mean: Formula, sd: Formula) -> Equation:
    return Equation(left, Call("N", (mean, Raised(sd, Constant(2)))), "~")
