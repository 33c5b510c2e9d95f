"""The command line: what it prints, what it writes, how it ends. Nothing here samples."""

import json
import shutil
import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

from bayes_nlmem.cli.app import app
from bayes_nlmem.cli.door import DOUBTFUL, FAULT, OK, USAGE

BAD = "ID,TIME,AMT,DV\n1,0,100,.\n1,1,.,x\n2,0,-5,.\n2,1,.,4\n"
MODEL = """
import bayes_nlmem as bn
simple = bn.Model(
    structure=bn.OneCompartment(),
    parameters={"CL": bn.Parameter(bn.about(1.0), iiv=0.3), "V": bn.Parameter(bn.about(10.0), iiv=0.2)},
    residuals={"cp": bn.Proportional(0.1)},
)
"""


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Run a command line in an empty folder; the result has exit_code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    runner = CliRunner(env={"COLUMNS": "200", "TERM": "dumb", "NO_COLOR": "1"})
    return lambda *words: runner.invoke(app, [str(word) for word in words], catch_exceptions=False)


@pytest.fixture
def run(small_fit, tmp_path):
    """A saved fit, as a run."""
    return small_fit.save(tmp_path / "theo.fit")


COMMANDS = (
    "check", "import", "fit", "resume", "report", "compare", "vpc", "simulate", "design", "dose", "doctor",
    "zoo list", "zoo show", "zoo fit",
)  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(call, command):
    found = call(*command.split(), "--help")
    assert found.exit_code == OK
    assert "Usage:" in found.stdout
    if not command.startswith("zoo "):
        assert f"bayes-nlmem {command}" in found.stdout, "an example"


def test_the_first_help_names_commands_and_exit_codes(call):
    said = " ".join(call("--help").stdout.split())
    assert all(f" {command.split()[0]} " in said for command in COMMANDS)
    assert "3 done, but not to be trusted yet" in said
    assert call().stdout.strip() == call("--help").stdout.strip()


def test_help_loads_nothing_heavy():
    code = "import sys, bayes_nlmem.cli.app; print(*sys.modules)"
    loaded = set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.split())
    assert not loaded & {"numpy", "pandas", "pymc", "pytensor", "numba", "arviz", "matplotlib", "scipy"}


def test_help_is_quick():
    import resource

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "bayes_nlmem", "--help"], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime - before.ru_utime < 1.0  # 0.35 s on a quiet machine


def test_check_says_what_was_read(call, repository):
    table = repository / "model_zoo" / "theophylline" / "theophylline.csv"
    found = call("check", table, "--covariates", "WT", "--units", "TIME=h,DV=mg/L")
    assert found.exit_code == OK
    assert "12 subjects, 144 records" in found.stdout
    assert "WT 54.6 to 86.4" in found.stdout and "mg/L" in found.stdout
    assert "W_DV_ZERO" in found.stdout


def test_check_as_json_is_one_object(call):
    found = json.loads(call("check", "theophylline", "--json").stdout)
    assert (found["subjects"], found["observations"], found["doses"]) == (12, 132, 12)
    assert found["covariates"]["WT"] == {"method": "constant", "categories": None}
    assert found["warnings"][0]["code"] == "W_DV_ZERO"


def test_faults_are_told_with_rows_and_remedy_and_no_traceback(call, tmp_path):
    (tmp_path / "bad.csv").write_text(BAD)
    found = call("check", "bad.csv")
    assert found.exit_code == FAULT
    assert "E_AMT_NEGATIVE" in found.stderr and "row 3; subject 2" in found.stderr
    assert "remedy: Correct the sign" in found.stderr and "Traceback" not in found.stderr
    faults = json.loads(call("check", "bad.csv", "--json").stdout)["error"]["faults"]
    assert [(fault["code"], fault["rows"]) for fault in faults] == [
        ("E_NOT_A_NUMBER", [2]),
        ("E_AMT_NEGATIVE", [3]),
    ]


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["check"], USAGE, "Missing argument"),
        (["check", "bad.csv", "--units", "TIME"], USAGE, "NAME=VALUE"),
        (["check", "nowhere.csv"], FAULT, "E_FILE_NOT_FOUND"),
        (["check", "theophylline", "--covariates", "WT"], FAULT, "--covariates"),
        (["fit", "theophilline"], FAULT, "Did you mean 'theophylline'?"),
        (["fit", "missing.py"], FAULT, "no file 'missing.py'"),
        (["fit", "m.py", "bad.csv"], FAULT, "models there: simple. Write m.py:simple."),
        (["fit", "m.py:simple"], FAULT, "DATA, or an object `data`"),
        (["fit", "m.py:simple", "bad.csv"], FAULT, "E_AMT_NEGATIVE"),
        (["fit", "broken.py", "bad.csv"], FAULT, "ZeroDivisionError in line 2: division by zero"),
        (["fit", "theophylline", "--method", "saem", "--tune", "9"], FAULT, "--tune"),
        (["fit", "theophylline", "--draws", "0"], FAULT, "draws a whole number >= 1"),
        (["resume", "nowhere"], FAULT, "no such folder: 'nowhere'"),
        (["report", "m.py"], FAULT, "'m.py', which is not one"),
        (["compare", "a.run", "a.run"], FAULT, "two or more different runs"),
        (["zoo", "show", "warfarin"], FAULT, "Did you mean"),
        (["design", "m.py:simple"], FAULT, "--times"),
        (["design", "m.py:simple", "--times", "1,2", "--windows", "1:2"], FAULT, "--optimise"),
        (["design", "m.py:simple", "--times", "0:8"], USAGE, "FROM:TO:STEP"),
        (["simulate", "m.py:simple", "--dose", "5"], FAULT, "--times"),
    ],
)
def test_wrong_input_is_explained(call, tmp_path, words, code, told):
    (tmp_path / "bad.csv").write_text(BAD)
    (tmp_path / "m.py").write_text(MODEL)
    (tmp_path / "broken.py").write_text("import bayes_nlmem as bn\nx = 1 / 0\n")
    found = call(*words)
    assert found.exit_code == code
    assert told in " ".join(found.stderr.split()), found.stderr
    assert "Traceback" not in found.stderr and not found.stdout


