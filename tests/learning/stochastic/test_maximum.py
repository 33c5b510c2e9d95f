"""SAEM's estimates stand at the maximum of the exact likelihood, whatever the model is made of."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn
from tests.learning.stochastic.steepness import errors_away
from tests.learning.stochastic.test_estimation import EXACT, MINUS_TWICE, VARIANCES

pytestmark = pytest.mark.slow
CLOSE = 0.3  # standard errors


def at_maximum(model, data, *, nodes=9, **options):
    result = bn.saem(model, data, seed=1, progress=False, **options)
    assert result.convergence().ok, str(result.convergence())
    away = errors_away(result, nodes)
    assert max(away.values()) < CLOSE, away
    return result


def test_equations_give_what_the_closed_form_gives(theophylline):
    """The same study by an ODE: exact ML within 0.3 standard errors."""
    model, data = theophylline

    def rates(y, *, KA, CL, V):
        return {"depot": -KA * y.depot, "central": KA * y.depot - CL / V * y.central}

    structure = bn.ODE(rates, outputs=lambda y, p: {"cp": y.central / p.V})
    by_equations = bn.Model(
        structure=structure, parameters=dict(model.parameters), residuals=dict(model.residuals)
    )
    result = bn.saem(by_equations, data, seed=1, progress=False)
    assert result.convergence().ok
    value = result.estimates["value"]
    for name, (exact, se) in EXACT.items():
        assert abs(value[name] - exact) < CLOSE * se, name
    for name, (exact, se) in VARIANCES.items():
        assert abs(value[name] ** 2 - exact) < CLOSE * se, name
    assert abs(result.likelihood["minus_twice"] - MINUS_TWICE) < 4 * result.likelihood["error"] + 0.05


def test_censored_values_count_by_their_probability(theophylline):
    """M3 with a fifth of the values below the limit."""
    model, data = theophylline
    below = bn.censored(data, "M3", lloq=3.0)
    assert 0.1 < (below.table["CENS"] == 1).sum() / 120 < 0.5
    result = at_maximum(model, below)
    whole = bn.log_likelihood(model, below, at=result, method="quadrature").minus_twice
    assert abs(result.likelihood["minus_twice"] - whole) < 4 * result.likelihood["error"] + 0.05


def test_the_posterior_mode(theophylline):
    """Priors that matter, in every role: typical value, standard deviation of an effect, error."""
    model, data = theophylline
    model = model.with_parameter("KA", typical=bn.LogNormal(0.8, sigma=0.2), iiv=bn.HalfNormal(0.2))
    result = at_maximum(model, data, priors=True, likelihood=False)
    assert result.estimates.loc["KA_pop", "value"] < 1.45


def test_occasions_within_subjects():
    """Two occasions: the two-level form does not lose the variance between them."""
    rng = np.random.default_rng(8)
    rows = []
    for subject in range(1, 41):
        eta = 0.3 * rng.normal()
        for occasion in (1, 2):
            cl = 5.0 * np.exp(eta + 0.2 * rng.normal())
            start = 100.0 * (occasion - 1)
            own = {"ID": subject, "OCC": occasion}
            rows.append({**own, "TIME": start, "AMT": 100.0, "EVID": 1, "DV": np.nan})
            for t in (1.0, 6.0, 12.0):
                c = 100 / 50 * np.exp(-cl / 50 * t) * (1 + 0.1 * rng.normal())
                rows.append({**own, "TIME": start + t, "AMT": 0.0, "EVID": 0, "DV": c})
    parameters = {
        "CL": bn.Parameter(bn.LogNormal(4.0, cv=1.0), iiv=bn.HalfNormal(1.0), iov=bn.HalfNormal(1.0)),
        "V": bn.Parameter(bn.LogNormal(40.0, cv=1.0)),
    }
    model = bn.Model(
        structure=bn.OneCompartment(),
        parameters=parameters,
        residuals={"cp": bn.Proportional(bn.HalfNormal(0.5))},
    )
    result = at_maximum(model, bn.read(pd.DataFrame(rows)))
    assert_allclose(result.estimates.loc["gamma_CL", "value"], 0.2, atol=0.08)


def test_toenail(published):
    """Binary outcomes, a random intercept: exact_ml, own adaptive quadrature elsewhere."""
    study = published("toenail")
    result = at_maximum(study.model, study.data, nodes=25)
    assert_allclose(result.likelihood["minus_twice"], 1250.871, atol=0.5)


def test_emax_with_a_block(published):
    """PD1: exact_ml 2466.284 (+-0.02)."""
    study = published("pd1")
    result = at_maximum(study.model, study.data)
    assert_allclose(result.likelihood["minus_twice"], 2466.284, atol=0.6)


def at_boundary(model, data, name, nodes):
    """A standard deviation whose maximum is zero is named; the others stand at their maximum."""
    result = bn.saem(model, data, seed=1, progress=False)
    assert result.record.settled and result.record.vanishing == [name]
    assert f"{name} goes to zero" in str(result.convergence())
    assert np.isnan(result.estimates.loc[name, "se"])
    away = errors_away(result, nodes)
    assert len(away) == len(result.covariance) - 1 and max(away.values()) < CLOSE, away
    return result


def test_cow(published):
    """560 animals, 5455 weights: saemix' -2LL is 53723 to 53725, its omega_B 0.003 (SE 0.01)."""
    study = published("cow")
    result = at_boundary(study.model, study.data, "omega_B", 7)
    assert 53721 < result.likelihood["minus_twice"] < 53726


def test_lung(published):
    """One event per subject: by quadrature -2LL falls as omega does, 2269.46 at 0.22 to 2268.99 at 0.02."""
    study = published("lung")
    model = study.model.with_parameter("Te", iiv=bn.HalfNormal(1))
    result = at_boundary(model, study.data, "omega_Te", 25)
    assert_allclose(result.likelihood["minus_twice"], 2269.2, atol=0.9)


def test_a_correlation_at_one(published):
    """Theophylline, by quadrature: OFV 96.56 at a correlation of 0.5, 92.58 at 0.9, 91.87 at 0.999."""
    study = bn.zoo.load("theophylline")
    result = bn.saem(study.model, study.data, likelihood=False, seed=1, progress=False)
    assert result.record.vanishing == ["partial_CL_V[0]"]
    assert "the correlation of CL, V goes to 1 or -1" in str(result.convergence())
    assert result.estimates.loc["corr_CL_V", "value"] > 0.99
    assert np.isnan(result.estimates.loc["corr_CL_V", "se"])
    assert_allclose(result.estimates.loc["V_pop", "se"], 1.0, rtol=0.3)
