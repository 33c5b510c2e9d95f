"""A patient under several models, with occasions, and with several endpoints; and its picture."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn
from bayes_nlmem.dosing.averaging import members_of
from bayes_nlmem.dosing.outlook import outlook

RECORDS = pd.DataFrame({"ID": 1, "TIME": [0.0, 10.0], "AMT": [100.0, 0], "EVID": [1, 0], "DV": [np.nan, 3.2]})


def volume_only(volume, spread=0.3, error=0.2):
    """An observation of log-normal error with a log-normal volume: everything is normal on the log scale."""
    return bn.Model(
        structure=bn.OneCompartment(),
        parameters={"CL": bn.Parameter(1.0), "V": bn.Parameter(volume, iiv=spread)},
        residuals={"cp": bn.LogNormalError(error)},
    )


@pytest.fixture(scope="module")
def members():
    return {
        name: bn.individualize(volume_only(volume), RECORDS, draws=400)
        for name, volume in {"small": 20.0, "large": 40.0}.items()
    }


@pytest.mark.slow
def test_the_evidence_is_the_marginal_density(members):
    """By quadrature over the one effect."""
    eta = np.linspace(-3, 3, 20001)
    for name, volume in {"small": 20.0, "large": 40.0}.items():
        v = volume * np.exp(eta)
        prediction = 100 / v * np.exp(-10 / v)
        z = (np.log(3.2) - np.log(prediction)) / 0.2
        likelihood = np.exp(-0.5 * z**2) / (0.2 * np.sqrt(2 * np.pi) * 3.2)
        prior = np.exp(-0.5 * (eta / 0.3) ** 2) / (0.3 * np.sqrt(2 * np.pi))
        exact = np.log(np.sum(likelihood * prior) * (eta[1] - eta[0]))
        assert_allclose(members[name].log_evidence, exact, atol=0.05)


@pytest.mark.slow
def test_weights_are_posterior_probabilities(members):
    even = bn.average_individuals(members)
    odds = np.exp(members["small"].log_evidence - members["large"].log_evidence)
    assert_allclose(even.weights["small"] / even.weights["large"], odds)
    doubted = bn.average_individuals(members, prior={"small": 1, "large": 9})
    assert_allclose(doubted.weights["small"] / doubted.weights["large"], odds / 9)
    counts = [count for _, count in members_of(even, 101)]
    assert sum(counts) == 101
    assert_allclose(counts[0], 101 * even.weights["small"], atol=1)


@pytest.mark.slow
def test_a_dose_is_chosen_under_all_models(members):
    both = bn.average_individuals(members)
    target = bn.Target("AUC", low=90, high=110, over=(0, 24))
    options = {"amounts": [100, 200], "draws": 200}
    found = bn.choose_dose(both, bn.Regimen(100), target, **options).table["MEDIAN"]
    alone = [bn.choose_dose(m, bn.Regimen(100), target, **options).table["MEDIAN"] for m in members.values()]
    low, high = np.minimum(*alone), np.maximum(*alone)
    assert ((found >= low - 1e-9) & (found <= high + 1e-9)).all()


@pytest.mark.slow
def test_models_that_do_not_match_are_refused(members):
    small = members["small"]
    other = bn.individualize(volume_only(30.0), RECORDS.assign(DV=[np.nan, 3.3]), draws=10)
    with pytest.raises(bn.FitError, match="at least two"):
        bn.average_individuals({"one": small})
    with pytest.raises(bn.FitError, match="same observations"):
        bn.average_individuals({"one": small, "two": other})
    with pytest.raises(bn.FitError, match="a weight above 0"):
        bn.average_individuals(members, prior={"small": 1, "large": -1})


OCCASIONS = bn.Model(
    structure=bn.OneCompartment(),
    parameters={"CL": bn.Parameter(4.0, iiv=0.4, iov=0.2), "V": bn.Parameter(70.0, iiv=0.3)},
    residuals={"cp": bn.Proportional(0.15)},
)


@pytest.mark.slow
def test_one_occasion_of_a_known_population_will_do():
    """IOV cannot be learnt from one patient, but it can be taken into account."""
    rows = {"ID": 1, "TIME": [0.0, 2, 20], "AMT": [1000.0, 0, 0], "EVID": [1, 0, 0], "OCC": 1}
    patient = bn.individualize(OCCASIONS, pd.DataFrame(rows).assign(DV=[np.nan, 12.0, 4.0]), draws=400)
    posterior = patient.draws["posterior"]
    assert posterior["kappa"].sizes["occasion"] == 1
    assert patient.modes["OCCASION"].tolist()[-1] == 1
    # in a new occasion clearance is less certain than in the one that was seen
    target = bn.Target("AUC", low=100, high=200, over=(0, 200))
    later = bn.choose_dose(patient, bn.Regimen(1000), target, start=500.0, draws=400)
    auc = later.quantities[later.table["REGIMEN"].iloc[0]]
    seen = np.log(posterior["CL"].values.ravel()).std()
    assert_allclose(np.log(auc).std(), np.hypot(seen, 0.2 * 2**0.5), rtol=0.25)


@pytest.mark.slow
def test_forecasts_know_the_endpoint(shared_pkpd):
    """Two endpoints: the effect alone was seen, the concentration is predicted from it."""
    patient, model = shared_pkpd
    assert patient.method == "importance"
    found = outlook(patient, output="cp", until=48.0, draws=200)
    assert found.observations.empty
    effect = outlook(patient, output="effect", draws=200)
    assert effect.observations["DV"].tolist() == [55.0]
    assert (found.table["LOWER"] <= found.table["UPPER"]).all()
    sample = bn.next_sample(patient, at=[25.0, 40.0], about="EC50", output="effect", draws=200)
    assert sample.output == "effect"
    with pytest.raises(bn.FitError, match="among cp, effect"):
        outlook(patient, output="pca")


@pytest.fixture(scope="module")
def shared_pkpd():
    model = bn.Model(
        structure=bn.ODE(
            "d/dt(A) = -CL/V*A\ncp = A/V\neffect = 100/(1 + cp/EC50)",
            outputs=["cp", "effect"],
        ),
        parameters={
            "CL": bn.Parameter(1.0, iiv=0.3),
            "V": bn.Parameter(20.0),
            "EC50": bn.Parameter(3.0, iiv=0.4),
        },
        residuals={"cp": bn.Proportional(0.1), "effect": bn.Additive(4.0)},
        endpoints={"cp": 1, "effect": 2},
    )
    rows = {
        "ID": 1,
        "TIME": [0.0, 24],
        "AMT": [100.0, 0],
        "EVID": [1, 0],
        "DVID": [0, 2],
        "DV": [np.nan, 55.0],
    }
    return bn.individualize(model, pd.DataFrame(rows), draws=400), model


@pytest.mark.slow
def test_the_picture_tells_past_from_future(members):
    figure = bn.plot_individual(members["small"], until=40.0, draws=100)
    [axes] = figure.axes
    labels = axes.get_legend_handles_labels()[1]
    assert {"observed", "dose", "this patient, median", "typical patient"} <= set(labels)
    assert [line.get_xdata()[0] for line in axes.lines if len(set(line.get_xdata())) == 1][-1] == 10.0
    both = bn.plot_individual(bn.average_individuals(members), regimen=bn.Regimen(50), draws=100)
    assert both.axes[0].get_xlim()[1] > 10
    with pytest.raises(bn.FitError, match="only with a regimen"):
        bn.plot_individual(members["small"], start=12.0)
    with pytest.raises(bn.FitError, match="at or after the last record"):
        bn.plot_individual(members["small"], until=5.0)


@pytest.mark.slow
def test_bands_hold_what_they_say(members):
    """The patient's band is the narrower one, until the curves of all volumes meet, at t = V/CL = 20."""
    found = outlook(members["small"], until=15.0, draws=400).table
    own = found["UPPER"] / found["LOWER"]
    new = found["POPULATION_UPPER"] / found["POPULATION_LOWER"]
    late = found["TIME"] > 0.1
    assert (own[late] < new[late]).all()
    assert (found["SEEN_UPPER"] >= found["UPPER"])[late].all()
    at = found.iloc[[1]]
    assert_allclose(np.log(at["POPULATION_UPPER"] / at["PRED"]), 1.645 * 0.3, rtol=0.15)
