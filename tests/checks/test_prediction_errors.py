"""npd and npde: those of the npde package, and N(0, 1) when the model is right."""

import json

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn


def theophylline(folder):
    seen = pd.read_csv(folder / "npde" / "inputs_theopp.csv")
    kept = seen.Conc.notna().to_numpy()
    simulated = pd.read_csv(folder / "npde" / "inputs_simtheopp.csv.gz").ysim.to_numpy()
    return seen[kept], simulated.reshape(100, -1)[:, kept], kept


def viral_load(folder, name):
    seen = pd.read_csv(folder / "npde" / f"inputs_{name}.csv")
    return seen, pd.read_csv(folder / "npde" / "inputs_simvirload.csv.gz").ysim.to_numpy().reshape(500, -1)


def wanted(folder, case):
    path = folder / "npde" / case
    return pd.read_csv(f"{path}_npde.csv"), json.loads(path.with_suffix(".json").read_text())


def share(npd):
    from scipy.special import ndtr

    return ndtr(npd)


@pytest.mark.parametrize("decorrelation", ["cholesky", "inverse", "polar"])
def test_theophylline_has_the_errors_of_the_npde_package(agree, shared_reference, decorrelation):
    seen, simulated, kept = theophylline(shared_reference)
    reference, summary = wanted(shared_reference, f"theopp_{decorrelation}")
    found = bn.npde_of_arrays(seen.Conc, simulated, seen.ID, decorrelation=decorrelation)
    study, same = f"theophylline, {decorrelation}", {"source": "npde 3", "within": 1e-12}
    agree(f"{study}: NPDE", found.table.NPDE, reference.npde[kept], **same)
    agree(f"{study}: discrepancies", share(found.table.NPD), reference.pd[kept], **same)
    assert_allclose(found.table.EWRES, reference.ydobs[kept], atol=1e-12)
    assert_allclose(found.table.EPRED, reference.ypred[kept], rtol=1e-7)
    tests = found.tests.loc["NPDE"]
    assert_allclose(tests.p_adjusted, summary["gof_npde"]["p.value"], rtol=1e-6)


@pytest.mark.parametrize(("case", "name"), [("virload_nocens", "virload"), ("virload20_omit", "virload20")])
def test_viral_load_has_the_errors_of_the_npde_package(agree, shared_reference, case, name):
    seen, simulated = viral_load(shared_reference, name)
    reference, summary = wanted(shared_reference, case)
    flags = seen.cens if "20" in name else None
    found = bn.npde_of_arrays(seen.Log_VL, simulated, seen.ID, censored=flags, censoring="omit")
    agree(f"viral load, {case}: NPDE", found.table.NPDE, reference.npde, source="npde 3", within=1e-12)
    assert_allclose(found.tests.loc["NPDE"].p_adjusted, summary["gof_npde"]["p.value"], rtol=1e-6)


def test_individual_predictions_in_place_of_censored_values(shared_reference):
    seen, simulated = viral_load(shared_reference, "virload20")
    reference, _ = wanted(shared_reference, "virload20_ipred")
    found = bn.npde_of_arrays(
        seen.Log_VL, simulated, seen.ID, censored=seen.cens, censoring="ipred", individual=seen.ipred
    )
    assert_allclose(found.table.NPDE, reference.npde, atol=1e-12)
    assert_allclose(share(found.table.NPD), reference.pd, atol=1e-12)


def test_quantified_values_keep_their_discrepancies_beside_censored_ones(shared_reference):
    seen, simulated = viral_load(shared_reference, "virload20")
    reference, _ = wanted(shared_reference, "virload20_cdf")
    found = bn.npde_of_arrays(
        seen.Log_VL, simulated, seen.ID, censored=seen.cens, lloq=1.3, censoring="cdf", seed=1
    )
    quantified = seen.cens == 0
    assert_allclose(share(found.table.NPD)[quantified], reference.pd[quantified], atol=1e-12)
    assert (share(found.table.NPD)[~quantified] <= share(0.0) + 0.5).all()


