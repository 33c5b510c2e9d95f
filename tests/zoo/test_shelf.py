"""Every study of the zoo can be taken from the shelf, from a checkout and from a wheel."""

import subprocess
import sys
import zipfile

import pytest

import bayes_nlmem as bn


@pytest.mark.parametrize("name", bn.zoo.list())
def test_every_study_is_complete(name):
    study = bn.zoo.load(name)
    assert study.name == name
    assert study.title and not study.title.endswith(".")
    assert study.citation
    assert isinstance(study.data, bn.Dataset) and isinstance(study.model, bn.Model)
    assert (study.folder / "README.md").exists()
    assert study.title in repr(study)


def test_theophylline_keeps_all_132_observations():
    table = bn.zoo.load("theophylline").data.table
    assert ((table.EVID == 0) & (table.MDV == 0)).sum() == 132
    assert (table.EVID == 1).sum() == 12


def test_an_unknown_study_is_answered_with_the_names_that_exist():
    with pytest.raises(bn.BayesNlmemError, match="theophylline.*'theophyline'.*Did you mean 'theophylline'"):
        bn.zoo.load("theophyline")


@pytest.mark.slow
def test_the_wheel_contains_the_zoo(repository, tmp_path):
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "-q", "-w", str(tmp_path), str(repository)]
    subprocess.run(build, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    for study in bn.zoo.list():
        for file in ("model.py", "README.md", f"{study}.csv"):
            assert f"bayes_nlmem/zoo/models/{study}/{file}" in names
    assert "bayes_nlmem/py.typed" in names
    assert not [name for name in names if name.startswith(("tests", "model_zoo"))]


def test_a_study_in_a_notebook_is_what_it_says_its_data_and_its_model():
    study = bn.zoo.load("lung")
    page = study._repr_html_()
    assert study.title in page and study.data._repr_html_() in page and study.model._repr_html_() in page
