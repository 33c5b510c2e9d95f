"""The PyMC graph says what the model says."""

import warnings

import numpy as np
import pandas as pd
import pymc as pm
import pytest
from numpy.testing import assert_allclose
from pymc.exceptions import ImplicitFreezeWarning
from scipy import stats

import bayes_nlmem as bn

TIMES = (0.5, 2.0, 6.0, 24.0)


def study(**columns):
    """Three subjects, one oral dose of 100 mg each."""
    rows = []
    for subject, weight in ((1, 60.0), (2, 70.0), (3, 90.0)):
        rows.append(
            {
                "ID": subject,
                "TIME": 0.0,
                "AMT": 100.0,
                "DV": None,
                "WT": weight,
                "SEX": "F" if subject == 1 else "M",
            }
        )
        for k, time in enumerate(TIMES):
            dv = 2.0 + 0.3 * subject - 0.4 * k
            rows.append(
                {"ID": subject, "TIME": time, "AMT": None, "DV": dv, "WT": weight, "SEX": rows[-1]["SEX"]}
            )
    frame = pd.DataFrame(rows)
    for name, values in columns.items():
        frame[name] = values
    return frame


def oral(parameters=None, *, residual=None, correlated=()):
    """One compartment, first-order absorption, everything unknown unless said otherwise."""
    base = {
        "CL": bn.Parameter(bn.LogNormal(5, cv=0.5), iiv=bn.HalfNormal(0.5)),
        "V": bn.Parameter(bn.LogNormal(40, cv=0.5), iiv=bn.HalfNormal(0.4)),
        "KA": bn.Parameter(bn.LogNormal(1.2, cv=0.5), iiv=bn.HalfNormal(0.6)),
    }
    return bn.Model(
        structure=bn.OneCompartment(absorption="first-order"),
        parameters={**base, **(parameters or {})},
        residuals={"cp": residual or bn.Combined(bn.HalfNormal(0.5), bn.HalfNormal(0.3))},
        correlated=correlated,
    )


def test_names_and_dims_are_those_of_the_documentation():
    model = oral(
        {
            "CL": bn.Parameter(
                bn.LogNormal(5, cv=0.5),
                iiv=bn.HalfNormal(0.5),
                iov=bn.HalfNormal(0.2),
                covariates={"WT": bn.Power(bn.Normal(0.75, 0.2), 70)},
            )
        },
        correlated=[bn.Correlated("CL", "V")],
    )
    frame = study(OCC=[1, 1, 1, 2, 2] * 3)
    graph = bn.build(model, bn.read(frame, covariates=["WT"]))
    dims = graph.named_vars_to_dims
    assert {
        "CL_pop",
        "V_pop",
        "KA_pop",
        "CL_WT",
        "omega_CL",
        "omega_V",
        "omega_KA",
        "gamma_CL",
        "corr_CL_V",
        "sigma_cp_add",
        "sigma_cp_prop",
    } <= set(graph.named_vars)
    assert dims["eta"] == ("subject", "parameter")
    assert dims["kappa"] == ("occasion", "parameter_iov")
    assert dims["cp"] == dims["cp_obs"] == ("cp_row",)
    assert dims["V"] == ("subject",)
    assert dims["CL"] == ("occasion",)
    assert list(graph.coords["occasion"]) == ["1:1", "1:2", "2:1", "2:2", "3:1", "3:2"]
    assert list(graph.coords["parameter"]) == ["CL", "V", "KA"]


def test_known_numbers_do_not_enter_the_posterior():
    model = oral({"KA": bn.Parameter(1.2)}, residual=bn.Additive(0.3))
    graph = bn.build(model, bn.read(study()))
    assert {rv.name for rv in graph.free_RVs} == {"CL_pop", "V_pop", "omega_CL", "omega_V", "eta"}


