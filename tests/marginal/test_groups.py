"""Effects of sites belong to the integral of all their subjects: a linear model with an exact likelihood."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.stats import multivariate_normal

import bayes_nlmem as bn

AT = {"base_pop": 10.0, "omega_base": 2.0, "omega_base_SITE": 1.5, "sigma_level_add": 0.5}


def level(base):
    return base


def study_of(n_sites: int, spread: float = 1.5, levels: tuple[str, ...] = ("SITE",)):
    """Sites of one to four subjects, two values each; REGION holds two sites."""
    rng = np.random.default_rng(5)
    rows, subject = [], 0
    for site in range(n_sites):
        of_site = spread * rng.normal()
        for _ in range(1 + site % 4):
            subject += 1
            base = 10 + of_site + 2 * rng.normal()
            rows += [
                {"ID": subject, "TIME": float(k), "DV": base + 0.5 * rng.normal(), "SITE": f"s{site}"}
                | {"REGION": f"r{site // 2}"}
                for k in range(2)
            ]
    parameter = bn.Parameter(
        bn.Normal(10, 5),
        iiv=bn.HalfNormal(3),
        varies={name: bn.HalfNormal(2) for name in levels},
        scale=bn.Natural(),
    )
    model = bn.Model(
        structure=bn.Function(level),
        parameters={"base": parameter},
        residuals={"level": bn.Additive(bn.HalfNormal(1))},
        nested={"SITE": "REGION"} if len(levels) > 1 else {},
    )
    return model, bn.read(pd.DataFrame(rows), covariates=list(levels), categorical=list(levels))


def exact(data, at, levels=("SITE",)):
    """-2LL of the multivariate normal."""
    table = data.table
    label = {name: np.asarray(data.covariate(name)) for name in levels}

    def same(x):
        return x[:, None] == x[None, :]

    covariance = at["omega_base"] ** 2 * same(table["SUBJECT"].to_numpy())
    covariance = covariance + at["sigma_level_add"] ** 2 * np.eye(len(table))
    for name in levels:
        covariance = covariance + at[f"omega_base_{name}"] ** 2 * same(label[name])
    mean = np.full(len(table), at["base_pop"])
    return -2 * multivariate_normal(mean, covariance).logpdf(table["DV"].to_numpy())


@pytest.mark.parametrize(
    ("method", "within"), [("laplace", 1e-4), pytest.param("quadrature", 1e-3, marks=pytest.mark.slow)]
)
def test_sites_of_a_linear_model_are_exact(method, within):
    model, data = study_of(6)
    found = bn.log_likelihood(model, data, at=AT, method=method)
    assert_allclose(found.minus_twice, exact(data, AT), atol=within)
    assert found.converged and found.units == "blocks of subjects"
    assert list(found.subjects["N_SUBJECTS"]) == [1, 2, 3, 4, 1, 2]
    assert list(found.subjects["ID"])[:2] == ["SITE s0", "SITE s1"]
    sites = found.effects.query("LEVEL == 'eta_SITE'")
    assert list(sites["ID"]) == [f"s{k}" for k in range(6)]
    priced = bn.information_criteria(model, data, at=AT, method="laplace")
    assert (priced.count.total, priced.n_subjects) == (4, 13)


def test_importance_sampling_over_sites_is_right_within_its_error():
    model, data = study_of(6)
    found = bn.log_likelihood(model, data, at=AT, method="importance", tolerance=0.1, seed=2)
    assert 0 < 2 * found.error < 0.11
    assert abs(found.minus_twice - exact(data, AT)) < 4 * 2 * found.error


@pytest.mark.slow
def test_nested_levels_share_a_block():
    """A region's block holds its own effect and those of its two sites."""
    model, data = study_of(6, levels=("SITE", "REGION"))
    at = AT | {"omega_base_REGION": 0.8}
    found = bn.log_likelihood(model, data, at=at, method="laplace")
    assert len(found.subjects) == 3
    assert_allclose(found.minus_twice, exact(data, at, ("SITE", "REGION")), atol=1e-3)


def test_linearising_over_sites_is_refused():
    model, data = study_of(6)
    with pytest.raises(bn.FitError, match="eta_SITE"):
        bn.log_likelihood(model, data, at=AT, method="focei")
    with pytest.raises(bn.FitError, match="omega_base_SITE"):
        bn.log_likelihood(model, data, at={"base_pop": 10.0}, method="laplace")
