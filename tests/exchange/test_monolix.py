"""A Monolix project says the same model here: predictions, likelihood, errors, data, and what is refused."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn

TABLE = pd.DataFrame(
    {
        "ID": np.repeat([1, 2], 6),
        "TIME": [0.0, 0.5, 2.0, 6.0, 12.0, 24.0] * 2,
        "AMT": [100.0, None, None, None, None, None] * 2,
        "DV": [None, 3.0, 4.0, 3.0, 2.0, 1.0] * 2,
        "WT": np.repeat([60.0, 85.0], 6),
        "SEX": np.repeat(["F", "M"], 6),
    }
)
ROLES = """
ID = {use=identifier}
TIME = {use=time}
AMT = {use=amount}
DV = {use=observation, type=continuous}
WT = {use=covariate, type=continuous}
SEX = {use=covariate, type=categorical}
"""
VALUES = {"ka_pop": 1.2, "V_pop": 30, "Cl_pop": 3, "omega_V": 0.2, "omega_Cl": 0.3, "a": 0.5, "b": 0.1}
INDIVIDUAL = """
ka = {distribution=logNormal, typical=ka_pop, no-variability}
V = {distribution=logNormal, typical=V_pop, sd=omega_V}
Cl = {distribution=logNormal, typical=Cl_pop, sd=omega_Cl}
"""
LIBRARY = "file = 'lib:oral1_1cpt_kaVCl.txt'"


def project(
    structural=LIBRARY,
    individual=INDIVIDUAL,
    *,
    error="combined1(a, b)",
    law="normal",
    prediction="Cc",
    covariate="",
    population="",
    roles=ROLES,
    header="ID, TIME, AMT, DV, WT, SEX",
    values=None,
    fixed=(),
    more="",
):
    methods = {name: "FIXED" if name in fixed else "MLE" for name in (values or VALUES)}
    numbers = "\n".join(f"{n} = {{value={v}, method={methods[n]}}}" for n, v in (values or VALUES).items())
    return f"""
