"""Priors in the words of a clinician: exposure before any data are used."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn
from bayes_nlmem.ground.messages import ModelError


@pytest.fixture
def study():
    table = pd.DataFrame({"ID": 1, "TIME": [0.0, 48.0], "AMT": [100.0, 0.0], "DV": [np.nan, 1.0]})
    model = bn.Model(
        structure=bn.OneCompartment(),
        parameters={"CL": bn.Parameter(bn.LogNormal(4.0, cv=0.3)), "V": bn.Parameter(40.0)},
        residuals={"cp": bn.Proportional(0.1)},
    )
    return model, bn.read(table)


def test_exposure_under_the_priors_is_that_of_the_formula(study):
    found = bn.prior_predictive(*study, draws=300, plausible={"half-life": (4.0, 12.0)}, seed=1)
    table = found.table()
    assert_allclose(found.values["Cmax"], 2.5)
    expected = np.log(2) * 40 / 4.0 * np.exp(0.2936 * np.array([-1.645, 0, 1.645]))
    assert_allclose(table.loc["half-life", ["5%", "50%", "95%"]].astype(float), expected, rtol=0.1)
    assert 0.8 < table.loc["half-life", "inside"] < 1
    area = 100 / (np.log(2) * 40 / found.values["half-life"])
    covered = 1 - np.exp(-48 * np.log(2) / found.values["half-life"])
    assert_allclose(found.values["AUC"], area * covered, rtol=1e-3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"about": ("peak",)}, "about some of Cmax"),
        ({"about": ("Cmax",), "plausible": {"AUC": (1, 2)}}, "would have no effect"),
        ({"output": "pca"}, "an output among"),
    ],
)
def test_unknown_questions_are_refused(study, arguments, message):
    with pytest.raises(ModelError, match=message):
        bn.prior_predictive(*study, draws=5, **arguments)
