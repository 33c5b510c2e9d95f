"""Random effects are shown against the model's normal distribution and against every covariate."""

import pytest

from bayes_nlmem.ground.messages import BayesNlmemError
from bayes_nlmem.plots.effects import (
    plot_effects_against_covariates,
    plot_random_effects,
    random_effect_means,
)


def test_the_title_tells_the_shrinkage(stand_in, tmp_path):
    figure = plot_random_effects(stand_in)
    figure.savefig(tmp_path / "x.png")
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["KA, shrinkage 12 %", "CL, shrinkage 3 %"]


def test_one_panel_for_each_covariate_and_parameter(stand_in, tmp_path):
    figure = plot_effects_against_covariates(stand_in)
    figure.savefig(tmp_path / "x.png")
    labels = [(axes.get_xlabel(), axes.get_ylabel()) for axes in figure.axes]
    assert labels == [("WT [kg]", "η KA"), ("WT [kg]", "η CL"), ("SEX", "η KA"), ("SEX", "η CL")]


def test_every_panel_tells_its_shrinkage_and_the_test(stand_in):
    titles = [axes.get_title(loc="left") for axes in plot_effects_against_covariates(stand_in).axes]
    assert all(title.startswith("shrinkage") and "test:" in title for title in titles)
    assert not any("high" in title for title in titles)


def test_high_shrinkage_is_a_warning(stand_in):
    posterior = stand_in.draws["posterior"].to_dataset()
    posterior["eta"] = 0.3 * posterior["eta"]
    stand_in.draws = {"posterior": posterior}
    figure = plot_effects_against_covariates(stand_in)
    assert "(high)" in figure.axes[0].get_title(loc="left")
    assert "Shrinkage above 30 % in CL, KA" in figure.get_suptitle()


def test_means_have_a_row_for_each_subject(stand_in):
    means = random_effect_means(stand_in)
    assert list(means.index) == list(range(1, 15)) and list(means.columns) == ["KA", "CL"]


def test_what_cannot_be_drawn_is_refused_with_a_remedy(stand_in):
    stand_in.data.covariates = {}
    with pytest.raises(BayesNlmemError, match=r"covariates=\["):
        plot_effects_against_covariates(stand_in)
    stand_in.draws = {"posterior": {}}
    with pytest.raises(BayesNlmemError, match="random effects, got one without"):
        plot_random_effects(stand_in)