<DATAFILE>
[FILEINFO]
file = 'study.csv'
delimiter = comma
header = {{{header}}}
[CONTENT]{roles}
<MODEL>
{covariate}
{population}
[INDIVIDUAL]
input = {{V_pop, omega_V}}   ; what the definitions use
DEFINITION:{individual}
[LONGITUDINAL]
input = {{a, b}}
{structural}
DEFINITION:
y = {{distribution={law}, prediction={prediction}, errorModel={error}}}
<FIT>
data = DV
model = y
<PARAMETER>
{numbers}
{more}"""


def imported(folder, text, table=TABLE, **options):
    path = folder / "run.mlxtran"
    path.write_text(text)
    return bn.from_monolix(path, table, **options)


def predictions(found, output="cp"):
    simulation = bn.simulate(
        found.known, found.data, subjects="typical", draws=1, residual_error=False, seed=1
    )
    return simulation.values(output)[0]


def solved(found, output="cp"):
    """Predictions where nothing varies between subjects but their records."""
    typical = {name: p.typical for name, p in found.known.parameters.items()}
    assert not found.known.covariates
    return bn.solve(found.known.structure, found.data, typical)[output].to_numpy()[found.data.is_observation]


def one_oral(cl=3.0, v=30.0, ka=1.2, t=TABLE.TIME):
    k = cl / v
    return (100 * ka / (v * (ka - k)) * (np.exp(-k * t) - np.exp(-ka * t)))[TABLE.DV.notna()]


def test_a_model_of_the_library_is_the_closed_form_written_by_hand(tmp_path):
    found = imported(tmp_path, project())
    by_hand = bn.Model(
        structure=bn.OneCompartment(absorption="first-order"),
        parameters={
            "CL": bn.Parameter(bn.about(3.0), iiv=bn.about(0.3)),
            "V": bn.Parameter(bn.about(30.0), iiv=bn.about(0.2)),
            "KA": bn.Parameter(bn.about(1.2)),
        },
        residuals={"cp": bn.Combined(bn.about(0.5), bn.about(0.1), add="standard deviations")},
        name="run",
    )
    assert found.model == by_hand
    assert found.values["CL_pop"] == 3 and found.values["sigma_cp_add"] == 0.5
    assert found.untranslated == ()
    assert_allclose(solved(found), one_oral(), rtol=1e-9)


MACROS = """
PK:
compartment(cmt=1, amount=Ac, volume=V, concentration=Cc)
oral(cmt=1, ka)
elimination(cmt=1, k=Cl/V)
"""
EQUATIONS = """
PK:
depot(target=Ad)
EQUATION:
Cc = Ac/V
ddt_Ad = -ka*Ad
ddt_Ac = ka*Ad - k*Ac
k = Cl/V
"""
INPUT = "input = {ka, V, Cl, a, b}\n"


@pytest.mark.parametrize(
    ("structural", "structure", "output"),
    [
        ("PK:\nCc = pkmodel(ka, V, Cl)", bn.OneCompartment, "cp"),
        ("EQUATION:\nk = Cl/V\nCc = pkmodel(ka, V, k)", bn.OneCompartment, "cp"),
        (MACROS, bn.OneCompartment, "cp"),
        (MACROS.replace("k=Cl/V", "k=2*Cl/V/2"), bn.ODE, "Cc"),
        (EQUATIONS, bn.ODE, "Cc"),
        ("PK:\ndepot(target=Ac, ka)\nEQUATION:\nddt_Ac = -Cl/V*Ac\nCc = Ac/V", bn.ODE, "Cc"),
    ],
)
def test_the_same_model_in_other_words_predicts_the_same(tmp_path, structural, structure, output):
    text = project(structural).replace("input = {a, b}\n", INPUT)
    found = imported(tmp_path, text)
    assert isinstance(found.model.structure, structure)
    assert_allclose(solved(found, output), one_oral(), rtol=1e-6)


def test_a_model_file_beside_the_project_is_read(tmp_path):
    (tmp_path / "model.txt").write_text(
        "DESCRIPTION: one compartment\n[LONGITUDINAL]\ninput = {ka, V, Cl}\nPK:\nCc = pkmodel(ka, V, Cl)\n"
        "OUTPUT:\noutput = {Cc}\n"
    )
    assert imported(tmp_path, project("file = 'model.txt'")).model == imported(tmp_path, project()).model


@pytest.mark.parametrize(
    ("name", "structure"),
    [
        ("bolus_1cpt_Vk", bn.OneCompartment(parameterisation="rate constants")),
        ("infusion_2cpt_ClV1QV2", bn.TwoCompartment()),
        ("bolus_2cpt_Vkk12k21", bn.TwoCompartment(parameterisation="rate constants")),
        ("oral0_1cpt_TlagTk0VCl", bn.OneCompartment(absorption="zero-order")),
        ("oral1_3cpt_kaClV1Q2V2Q3V3", bn.ThreeCompartment(absorption="first-order")),
    ],
)
def test_names_of_the_library(tmp_path, name, structure):
    words = re.findall("Tlag|Tk0|ka|Cl|Q2|Q3|Q|V1|V2|V3|V|k12|k21|k", name.split("_")[2])
    individual = "\n" + "\n".join(
        f"{w} = {{distribution=logNormal, typical={w}_pop, no-variability}}" for w in words
    )
    values = {f"{w}_pop": 1.0 + i for i, w in enumerate(words)} | {"b": 0.1}
    table = TABLE.assign(TIME=TABLE.TIME + np.where(TABLE.DV.isna(), 0.0, 0.01))
    found = imported(
        tmp_path,
        project(f"file = 'lib:{name}.txt'", individual, error="proportional(b)", values=values),
        table,
    )
    assert found.model.structure == structure
    assert np.isfinite(solved(found)).all()
    assert [p.typical for p in found.known.parameters.values()] == [
        values[f"{theirs}_pop"] for theirs in _theirs(found.known.parameters, words)
    ]


def _theirs(parameters, words):
    other = {"CL": "Cl", "KA": "ka", "D": "Tk0", "ALAG_central": "Tlag"}
    return [other.get(p, p if p in words else "V") for p in parameters]


def test_saturable_elimination_and_an_effect_compartment_are_equations(tmp_path):
    text = "PK:\n{Cc, Ce} = pkmodel(ka, V, Vm, Km, ke0)"
    words = {"ka": 1.2, "V": 30.0, "Vm": 9.0, "Km": 2.0, "ke0": 0.4}
    individual = "\n" + "\n".join(
        f"{w} = {{distribution=logNormal, typical={w}_pop, no-variability}}" for w in words
    )
    values = {f"{w}_pop": v for w, v in words.items()} | {"b": 0.1}
    source = project(text, individual, error="proportional(b)", prediction="Ce", values=values)
    found = imported(tmp_path, source.replace("input = {a, b}\n", "input = {ka, V, Vm, Km, ke0, b}\n"))
    by_hand = bn.ODE(
        "d/dt(depot) = -ka*depot\nd/dt(central) = ka*depot - Vm*central/V/(Km + central/V)\n"
        "d/dt(ce) = ke0*(central/V - ce)\neffect = ce"
    )
    theirs = bn.solve(by_hand, found.data, words)["effect"]
    assert_allclose(solved(found, "A_Ce"), theirs[found.data.is_observation], rtol=1e-6)


def test_cases_of_if_become_where(tmp_path):
    text = EQUATIONS.replace("k = Cl/V", "if t < 4\nk = Cl/V\nelse\nk = 0\nend")
    found = imported(tmp_path, project(text).replace("input = {a, b}\n", INPUT))
    early = one_oral()[TABLE[TABLE.DV.notna()].TIME < 4]
    ours = solved(found, "Cc")
    assert_allclose(ours[TABLE[TABLE.DV.notna()].TIME < 4], early, rtol=1e-6)
    a4 = 30 * one_oral(t=pd.Series(4.0, index=TABLE.index)).iloc[0] + 100 * np.exp(-1.2 * 4)
    assert_allclose(ours[4], (a4 - 100 * np.exp(-1.2 * 24)) / 30, rtol=1e-6)


def test_covariates_are_the_effects_of_their_transformations(tmp_path):
    covariate = """
