"""A run that is written to disk survives its process, and is not made twice."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import bayes_nlmem as bn
from bayes_nlmem.learning.run_folder import find_run, join_parts

SHORT = {"draws": 40, "tune": 100, "chains": 2, "seed": 4, "progress": False}
ENDLESS = """
import bayes_nlmem as bn
study = bn.zoo.load("theophylline")
settings = {{"draws": 4000, "tune": 100, "chains": 2, "cores": 2, "seed": 4, "progress": False}}
bn.fit(study.model, study.data, store={folder!r}, **settings)
"""


@pytest.fixture(scope="module")
def study():
    return bn.zoo.load("theophylline")


@pytest.fixture(scope="module")
def finished(study, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "run"
    return folder, bn.fit(study.model, study.data, store=folder, **SHORT)


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """The folder of a run whose process was killed when both chains had draws."""
    folder = tmp_path_factory.mktemp("runs") / "killed"
    process = subprocess.Popen([sys.executable, "-c", ENDLESS.format(folder=str(folder))])
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline:
        chunks = folder.glob("part-0/posterior/unconstrained/c/*/4")
        if len(list(chunks)) == 2:
            break
        assert process.poll() is None, "the run ended by itself"
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    return folder


@pytest.mark.slow
def test_a_stored_run_has_the_draws_of_one_that_is_not(study, finished):
    plain = bn.fit(study.model, study.data, **SHORT)
    assert finished[1].draws["posterior"].equals(plain.draws["posterior"])


@pytest.mark.slow
def test_the_same_call_loads_the_finished_run(study, finished, capsys):
    folder, first = finished
    again = bn.fit(study.model, study.data, store=folder, **{**SHORT, "progress": True})
    assert "finished" in capsys.readouterr().err
    assert again.draws["posterior"].equals(first.draws["posterior"])
    assert again.record == first.record
    assert not list(folder.glob("part-*"))


@pytest.mark.slow
def test_another_run_is_refused_and_the_difference_named(study, finished):
    folder, _ = finished
    with pytest.raises(bn.FitError, match="draws 40 there, 50 asked"):
        bn.fit(study.model, study.data, store=folder, **{**SHORT, "draws": 50})
    with pytest.raises(bn.FitError, match="another model"):
        bn.fit(study.model.with_parameter("KA", iiv=0), study.data, store=folder, **SHORT)
    with pytest.raises(bn.FitError, match="other data"):
        bn.fit(study.model, bn.subset(study.data, [1, 2, 3]), store=folder, **SHORT)


def test_only_nutpie_writes_while_it_samples(study, tmp_path):
    with pytest.raises(bn.FitError, match="nutpie"):
        bn.fit(study.model, study.data, sampler="pymc", store=tmp_path / "run")


def test_a_folder_without_a_run_is_refused(tmp_path):
    for ask in (bn.resume, bn.peek):
        with pytest.raises(bn.FitError, match="without run.json"):
            ask(tmp_path)


@pytest.mark.slow
def test_a_killed_run_goes_on_from_its_last_draws(killed):
    run = find_run(killed)
    before = join_parts(run.part_paths, 4000)["posterior"]["unconstrained"].values
    kept = np.isfinite(before).all(axis=2).sum(axis=1)
    assert kept.min() >= 64

    glimpse = bn.peek(killed)
    assert glimpse.draws["posterior"].sizes["draw"] == kept.min()

    content = (killed / "run.json").read_text()  # fewer draws, so that the test ends
    wanted = int(kept.max()) + 50
    (killed / "run.json").write_text(content.replace('"draws": 4000', f'"draws": {wanted}'))
    fit = bn.resume(killed, progress=False)
    assert fit.draws["posterior"].sizes["draw"] == wanted
    assert fit.record.parts == 2
    first = glimpse.draws["posterior"]["CL_pop"].values
    assert np.array_equal(fit.draws["posterior"]["CL_pop"].values[:, : kept.min()], first)


@pytest.mark.slow
def test_a_folder_in_use_is_refused(study, finished, monkeypatch):
    folder, _ = finished
    run = find_run(folder)
    (folder / "running").write_text(f"{__import__('platform').node()} {os.getppid()}")
    from bayes_nlmem.learning.run_folder import claimed

    with pytest.raises(bn.FitError, match="still at it"), claimed(run):
        pass
    (folder / "running").unlink()
