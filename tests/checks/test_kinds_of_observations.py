"""Checks that would give meaningless numbers for an endpoint refuse it and name the one that is right."""

import numpy as np
import pandas as pd
import pytest

import bayes_nlmem as bn
from bayes_nlmem.learning.predictions import predictions
from bayes_nlmem.translation.graph import translate

NO_DOSE = ["E_SUBJECT_NO_DOSE"]
NATURAL = bn.Natural()


def study(observation, dv, times=(0.0, 1.0, 3.0), **columns):
    model = bn.Model(
        structure=bn.Function(lambda t, a: {"y": a + 0 * t}),
        parameters={"a": bn.Parameter(bn.Normal(0.5, 0.2), iiv=0.3, scale=NATURAL)},
        residuals={"y": observation},
    )
    subjects = len(dv) // len(times)
    frame = pd.DataFrame({"ID": np.repeat(np.arange(subjects), len(times)), "TIME": [*times] * subjects})
    return model, bn.read(frame.assign(DV=dv, **columns), allow=NO_DOSE)


def events():
    return study(bn.TimeToEvent(bn.ExponentialHazard()), [0, 0, 1, 0, 0, 1, 0, 0, 0])


def binary():
    return study(bn.Bernoulli(), [0, 1, 1, 0, 0, 1, 0, 1, 0])


def counts():
    return study(bn.Poisson(), [0, 1, 4, 2, 0, 1, 0, 1, 3])


def states():
    model = bn.Model(
        structure=bn.Function(lambda t, a: {"y": a + 0 * t, "back": 0.5 - a}),
        parameters={"a": bn.Parameter(bn.Normal(0.5, 0.2), iiv=0.3, scale=NATURAL)},
        residuals={"y": bn.MarkovChain([0, 1], {(0, 1): "y", (1, 0): "back"})},
    )
    return model, binary()[1]


@pytest.fixture
def learnt_of(learnt):
    """A stand-in for a fit with its table of predictions."""

    def make(model, data):
        made = learnt(model, data)
        made.predictions = lambda: predictions(translate(model, data, geometry="centred"), made.draws)
        return made

    return make


@pytest.mark.parametrize(
    ("made", "instead"), [(events, "bn.vpc_events"), (states, "bn.vpc_categories")], ids=["events", "states"]
)
def test_prediction_errors_of_what_cannot_be_ranked_are_refused_before_anything_is_simulated(made, instead):
    simulation = bn.simulate(*made(), draws=5, seed=1)
    with pytest.raises(bn.ModelError, match=rf"Expected measurements, counts or ordered.*got 'y'.*{instead}"):
        bn.npde(simulation)
    with pytest.raises(bn.ModelError, match=instead):
        bn.plot_npde(simulation)


@pytest.mark.parametrize("made", [binary, counts])
def test_categories_and_counts_have_randomised_quantile_residuals(made):
    model, data = made()
    simulation = bn.simulate(model, data, draws=200, seed=1)
    assert bn.npde(simulation).settings["ties"] == "random"
    with pytest.raises(bn.ModelError, match="ties='random' for 'y'"):
        bn.npde(simulation, ties="count")


def test_randomised_quantile_residuals_of_counts_are_normal_under_their_model():
    model, data = study(bn.Poisson(), np.zeros(900))
    made = bn.simulate(model, data, parameters={"a_pop": 0.5}, draws=1, seed=3)
    model, data = study(bn.Poisson(), made.values("y")[0])
    right = bn.npde(bn.simulate(model, data, parameters={"a_pop": 0.5}, draws=400, seed=4))
    assert right.tests["p_adjusted"].min() > 0.01
    wrong = bn.npde(bn.simulate(model, data, parameters={"a_pop": 0.9}, draws=400, seed=4))
    assert wrong.tests.loc[("NPD", "mean"), "p_adjusted"] < 1e-6


@pytest.mark.parametrize("made", [events, binary, counts, states])
def test_shares_outside_of_percentiles_are_for_measurements(made):
    with pytest.raises(bn.ModelError, match="residual error.*bn.vpc_categories.*bn.vpc_events"):
        bn.numerical_predictive_check(bn.simulate(*made(), draws=5, seed=1))


def test_shares_of_events_need_rows_that_are_there_whatever_happens():
    with pytest.raises(bn.ModelError, match="rows that are there whatever happens.*bn.vpc_events"):
        bn.vpc_categories(bn.simulate(*events(), draws=5, seed=1))
    visits = study(
        bn.TimeToEvent(bn.ExponentialHazard()), [0, 0, 1, 0, 0, 1, 0, 0, 0], CENS=[0, 0, 1, 0, 0, 1, 0, 0, 0]
    )
    assert len(bn.vpc_categories(bn.simulate(*visits, draws=5, seed=1)).table)


def test_tables_of_all_residuals_leave_out_what_has_no_meaning(learnt_of):
    fit = learnt_of(*events())
    table = bn.residuals(fit, draws=20, seed=1)
    assert table[["NPD", "NPDE", "EWRES"]].isna().all(axis=None)
    assert table["IWRES"].notna().any()
    ranked = bn.outliers(fit, draws=20, seed=1)
    assert ranked[["residuals_p", "npde_p"]].isna().all(axis=None)
    np.testing.assert_allclose(ranked["p_smallest"], ranked["effects_p"])
    assert bn.residuals(learnt_of(*counts()), draws=20, seed=1)["NPDE"].notna().all()


def test_tail_probabilities_of_the_times_of_events_are_refused(learnt_of):
    with pytest.raises(bn.ModelError, match=r"bn\.vpc_events"):
        bn.predictive_p_values(learnt_of(*events()), draws=20, seed=1)
    assert len(bn.predictive_p_values(learnt_of(*counts()), draws=20, seed=1)) == 4


@pytest.mark.parametrize(
    ("made", "instead"),
    [(events, r"bn\.vpc_events"), (binary, "residual='NPD'"), (states, r"bn\.vpc_categories")],
    ids=["events", "binary", "states"],
)
def test_panels_of_residuals_that_are_never_normal_are_refused(learnt_of, made, instead):
    fit = learnt_of(*made())
    with pytest.raises(bn.ModelError, match=rf"measurements or counts.*{instead}"):
        bn.plot_goodness_of_fit(fit)
    with pytest.raises(bn.ModelError, match=instead):
        bn.plot_residuals(fit, residual="IWRES", table=fit.predictions())
    assert len(bn.plot_goodness_of_fit(learnt_of(*counts())).axes) == 6


def test_the_report_says_where_to_look_instead(learnt_of):
    from bayes_nlmem.reports.chapters.pictures import goodness_of_fit

    (said,) = goodness_of_fit(learnt_of(*binary())).blocks
    assert "predictive checks" in said.text


@pytest.mark.parametrize("made", [events, states])
def test_no_curve_goes_through_events_and_states(learnt_of, made):
    from bayes_nlmem.reports.chapters.pictures import individual_fits

    fit = learnt_of(*made())
    fit.curves = fit.predictions
    with pytest.raises(bn.ModelError, match=r"bn\.vpc_"):
        bn.plot_individual_fits(fit)
    assert individual_fits(fit) is None
