"""Residual errors find back what data were simulated with."""

import numpy as np
import pandas as pd
import pytest

import bayes_nlmem as bn

pytestmark = pytest.mark.slow


def design(subjects, times, **columns):
    rows = []
    for k in range(1, subjects + 1):
        rows.append({"ID": k, "TIME": 0.0, "AMT": 100.0, "EVID": 1, "DV": np.nan})
        rows += [{"ID": k, "TIME": t, "AMT": 0.0, "EVID": 0, "DV": np.nan} for t in times]
    return pd.DataFrame(rows).assign(**columns)


def a_model(residual, **more):
    parameters = {
        "CL": bn.Parameter(bn.LogNormal(4.0, cv=0.5), iiv=bn.HalfNormal(0.5)),
        "V": bn.Parameter(bn.LogNormal(40.0, cv=0.5)),
    }
    return bn.Model(structure=bn.OneCompartment(), parameters=parameters, residuals={"cp": residual}, **more)


def refitted(model, frame, truth, seed=1, lloq=None):
    """A fit to one simulated data set."""
    simulated = bn.simulate(model, frame, parameters=truth, draws=1, seed=seed)
    frame = frame.copy()
    frame.loc[frame["EVID"] == 0, "DV"] = simulated.values("cp")[0]
    data = bn.read(frame, lloq=lloq)
    return bn.fit(model, data, draws=250, tune=300, chains=2, seed=seed, progress=False)


def inside(fit, truth):
    """Whether the truth lies within the central 99.8% of the draws, by name."""
    found = {}
    for name, value in truth.items():
        low, high = np.quantile(fit.draws["posterior"][name], [0.001, 0.999])
        found[name] = bool(low <= value <= high)
    return found


def test_autocorrelation_is_found_back_with_censored_values():
    model = a_model(bn.AR1Error(bn.Additive(bn.HalfNormal(0.5)), tau=bn.LogNormal(2.0, cv=1)))
    truth = {"CL_pop": 4.0, "V_pop": 40.0, "omega_CL": 0.3, "sigma_cp_add": 0.25, "sigma_cp_tau": 3.0}
    fit = refitted(model, design(20, [0.5, 1, 2, 3, 4, 6, 8, 12, 16, 24]), truth, lloq=0.25)
    assert (fit.data.table["CENS"] == 1).sum() > 10
    assert all(inside(fit, truth).values()), inside(fit, truth)
    assert fit.draws["posterior"]["sigma_cp_tau"].std() < 1.5


def test_the_spread_of_the_error_between_subjects_is_found_back():
    model = a_model(bn.Scaled(bn.Proportional(bn.HalfNormal(0.3)), iiv=bn.HalfNormal(1.0)))
    truth = {"CL_pop": 4.0, "V_pop": 40.0, "omega_CL": 0.3, "sigma_cp_prop": 0.1, "omega_sigma_cp": 0.6}
    fit = refitted(model, design(25, [0.5, 1, 2, 4, 6, 8, 12, 24]), truth)
    assert all(inside(fit, truth).values()), inside(fit, truth)
    assert fit.draws["posterior"]["omega_sigma_cp"].mean() > 0.3
    assert np.isfinite(fit.predictions()["IWRES"]).all()
    assert fit.predictions()["IWRES"].std() == pytest.approx(1.0, abs=0.15)


def test_the_power_of_box_cox_is_found_back():
    model = a_model(bn.BoxCoxError(bn.Additive(bn.HalfNormal(0.5)), power=bn.Normal(0.5, 1.0)))
    truth = {"CL_pop": 4.0, "V_pop": 40.0, "omega_CL": 0.3, "sigma_cp_add": 0.15, "sigma_cp_lambda": 0.3}
    fit = refitted(model, design(25, [0.5, 1, 2, 4, 6, 8, 12, 24]), truth)
    assert all(inside(fit, truth).values()), inside(fit, truth)
    assert fit.draws["posterior"]["sigma_cp_lambda"].std() < 0.4
