"""A frozen mapping behaves as a mapping and never changes."""

import copy
import pickle

import pytest

from bayes_nlmem.ground.mapping import FrozenMapping


def test_it_keeps_its_order_and_its_items():
    mapping = FrozenMapping({"b": 1, "a": 2})
    assert list(mapping) == ["b", "a"] and mapping["a"] == 2 and len(mapping) == 2 and "c" not in mapping
    assert mapping == {"a": 2, "b": 1}
    assert repr(mapping) == "FrozenMapping({'b': 1, 'a': 2})"


def test_it_is_hashable_and_picklable():
    mapping = FrozenMapping([("x", (1, 2))], y=3)
    assert hash(mapping) == hash(FrozenMapping(y=3, x=(1, 2)))
    assert pickle.loads(pickle.dumps(mapping)) == mapping == copy.deepcopy(mapping)


def test_it_cannot_be_changed():
    mapping = FrozenMapping(a=1)
    with pytest.raises(TypeError):
        mapping["a"] = 2
    with pytest.raises(TypeError, match="cannot be changed"):
        mapping.a = 2


def test_a_source_that_changes_later_changes_nothing():
    source = {"a": 1}
    mapping = FrozenMapping(source)
    source["a"] = 2
    assert mapping["a"] == 1


def test_union_is_a_new_mapping():
    first = FrozenMapping(a=1)
    assert first | {"a": 2, "b": 3} == {"a": 2, "b": 3} and first == {"a": 1}
