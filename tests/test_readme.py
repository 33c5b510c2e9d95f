"""The example of the README runs as it stands, and the words it uses exist."""

import re

import pytest

import bayes_nlmem as bn


@pytest.fixture(scope="module")
def readme(repository):
    return (repository / "README.md").read_text(encoding="utf-8")


def test_the_example_runs(readme, small_fit, tmp_path, monkeypatch):
    asked = {}

    def fit(model, data, **settings):
        asked.update(model=model, data=data, settings=settings)
        return small_fit

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(bn, "fit", fit)
    (example,) = re.findall(r"```python\n(.*?)```", readme, flags=re.DOTALL)
    exec(compile(example, "README.md", "exec"), {})
    assert asked["data"].n_observations == 132
    assert asked["model"].random_effects == ("KA", "CL", "V")
    assert (tmp_path / "theophylline.html").exists()


def test_the_output_has_the_names_that_the_example_gives(readme, small_fit):
    for name in small_fit.summary().index:
        assert re.search(rf"^{name}\b", readme, flags=re.MULTILINE), f"{name} is not in the output shown"


def test_every_name_and_picture_that_is_mentioned_exists(readme, repository):
    for name in re.findall(r"\bbn\.(\w+)", readme):
        assert name in bn.__all__, f"bn.{name}"
    for path in re.findall(r"!?\[[^]]*\]\((?!http)([^)]+)\)", readme):
        assert (repository / path).exists(), path
