"""Every pathology that was planted in draws is named, and nothing is said about healthy ones."""

import io
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

import bayes_nlmem as bn

CHAINS, DRAWS = 4, 1000
STUDY = bn.zoo.load("theophylline")


def noise(seed, *shape):
    return np.random.default_rng(seed).normal(size=(CHAINS, DRAWS, *shape))


def healthy(model=STUDY.model, data=STUDY.data, centre=None):
    """Independent draws around plausible values: what a perfect sampler would give."""
    centre = {"KA_pop": 1.5, "CL_pop": 2.8, "V_pop": 32.0, "V_WT": 1.0, "sigma_cp_add": 0.4} | (centre or {})
    centre = {"omega_KA": 0.6, "omega_CL": 0.27, "omega_V": 0.15, "sigma_cp_prop": 0.1} | centre
    found = {name: value * np.exp(0.1 * noise(k)) for k, (name, value) in enumerate(centre.items())}
    found["corr_CL_V"] = np.tanh(0.2 + 0.3 * noise(50))
    eta = 0.2 * noise(51, data.n_subjects, 3)
    variables = {name: (("chain", "draw"), values) for name, values in found.items()}
    variables["eta"] = (("chain", "draw", "subject", "parameter"), eta)
    for k, name in enumerate(["KA", "CL", "V"]):
        if f"{name}_pop" in found:
            values = found[f"{name}_pop"][..., None] * np.exp(eta[..., k])
            variables[name] = (("chain", "draw", "subject"), values)
    rows = np.flatnonzero(data.is_observation) + 1
    variables["cp"] = (("chain", "draw", "cp_row"), 5 + 0.1 * noise(52, len(rows)))
    coords = {"subject": list(data.subjects), "parameter": ["KA", "CL", "V"], "cp_row": rows}
    stats = {
        "diverging": (("chain", "draw"), np.zeros((CHAINS, DRAWS), bool)),
        "energy": (("chain", "draw"), 100 + 3 * noise(53)),
        "maxdepth_reached": (("chain", "draw"), np.zeros((CHAINS, DRAWS), bool)),
    }
    posterior = xr.Dataset(variables, coords=coords)
    tree = xr.DataTree.from_dict({"posterior": posterior, "sample_stats": xr.Dataset(stats)})
    return SimpleNamespace(model=model, data=data, draws=tree, record=None)


def planted(fit, *, stats=None, **values):
    """The same with other values of some variables."""
    posterior, statistics = (fit.draws[name].to_dataset() for name in ("posterior", "sample_stats"))
    posterior = posterior.assign({n: (posterior[n].dims, np.asarray(v)) for n, v in values.items()})
    statistics = statistics.assign({n: (("chain", "draw"), v) for n, v in (stats or {}).items()})
    fit.draws = xr.DataTree.from_dict({"posterior": posterior, "sample_stats": statistics})
    return fit


def only(fit):
    """The one problem that was found."""
    found = bn.diagnose(fit)
    assert len(found.problems) == 1, found
    assert str(found.problems[0]) and found.table().shape == (1, 7)
    return found.problems[0]


def slow(values, factor=0.99):
    """Draws of the same distribution that mix slowly."""
    z = noise(99)
    for t in range(1, DRAWS):
        z[:, t] = factor * z[:, t - 1] + np.sqrt(1 - factor**2) * z[:, t]
    ranks = np.argsort(np.argsort(z.ravel()))
    return np.sort(np.ravel(values))[ranks].reshape(CHAINS, DRAWS)


def test_it_is_silent_about_healthy_draws():
    found = bn.diagnose(healthy())
    assert found.healthy and not found.problems
    assert str(found).startswith("Healthy: nothing found. R-hat at most 1.0")


def test_flip_flop_between_chains():
    fit = healthy()
    ka, v = (fit.draws["posterior"][name].values.copy() for name in ("KA_pop", "V_pop"))
    ka[3], v[3] = 0.088 * np.exp(0.05 * noise(7)[3]), 1.9 * np.exp(0.05 * noise(8)[3])
    problem = only(planted(fit, KA_pop=ka, V_pop=v))
    assert problem.name == "flip-flop" and "chains 3 of 4" in problem.cause
    assert problem.parameters == ("KA_pop", "CL_pop", "V_pop")


