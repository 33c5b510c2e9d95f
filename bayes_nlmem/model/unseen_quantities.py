"""What mixtures and missing covariates know or want to know, and their equations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from bayes_nlmem.ground.formulas import (
    Call,
    Constant,
    Equation,
    Formula,
    Raised,
    Symbol,
    logarithm,
    total,
)
from bayes_nlmem.ground.matrix_priors import Dirichlet
from bayes_nlmem.ground.priors import Prior
from bayes_nlmem.model.quantities import (
    CLASSES,
    MISSING,
    Quantity,
    coefficient_name,
    coefficient_symbol,
)
from bayes_nlmem.statistics.imputation import Imputed

if TYPE_CHECKING:
    from bayes_nlmem.model.specification import Model


def class_quantities(model: Model) -> Iterator[Quantity]:
    """Probabilities of the classes of sub-populations."""
    shares = model.mixture
    if shares is None:
        return
    for k in range(model.n_classes):
        symbol, words = Symbol("probability", (str(k + 1),)), f"probability of class {k + 1}"
        yield _share(f"probability_{k + 1}", symbol, CLASSES, "class", words, shares, k)


def missing_quantities(model: Model) -> Iterator[Quantity]:
    """Laws of the covariates that some subjects lack."""
    for name, law in model.missing.items():
        if not isinstance(law, Imputed):
            for k, level in enumerate(law.levels):
                symbol, words = Symbol(name, ("share", str(level))), f"share of {name} {level}"
                yield _share(f"{name}_share_{level}", symbol, MISSING, name, words, law.probabilities, k)
            continue
        words = f"typical {name}, where it is missing"
        yield Quantity(f"{name}_typical", Symbol(name, ("typical",)), MISSING, name, words, law.typical)
        yield Quantity(f"{name}_sd", Symbol(name, ("sd",)), MISSING, name, f"SD of {name}", law.sd)
        for given, effect in law.given.items():
            for suffix, value in effect.unknowns().items():
                meaning = getattr(effect, "meaning", None)
                words = meaning(suffix, given) if meaning is not None else f"effect of {given}"
                symbol = coefficient_symbol(name, given, suffix)
                graph_name = coefficient_name(name, given, suffix)
                yield Quantity(graph_name, symbol, MISSING, name, f"{words}, on {name}", value)


def class_equations(model: Model) -> Iterator[Equation]:
    """The law of the class of a subject."""
    if listed := list(class_quantities(model)):
        yield Equation(Symbol("class", index="i"), Call("Categorical", tuple(map(_formula, listed))), "~")


def missing_equations(model: Model) -> Iterator[Equation]:
    """The laws of the covariates that some subjects lack."""
    listed = {quantity.name: quantity for quantity in missing_quantities(model)}
    for name, law in model.missing.items():
        covariate = Symbol(name, index="i")
        if not isinstance(law, Imputed):
            shares = tuple(_formula(listed[f"{name}_share_{level}"]) for level in law.levels)
            yield Equation(covariate, Call("Categorical", shares), "~")
            continue
        terms: list[Formula] = [law.scale.formula(_formula(listed[f"{name}_typical"]))]
        for given, effect in law.given.items():
            arguments = {s: _formula(listed[coefficient_name(name, given, s)]) for s in effect.unknowns()}
            x = Symbol(given, index="i")
            if not hasattr(effect, "formula"):
                terms.append(Call(type(effect).__name__, (x, *arguments.values())))
                continue
            written = effect.formula(arguments.__getitem__, x, law.scale)
            terms.append(logarithm(written) if law.scale.ratio else written)
        spread = Raised(_formula(listed[f"{name}_sd"]), Constant(2))
        yield Equation(law.scale.formula(covariate), Call("N", (total(*terms), spread)), "~")


def _share(
    name: str,
    symbol: Symbol,
    block: str,
    owner: str,
    words: str,
    shares: Dirichlet | tuple[float, ...] | object,
    k: int,
) -> Quantity:
    if isinstance(shares, Dirichlet):
        return Quantity(name, symbol, block, owner, words, shares, marginal=shares.share(k))
    return Quantity(name, symbol, block, owner, words, shares[k])  # type: ignore[index]


def _formula(quantity: Quantity) -> Formula:
    return quantity.symbol if isinstance(quantity.value, Prior) else Constant(quantity.value)
