"""Further designs of PopED, PFIM and NONMEM: dose-response, combined errors, a study that was really made."""

import json

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn

WARFARIN = bn.Model(
    structure=bn.OneCompartment(absorption="first-order"),
    parameters={
        name: bn.Parameter(bn.about(typical), iiv=bn.about(sd))
        for name, (typical, sd) in {"CL": (0.15, 0.26), "V": (8.0, 0.14), "KA": (1.0, 0.77)}.items()
    },
    residuals={"cp": bn.Combined(additive=0.001**0.5, proportional=bn.about(0.1))},
)
AT = {"CL_pop": 0.15, "V_pop": 8.0, "KA_pop": 1.0, "sigma_cp_prop": 0.1}
AT |= {"omega_CL": 0.07**0.5, "omega_V": 0.02**0.5, "omega_KA": 0.6**0.5}


def test_five_times_for_warfarin_are_nonmem_s(agree):
    """NONMEM 7.5.0 $DESIGN, example 3b of Bauer's tutorial: objective -51.5665718."""
    arm = bn.Arm(32, bn.Regimen(70), times=[0.13, 4, 7, 12, 160])
    found = bn.expected_precision(WARFARIN, arm, AT, block_diagonal=True, variances=True)
    what, theirs = "warfarin, 5 times: log det FIM", 51.5665718003183
    agree(what, found.log_det, theirs, source="NONMEM 7.5 $DESIGN", within=1e-6, relative=True)


@pytest.mark.slow
def test_the_optimum_of_nonmem_is_found():
    """Example 3c: objective -51.59772 at 0.1317, 7.007 to 7.111 and 159.25 h."""
    arm = bn.Arm(32, bn.Regimen(70), times=[0.13, 4, 7, 12, 160])
    best = bn.optimise_design(
        WARFARIN, arm, AT, windows=(0.01, 200), block_diagonal=True, variances=True, restarts=2, seed=1
    )
    assert best.precision.log_det > 51.5977


@pytest.mark.slow
def test_dose_response_is_poped_s(agree, shared_reference):
    """A sigmoid Emax model of the dose: no doses, no times; the dose stands in the place of time."""
    reference = json.loads((shared_reference / "poped" / "emax_hill.json").read_text())
    model = bn.Model(
        structure=bn.Function("response = E0 + EMAX * t**GAMMA / (ED50**GAMMA + t**GAMMA)"),
        parameters={
            "E0": bn.Parameter(bn.Normal(1, 1), iiv=bn.about(0.25), scale=bn.Natural()),
            "EMAX": bn.Parameter(bn.about(100.0), iiv=bn.about(0.25)),
            "ED50": bn.Parameter(bn.about(20.0), iiv=bn.about(0.25)),
            "GAMMA": bn.Parameter(bn.about(4.5)),
        },
        residuals={"response": bn.Combined(additive=bn.about(0.1), proportional=bn.about(0.1))},
    )
    doses = np.maximum(np.linspace(0, 50, 8), 1e-9)
    at = {"EMAX_pop": 100.0, "ED50_pop": 20.0, "E0_pop": 1.0, "GAMMA_pop": 4.5}
    at |= {f"omega_{name}": 0.25 for name in ("E0", "EMAX", "ED50")}
    at |= {"sigma_response_prop": 0.1**0.5, "sigma_response_add": 0.01**0.5}
    for one in reference["evaluations"]:
        found = bn.expected_precision(
            model,
            bn.Arm(100, None, times=doses),
            at,
            block_diagonal="reduced" in one["fim_type"],
            variances=True,
        )
        # PopED's full matrix: element (EMAX, omega_EMAX^2) is 10.99789 there; exact (40 digits) and here
        # it is 10.98271.
        tolerance = 1e-6 if "reduced" in one["fim_type"] else 3e-6
        what = f"sigmoid Emax, {one['fim_type']}: log det FIM"
        agree(what, found.log_det, one["logdet"], source="PopED 0.7", within=tolerance, relative=True)
        assert_allclose(np.sort(found.table["RSE_PERCENT"]), np.sort(one["rse_percent"]), rtol=1e-3)


