"""Equations as text."""

import numpy as np
import pytest

from bayes_nlmem.engine.ode.evaluation import evaluate
from bayes_nlmem.ground.messages import ModelError
from bayes_nlmem.structures.text import parse, written

WARFARIN = """
c = central / V                       # concentration
d/dt(depot) = -KA * depot
d/dt(central) = KA * depot - CL / V * central
d/dt(pca) = kout * (base * (1 - Imax * c^g / (IC50^g + c^g)) - pca)
pca(0) = base
F(depot) = bio; alag(depot) = lag
cp <- c
"""


def test_the_language_of_the_field():
    system = parse(WARFARIN, outputs=("cp",))
    assert system.compartments == ("depot", "central", "pca")
    assert set(system.parameters) == {"V", "KA", "CL", "kout", "base", "Imax", "g", "IC50", "bio", "lag"}
    assert dict(system.outputs).keys() == {"cp"}
    assert dict(system.inputs).keys() == {"F_depot", "ALAG_depot"}


def test_what_is_written_is_read_back():
    system = parse(WARFARIN, outputs=("cp",))
    again = parse(
        written(system), outputs=("cp",), compartments=system.compartments, parameters=system.parameters
    )
    rng = np.random.default_rng(0)
    p, y = rng.uniform(0.5, 2, len(system.parameters)), rng.uniform(0.5, 2, 3)
    for one, two in ((system.rates, again.rates), (system.initial, again.initial)):
        values = [evaluate(s.graph, nodes, np, p=p, y=y) for s, nodes in ((system, one), (again, two))]
        np.testing.assert_allclose(*values, rtol=1e-14)


def test_conditions_and_functions():
    system = parse("d/dt(a) = where(t > 2 and not a >= 5, exp(-k), max(a, 1)) + (1 if a == 3 else 0)")
    values = [
        evaluate(system.graph, system.rates, np, p=[0.5], y=[a], t=t)[0] for a, t in ((3.0, 3.0), (6.0, 3.0))
    ]
    np.testing.assert_allclose(values, [np.exp(-0.5) + 1, 6.0])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("d/dt(a) = -k * a\nx = __import__('os')", "Line 2.*not allowed"),
        ("d/dt(a) = a.real", "not allowed"),
        ("d/dt(a) = [x for x in a]", "not allowed"),
        ("d/dt(a) = -k *", "no expression"),
        ("d/dt(a) = -k * a\nd/dt(a) = 1", "one derivative of a"),
        ("a + b", "no assignment"),
        ("d/dt(a) = -a; t = 3", "cannot be assigned"),
        ("d/dt(a) = -x * a; x = 3", "used before"),
        ("cp = 1", "at least one derivative"),
        ("d/dt(a) = sinh(a)", "sinh"),
    ],
)
def test_what_is_refused(text, message):
    with pytest.raises(ModelError, match=f"(?s){message}"):
        parse(text)


def test_an_unknown_name_is_an_error_where_parameters_are_given():
    with pytest.raises(ModelError, match="KAA"):
        parse("d/dt(a) = -KAA * a", parameters=("KA",))
