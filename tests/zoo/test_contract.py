"""What every study of the zoo promises, and what single studies promise beyond that."""

import csv
import importlib.util
import json
import re
from functools import cache

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import trapezoid

import bayes_nlmem as bn

NAMES = bn.zoo.list()
PUBLISHED_ELSEWHERE = (
    "cow",
    "lung",
    "mavoglurant",
    "oxboys",
    "pd1",
    "quinidine",
    "rapi",
    "remifentanil",
    "toenail",
)


@cache
def taken(name):
    return bn.zoo.load(name)


@cache
def script(name):
    """`fit.py` or `table.py` of the zoo."""
    path = bn.zoo.load("theophylline").folder.parent / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"zoo_{name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def graph(name):
    study = taken(name)
    return bn.build(study.model, study.data)


def readme(name):
    return (taken(name).folder / "README.md").read_text(encoding="utf-8")


def test_the_zoo_has_at_least_twenty_studies():
    assert len(NAMES) >= 20


@pytest.mark.parametrize("name", NAMES)
def test_the_data_are_read_with_no_warning_but_those_the_readme_explains(name):
    unexplained = {fault.code for fault in taken(name).data.warnings if fault.code not in readme(name)}
    assert not unexplained


@pytest.mark.parametrize("name", NAMES)
def test_the_start_has_a_finite_density_and_gradient(name):
    model = graph(name)
    point = model.initial_point()
    wanted = [*model.logp(sum=False), model.dlogp()]
    found = model.compile_fn(wanted, inputs=model.value_vars, mode="FAST_COMPILE")(point)
    assert all(np.isfinite(term).all() for term in found)


@pytest.mark.parametrize("name", NAMES)
def test_every_reference_value_belongs_to_an_unknown_of_the_model(name):
    study = taken(name)
    unknown = {variable.name for variable in graph(name).free_RVs}
    derived = {variable.name for variable in graph(name).deterministics}
    assert study.reference
    assert set(study.reference) <= unknown | derived
    assert all(np.isfinite(value) for value in study.reference.values())


@pytest.mark.parametrize("name", NAMES)
def test_the_readme_tells_provenance_licence_columns_and_result(name):
    folder = taken(name).folder
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert "**Provenance.**" in text
    assert "**Licence.**" in text
    assert "**What our fit found.**" in text
    assert re.search(r"^Verdict: (converged|not to be trusted yet)", text, flags=re.MULTILINE)
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        columns = next(csv.reader(file))
    described = "\n".join(line.split("|")[1] for line in text.splitlines() if line.startswith("|"))
    missing = [column for column in columns if not re.search(rf"\b{column}\b", described)]
    assert not missing, f"README of {name} does not describe the columns {missing}"


