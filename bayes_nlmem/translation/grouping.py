"""Levels above the subject meet the data: constant in a subject, several groups, nested as declared."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.ground.messages import explain, names_text
from bayes_nlmem.model.levels import groups_of
from bayes_nlmem.model.specification import Model
from bayes_nlmem.translation.layout import Groups, groups_in


def group_problems(model: Model, data: Dataset) -> Iterator[str]:
    """What speaks against the levels above the subject, given the data."""
    found: dict[str, Groups] = {}
    for name in groups_of(model):
        if problem := _column_problem(data, name):
            yield problem
            continue
        found[name] = groups = groups_in(data, name)
        users = ", ".join(key for key, parameter in model.parameters.items() if name in parameter.varies)
        if len(groups.labels) == 1:
            yield explain(
                expected=f"several groups in {name}, since {users} vary between them",
                got=f"one ({groups.labels[0]}): its effect cannot be told from the typical value",
                remedy=f"Leave {name} out of varies.",
            )
        elif len(groups.labels) == len(groups.index):
            yield explain(
                expected=f"several subjects in the groups of {name}, since {users} vary between them",
                got=f"{len(groups.labels)} groups of one subject each",
                remedy=f"Their effect cannot be told from the subject's: leave {name} out of varies.",
            )
    for one, other in combinations(found, 2):
        yield from _relation_problems(model, found, one, other)


def _column_problem(data: Dataset, name: str) -> str | None:
    if name not in data.covariates:
        return explain(
            expected=f"the level {name!r} among the covariates read: {', '.join(data.covariates) or 'none'}",
            got="nothing of that name",
            remedy=f'Read it: bn.read(..., covariates=["{name}"], categorical=["{name}"]).',
        )
    covariate = data.covariates[name]
    values = covariate.values
    missing = np.array([value is None or value != value for value in values.tolist()])
    if missing.any():
        ids = dict.fromkeys(data.table["ID"].to_numpy()[missing].tolist())
        return explain(
            expected=f"a value of {name} for every subject",
            got=f"none for {names_text(ids, noun='subject')}",
            remedy="Say which group they belong to.",
        )
    if covariate.method != "constant":
        first = values[data.start[:-1]][data.table["SUBJECT"].to_numpy()]
        ids = dict.fromkeys(data.table["ID"].to_numpy()[values != first].tolist())
        return explain(
            expected=f"one value of {name} per subject: it is a level above the subject",
            got=f"several in {names_text(ids, noun='subject')}",
            remedy="Correct the column; what changes within a subject is an occasion (OCC, iov=...).",
        )
    if covariate.categories is None and not np.all(np.mod(values, 1) == 0):
        return explain(
            expected=f"labels in {name}",
            got="numbers with decimals",
            remedy=f'If they are labels, read them so: bn.read(..., categorical=["{name}"]).',
        )
    return None


def _relation_problems(model: Model, found: dict[str, Groups], one: str, other: str) -> Iterator[str]:
    one_in_other, other_in_one = _within(found[one], found[other]), _within(found[other], found[one])
    if one_in_other and other_in_one:
        yield explain(
            expected=f"{one} and {other} to differ",
            got="the same groups of subjects in both",
            remedy="Their effects cannot be told apart: leave one of them out of varies.",
        )
        return
    for inner, outer, is_within in ((one, other, one_in_other), (other, one, other_in_one)):
        declared = _declared_within(model, inner, outer)
        if declared and not is_within:
            split = _split(found[inner], found[outer])
            yield explain(
                expected=f"every {inner} within one {outer}, as declared (nested)",
                got=f"{inner} {names_text(split)} in several",
                remedy=f"Give {inner} labels that are unique over all {outer} (for example 'A:1'), or leave "
                "`nested` out if they are crossed.",
            )
        elif is_within and not declared:
            yield explain(
                expected=f"{inner} crossed with {outer}, since nothing else is declared",
                got=f"every {inner} within one {outer}",
                remedy=f'Declare it: Model(..., nested={{"{inner}": "{outer}"}}).',
            )


def _declared_within(model: Model, inner: str, outer: str) -> bool:
    at = model.nested.get(inner)
    while at is not None:
        if at == outer:
            return True
        at = model.nested.get(at)
    return False


def _within(inner: Groups, outer: Groups) -> bool:
    return not _split(inner, outer)


def _split(inner: Groups, outer: Groups) -> list[str]:
    """Labels of inner groups that have subjects in several outer groups."""
    return [
        str(label)
        for k, label in enumerate(inner.labels)
        if len(set(outer.index[inner.index == k].tolist())) > 1
    ]