@pytest.mark.slow
def test_the_determinants_of_pfim_s_own_tests(agree, shared_reference):
    cases = json.loads((shared_reference / "pfim" / "test_determinants.json").read_text())["cases"]
    for number, case in enumerate(cases, 1):
        first = {"k": "k", "Cl": "CL"}[case["parameters"][0]]
        rate = "rate constants" if first == "k" else "clearances"
        names = (first, "V")
        model = bn.Model(
            structure=bn.OneCompartment(parameterisation=rate),
            parameters={
                name: bn.Parameter(bn.about(mu), iiv=bn.about(omega2**0.5))
                for name, mu, omega2 in zip(names, case["mu"], case["omega2"], strict=True)
            },
            residuals={"cp": bn.Combined(bn.about(0.5), bn.about(0.15), add="standard deviations")},
        )
        dosing = case["dosing"]
        arm = bn.Arm(
            case["subjects"],
            bn.Regimen(dosing["dose"], duration=dosing.get("Tinf", 0.0)),
            times=case["times"],
        )
        at = {f"{name}_pop": mu for name, mu in zip(names, case["mu"], strict=True)}
        at |= {f"omega_{name}": w**0.5 for name, w in zip(names, case["omega2"], strict=True)}
        at |= {"sigma_cp_add": case["a"], "sigma_cp_prop": case["b"]}
        found = bn.expected_precision(model, arm, at, block_diagonal=True)
        # PFIM: omega as variances, the error's parts as standard deviations
        of_variances = found.log_det - 2 * sum(np.log(2 * w**0.5) for w in case["omega2"])
        what, theirs = f"PFIM's test {number}: log det FIM", np.log(case["det_pfim"])
        agree(what, of_variances, theirs, source="PFIM 7", within=1e-6, relative=True)


@pytest.mark.slow
def test_the_phenobarbital_study_as_a_design(agree, shared_reference):
    """NONMEM's expected standard errors of the study that Grasela & Donn made: 59 arms of one subject."""
    file = shared_reference / "nonmem" / "pheno_nocov_design.json"
    reference = json.loads(file.read_text())["tables"][1]
    table = pd.read_csv(shared_reference / "data" / "phenobarbital_nonmem.csv")
    arms = []
    for _, own in table.groupby("ID", sort=False):
        doses = own[own["EVID"] == 1]
        regimen = [bn.Regimen(a, start=t) for a, t in zip(doses["AMT"], doses["TIME"], strict=True)]
        whole = regimen[0]
        for one in regimen[1:]:
            whole = whole + one
        arms.append(bn.Arm(1, whole, times=own["TIME"][own["EVID"] == 0].tolist()))
    model = bn.Model(
        structure=bn.OneCompartment(),
        parameters={
            "CL": bn.Parameter(bn.about(0.006), iiv=bn.about(0.4)),
            "V": bn.Parameter(bn.about(1.4), iiv=bn.about(0.4)),
        },
        residuals={"cp": bn.Proportional(bn.about(0.13))},
    )
    estimate = reference["estimate"]
    at = {"CL_pop": estimate["THETA1"], "V_pop": estimate["THETA2"]}
    at |= {"omega_CL": estimate["OMEGA(1,1)"] ** 0.5, "omega_V": estimate["OMEGA(2,2)"] ** 0.5}
    at["sigma_cp_prop"] = estimate["SIGMA(1,1)"] ** 0.5
    found = bn.expected_precision(model, bn.Design(arms), at, block_diagonal=True, variances=True)
    what, theirs = "phenobarbital as a design: log det FIM", -reference["objective_function"]
    agree(what, found.log_det, theirs, source="NONMEM 7.5 $DESIGN", within=1e-5, relative=True)
    names = {"CL_pop": "THETA1", "V_pop": "THETA2", "sigma_cp_prop^2": "SIGMA(1,1)"}
    names |= {"omega_CL^2": "OMEGA(1,1)", "omega_V^2": "OMEGA(2,2)"}
    ours = found.table["SE"].to_dict()
    assert ours == pytest.approx({own: reference["se"][name] for own, name in names.items()}, rel=1e-4)