[COVARIATE]
input = {WT, SEX}
SEX = {type=categorical, categories={'F', 'M'}}
EQUATION:
logtWT = log(WT/70)
cWT = WT - 70
rWT = sqrt(WT/70)
"""
    individual = """
ka = {distribution=logNormal, typical=ka_pop, covariate=rWT, coefficient=beta_ka, no-variability}
V = {distribution=normal, typical=V_pop, covariate=cWT, coefficient=beta_V, sd=omega_V}
Cl = {distribution=logNormal, typical=Cl_pop, covariate={logtWT, SEX}, coefficient={beta_Cl, {0, beta_M}},
      sd=omega_Cl}
"""
    values = VALUES | {"beta_ka": 0.1, "beta_V": 0.2, "beta_Cl": 0.75, "beta_M": -0.3}
    found = imported(tmp_path, project(individual=individual, covariate=covariate, values=values))
    effects = {name: dict(p.covariates) for name, p in found.known.parameters.items()}
    assert effects["CL"]["WT"] == bn.Power(0.75, reference=70)
    assert effects["CL"]["SEX"] == bn.LogFolds({"M": -0.3}, reference="F")
    assert effects["V"]["WT"] == bn.Linear(0.2, reference=70)
    rows = TABLE
    cl = 3 * (rows.WT / 70) ** 0.75 * np.exp(-0.3 * (rows.SEX == "M"))
    ka = 1.2 * np.exp(0.1 * np.sqrt(rows.WT / 70))
    assert_allclose(predictions(found), one_oral(cl, 30 + 0.2 * (rows.WT - 70), ka), rtol=1e-9)


@pytest.mark.parametrize(
    ("law", "error", "expected"),
    [
        ("normal", "constant(a)", bn.Additive(0.5)),
        ("normal", "proportional(b)", bn.Proportional(0.1)),
        ("normal", "combined1(a, b)", bn.Combined(0.5, 0.1, add="standard deviations")),
        ("normal", "combined2(a, b)", bn.Combined(0.5, 0.1)),
        ("normal", "combined2(a, b, c)", bn.Combined(0.5, 0.1)),
        ("logNormal", "constant(a)", bn.LogNormalError(0.5)),
        ("normal", "proportional(b, a)", bn.PowerError(0.1, 0.5)),
    ],
)
def test_errors(tmp_path, law, error, expected):
    found = imported(tmp_path, project(law=law, error=error, values=VALUES | {"c": 1}, fixed=("c",)))
    assert found.known.residuals["cp"] == expected


def test_scales_correlations_and_what_is_fixed(tmp_path):
    individual = """
