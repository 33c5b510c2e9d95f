"""What was simulated is found again: blocks of Omega, occasions, crossed levels, scales, categories."""

import numpy as np
import pandas as pd
import pytest

import bayes_nlmem as bn

pytestmark = pytest.mark.slow

TIMES = np.array([0.5, 2.0, 6.0, 12.0, 24.0])
KA = 1.2


def oral(t, clearance, volume, absorption, bioavailability=1.0):
    k = clearance / volume
    height = 100 * bioavailability * absorption / volume / (absorption - k)
    return height * (np.exp(-k * t) - np.exp(-absorption * t))


def samples(clearance, volume, absorption=KA, *, seed, bioavailability=None, **columns):
    """An oral dose of 100 in every subject, five samples with 8% error; arrays have one value per subject."""
    n = len(clearance)
    rng = np.random.default_rng(seed)
    volume, absorption = np.broadcast_to(volume, n), np.broadcast_to(absorption, n)
    share = np.ones(n) if bioavailability is None else bioavailability
    rows = []
    for i in range(n):
        same = {"ID": i + 1, **{name: values[i] for name, values in columns.items()}}
        curve = oral(TIMES, clearance[i], volume[i], absorption[i], share[i])
        seen = curve * (1 + 0.08 * rng.normal(size=len(TIMES)))
        rows.append({**same, "TIME": 0.0, "AMT": 100.0, "DV": None})
        rows += [{**same, "TIME": t, "AMT": None, "DV": y} for t, y in zip(TIMES, seen, strict=True)]
    return pd.DataFrame(rows)


def model(*, CL, V=None, KA_=None, F=None, **other):  # noqa: N803 (names of parameters)
    parameters = {"CL": CL, "V": V or bn.Parameter(30.0), "KA": KA_ or bn.Parameter(KA)}
    return bn.Model(
        structure=bn.OneCompartment(absorption="first-order"),
        parameters=parameters | ({"F": F} if F else {}),
        residuals={"cp": bn.Proportional(bn.about(0.1))},
        **other,
    )


def fitted(stated, data):
    return bn.fit(stated, data, draws=400, tune=400, chains=2, seed=1, progress=False)


def holds(fit, truth):
    """Every true value lies within the central 99% of the draws, and the draws have mixed."""
    table = fit.summary()
    for name, value in truth.items():
        low, high = np.quantile(fit.draws["posterior"][name], [0.005, 0.995])
        assert low < value < high, f"{name}: {value} not within {low:.3g} to {high:.3g}"
        assert table.loc[name, "r_hat"] < 1.05, name


def correlated_normals(n, sds, correlations, rng):
    return rng.multivariate_normal(np.zeros(len(sds)), np.outer(sds, sds) * correlations, size=n)


@pytest.mark.parametrize(
    "prior",
    [
        bn.InverseWishart(4, [[0.1, 0.0], [0.0, 0.1]]),
        bn.ScaledInverseWishart(bn.HalfNormal(0.5)),
        bn.LKJ(2),
    ],
    ids=["inverse-Wishart", "scaled inverse-Wishart", "LKJ"],
)
def test_a_block_of_two(prior):
    rng = np.random.default_rng(1)
    eta = correlated_normals(80, [0.3, 0.2], [[1, 0.6], [0.6, 1]], rng)
    data = bn.read(samples(3 * np.exp(eta[:, 0]), 30 * np.exp(eta[:, 1]), seed=2))
    alone = isinstance(prior, bn.LKJ)
    iiv = bn.about(0.3) if alone else bn.Joint()
    stated = model(
        CL=bn.Parameter(bn.about(3.0), iiv=iiv),
        V=bn.Parameter(bn.about(30.0), iiv=iiv),
        correlated=[bn.Correlated("CL", "V", prior=prior)],
    )
    holds(fitted(stated, data), {"CL_pop": 3, "omega_CL": 0.3, "omega_V": 0.2, "corr_CL_V": 0.6})


def test_a_band_of_correlations():
    rng = np.random.default_rng(3)
    truth = np.array([[1, 0.5, 0], [0.5, 1, 0.5], [0, 0.5, 1]])
    eta = correlated_normals(150, [0.3, 0.3, 0.4], truth, rng)
    table = samples(3 * np.exp(eta[:, 0]), 30 * np.exp(eta[:, 1]), KA * np.exp(eta[:, 2]), seed=4)
    iiv = bn.about(0.3)
    stated = model(
        CL=bn.Parameter(bn.about(3.0), iiv=iiv),
        V=bn.Parameter(bn.about(30.0), iiv=iiv),
        KA_=bn.Parameter(bn.about(1.0), iiv=iiv),
        correlated=[bn.Correlated("CL", "V", "KA", zeros=[("CL", "KA")])],
    )
    fit = fitted(stated, bn.read(table))
    holds(fit, {"corr_CL_V": 0.5, "corr_V_KA": 0.5, "omega_KA": 0.4})
    assert "corr_CL_KA" not in fit.draws["posterior"] or not fit.draws["posterior"]["corr_CL_KA"].any()


