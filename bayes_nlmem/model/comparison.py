"""What differs between two models, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from bayes_nlmem.ground.matrix_priors import matrix_text
from bayes_nlmem.ground.priors import Prior
from bayes_nlmem.ground.scales import Log
from bayes_nlmem.model.classes import PerClass
from bayes_nlmem.statistics.covariate_names import spoken

if TYPE_CHECKING:
    from bayes_nlmem.model.correlations import Correlated
    from bayes_nlmem.model.parameters import Parameter
    from bayes_nlmem.model.specification import Model


def difference(before: Model, after: Model) -> str:
    """What changed from one model to another, one line each.

    Parameters
    ----------
    before, after : Model
        The two models.

    Returns
    -------
    str
        Empty if they are equal.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> base = bn.zoo.load("theophylline").model
    >>> print(bn.difference(base, base.without_covariate("V", "WT").with_parameter("KA", iiv=0)))
    KA: iiv HalfNormal(sd 0.5) -> none
    V: without Power(exponent Normal(mean 1, sd 0.2), reference 70) of WT
    """
    return "\n".join(_lines(before, after))


def _lines(before: Model, after: Model) -> Iterator[str]:
    if before.name != after.name:
        yield f"name: {before.name or 'none'} -> {after.name or 'none'}"
    if before.structure != after.structure:
        yield f"structure: {before.structure!r} -> {after.structure!r}"
    for name, old, new in _pairs(before.parameters, after.parameters):
        if old is None:
            yield f"with {name}: {_parameter_text(new)}"
        elif new is None:
            yield f"without {name}"
        else:
            yield from _parameter_lines(name, old, new)
    for output, old, new in _pairs(before.residuals, after.residuals):
        if old != new:
            yield f"residual of {output}: {_text(old)} -> {_text(new)}"
    for field in ("endpoints", "endpoints_in", "nested"):
        was, now = getattr(before, field), getattr(after, field)
        if was != now:
            yield f"{field}: {_labels(was)} -> {_labels(now)}"
    for name, old, new in _pairs(before.missing, after.missing):
        if old != new:
            yield f"missing {name}: {_text(old)} -> {_text(new)}"
    if before.mixture != after.mixture:
        yield f"mixture: {_mixture(before.mixture)} -> {_mixture(after.mixture)}"
    for block in before.correlated:
        if block not in after.correlated:
            yield f"without {_block_text(block)}"
    for block in after.correlated:
        if block not in before.correlated:
            yield f"with {_block_text(block)}"
    for pair in before.correlated_residuals:
        if pair not in after.correlated_residuals:
            yield f"without correlation of the errors of {' and '.join(pair.names)} ({_text(pair.prior)})"
    for pair in after.correlated_residuals:
        if pair not in before.correlated_residuals:
            yield f"with correlation of the errors of {' and '.join(pair.names)} ({_text(pair.prior)})"


def _mixture(shares: Any) -> str:
    return ", ".join(f"{p:g}" for p in shares) if isinstance(shares, tuple) else _text(shares)


def _block_text(block: Correlated) -> str:
    """A block of correlated effects in words."""
    prior = matrix_text(block.prior) if isinstance(block.prior, tuple) else _text(block.prior)
    level = "" if block.level == "subject" else f" between {block.level}s"
    zeros = "".join(f", {one}-{other} zero" for one, other in block.zeros)
    return f"correlation of {', '.join(block.names)}{level} ({prior}{zeros})"


def _parameter_lines(name: str, old: Parameter, new: Parameter) -> Iterator[str]:
    for field in ("typical", "iiv", "iov", "law", "scale", "unit", "label"):
        was, now = getattr(old, field), getattr(new, field)
        if was != now:
            yield f"{name}: {field} {_text(was)} -> {_text(now)}"
    for level, was, now in _pairs(old.varies, new.varies):
        if was != now:
            yield f"{name}: varies between {level} {_text(was)} -> {_text(now)}"
    for covariate, one, other in _pairs(old.covariates, new.covariates):
        if one is None:
            yield f"{name}: with {_text(other)} of {spoken(covariate)}"
        elif other is None:
            yield f"{name}: without {_text(one)} of {spoken(covariate)}"
        elif one != other:
            yield f"{name}: effect of {spoken(covariate)} {_text(one)} -> {_text(other)}"


def _parameter_text(parameter: Parameter) -> str:
    parts = [_text(parameter.typical)]
    parts += [f"{what} {_text(value)}" for what in ("iiv", "iov") if (value := getattr(parameter, what))]
    parts += [f"between {level} {_text(value)}" for level, value in parameter.varies.items()]
    parts += [f"{_text(parameter.law)}"] if parameter.law is not None else []
    parts += [f"{_text(effect)} of {spoken(key)}" for key, effect in parameter.covariates.items()]
    if parameter.scale != Log():
        parts.append(f"on {_text(parameter.scale)}")
    return ", ".join(parts)


def _pairs(old: Mapping[Any, Any], new: Mapping[Any, Any]) -> Iterator[tuple[Any, Any, Any]]:
    for name in dict.fromkeys([*old, *new]):
        yield name, old.get(name), new.get(name)


def _labels(value: Mapping[str, Any] | str) -> str:
    if isinstance(value, str):
        return value
    return ", ".join(f"{output} = {label}" for output, label in value.items()) or "none"


def _text(value: Any) -> str:
    """A record in words: its class and its fields."""
    from dataclasses import fields, is_dataclass

    if value is None or value == "":
        return "none"
    if isinstance(value, (Prior, PerClass)) or not is_dataclass(value):
        return f"{value:g}" if isinstance(value, float) else str(value)
    parts = []
    for field in fields(value):
        content = getattr(value, field.name)
        if isinstance(content, Mapping):
            parts.append(", ".join(f"{key} {_text(item)}" for key, item in content.items()))
        else:
            parts.append(f"{field.name} {_text(content)}")
    return f"{type(value).__name__}({', '.join(parts)})"