@pytest.mark.parametrize("name", NAMES)
def test_the_readme_sets_every_reference_value_beside_ours(name):
    study = taken(name)
    text = (study.folder / "README.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line[:1] == "|"]
    printed = {row[0]: row[1] for row in rows if row[0] in study.reference}
    assert set(printed) == set(study.reference)
    for key, value in study.reference.items():
        assert float(printed[key]) == pytest.approx(value, rel=1e-9), key


@pytest.mark.parametrize("name", NAMES)
def test_figures_of_a_fit_are_those_of_the_readme(name):
    kept = taken(name).folder / "fit.json"
    if not kept.exists():
        return
    fits = script("fit")
    block = fits.BLOCK.search(readme(name))
    assert block[0] == block[1] + fits.described(taken(name), json.loads(kept.read_text("utf-8"))) + block[2]


@pytest.mark.parametrize("name", NAMES)
def test_a_study_says_its_calibration_or_why_there_is_none(name):
    kept = taken(name).folder / "sbc.json"
    section = readme(name).partition("## Calibration")[2]
    if kept.exists():
        n = len(bn.load_calibration(kept).replicates)
        assert f"{n} replicates" in section
        command = json.loads(kept.read_text("utf-8"))["command"]
        assert name in command and str(n) in command
    else:
        assert re.search(r"^Not run(: | yet; ).{20,}", section, flags=re.MULTILINE)


@pytest.mark.parametrize("name", NAMES)
def test_simulated_data_say_so_and_where_the_published_are(name):
    study = taken(name)
    assert study.simulated == (study.folder / "simulate.py").exists()
    assert bool(study.source) == (name in PUBLISHED_ELSEWHERE)
    if study.simulated:
        assert "imulated" in readme(name)
    if study.source:
        assert f'bn.zoo.load("{name}", data=' in study.source
        with pytest.raises(bn.BayesNlmemError, match="nowhere.csv"):
            bn.zoo.load(name, data="nowhere.csv")
    else:
        with pytest.raises(bn.BayesNlmemError, match="published data are not shipped"):
            bn.zoo.load(name, data=study.folder / f"{name}.csv")


@pytest.mark.parametrize("name", PUBLISHED_ELSEWHERE)
def test_the_published_data_are_read_where_there_are_any(name, published):
    study, shipped = published(name), taken(name)
    assert not study.simulated
    assert len(study.data.subjects) >= len(shipped.data.subjects)
    assert set(study.data.covariates) == set(shipped.data.covariates) >= set(shipped.model.covariates)


def test_the_tables_of_the_zoo_are_those_of_the_folders():
    for path, text in script("table").written([taken(name) for name in NAMES]).items():
        assert path.read_text("utf-8") == text, f"{path}: run `python model_zoo/table.py`"


def test_remifentanil_is_read_from_the_layout_of_nlme(tmp_path):
    """The rows of nlme: a sample and the beginning of the next piece of infusion may share one."""
    rows = "ID,Subject,Time,conc,Rate,Amt,Age,Sex,Ht,Wt,BSA,LBM"
    own = "30.58,Male,171,72,1.8393,56.5075"
    lines = [f"1,1,0,,71.99,107.985,{own}", f"1,1,1.5,9.51,71.99,35.995,{own}", f"1,1,2,11.5,,,{own}"]
    (tmp_path / "Remifentanil.csv").write_text("\n".join([rows, *lines]))
    table = bn.zoo.load("remifentanil", data=tmp_path / "Remifentanil.csv").data.table
    assert table.EVID.tolist() == [1, 0, 1, 0]
    assert table.TIME.tolist() == [0, 1.5, 1.5, 2]
    assert_allclose(table.AMT, [107.985, 0, 35.995, 0])
    assert_allclose(table.DV[table.EVID == 0], [9.51, 11.5])


def test_warfarin_has_the_247_concentrations_of_the_monolix_run():
    table = taken("warfarin_pk").data.table
    seen = (table.EVID == 0) & (table.MDV == 0)
    assert seen.sum() == 247
    assert len(taken("warfarin_pk").data.subjects) == 32
    assert_allclose(table.AMT[table.EVID == 1].sum(), 3360.0)


def test_warfarin_is_under_the_licence_of_its_source():
    text = (taken("warfarin_pk").folder / "LICENSE-data.txt").read_text(encoding="utf-8")
    assert "MIT License" in text and "Copyright (c) 2023 monolix2rx authors" in text


def test_indomethacin_reference_is_the_published_biexponential():
    a1, a2 = 2.8276562129, 0.46064931488
    fast, slow = np.exp(0.7729504586), np.exp(-1.3457438097)
    v1 = 25 / (a1 + a2)
    k21 = (a1 * slow + a2 * fast) / (a1 + a2)
    k10 = fast * slow / k21
    q = (fast + slow - k21 - k10) * v1
    expected = {"CL_pop": k10 * v1, "V1_pop": v1, "Q_pop": q, "V2_pop": q / k21}
    reference = taken("indomethacin").reference
    assert_allclose([reference[name] for name in expected], [*expected.values()], rtol=2e-3)


@pytest.mark.parametrize(
    ("residual", "published"),
    [
        (bn.Proportional(0.1**0.5), 39.354803462611216),
        (bn.Additive(0.1**0.5), -1.9896142612025969),
    ],
    ids=["proportional", "additive"],
)
def test_wang_objective_function_by_quadrature_is_the_exact_one(residual, published):
    """-2 log likelihood without N log(2 pi), everything known, the random effect integrated out."""
    study = taken("wang2007")
    model = bn.Model(
        structure=study.model.structure,
        parameters={"k": bn.Parameter(0.5, iiv=0.2), "V": bn.Parameter(1.0)},
        residuals={"cp": residual},
    )
    built = bn.build(model, study.data)
    [effect] = built.free_RVs
    density = built.compile_logp(vars=[effect, *built.observed_RVs], sum=False, mode="FAST_COMPILE")
    n = len(study.data.subjects)
    [(key, start)] = built.initial_point().items()
    nodes = np.linspace(-8, 8, 801)
    values = np.empty((len(nodes), n))
    for i, node in enumerate(nodes):
        effects, seen = density({key: np.full_like(start, node)})
        values[i] = np.reshape(effects, (n, -1)).sum(axis=1) + np.reshape(seen, (n, 2)).sum(axis=1)
    likelihood = trapezoid(np.exp(values), nodes, axis=0)
    objective = -2 * np.log(likelihood).sum() - 2 * n * np.log(2 * np.pi)
    assert_allclose(objective, published, atol=1e-8)
