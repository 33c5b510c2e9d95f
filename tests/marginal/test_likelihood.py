"""Likelihoods without the random effects equal exact ones, and NONMEM's where NONMEM approximates."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn

EXACT = json.loads((Path(__file__).parents[1] / "reference" / "exact_likelihoods.json").read_text())


def varying(median, **more):
    return bn.Parameter(bn.LogNormal(median, sigma=1.0), iiv=bn.HalfNormal(2.0), **more)


def spread(**variances):
    return {f"omega_{name}": value**0.5 for name, value in variances.items()}


def effects(result, names, value="EBE"):
    table = result.effects.pivot(index="ID", columns="PARAMETER", values=value)
    return table.loc[list(result.subjects["ID"]), names].to_numpy()


def theophylline(residual):
    """Without the records at time 0, as the reference has it."""
    frame = bn.zoo.load("theophylline").data.to_frame()
    data = bn.read(frame[(frame["EVID"] == 1) | (frame["TIME"] > 0)].reset_index(drop=True))
    parameters = {"KA": varying(1.0), "CL": varying(3.0), "V": varying(25.0)}
    structure = bn.OneCompartment(absorption="first-order")
    return bn.Model(structure=structure, parameters=parameters, residuals={"cp": residual}), data


def theophylline_point(mle):
    at = {f"{mine}_pop": mle[theirs] for mine, theirs in (("KA", "ka"), ("V", "V"), ("CL", "CL"))}
    at |= spread(
        KA=mle["omega2_ka"],
        V=mle["omega2_V"],
        CL=mle["omega2_CL"],
    )
    return at | {"sigma_cp_add": mle["a"]} | ({"sigma_cp_prop": mle["b"]} if "b" in mle else {})


def check_against_exact(agree, study, model, data, at, expected, names):
    source = "adaptive Gauss-Hermite in JAX"
    exact = bn.log_likelihood(model, data, at=at, method="quadrature")
    assert exact.converged
    agree(f"{study}: -2LL by quadrature", exact.minus_twice, expected["m2ll"], source=source, within=0.05)
    individual = exact.subjects["MINUS_TWICE"]
    agree(f"{study}: -2LL by subject", individual, expected["m2ll_individual"], source=source, within=0.01)
    modes = effects(exact, names)
    agree(f"{study}: EBEs", modes, expected["ebe_mode_eta"], source=source, within=1e-4)
    assert_allclose(effects(exact, names, "MEAN"), expected["eta_conditional_mean"], atol=5e-3)
    laplace = bn.log_likelihood(model, data, at=at, method="laplace")
    found = laplace.minus_twice
    agree(f"{study}: -2LL by Laplace", found, expected["m2ll_laplace"], source=source, within=0.01)
    sampled = bn.log_likelihood(model, data, at=at, method="importance", seed=1)
    assert 2 * sampled.error <= 0.1
    found, near = sampled.minus_twice, 3 * 2 * sampled.error
    agree(f"{study}: -2LL by importance sampling", found, expected["m2ll"], source=source, within=near)


def test_theophylline_at_its_maximum_likelihood_estimate(agree):
    expected = EXACT["theo_const"]
    model, data = theophylline(bn.Additive(bn.HalfNormal(5.0)))
    point = theophylline_point(expected["mle"])
    check_against_exact(agree, "theophylline", model, data, point, expected, ["KA", "V", "CL"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "add"), [("theo_comb1", "standard deviations"), ("theo_comb2", "variances")]
)
def test_theophylline_with_combined_errors(agree, case, add):
    expected = EXACT[case]
    sd = bn.HalfNormal(1.0)
    model, data = theophylline(bn.Combined(additive=sd, proportional=sd, add=add))
    point = theophylline_point(expected["mle"])
    check_against_exact(agree, f"theophylline, {case}", model, data, point, expected, ["KA", "V", "CL"])


def wang(residual):
    study = bn.zoo.load("wang2007")
    parameters = {"k": bn.Parameter(0.5, iiv=bn.HalfNormal(1.0)), "V": bn.Parameter(1.0)}
    structure = bn.OneCompartment(parameterisation="rate constants")
    return bn.Model(structure=structure, parameters=parameters, residuals={"cp": residual}), study.data


@pytest.mark.parametrize(
    ("residual", "expected"),
    [
        (
            bn.Proportional(0.1**0.5),
            {"focei": 39.458, "foce": 39.207, "fo": 39.213, "laplace": 39.226847, "quadrature": 39.354803},
        ),
        (
            bn.Additive(0.1**0.5),
            {"focei": -2.059, "foce": -2.059, "fo": 0.026, "laplace": -1.936123, "quadrature": -1.989614},
        ),
    ],
)
def test_wang_2007(agree, residual, expected):
    """NONMEM's FO, FOCE and FOCEI as nlmixr2 prints them (three digits); exact values by quadrature."""
    model, data = wang(residual)
    for method, ofv in expected.items():
        found = bn.log_likelihood(model, data, at={"omega_k": 0.2}, method=method)
        source = "NONMEM, by nlmixr2" if method.startswith("fo") else "quadrature elsewhere"
        what = f"Wang 2007, {type(residual).__name__.lower()} error: OFV by {method}"
        agree(what, found.ofv, ofv, source=source, within=1e-3)
        assert_allclose(found.minus_twice - found.ofv, 20 * np.log(2 * np.pi))