@pytest.mark.parametrize("geometry", ["centred", "noncentred"])
@pytest.mark.parametrize("correlated", [(), (bn.Correlated("CL", "KA", prior=bn.LKJ(3)),)])
def test_log_density_is_the_sum_of_its_parts(geometry, correlated):
    """Against scipy, at a random point, in both geometries (their Jacobian included)."""
    model = oral(correlated=correlated)
    data = bn.read(study())
    graph = bn.build(model, data, geometry=geometry)
    rng = np.random.default_rng(3)
    omega = {"CL": 0.3, "V": 0.2, "KA": 0.5}
    pop = {"CL": 4.5, "V": 35.0, "KA": 1.5}
    correlation = 0.4 if correlated else 0.0
    covariance = np.diag([w**2 for w in omega.values()])
    covariance[0, 2] = covariance[2, 0] = correlation * omega["CL"] * omega["KA"]
    factor = np.linalg.cholesky(covariance)
    u = rng.normal(size=(3, 3))
    eta = u @ factor.T
    point = {f"{p}_pop_log__": np.log(v) for p, v in pop.items()}
    point |= {f"omega_{p}_log__": np.log(v) for p, v in omega.items()}
    point |= {"sigma_cp_add_log__": np.log(0.2), "sigma_cp_prop_log__": np.log(0.1)}
    point["eta" if geometry == "centred" else "eta_noncentred__"] = eta if geometry == "centred" else u
    if correlated:
        point["partial_CL_KA_logodds__"] = np.array([np.log(1.4 / 0.6)])

    expected = 0.0
    for p, (median, sd) in {"CL": (5, 0.5), "V": (40, 0.5), "KA": (1.2, 0.5)}.items():
        log_sd = np.sqrt(np.log1p(sd**2))
        expected += stats.norm.logpdf(np.log(pop[p]), np.log(median), log_sd)
    for p, scale in {"CL": 0.5, "V": 0.4, "KA": 0.6}.items():
        expected += stats.halfnorm.logpdf(omega[p], scale=scale) + np.log(omega[p])
    expected += stats.halfnorm.logpdf(0.2, scale=0.5) + np.log(0.2)
    expected += stats.halfnorm.logpdf(0.1, scale=0.3) + np.log(0.1)
    if correlated:
        expected += stats.beta.logpdf(0.7, 3, 3) + np.log(0.7 * 0.3)
    expected += stats.multivariate_normal.logpdf(eta, np.zeros(3), covariance).sum()
    if geometry == "noncentred":
        expected += 3 * np.log(np.diag(factor)).sum()
    for subject in range(3):
        cl, v, ka = (pop[p] * np.exp(eta[subject, k]) for k, p in enumerate(pop))
        k = cl / v
        t = np.array(TIMES)
        f = 100 * ka / (v * (ka - k)) * (np.exp(-k * t) - np.exp(-ka * t))
        y = 2.0 + 0.3 * (subject + 1) - 0.4 * np.arange(4)
        expected += stats.norm.logpdf(y, f, np.sqrt(0.2**2 + (0.1 * f) ** 2)).sum()
    assert_allclose(graph.compile_logp(mode="FAST_COMPILE")(point), expected, rtol=1e-10)


def test_covariates_and_occasions_act_as_written():
    effects = {
        "CL": bn.Parameter(
            5.0,
            iiv=0.3,
            iov=0.1,
            covariates={"WT": bn.Power(0.75, 70), "SEX": bn.Categorical({"F": 0.8}, reference="M")},
        ),
        "V": bn.Parameter(40.0, covariates={"WT": bn.Linear(0.01, 70)}),
        "KA": bn.Parameter(1.2, iiv=0.5),
    }
    data = bn.read(study(OCC=[1, 1, 1, 2, 2] * 3), covariates=["WT", "SEX"])
    graph = bn.build(oral(effects), data)
    eta, kappa = np.array([[0.1, 0], [-0.2, 0], [0.3, 0]]), np.arange(6.0)[:, None] / 10
    values = graph.compile_fn(
        graph.replace_rvs_by_values([graph["CL"], graph["V"]]),
        inputs=graph.value_vars,
        mode="FAST_COMPILE",
        on_unused_input="ignore",
    )(
        {
            "eta_noncentred__": eta / [0.3, 0.5],
            "kappa_noncentred__": kappa / 0.1,
            "sigma_cp_add_log__": 0.0,
            "sigma_cp_prop_log__": 0.0,
        }
    )
    weight, fold = np.array([60, 70, 90.0]), np.array([0.8, 1, 1])
    expected = np.repeat(5 * (weight / 70) ** 0.75 * fold * np.exp(eta[:, 0]), 2) * np.exp(kappa[:, 0])
    assert_allclose(values[0], expected)
    assert_allclose(values[1], 40 * (1 + 0.01 * (weight - 70)))


