"""The posterior is the same in whatever coordinates it is sampled."""

import numpy as np
import pytest

import bayes_nlmem as bn

SETTINGS = {"chains": 4, "progress": False}


def few_theophylline():
    """Five subjects, where standard deviations may be zero: the bend of the coordinates matters."""
    study = bn.zoo.load("theophylline")
    return study.model, bn.subset(study.data, list(study.data.table["ID"].unique()[:5]))


def whole(name):
    """A study of the zoo."""
    study = bn.zoo.load(name)
    return study.model, study.data


# sparse routine data with a covariate; two samples each; counts; a lag that samples bound
STUDIES = ("theophylline", "phenobarbital", "wang2007", "epilepsy", "warfarin_pk")


@pytest.mark.slow
@pytest.mark.parametrize("name", STUDIES)
def test_whitened_effects_and_standard_normal_ones(name):
    model, data = whole(name)
    settings = SETTINGS | {"draws": 1500, "tune": 1000, "target_accept": 0.95}
    the_same(
        bn.fit(model, data, seed=1, geometry="whitened", **settings),
        bn.fit(model, data, seed=2, geometry="noncentred", **settings),
    )


@pytest.mark.slow
def test_coordinates_learnt_and_straight_by_another_sampler():
    model, data = few_theophylline()
    settings = SETTINGS | {"draws": 2000, "target_accept": 0.95}
    the_same(
        bn.fit(model, data, seed=1, tune=600, **settings),
        bn.fit(model, data, seed=2, tune=1500, geometry="noncentred", sampler="pymc", **settings),
    )


def the_same(one, other):
    """Means agree within four of their standard errors, standard deviations within 20 %."""
    a, b = one.summary(), other.summary()
    unknown = a.index[~a["known"].astype(bool)]
    a, b = a.loc[unknown], b.loc[unknown]
    assert min(a["ess_bulk"].min(), b["ess_bulk"].min()) > 200
    mcse = np.hypot(a["sd"] / np.sqrt(a["ess_bulk"]), b["sd"] / np.sqrt(b["ess_bulk"]))
    assert np.all(np.abs(a["mean"] - b["mean"]) < 4 * mcse)
    assert np.all(np.abs(a["sd"] / b["sd"] - 1) < 0.2)
