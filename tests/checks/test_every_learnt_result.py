"""Checks take any learnt result: SAEM's as well as NUTS's; and ArviZ reads simulations."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn


@pytest.mark.slow
def test_estimates_of_saem_are_checked_like_fits():
    study = bn.zoo.load("theophylline")
    learnt = bn.saem(study.model, study.data, seed=1, progress=False)
    simulation = bn.simulate(learnt, draws=300, seed=1)
    assert len(bn.vpc(simulation, bins=[0, 0.1, 1, 3, 6, 10, 14, 25]).outside) <= 3
    table = bn.residuals(learnt, simulation=simulation)
    assert_allclose(table.EBE_PRED, table.IPRED, rtol=0.15, atol=0.2)
    assert np.corrcoef(table.EBE_IWRES, table.IWRES)[0, 1] > 0.95
    found = bn.shrinkage(learnt).loc["eta_KA"]
    assert abs(found["ETASHRINKSD"] - found["posterior SD"]) < 5
    assert bn.outliers(learnt, simulation=simulation).ID.iloc[0] == 1  # known for its high early values


def test_arviz_reads_a_simulation(small_fit):
    import arviz as az

    simulation = bn.simulate(small_fit, subjects="same", draws=40, seed=1)
    picture = az.plot_ppc_dist(simulation.draws, var_names=["cp_obs"], num_samples=20)
    assert picture is not None