def test_an_option_without_effect_is_refused():
    model, data = wang(bn.Additive(0.3))
    with pytest.raises(bn.FitError, match="tolerance=0.1. Leave it out"):
        bn.log_likelihood(model, data, at={"omega_k": 0.2}, method="laplace", tolerance=0.1)
    with pytest.raises(bn.FitError, match="Did you mean 'laplace'"):
        bn.log_likelihood(model, data, at={"omega_k": 0.2}, method="laplac")


def phenobarbital(reference, **covariates):
    frame = pd.read_csv(reference / "data/phenobarbital_nonmem.csv")
    frame["LOW"] = np.where(frame["APGR"] < 5, "low", "fine")
    data = bn.read(frame, covariates=["WT", "LOW"], categorical=["LOW"]) if covariates else bn.read(frame)
    parameters = {
        name: varying(median, covariates=covariates.get(name, {}))
        for name, median in (("CL", 0.005), ("V", 1.0))
    }
    residual = bn.Proportional(bn.HalfNormal(1.0))
    return bn.Model(structure=bn.OneCompartment(), parameters=parameters, residuals={"cp": residual}), data


@pytest.mark.slow
def test_phenobarbital_is_exact_and_equals_nonmem(agree, shared_reference):
    expected = json.loads((shared_reference / "exact_ml/pheno_nocov.json").read_text())
    model, data = phenobarbital(shared_reference)

    def at(mle):
        population = {"CL_pop": mle["TVCL"], "V_pop": mle["TVV"], "sigma_cp_prop": mle["sigma2"] ** 0.5}
        return population | spread(CL=mle["omega2_CL"], V=mle["omega2_V"])

    check_against_exact(agree, "phenobarbital", model, data, at(expected["mle"]), expected, ["CL", "V"])
    point = expected["points"]["nonmem_focei_estimate"]
    found = bn.log_likelihood(model, data, at=at(point["theta"]), method="quadrature")
    what = "phenobarbital at NONMEM's estimate: -2LL by quadrature"
    agree(what, found.minus_twice, point["m2ll"], source="adaptive Gauss-Hermite in JAX", within=0.05)
    check_against_nonmem(
        agree,
        "phenobarbital",
        bn.log_likelihood(model, data, at=at(point["theta"]), method="focei"),
        shared_reference / "nonmem/pheno_nocov_focei_imp",
        730.8947268366605,
    )


def check_against_nonmem(agree, study, found, path, ofv):
    individual = pd.read_csv(f"{path}_individual_eta_ofv.csv")
    individual = individual[individual["TABLE"] == 1]
    theirs, source = individual[["ETA(1)", "ETA(2)"]], "NONMEM 7"
    agree(f"{study}: OFV by FOCEI", found.ofv, ofv, source=source, within=1e-4)
    agree(f"{study}: etas of FOCEI", effects(found, ["CL", "V"]), theirs, source=source, within=1e-5)
    agree(f"{study}: OFV by subject", found.subjects["OFV"], individual["OBJ"], source=source, within=2e-4)


@pytest.mark.slow
def test_phenobarbital_with_covariates_has_nonmems_etas_objective_and_shrinkage(agree, shared_reference):
    weight = bn.Power(1.0, reference=1)
    low = bn.Categorical({"low": bn.LogNormal(1.0, cv=0.5)}, reference="fine")
    model, data = phenobarbital(shared_reference, CL={"WT": weight}, V={"WT": weight, "LOW": low})
    at = {"CL_pop": 0.00469555, "V_pop": 0.984258, "V_LOW_low": 1.15892, "sigma_cp_prop": 0.013241**0.5}
    at |= spread(CL=0.0293508, V=0.027906)
    found = bn.log_likelihood(model, data, at=at, method="focei")
    study = "phenobarbital with covariates"
    check_against_nonmem(agree, study, found, shared_reference / "nonmem/pheno_real_focei", 586.2760562818805)
    eta = effects(found, ["CL", "V"])
    shrinkage = 100 * (1 - eta.std(axis=0, ddof=1) / [at["omega_CL"], at["omega_V"]])
    agree(f"{study}: shrinkage, %", shrinkage, [47.13, 12.839], source="NONMEM 7", within=0.01)


