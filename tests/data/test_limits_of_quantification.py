"""Beal's methods for values below the limit of quantification are choices that are remembered."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy import stats

import bayes_nlmem as bn
from bayes_nlmem.ground.messages import DataError, ModelError

LLOQ = 0.5


@pytest.fixture
def data():
    frame = pd.DataFrame(
        {
            "ID": [1] * 6 + [2] * 3,
            "TIME": [0.0, 1, 2, 3, 4, 5, 0.0, 1, 2],
            "AMT": [100.0, 0, 0, 0, 0, 0, 100.0, 0, 0],
            "DV": [np.nan, 2.0, 0.3, 0.2, 0.7, 0.1, np.nan, 3.0, 0.4],
        }
    )
    return bn.read(frame)


def columns(data, *names):
    return data.table.loc[data.table["AMT"] == 0, list(names)].to_numpy(float)


@pytest.mark.parametrize(
    ("method", "dv", "mdv"),
    [
        ("M1", [2.0, 0.3, 0.2, 0.7, 0.1, 3.0, 0.4], [0, 1, 1, 0, 1, 0, 1]),
        ("M5", [2.0, 0.25, 0.25, 0.7, 0.25, 3.0, 0.25], [0] * 7),
        ("M6", [2.0, 0.25, 0.2, 0.7, 0.25, 3.0, 0.25], [0, 0, 1, 0, 0, 0, 0]),
        ("M7", [2.0, 0.0, 0.0, 0.7, 0.0, 3.0, 0.0], [0] * 7),
    ],
)
def test_values_are_replaced_or_taken_out(data, method, dv, mdv):
    made = bn.censored(data, method, lloq=LLOQ)
    found = columns(made, "DV", "MDV", "CENS")
    assert_allclose(found[:, 0], dv)
    assert_allclose(found[:, 1], mdv)
    assert_allclose(found[:, 2], 0)
    assert len(made) == len(data) and method in made.choices[0] and method in repr(made)
    assert data.choices == () and data.digest != made.digest


def test_m3_and_m4_keep_them_as_intervals(data):
    for method, limit in (("M3", np.nan), ("M4", 0.0)):
        found = columns(bn.censored(data, method, lloq=LLOQ), "DV", "CENS", "LIMIT")
        assert_allclose(found[1], [LLOQ, 1, limit])
        assert_allclose(found[0, :2], [2.0, 0])


def test_limits_of_the_data_are_used_when_none_is_given(data):
    marked = bn.censored(data, "M3", lloq=LLOQ)
    frame = marked.frame.assign(
        CENS=marked.table["CENS"], DV=marked.table["DV"].where(data.frame["AMT"] == 0)
    )
    again = bn.censored(bn.read(frame), "M5")
    assert_allclose(columns(again, "DV"), columns(bn.censored(data, "M5", lloq=LLOQ), "DV"))


def test_m2_divides_by_the_probability_of_being_above(data):
    parameters = {"CL": bn.Parameter(40.0), "V": bn.Parameter(bn.LogNormal(40.0, cv=0.5))}
    residuals = {
        "normal": (bn.Additive(0.4), lambda f: stats.norm(f, 0.4)),
        "log": (bn.LogNormalError(0.4), lambda f: stats.lognorm(0.4, scale=f)),
        "t": (bn.StudentTError(bn.Additive(0.4), 4.0), lambda f: stats.t(4, f, 0.4)),
    }
    made = bn.censored(data, "M2", lloq=LLOQ)
    for residual, law in residuals.values():
        model = bn.Model(structure=bn.OneCompartment(), parameters=parameters, residuals={"cp": residual})
        graph = bn.build(model, made)
        point = {"V_pop_log__": np.log(40.0)}
        found = graph.compile_logp(vars=[graph["cp_obs"]], sum=False, mode="FAST_COMPILE")(point)[0]
        y, f = np.array([2.0, 0.7, 3.0]), 2.5 * np.exp(-np.array([1.0, 4.0, 1.0]))
        assert_allclose(found, law(f).logpdf(y) - law(f).logsf(LLOQ), rtol=1e-9)
        assert np.isfinite(graph.compile_dlogp(mode="FAST_COMPILE")(point)).all()
        import pymc as pm

        drawn = pm.draw(graph["cp_obs"], 300, random_seed=1, mode="FAST_COMPILE")
        assert drawn.min() >= LLOQ
    assert made.n_observations == 3


def test_m2_does_not_go_with_correlated_errors(data):
    parameters = {"CL": bn.Parameter(40.0), "V": bn.Parameter(40.0)}
    model = bn.Model(
        structure=bn.OneCompartment(),
        parameters=parameters,
        residuals={"cp": bn.AR1Error(bn.Additive(bn.about(1.0)), tau=2.0)},
    )
    with pytest.raises(ModelError, match="independent errors of 'cp' for M2"):
        bn.build(model, bn.censored(data, "M2", lloq=LLOQ))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "M8", "lloq": 0.5}, "method one of M1, M2"),
        ({"method": "M3", "lloq": 0.01}, "no effect"),
        ({"method": "M3"}, "no effect"),
        ({"method": "M3", "lloq": -1.0}, "lloq a number > 0"),
        ({"method": "M3", "lloq": {"cp": 0.5}}, "endpoints of the data"),
    ],
)
def test_bad_choices_are_refused(data, arguments, message):
    with pytest.raises(DataError, match=message):
        bn.censored(data, **arguments)


def test_a_second_choice_is_refused(data):
    with pytest.raises(DataError, match="data as they were read"):
        bn.censored(bn.censored(data, "M5", lloq=0.5), "M7", lloq=0.5)
