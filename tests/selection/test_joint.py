"""All candidates in one posterior: starts that make sense, and the relations found back."""

import numpy as np
import pytest

import bayes_nlmem as bn
from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.marginal.laplace_em import laplace_em
from bayes_nlmem.translation.geometry import scales_of_noncentred
from bayes_nlmem.translation.graph import translate
from tests.selection.sparse_study import TRUTH, sparse_study


@pytest.fixture(scope="module")
def shrunk():
    study = bn.zoo.load("theophylline")
    model = study.model.with_covariate(
        "CL", "WT", bn.Power(bn.Horseshoe(0.1, scale=7.0, unit="omega_CL"), reference=70)
    )
    return Conditional(translate(model, study.data, geometry="centred"))


def test_scales_are_what_the_coefficients_are_measured_in(shrunk):
    assert scales_of_noncentred(shrunk.graph) == {
        "tau_covariates",
        "slab_covariates",
        "lambda_CL_WT",
        "omega_CL",
    }


@pytest.mark.slow
def test_a_start_leaves_the_scales_where_their_priors_are(shrunk):
    found = laplace_em(shrunk)
    start, at = shrunk.population.start, shrunk.population.split(found.theta)
    for name in ("tau_covariates_log__", "slab_covariates_log__", "lambda_CL_WT_log__"):
        assert at[name] == start[name]
    assert at["omega_CL_log__"] != start["omega_CL_log__"]
    assert 2 < np.exp(at["CL_pop_log__"]) < 4


@pytest.mark.slow
@pytest.mark.parametrize(("prior", "seed"), [("horseshoe", 1), ("r2d2", 2), ("spike-and-slab", 3)])
def test_the_joint_posterior_finds_what_plots_of_ebes_miss(prior, seed):
    """The study of the stepwise search; no relation too few, none too many."""
    model, data = sparse_study(seed=seed)
    joint = bn.select_covariates(
        model, data, prior=prior, draws=400, tune=400, chains=2, seed=1, progress=False
    )
    assert {relation.name for relation in joint.selected} == TRUTH
    effects = joint.effects
    assert effects["r_hat"].max() < 1.1
    assert effects.loc[["CL_WT", "CL_CRCL"], "inclusion"].min() > 0.5
