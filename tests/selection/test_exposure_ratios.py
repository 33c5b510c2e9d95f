"""Effects of covariates on exposure are ratios to the reference subject, judged against a range."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn


def test_exposure_goes_against_clearance(small_fit):
    table = bn.exposure_ratios(small_fit).set_index(["quantity", "label"])["ratio"]
    for label in dict.fromkeys(label for _, label in table.index):
        assert_allclose(table["CL", label] * table["AUC", label], 1.0, rtol=1e-6)


def test_a_known_exponent_gives_a_known_ratio(small_fit):
    weight = small_fit.model.parameters["CL"].covariates["WT"]
    table = bn.exposure_ratios(small_fit, at={"WT": [2 * 70.5]}, exposure={"CL": lambda p: p["CL"]})
    row = table.iloc[0]
    if not isinstance(weight.exponent, bn.Prior):
        assert_allclose(row["lower"], row["upper"])
    assert row["ratio"] > 1 and row["verdict"] in ("relevant", "uncertain")


def test_covariates_that_are_not_there_are_named(small_fit):
    with pytest.raises(bn.FitError, match="WT"):
        bn.exposure_ratios(small_fit, at={"AGE": [40]})


def test_signals_take_shrinkage_into_account(small_fit):
    signals = bn.covariate_signals(small_fit)
    assert list(signals["parameter"]) == ["KA", "CL", "V"]
    assert np.all(signals["se"] > 0)
    assert np.all(signals["p"].between(0, 1))
