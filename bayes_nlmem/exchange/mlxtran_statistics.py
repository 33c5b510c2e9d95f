"""Individual parameters, covariates, correlations and errors of a Monolix project as our records."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bayes_nlmem.exchange.mlxtran_equations import assignments, expression, names_in
from bayes_nlmem.exchange.mlxtran_numbers import Numbers
from bayes_nlmem.exchange.mlxtran_text import Line, Place, check_words, listed, refused, split, statements
from bayes_nlmem.ground.scales import Log, Logit, Natural, Probit
from bayes_nlmem.model.correlations import Correlated
from bayes_nlmem.model.parameters import Parameter

_WORDS = ("distribution", "typical", "reference", "prediction", "mean", "sd", "var", "varlevel", "min", "max",
          "covariate", "coefficient", "no-variability")  # fmt: skip


@dataclass
class Covariates:
    """What the covariates of a project are.

    Parameters
    ----------
    categories : dict of str to list of str
        Categories of raw and regrouped covariates, in their order.
    formulas : dict of str to str
        Transformed covariates as formulas of raw ones.
    groups : dict of str to (str, mapping, str)
        Regrouped covariates: the raw one, group -> categories, reference.
    used : set of str
        Columns and regrouped covariates that the model asked for.
    """

    categories: dict[str, list[str]] = field(default_factory=dict)
    formulas: dict[str, str] = field(default_factory=dict)
    groups: dict[str, tuple[str, dict[str, list[str]], str]] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)


def covariates_of(places: Mapping[Place, list[Line]]) -> Covariates:
    """Categories and transformations of [COVARIATE] and [INDIVIDUAL]."""
    found = Covariates()
    for one in assignments(places.get(("MODEL", "COVARIATE", "EQUATION"), [])):
        found.formulas[one.name] = one.right
    for place in (("COVARIATE", ""), ("INDIVIDUAL", ""), ("COVARIATE", "DEFINITION")):
        for line, name, given in statements(places.get(("MODEL", *place), [])):
            if name == "input":
                continue
            if not isinstance(given, dict):
                raise refused(line, name, "a covariate with type= or transform=")
            check_words(line, name, given, ("type", "categories", "transform", "reference"))
            if "transform" in given and isinstance(given.get("categories"), dict):
                groups = {group: listed(levels) for group, levels in given["categories"].items()}
                found.groups[name] = (given["transform"], groups, str(given.get("reference", "")))
                found.categories.setdefault(name, list(groups))
            elif "transform" in given:
                found.formulas[name] = expression(given["transform"], line)
            elif given.get("type") == "categorical" and "categories" in given:
                found.categories[name] = [str(level) for level in listed(given["categories"])]
            elif given.get("type") != "continuous":
                raise refused(line, name, "type=continuous, or type=categorical with categories")
    return found


def _effect(
    name: str,
    coefficients: list[str],
    scale: Any,
    found: Covariates,
    numbers: Numbers,
    line: int,
    unknown: bool,
) -> tuple[Any, Any]:
    """(covariate or covariates, effect) of one covariate of a parameter."""
    from bayes_nlmem.statistics.covariates import Exponential, Linear, Power
    from bayes_nlmem.statistics.log_folds import LogFolds
    from bayes_nlmem.statistics.written_effect import WrittenEffect

    if name in found.categories:
        levels = found.categories[name]
        shifts = {
            level: numbers.number(beta, line, unknown)
            for level, beta in zip(levels, coefficients, strict=True)
            if beta not in ("0", "0.0")
        }
        reference = next((level for level in levels if level not in shifts), None)
        if reference is None or len(levels) - len(shifts) != 1:
            raise refused(line, f"coefficients of {name}", "a 0 for the reference category, and only there")
        found.used.add(name)
        return name, LogFolds(shifts, reference=reference)
    [beta] = coefficients
    text = found.formulas.get(name, name)
    while inner := names_in(text) & set(found.formulas) - {name}:
        text = expression(text, line, {one: found.formulas[one] for one in inner})
    columns = tuple(sorted(names_in(text)))
    if not columns or set(columns) & set(found.categories):
        raise refused(line, f"{name} = {text}", "a transformation of continuous covariates")
    found.used |= set(columns)
    tree = ast.parse(text, mode="eval").body
    coefficient = numbers.number(beta, line, unknown)
    if (weight := _log_ratio(tree)) is not None and scale.ratio:
        return columns[0], Power(coefficient, reference=weight)
    if (centre := _difference(tree)) is not None:
        if scale.ratio:
            return columns[0], Exponential(coefficient, reference=centre)
        if isinstance(scale, Natural):
            return columns[0], Linear(coefficient, reference=centre)
    formula = f"exp(beta * ({text}))" if scale.ratio else f"beta * ({text})"
    key = columns if len(columns) > 1 else columns[0]
    return key, WrittenEffect(formula, columns, {"beta": coefficient})


def _log_ratio(tree: ast.expr) -> float | None:
    """W of log(X / w) or log(X)."""
    match tree:
        case ast.Call(func=ast.Name(id="log"), args=[ast.Name()]):
            return 1.0
        case ast.Call(
            func=ast.Name(id="log"),
            args=[ast.BinOp(left=ast.Name(), op=ast.Div(), right=ast.Constant(value=float() | int() as w))],
        ) if w > 0:
            return float(w)
    return None


def _difference(tree: ast.expr) -> float | None:
    """C of X - c or X."""
    match tree:
        case ast.Name():
            return 0.0
        case ast.BinOp(left=ast.Name(), op=ast.Sub(), right=ast.Constant(value=float() | int() as c)):
            return float(c)
    return None


def _flat(value: Any) -> list[str]:
    return [one for item in value for one in _flat(item)] if isinstance(value, list) else [str(value)]


def _scale(line: int, name: str, given: Mapping[str, Any]) -> Any:
    kind = str(given.get("distribution", "")).lower()
    try:
        bounds = float(given.get("min", 0.0)), float(given.get("max", 1.0))
    except ValueError:
        raise refused(line, name, "numbers for min and max") from None
    scales = {"lognormal": Log(), "normal": Natural(), "logitnormal": Logit(*bounds)}
    if kind == "probitnormal":
        return Probit(*bounds)
    if kind not in scales or (kind != "logitnormal" and {"min", "max"} & set(given)):
        expected = (
            "distribution=logNormal, normal, logitNormal or probitNormal (min and max with the last two)"
        )
        raise refused(line, f"{name} with distribution={kind}", expected)
    return scales[kind]


@dataclass(frozen=True)
class Spread:
    """SDs of a parameter by level: "subject" and "occasion"."""

    names: dict[str, str]
    is_variance: bool


def _spread(line: int, name: str, given: Mapping[str, Any], occasion: str | None) -> Spread:
    if "no-variability" in given:
        return Spread({}, False)
    if ("sd" in given) == ("var" in given):
        raise refused(line, name, "sd=, var= or no-variability")
    word = "sd" if "sd" in given else "var"
    levels, spreads = listed(given.get("varlevel", "id")), listed(given[word])
    known = {"id": "subject"} | ({f"id*{occasion}": "occasion"} if occasion else {})
    levels = [str(level).replace(" ", "") for level in levels]
    if len(levels) != len(spreads) or len(set(levels)) != len(levels) or not set(levels) <= set(known):
        expected = f"levels among {', '.join(known)}, with an SD each"
        raise refused(line, f"{name} with varlevel={', '.join(levels)}", expected)
    return Spread({known[level]: sd for level, sd in zip(levels, spreads, strict=True)}, word == "var")


def individuals_of(lines: list[Line]) -> tuple[dict[str, tuple[int, dict[str, Any]]], list[tuple[int, dict]]]:
    """Definitions of the parameters, and of correlations."""
    parameters: dict[str, tuple[int, dict[str, Any]]] = {}
    correlations = []
    for line, name, given in statements(lines):
        if name == "correlation" and isinstance(given, dict):
            correlations.append((line, given))
        elif isinstance(given, dict) and name not in parameters:
            check_words(line, name, given, _WORDS)
            parameters[name] = (line, given)
        else:
            raise refused(line, name, "one definition {distribution=..., typical=..., ...} of each parameter")
    return parameters, correlations


def parameter_of(
    name: str,
    line: int,
    given: Mapping[str, Any],
    numbers: Numbers,
    covariates: Covariates,
    occasion: str | None,
    unknown: bool,
) -> Parameter:
    """The record of a parameter."""
    scale = _scale(line, name, given)
    words = [w for w in ("typical", "reference", "prediction", "mean") if w in given]
    if len(words) != 1 or (words == ["mean"] and not isinstance(scale, Natural)):
        raise refused(line, name, "typical=", "A mean is known only of a normal distribution.")
    spread = _spread(line, name, given, occasion)
    sd = {
        level: numbers.deviation(word, line, unknown, spread.is_variance)
        for level, word in spread.names.items()
    }
    effects: dict[Any, Any] = {}
    coefficients = _flat(given.get("coefficient", []))
    for covariate in map(str, listed(given.get("covariate", []))):
        count = len(covariates.categories.get(covariate, [0]))
        mine, coefficients = coefficients[:count], coefficients[count:]
        if len(mine) != count:
            raise refused(line, f"{covariate} of {name}", f"{count} coefficients of it")
        key, effect = _effect(covariate, mine, scale, covariates, numbers, line, unknown)
        if key in effects:
            raise refused(line, f"two effects of {key} on {name}", "one effect of each covariate")
        effects[key] = effect
    if coefficients:
        raise refused(line, f"{', '.join(coefficients)} of {name}", "a covariate for each coefficient")
    return Parameter(
        numbers.number(given[words[0]], line, unknown),
        iiv=sd.get("subject"),
        iov=sd.get("occasion"),
        covariates=effects,
        scale=scale,
    )


def correlated_of(
    correlations: list[tuple[int, dict]], names: Mapping[str, str], numbers: Numbers, occasion: str | None,
    unknown: bool,
) -> list[Correlated]:  # fmt: skip
    """Blocks of correlated effects."""
    found = []
    for line, given in correlations:
        level = {"id": "subject", f"id*{occasion}": "occasion"}.get(
            str(given.get("level", "id")).replace(" ", "")
        )
        pairs = {}
        for word, value in given.items():
            if word == "level":
                continue
            ends = [end.strip() for end in word.removeprefix("r").strip("() ").split(",")]
            if level is None or not word.startswith("r(") or len(ends) != 2 or not set(ends) <= set(names):
                raise refused(
                    line, f"{word} of level {given.get('level', 'id')}", "r(A, B) of the model's parameters"
                )
            pairs[frozenset(names[end] for end in ends)] = value
        for block in _blocks(set(pairs)):
            order = [name for name in names.values() if name in block]
            cells = {(a, b): pairs.get(frozenset((a, b))) for i, a in enumerate(order) for b in order[:i]}
            value = {cell: 0.0 if word is None else numbers.value(word, line) for cell, word in cells.items()}
            free = [cell for cell, word in cells.items() if word is not None and not numbers.is_known(word)]
            zeros = [cell for cell in cells if cell not in free and value[cell] == 0]
            if any(word in numbers.priors for word in cells.values()):
                raise refused(line, "a prior of a correlation", "method=MLE or FIXED of correlations")
            if unknown and free:
                if len(free) + len(zeros) < len(cells):
                    raise refused(line, "correlations of which some are FIXED", "all of a block, or zeros")
                found.append(Correlated(*order, level=str(level), zeros=zeros))
                continue
            matrix = [
                [1.0 if a == b else value.get((a, b), value.get((b, a), 0.0)) for b in order] for a in order
            ]
            prior: Any = matrix[0][1] if len(order) == 2 else matrix
            if any(value.values()):
                found.append(Correlated(*order, prior=prior, level=str(level)))
    return found


def _blocks(pairs: set[frozenset[str]]) -> list[set[str]]:
    blocks: list[set[str]] = []
    for pair in sorted(pairs, key=sorted):
        touching = [block for block in blocks if block & pair]
        blocks = [block for block in blocks if block not in touching]
        blocks.append(set(pair).union(*touching))
    return blocks


def residual_of(name: str, line: int, given: dict[str, Any], numbers: Numbers, unknown: bool) -> Any:
    """The record of an error."""
    from bayes_nlmem.statistics.log_normal_error import LogNormalError
    from bayes_nlmem.statistics.residuals import (
        STANDARD_DEVIATIONS,
        Additive,
        Combined,
        PowerError,
        Proportional,
    )

    check_words(line, name, given, ("distribution", "prediction", "errorModel"))
    text = str(given.get("errorModel", ""))
    kind, _, inside = text.replace(" ", "").partition("(")
    words = [word for word in split(inside.rstrip(")"), ",") if word]
    law = str(given.get("distribution", "normal")).lower()
    expected = (
        "constant(a), proportional(b), combined1(a, b), combined2(a, b) of a normal law, constant(a) of a "
        "logNormal one"
    )
    lengths = {"constant": (1,), "proportional": (1, 2), "combined1": (2, 3), "combined2": (2, 3),
               "exponential": (1,)}  # fmt: skip
    if len(words) not in lengths.get(kind, ()) or law not in ("normal", "lognormal"):
        raise refused(line, f"{name} with {text} and distribution={law}", expected)
    first = [numbers.deviation(word, line, unknown) for word in words[:2]]
    power = words[-1] if len(words) > 1 and (kind == "proportional" or len(words) == 3) else None
    is_one = power is None or (numbers.is_known(power) and numbers.value(power, line) == 1)
    if kind == "exponential" or law == "lognormal":
        if kind not in ("exponential", "constant") or first[0] is None:
            raise refused(line, f"{name} with {text} and distribution={law}", expected)
        return LogNormalError(first[0])
    if kind in ("constant", "proportional"):
        if first[0] is None:
            raise refused(line, f"{words[0]} of {name} known to be 0", "an error > 0")
        if kind == "constant":
            return Additive(first[0])
        return Proportional(first[0]) if is_one else PowerError(first[0], first[1])
    if not is_one or first == [None, None]:
        raise refused(line, f"{text} with c={power}", "c that is FIXED to 1, and an error > 0")
    if None in first:
        return Additive(first[0]) if first[1] is None else Proportional(first[1])
    additive, proportional = first
    if kind == "combined1":
        return Combined(additive, proportional, add=STANDARD_DEVIATIONS)
    return Combined(additive, proportional)
