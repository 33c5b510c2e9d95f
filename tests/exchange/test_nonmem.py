"""A control stream says the same model here: forms, values, predictions, and what is refused."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn

pharmpy = pytest.importorskip("pharmpy")

TABLE = pd.DataFrame(
    {
        "ID": np.repeat([1, 2], 6),
        "TIME": [0.0, 0.5, 2.0, 6.0, 12.0, 24.0] * 2,
        "AMT": [100.0, 0, 0, 0, 0, 0] * 2,
        "DV": [0.0, 3.0, 4.0, 3.0, 2.0, 1.0] * 2,
        "WT": np.repeat([60.0, 85.0], 6),
        "SEX": np.repeat([0, 1], 6),
        "OCC": [1, 1, 1, 2, 2, 2] * 2,
        "FLAG": [1, 1, 2, 1, 2, 1] * 2,
    }
)


def stream(pk: str, *, sub: str, error: str = "Y = F*(1 + EPS(1))", numbers: str, data: str = "") -> str:
    columns = " ".join(TABLE.columns)
    body = f"$PK\n{pk}\n{data}\n$ERROR\n{error}" if sub else f"$PRED\n{pk}"
    subroutine = f"$SUBROUTINES {sub}\n" if sub else ""
    return f"$PROBLEM p\n$INPUT {columns}\n$DATA study.csv IGNORE=@\n{subroutine}{body}\n{numbers}\n"


def imported(folder: Path, text: str, **options):
    path = folder / "run.mod"
    path.write_text(text)
    return bn.from_nonmem(path, TABLE, **options)


def predictions(found, output: str = "cp") -> np.ndarray:
    simulation = bn.simulate(
        found.known, found.data, subjects="typical", draws=1, residual_error=False, seed=1
    )
    return simulation.values(output)[0]


ORAL = stream(
    "TVCL = THETA(1)*(WT/70)**THETA(3)*(1 + THETA(4)*SEX)\nCL = TVCL*EXP(ETA(1))\nV = THETA(2)*EXP(ETA(2))\n"
    "KA = THETA(5)\nF1 = THETA(6)\nS2 = V",
    sub="ADVAN2 TRANS2",
    numbers="$THETA (0,3) (0,30) 0.75 (0.2) (0,1.2) 0.8 FIX\n$OMEGA BLOCK(2)\n0.09\n0.03 0.04\n$SIGMA 0.01",
)


def test_known_exponents_keep_their_reference(tmp_path):
    """SymPy writes (WT/70)**0.75 as 0.0413 WT**0.75, and holds 1.0 to be another number than 1."""
    text = stream(
        "CL = THETA(1)*(WT/70)**0.75*EXP(ETA(1))\nV = THETA(2)*WT/70*EXP(ETA(2))\nKA = THETA(3)\nS2 = V",
        sub="ADVAN2 TRANS2",
        numbers="$THETA (0,3) (0,32) (0,1)\n$OMEGA 0.09 0.04\n$SIGMA 0.01",
    )
    found = imported(tmp_path, text)
    assert found.model.structure == bn.OneCompartment(absorption="first-order")
    effects = {name: found.model.parameters[name].covariates["WT"] for name in ("CL", "V")}
    assert effects == {"CL": bn.Power(0.75, reference=70.0), "V": bn.Power(1.0, reference=70.0)}
    assert found.values["CL_pop"] == 3 and found.values["V_pop"] == 32


def test_a_stream_with_clearances_is_the_closed_form_with_the_effects_of_its_covariates(tmp_path):
    found = imported(tmp_path, ORAL)
    model = found.model
    assert model.structure == bn.OneCompartment(absorption="first-order")
    assert isinstance(model.parameters["CL"].covariates["WT"], bn.Power)
    assert isinstance(model.parameters["CL"].covariates["SEX"], bn.Linear)
    assert model.parameters["F_depot"].typical == 0.8
    assert found.values["CL_pop"] == 3.0
    assert_allclose(found.values["omega_CL"], 0.3)
    assert_allclose(found.values["corr_CL_V"], 0.5)
    assert found.untranslated == ()


def test_predictions_are_the_formula_of_the_stream(tmp_path):
    found = imported(tmp_path, ORAL)
    rows = TABLE[TABLE.AMT == 0]
    cl = 3 * (rows.WT / 70) ** 0.75 * (1 + 0.2 * rows.SEX)
    k, ka, v, t = cl / 30, 1.2, 30.0, rows.TIME
    expected = 0.8 * 100 * ka / (v * (ka - k)) * (np.exp(-k * t) - np.exp(-ka * t))
    assert_allclose(predictions(found), expected, rtol=1e-9)


def test_rate_constants_that_are_ratios_are_clearances(tmp_path):
    text = ORAL.replace("TRANS2", "TRANS1").replace("S2 = V", "S2 = V\nK = CL/V")
    assert imported(tmp_path, text).model == imported(tmp_path, ORAL).model


def test_equations_that_are_a_compartment_system_are_its_closed_form(tmp_path):
    pk = "CL = THETA(1)*EXP(ETA(1))\nV = THETA(2)\nQ = THETA(3)\nV2 = THETA(4)\nS1 = V"
    model = "$MODEL COMP=(CENTRAL) COMP=(PERI)"
    des = "$DES\nDADT(1) = -CL/V*A(1) - Q/V*A(1) + Q/V2*A(2)\nDADT(2) = Q/V*A(1) - Q/V2*A(2)"
    numbers = "$THETA (0,3) (0,30) (0,2) (0,40)\n$OMEGA 0.09\n$SIGMA 0.01"
    text = stream(pk, sub="ADVAN13 TOL=9", data=des, numbers=numbers).replace("$PK", model + "\n$PK")
    assert imported(tmp_path, text).model.structure == bn.TwoCompartment()


def test_another_scale_keeps_the_equations_and_predicts_in_it(tmp_path):
    found = imported(tmp_path, ORAL.replace("S2 = V", "S2 = V/1000"))
    assert isinstance(found.model.structure, bn.ODE)
    assert_allclose(predictions(found), 1000 * predictions(imported(tmp_path, ORAL)), rtol=1e-6)


def test_a_shared_theta_and_a_shared_effect_become_parameters_of_their_own(tmp_path):
    pk = "CL = THETA(1)*(WT/70)**THETA(3)*EXP(ETA(1))\nV = THETA(2)*(WT/70)**THETA(3)*EXP(0.5*ETA(1))\nS1 = V"
    numbers = "$THETA (0,3) (0,30) (0,0.8)\n$OMEGA 0.09\n$SIGMA 0.01"
    found = imported(tmp_path, stream(pk, sub="ADVAN1 TRANS2", numbers=numbers))
    assert {"THETA_3", "ETA_1", "COV_WT"} <= set(found.model.parameters)
    rows = TABLE[TABLE.AMT == 0]
    size = (rows.WT / 70) ** 0.8
    assert_allclose(predictions(found), 100 / (30 * size) * np.exp(-3 / 30 * rows.TIME), rtol=1e-6)


def test_occasions_and_conditions_on_columns(tmp_path):
    pk = (
        "IOV = 0\nIF (OCC.EQ.1) IOV = ETA(3)\nIF (OCC.EQ.2) IOV = ETA(4)\nTVV = THETA(2)\n"
        "IF (WT.GT.70) TVV = TVV*(1 + THETA(3))\nCL = THETA(1)*EXP(ETA(1) + IOV)\nV = TVV*EXP(ETA(2))\nS1 = V"
    )
    numbers = (
        "$THETA (0,3) (0,30) 0.5\n$OMEGA 0.09 0.04\n$OMEGA BLOCK(1) 0.01\n$OMEGA BLOCK(1) SAME\n$SIGMA 0.01"
    )
    found = imported(tmp_path, stream(pk, sub="ADVAN1 TRANS2", numbers=numbers))
    assert found.model.occasion_effects == ("CL",)
    assert_allclose(found.values["gamma_CL"], 0.1)
    assert isinstance(found.model.parameters["V"].covariates["WT"], bn.WrittenEffect)
    rows = TABLE[TABLE.AMT == 0]
    v = np.where(rows.WT > 70, 45.0, 30.0)
    assert_allclose(predictions(found), 100 / v * np.exp(-3 / v * rows.TIME), rtol=1e-9)


@pytest.mark.parametrize(
    ("error", "sigma", "expected"),
    [
        ("Y = F + EPS(1)", "0.04", bn.Additive(0.2)),
        ("Y = F + F*EPS(1) + EPS(2)", "0.04 0.25", bn.Combined(0.5, 0.2)),
        ("W = SQRT(THETA(3)**2 + THETA(4)**2*F**2)\nY = F + W*EPS(1)", "1 FIX", bn.Combined(0.5, 0.2)),
        (
            "W = THETA(3) + THETA(4)*F\nY = F + W*EPS(1)",
            "1 FIX",
            bn.Combined(0.5, 0.2, add="standard deviations"),
        ),
        ("Y = F*(1 + EPS(1)*EXP(ETA(3)))", "0.04", bn.Scaled(bn.Proportional(0.2), iiv=0.1)),
        ("Y = LOG(F) + EPS(1)", "0.04", bn.Additive(0.2)),
    ],
)
def test_errors(tmp_path, error, sigma, expected):
    used = "THETA(3)" in error
    pk = "CL = THETA(1)*EXP(ETA(1))\nV = THETA(2)*EXP(ETA(2))\nS1 = V"
    effects = "$OMEGA 0.09 0.04 0.01" if "ETA(3)" in error else "$OMEGA 0.09 0.04"
    thetas = "$THETA (0,3) (0,30)" + (" (0,0.5) (0,0.2)" if used else "")
    text = stream(pk, sub="ADVAN1 TRANS2", error=error, numbers=f"{thetas}\n{effects}\n$SIGMA {sigma}")
    found = imported(tmp_path, text).known.residuals["cp"]
    assert type(found) is type(expected)
    base, wanted = getattr(found, "residual", found), getattr(expected, "residual", expected)
    assert_allclose(list(base.unknowns().values()), list(wanted.unknowns().values()))


def test_a_column_that_decides_on_y_makes_endpoints(tmp_path):
    error = "IF (FLAG.EQ.1) Y = F*(1 + EPS(1))\nIF (FLAG.EQ.2) Y = A(1) + EPS(2)"
    pk = "CL = THETA(1)*EXP(ETA(1))\nV = THETA(2)\nS1 = V"
    text = stream(pk, sub="ADVAN1 TRANS2", error=error, numbers="$THETA 3 30\n$OMEGA 0.09\n$SIGMA 0.01 0.04")
    found = imported(tmp_path, text)
    assert dict(found.model.endpoints) == {"y1": 1, "y2": 2}
    assert_allclose(predictions(found, "y2")[0], 100 * np.exp(-3 / 30 * 2.0), rtol=1e-6)


def test_pred_without_compartments_is_a_function(tmp_path):
    pk = "BASE = THETA(1)*EXP(ETA(1))\nSLOPE = THETA(2) + ETA(2)\nY = BASE + SLOPE*TIME + EPS(1)"
    numbers = "$THETA (0,10) 0.5\n$OMEGA 0.04 0.01\n$SIGMA 0.25"
    found = imported(tmp_path, stream(pk, sub="", numbers=numbers).replace("AMT", "DOSE"))
    assert isinstance(found.model.structure, bn.Function)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("$SIGMA", "$MIX NSPOP=2\n$SIGMA"), r"\$MIX"),
        (("S2 = V", "S2 = V\nCL = CL*TIME"), "TIME"),
        (("Y = F*(1 + EPS(1))", "Y = F*EXP(EPS(1))"), "not linear"),
        (("S2 = V", "S2 = V*FOO"), "FOO"),
        (("KA = THETA(5)", "KA = PHI(THETA(5))"), "PHI"),
    ],
)
def test_what_has_no_counterpart_is_refused(tmp_path, change, message):
    with pytest.raises(bn.ModelError, match=message):
        imported(tmp_path, ORAL.replace(*change))


def test_what_changes_no_prediction_is_listed(tmp_path):
    text = ORAL.replace("(0.2)", "(-0.5,0.2,2)") + "$PRIOR NWPRI\n$THETAP (3 FIX)\n$ESTIMATION METHOD=1\n"
    listed = "\n".join(imported(tmp_path, text).untranslated)
    assert "no $THETAPV" in listed
    assert "bounds of THETA_4" in listed


def test_pred_of_nonmem_itself():
    folder = Path(pharmpy.__file__).parent / "internals" / "example_models"
    if not (folder / "pheno.ext").exists():
        pytest.skip("this Pharmpy has no example run of NONMEM")
    found = bn.from_nonmem(folder / "pheno.mod", estimates=folder / "pheno.ext")
    theirs = pd.read_csv(folder / "pheno.tab", sep=r"\s+", skiprows=1)["PRED"].to_numpy()
    at = found.data.is_observation
    assert_allclose(predictions(found), theirs[at], rtol=6e-5)  # printed with five digits


M3 = """$PROBLEM two compartments, logarithms, values below the limit by M3
$INPUT ID TIME AMT RATE DV EVID CMT MDV
$DATA study.csv IGNORE=@
$SUBROUTINES ADVAN3 TRANS4
$PK
CL = EXP(THETA(1) + ETA(1))
V1 = EXP(THETA(2) + ETA(2))
Q = EXP(THETA(3) + ETA(3))
V2 = EXP(THETA(4) + ETA(4))
S1 = V1
$ERROR
LIMIT = -3.5
W = THETA(5)
IPRED = LOG(F + 1E-30)
BELOW = 0
IF (DV.LT.LIMIT) BELOW = 1
IF (BELOW.EQ.0) THEN
  F_FLAG = 0
  Y = IPRED + W*EPS(1)