def test_occasions_with_correlated_effects():
    rng = np.random.default_rng(5)
    eta = correlated_normals(50, [0.25, 0.2], np.eye(2), rng)
    tables = []
    for occasion in range(3):
        kappa = correlated_normals(50, [0.2, 0.15], [[1, 0.7], [0.7, 1]], rng)
        both = eta + kappa
        table = samples(3 * np.exp(both[:, 0]), 30 * np.exp(both[:, 1]), seed=6 + occasion)
        tables.append(table.assign(OCC=occasion + 1, TIME=table["TIME"] + 1000 * occasion))
    frame = pd.concat(tables).sort_values(["ID", "TIME"], kind="stable")
    stated = model(
        CL=bn.Parameter(bn.about(3.0), iiv=bn.about(0.3), iov=bn.about(0.2)),
        V=bn.Parameter(bn.about(30.0), iiv=bn.about(0.3), iov=bn.about(0.2)),
        correlated=[bn.Correlated("CL", "V", level="occasion")],
    )
    fit = fitted(stated, bn.read(frame))
    holds(
        fit,
        {"omega_CL": 0.25, "omega_V": 0.2, "gamma_CL": 0.2, "gamma_V": 0.15, "corr_iov_CL_V": 0.7},
    )


def test_crossed_levels():
    rng = np.random.default_rng(9)
    site, batch = np.arange(240) % 15, rng.permutation(np.arange(240) % 16)
    of_site, of_batch = 0.3 * rng.normal(size=15), 0.25 * rng.normal(size=16)
    clearance = 3 * np.exp(of_site[site] + of_batch[batch] + 0.15 * rng.normal(size=240))
    names = {"SITE": [f"s{k}" for k in site], "BATCH": [f"b{k}" for k in batch]}
    data = bn.read(samples(clearance, 30.0, seed=10, **names), covariates=["SITE", "BATCH"])
    levels = {"SITE": bn.about(0.2), "BATCH": bn.about(0.2)}
    fit = fitted(model(CL=bn.Parameter(bn.about(3.0), iiv=bn.about(0.2), varies=levels)), data)
    holds(fit, {"omega_CL": 0.15, "omega_CL_SITE": 0.3, "omega_CL_BATCH": 0.25})
    for level, effects in (("SITE", of_site), ("BATCH", of_batch)):
        draws = fit.draws["posterior"][f"eta_{level}"].mean(("chain", "draw"))
        order = [f"{level[0].lower()}{k}" for k in range(len(effects))]
        found = draws.sel({level: order}).values[:, 0]
        assert np.corrcoef(found, effects)[0, 1] > 0.95, level


@pytest.mark.parametrize("scale", [bn.Probit(0, 1), bn.Logit(0, 1)], ids=["probit", "logit"])
def test_a_share_between_its_bounds(scale):
    from scipy.special import expit
    from scipy.stats import norm

    rng = np.random.default_rng(11)
    back = norm.cdf if isinstance(scale, bn.Probit) else expit
    share = back(0.4 + 0.5 * rng.normal(size=120))
    data = bn.read(samples(np.full(120, 3.0), 30.0, seed=12, bioavailability=share))
    bioavailability = bn.Parameter(bn.Beta(4, 3), iiv=bn.about(0.4), scale=scale)
    fit = fitted(model(CL=bn.Parameter(3.0), F=bioavailability), data)
    holds(fit, {"F_pop": float(back(0.4)), "omega_F": 0.5})


def test_a_category_that_some_lack():
    rng = np.random.default_rng(13)
    female = rng.random(120) < 0.4
    clearance = 3 * np.where(female, 0.5, 1.0) * np.exp(0.15 * rng.normal(size=120))
    sex = np.where(female, "F", "M").astype(object)
    sex[::4] = None
    table = samples(clearance, 30.0, seed=14, SEX=sex)
    data = bn.read(table, covariates=["SEX"], allow=["E_COVARIATE_MISSING"])
    effect = bn.Categorical({"F": bn.LogNormal(1, cv=0.5)}, reference="M")
    stated = model(
        CL=bn.Parameter(bn.about(3.0), iiv=bn.about(0.2), covariates={"SEX": effect}),
        missing={"SEX": bn.ImputedCategory(("F", "M"), bn.Dirichlet(1, 1))},
    )
    fit = fitted(stated, data)
    holds(fit, {"CL_pop": 3.0, "CL_SEX_F": 0.5, "omega_CL": 0.15, "SEX_share_F": 0.4})
    probability = fit.draws["posterior"]["SEX_probability"].mean(("chain", "draw")).sel(SEX_level="F")
    assert np.mean((probability.values > 0.5) == female[::4]) > 0.9
