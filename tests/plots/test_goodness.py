"""Goodness of fit has six panels, each with its names and units, and leaves censored observations out."""

import numpy as np
from matplotlib.figure import Figure

from bayes_nlmem.plots.goodness import plot_goodness_of_fit


def test_six_panels_with_names_and_units(stand_in):
    labels = [(axes.get_xlabel(), axes.get_ylabel()) for axes in plot_goodness_of_fit(stand_in).axes]
    assert labels == [
        ("Population prediction [mg/L]", "Observed [mg/L]"),
        ("Individual prediction [mg/L]", "Observed [mg/L]"),
        ("Individual prediction [mg/L]", "|IWRES|"),
        ("Time [h]", "IWRES"),
        ("Population prediction [mg/L]", "IWRES"),
        ("Normal quantiles", "IWRES quantiles"),
    ]


def test_censored_observations_are_left_out(stand_in):
    seen = stand_in.predictions()
    cloud = plot_goodness_of_fit(stand_in).axes[0].lines[1]
    assert len(cloud.get_xdata()) == int((seen.CENS == 0).sum()) < len(seen)


def test_it_draws_where_it_is_told_to(stand_in):
    figure = Figure()
    axes = figure.subplots(2, 3)
    assert plot_goodness_of_fit(stand_in, axes=axes, log_scale=True) is figure
    assert axes[0, 0].get_xscale() == "log"


def test_a_study_with_everything_censored_still_gives_a_page(stand_in, tmp_path):
    seen = stand_in.predictions()
    stand_in.predictions = lambda: seen.assign(CENS=1, IWRES=np.nan)
    plot_goodness_of_fit(stand_in).savefig(tmp_path / "x.png")
