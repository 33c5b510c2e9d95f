"""Bridge sampling where the evidence has a formula: everything is normal."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import multivariate_normal

import bayes_nlmem as bn

pytestmark = pytest.mark.slow


def level(base):
    return base


def test_evidence_of_a_conjugate_model():
    """base_i ~ N(mu, 2), mu ~ N(10, 5), y ~ N(base_i, 0.5): y is multivariate normal."""
    rng = np.random.default_rng(3)
    rows = [
        {"ID": subject, "TIME": float(k), "DV": base + 0.5 * rng.normal()}
        for subject, base in enumerate(8 + 2 * rng.normal(size=8), 1)
        for k in range(3)
    ]
    data = bn.read(pd.DataFrame(rows))
    model = bn.Model(
        structure=bn.Function(level),
        parameters={"base": bn.Parameter(bn.Normal(10, 5), iiv=2.0, scale=bn.Natural())},
        residuals={"level": bn.Additive(0.5)},
    )
    subject = data.table["ID"].to_numpy()
    covariance = 25.0 + 4.0 * (subject[:, None] == subject) + 0.25 * np.eye(len(subject))
    exact = multivariate_normal(np.full(len(subject), 10.0), covariance).logpdf(data.table["DV"])
    fit = bn.fit(model, data, draws=500, tune=300, chains=2, cores=1, seed=1, progress=False)
    found = bn.log_evidence(fit)
    assert found.converged and found.error < 0.05
    assert abs(found.value - exact) < 4 * found.error + 0.005
    # The same model with a prior twice as wide: the factor is known, too.
    wide = bn.fit(
        model.with_priors({"base_pop": bn.Normal(10, 10)}),
        data,
        draws=500,
        tune=300,
        chains=2,
        cores=1,
        seed=2,
        progress=False,
    )
    other = multivariate_normal(np.full(len(subject), 10.0), covariance + 75.0).logpdf(data.table["DV"])
    factor = bn.bayes_factor(fit, wide)
    assert abs(factor.log_value - (exact - other)) < 4 * factor.error + 0.01
