"""The list of everything a model knows or wants to know, by its name in the graph."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, cast

from bayes_nlmem.ground.block_prior import Joint
from bayes_nlmem.ground.formulas import Symbol
from bayes_nlmem.ground.priors import LKJ, Prior
from bayes_nlmem.ground.scales import Log, Natural, Scale
from bayes_nlmem.model.classes import PerClass
from bayes_nlmem.model.levels import OCCASION, SUBJECT, Level, levels_of
from bayes_nlmem.statistics.covariate_names import CovariateKey, members, spoken
from bayes_nlmem.statistics.endpoints import is_endpoint, observation_name
from bayes_nlmem.statistics.eta_laws import StudentTEta

if TYPE_CHECKING:
    import pandas

    from bayes_nlmem.model.parameters import Parameter
    from bayes_nlmem.model.specification import Model

STRUCTURAL = "structural"
COVARIATE = "covariate effects"
IIV = "IIV"
CORRELATIONS = "correlations"
IOV = "IOV"
GROUPS = "between groups"
CLASSES = "classes"
MISSING = "missing covariates"
RESIDUAL = "residual"
BLOCKS = (STRUCTURAL, COVARIATE, IIV, CORRELATIONS, IOV, GROUPS, CLASSES, MISSING, RESIDUAL)


@dataclass(frozen=True)
class Quantity:
    """One number of the model that is known (a number) or unknown (a prior).

    Parameters
    ----------
    name : str
        Its name in the graph.
    symbol : Symbol
        For formulas.
    block : str
        One of `BLOCKS`.
    owner : str
        The parameter or the output it belongs to.
    meaning : str
        A few words.
    value : float or Prior
        What is known or believed.
    unit : str
        Its unit, if it has one.
    marginal : Prior or None
        Prior of this number alone where `value` is the prior of a whole matrix.
    """

    name: str
    symbol: Symbol
    block: str
    owner: str
    meaning: str
    value: float | Prior
    unit: str = ""
    marginal: Prior | None = None

    @property
    def known(self) -> bool:
        """Whether it is a number."""
        return not isinstance(self.value, Prior)

    @property
    def text(self) -> str:
        """What is known or believed, as printed."""
        return str(self.value) if isinstance(self.value, Prior) else f"{self.value:g} (known)"

    def interval(self, mass: float = 0.95) -> tuple[float, float] | None:
        """Central prior interval; None if it is known, or has no quick formula."""
        prior = self.marginal if self.marginal is not None else self.value
        return prior.interval(mass) if isinstance(prior, Prior) else None


def quantities(model: Model) -> tuple[Quantity, ...]:
    """Everything the model knows or wants to know, block by block.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> model = bn.zoo.load("theophylline").model
    >>> [quantity.name for quantity in quantities(model)][:4]
    ['KA_pop', 'CL_pop', 'V_pop', 'CL_WT']
    """
    from bayes_nlmem.model.unseen_quantities import class_quantities, missing_quantities

    found = [*_typical(model), *_effects(model), *_between(model), *_correlations(model)]
    found += [*class_quantities(model), *missing_quantities(model), *_residual(model)]
    return tuple(sorted(found, key=lambda quantity: BLOCKS.index(quantity.block)))


def priors(model: Model) -> pandas.DataFrame:
    """Table of everything known and unknown in a model.

    Parameters
    ----------
    model : Model
        The model.

    Returns
    -------
    pandas.DataFrame
        Index `name` (as in the graph); columns `block`, `meaning`, `unit`, `prior` (a known number is so
        marked), `lower` and `upper` (central 95% prior interval, NaN where it is known or has no quick
        formula).

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> table = bn.priors(bn.zoo.load("theophylline").model)
    >>> print(table.loc["CL_pop", "prior"])
    LogNormal(median 2.8, CV 50%)
    """
    import pandas

    missing = (float("nan"), float("nan"))
    rows = []
    for quantity in quantities(model):
        lower, upper = quantity.interval() or missing
        rows.append(
            (quantity.name, quantity.block, quantity.meaning, quantity.unit, quantity.text, lower, upper)
        )
    columns = ["name", "block", "meaning", "unit", "prior", "lower", "upper"]
    return pandas.DataFrame(rows, columns=columns).set_index("name")


def _typical(model: Model) -> Iterator[Quantity]:
    for name, parameter in model.parameters.items():
        meaning = f"typical {parameter.label or name}"
        if isinstance(parameter.typical, PerClass):
            for k, value in enumerate(parameter.typical.values, start=1):
                symbol, words = Symbol(name, ("pop", str(k))), f"{meaning} in class {k}"
                yield Quantity(f"{name}_pop_{k}", symbol, STRUCTURAL, name, words, value, parameter.unit)
            continue
        symbol = Symbol(name, ("pop",))
        yield Quantity(f"{name}_pop", symbol, STRUCTURAL, name, meaning, parameter.typical, parameter.unit)


def _effects(model: Model) -> Iterator[Quantity]:
    for name, parameter in model.parameters.items():
        for covariate, effect in parameter.covariates.items():
            for suffix, value in effect.unknowns().items():
                words = getattr(effect, "meaning", _unnamed)(suffix, spoken(covariate))
                symbol = coefficient_symbol(name, covariate, suffix)
                graph_name = coefficient_name(name, covariate, suffix)
                yield Quantity(graph_name, symbol, COVARIATE, name, f"{words}, on {name}", value)


def _between(model: Model) -> Iterator[Quantity]:
    for level in levels_of(model):
        block = {SUBJECT: IIV, OCCASION: IOV}.get(level.name, GROUPS)
        for name, value in level.deviations.items():
            if name not in model.parameters:
                words = f"SD of the log magnitude of the error ({name}) between subjects"
                yield _deviation(level, name, value, block, words, "")
                continue
            parameter = model.parameters[name]
            unit = parameter.unit if isinstance(parameter.scale, Natural) else ""
            spread = "scale" if level.name == SUBJECT and isinstance(parameter.law, StudentTEta) else "SD"
            words = f"{spread} of {_scale_words(name, parameter.scale)} between {_plural(level.name)}"
            yield _deviation(level, name, value, block, words, unit)
            if level.name == SUBJECT and parameter.law is not None:
                yield from _law(name, parameter)


def _deviation(level: Level, name: str, value: float | Prior, block: str, words: str, unit: str) -> Quantity:
    symbol, graph_name = deviation_symbol(level, name), level.deviation(name)
    marginal = None
    if isinstance(value, Joint):
        within = next(block for block in level.blocks if name in block.names)
        known, marginal = within.known_deviation(name), within.deviation_prior(name)
        value = known if known is not None else cast(Prior, within.prior)
    return Quantity(graph_name, symbol, block, name, words, value, unit, marginal)


def _law(name: str, parameter: Parameter) -> Iterator[Quantity]:
    assert parameter.law is not None
    for suffix, value in parameter.law.unknowns().items():
        meaning = getattr(parameter.law, "meaning", _unnamed_law)(suffix)
        yield Quantity(f"{suffix}_{name}", Symbol(suffix, (name,)), IIV, name, f"{meaning} on {name}", value)


def _correlations(model: Model) -> Iterator[Quantity]:
    for level in levels_of(model):
        where = "" if level.name == SUBJECT else f" between {_plural(level.name)}"
        for block in level.blocks:
            matrix = block.correlation_matrix
            for one, other in combinations(level.members(block), 2):
                name, words = level.correlation(one, other), f"correlation of {one} and {other}{where}"
                value: float | Prior = cast(Prior, block.prior)
                marginal = block.correlation_prior()
                if matrix is not None:
                    value = matrix[block.names.index(one)][block.names.index(other)]
                elif block.apart(one, other):
                    value, marginal = 0.0, None
                symbol = correlation_symbol(level, one, other)
                yield Quantity(name, symbol, CORRELATIONS, one, words, value, marginal=marginal)


def deviation_symbol(level: Level, name: str) -> Symbol:
    """Symbol of a standard deviation; its text is the name in the graph."""
    kind, *parts = level.deviation(name).split("_", 1)[0], name
    above = () if level.name in (SUBJECT, OCCASION) else (level.name,)
    return Symbol(kind, (*parts, *above))


def correlation_symbol(level: Level, one: str, other: str) -> Symbol:
    """Symbol of a correlation; its text is the name in the graph."""
    above = {SUBJECT: (), OCCASION: ("iov",)}.get(level.name, (level.name,))
    return Symbol("corr", (*above, one, other))


def _plural(level: str) -> str:
    return f"{level}s" if level in (SUBJECT, OCCASION) else f"groups of {level}"


def _unnamed_law(suffix: str) -> str:
    return f"{suffix} of the law of the random effect"


def _residual(model: Model) -> Iterator[Quantity]:
    for output, residual in model.residuals.items():
        for suffix, value in residual.unknowns().items():
            words = residual.meaning(suffix) if hasattr(residual, "meaning") else f"residual error, {suffix}"
            name = observation_name(residual, output, suffix)
            symbol = observation_symbol(residual, output, suffix)
            yield Quantity(name, symbol, RESIDUAL, output, f"{output}: {words}", value)
    for pair in model.correlated_residuals:
        name, symbol = f"corr_{pair.first}_{pair.second}", Symbol("corr", pair.names)
        marginal = pair.prior.marginal(2) if isinstance(pair.prior, LKJ) else None
        words = f"correlation of the errors of {pair.first} and {pair.second} at the same time"
        yield Quantity(name, symbol, RESIDUAL, pair.first, words, pair.prior, marginal=marginal)


def observation_symbol(residual: Any, output: str, suffix: str) -> Symbol:
    """Symbol of a parameter of a residual error or an endpoint; its text is the name in the graph."""
    if is_endpoint(residual):
        return Symbol(output, (suffix,))
    return Symbol("sigma", (output, suffix))


def coefficient_symbol(parameter: str, covariate: CovariateKey, suffix: str) -> Symbol:
    """Symbol of a covariate's coefficient; its text is the name in the graph."""
    return Symbol(parameter, (*members(covariate), *([suffix] if suffix else [])))


def coefficient_name(parameter: str, covariate: CovariateKey, suffix: str) -> str:
    """Name of a covariate's coefficient in the graph."""
    return "_".join(filter(None, (parameter, *members(covariate), suffix)))


def _unnamed(suffix: str, covariate: str) -> str:
    return f"effect of {covariate}" + (f" ({suffix})" if suffix else "")


def _scale_words(name: str, scale: Scale) -> str:
    if isinstance(scale, Natural):
        return name
    return f"log {name}" if isinstance(scale, Log) else f"{type(scale).__name__.lower()} {name}"
