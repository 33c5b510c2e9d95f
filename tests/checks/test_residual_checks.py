"""Weighted residuals and shrinkage are those of NONMEM; outliers are found; intervals hold their share."""

import json

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn
from bayes_nlmem.checks.weighted import linearised_residuals


def test_residuals_of_wang_are_those_of_nonmem(agree, shared_reference):
    study = bn.zoo.load("wang2007")
    found = linearised_residuals(study.model, study.data, {"k_pop": 0.5, "omega_k": 0.2})
    table = pd.read_csv(shared_reference / "nlmixr2" / "wang2007_prop_focei_nonmem_table.csv")
    names = {"CPRED": "CPRED", "WRES": "NWRES", "CWRES": "CWRES", "EBE_PRED": "IPRE", "EBE_IWRES": "IWRES"}
    for own, theirs in names.items():
        agree(f"Wang 2007: {own}", found[own], table[theirs], source="NONMEM, by nlmixr2", within=1e-4)


def test_simulated_residuals_of_wang_are_those_of_nonmem_up_to_its_few_replicates(shared_reference):
    study = bn.zoo.load("wang2007")
    table = pd.read_csv(shared_reference / "nlmixr2" / "wang2007_prop_focei_nonmem_table.csv")
    simulation = bn.simulate(
        study.model, study.data, parameters={"k_pop": 0.5, "omega_k": 0.2}, draws=2000, seed=1
    )
    found = bn.npde(simulation, decorrelation="inverse").table
    for name, tolerance in (("EPRED", 0.2), ("EWRES", 0.1), ("NPD", 0.15), ("NPDE", 0.3)):
        assert_allclose(found[name], table[name], atol=tolerance, err_msg=name)


def phenobarbital(folder):
    frame = pd.read_csv(folder / "data" / "phenobarbital_nonmem.csv")
    frame["LOW"] = np.where(frame["APGR"] < 5, "low", "fine")
    weight = bn.Power(1.0, reference=1)
    low = bn.Categorical({"low": bn.LogNormal(1.0, cv=0.5)}, reference="fine")
    model = bn.Model(
        structure=bn.OneCompartment(),
        parameters={
            "CL": bn.Parameter(bn.about(0.005), iiv=bn.HalfNormal(1), covariates={"WT": weight}),
            "V": bn.Parameter(bn.about(1.0), iiv=bn.HalfNormal(1), covariates={"WT": weight, "LOW": low}),
        },
        residuals={"cp": bn.Proportional(bn.HalfNormal(1.0))},
    )
    at = {"CL_pop": 0.00469555, "V_pop": 0.984258, "V_LOW_low": 1.15892, "sigma_cp_prop": 0.013241**0.5}
    at |= {"omega_CL": 0.0293508**0.5, "omega_V": 0.027906**0.5}
    return model, bn.read(frame, covariates=["WT", "LOW"], categorical=["LOW"]), at


@pytest.mark.slow
def test_residuals_of_phenobarbital_are_those_of_nonmem(agree, shared_reference):
    model, data, at = phenobarbital(shared_reference)
    found = linearised_residuals(model, data, at).reset_index()
    table = pd.read_csv(shared_reference / "nonmem" / "pheno_real_focei_table.csv").iloc[found.ROW - 1]
    agree("phenobarbital: CWRES", found.CWRES, table.CWRES, source="NONMEM 7", within=3e-4)
    assert_allclose(found.EBE_PRED, table.IPRED, rtol=1e-4)
    listing = json.loads((shared_reference / "nonmem" / "pheno_real_focei.json").read_text())["listing"]
    root_mean_square = np.sqrt((found.EBE_IWRES**2).mean())
    theirs = listing["EPSSHRINKSD(%)"][0][0]
    own = 100 * (1 - root_mean_square)
    agree("phenobarbital: shrinkage of epsilon, %", own, theirs, source="NONMEM 7", within=0.01)
    simulation = bn.simulate(model, data, parameters=at, draws=2000, seed=1)
    errors = bn.npde(simulation, decorrelation="inverse").table
    assert_allclose(errors.PRED, table.PRED, rtol=1e-4)
    assert np.corrcoef(errors.NPDE, table.NPDE)[0, 1] > 0.99


@pytest.mark.parametrize("case", ["pheno_real_focei", "bauer504_foce", "bolus_2cpt_sd_focei"])
def test_shrinkage_is_that_of_nonmem_given_its_etas(agree, shared_reference, case):
    listed = json.loads((shared_reference / "nonmem" / f"{case}.json").read_text())
    table = pd.read_csv(shared_reference / "nonmem" / f"{case}_individual_eta_ofv.csv").query("TABLE == 1")
    count = sum(name.startswith("ETA(") for name in table)
    eta = table[[f"ETA({k})" for k in range(1, count + 1)]]
    variances = table[[f"ETC({k},{k})" for k in range(1, count + 1)]]
    estimate = listed["tables"][0]["estimate"]
    omega = np.sqrt([estimate[f"OMEGA({k},{k})"] for k in range(1, count + 1)])
    found = bn.shrinkage_of_arrays(eta, omega, variances)
    for name in found:
        theirs = listed["listing"][f"{name}(%)"][0][:count]
        agree(f"{case}: {name}, %", found[name], theirs, source="NONMEM 7", within=0.01)


def test_shrinkage_of_arrays_of_other_shapes_is_refused():
    with pytest.raises(bn.ModelError, match="one shape"):
        bn.shrinkage_of_arrays(np.zeros((3, 2)), [0.1])


def test_every_definition_of_shrinkage_is_labelled(small_fit):
    table = bn.shrinkage(small_fit)
    assert list(table.columns) == list(table.attrs)
    effects = table.loc[["eta_KA", "eta_CL", "eta_V"]]
    assert effects.notna().all(axis=None) and (effects < 100).all(axis=None)
    summary = small_fit.summary()
    assert_allclose(table.loc["eta_CL", "posterior SD"], summary.loc["omega_CL", "shrinkage"])


@pytest.mark.slow
def test_all_residuals_stand_side_by_side(small_fit):
    table = bn.residuals(small_fit, draws=60, seed=1)
    assert table[["IWRES", "CPRED", "WRES", "CWRES", "EPRED", "EWRES", "NPD", "NPDE"]].notna().all(axis=None)
    assert table.ROW.is_monotonic_increasing
    assert "NPDE" not in bn.residuals(small_fit, draws=0)


def test_a_subject_with_tenfold_values_is_the_first_outlier(small_fit):
    simulation = bn.simulate(small_fit, draws=100, seed=1)
    ranked = bn.outliers(small_fit, simulation=simulation)
    assert sorted(ranked.ID) == sorted(small_fit.data.subjects)
    assert ranked.p_smallest.is_monotonic_increasing


def test_intervals_hold_their_share_of_the_observations():
    rng = np.random.default_rng(1)
    outside = []
    for _ in range(40):  # the rows of one check are nested and go astray together
        simulated, observed = rng.normal(size=(200, 100)), rng.normal(size=100)
        outside.append(bn.numerical_predictive_check_of_arrays(observed, simulated).outside.mean())
    assert np.mean(outside) < 0.08
    simulated, observed = rng.normal(size=(300, 1000)), rng.normal(size=1000)
    wrong = bn.numerical_predictive_check_of_arrays(1.3 * observed, simulated)
    assert wrong.query("interval == 90").outside.all()
    with pytest.raises(bn.ModelError, match="below 100"):
        bn.numerical_predictive_check_of_arrays(observed, simulated, intervals=[100])
