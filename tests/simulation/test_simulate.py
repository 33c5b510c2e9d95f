"""Simulated replicates follow the graph: its effects, its predictions, its residual errors, its limits."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import bayes_nlmem as bn


def oral(**changes):
    parameters = {
        "KA": bn.Parameter(1.2, iiv=0.4),
        "CL": bn.Parameter(bn.about(3.0), iiv=bn.about(0.3), covariates={"WT": bn.Power(0.75, reference=70)}),
        "V": bn.Parameter(bn.about(30.0), iiv=bn.about(0.2)),
    }
    return bn.Model(
        structure=bn.OneCompartment(absorption="first-order"),
        parameters={**parameters, **changes},
        correlated=[bn.Correlated("CL", "V")],
        residuals={"cp": bn.Combined(0.1, 0.1)},
    )


KNOWN = {"CL_pop": 3.0, "V_pop": 30.0, "omega_CL": 0.3, "omega_V": 0.2, "corr_CL_V": 0.6}
TIMES = [0.5, 1.0, 2.0, 4.0, 8.0, 24.0]


def design(weights=(70.0,), **columns):
    rows = []
    for subject, weight in enumerate(weights, 1):
        rows.append({"ID": subject, "TIME": 0.0, "AMT": 100.0, "EVID": 1, "WT": weight, **columns})
        rows += [
            {"ID": subject, "TIME": time, "AMT": 0.0, "EVID": 0, "WT": weight, **columns} for time in TIMES
        ]
    return pd.DataFrame(rows)


def test_typical_subjects_are_what_the_structure_predicts():
    table = design((70.0, 50.0))
    simulation = bn.simulate(
        oral(), table, subjects="typical", parameters=KNOWN, draws=2, seed=1, residual_error=False
    )
    clearance = [3.0, 3.0 * (50 / 70) ** 0.75]
    solved = bn.solve(
        oral().structure, table.assign(DV=0.0).drop(columns="DV"), {"CL": clearance, "V": 30.0, "KA": 1.2}
    )
    assert_allclose(simulation.values("cp")[0], solved.cp[table.EVID == 0], rtol=1e-12)
    assert_array_equal(simulation.values("cp")[0], simulation.values("cp")[1])


def test_effects_of_new_subjects_have_the_covariance_of_the_model():
    simulation = bn.simulate(oral(), design((70.0,) * 40), parameters=KNOWN, draws=300, seed=2)
    eta = simulation.draws["posterior_predictive"]["eta"].values.reshape(-1, 3)
    expected = np.diag([0.4, 0.3, 0.2]) @ [[1, 0, 0], [0, 1, 0.6], [0, 0.6, 1]] @ np.diag([0.4, 0.3, 0.2])
    assert_allclose(np.cov(eta.T), expected, atol=0.006)


def test_correlations_of_three_effects_are_taken_as_given():
    matrix = np.array([[1, 0.5, -0.3], [0.5, 1, 0.2], [-0.3, 0.2, 1]])
    model = oral().with_correlated(bn.Correlated("KA", "CL", "V"))
    names = {"corr_KA_CL": 0.5, "corr_KA_V": -0.3, "corr_CL_V": 0.2}
    simulation = bn.simulate(
        model, design((70.0,) * 40), parameters={**KNOWN, **names}, draws=300, seed=3, residual_error=False
    )
    eta = simulation.draws["posterior_predictive"]["eta"].values.reshape(-1, 3)
    assert_allclose(np.corrcoef(eta.T), matrix, atol=0.03)


def test_residual_errors_are_drawn_around_the_predictions():
    simulation = bn.simulate(oral(), design((70.0,) * 20), parameters=KNOWN, draws=400, seed=4)
    f = simulation.predictions("cp")
    z = (simulation.values("cp") - f) / np.sqrt(0.1**2 + (0.1 * f) ** 2)
    assert abs(z.mean()) < 0.02 and abs(z.std() - 1) < 0.02
    assert abs(np.corrcoef(z[:, 0], z[:, 1])[0, 1]) < 0.2


def test_parameters_that_are_not_named_come_from_their_priors():
    simulation = bn.simulate(oral(), design(), parameters={"V_pop": 30.0}, draws=1500, seed=5)
    drawn = simulation.draws["posterior"]
    assert np.ptp(drawn["V_pop"].values) == 0
    wanted = oral().parameters["CL"].typical.quantile(0.5)
    assert_allclose(np.median(drawn["CL_pop"]), wanted, rtol=0.1)


def test_the_same_seed_gives_the_same_replicates():
    first, again, other = (bn.simulate(oral(), design(), draws=3, seed=seed) for seed in (7, 7, 8))
    assert_array_equal(first.values("cp"), again.values("cp"))
    assert (first.values("cp") != other.values("cp")).all()


def test_values_beyond_the_limits_are_flagged_and_set_to_them():
    simulation = bn.simulate(
        oral(), design((70.0,) * 10), parameters=KNOWN, draws=50, seed=6, lloq=1.0, uloq=2.5
    )
    values, code = simulation.values("cp"), simulation.draws["posterior_predictive"]["cp_cens"].values[0]
    assert values.min() == 1.0 and values.max() == 2.5
    assert_array_equal(code == 1, values == 1.0)
    assert_array_equal(code == -1, values == 2.5)
    assert {"CENS", "DV"} <= set(simulation.table())


def test_values_that_had_to_lie_above_a_limit_are_drawn_there():
    table = design((70.0,) * 5)
    table["DV"] = np.where(table.EVID == 0, np.where(table.TIME > 20, 0.2, 2.0), np.nan)
    data = bn.censored(bn.read(table, covariates=["WT"], lloq=1.0), "M2")
    simulation = bn.simulate(oral(), data, parameters=KNOWN, draws=50, seed=1)
    assert simulation.values("cp").shape == (50, 25) and simulation.values("cp").min() > 1.0


def test_limits_as_observed_need_one_limit():
    table = design((70.0, 70.0))
    table["DV"] = np.where(table.EVID == 0, 1.0, np.nan)
    table["CENS"] = 0
    table.loc[[5, 6], ["CENS", "DV"]] = [[1, 0.3], [1, 0.3]]
    data = bn.read(table, covariates=["WT"])
    simulation = bn.simulate(oral(), data, parameters=KNOWN, draws=20, seed=1, lloq="as observed")
    assert simulation.values("cp").min() == 0.3
    table.loc[12, ["CENS", "DV"]] = [1, 0.4]
    table.loc[6, ["CENS", "DV"]] = [1, 0.5]
    with pytest.raises(bn.DataError, match="3 limits"):
        bn.simulate(oral(), bn.read(table, covariates=["WT"]), draws=2, seed=1, lloq="as observed")


def test_one_occasion_is_enough_to_simulate_variability_between_occasions():
    model = oral(KA=bn.Parameter(1.2, iov=0.5))
    simulation = bn.simulate(
        model, design((70.0,) * 30, OCC=1), parameters=KNOWN, draws=100, seed=1, residual_error=False
    )
    kappa = simulation.draws["posterior_predictive"]["kappa"]
    assert kappa.dims == ("chain", "draw", "occasion", "parameter_iov")
    assert_allclose(kappa.values.std(), 0.5, rtol=0.05)


def test_the_same_subjects_have_their_own_effects(small_fit):
    simulation = bn.simulate(small_fit, subjects="same", draws=200, seed=1)
    posterior = small_fit.draws["posterior"]
    assert_allclose(simulation.predictions("cp"), posterior["cp"].values.reshape(200, -1), rtol=1e-9)
    assert_array_equal(
        simulation.draws["posterior_predictive"]["eta"].values[0], posterior["eta"].values.reshape(200, 12, 3)
    )


def test_a_replicate_is_a_study_to_be_learnt_from():
    simulation = bn.simulate(oral(), design((70.0, 50.0)), parameters=KNOWN, draws=2, seed=3)
    made = simulation.as_data(1)
    assert_array_equal(made.table["DV"][made.is_observation], simulation.values("cp")[1])
    assert_array_equal(made.covariate("WT"), simulation.data.covariate("WT"))
    assert "simulated observations" in made.notes
    planned = bn.Arm(2, bn.Regimen(100), times=TIMES, covariates={"WT": 70.0})
    followed = bn.simulate(oral(), planned, parameters=KNOWN, draws=1, seed=3).as_data()
    assert followed.notes == ("simulated observations",)
    with pytest.raises(bn.BayesNlmemError, match="a replicate from 0 to 1"):
        simulation.as_data(2)
    bare = bn.simulate(oral(), design(), parameters=KNOWN, draws=1, seed=3, residual_error=False)
    with pytest.raises(bn.BayesNlmemError, match="residual_error=True"):
        bare.as_data()


def test_a_value_of_the_residual_error_that_is_left_out_is_refused():
    known = {**KNOWN, "sigma_cp_prop": 0.1}
    model = oral().with_residual("cp", bn.Proportional(bn.HalfNormal(0.3)))
    with pytest.raises(bn.ModelError, match="sigma_cp_prop, of a residual error that is left out"):
        bn.simulate(model, design(), parameters=known, draws=1, seed=3, residual_error=False)


def test_an_arm_stands_for_a_design_of_one_arm():
    arm = bn.Arm(2, bn.Regimen(100), times=TIMES, covariates={"WT": 70.0})
    alone, within = (
        bn.simulate(oral(), planned, parameters=KNOWN, draws=2, seed=4) for planned in (arm, bn.Design([arm]))
    )
    assert_array_equal(alone.values("cp"), within.values("cp"))


def test_without_uncertainty_every_replicate_has_the_posterior_medians(small_fit):
    simulation = bn.simulate(small_fit, draws=5, seed=1, uncertainty=False)
    assert_allclose(
        simulation.draws["posterior"]["CL_pop"], float(small_fit.draws["posterior"]["CL_pop"].median())
    )
    assert np.ptp(simulation.values("cp"), axis=0).min() > 0


def test_another_design_is_simulated_with_what_was_learnt(small_fit):
    simulation = bn.simulate(small_fit, design((40.0, 90.0)), draws=30, seed=1)
    assert simulation.values("cp").shape == (30, 12)
    table = simulation.table()
    assert table.ID.unique().tolist() == [1, 2] and table.REP.max() == 30


def test_an_edit_of_the_graph_is_applied_again():
    import pymc as pm

    def halved(graph):
        pm.Deterministic("half_CL", graph["CL"] / 2, dims="subject")

    simulation = bn.simulate(oral(), design((70.0, 50.0)), parameters=KNOWN, draws=3, seed=1, edit=halved)
    group = simulation.draws["posterior_predictive"]
    assert_allclose(group["half_CL"].values, group["CL"].values / 2)


def test_autocorrelated_errors_are_drawn_along_their_chain():
    model = oral().with_residual("cp", bn.AR1Error(bn.Additive(1.0), tau=bn.about(4.0)))
    simulation = bn.simulate(
        model, design((70.0,) * 60), parameters={**KNOWN, "sigma_cp_tau": 4.0}, draws=100, seed=1
    )
    z = (simulation.values("cp") - simulation.predictions("cp")).reshape(-1, len(TIMES))
    gaps = np.diff(TIMES)
    for k in range(3):
        assert_allclose(np.corrcoef(z[:, k], z[:, k + 1])[0, 1], np.exp(-gaps[k] / 4), atol=0.04)


def test_classes_are_drawn_for_new_subjects():
    model = bn.Model(
        structure=bn.OneCompartment(),
        parameters={
            "CL": bn.Parameter(bn.PerClass(bn.LogNormal(2, cv=0.5), bn.LogNormal(8, cv=0.5))),
            "V": bn.Parameter(30.0, iiv=0.1),
        },
        residuals={"cp": bn.Proportional(0.1)},
        mixture=(0.3, 0.7),
    )
    known = {"CL_pop_1": 2.0, "CL_pop_2": 8.0}
    simulation = bn.simulate(model, design((70.0,) * 50), parameters=known, draws=60, seed=1)
    clearance = simulation.draws["posterior_predictive"]["CL"].values
    assert set(np.unique(clearance)) == {2.0, 8.0}
    assert_allclose((clearance == 2.0).mean(), 0.3, atol=0.03)


def test_missing_covariates_of_new_subjects_are_drawn():
    model = oral().with_covariate("CL", "WT", bn.Power(0.75, reference=70))
    model = replace(model, missing={"WT": bn.Imputed(70.0, 0.2, scale=bn.Log())})
    table = design((70.0, np.nan))
    data = bn.read(
        table.assign(DV=np.where(table.EVID == 0, 1.0, np.nan)),
        covariates=["WT"],
        allow=["E_COVARIATE_MISSING"],
    )
    simulation = bn.simulate(model, data, parameters=KNOWN, draws=400, seed=1)
    weights = simulation.draws["posterior_predictive"]["WT_missing"].values.ravel()
    assert_allclose(np.log(weights).std(), 0.2, rtol=0.15)


def test_a_planned_study_is_simulated_with_covariates_drawn_for_it():
    arm = bn.Arm(25, bn.Regimen(100), times=TIMES, covariates={"WT": bn.LogNormal(70, cv=0.3)})
    simulation = bn.simulate(oral(), bn.Design([arm]), parameters=KNOWN, draws=3, seed=1)
    assert simulation.values("cp").shape == (3, 25 * len(TIMES))
    assert "observed_data" not in simulation.draws.children
    weights = simulation.draws["constant_data"]["WT"]
    assert weights.values.std() > 5
    again = bn.simulate(oral(), bn.Design([arm]), parameters=KNOWN, draws=3, seed=1)
    assert_array_equal(again.values("cp"), simulation.values("cp"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"subjects": "old"}, "subjects one of new, same, typical"),
        ({"draws": 0}, "draws a whole number"),
        ({"parameters": {"CL": 3}}, "CL_pop"),
        ({"parameters": {"CL_pop": [1, 2]}}, "one per draw"),
        ({"subjects": "same"}, "nothing was learnt"),
        ({"uncertainty": False}, "bare model"),
        ({"parameters": {"corr_CL_V": 1.2}}, "covariance matrix"),
        ({"residual_error": False, "lloq": 1.0}, "residual_error=True"),
    ],
)
def test_what_would_have_no_effect_or_no_meaning_is_refused(arguments, said):
    with pytest.raises(bn.ModelError, match=said):
        bn.simulate(oral(), design(), **{"draws": 5, **arguments})


def test_a_design_without_the_covariates_is_refused():
    with pytest.raises(bn.ModelError, match="covariate 'WT'"):
        bn.simulate(oral(), design().drop(columns="WT"))


def test_a_design_of_doses_only_is_refused():
    with pytest.raises(bn.DataError, match="doses only"):
        bn.simulate(oral(), design().query("EVID == 1"), draws=2)


def test_subjects_that_were_not_learnt_are_not_the_same(small_fit):
    with pytest.raises(bn.ModelError, match="subject 77"):
        bn.simulate(small_fit, design().assign(ID=77), subjects="same", draws=2)