def test_flip_flop_of_single_subjects():
    fit = healthy()
    ka = fit.draws["posterior"]["KA"].values.copy()
    ka[:, :500, 4] = 0.05
    problem = only(planted(fit, KA=ka, KA_pop=slow(fit.draws["posterior"]["KA_pop"])))
    assert problem.name == "flip-flop" and problem.subjects == (5,)


def test_a_mode_that_the_priors_do_not_expect():
    fit = healthy(centre={"KA_pop": 0.09, "V_pop": 2.0})
    assert "flip-flop" in bn.diagnose(fit).names


def sparse():
    rows = [f"{i},0,320,.,1\n{i},8,.,5,0\n{i},24,.,2,0" for i in range(1, 13)]
    text = "ID,TIME,AMT,DV,MDV,WT\n" + "\n".join(r.replace("\n", ",70\n") + ",70" for r in rows)
    return bn.read(io.StringIO(text), covariates=["WT"])


def test_no_absorption_samples():
    fit = healthy(data=sparse())
    problem = only(planted(fit, KA_pop=slow(fit.draws["posterior"]["KA_pop"])))
    assert problem.name == "no absorption samples" and "0 of 12 subjects" in problem.evidence[0]


def test_slow_ka_with_samples_is_no_such_case():
    fit = healthy()
    problem = only(planted(fit, KA_pop=slow(fit.draws["posterior"]["KA_pop"])))
    assert problem.name == "short chains" and problem.parameters == ("KA_pop",)


TWO = bn.Model(
    structure=bn.TwoCompartment(),
    parameters={
        "CL": bn.Parameter(bn.LogNormal(2.8, cv=0.5), iiv=bn.HalfNormal(0.5)),
        "V1": bn.Parameter(bn.LogNormal(20.0, cv=0.5)),
        "Q": bn.Parameter(bn.LogNormal(1.0, cv=1.0)),
        "V2": bn.Parameter(bn.LogNormal(30.0, cv=1.0)),
    },
    residuals={"cp": bn.Proportional(bn.HalfNormal(0.3))},
)


def test_a_peripheral_compartment_that_the_data_do_not_show():
    fit = healthy(model=TWO, centre={"V1_pop": 20.0, "Q_pop": 1.0, "V2_pop": 30.0})
    spread = np.sqrt(np.log(2))
    q = slow(np.exp(spread * noise(1)))
    problem = only(planted(fit, Q_pop=q, V2_pop=30 * np.exp(spread * noise(2))))
    assert problem.name == "peripheral compartment unidentified"
    assert "Q and V2 cannot be learnt apart" in problem.cause and problem.parameters == ("Q_pop", "V2_pop")


def test_an_omega_at_zero():
    fit = healthy()
    omega = np.abs(0.05 * noise(3))
    problem = only(planted(fit, omega_V=omega, stats={"diverging": omega < np.quantile(omega, 0.01)}))
    assert problem.name == "omega at zero" and problem.parameters == ("omega_V",)
    assert "100 % of the divergences" in problem.evidence[1] and "iiv=0" in problem.remedy


def test_an_omega_near_zero_is_no_problem_where_the_draws_are_good():
    assert bn.diagnose(planted(healthy(), omega_V=np.abs(0.05 * noise(3)))).healthy


def test_a_nearly_singular_omega():
    fit = healthy()
    problem = only(planted(fit, corr_CL_V=slow(np.tanh(2.5 + 0.2 * noise(4)))))
    assert problem.name == "near-singular Omega" and "CL and V are one and the same" in problem.cause


def test_a_prior_that_contradicts_the_data():
    fit = healthy(centre={"CL_pop": 2800.0, "V_pop": 32000.0})
    found = bn.diagnose(fit)
    assert set(found.names) == {"prior-data conflict"} and not found.healthy
    assert "units" in found.problems[0].remedy
    assert [problem.parameters for problem in found.problems] == [("CL_pop",), ("V_pop",)]


def test_solver_failures_of_a_subject():
    fit = healthy()
    cp = fit.draws["posterior"]["cp"].values.copy()
    cp[0, :50, 11 * 7 + 2] = np.nan
    diverging = np.zeros((CHAINS, DRAWS), bool)
    diverging[0, :50] = True
    problem = only(planted(fit, cp=cp, stats={"diverging": diverging}))
    assert problem.name == "solver failures" and problem.subjects == (8,)


