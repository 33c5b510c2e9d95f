"""Fitting: settings are checked, draws are reproducible, the posterior is the right one."""

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_allclose

import bayes_nlmem as bn
from bayes_nlmem.learning.samplers import _complete
from bayes_nlmem.marginal.compiled import population_of

REFERENCE = Path(__file__).parents[1] / "reference" / "theophylline_numpyro.json"


@pytest.fixture(scope="module")
def study():
    return bn.zoo.load("theophylline")


@pytest.fixture(scope="module")
def short(study):
    """A run too short to be trusted, long enough to look at."""
    return bn.fit(study.model, study.data, draws=60, tune=150, chains=2, seed=11, progress=False)


class TestRefused:
    def test_sampler(self, study):
        with pytest.raises(bn.FitError, match="nutpie, pymc, numpyro, blackjax"):
            bn.fit(study.model, study.data, sampler="gibbs")

    def test_draws(self, study):
        with pytest.raises(bn.FitError, match="draws a whole number >= 1"):
            bn.fit(study.model, study.data, draws=0)

    def test_target_accept(self, study):
        with pytest.raises(bn.FitError, match="between 0 and 1"):
            bn.fit(study.model, study.data, target_accept=1.5)

    @pytest.mark.slow
    def test_an_observation_that_no_residual_can_explain(self, study):
        """A proportional error before the first dose: the prediction is 0, its SD too."""
        model = study.model.with_residual("cp", bn.Proportional(bn.HalfNormal(0.3)))
        with pytest.raises(bn.FitError, match=r"(?s)cp: rows 2, 14.*additive\s+part"):
            bn.fit(model, study.data)


def test_draws_carry_names_dims_and_groups(short):
    assert {"posterior", "sample_stats", "log_likelihood", "observed_data", "constant_data"} <= set(
        short.draws.children
    )
    posterior = short.draws["posterior"]
    assert posterior["eta"].dims == ("chain", "draw", "subject", "parameter")
    assert posterior["cp"].dims == ("chain", "draw", "cp_row")
    assert not [name for name in posterior.data_vars if "__" in name]
    assert short.draws["log_likelihood"]["cp_obs"].shape == posterior["cp"].shape


def test_log_likelihood_is_the_normal_density(short):
    posterior = short.draws["posterior"].to_dataset()
    y = short.draws["observed_data"]["cp_obs"]
    sd = np.sqrt(posterior["sigma_cp_add"] ** 2 + (posterior["sigma_cp_prop"] * posterior["cp"]) ** 2)
    expected = -0.5 * ((y - posterior["cp"]) / sd) ** 2 - np.log(sd) - 0.5 * np.log(2 * np.pi)
    assert_allclose(
        short.draws["log_likelihood"]["cp_obs"], expected.transpose(*posterior["cp"].dims), rtol=1e-10
    )


def test_seed_gives_identical_draws(study, short):
    again = bn.fit(study.model, study.data, draws=60, tune=150, chains=2, seed=11, progress=False)
    for name, values in short.draws["posterior"].data_vars.items():
        np.testing.assert_array_equal(again.draws["posterior"][name].values, values.values, err_msg=str(name))


def test_saved_and_loaded_fit_is_the_same(short, tmp_path):
    back = bn.load(short.save(tmp_path / "theo.fit"))
    assert back.model == short.model
    assert back.data == short.data
    assert back.record == short.record
    for group, node in short.draws.children.items():
        assert node.to_dataset().identical(back.draws[group].to_dataset()), group
    assert back.summary().equals(short.summary())
    assert repr(back) == repr(short)


def test_predictions_and_curves_fit_together(short):
    points, lines = short.predictions(), short.curves(points=50)
    assert len(points) == short.data.n_observations
    own = lines[lines["ID"] == points["ID"][0]]
    between = np.interp(points["TIME"][:11], own["TIME"], own["IPRED"])
    assert_allclose(between[3:], points["IPRED"][3:11], rtol=0.05)
    assert (lines["IPRED_LOWER"] <= lines["IPRED"]).all() and (lines["IPRED"] <= lines["IPRED_UPPER"]).all()


