"""Occasions belong to their subject's integral: a linear model, whose likelihood is a multivariate normal."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.stats import multivariate_normal

import bayes_nlmem as bn

AT = {"base_pop": 10.0, "omega_base": 2.0, "gamma_base": 1.0, "sigma_level_add": 0.5}


def level(base):
    return base


@pytest.fixture(scope="module")
def study():
    """Three subjects with one, two and three occasions: the integrals differ in dimension."""
    rng = np.random.default_rng(5)
    rows = []
    for subject, occasions in ((1, 1), (2, 2), (3, 3)):
        for occasion in range(1, occasions + 1):
            for k in range(2):
                value = 10 + rng.normal(0, 2.3)
                rows.append({"ID": subject, "TIME": 10.0 * occasion + k, "DV": value, "OCC": occasion})
    parameter = bn.Parameter(bn.Normal(10, 5), iiv=bn.HalfNormal(3), iov=bn.HalfNormal(2), scale=bn.Natural())
    model = bn.Model(
        structure=bn.Function(level),
        parameters={"base": parameter},
        residuals={"level": bn.Additive(bn.HalfNormal(1))},
    )
    return model, bn.read(pd.DataFrame(rows))


def exact(data):
    found = []
    for _, rows in data.table.groupby("SUBJECT"):
        same = rows["OCC"].to_numpy()[:, None] == rows["OCC"].to_numpy()[None, :]
        covariance = 4.0 + 1.0 * same + 0.25 * np.eye(len(rows))
        found.append(multivariate_normal(np.full(len(rows), 10.0), covariance).logpdf(rows["DV"]))
    return found


@pytest.mark.parametrize("method", ["quadrature", "laplace", "focei", "foce", "fo"])
def test_linear_models_are_exact_by_every_method(study, method):
    model, data = study
    found = bn.log_likelihood(model, data, at=AT, method=method)
    assert found.converged
    assert_allclose(found.subjects["LOGLIK"], exact(data), atol=1e-6)


def test_importance_sampling_is_right_within_its_error(study):
    model, data = study
    found = bn.log_likelihood(model, data, at=AT, method="importance", tolerance=0.05, seed=2)
    miss = (found.subjects["LOGLIK"] - exact(data)) / found.subjects["SE"]
    assert np.abs(miss).max() < 4
    kappa = found.effects.query("LEVEL == 'kappa'")
    assert list(kappa["OCCASION"]) == ["1:1", "2:1", "2:2", "3:1", "3:2", "3:3"]