def test_time_varying_covariates_make_a_row_for_every_value():
    frame = study(CRCL=[90, 90, 60, 60, 60] * 3)
    model = oral(
        {
            "CL": bn.Parameter(5.0, covariates={"CRCL": bn.Power(1.0, 90)}),
            "V": bn.Parameter(40.0),
            "KA": bn.Parameter(1.2),
        }
    )
    graph = bn.build(model, bn.read(frame, covariates={"CRCL": "nocb"}))
    assert graph.named_vars_to_dims["CL"] == ("interval",)
    assert list(graph.coords["interval"]) == ["1:1", "1:2", "2:1", "2:2", "3:1", "3:2"]
    parameters = {"CL": np.tile([5.0, 5.0, 10 / 3, 10 / 3, 10 / 3], 3), "V": 40.0, "KA": 1.2}
    solved = bn.solve(model.structure, frame, parameters)
    [predicted] = pm.draw([graph["cp"]], random_seed=1)
    assert_allclose(predicted, solved["cp"][frame["AMT"].isna()])


def test_start_is_finite_with_a_finite_gradient():
    graph = bn.build(oral(correlated=[bn.Correlated("CL", "V", "KA")]), bn.read(study()))
    point = graph.initial_point()
    assert np.isfinite(graph.compile_logp(mode="FAST_COMPILE")(point))
    assert np.all(np.isfinite(graph.compile_dlogp(mode="FAST_COMPILE")(point)))


def test_prior_predictive_draws_new_subjects():
    graph = bn.build(oral(correlated=[bn.Correlated("CL", "V")]), bn.read(study()))
    with graph, warnings.catch_warnings():
        warnings.simplefilter("error", ImplicitFreezeWarning)
        prior = pm.sample_prior_predictive(draws=400, random_seed=1, compile_kwargs={"mode": "FAST_COMPILE"})
    assert prior.prior_predictive["cp_obs"].sizes["cp_row"] == 12
    spread = (prior.prior["eta"].sel(parameter="CL") / prior.prior["omega_CL"]).std()
    assert abs(float(spread) - 1) < 0.06


def test_an_edit_changes_the_graph_in_place():
    def tighter(graph):
        pm.Potential("ratio", pm.logp(pm.Normal.dist(0, 0.1), graph["CL_pop"] / graph["V_pop"] - 0.1))

    graph = bn.build(oral(), bn.read(study()), edit=tighter)
    assert [potential.name for potential in graph.potentials] == ["ratio"]


class TestRefused:
    def test_a_covariate_that_was_not_read(self):
        model = oral({"CL": bn.Parameter(5.0, covariates={"WT": bn.Power(0.75, 70)})})
        with pytest.raises(bn.ModelError, match=r"covariate 'WT' \(used by CL\).*Read it: bn.read"):
            bn.build(model, bn.read(study()))

    def test_iov_without_occasions(self):
        model = oral({"CL": bn.Parameter(5.0, iov=0.2)})
        with pytest.raises(bn.ModelError, match="a column OCC, since CL vary between occasions"):
            bn.build(model, bn.read(study()))

    def test_iov_with_one_occasion_each(self):
        model = oral({"CL": bn.Parameter(5.0, iov=0.2)})
        with pytest.raises(bn.ModelError, match="cannot be told from IIV"):
            bn.build(model, bn.read(study(OCC=[1] * 15)))

    def test_a_level_without_fold_change(self):
        model = oral({"CL": bn.Parameter(5.0, covariates={"SEX": bn.Categorical({"X": 2.0}, reference="M")})})
        with pytest.raises(bn.ModelError, match="SEX on CL.*F"):
            bn.build(model, bn.read(study(), covariates=["SEX"]))

    def test_an_unknown_geometry(self):
        with pytest.raises(bn.ModelError, match="noncentred, centred"):
            bn.build(oral(), bn.read(study()), geometry="whitened")

    def test_a_compartment_the_structure_does_not_have(self):
        with pytest.raises(bn.DataError, match="1 = depot, 2 = central"):
            bn.build(oral(), bn.read(study(CMT=[3, 2, 2, 2, 2] * 3)))
