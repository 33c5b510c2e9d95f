"""Other priors for a model, by the names that its quantities have in the graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from bayes_nlmem.ground.block_prior import Joint
from bayes_nlmem.ground.mapping import FrozenMapping
from bayes_nlmem.ground.messages import ModelError, closest, explain
from bayes_nlmem.ground.prior import Prior
from bayes_nlmem.model.correlations import Correlated
from bayes_nlmem.model.levels import SUBJECT, level_of
from bayes_nlmem.model.quantities import coefficient_name, quantities

if TYPE_CHECKING:
    from bayes_nlmem.model.specification import Model


def reprior(model: Model, priors: Mapping[Any, Prior | float]) -> Model:
    """The model with other priors, or known numbers, for what is named.

    Raises
    ------
    ModelError
        A name that the model does not have (its prior would have no effect), or a correlation of a block of
        more than two, which has one prior together with the others.
    """
    for name, value in priors.items():
        if isinstance(name, tuple):
            model = _with_block(model, name, value)
            continue
        names = [quantity.name for quantity in quantities(model)]
        if name not in names:
            raise ModelError(
                explain(
                    expected=f"names of quantities of the model ({', '.join(names)})",
                    got=f"{name!r}, whose prior would have no effect",
                    remedy=closest(name, names) or "Leave it out.",
                )
            )
        model = _changed(model, name, value)
    return model


def _changed(model: Model, name: str, value: Any) -> Model:
    for change in _changes(model, name, value):
        return change
    raise ModelError(
        explain(
            expected=f"a quantity with a prior of its own for {name}",
            got="one whose prior it shares with others",
            remedy="Change the block: model.with_correlated(Correlated(..., prior=...)).",
        )
    )


def _changes(model: Model, name: str, value: Any) -> Iterator[Model]:
    for key, parameter in model.parameters.items():
        for field, graph_name in (
            ("typical", f"{key}_pop"),
            ("iiv", f"omega_{key}"),
            ("iov", f"gamma_{key}"),
        ):
            if name == graph_name and getattr(parameter, field) is not None:
                yield model.with_parameter(key, **{field: value})
        for level in getattr(parameter, "varies", {}):
            if name == f"omega_{key}_{level}":
                yield model.with_parameter(key, varies={**parameter.varies, level: value})
        law = getattr(parameter, "law", None)
        if law is not None:
            for suffix in law.unknowns():
                if name == f"{suffix}_{key}":
                    yield model.with_parameter(key, law=with_unknown(law, suffix, value))
        for covariate, effect in parameter.covariates.items():
            for suffix in effect.unknowns():
                if coefficient_name(key, covariate, suffix) == name:
                    yield model.with_covariate(key, covariate, with_unknown(effect, suffix, value))
    for output, residual in model.residuals.items():
        if name == f"omega_sigma_{output}":
            yield model.with_residual(output, _with_iiv(residual, value))
        for suffix in residual.unknowns():
            if name in (f"sigma_{output}_{suffix}", f"{output}_{suffix}"):
                yield model.with_residual(output, with_unknown(residual, suffix, value))
    for k, block in enumerate(model.correlated):
        if len(block.names) == 2 and name == level_of(model, block.level).correlation(
            *level_of(model, block.level).members(block)
        ):
            changed = Correlated(*block.names, prior=value, level=block.level, zeros=block.zeros)
            yield model.with_correlated(*model.correlated[:k], changed, *model.correlated[k + 1 :])
    for k, pair in enumerate(model.correlated_residuals):
        if name == f"corr_{pair.first}_{pair.second}":
            pairs = list(model.correlated_residuals)
            pairs[k] = replace(pair, prior=value)
            yield model.with_correlated_residuals(*pairs)


def with_unknown(record: Any, suffix: str, value: Any) -> Any:
    """A covariate effect or residual error with another value for one of its unknowns.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> with_unknown(bn.StudentTError(bn.Additive(1.0), df=4.0), "add", 2.0)
    StudentTError(residual=Additive(additive=2.0), df=4.0)
    """
    before = record.unknowns()
    for build in _places(record, before[suffix]):
        candidate = build(value)
        if _same(candidate.unknowns(), before, suffix):
            return candidate
    raise ModelError(
        explain(
            expected=f"a field of {type(record).__name__} that holds its unknown {suffix!r}",
            got="none",
            remedy="Change the record itself, with with_residual or with_covariate.",
        )
    )


def _same(after: Mapping[str, Any], before: Mapping[str, Any], suffix: str) -> bool:
    """Whether all but one unknown are as they were, and that one is another."""
    others = all(after.get(key) == value for key, value in before.items() if key != suffix)
    return others and after.keys() == before.keys() and after[suffix] is not before[suffix]


def _places(record: Any, old: Any) -> Iterator[Callable[[Any], Any]]:
    """Ways to put another value where `old` stands in a record or in the records within it."""
    for field in fields(record):
        content = getattr(record, field.name)
        if content is old or (isinstance(content, float) and content == old):
            yield partial(_with_field, record, field.name)
        elif isinstance(content, Mapping):
            for key, item in content.items():
                if item is old or (isinstance(item, float) and item == old):
                    yield partial(_with_item, record, field.name, content, key)
                elif is_dataclass(item) and not isinstance(item, (Prior, type)):
                    for inner in _places(item, old):
                        yield _after(inner, partial(_with_item, record, field.name, content, key))
        elif isinstance(content, tuple):
            for k, item in enumerate(content):
                if item is old or (isinstance(item, float) and item == old):
                    yield partial(_with_element, record, field.name, content, k)
        elif is_dataclass(content) and not isinstance(content, (Prior, type)):
            for inner in _places(content, old):
                yield _after(inner, partial(_with_field, record, field.name))


def _with_field(record: Any, name: str, value: Any) -> Any:
    return replace(record, **{name: value})


def _with_item(record: Any, name: str, content: Mapping[Any, Any], key: Any, value: Any) -> Any:
    return replace(record, **{name: FrozenMapping({**content, key: value})})


def _with_element(record: Any, name: str, content: tuple[Any, ...], k: int, value: Any) -> Any:
    return replace(record, **{name: (*content[:k], value, *content[k + 1 :])})


def _after(inner: Callable[[Any], Any], outer: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: outer(inner(value))


def _with_iiv(residual: Any, value: Any) -> Any:
    if getattr(residual, "iiv", None) is not None:
        return replace(residual, iiv=value)
    return replace(residual, residual=_with_iiv(residual.residual, value))


def _with_block(model: Model, names: tuple[str, ...], prior: Any) -> Model:
    """The model with an inverse-Wishart prior for a block, which then gives the standard deviations too."""
    blocks = list(model.correlated)
    for k, block in enumerate(blocks):
        if set(block.names) == set(names) and block.level == SUBJECT:
            blocks[k] = Correlated(*names, prior=prior)
            parameters = dict(model.parameters)
            for name in names if blocks[k].joint else ():
                parameters[name] = replace(parameters[name], iiv=Joint())
            return replace(model, parameters=parameters, correlated=tuple(blocks))
    listed = "; ".join(", ".join(block.names) for block in blocks) or "there is none"
    raise ModelError(
        explain(
            expected=f"a block of correlated effects between subjects ({listed})",
            got=f"{', '.join(map(str, names))}, whose prior would have no effect",
            remedy="Give the model that block first: with_correlated(Correlated(...)).",
        )
    )