@pytest.mark.slow
def test_theophylline_posterior_is_the_reference_posterior(study):
    """The same model and priors by another program: NumPyro NUTS, 20 000 draws."""
    reference = json.loads(REFERENCE.read_text())
    frame = study.data.to_frame()
    data = bn.read(frame[(frame["EVID"] == 1) | (frame["TIME"] > 0)].reset_index(drop=True))
    model = bn.Model(
        structure=bn.OneCompartment(absorption="first-order"),
        parameters={
            name: bn.Parameter(bn.LogNormal(median, sigma=0.5), iiv=bn.HalfNormal(1.0))
            for name, median in {"KA": 1.5, "V": 30.0, "CL": 3.0}.items()
        },
        residuals={"cp": bn.Additive(bn.HalfNormal(2.0))},
    )
    fit = bn.fit(model, data, draws=2500, tune=1000, chains=4, seed=3, progress=False)
    assert fit.convergence().ok
    posterior = fit.draws["posterior"].to_dataset()
    pairs = {
        "log_ka": np.log(posterior["KA_pop"]),
        "log_V": np.log(posterior["V_pop"]),
        "log_CL": np.log(posterior["CL_pop"]),
        "omega_ka": posterior["omega_KA"],
        "omega_V": posterior["omega_V"],
        "omega_CL": posterior["omega_CL"],
        "a": posterior["sigma_cp_add"],
    }
    table = fit.summary()
    ess = dict(
        zip(
            pairs,
            table.loc[
                ["KA_pop", "V_pop", "CL_pop", "omega_KA", "omega_V", "omega_CL", "sigma_cp_add"], "ess_bulk"
            ],
            strict=True,
        )
    )
    for name, draws in pairs.items():
        ours, theirs = float(draws.mean()), reference[name]["mean"]
        mcse = np.hypot(float(draws.std()) / np.sqrt(ess[name]), reference[name]["mcse"])
        assert abs(ours - theirs) < 4 * mcse, (name, ours, theirs, mcse)
        assert abs(float(draws.std()) / reference[name]["sd"] - 1) < 0.1, name


def test_an_interrupt_keeps_the_most_draws_that_chains_share():
    """Two chains ran, one had begun, one had not; the run record keeps what was asked for."""
    points = np.zeros((4, 100, 3))
    for chain, finished in enumerate((90, 80, 3, 0)):
        points[chain, finished:] = np.nan
    coords = {"chain": range(4), "draw": range(100)}
    tree = xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset({"unconstrained": (("chain", "draw", "e"), points)}, coords=coords),
            "sample_stats": xr.Dataset(
                {"diverging": (("chain", "draw"), points[:, :, 0] > 0)}, coords=coords
            ),
        }
    )
    with pytest.warns(UserWarning, match="80 draws of 2 chains are kept, 100 draws of 4 chains"):
        kept = _complete(tree, 100)
    assert kept["posterior"]["unconstrained"].shape == (2, 80, 3)
    assert kept["sample_stats"]["diverging"].shape == (2, 80)
    assert _complete(kept, 80) is kept


def test_an_interrupt_during_warm_up_is_said():
    tree = xr.DataTree.from_dict(
        {"posterior": xr.Dataset({"unconstrained": (("chain", "draw", "e"), np.full((2, 5, 1), np.nan))})}
    )
    with pytest.raises(bn.FitError, match="interrupted during warm-up"):
        _complete(tree, 5)


def test_what_is_kept_is_one_of_two_things():
    study = bn.zoo.load("theophylline")
    with pytest.raises(bn.FitError, match="all, population"):
        bn.fit(study.model, study.data, keep="nothing")
    with pytest.raises(bn.FitError, match="nutpie"):
        bn.fit(study.model, study.data, keep="population", sampler="pymc")


def test_the_population_has_no_subjects_and_no_observations():
    study = bn.zoo.load("theophylline")
    graph = bn.build(study.model, study.data)
    kept = {variable.name for variable in population_of(graph)}
    public = {variable.name for variable in (*graph.free_RVs, *graph.deterministics)}
    assert public - kept == {"eta", "KA", "CL", "V", "cp"}
    assert {"CL_pop", "omega_CL", "corr_CL_V", "sigma_cp_add"} <= kept


@pytest.mark.slow
def test_dropping_the_individuals_changes_no_draw_of_the_population():
    study = bn.zoo.load("theophylline")
    settings = {"draws": 50, "tune": 100, "chains": 2, "seed": 1, "progress": False}
    whole, part = (bn.fit(study.model, study.data, keep=keep, **settings) for keep in ("all", "population"))
    assert "log_likelihood" not in part.draws.children
    assert "eta" not in part.draws["posterior"]
    for name, values in part.draws["posterior"].data_vars.items():
        assert_allclose(values, whole.draws["posterior"][name], rtol=1e-10)
    assert "CL_pop" in part.summary().index
    with pytest.raises(bn.FitError, match="by='subject'"):
        bn.loo(part, by="observation")
