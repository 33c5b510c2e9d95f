"""Individual fits show every subject, its doses and what lies beyond the limits of quantification."""

import numpy as np
import pandas as pd
import pytest

from bayes_nlmem.ground.messages import BayesNlmemError
from bayes_nlmem.plots.individuals import dose_times, page_count, plot_individual_fits


def titles(figure):
    return [axes.get_title(loc="left") for axes in figure.axes if axes.get_title(loc="left")]


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_every_subject_is_on_exactly_one_page(stand_in):
    pages = [titles(plot_individual_fits(stand_in, page=page)) for page in (1, 2)]
    assert pages == [[f"ID {k}" for k in range(1, 13)], ["ID 13", "ID 14"]]


def test_chosen_subjects_come_in_the_order_asked_for(stand_in):
    assert titles(plot_individual_fits(stand_in, subjects=[5, 2])) == ["ID 5", "ID 2"]


def test_axes_carry_names_and_units(stand_in):
    figure = plot_individual_fits(stand_in)
    assert (figure.get_supxlabel(), figure.get_supylabel()) == ("Time [h]", "cp [mg/L]")


def test_the_legend_explains_every_mark_that_is_there(stand_in):
    assert legend(plot_individual_fits(stand_in)) == [
        "observed",
        "beyond the LOQ",
        "individual, posterior median",
        "its 90 % credible band",
        "typical subject",
        "dose",
    ]


def test_the_legend_is_silent_about_marks_that_are_not_there(stand_in):
    seen = stand_in.predictions()
    stand_in.predictions = lambda: seen.assign(CENS=0)
    stand_in.data.table = stand_in.data.table[stand_in.data.table.EVID == 0]
    assert not {"beyond the LOQ", "dose"} & set(legend(plot_individual_fits(stand_in)))


def test_points_lie_inside_the_axes_on_both_scales(stand_in):
    for log_scale in (False, True):
        figure = plot_individual_fits(stand_in, log_scale=log_scale)
        low, high = figure.axes[0].get_ylim()
        positive = stand_in.predictions().DV
        assert low <= positive.min() and high >= positive.max()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"page": 3}, "page from 1 to 2, got 3"),
        ({"output": "cq"}, r"observed output \(cp\), got 'cq'"),
        ({"subjects": [99]}, "IDs among 1, 2.*got 99"),
    ],
)
def test_what_does_not_exist_is_refused_with_what_does(stand_in, wrong, message):
    with pytest.raises(BayesNlmemError, match=message):
        plot_individual_fits(stand_in, **wrong)


def test_names_with_signs_of_mathematics_are_shown_as_they_are(stand_in, tmp_path):
    for table in (seen := stand_in.predictions(), curves := stand_in.curves()):
        table["ID"] = "A$_1$ " + table["ID"].astype(str)
    stand_in.predictions, stand_in.curves = lambda: seen, lambda points=120: curves
    figure = plot_individual_fits(stand_in, subjects=["A$_1$ 1"])
    figure.savefig(tmp_path / "x.png")
    assert titles(figure) == ["ID A$_1$ 1"]


def test_additional_doses_are_written_out():
    table = pd.DataFrame(
        {
            "ID": ["a", "a", "b", "b"],
            "TIME": [0.0, 5, 0, 1],
            "EVID": [1, 4, 0, 2],
            "ADDL": [2, 0, 0, 0],
            "II": 12.0,
        }
    )
    times = dose_times(table)
    assert list(times) == ["a"]
    np.testing.assert_array_equal(times["a"], [0, 5, 12, 24])


def test_page_count():
    assert [page_count(n, 12) for n in (0, 1, 12, 13)] == [1, 1, 1, 2]


def test_a_notebook_shows_the_figure_and_pyplot_does_not_keep_it(stand_in):
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    assert plot_individual_fits(stand_in, subjects=[1])._repr_png_().startswith(b"\x89PNG")
    assert plt.get_fignums() == before


def test_the_band_of_new_subjects_is_wider_than_a_subject_s_own(small_fit):
    figure = plot_individual_fits(small_fit, subjects=[1], population_band=True)
    assert "90 % of new subjects" in legend(figure)
    bands = [band.get_paths()[0].vertices for band in figure.axes[0].collections]
    assert len(bands) == 2

    def height(band, at=(3.0, 20.0)):
        inside = band[(band[:, 0] > at[0]) & (band[:, 0] < at[1])]
        times = np.unique(inside[:, 0])
        return np.mean([np.ptp(inside[inside[:, 0] == t, 1]) for t in times])

    assert height(bands[0]) > 2 * height(bands[1])


def test_a_study_without_doses_is_laid_out_like_one_with_doses(stand_in):
    table = stand_in.data.table
    stand_in.data.table = table[table.EVID == 0]
    figure = plot_individual_fits(stand_in)
    figure.draw_without_rendering()  # a warning that nothing was laid out is an error here
    assert figure.axes[0].get_position().x0 < 0.1
