"""Calibration keeps everything, goes on where it stopped, and finds what is wrong."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import bayes_nlmem as bn
from bayes_nlmem.checks import simulation_based as module
from bayes_nlmem.checks.replication import PROBABILITIES
from bayes_nlmem.checks.simulated_events import ends_of_follow_up, with_times


def made(number, *, wrong=False):
    rng = np.random.default_rng(number)
    truth = rng.normal()
    data = truth + rng.normal()
    mean, sd = data / 2 + (0.7 if wrong else 0), np.sqrt(0.5)
    draws = rng.normal(mean, sd, 400)
    one = {"truth": truth, "rank": int((draws[:99] < truth).sum()), "mean": draws.mean(), "sd": draws.std()}
    one["quantiles"] = np.quantile(draws, PROBABILITIES).tolist()
    return {"replicate": number, "status": "ok", "quantities": {"mu": one}, "divergences": 0}


def calibration(n=200, **options):
    return bn.Calibration({"model": "normal", "ranks": 99}, tuple(made(k, **options) for k in range(n)))


def test_a_right_posterior_passes():
    [row] = calibration().table().to_dict("records")
    assert row["p_value"] > 0.05 and abs(row["z_mean"]) < 0.2 and abs(row["z_sd"] - 1) < 0.15
    assert 84 < row["coverage_90"] < 96 and abs(row["contraction"] - 0.5) < 0.15


def test_a_shifted_posterior_is_found():
    found = calibration(wrong=True)
    assert found.table().loc["mu", "p_value"] < 1e-6 and found.table().loc["mu", "z_mean"] > 0.7
    assert "1 leave the band" in repr(found)
    assert abs(found.recovery().loc["mu", "bias"] - 0.7) < 0.15


def test_chains_that_did_not_mix_are_named():
    rows = [{**made(k), "ess": 150.0 if k != 7 else 1.4} for k in range(20)]
    found = bn.Calibration({"model": "normal", "ranks": 99}, tuple(rows))
    assert [one["replicate"] for one in found.unmixed] == [7]
    assert "median 150, least 1" in repr(found) and "fewer than 10 in replicates 7" in repr(found)
    assert "did not mix" not in repr(bn.Calibration(found.settings, tuple(rows[:7])))


def test_a_mean_that_is_not_finite_is_read_again(tmp_path):
    one = made(0)
    one["quantities"]["mu"]["mean"] = np.inf
    saved = bn.Calibration({"model": "normal", "ranks": 99}, (one, made(1)))
    again = bn.load_calibration(saved.save(tmp_path / "sbc.json")).table()
    assert again.loc["mu", "n"] == 2 and np.isnan(again.loc["mu", "z_mean"])


def test_it_is_written_and_read_again(tmp_path):
    found = calibration(20)
    again = bn.load_calibration(found.save(tmp_path / "sbc.json", command="python sbc.py"))
    np.testing.assert_allclose(again.table(), found.table(), rtol=2e-2, atol=1e-3)
    assert json.loads((tmp_path / "sbc.json").read_text())["command"] == "python sbc.py"


@pytest.fixture
def fake(monkeypatch):
    """Replicates without sampling; number 3 fails."""
    asked = []

    def replicate(plan, number):
        asked.append(number)
        return made(number) if number != 3 else {"replicate": 3, "status": "FitError: no start"}

    monkeypatch.setattr(module, "replicate", replicate)
    return asked


STUDY = bn.zoo.load("theophylline")


def test_it_goes_on_where_it_stopped(fake, tmp_path):
    options = {"store": tmp_path / "store", "progress": False}
    bn.sbc(STUDY.model, STUDY.data, n=5, **options)
    found = bn.sbc(STUDY.model, STUDY.data, n=8, **options)
    assert fake == list(range(8)) and len(found.replicates) == 8
    assert [one["replicate"] for one in found.failed] == [3]
    assert "replicates 3: FitError: no start" in repr(found)
    assert len(bn.load_calibration(tmp_path / "store").replicates) == 8
    with pytest.raises(bn.BayesNlmemError, match="differs in draws"):
        bn.sbc(STUDY.model, STUDY.data, n=8, draws=500, **options)


def test_any_executor_gives_the_same(fake, tmp_path):
    with ThreadPoolExecutor(2) as pool:
        found = bn.sbc(STUDY.model, STUDY.data, n=6, executor=pool, progress=False)
    alone = bn.sbc(STUDY.model, STUDY.data, n=6, progress=False)
    assert found.table().equals(alone.table())


def test_settings_out_of_range_are_refused():
    with pytest.raises(bn.BayesNlmemError, match="draws x chains = 50"):
        bn.sbc(STUDY.model, STUDY.data, n=1, draws=50)


def test_times_of_events_that_cannot_be_drawn_are_refused_before_anything_is_run():
    study = bn.zoo.load("lung")
    scale = bn.TimeToEvent(bn.ExponentialHazard(), repeated=True)
    with pytest.raises(bn.ModelError, match=r"repeated events \(scale\)"):
        bn.sbc(replace(study.model, residuals={"scale": scale}), study.data, n=2)
    frame = study.data.table[["ID", "TIME", "DV", "EVID", "MDV"]]
    more = pd.concat([frame, frame.iloc[[3]].assign(TIME=1e4)]).sort_values(["ID", "TIME"], kind="stable")
    with pytest.raises(bn.ModelError, match="other records of scale in subject 2"):
        bn.sbc(study.model, bn.read(more), n=2)


def test_a_drawn_event_or_the_end_of_the_follow_up_is_the_last_row():
    rows = [(1, 0, 0), (1, 5, 1), (2, 0, 0), (2, 3, 0), (3, 0, 0), (3, 9, 1)]
    data = bn.read(pd.DataFrame(rows, columns=["ID", "TIME", "DV"]))
    ends = ends_of_follow_up(data)
    assert ends.tolist() == [9, 3, 9]
    made = with_times(data, np.arange(6), np.array([7.0, 3.5, 9.5]), ends).table
    assert made["TIME"].tolist() == [0, 7, 0, 3, 0, 9]
    assert made["DV"].tolist() == [0, 1, 0, 0, 0, 0]


@pytest.mark.slow
def test_times_to_an_event_are_drawn_and_learnt():
    study = bn.zoo.load("lung")
    found = bn.sbc(study.model, study.data, n=8, draws=150, tune=150, ranks=49, progress=False)
    assert not found.failed and found.table()["p_value"].min() > 1e-3
    assert np.all(np.abs(found.table()["z_mean"]) < 4 / np.sqrt(8))


def test_a_calibration_of_failures_only_says_why_and_has_an_empty_table():
    failed = {"replicate": 0, "status": "ModelError: the model does not fit the data"}
    calibration = bn.Calibration({"model": "m", "ranks": 9}, (failed,))
    assert "does not fit the data" in repr(calibration)
    assert calibration.table().empty


@pytest.mark.slow
def test_replicates_do_not_depend_on_their_number_or_place(tmp_path):
    options = {"draws": 60, "tune": 150, "ranks": 19, "progress": False}
    two = bn.sbc(STUDY.model, STUDY.data, n=2, **options)
    one = bn.sbc(STUDY.model, STUDY.data, n=1, **options)
    assert (
        one.replicates[0]["quantities"]["CL_pop"]["truth"]
        == two.replicates[0]["quantities"]["CL_pop"]["truth"]
    )
    assert not two.failed
    assert {"CL_pop", "corr_CL_V", "sigma_cp_add", "KA[1]", "log-likelihood"} <= set(two.names)
    assert bn.plot_calibration(two) is not None and bn.plot_recovery(two) is not None


@pytest.mark.slow
def test_on_a_dask_cluster(tmp_path):
    distributed = pytest.importorskip("distributed", reason="dask's distributed is not installed")
    with (
        distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        found = bn.sbc(
            STUDY.model,
            STUDY.data,
            n=2,
            executor=client.get_executor(),
            store=tmp_path / "store",
            draws=60,
            tune=150,
            ranks=19,
            progress=False,
        )
    assert len(found.succeeded) == 2
