"""Intervals side by side, quantiles and pairs of random effects: every picture can be drawn and read."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import bayes_nlmem as bn
from bayes_nlmem.plots.effect_pairs import plot_effect_pairs, plot_effect_quantiles
from bayes_nlmem.plots.style import new_figure


def test_quantiles_name_the_outermost_subjects(stand_in, tmp_path):
    figure = plot_effect_quantiles(stand_in)
    figure.savefig(tmp_path / "x.png")
    assert [len(axes.texts) for axes in figure.axes] == [3, 3]
    own = new_figure(4, 2)
    assert plot_effect_quantiles(stand_in, axes=own.subplots(1, 2)) is own
    with pytest.raises(bn.BayesNlmemError, match="2 axes, one per panel, got 1"):
        plot_effect_quantiles(stand_in, axes=[own.axes[0]])


def test_pairs_show_the_correlation_that_was_learnt(stand_in, tmp_path):
    posterior = stand_in.draws["posterior"].to_dataset()
    posterior["corr_KA_CL"] = (("chain", "draw"), np.full((2, 50), 0.4))
    stand_in.draws = xr.DataTree.from_dict({"posterior": posterior})
    figure = plot_effect_pairs(stand_in)
    figure.savefig(tmp_path / "x.png")
    assert "0.40\n(0.40 to 0.40)" in [text.get_text() for axes in figure.axes for text in axes.texts]


def test_exposures_are_sorted(tmp_path):
    intervals = pd.DataFrame({"ID": [1, 2, 3], "DOSE": 1})
    values = xr.Dataset({"CMAX": (("sample", "interval"), np.tile([3.0, 1.0, 2.0], (5, 1)))})
    figure = bn.plot_exposure(bn.Exposure(values, intervals, {"CMAX": "mg/L"}, "cp"))
    figure.savefig(tmp_path / "x.png")
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["2", "3", "1"]
    assert axes.get_xlabel() == "CMAX [mg/L]"
