"""Forecasts of real patients that the population has not seen: intervals hold what they promise."""

import numpy as np
import pytest

import bayes_nlmem as bn


@pytest.mark.slow
@pytest.mark.parametrize("half", [0, 1])
@pytest.mark.parametrize("study", ["phenobarbital", "warfarin_pk"])
def test_half_of_the_subjects_foretell_the_other_half(study, half):
    """Learnt from every other subject; the others' values, each from the subject's earlier ones."""
    found = bn.zoo.load(study)
    ids = list(found.data.subjects)
    learnt = bn.saem(found.model, bn.subset(found.data, ids[half::2]), priors=True, seed=1, progress=False)
    check = bn.forecast_check(learnt, bn.subset(found.data, ids[1 - half :: 2]), seed=1)
    whole = check.summary().iloc[-1]
    # Forecasts are independent if the model is right; what is learnt from half a study is not all of it.
    assert abs(whole["COVERED_90"] - 90) < 3.5 * 100 * np.sqrt(0.09 / whole["N"])
    assert abs(whole["COVERED_50"] - 50) < 3.5 * 100 * np.sqrt(0.25 / whole["N"])
