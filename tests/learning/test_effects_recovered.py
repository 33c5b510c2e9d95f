"""What was simulated is found again: laws of the random effects, levels, classes, missing covariates."""

import numpy as np
import pandas as pd
import pytest

import bayes_nlmem as bn

pytestmark = pytest.mark.slow

TIMES = np.array([0.5, 2.0, 6.0, 12.0])


def study(clearance, seed, **columns):
    """One intravenous bolus of 100 in a volume of 30, four samples with 10% error."""
    rng = np.random.default_rng(seed)
    rows = []
    for i, cl in enumerate(clearance):
        same = {"ID": i + 1, **{name: values[i] for name, values in columns.items()}}
        y = 100 / 30 * np.exp(-cl / 30 * TIMES) * (1 + 0.1 * rng.normal(size=len(TIMES)))
        rows.append({**same, "TIME": 0.0, "AMT": 100.0, "DV": None})
        rows += [{**same, "TIME": t, "AMT": None, "DV": dv} for t, dv in zip(TIMES, y, strict=True)]
    return pd.DataFrame(rows)


def model(clearance, **other):
    return bn.Model(
        structure=bn.OneCompartment(),
        parameters={"CL": clearance, "V": bn.Parameter(30.0)},
        residuals={"cp": bn.Proportional(0.1)},
        **other,
    )


def fitted(stated, data, draws=400):
    return bn.fit(stated, data, draws=draws, tune=400, chains=2, seed=1, progress=False)


def test_classes_and_their_members():
    rng = np.random.default_rng(1)
    fast = rng.random(60) < 0.35
    data = bn.read(study(np.where(fast, 8.0, 2.0) * np.exp(0.2 * rng.normal(size=60)), 2))
    per_class = bn.PerClass(bn.LogNormal(3, cv=0.7), bn.LogNormal(6, cv=0.7))
    stated = model(bn.Parameter(per_class, iiv=bn.HalfNormal(0.4)), mixture=bn.Dirichlet(1, 1))
    fit = fitted(stated, data, 2000)
    table = fit.summary()
    truth = {"CL_pop_1": 2.0, "CL_pop_2": 8.0, "omega_CL": 0.2, "probability_2": fast.mean()}
    for name, value in truth.items():
        assert table.loc[name, "lower"] < value < table.loc[name, "upper"], name
        assert table.loc[name, "r_hat"] < 1.03, name
    posterior = fit.draws["posterior"]
    member = posterior["class_probability"].mean(("chain", "draw")).sel({"class": 2}).values
    assert np.mean((member > 0.5) == fast) > 0.95
    assert list(fit.draws["log_likelihood"].data_vars) == ["subject_obs"]


def test_sites_and_heavy_tails():
    rng = np.random.default_rng(3)
    site = np.arange(120) % 12
    effect = 0.3 * rng.normal(size=12)
    clearance = 3.0 * np.exp(effect[site] + 0.15 * rng.standard_t(3, size=120))
    data = bn.read(study(clearance, 4, SITE=[f"s{k}" for k in site]), covariates=["SITE"])
    parameter = bn.Parameter(
        bn.about(3.0), iiv=bn.about(0.2), law=bn.StudentTEta(3), varies={"SITE": bn.about(0.2)}
    )
    fit = fitted(model(parameter), data)
    table = fit.summary()
    for name, value in {"CL_pop": 3.0, "omega_CL": 0.15, "omega_CL_SITE": effect.std()}.items():
        assert table.loc[name, "lower"] < value < table.loc[name, "upper"], name
    found = fit.draws["posterior"]["eta_SITE"].mean(("chain", "draw")).values[:, 0]
    assert np.corrcoef(found, effect)[0, 1] > 0.9


def test_missing_weights():
    rng = np.random.default_rng(5)
    weight = 70 * np.exp(0.25 * rng.normal(size=80))
    clearance = 3.0 * (weight / 70) ** 1.5 * np.exp(0.1 * rng.normal(size=80))
    seen = np.where(np.arange(80) % 4 == 0, np.nan, weight)
    data = bn.read(study(clearance, 6, WT=seen), covariates=["WT"], allow=["E_COVARIATE_MISSING"])
    effects = {"WT": bn.Power(bn.Normal(1, 1), reference=70)}
    parameter = bn.Parameter(bn.about(3.0), iiv=bn.about(0.2), covariates=effects)
    fit = fitted(model(parameter, missing={"WT": bn.Imputed(bn.about(70.0), sd=bn.about(0.3))}), data)
    table = fit.summary()
    for name, value in {"CL_pop": 3.0, "CL_WT": 1.5, "omega_CL": 0.1, "WT_sd": 0.25}.items():
        assert table.loc[name, "lower"] < value < table.loc[name, "upper"], name
    posterior = fit.draws["posterior"]["WT_missing"]
    lower, upper = np.quantile(posterior.stack(s=("chain", "draw")), [0.025, 0.975], axis=1)
    inside = (lower < weight[::4]) & (weight[::4] < upper)
    assert inside.mean() >= 0.75


def test_skewed_effects():
    rng = np.random.default_rng(7)
    eta = 0.4 * rng.normal(size=300)
    data = bn.read(study(3.0 * np.exp((np.exp(-1.5 * eta) - 1) / -1.5), 8))
    parameter = bn.Parameter(bn.about(3.0), iiv=bn.about(0.3), law=bn.BoxCoxEta(bn.Normal(0, 1.5)))
    table = fitted(model(parameter), data).summary()
    for name, value in {"CL_pop": 3.0, "omega_CL": 0.4, "shape_CL": -1.5}.items():
        assert table.loc[name, "lower"] < value < table.loc[name, "upper"], name
