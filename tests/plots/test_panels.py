"""Pictures go into the axes that the user brings."""

import pytest

import bayes_nlmem as bn
from bayes_nlmem.plots.style import new_figure


@pytest.mark.parametrize(("name", "count"), [("plot_random_effects", 2), ("plot_observations", 2)])
def test_own_axes_are_used_and_counted(name, count, stand_in):
    subject = stand_in.data if name == "plot_observations" else stand_in
    figure = new_figure(8, 3)
    own = figure.subplots(1, count)
    assert getattr(bn, name)(subject, axes=own) is figure
    assert all(axes.get_xlabel() for axes in own) and not figure.legends
    with pytest.raises(bn.BayesNlmemError, match=f"{count} axes, one per panel, got 1"):
        getattr(bn, name)(subject, axes=own[0])


def test_a_logarithmic_axis_says_what_it_cannot_show():
    figure = bn.plot_observations(bn.zoo.load("theophylline").data)
    assert figure.axes[1].get_title(loc="left") == "9 at or below 0 not shown"
