"""Control streams and projects on the command line: checked, fitted, simulated, made Python files."""

import json
import runpy
import sys

import pandas as pd
import pytest
from typer.testing import CliRunner

import bayes_nlmem as bn
from bayes_nlmem.cli.app import app
from bayes_nlmem.cli.door import FAULT, OK, USAGE
from bayes_nlmem.cli.said import command

STREAM = """$PROBLEM oral
$INPUT ID TIME AMT DV WT
$DATA study.csv IGNORE=@
$SUBROUTINE ADVAN2 TRANS2
$PK
CL = THETA(1)*(WT/70)**0.75*EXP(ETA(1))
V = THETA(2)*EXP(ETA(2))
KA = THETA(3)
S2 = V
$ERROR
Y = F*(1 + EPS(1))
$THETA (0, 2, 9) (0, 20) (0, 1.5)
$OMEGA 0.09 0.04
$SIGMA 0.01
$ESTIMATION METHOD=1
"""
PROJECT = """<DATAFILE>
[FILEINFO]
file = 'study.csv'
delimiter = comma
header = {ID, TIME, AMT, DV, WT}
[CONTENT]
ID = {use=identifier}
TIME = {use=time}
AMT = {use=amount}
DV = {use=observation, type=continuous}
WT = {use=ignored}
<MODEL>
[INDIVIDUAL]
input = {V_pop, omega_V, Cl_pop, omega_Cl, ka_pop}
DEFINITION:
V = {distribution=logNormal, typical=V_pop, sd=omega_V}
Cl = {distribution=logNormal, typical=Cl_pop, sd=omega_Cl}
ka = {distribution=logNormal, typical=ka_pop, no-variability}
[LONGITUDINAL]
input = {b}
file = 'lib:oral1_1cpt_kaVCl.txt'
DEFINITION:
y = {distribution=normal, prediction=Cc, errorModel=proportional(b)}
<FIT>
data = DV
model = y
<PARAMETER>
V_pop = {value=20, method=MLE}
Cl_pop = {value=2, method=MLE}
ka_pop = {value=1.5, method=MLE}
omega_V = {value=0.2, method=MLE}
omega_Cl = {value=0.3, method=MLE}
b = {value=0.1, method=MLE}
<MONOLIX>
[TASKS]
populationParameters()
"""
TABLE = pd.DataFrame(
    {
        "ID": [1] * 4 + [2] * 4,
        "TIME": [0, 1, 6, 24] * 2,
        "AMT": [100, None, None, None] * 2,
        "DV": [None, 3.1, 2.4, 0.5, None, 2.9, 2.0, 0.3],
        "WT": [70] * 4 + [82] * 4,
    }
)
MODELS = {"NONMEM": "run1.mod", "Monolix": "run1.mlxtran"}


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Run a command line in a folder with a study, a control stream and a project."""
    monkeypatch.chdir(tmp_path)
    TABLE.to_csv("study.csv", index=False, na_rep=".")
    (tmp_path / "run1.mod").write_text(STREAM)
    (tmp_path / "run1.mlxtran").write_text(PROJECT)
    runner = CliRunner(env={"COLUMNS": "200", "TERM": "dumb", "NO_COLOR": "1"})
    return lambda *words: runner.invoke(app, [str(word) for word in words], catch_exceptions=False)


@pytest.fixture(params=MODELS)
def model(request):
    """The name of the model of one of the programs."""
    if request.param == "NONMEM":
        pytest.importorskip("pharmpy")
    return MODELS[request.param]


def test_check_says_data_model_values_and_what_is_not_translated(call, model):
    found = call("check", model)
    assert found.exit_code == OK
    assert f"Dataset {model}: 2 subjects, 8 records" in found.stdout
    assert "OneCompartment(absorption='first-order')" in found.stdout
    assert "CL_pop           2\n" in found.stdout
    assert "not translated: " in found.stderr and "not translated" not in found.stdout
    facts = json.loads(call("check", model, "--json").stdout)
    assert (facts["subjects"], facts["values"]["omega_CL"]) == (2, pytest.approx(0.3))
    assert len(facts["untranslated"]) == 1


def test_import_makes_a_python_file_that_is_the_same_model_and_data(call, model, tmp_path):
    found = call("import", model, "--output", "made.py")
    assert found.exit_code == OK and "next: bayes-nlmem fit made.py" in found.stderr
    made = runpy.run_path(str(tmp_path / "made.py"))
    read = bn.from_nonmem if model.endswith("mod") else bn.from_monolix
    there = read(tmp_path / model)
    assert made["model"] == there.model and made["data"] == there.data
    assert made["values"] == dict(there.values)
    assert there.untranslated[0] in made["__doc__"]
    again = call("import", model, "-o", "made.py")
    assert again.exit_code == FAULT and "--force" in again.stderr
    assert call("import", model, "-o", "made.py", "--force").exit_code == OK
    assert call("check", "made_data.csv").exit_code == OK


def test_import_prints_what_it_would_write(call, model):
    text = call("import", model).stdout
    assert text.startswith("import bayes_nlmem as bn\n\nmodel = bn.Model(\n")
    facts = json.loads(call("import", model, "--json").stdout)
    assert facts["model"] in text and facts["written"] == []


def test_another_table_takes_the_place_of_that_of_the_model(call, model, tmp_path):
    TABLE[TABLE.ID == 1].to_csv("one.csv", index=False, na_rep=".")
    assert json.loads(call("check", model, "one.csv", "--json").stdout)["subjects"] == 1
    (tmp_path / "study.csv").unlink()
    assert json.loads(call("check", model, "one.csv", "--json").stdout)["subjects"] == 1
    assert call("check", model).exit_code == FAULT


def test_simulate_and_design_are_at_the_values_of_the_model(call, model):
    simulated = call("simulate", model, "--replicates", "2", "--effects", "typical", "--seed", "1", "--json")
    assert simulated.exit_code == OK and "at the values of run1: " in simulated.stderr
    study = ["--times", "1,6,24", "--dose", "100", "--subjects", "20", "--with", "WT=70"]
    planned = call("design", model, *study, "--json")
    table = {row["parameter"]: row for row in json.loads(planned.stdout)["precision"]}
    assert table["CL_pop"]["value"] == pytest.approx(2.0)


def test_an_ending_is_not_needed(call, tmp_path):
    (tmp_path / "run1.txt").write_text(PROJECT)
    assert call("check", "run1.txt").exit_code == OK


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["check", "run9.mod"], FAULT, "got no file 'run9.mod'"),
        (["fit", "run9.mlxtran"], FAULT, "a model of Monolix, got no file"),
        (["check", "run1.mlxtran", "--lloq", "0.1"], FAULT, "which says how its data are read, got --lloq"),
        (["fit", "run1.mlxtran", "--units", "TIME=h"], FAULT, "says how its data are read, got --units"),
        (["check", "study.csv", "study.csv"], FAULT, "a second file only after a control stream"),
        (["import", "study.csv"], FAULT, "a control stream of NONMEM (.mod, .ctl) or a project of Monolix"),
        (["import", "run1.mlxtran", "-o", "made.txt"], FAULT, "the name of a Python file"),
        (["import", "broken.mlxtran"], FAULT, "lib:pbpk"),
        (["import"], USAGE, "Missing argument"),
        (["report", "run1.mlxtran"], FAULT, "run1.mlxtran"),
    ],
)
def test_wrong_input_is_explained(call, tmp_path, words, code, told):
    (tmp_path / "broken.mlxtran").write_text(PROJECT.replace("lib:oral1_1cpt_kaVCl", "lib:pbpk"))
    found = call(*words)
    assert found.exit_code == code
    assert told in " ".join(found.stderr.split()), found.stderr
    assert "Traceback" not in found.stderr and not found.stdout


def test_what_to_do_next_can_be_typed_where_the_program_is_not_on_the_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.setattr(sys, "argv", [str(tmp_path / ".venv/bin/bayes-nlmem"), "fit"])
    assert command("report a.run") == ".venv/bin/bayes-nlmem report a.run"
    monkeypatch.setattr(sys, "argv", ["/elsewhere/python", "-m"])
    assert command("report a.run") == "bayes-nlmem report a.run"


@pytest.mark.slow
def test_a_control_stream_is_fitted(call, model, tmp_path):
    found = call(
        "fit", model, "--draws", "20", "--tune", "30", "--chains", "2", "--seed", "1", "-q", "--json"
    )
    facts = json.loads(found.stdout)
    assert facts["untranslated"] and facts["run"] == "run1.run"
    assert (tmp_path / "run1.run").is_dir()