@pytest.mark.slow
def test_warfarin_is_exact(agree, shared_reference):
    expected = json.loads((shared_reference / "exact_ml/warfarin_1cpt_comb2.json").read_text())
    data = bn.read(shared_reference / "data/warfarin_pk.csv")
    sd = bn.HalfNormal(1.0)
    model = bn.Model(
        structure=bn.OneCompartment(absorption="first-order"),
        parameters={"KA": varying(1.0), "CL": varying(0.1), "V": varying(8.0)},
        residuals={"cp": bn.Combined(additive=sd, proportional=sd)},
    )
    point = theophylline_point(expected["mle"])
    check_against_exact(agree, "warfarin", model, data, point, expected, ["KA", "V", "CL"])


@pytest.mark.slow
def test_correlated_effects_and_covariates_are_exact_and_equal_nonmem(agree, shared_reference):
    expected = json.loads((shared_reference / "exact_ml/bauer501.json").read_text())
    frame = pd.read_csv(shared_reference / "data/bauer501.csv")
    data = bn.read(frame, covariates=["WT", "AGE", "SEX"], categorical=["SEX"])

    def covariates():
        return {
            "WT": bn.Power(bn.Normal(0.75, 1.0), reference=70),
            "AGE": bn.Power(bn.Normal(0.0, 1.0), reference=50),
            "SEX": bn.Categorical({1: bn.LogNormal(1.0, cv=0.5)}, reference=0),
        }

    model = bn.Model(
        structure=bn.OneCompartment(),
        parameters={"CL": varying(3.0, covariates=covariates()), "V": varying(30.0, covariates=covariates())},
        correlated=[bn.Correlated("CL", "V")],
        residuals={"cp": bn.Proportional(bn.HalfNormal(1.0))},
    )

    def at(theta, omega, covariance, sigma):
        names = ["CL_pop", "V_pop", "CL_WT", "V_WT", "CL_AGE", "V_AGE", "CL_SEX_1", "V_SEX_1"]
        point = dict(zip(names, theta, strict=True))
        point |= {name: np.exp(point[name]) for name in ("CL_pop", "V_pop", "CL_SEX_1", "V_SEX_1")}
        correlation = covariance / np.sqrt(omega[0] * omega[1])
        return (
            point | spread(CL=omega[0], V=omega[1]) | {"corr_CL_V": correlation, "sigma_cp_prop": sigma**0.5}
        )

    mle = expected["mle"]
    exact = at([mle[f"TH{k}"] for k in range(1, 9)], [mle["OM11"], mle["OM22"]], mle["OM21"], mle["SIGMA"])
    check_against_exact(agree, "two compartments, block Omega", model, data, exact, expected, ["CL", "V"])
    [table] = json.loads((shared_reference / "nonmem/bauer504_foce.json").read_text())["tables"]
    found = table["estimate"]
    omega = [found["OMEGA(1,1)"], found["OMEGA(2,2)"]]
    point = at([found[f"THETA{k}"] for k in range(1, 9)], omega, found["OMEGA(2,1)"], found["SIGMA(1,1)"])
    check_against_nonmem(
        agree,
        "two compartments, block Omega",
        bn.log_likelihood(model, data, at=point, method="focei"),
        shared_reference / "nonmem/bauer504_foce",
        1058.30371167602,
    )


@pytest.mark.slow
def test_a_posteriori_estimates_of_drug_monitoring(agree, shared_reference):
    """mapbayr and NONMEM, example 001: sparse records, several regimens."""
    frame = pd.read_csv(shared_reference / "tdm/data_to_fit001.csv").drop(columns="s2_sampling")
    data = bn.read(frame, allow=["E_SUBJECT_NO_OBSERVATION"])
    model = bn.Model(
        structure=bn.OneCompartment(absorption="first-order"),
        parameters={
            name: bn.Parameter(median, iiv=0.2**0.5)
            for name, median in (("CL", 4.0), ("V", 70.0), ("KA", 1.0))
        },
        residuals={"cp": bn.Proportional(0.05**0.5)},
    )
    found = bn.log_likelihood(model, data, at={}, method="focei")
    mapbayr = json.loads((shared_reference / "tdm/mapbayr_map.json").read_text())["fits"]["001"]
    nonmem = pd.read_csv(shared_reference / "tdm/nonmem_run001_phi.csv")
    eta = effects(found, ["CL", "V", "KA"])
    theirs = nonmem[["ETA(1)", "ETA(2)", "ETA(3)"]]
    agree("drug monitoring: MAP etas", eta, mapbayr["eta"], source="mapbayr", within=1e-4)
    agree("drug monitoring: MAP etas", eta, theirs, source="NONMEM 7", within=1e-4)
    objective = found.subjects["OFV"]
    agree("drug monitoring: OFV by subject", objective, nonmem["OBJ"], source="NONMEM 7", within=1e-3)
