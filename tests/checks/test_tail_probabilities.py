"""Posterior predictive p-values find what a model does not produce; ArviZ gets the group that it needs."""

import numpy as np
import pytest

import bayes_nlmem as bn


def test_a_planted_spike_is_found(small_fit):
    from dataclasses import replace

    table = small_fit.data.table.copy()
    row = table.index[small_fit.data.is_observation & (table["ID"] == 4)][5]
    table.loc[row, "DV"] = 40.0
    fit = replace(small_fit, data=replace(small_fit.data, table=table))
    whole = bn.predictive_p_values(fit, draws=200, seed=1).set_index("STATISTIC")
    assert whole.loc["largest", "P"] == 0
    before = bn.predictive_p_values(small_fit, draws=200, seed=1).set_index("STATISTIC")
    assert before.loc["largest", "P"] > 0.02
    each = bn.predictive_p_values(fit, by="subject", draws=200, seed=1)
    assert each[(each.STATISTIC == "largest") & (each.P == 0)].ID.tolist() == [4]


def test_users_statistics(small_fit):
    own = {"last": lambda time, y: y[-1], "n early": lambda time, y: float((time < 1).sum())}
    table = bn.predictive_p_values(small_fit, own, by="subject", draws=50, seed=1)
    assert len(table) == 24
    assert (table[table.STATISTIC == "n early"].P == 0.5).all()
    with pytest.raises(bn.ModelError, match="study, subject"):
        bn.predictive_p_values(small_fit, by="visit")


def test_arviz_does_loo_pit_on_it(small_fit):
    import arviz_stats as az

    tree = bn.with_predictive(small_fit, seed=1)
    assert tree["posterior_predictive"].sizes["draw"] == small_fit.draws["posterior"].sizes["draw"]
    assert "posterior_predictive" not in small_fit.draws
    pit = np.asarray(az.loo_pit(tree)["cp_obs"])
    assert pit.shape == (132,) and 0.3 < pit.mean() < 0.7
    predicted = small_fit.draws["posterior"]["cp"].mean(("chain", "draw"))
    made = tree["posterior_predictive"]["cp_obs"].mean(("chain", "draw"))
    assert float(np.abs(made - predicted).max()) < 1.0  # the same subjects
