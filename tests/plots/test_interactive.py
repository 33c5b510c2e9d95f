"""Interactive pictures hold the same figures as the printed ones, and say so where Plotly is missing."""

import sys

import numpy as np
import pytest

import bayes_nlmem as bn

EXPLORERS = ["explore_individual_fits", "explore_goodness_of_fit", "explore_random_effects"]


@pytest.mark.parametrize("name", EXPLORERS)
def test_without_plotly_it_says_what_to_install(name, stand_in, monkeypatch):
    monkeypatch.setitem(sys.modules, "plotly.graph_objects", None)
    monkeypatch.setitem(sys.modules, "plotly", None)
    with pytest.raises(bn.BayesNlmemError, match=r'pip install "bayes-nlmem\[plotly\]"'):
        getattr(bn, name)(stand_in)


@pytest.fixture
def plotly():
    return pytest.importorskip("plotly", reason="plotly is not installed")


@pytest.mark.parametrize("log_scale", [False, True])
def test_individual_fits_have_a_menu_of_subjects(plotly, stand_in, log_scale):
    figure = bn.explore_individual_fits(stand_in, log_scale=log_scale)
    [menu] = figure.layout.updatemenus
    assert [button.label for button in menu.buttons][:2] == ["all subjects", "ID 1"]
    visible = menu.buttons[1].args[0]["visible"]
    assert sum(visible) == 5 and len(visible) == len(figure.data) == 5 * 14
    observed = figure.data[3]
    seen = stand_in.predictions()
    np.testing.assert_allclose(observed.y, seen[seen.ID == 1].DV)
    assert "ID 1" in figure.to_json() and "<html>" in figure.to_html(include_plotlyjs="cdn")


def test_goodness_points_know_their_subject(plotly, stand_in):
    figure = bn.explore_goodness_of_fit(stand_in)
    clouds = [trace for trace in figure.data if trace.mode == "markers"]
    seen = stand_in.predictions()
    assert len(clouds) == 4 and len(clouds[0].x) == (seen.CENS == 0).sum()
    assert clouds[0].customdata[0][0] == "1" and "ID %{customdata[0]}" in clouds[0].hovertemplate


def test_effects_are_drawn_against_every_covariate(plotly, stand_in):
    figure = bn.explore_random_effects(stand_in)
    assert len([trace for trace in figure.data if trace.mode == "markers"]) == 4
    assert figure.layout.xaxis.title.text == "WT [kg]"