def test_the_zoo_is_listed_and_shown(call):
    assert "Theophylline after one oral dose" in call("zoo", "list").stdout
    listed = json.loads(call("zoo", "list", "--json").stdout)["studies"]
    assert {"name", "title", "subjects", "observations"} == set(listed[0])
    shown = call("zoo", "show", "theophylline").stdout
    assert "CL_pop" in shown and "12 subjects" in shown and "Values found by others" in shown


def test_a_run_is_a_folder_or_a_saved_fit(run, tmp_path):
    from bayes_nlmem.cli.given import find_run

    folder = tmp_path / "theo.run"
    folder.mkdir()
    shutil.copy(run, folder / "fit.zip")
    assert find_run(run).record == find_run(folder).record


def test_report_is_written(call, run, monkeypatch):
    import bayes_nlmem as bn
    from bayes_nlmem.reports.chapters.overview import summary

    short = bn.report
    monkeypatch.setattr(bn, "report", lambda fit, **options: short(fit, sections=[summary]), raising=False)
    found = call("report", run, "--output", "x.html")
    assert found.exit_code == OK and "written: x.html" in found.stderr
    assert run.with_name("x.html").read_text().startswith("<!DOCTYPE html>")


def test_vpc_writes_a_picture_and_says_what_is_outside(call, run):
    found = call("vpc", run, "--replicates", 40, "--bins", "0,2,6,13,25")
    assert found.exit_code == OK, found.stderr
    assert "observed percentiles outside" in found.stdout
    assert run.with_name("theo-vpc.png").read_bytes().startswith(b"\x89PNG")


def test_simulate_a_regimen_from_a_run(call, run):
    words = ("--dose", 320, "--every", 12, "--count", 2, "--times", "0:24:12", "--with", "WT=70", "--seed", 1)
    found = call("simulate", run, *words, "--replicates", 30, "--output", "reps.csv", "--json")
    assert found.exit_code == OK, found.stderr
    table = json.loads(found.stdout)["percentiles"]
    assert [row["TIME"] for row in table] == [0.0, 12.0, 24.0] and table[1]["N"] == 30
    assert table[1]["P5"] < table[1]["MEDIAN"] < table[1]["P95"]
    assert len(run.with_name("reps.csv").read_text().splitlines()) == 1 + 30 * 3


@pytest.mark.slow
def test_the_expected_precision_is_that_of_python(call, tmp_path):
    import bayes_nlmem as bn
    from bayes_nlmem.cli.given import find_model

    (tmp_path / "m.py").write_text(MODEL)
    found = call(
        "design", "m.py:simple", "--subjects", 24, "--dose", 100, "--times", "1,4,12", "--set", "CL_pop=1.2"
    )
    assert found.exit_code == OK, found.stderr
    assert "at the medians of their priors: V_pop=10" in found.stderr
    model = find_model("m.py:simple").model
    arm = bn.Arm(24, bn.Regimen(100), times=[1, 4, 12])
    assert repr(bn.expected_precision(model, arm, {"CL_pop": 1.2, "V_pop": 10.0}, seed=1)) in found.stdout


