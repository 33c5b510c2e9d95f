"""The form of an individual parameter: typical value, factors of covariates, random effects, scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bayes_nlmem.exchange.expressions import (
    as_text,
    at,
    constants_compared_with,
    same,
    simpler,
    unknown_functions,
)

LOG, NATURAL, LOGIT = "Log", "Natural", "Logit"
RESERVED = (
    "ID", "TIME", "DATE", "DAT1", "DAT2", "DAT3", "AMT", "RATE", "ADDL", "II", "SS", "EVID", "CMT", "DV",
    "MDV", "L2",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Words:
    """What the names of a control stream are.

    Parameters
    ----------
    thetas, etas, columns : set of Symbol
    positive : set of Symbol
        Thetas that cannot be negative.
    occasions : dict of Symbol to tuple of Symbol
        Random effect -> those that share its variance (SAME), itself among them.
    levels : dict of Symbol to str
        Random effect -> column of its level.
    """

    thetas: frozenset
    etas: frozenset
    columns: frozenset
    positive: frozenset
    occasions: Mapping[Any, tuple]
    levels: Mapping[Any, str]


@dataclass(frozen=True, eq=False)
class Individual:
    """A parameter of a known form.

    Parameters
    ----------
    full : expression
        The whole of it.
    scale : str
    typical : expression of thetas
    effects : dict of tuple of str to expression
        Covariates -> factor (term on `Natural`).
    eta : Symbol or None
    kappas : tuple of (value of the column, Symbol)
        Effects of the occasions.
    occasion : str
        Column of the occasions.
    groups : dict of str to Symbol
        Column of a level above the subject -> effect.
    """

    full: Any
    scale: str
    typical: Any
    effects: dict[tuple[str, ...], Any] = field(default_factory=dict)
    eta: Any = None
    kappas: tuple[tuple[Any, Any], ...] = ()
    occasion: str = ""
    groups: dict[str, Any] = field(default_factory=dict)

    @property
    def symbols(self) -> set[Any]:
        """Thetas and random effects in it."""
        return set(self.full.free_symbols)


def recognised(full: Any, words: Words, fixed: Mapping[Any, float]) -> Individual | None:
    """The form of a parameter written in full, None if it has none that is known exactly.

    Parameters
    ----------
    full : expression
        In thetas, etas and columns of the data.
    words : Words
    fixed : mapping of Symbol to float
        Thetas that are known.
    """
    etas = full.free_symbols & words.etas
    if unknown_functions(full) or full.free_symbols - etas - words.thetas - words.columns:
        return None
    if any(column.name in RESERVED for column in full.free_symbols & words.columns):
        return None
    if not full.free_symbols & (words.thetas | words.etas):
        return None
    typical = full.xreplace({eta: 0 * eta for eta in etas})
    scale = _scale(full, typical, etas, words)
    if scale is None:
        return None
    split = _of_effects(full, typical, etas, scale, words)
    if split is None:
        return None
    found = _of_covariates(typical, scale, words)
    if found is None:
        return None
    constant, effects = found
    if len((constant.free_symbols & words.thetas) - set(fixed)) > 1:
        return None
    if constant.free_symbols - words.thetas:
        return None
    eta, kappas, occasion, groups = split
    return Individual(full, scale, constant, effects, eta, kappas, occasion, groups)


def _scale(full: Any, typical: Any, etas: set[Any], words: Words) -> str | None:
    """The scale on which the derivative by every random effect is free of them and of thetas."""
    import sympy

    if not etas:
        thetas = typical.free_symbols & words.thetas
        exponential = isinstance(typical, sympy.exp)
        return LOG if exponential or (thetas <= words.positive and _is_product(typical)) else NATURAL
    some = sorted(etas, key=str)
    kinds = (
        (LOG, lambda slope: slope / full),
        (NATURAL, lambda slope: slope),
        (LOGIT, lambda slope: slope / (full * (1 - full))),
    )
    for kind, relative in kinds:
        if all(not simpler(relative(sympy.diff(full, eta))).free_symbols - words.columns for eta in some):
            return kind
    return None


def _is_product(expression: Any) -> bool:
    return not expression.is_Add


def _of_effects(full: Any, typical: Any, etas: set[Any], scale: str, words: Words) -> Any:
    """Which random effect is that of the subject, of the occasions, of a level; None if it is no such sum."""
    import sympy

    eta, kappas, occasion, groups = None, [], "", {}
    for one in sorted(etas, key=str):
        slope = sympy.diff(full, one)
        relative = {LOG: full, NATURAL: sympy.Integer(1), LOGIT: full * (1 - full)}[scale]
        weight = simpler(slope / relative)
        if weight == 1 and one in words.levels:
            groups[words.levels[one]] = one
        elif weight == 1 and eta is None and len(words.occasions.get(one, ())) < 2:
            eta = one
        elif len(columns := list(weight.free_symbols)) == 1 and len(words.occasions.get(one, ())) > 1:
            value = _only_value(weight, columns[0])
            if value is None or occasion not in ("", columns[0].name):
                return None
            occasion = columns[0].name
            kappas.append((value, one))
        else:
            return None
    if kappas:
        order = words.occasions[kappas[0][1]]
        kappas.sort(key=lambda pair: order.index(pair[1]) if pair[1] in order else -1)
    if kappas and {one for _, one in kappas} != set(words.occasions[kappas[0][1]]):
        return None
    if len({value for value, _ in kappas}) < len(kappas):
        return None
    return eta, tuple(kappas), occasion, groups


def _only_value(weight: Any, column: Any) -> Any:
    """The one value of a column at which an indicator is 1; None if it is no such indicator."""
    constants = constants_compared_with(weight, column)
    elsewhere = max(constants, default=0) + 12345
    if at(weight, {column: elsewhere}) != 0:
        return None
    ones = [value for value in constants if at(weight, {column: value}) == 1]
    zeros = [value for value in constants if at(weight, {column: value}) == 0]
    return ones[0] if len(ones) == 1 and len(ones) + len(zeros) == len(constants) else None


def _of_covariates(typical: Any, scale: str, words: Words) -> tuple[Any, dict[tuple[str, ...], Any]] | None:
    """The part of the typical value without covariates, and the factor (the term) of each of them."""
    import sympy

    if scale == LOGIT:
        return None if typical.free_symbols & words.columns else (typical, {})
    parts = _factors(typical) if scale == LOG else list(sympy.Add.make_args(typical))
    join = sympy.Mul if scale == LOG else sympy.Add
    constant = []
    effects: dict[tuple[str, ...], Any] = {}
    for part in parts:
        names = tuple(sorted(column.name for column in part.free_symbols & words.columns))
        if names:
            effects[names] = join(effects[names], part) if names in effects else part
        else:
            constant.append(part)
    if scale == LOG:
        constant, effects = _with_reference(constant, effects)
    return join(*constant), effects


def _with_reference(
    constant: list[Any], effects: dict[tuple[str, ...], Any]
) -> tuple[list[Any], dict[tuple[str, ...], Any]]:
    """The number that SymPy takes out of (WT/70)**0.75 put back, if there is one such power alone."""
    import sympy

    number = sympy.Mul(*(part for part in constant if part.is_number))
    powers = [names for names, part in effects.items() if _known_power(part, names) is not None]
    if len(powers) != 1 or number == 1 or not number.is_positive:
        return constant, effects
    kept = [part for part in constant if not part.is_number]
    return kept, {**effects, powers[0]: number * effects[powers[0]]}


def _known_power(part: Any, names: tuple[str, ...]) -> Any:
    """The number to which a covariate is raised; None if the part is no such power."""
    base, exponent = part.as_base_exp()
    return exponent if base.is_Symbol and base.name in names and exponent.is_number else None


def _factors(expression: Any) -> list[Any]:
    """Factors of an expression; a common one is taken out of the cases of IF."""
    import sympy

    found = []
    for factor in sympy.Mul.make_args(expression):
        if isinstance(factor, sympy.exp) and factor.args[0].is_Add:
            found += [sympy.exp(term) for term in factor.args[0].args]
        elif isinstance(factor, sympy.Piecewise) and factor.args[-1][1] == True:  # noqa: E712 (SymPy's)
            last = factor.args[-1][0]
            ratios = [simpler(value / last) for value, _ in factor.args[:-1]]
            if last == 0 or any(ratio.has(sympy.Piecewise) for ratio in ratios):
                found.append(factor)
                continue
            cases = zip(ratios, (condition for _, condition in factor.args[:-1]), strict=True)
            found += _factors(last)
            found.append(sympy.Piecewise(*cases, (1, True)))
        elif factor.is_Pow and factor.base.is_Mul and factor.exp.is_number:
            found += [base**factor.exp for base in factor.base.args]
        else:
            found.append(factor)
    return [factor for factor in found if factor != 1]


def covariate_effect(
    names: tuple[str, ...], part: Any, scale: str, known: Mapping[Any, float], number: Any
) -> Any:
    """The record of an effect.

    Parameters
    ----------
    names : tuple of str
        Covariates.
    part : expression
        Factor, or term on `Natural`.
    scale : str
    known : mapping of Symbol to float
        Thetas with a known value.
    number : callable
        Theta -> value or prior of a coefficient.
    """
    import sympy

    from bayes_nlmem.statistics.covariates import Exponential, Linear, Power
    from bayes_nlmem.statistics.written_effect import WrittenEffect

    part = part.xreplace({theta: sympy.Float(value) for theta, value in known.items()})

    def coefficient(expression: Any) -> Any:
        if expression.is_number:
            return float(expression)
        return number(expression) if expression.is_Symbol else None

    if len(names) == 1:
        x = sympy.Symbol(names[0])
        if scale == LOG:
            before = sympy.Mul(*(factor for factor in sympy.Mul.make_args(part) if factor.is_number))
            known_exponent = _known_power(part / before, names)
            if before != 1 and known_exponent is not None:
                reference = float(f"{float(before) ** (-1 / float(known_exponent)):.12g}")
                return Power(float(known_exponent), reference=reference)
            base, exponent = part.as_base_exp()
            inner = part.args[0] if isinstance(part, sympy.exp) else None
            if inner is not None and (logs := [a for a in sympy.Mul.make_args(inner) if a.func == sympy.log]):
                base, exponent = logs[0].args[0], inner / logs[0]
                inner = None
            unit = base / x
            if inner is None and unit.is_number and unit > 0 and x not in exponent.free_symbols:
                if (value := coefficient(exponent)) is not None:
                    return Power(value, reference=float(1 / unit))
            if inner is not None and (form := _slope(inner, x)) is not None:
                if (value := coefficient(form[0])) is not None:
                    return Exponential(value, reference=form[1])
        rest = part - 1 if scale == LOG else part
        if (form := _slope(rest, x)) is not None and (value := coefficient(form[0])) is not None:
            return Linear(value, reference=form[1])
    thetas = sorted((s for s in part.free_symbols if s.name not in names), key=lambda symbol: symbol.name)
    return WrittenEffect(as_text(part), names, {theta.name: number(theta) for theta in thetas})


def _slope(expression: Any, x: Any) -> tuple[Any, float] | None:
    """(coefficient, reference) of coefficient * (x - reference); None if it is not of that form."""
    import sympy

    slope = simpler(sympy.diff(expression, x))
    if slope == 0 or x in slope.free_symbols or expression.has(sympy.Piecewise):
        return None
    reference = simpler(-(expression.xreplace({x: 0 * x})) / slope)
    return (
        (slope, float(reference))
        if reference.is_number and same(slope * (x - reference), expression)
        else None
    )