def test_two_modes():
    fit = healthy()
    sigma = fit.draws["posterior"]["sigma_cp_add"].values.copy()
    sigma[1] *= 5
    problem = only(planted(fit, sigma_cp_add=sigma))
    assert problem.name == "two modes" and problem.parameters == ("sigma_cp_add",)
    assert "in chains 0, 2, 3" in problem.evidence[0]


def test_a_long_ridge():
    fit = healthy()
    z = noise(5)
    deep = np.random.default_rng(1).random((CHAINS, DRAWS)) < 0.4
    values = {"CL_pop": 2.8 * np.exp(0.1 * z), "V_pop": 32 * np.exp(0.1 * z + 0.01 * noise(6))}
    problem = only(planted(fit, **values, stats={"maxdepth_reached": deep}))
    assert problem.name == "long ridge" and problem.parameters == ("CL_pop", "V_pop")


def test_heavy_tails():
    fit = healthy()
    walk = slow(100 + 3 * noise(53), 0.97)
    omega = 0.6 * np.exp(0.1 * (walk - 100))
    problem = only(planted(fit, omega_KA=omega, stats={"energy": walk}))
    assert problem.name == "heavy tails" and problem.parameters == ("omega_KA",)


def test_divergences_elsewhere():
    fit = healthy()
    sigma = fit.draws["posterior"]["sigma_cp_prop"].values
    problem = only(planted(fit, stats={"diverging": sigma > np.quantile(sigma, 0.995)}))
    assert problem.name == "divergences" and problem.parameters == ("sigma_cp_prop",)
    assert "where sigma_cp_prop is high" in problem.evidence[1]


def test_influential_observations_are_a_note():
    fit = healthy()
    terms = -1 + 0.05 * noise(60, len(fit.draws["posterior"]["cp_row"]))
    terms[..., 5] = -np.random.default_rng(2).exponential(0.9, (CHAINS, DRAWS))
    rows = fit.draws["posterior"]["cp_row"].values
    group = xr.Dataset({"cp_obs": (("chain", "draw", "cp_row"), terms)}, coords={"cp_row": rows})
    fit.draws["log_likelihood"] = xr.DataTree(group)
    found = bn.diagnose(fit)
    assert found.healthy and found.names == ("influential observations",)
    assert found.problems[0].subjects == (1,)


@pytest.mark.slow
def test_a_real_fit_without_absorption_samples():
    late = STUDY.data.table["TIME"] > 6
    frame = STUDY.data.frame[(late | STUDY.data.is_dose).to_numpy()]
    data = bn.read(frame, covariates=["WT"])
    vague = STUDY.model.with_parameter("KA", bn.Parameter(bn.LogNormal(1.5, cv=3.0), iiv=bn.HalfNormal(1.0)))
    fit = bn.fit(vague, data, draws=300, tune=300, chains=2, seed=1, progress=False)
    assert {"no absorption samples", "flip-flop"} & set(bn.diagnose(fit).names)


@pytest.mark.slow
def test_a_real_fit_with_a_needless_random_effect_and_a_healthy_one():
    time = np.array([0.5, 1, 2, 4, 8, 12.0])
    rng = np.random.default_rng(1)
    rows = []
    for i in range(1, 31):
        cl = 2 * np.exp(0.3 * rng.normal())
        dv = 5 * np.exp(-cl / 20 * time) * np.exp(0.1 * rng.normal(size=6))
        rows += [f"{i},0,100,.,1"] + [f"{i},{t},.,{y:.5g},0" for t, y in zip(time, dv, strict=True)]
    data = bn.read(io.StringIO("ID,TIME,AMT,DV,MDV\n" + "\n".join(rows)))
    model = bn.Model(
        structure=bn.OneCompartment(),
        parameters={
            "CL": bn.Parameter(bn.LogNormal(2.0, cv=0.5), iiv=bn.HalfNormal(0.5)),
            "V": bn.Parameter(bn.LogNormal(20.0, cv=0.5), iiv=bn.HalfNormal(0.5)),
        },
        residuals={"cp": bn.Proportional(bn.HalfNormal(0.3))},
    )
    sampled = {"draws": 750, "tune": 500, "chains": 4, "seed": 1, "progress": False}
    good = bn.fit(model.with_parameter("V", iiv=0), data, **sampled)
    assert bn.diagnose(good).healthy
    bad = bn.fit(model, data, geometry="centred", **sampled)
    assert "omega at zero" in bn.diagnose(bad).names