@pytest.mark.slow
def test_dose_advises_as_python_does(call, run, tmp_path):
    (tmp_path / "p.csv").write_text(
        "ID,TIME,AMT,EVID,DV,WT\n1,0,320,1,.,80\n1,4,0,0,7.5,80\n1,11,0,0,4.0,80\n"
    )
    words = "--target trough --low 8 --high 12 --over 36:48 --dose 320 --every 12 --count 4".split()
    words += ["--amounts", "160,480"]
    found = call("dose", run, "p.csv", *words, "--json", "--output", "advice.png")
    assert found.exit_code == OK, found.stderr
    told = json.loads(found.stdout)
    assert [row["AMOUNT"] for row in told["table"]] == [160.0, 480.0]
    assert "4 x 480 every 12" in told["conclusion"]
    assert (tmp_path / "advice.png").exists()


@pytest.mark.slow
def test_a_fit_its_resumption_and_a_comparison(call, tmp_path):
    settings = ("--draws", 60, "--tune", 200, "--chains", 2, "--seed", 1, "--quiet")
    first = call("fit", "theophylline", "--run", "one.run", *settings)
    assert first.exit_code == DOUBTFUL, first.stderr  # far too few draws
    assert "CL_pop" in first.stdout and "next: bayes-nlmem report one.run" in first.stderr
    began = time.perf_counter()
    again = call("resume", "one.run", "--quiet", "--json")
    assert time.perf_counter() - began < 30
    assert again.exit_code == DOUBTFUL and json.loads(again.stdout)["converged"] is False
    other = call("fit", "theophylline", "--run", "one.run", *settings[2:])
    assert other.exit_code == FAULT and "draws 60 there, 1000 asked" in other.stderr
    call("fit", "theophylline", "--run", "two.run", *settings[:-2], 2, "--quiet")
    found = call("compare", "one.run", "two.run", "--by", "observation", "--json")
    assert found.exit_code == OK, found.stderr
    assert {row["model"] for row in json.loads(found.stdout)["table"]} == {"one", "two"}


@pytest.mark.slow
def test_a_saem_run_is_kept_and_loaded(call, tmp_path):
    import bayes_nlmem as bn

    found = call("fit", "theophylline", "--method", "saem", "--run", "s.run", "--seed", 1, "--quiet")
    assert found.exit_code in (OK, DOUBTFUL) and "SAEM fit" in found.stdout, found.stderr
    learnt = bn.load(tmp_path / "s.run" / "fit.zip")
    assert isinstance(learnt, bn.SaemFit) and repr(learnt) in found.stdout
    again = call("fit", "theophylline", "--method", "saem", "--run", "s.run", "--quiet")
    assert again.exit_code == FAULT and "an empty folder or none" in again.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("vpc", "RUN", "--output", "x.doc"), "ends with .png or .pdf or .svg"),
        (("vpc", "RUN", "--output", "nowhere/x.png"), "a folder that exists"),
        (("report", "RUN", "--output", "x.txt"), "ends with .html or .docx"),
        (("fit", "theophylline", "--report", "x.pdf"), "ends with .html or .docx"),
        (("simulate", "RUN", "--output", "x.xlsx"), "ends with .csv"),
    ],
)
def test_files_that_cannot_be_written_are_refused_before_anything_is_computed(call, run, words, said):
    found = call(*(run if word == "RUN" else word for word in words))
    assert found.exit_code == USAGE and said in " ".join(found.stderr.split())
    assert not found.stdout


@pytest.mark.parametrize("words", [("check", "--json"), ("design", "theophylline", "--times", "a", "--json")])
def test_wrong_use_is_told_as_json_where_json_was_asked_for(call, words):
    found = call(*words)
    assert found.exit_code == USAGE
    assert json.loads(found.stdout)["error"]["kind"] == "UsageError"


def test_switches_take_no_value(call):
    assert "<bool>" not in call("fit", "--help").stdout + call("--help").stdout.replace("completion", "")


def test_a_run_that_is_not_there_is_said_to_be_none(call, run):
    assert "'theo.fit'" in call("report", run.parent / "theo.fi").stderr


def test_remedies_are_options_of_the_command_line(call, tmp_path):
    (tmp_path / "eu.csv").write_text("ID;TIME;AMT;DV\n1;0,0;100;.\n1;1,5;.;2,5\n")
    said = call("check", "eu.csv").stderr
    assert "--decimal ','" in said and "decimal=" not in said
    (tmp_path / "hours.csv").write_text("ID,HOURS,AMT,DV\n1,0,100,.\n1,1.5,.,2.5\n")
    found = call("check", "hours.csv", "--json")
    assert "--columns TIME=NAME" in json.loads(found.stdout)["error"]["faults"][0]["remedy"]
    assert "pass --lloq or use CENS" in " ".join(call("check", "theophylline").stdout.split())


def test_a_planned_study_needs_the_covariates_of_the_model(call, run):
    for command in ("simulate", "design"):
        found = call(command, run, "--dose", 320, "--times", "1,4", "--subjects", 2)
        assert found.exit_code == FAULT and "--with WT=..." in found.stderr
