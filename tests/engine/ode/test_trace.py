"""What can be traced, and what is said when it cannot."""

import math

import numpy as np
import pytest

from bayes_nlmem.engine.ode.derivatives import differentiate
from bayes_nlmem.engine.ode.evaluation import evaluate
from bayes_nlmem.engine.ode.trace import trace
from bayes_nlmem.ground.messages import ModelError


def rich(t, y, p):
    """Most operations at once."""
    c = np.maximum(y.a, 0.0) / p.V
    hill = c**p.g / (p.k**p.g + c**p.g)
    gate = np.where((t > 1.0) & (y.b < 5.0), np.exp(-p.k * t), np.tanh(y.b))
    total = sum(p.k ** (i + 1) * y.a for i in range(3))
    return {
        "a": -p.V * hill + gate - total,
        "b": np.sqrt(1 + y.b**2) - np.log1p(y.a) + np.clip(y.b, 0, 2) - abs(p.g),
    }


def test_jacobians_agree_with_differences():
    system = trace(rich)
    d = differentiate(system)
    g = system.graph
    rng = np.random.default_rng(1)
    p, y, t = rng.uniform(0.5, 2, 3), rng.uniform(0.5, 1.5, 2), 1.7

    def f(y, p):
        return np.array(evaluate(g, system.rates, np, p=p, y=y, t=t))

    for by, rows, x in (("y", d.f_y, y), ("p", d.f_p, p)):
        for j in range(len(x)):
            step = np.zeros(len(x))
            step[j] = 1e-6
            moved = [f(y + s * step, p) if by == "y" else f(y, p + s * step) for s in (1, -1)]
            slope = (moved[0] - moved[1]) / 2e-6
            found = [evaluate(g, [row[j]], np, p=p, y=y, t=t)[0] if j in row else 0.0 for row in rows]
            np.testing.assert_allclose(found, slope, rtol=1e-7, atol=1e-8)


def test_names_are_found_by_use_and_keywords_name_parameters():
    assert trace(lambda y, p: {"a": -p.k * y.a}).parameters == ("k",)

    def rates(t, y, *, CL, V):
        return {"central": -CL / V * y.central}

    assert trace(rates).parameters == ("CL", "V")


def test_compartments_are_in_the_order_of_the_derivatives():
    system = trace(lambda y, p: {"depot": -p.k * y.depot, "central": p.k * y.depot - y.central / p.V})
    assert system.compartments == ("depot", "central")
    system = trace(lambda y, p: {"one": -y.two, "two": y.one})
    assert system.compartments == ("one", "two")


def if_on_state(t, y, p):
    return {"a": -p.k if y.a > 1 else 0.0}


@pytest.mark.parametrize(
    ("rates", "options", "message"),
    [
        (if_on_state, {}, "np.where"),
        (lambda t, y, p: {"a": math.exp(y.a)}, {}, r"np\.exp"),
        (lambda t, y, p: {"a": min(y.a, 1.0)}, {}, "np.maximum"),
        (lambda t, y, p: {"a": -y.a(t - p.delay)}, {}, "delay equations"),
        (lambda t, y, p: {"a": -p.CLL * y.a}, {"parameters": ("CL",)}, "CLL.*CL"),
        (lambda t, y, p: {"a": -y.b}, {}, "none for b"),
        (lambda t, y, p: {"a": -y.cent}, {"compartments": ("a", "central")}, "central"),
        (lambda t, y, p: [-y.a], {}, "dict"),
        (lambda t, y, p: {"a": np.arctan(y.a)}, {}, "np.arctan"),
        (lambda t, y, p: {"a": np.array([1.0, 2.0]) * 1}, {}, "a number"),
        (lambda t, y, p: {"a": -q * y.a}, {}, "p.name"),  # noqa: F821
        (lambda dose, y, p: {"a": -y.a}, {}, "argument dose"),
        (lambda t, y, p: {"a": -y.a, "c": y.a}, {"compartments": ("a",)}, "'c'"),
    ],
)
def test_what_cannot_be_traced_says_what_to_write(rates, options, message):
    with pytest.raises(ModelError, match=f"(?s){message}"):
        trace(rates, **options)


def test_initial_values_may_not_depend_on_compartments():
    with pytest.raises(ModelError, match="parameters only"):
        trace(lambda y, p: {"a": -y.a}, initial=lambda y, p: {"a": y.a})
