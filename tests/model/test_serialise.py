"""Models are written as plain dictionaries and read back without loss."""

import json
import math
from dataclasses import dataclass, field
from fractions import Fraction

import pytest

import bayes_nlmem as bn
from bayes_nlmem.ground.mapping import FrozenMapping
from bayes_nlmem.model.serialise import from_dict, to_dict


@pytest.fixture
def through_json():
    return lambda record: from_dict(json.loads(json.dumps(to_dict(record), allow_nan=False)))


def test_a_model_survives(model, through_json):
    copy = through_json(model)
    assert copy == model
    assert repr(copy) == repr(model)
    assert list(copy.parameters) == list(model.parameters)


@pytest.mark.parametrize(
    "record",
    [
        bn.LogNormal(1 / 3, sigma=0.1),
        bn.TruncatedNormal(0.0, 1.0, lower=-math.inf),
        bn.Distribution("SkewNormal", mu=0.0, alpha=3.0),
        bn.Categorical({"F": bn.HalfNormal(1.0), "x": 2}, reference="M"),
        bn.Correlated("A", "B", prior=0.5),
        bn.Logit(2, 5),
    ],
    ids=repr,
)
def test_records_survive(record, through_json):
    assert through_json(record) == record


def test_own_classes_are_named_by_their_public_name():
    assert to_dict(bn.Log()) == {"record": "Log", "fields": {}}


def test_classes_of_users_are_named_by_their_path(through_json):
    from bayes_nlmem.ground.formulas import Symbol  # a record that is not public

    assert to_dict(Symbol("x"))["record"] == "bayes_nlmem.ground.formulas:Symbol"
    assert through_json(Symbol("x", ("a", "b"))) == Symbol("x", ("a", "b"))


@dataclass(frozen=True)
class Holder:
    value: object = field(default=0)


def test_functions_are_named_by_their_path(through_json, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, Holder.__module__, sys.modules[__name__])
    for value in (math.exp, [1, "a", None, True], {"k": (1.5,)}, FrozenMapping({2: "b"})):
        assert through_json(Holder(value)) == Holder(value)


@pytest.mark.parametrize("value", [lambda x: x, Fraction(1, 2)])
def test_what_cannot_be_written_is_refused(value):
    with pytest.raises(bn.ModelError):
        to_dict(Holder(value))


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"record": "Nonsense", "fields": {}}, "the name of a record, got 'Nonsense'"),
        ({"record": "no.such.module:Thing", "fields": {}}, "no.such.module:Thing to be importable"),
        ({"record": "HalfNormal", "fields": {"sd": 1.0, "mean": 2.0}}, "fields sd of HalfNormal"),
        ({"record": "HalfNormal", "fields": {}}, "fields sd of HalfNormal"),
        ({"what": 3}, "what to_dict wrote"),
    ],
)
def test_what_cannot_be_read_is_refused(written, said):
    with pytest.raises(bn.ModelError) as refused:
        from_dict(written)
    assert said in str(refused.value)


def test_a_field_that_came_later_gets_its_default():
    assert from_dict({"record": "Logit", "fields": {"lower": 0.0}}) == bn.Logit()
