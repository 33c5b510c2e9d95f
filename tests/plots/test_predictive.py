"""Pictures of predictive checks say what they show, keep to the axes they are given, and refuse the rest."""

import numpy as np
import pytest

import bayes_nlmem as bn


def check(strata=None, lloq=None):
    rng = np.random.default_rng(1)
    x = np.tile([1.0, 2.0, 4.0], 20)
    y, ys = np.exp(rng.normal(size=60)), np.exp(rng.normal(size=(100, 60)))
    flags = None if lloq is None else (y < lloq).astype(int)
    return bn.vpc_of_arrays(x, y, ys, strata=strata, censored=flags, lloq=lloq, x_label="Time [h]")


def text(figure):
    return [entry.get_text() for legend in figure.legends for entry in legend.get_texts()]


def test_a_check_has_one_panel_and_a_legend_that_explains_the_bands():
    figure = bn.plot_vpc(check())
    assert len(figure.axes) == 1 and figure.axes[0].get_xlabel() == "Time [h]"
    assert "95 % interval of the simulated median" in text(figure)
    assert "95 % intervals of the simulated percentiles 5 and 95" in text(figure)


def test_every_stratum_has_a_panel_and_a_limit_adds_the_share_below_it():
    strata = np.repeat(["men", "women"], 30)
    assert [axes.get_title(loc="left") for axes in bn.plot_vpc(check(strata)).axes] == ["men", "women"]
    figure = bn.plot_vpc(check(strata, lloq=0.5), log_scale=True, bands="boxes")
    labels = [axes.get_ylabel() for axes in figure.axes]
    assert labels.count("Below the LLOQ [%]") == 2
    assert "limit of quantification" in text(figure)


def test_pictures_are_drawn_where_they_are_asked_to(tmp_path):
    from matplotlib.figure import Figure

    own = Figure()
    axes = own.subplots(1, 1)
    assert bn.plot_vpc(check(), axes=axes) is own
    own.savefig(tmp_path / "own.png")
    with pytest.raises(bn.ModelError, match="2 axes"):
        bn.plot_vpc(check(lloq=0.5), axes=axes)


@pytest.mark.parametrize(
    ("arguments", "said"), [({"bands": "lines"}, "ribbon, boxes"), ({"draws": 5}, "no options beside")]
)
def test_wrong_words_are_refused(arguments, said):
    with pytest.raises(bn.ModelError, match=said):
        bn.plot_vpc(check(), **arguments)


def categories():
    rng = np.random.default_rng(2)
    return bn.vpc_categories_of_arrays(
        np.tile([0.0, 1.0], 30), rng.integers(0, 3, 60), rng.integers(0, 3, (50, 60)), y_label="pain"
    )


def test_categories_have_one_panel_each():
    figure = bn.plot_vpc(categories())
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["pain = 0", "pain = 1", "pain = 2"]
    with pytest.raises(bn.ModelError, match="only with measurements"):
        bn.plot_vpc(categories(), log_scale=True)


def test_errors_have_four_panels():
    rng = np.random.default_rng(3)
    errors = bn.npde_of_arrays(rng.normal(size=40), rng.normal(size=(200, 40)), np.repeat(range(10), 4))
    figure = bn.plot_npde(errors)
    assert figure.axes[2].get_title(loc="left").startswith("adjusted p: mean")
    with pytest.raises(bn.ModelError, match="NPDE, NPD"):
        bn.plot_npde(errors, errors="npde")


def test_the_numerical_check_has_a_side_below_and_one_above(tmp_path):
    rng = np.random.default_rng(4)
    table = bn.numerical_predictive_check_of_arrays(rng.normal(size=99), rng.normal(size=(99, 99)))
    figure = bn.plot_numerical_predictive_check(table)
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "below the interval",
        "above the interval",
    ]
    figure.savefig(tmp_path / "check.png")


def test_a_page_of_residuals_has_six_panels(small_fit):
    table = bn.residuals(small_fit, draws=60, seed=1)
    figure = bn.plot_residuals(small_fit, residual="CWRES", table=table)
    assert len(figure.axes) == 6 and figure.axes[3].get_ylabel() == "|CWRES|"
    with pytest.raises(bn.ModelError, match="residual one of"):
        bn.plot_residuals(small_fit, residual="RES", table=table)
    with pytest.raises(bn.ModelError, match="a table with NPDE"):
        bn.plot_residuals(small_fit, table=small_fit.predictions())


def test_a_logarithmic_axis_of_time_has_plain_numbers_and_room():
    """A bin that begins at 0 has no place on it; its tick took all room from the panels once."""
    rng = np.random.default_rng(3)
    x = np.tile([0.0, 0.5, 2.0, 8.0, 24.0], 20)
    check = bn.vpc_of_arrays(x, rng.lognormal(size=100), rng.lognormal(size=(60, 100)), x_label="Time [h]")
    figure = bn.plot_vpc(check, log_x=True)
    figure.draw_without_rendering()  # a layout that fails warns, and warnings are errors
    (panel,) = figure.axes
    assert {"1", "10"} <= {label.get_text() for label in panel.get_xticklabels()}
    assert panel.get_position().height > 0.5
