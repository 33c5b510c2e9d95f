"""The list of everything a model knows or wants to know, by its name in the graph."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from bayes_nlmem.ground.formulas import Symbol
from bayes_nlmem.ground.priors import LKJ, Prior
from bayes_nlmem.ground.scales import Log, Natural, Scale
from bayes_nlmem.statistics.covariate_names import CovariateKey, members, spoken

if TYPE_CHECKING:
    import pandas

    from bayes_nlmem.model.specification import Model

STRUCTURAL = "structural"
COVARIATE = "covariate effects"
IIV = "IIV"
CORRELATIONS = "correlations"
IOV = "IOV"
RESIDUAL = "residual"
BLOCKS = (STRUCTURAL, COVARIATE, IIV, CORRELATIONS, IOV, RESIDUAL)


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
    found = [*_typical(model), *_effects(model), *_between(model), *_correlations(model), *_residual(model)]
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
    for name, parameter in model.parameters.items():
        where = _scale_words(name, parameter.scale)
        unit = parameter.unit if isinstance(parameter.scale, Natural) else ""
        if parameter.iiv is not None:
            words, symbol = f"SD of {where} between subjects", Symbol("omega", (name,))
            yield Quantity(f"omega_{name}", symbol, IIV, name, words, parameter.iiv, unit)
        if parameter.iov is not None:
            words, symbol = f"SD of {where} between occasions", Symbol("gamma", (name,))
            yield Quantity(f"gamma_{name}", symbol, IOV, name, words, parameter.iov, unit)


def _correlations(model: Model) -> Iterator[Quantity]:
    order = list(model.parameters)
    for block in model.correlated:
        members = sorted(block.names, key=order.index)
        marginal = block.prior.marginal(len(members)) if isinstance(block.prior, LKJ) else None
        for one, other in combinations(members, 2):
            symbol, words = Symbol("corr", (one, other)), f"correlation of {one} and {other}"
            name = f"corr_{one}_{other}"
            yield Quantity(name, symbol, CORRELATIONS, one, words, block.prior, marginal=marginal)


def _residual(model: Model) -> Iterator[Quantity]:
    for output, residual in model.residuals.items():
        for suffix, value in residual.unknowns().items():
            words = residual.meaning(suffix) if hasattr(residual, "meaning") else f"residual error, {suffix}"
            name, symbol = f"sigma_{output}_{suffix}", Symbol("sigma", (output, suffix))
            yield Quantity(name, symbol, RESIDUAL, output, f"{output}: {words}", value)


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
