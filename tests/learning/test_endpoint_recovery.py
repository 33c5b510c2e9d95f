"""What was put into simulated categories, counts, events and states comes out of the fit."""

import numpy as np
import pandas as pd
import pymc as pm
import pytest

import bayes_nlmem as bn

pytestmark = pytest.mark.slow

NATURAL = bn.Natural()
LINE = bn.Function(lambda t, a, b: {"y": a + b * t})
SPREAD = bn.HalfNormal(1.5)


def line(endpoint, *, a, b, omega):
    """The line with priors, or with what is known."""
    parameters = {
        "a": bn.Parameter(a, iiv=omega, scale=NATURAL),
        "b": bn.Parameter(b, scale=NATURAL),
    }
    return bn.Model(structure=LINE, parameters=parameters, residuals={"y": endpoint})


def unknown(endpoint):
    return line(endpoint, a=bn.Normal(0, 2), b=bn.Normal(0, 1), omega=SPREAD)


def known(endpoint):
    return line(endpoint, a=0.5, b=0.3, omega=0.8)


TRUE = {"a_pop": 0.5, "b_pop": 0.3, "omega_a": 0.8}
PRIOR = bn.LogNormal(1.0, cv=1.0)


def renewals(shape, typical, omega):
    structure = bn.Function(lambda Te: {"y": Te})
    parameters = {"Te": bn.Parameter(typical, iiv=omega)}
    endpoint = bn.TimeToEvent(bn.WeibullHazard(shape), repeated=True)
    return bn.Model(structure=structure, parameters=parameters, residuals={"y": endpoint})


def states(a, b, omega):
    structure = bn.Function(lambda t, a, b: {"y": a, "back": b + 0 * t})
    parameters = {"a": bn.Parameter(a, iiv=omega, scale=NATURAL), "b": bn.Parameter(b, scale=NATURAL)}
    endpoint = bn.MarkovChain([0, 1], {(0, 1): "y", (1, 0): "back"})
    return bn.Model(structure=structure, parameters=parameters, residuals={"y": endpoint})


# The truth as a model of known numbers, the model with priors, the unknowns.
CASES = {
    "ordered": (
        known(bn.OrderedCategorical([0, 1, 2, 3], [1.0, 1.5])),
        unknown(bn.OrderedCategorical([0, 1, 2, 3], [PRIOR, PRIOR])),
        {**TRUE, "y_step_2": 1.0, "y_step_3": 1.5},
    ),
    "negative binomial with zeros": (
        known(bn.ZeroInflated(bn.NegativeBinomial(0.4), 0.2)),
        unknown(bn.ZeroInflated(bn.NegativeBinomial(PRIOR), bn.Beta(1, 2))),
        {**TRUE, "y_dispersion": 0.4, "y_zero": 0.2},
    ),
    "repeated events": (
        renewals(1.5, 3.0, 0.4),
        renewals(PRIOR, bn.LogNormal(4, cv=1), SPREAD),
        {"Te_pop": 3.0, "omega_Te": 0.4, "y_shape": 1.5},
    ),
    "states": (
        states(-1.0, 0.5, 0.8),
        states(bn.Normal(0, 2), bn.Normal(0, 2), SPREAD),
        {"a_pop": -1.0, "b_pop": 0.5, "omega_a": 0.8},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_was_put_in_comes_out(name):
    truth, model, values = CASES[name]
    frame = pd.DataFrame([{"ID": i, "TIME": float(t), "DV": 0.0} for i in range(60) for t in range(8)])
    graph = bn.build(truth, bn.read(frame))
    frame["DV"] = pm.draw(graph["y_obs"], random_seed=5, mode="FAST_COMPILE")
    if name == "repeated events":  # it is known in which interval, not when
        frame["CENS"] = (frame["DV"] == 1).astype(int)
    fit = bn.fit(model, bn.read(frame), draws=300, tune=300, chains=2, seed=1, progress=False)
    table = fit.summary()
    for quantity, value in values.items():
        row = table.loc[quantity]
        assert abs(row["mean"] - value) < 3 * row["sd"], (
            f"{quantity}: {row['mean']} ({row['sd']}), put in {value}"
        )
    assert np.isfinite(fit.draws["log_likelihood"].to_dataset()["y_obs"].values).all()
    assert len(fit.curves(5)) and len(fit.predictions()) == len(frame)