def replicates(seed, subjects=60, simulations=1500):
    rng = np.random.default_rng(seed)
    shape = (simulations + 1, subjects, 4)
    effects = rng.normal(size=(*shape[:2], 1))
    y = (3 + effects + 0.3 * rng.normal(size=shape)).reshape(simulations + 1, -1)
    return y[0], y[1:], np.repeat(np.arange(subjects), 4)


@pytest.mark.parametrize("decorrelation", ["cholesky", "inverse"])
def test_errors_of_the_true_model_are_standard_normal_and_uncorrelated(decorrelation):
    y, ys, subject = replicates(1)
    found = bn.npde_of_arrays(y, ys, subject, decorrelation=decorrelation)
    assert found.tests.loc[("NPDE", "global"), "p_adjusted"] > 0.05
    table = found.table.NPDE.to_numpy().reshape(-1, 4)
    assert_allclose(np.corrcoef(table.T), np.eye(4), atol=0.3)
    raw = found.table.NPD.to_numpy().reshape(-1, 4)
    assert np.corrcoef(raw.T)[0, 1] > 0.8


def test_errors_of_the_true_model_stay_normal_under_censoring():
    y, ys, subject = replicates(2)
    limit = 2.4
    flags = (y < limit).astype(int)
    assert 0.2 < flags.mean() < 0.4
    found = bn.npde_of_arrays(np.maximum(y, limit), ys, subject, censored=flags, lloq=limit, seed=1)
    assert found.tests.loc[("NPDE", "global"), "p_adjusted"] > 0.05
    assert found.tests.loc[("NPD", "variance"), "statistic"] > 0


def test_a_wrong_model_is_found():
    y, ys, subject = replicates(3)
    found = bn.npde_of_arrays(y + 1.0, ys, subject)
    assert found.tests.loc[("NPDE", "global"), "p_adjusted"] < 1e-3


def test_random_ties_make_discrete_data_uniform():
    rng = np.random.default_rng(4)
    y, ys = rng.poisson(1.0, 400).astype(float), rng.poisson(1.0, (800, 400)).astype(float)
    subject = np.arange(400)
    assert bn.npde_of_arrays(y, ys, subject).tests.loc[("NPD", "global"), "p_adjusted"] < 1e-6
    found = bn.npde_of_arrays(y, ys, subject, ties="random", seed=1)
    assert found.tests.loc[("NPD", "global"), "p_adjusted"] > 0.05


def test_a_singular_covariance_is_said():
    y, ys, subject = replicates(5, subjects=2)
    ys[:, 1] = ys[:, 0]
    with pytest.warns(RuntimeWarning, match="subject 0"):
        found = bn.npde_of_arrays(y, ys, subject)
    assert found.table.NPDE.notna().all()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"decorrelation": "qr"}, "cholesky, inverse, polar"),
        ({"censoring": "half"}, "cdf, omit"),
        ({"ties": "yes"}, "count, random"),
        ({"censoring": "ipred", "censored": [1, 0, 0, 0] * 3}, "individual predictions"),
    ],
)
def test_wrong_words_are_refused(arguments, said):
    with pytest.raises(bn.ModelError, match=said):
        bn.npde_of_arrays(
            np.ones(12), np.random.default_rng(1).normal(size=(20, 12)), np.arange(12), **arguments
        )


def test_too_few_replicates_are_refused():
    with pytest.raises(bn.ModelError, match="more than 4 replicates"):
        bn.npde_of_arrays(np.ones(4), np.ones((4, 4)), np.zeros(4))


def test_a_fit_has_errors_with_its_rows(small_fit):
    found = bn.npde(small_fit, draws=150, seed=1)
    assert found.table.columns.tolist()[-4:] == ["EPRED", "EWRES", "NPD", "NPDE"]
    assert abs(found.table.NPDE.mean()) < 0.4 and 0.6 < found.table.NPDE.std() < 1.4
    assert "NPDE of cp" in repr(found)