ELSE
  F_FLAG = 1
  Y = PHI((LIMIT - IPRED)/W) + 1E-30
ENDIF
$THETA 1.7 1.7 0.8 2.5 (0,0.3)
$OMEGA BLOCK(4)
0.17
0.01 0.1
0.01 0.01 0.06
0.01 0.01 0.01 0.18
$SIGMA 1 FIX
"""


def test_pred_of_nonmem_with_values_below_the_limit(shared_reference, tmp_path):
    import json

    run = json.loads((shared_reference / "nonmem" / "bauer_blq_lap.json").read_text())
    estimates = run["tables"][-1]["estimate"]
    (tmp_path / "run.ext").write_text(
        f" ITERATION {' '.join(estimates)} OBJ\n -1000000000 {' '.join(map(repr, estimates.values()))} 0\n"
    )
    (tmp_path / "run.mod").write_text(M3)
    table = pd.read_csv(shared_reference / "data" / "bauer_blq.csv")
    table = table[["ID", "TIME", "AMT", "RATE", "DV", "EVID", "CMT", "MDV"]]
    found = bn.from_nonmem(tmp_path / "run.mod", table, estimates=tmp_path / "run.ext")
    assert (found.data.table["CENS"] == 1).sum() == 104
    theirs = pd.read_csv(shared_reference / "nonmem" / "bauer_blq_lap_table.csv")["PREDV"].to_numpy()
    assert_allclose(predictions(found), theirs[found.data.is_observation], rtol=6e-5)


NWPRI = """$PRIOR NWPRI
$THETAP (2.5 FIX) (28 FIX) (0.7 FIX) (0.1 FIX) (1.1 FIX) (0.8 FIX) ; means
$THETAPV BLOCK(6) FIX VALUES(0.25,0.0)
$OMEGAP BLOCK(2) FIX 0.1
0.01 0.05
$OMEGAPD (4 FIX)
"""


def test_priors_of_nwpri_are_ours(tmp_path):
    found = imported(tmp_path, ORAL + NWPRI)
    parameters = found.model.parameters
    assert parameters["CL"].typical == bn.TruncatedNormal(2.5, 0.5, lower=0.0)
    assert parameters["CL"].covariates["WT"].exponent == bn.Normal(0.7, 0.5)
    assert parameters["F_depot" if "F_depot" in parameters else "F"].typical == 0.8
    assert parameters["V"].iiv == bn.Joint()
    (block,) = found.model.correlated
    assert block.prior == bn.InverseWishart(4, [[0.4, 0.04], [0.04, 0.2]])
    assert not any("PRIOR" in line for line in found.untranslated)
    assert all(not isinstance(p.typical, bn.Prior) for p in found.known.parameters.values())
    assert np.isfinite(list(bn.build(found.model, found.data).point_logps().values())).all()


def test_priors_on_the_log_scale_are_log_normal(tmp_path):
    text = stream(
        "CL = EXP(THETA(1) + ETA(1))\nV = EXP(THETA(2))\nS1 = V",
        sub="ADVAN1 TRANS2",
        numbers="$THETA 1 3\n$OMEGA 0.09\n$SIGMA 0.01",
    )
    prior = (
        "$PRIOR NWPRI\n$THETAP 1.1 FIX 3.2 FIX\n$THETAPV 0.04 FIX 0.09 FIX\n$OMEGAP 0.1 FIX\n$OMEGAPD 5 FIX\n"
    )
    found = imported(tmp_path, text + prior)
    assert found.model.parameters["CL"].typical == bn.LogNormal(np.exp(1.1), sigma=0.2)
    assert found.model.parameters["V"].typical == bn.LogNormal(np.exp(3.2), sigma=0.3)
    assert "block 1 of OMEGA" in "\n".join(found.untranslated)  # a variance alone has no such prior here


@pytest.mark.parametrize(
    ("prior", "said"),
    [
        ("$PRIOR TNPRI\n", "only NWPRI"),
        ("$PRIOR NWPRI NTHETA=6,NTHP=6\n", "further .THETA"),
        ("$PRIOR NWPRI\n$THETAP 1 1 1 1 1 1\n$THETAPV BLOCK(6) VALUES(1,0)\n", "of THETA_1: cut"),
        ("$PRIOR NWPRI\n$THETAP 1 FIX 2 FIX\n$THETAPV BLOCK(2) FIX 0.1 0.02 0.1\n", "covariances"),
        ("$PRIOR NWPRI\n$SIGMAP 0.1 FIX\n$SIGMAPD 4 FIX\n", "SIGMAP"),
    ],
)
def test_priors_without_a_counterpart_are_listed(tmp_path, prior, said):
    text = ORAL.replace("(0,3)", "3") + prior  # no bound for CL
    assert re.search(said, "\n".join(imported(tmp_path, text).untranslated))


def test_priors_that_do_not_fit_together_are_refused(tmp_path):
    with pytest.raises(bn.ModelError, match="as many .THETAPV"):
        imported(tmp_path, ORAL + "$PRIOR NWPRI\n$THETAP 1 FIX 2 FIX\n$THETAPV 0.1 FIX\n")