ka = {distribution=logitNormal, min=0.5, max=4, typical=ka_pop, sd=omega_ka}
V = {distribution=logNormal, typical=V_pop, sd=omega_V}
Cl = {distribution=logNormal, typical=Cl_pop, sd=omega_Cl}
correlation = {level=id, r(Cl, V)=corr_Cl_V, r(V, ka)=corr_V_ka, r(Cl, ka)=corr_Cl_ka}
"""
    values = VALUES | {"omega_ka": 0.4, "corr_Cl_V": 0.5, "corr_V_ka": 0.2, "corr_Cl_ka": -0.1}
    found = imported(tmp_path, project(individual=individual, values=values, fixed=("V_pop",)))
    assert found.model.parameters["KA"].scale == bn.Logit(0.5, 4)
    assert found.model.parameters["V"].typical == 30.0 and "V_pop" not in found.values
    assert found.model.correlated == (bn.Correlated("CL", "V", "KA"),)
    assert_allclose(found.known.correlated[0].prior, [[1, 0.5, -0.1], [0.5, 1, 0.2], [-0.1, 0.2, 1]])


def test_priors_of_map_are_priors(tmp_path):
    population = """
[POPULATION]
DEFINITION:
Cl_pop = {distribution=logNormal, typical=2, sd=0.1}
"""
    text = project(population=population).replace(
        "Cl_pop = {value=3, method=MLE}", "Cl_pop={value=3,method=MAP}"
    )
    found = imported(tmp_path, text)
    assert found.model.parameters["CL"].typical == bn.LogNormal(2, sigma=0.1)
    with pytest.raises(bn.ModelError, match=r"line \d+: Cl_pop with method=MAP"):
        imported(tmp_path, text.replace(population, ""))


def test_occasions_are_iov(tmp_path):
    individual = INDIVIDUAL.replace("sd=omega_Cl", "varlevel={id, id*OCC}, sd={omega_Cl, gamma_Cl}")
    text = project(
        individual=individual,
        roles=ROLES + "OCC = {use=occasion}\n",
        header="ID, TIME, AMT, DV, WT, SEX, OCC",
        values=VALUES | {"gamma_Cl": 0.15},
    )
    found = imported(tmp_path, text, TABLE.assign(OCC=[1, 1, 1, 2, 2, 2] * 2))
    assert found.model.occasion_effects == ("CL",)
    assert found.known.parameters["CL"].iov == 0.15
    assert found.values["gamma_CL"] == 0.15


def test_two_outputs_share_a_column_of_observations(tmp_path):
    structural = (
        "PK:\ndepot(target=Ad)\nEQUATION:\nddt_Ad = -ka*Ad\nddt_Ac = ka*Ad - Cl/V*Ac\nCc = Ac/V\nE_0 = 50\n"
        "ddt_E = 5*(1 - Cc/(2 + Cc)) - 0.1*E"
    )
    roles = ROLES.replace("type=continuous}\nWT", "yname={'1', '2'}, type={continuous, continuous}}\nWT")
    roles += "KIND = {use=observationtype}\nADM = {use=administration}\nLOW = {use=censored}\n"
    text = project(structural, roles=roles, header="ID, TIME, AMT, DV, WT, SEX, KIND, ADM, LOW")
    text = text.replace("input = {a, b}\n", "input = {ka, V, Cl, a, b, a2}\n")
    text = text.replace("<FIT>", "e = {distribution=normal, prediction=E, errorModel=constant(a2)}\n<FIT>")
    text = text.replace("data = DV\nmodel = y", "data = {'1', '2'}\nmodel = {y, e}") + "a2 = 2\n"
    table = TABLE.assign(KIND=[1, 1, 2, 1, 2, 1] * 2, ADM=1, LOW=[0, 0, 0, 0, 0, 1] * 2)
    found = imported(tmp_path, text, table)
    assert found.data.table.query("EVID == 0")["DVID"].value_counts().to_dict() == {"Cc": 6, "A_E": 4}
    assert found.data.table["CENS"].sum() == 2
    kind = table[table.DV.notna()]["KIND"].to_numpy()
    assert_allclose(solved(found, "Cc")[kind == 1], one_oral()[kind == 1], rtol=1e-6)
    assert (solved(found, "A_E")[kind == 2] < 50).all()
    one = imported(tmp_path, text.replace("{'1', '2'}\nmodel = {y, e}", "'1'\nmodel = y"), table)
    assert one.untranslated[0] == "4 observations of type 2: not in <FIT>, left out."
    assert one.data.is_observation.sum() == 6


def test_a_regressor_acts_from_its_record_on(tmp_path):
    structural = "input = {ka, V, Cl, X, a, b}\nX = {use=regressor}\n" + EQUATIONS.replace("Cl/V", "X*Cl/V")
    roles = ROLES + "X = {use=regressor}\n"
    text = project(structural, roles=roles, header="ID, TIME, AMT, DV, WT, SEX, X")
    text = text.replace("input = {a, b}\n", "")
    found = imported(tmp_path, text, TABLE.assign(X=[1, 1, 1, 0, 0, 0] * 2))
    ours = predictions(found, "Cc")
    assert_allclose(ours[:3], one_oral().iloc[:3], rtol=1e-6)
    a6 = 30 * ours[2] + 100 * np.exp(-1.2 * 6)
    assert_allclose(ours[4], (a6 - 100 * np.exp(-1.2 * 24)) / 30, rtol=1e-6)


def test_infusions_by_duration_and_lines_that_are_dose_and_observation(tmp_path):
    values = {"V_pop": 30, "Cl_pop": 3, "b": 0.1}
    individual = "".join(
        f"\n{w} = {{distribution=logNormal, typical={w}_pop, no-variability}}" for w in ("V", "Cl")
    )
    text = project(
        "file = 'lib:infusion_1cpt_VCl.txt'",
        individual,
        error="proportional(b)",
        roles=ROLES + "TINF = {use=tinf}\n",
        header="ID, TIME, AMT, DV, WT, SEX, TINF",
        values=values,
    )
    table = TABLE.assign(TINF=2.0)
    table.loc[3, "AMT"] = 50.0
    found = imported(tmp_path, text, table)
    assert len(found.data.table) == len(table) + 1
    t = TABLE.TIME[1:6].to_numpy()

    def infused(t, amount):
        end = np.minimum(np.maximum(t, 0), 2.0)
        late = np.exp(-0.1 * np.maximum(t - 2.0, 0.0))
        return amount / 2 / 3 * (1 - np.exp(-0.1 * end)) * late

    assert_allclose(solved(found)[:5], infused(t, 100) + infused(t - 6, 50), rtol=1e-9)


def test_t_0_is_where_the_equations_start(tmp_path):
    structural = "EQUATION:\nt_0 = -2\nE_0 = 10\nddt_E = -Cl/V*E\nCc = E"
    text = project(structural, individual=INDIVIDUAL.replace("ka =", "unused ="))
    text = text.replace("input = {a, b}\n", "input = {V, Cl, a, b}\n")
    found = imported(tmp_path, text, TABLE.assign(AMT=np.nan))
    t = TABLE.TIME[TABLE.DV.notna()]
    assert_allclose(solved(found, "Cc"), 10 * np.exp(-0.1 * (t + 2)), rtol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ((LIBRARY, "file = 'lib:oral1_1cpt_transitAbsorption.txt'"), r"line \d+: lib:oral1_1cpt_transit"),
        ((LIBRARY, "file = 'nowhere.txt'"), r"line \d+: no .*nowhere.txt"),
        (("combined1(a, b)", "combined3(a, b)"), "combined3"),
        (("distribution=normal, prediction", "distribution=logNormal, prediction"), "combined1"),
        (("combined1(a, b)", "combined1(a, b), autoCorrCoef=r"), "autoCorrCoef"),
        (("distribution=logNormal, typical=Cl", "distribution=boxCox, typical=Cl"), "boxcox"),
        (("typical=Cl_pop", "mean=Cl_pop"), "mean"),
        (("sd=omega_Cl", "varlevel={id, id*OCC}, sd={omega_Cl, g}"), r"id\*OCC"),
        (("type=continuous}\nWT", "type=event}\nWT"), "event"),
        (("use=amount", "use=reward"), "reward"),
        (("[CONTENT]", "[FILTER]\nf = x\n[CONTENT]"), "FILTER"),
        ((LIBRARY, "PK:\nCc = pkmodel(ka, V, Cl, Mtt, Ktr)"), "Mtt"),
        ((LIBRARY, EQUATIONS + "empty(adm=1, target=Ad)"), r"empty\(\)"),
        ((LIBRARY, EQUATIONS.replace("-ka*Ad", "-ka*delay(Ad, 2)")), r"delay\(\)"),
        ((LIBRARY, EQUATIONS.replace("k = Cl/V", "if t > 2\nk = Cl/V\nend")), "k without one"),
        ((LIBRARY, EQUATIONS.replace("k = Cl/V", "k = Cl/W")), "W in"),
        (("combined1(a, b)", "combined1(a, q)"), "q"),
    ],
)
def test_what_has_no_counterpart_is_refused_with_its_line(tmp_path, change, message):
    text = project().replace("input = {a, b}\n", "" if "file" in change[1] else INPUT)
    assert change[0] in text
    with pytest.raises(bn.ModelError, match=message):
        imported(tmp_path, text.replace(*change))


def test_data_that_another_order_of_events_would_change_are_refused(tmp_path):
    bolus = project("file = 'lib:bolus_1cpt_VCl.txt'")
    seen = TABLE.assign(DV=TABLE.DV.fillna(2.0))
    with pytest.raises(bn.ModelError, match="time of a bolus"):
        imported(tmp_path, bolus, seen)
    roles = ROLES + "N = {use=addl}\nEVERY = {use=ii}\n"
    repeated = project(
        "file = 'lib:bolus_1cpt_VCl.txt'", roles=roles, header="ID, TIME, AMT, DV, WT, SEX, N, EVERY"
    )
    with pytest.raises(bn.ModelError, match="time of a bolus.* at 12 "):
        imported(tmp_path, repeated, TABLE.assign(N=2, EVERY=12))
    assert imported(tmp_path, project(), seen).data.is_observation.sum() == 12
    for use in ("ss", "steadystate, nbdoses=7"):
        steady = project(roles=f"{ROLES}SS = {{use={use}}}\n", header="ID, TIME, AMT, DV, WT, SEX, SS")
        assert imported(tmp_path, steady, TABLE.assign(SS=0)).data.n_observations == 10
        with pytest.raises(bn.ModelError, match=r"steady state.*a number of doses \(nbdoses\)"):
            imported(tmp_path, steady, TABLE.assign(SS=1))


def test_what_changes_no_prediction_is_listed_with_its_line(tmp_path):
    more = "unused = {value=1, method=MLE}\n<MONOLIX>\n[TASKS]\npopulationParameters()\n"
    listed = "\n".join(imported(tmp_path, project(more=more)).untranslated)
    assert re.search(r"line \d+: unused: nothing in the model uses it", listed)
    assert re.search(r"line \d+: <MONOLIX>", listed)


def test_the_file_is_found_beside_the_project_and_estimates_replace_values(tmp_path):
    TABLE.to_csv(tmp_path / "study.csv", index=False, na_rep=".")
    estimates = VALUES | {"Cl_pop": 2.5}
    lines = [f"{name},{value},0.1" for name, value in estimates.items()]
    (tmp_path / "run.txt").write_text("\n".join(["parameter,value,se_sa", *lines]))
    found = imported(tmp_path, project(), None, estimates=tmp_path / "run.txt")
    assert found.values["CL_pop"] == 2.5 and found.values["V_pop"] == 30
    assert found.data.table.equals(imported(tmp_path, project()).data.table)
    (tmp_path / "run.txt").write_text("parameter,value\nCl_pop,2.5\n")
    with pytest.raises(bn.ModelError, match="none of ka_pop"):
        imported(tmp_path, project(), None, estimates=tmp_path / "run.txt")


# --- Monolix itself
# ---------------------------------------------------------------------------------------------------------


def estimated(folder, case, text):
    """A project at the estimates of a run, and its predictions."""
    run = json.loads((folder / f"{case}.json").read_text())
    values = {one["parameter"]: one["value"] for one in run["population"]}
    numbers = "\n".join(f"{name} = {{value={value!r}, method=MLE}}" for name, value in values.items())
    return text.partition("<PARAMETER>")[0] + f"<PARAMETER>\n{numbers}\n", run


OF_RUNS = """
ka = {distribution=logNormal, typical=ka_pop, sd=omega_ka}
V = {distribution=logNormal, typical=V_pop, sd=omega_V}
Cl = {distribution=logNormal, typical=Cl_pop, sd=omega_Cl}
"""


def theophylline(folder, tmp_path):
    seen = pd.read_csv(folder / "theophylline_predictions.csv")
    study = bn.zoo.load("theophylline").data
    first = study.table.assign(WT=study.covariate("WT")).query("AMT > 0").set_index("ID")
    doses = pd.DataFrame({"ID": seen["id"].unique(), "TIME": 0.0})
    doses["AMT"] = (first["AMT"] / first["WT"]).round(2).loc[doses["ID"]].to_numpy()
    records = seen[["id", "time", "CONC"]].set_axis(["ID", "TIME", "DV"], axis=1)
    table = pd.concat([doses, records]).sort_values(["ID", "TIME"], kind="stable").reset_index(drop=True)
    text = project(individual=OF_RUNS, roles=ROLES.partition("WT")[0], header="ID, TIME, AMT, DV")
    text, run = estimated(folder, "theophylline", text)
    return imported(tmp_path, text, table), run, seen


def test_population_predictions_of_monolix_for_theophylline(shared_reference, tmp_path):
    found, _, seen = theophylline(shared_reference / "monolix", tmp_path)
    assert_allclose(predictions(found), seen["popPred"], rtol=3e-5)  # printed with five digits


@pytest.mark.slow
def test_likelihood_of_theophylline_at_the_estimates_is_that_of_the_model_by_hand(shared_reference, tmp_path):
    found, run, _ = theophylline(shared_reference / "monolix", tmp_path)
    at = {one["parameter"]: one["value"] for one in run["population"]}
    by_hand = bn.Model(
        structure=bn.OneCompartment(absorption="first-order"),
        parameters={
            ours: bn.Parameter(bn.about(at[f"{theirs}_pop"]), iiv=bn.about(at[f"omega_{theirs}"]))
            for ours, theirs in {"CL": "Cl", "V": "V", "KA": "ka"}.items()
        },
        residuals={"cp": bn.Combined(bn.about(at["a"]), bn.about(at["b"]), add="standard deviations")},
    )
    words = {"CL": "Cl", "V": "V", "KA": "ka"}
    point = {f"{ours}_pop": at[f"{theirs}_pop"] for ours, theirs in words.items()}
    point |= {f"omega_{ours}": at[f"omega_{theirs}"] for ours, theirs in words.items()}
    point |= {"sigma_cp_add": at["a"], "sigma_cp_prop": at["b"]}
    assert dict(found.values) == point
    ours = bn.log_likelihood(found.model, found.data, at=found.values, method="laplace").minus_twice
    theirs = bn.log_likelihood(by_hand, found.data, at=point, method="laplace").minus_twice
    assert_allclose(ours, theirs, rtol=1e-12)
    linearised = next(one["linearization"] for one in run["logLikelihood"] if one["criteria"] == "-2LL")
    assert abs(ours - linearised) < 4.0  # another approximation: the exact value is 341.98


def test_population_predictions_of_monolix_for_warfarin_with_a_covariate(shared_reference, tmp_path):
    folder = shared_reference / "monolix"
    seen = pd.read_csv(folder / "warfarin_w2_predictions.csv")
    table = pd.read_csv(shared_reference / "data" / "warfarin_monolix.csv")
    table["AMT"] = table["AMT"].where(table["AMT"] > 0)
    individual = OF_RUNS.replace(
        "typical=V_pop,", "typical=V_pop, covariate=lw70, coefficient=beta_V_lw70,"
    ).replace("typical=Cl_pop,", "typical=Cl_pop, covariate=lw70, coefficient=beta_Cl_lw70,")
    individual += "Tlag = {distribution=logNormal, typical=Tlag_pop, sd=omega_Tlag}\n"
    roles = ROLES.replace("type=continuous}\nWT", "yname={'1', '2'}, type={continuous, continuous}}\nWT")
    roles = roles.partition("SEX")[0] + "DVID = {use=observationtype}\n"
    text = project(
        "file = 'lib:oral1_1cpt_TlagkaVCl.txt'",
        individual,
        roles=roles,
        header=", ".join(table.columns),
        covariate="[COVARIATE]\ninput = WT\nEQUATION:\nlw70 = log(WT/70)",
    ).replace("data = DV", "data = '1'")
    text, _ = estimated(folder, "warfarin_w2", text)
    found = imported(tmp_path, text, table)
    assert found.model.parameters["V"].covariates["WT"].reference == 70
    assert_allclose(predictions(found), seen["popPred"], rtol=3e-5)
    assert found.untranslated == ("232 observations of type 2: not in <FIT>, left out.",)


def test_population_predictions_of_monolix_for_groups_of_a_category(shared_reference, tmp_path):
    folder = shared_reference / "monolix"
    seen = pd.read_csv(folder / "phenobarbital_apgar_predictions.csv")
    table = pd.read_csv(shared_reference / "data" / "phenobarbital.csv")
    table["AMT"] = table["AMT"].where(table["AMT"] > 0)
    covariate = """
[COVARIATE]
input = APGR
APGR = {type=categorical, categories={1, 10, 2, 3, 4, 5, 6, 7, 8, 9}}
DEFINITION:
tAPGR =
{
  transform = APGR,
  categories = {
  High = {10, 8, 9},
  Low = {1, 2, 3},
  Med = {4, 5, 6, 7}  },
  reference = Med
}
"""
    individual = """
V = {distribution=logNormal, typical=V_pop, covariate=tAPGR, sd=omega_V,
     coefficient={beta_V_tAPGAR_High, beta_V_tAPGAR_Low, 0}}
k = {distribution=logNormal, typical=k_pop, sd=omega_k}
"""
    roles = ROLES.partition("WT")[0] + "APGR = {use=covariate, type=categorical}\n"
    text = project("file = 'lib:bolus_1cpt_Vk.txt'", individual, error="proportional(b)", roles=roles,
                   header=", ".join(table.columns), covariate=covariate)  # fmt: skip
    text, run = estimated(folder, "phenobarbital_apgar", text)
    found = imported(tmp_path, text, table)
    assert_allclose(predictions(found), seen["popPred"], rtol=3e-5)
