"""Exposure of the fitted curves obeys the laws of linear kinetics."""

import io

import numpy as np
import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn
from bayes_nlmem.simulation.curve_exposure import curve_exposure


def of(fit, name):
    return fit.draws["posterior"][name].values[0]


def test_area_is_dose_over_clearance(learnt):
    study = bn.zoo.load("theophylline")
    model = study.model.with_parameter("CL", iiv=0.2).with_parameter("V", iiv=0.2)
    fit = learnt(model.with_parameter("KA", iiv=0.2), study.data)
    found = bn.exposure(fit, until=400.0, points=500)
    assert_allclose(found.draws["CL_F"], of(fit, "CL"), rtol=2e-3)
    assert_allclose(found.draws["HALF_LIFE"], np.log(2) * of(fit, "V") / of(fit, "CL"), rtol=1e-6)


def repeated(rows):
    return bn.read(io.StringIO("ID,TIME,AMT,II,ADDL,SS,DV,MDV\n" + rows))


MODEL = bn.Model(
    structure=bn.OneCompartment(),
    parameters={"CL": bn.Parameter(bn.about(2.0), iiv=0.3), "V": bn.Parameter(bn.about(20.0))},
    residuals={"cp": bn.Proportional(0.1)},
)


def test_each_dose_of_each_subject_has_its_own_interval(learnt):
    data = repeated(
        "1,0,100,12,1,0,.,1\n1,30,.,.,.,.,1,0\n2,0,50,.,.,0,.,1\n2,10,50,.,.,0,.,1\n2,20,.,.,.,.,1,0"
    )
    fit = learnt(MODEL, data)
    found = bn.exposure(fit, doses="all")
    volume = of(fit, "V_pop")[:, None]
    k = of(fit, "CL") / volume
    peaks = np.stack([100 * np.ones(20), 100 + 100 * np.exp(-12 * k[:, 0]), 50 * np.ones(20)], axis=1)
    assert found.intervals.ID.tolist() == [1, 1, 2, 2]
    assert_allclose(found.draws["CMAX"][:, :3] * volume, peaks, rtol=1e-7)
    assert_allclose(found.draws["CMIN"][:, 0], peaks[:, 0] * np.exp(-12 * k[:, 0]) / volume[:, 0], rtol=1e-6)
    assert np.isnan(found.draws["CL_F"][:, [1, 3]]).all()
    assert_allclose(found.draws["CL_F"][:, [0, 2]], of(fit, "CL"), rtol=1e-6)


def test_in_steady_state_one_interval_gives_the_clearance(learnt):
    fit = learnt(MODEL, repeated("1,0,100,12,0,1,.,1\n1,6,.,.,.,.,1,0"))
    found = bn.exposure(fit)
    assert_allclose(found.draws["CL_F"], of(fit, "CL"), rtol=1e-6)
    assert_allclose(found.draws["CAVG"], 100 / of(fit, "CL") / 12, rtol=1e-6)
    assert found.summary().loc["TMAX", "KIND"] == "arithmetic"


def test_curves_of_any_shape_are_taken_at_once():
    time = np.linspace(0, 1, 400) ** 2 * 60
    rate = np.array([[0.1, 0.2, 0.3], [0.15, 0.25, 0.35]])
    found = curve_exposure(time, 5 * np.exp(-rate[..., None] * time), dose=10.0)
    assert_allclose(found["AUC_INF"], 5 / rate)
    assert_allclose(found["CL_F"], 2 * rate)


def test_an_interval_without_length_is_refused(learnt):
    fit = learnt(MODEL, repeated("1,0,.,.,.,.,1,0\n1,6,100,.,.,0,.,1"))
    with pytest.raises(bn.BayesNlmemError, match="until=24"):
        bn.exposure(fit)
    assert np.isfinite(bn.exposure(fit, until=24.0).draws["AUC_INF"]).all()
