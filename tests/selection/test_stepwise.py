"""The search follows its rule, goes on where it stopped, and finds what plots of EBEs miss."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import bayes_nlmem as bn
from bayes_nlmem.selection import stepwise
from bayes_nlmem.selection.submodels import Submodel, Submodels
from tests.selection.sparse_study import TRUTH, sparse_study

GAIN = {"CL_WT": 20.0, "CL_CRCL": 12.0, "V_SEX": 5.0, "CL_AGE": 1.0}


@pytest.fixture(scope="module")
def study():
    return sparse_study(n=20)


@pytest.fixture
def pretended(monkeypatch):
    """Submodels whose -2LL is known, so that nothing is compiled; counts the evaluations."""
    made = []

    def evaluate(self, included, parent=None):
        made.append(tuple(included))
        value = 500.0 - sum(GAIN.get(name, 0.2) for name in included)
        parameters = 5 + len(included)
        bicc = value + parameters * np.log(20)
        return Submodel(tuple(sorted(included)), value, 0.1, parameters, bicc, {}, (0.0,), (0.0,))

    monkeypatch.setattr(stepwise.Submodels, "evaluate", evaluate)
    return made


def test_forward_then_backward(study, pretended):
    found = bn.search_covariates(*study, progress=False)
    assert {relation.name for relation in found.selected} == {"CL_WT", "CL_CRCL"}
    log = found.steps
    assert list(log.loc[log["chosen"], "relation"]) == ["", "CL_WT", "CL_CRCL", "V_SEX", "V_SEX"]
    assert log.iloc[-1]["direction"] == "backward"
    assert set(found.model.parameters["CL"].covariates) == {"WT", "CRCL"}
    assert "V_SEX" in repr(found)


def test_the_corrected_bic_decides_if_asked(study, pretended):
    found = bn.search_covariates(*study, criterion="bicc", progress=False)
    assert {relation.name for relation in found.selected} == {"CL_WT", "CL_CRCL", "V_SEX"}


def test_a_search_goes_on_from_its_journal(study, pretended, tmp_path):
    path = tmp_path / "search.jsonl"
    first = bn.search_covariates(*study, journal=path, progress=False)
    count = len(pretended)
    again = bn.search_covariates(*study, journal=path, progress=False)
    assert len(pretended) == count
    assert again.steps.equals(first.steps)
    with path.open("a") as file:
        file.write('{"included": ["CL_')  # a crash in the middle of a line
    bn.search_covariates(*study, journal=path, progress=False)
    with pytest.raises(bn.FitError, match="another"):
        bn.search_covariates(*study, journal=path, seed=2, progress=False)


def test_candidates_may_be_evaluated_elsewhere(study, pretended):
    alone = bn.search_covariates(*study, progress=False)
    with ThreadPoolExecutor(2) as executor:
        together = bn.search_covariates(*study, executor=executor, progress=False)
    assert together.steps.equals(alone.steps)


def test_what_travels_to_another_process_is_the_recipe(study):
    submodels = Submodels(*study, bn.relations(*study), "saem", 1)
    there = pickle.loads(pickle.dumps(submodels))
    assert there.model == submodels.model and there.candidates == submodels.candidates
    assert there.data.digest == submodels.data.digest


def test_settings_are_checked(study):
    for wrong in ({"criterion": "aic"}, {"method": "foce"}, {"forward": 0}, {"backward": 1.5}):
        with pytest.raises(bn.FitError, match=next(iter(wrong))):
            bn.search_covariates(*study, **wrong)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_search_finds_what_plots_of_ebes_miss(seed):
    """WT and SEX hide each other on V, which is shrunk; AGE and SEX seem to act on CL, and do not."""
    model, data = sparse_study(seed=seed)
    base = bn.saem(model, data, seed=1, likelihood=False, progress=False)
    signals = bn.covariate_signals(base).set_index(["parameter", "covariate"])
    assert signals.loc[("V", "SEX"), "shrinkage"].item() > 30
    on_v = [signals.loc[("V", covariate), "ebe_p"].item() for covariate in ("WT", "SEX")]
    assert max(on_v) > 0.05  # at least one true relation does not show
    for covariate in ("AGE", "SEX"):
        assert signals.loc[("CL", covariate), "ebe_p"].item() < 0.01  # two that are not there do
    found = bn.search_covariates(model, data, method="laplace", progress=False)
    assert {relation.name for relation in found.selected} == TRUTH
