"""The data are shown as they are, on a linear and on a logarithmic axis."""

from bayes_nlmem.plots.observations import plot_observations


def test_linear_and_logarithmic_side_by_side(stand_in, tmp_path):
    figure = plot_observations(stand_in.data)
    figure.savefig(tmp_path / "x.png")
    assert [axes.get_yscale() for axes in figure.axes] == ["linear", "log"]
    assert {axes.get_xlabel() for axes in figure.axes} == {"Time [h]"}


def test_each_kind_of_observation_has_its_row(stand_in):
    table = stand_in.data.table
    stand_in.data.table = table.assign(DVID=1 + table.index % 2)
    figure = plot_observations(stand_in.data, log_scale=False)
    assert sorted(axes.get_ylabel() for axes in figure.axes) == ["DV, DVID 1 [mg/L]", "DV, DVID 2 [mg/L]"]
